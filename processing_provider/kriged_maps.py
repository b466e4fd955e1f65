"""The maps of kriging, block by block: from estimates on the variogram's scale to data units, and what they tell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np

from ..core.grid import Block, RasterGrid
from ..core.kriging.back_transform import BackTransform
from ..core.kriging.drift import DriftClasses
from ..core.kriging.estimate import KrigingEstimate, Reason
from ..core.kriging.functionals import BlockSize
from ..core.kriging.log_blocks import block_moments, block_quantile
from ..core.kriging.ordinary import FittedKriging
from .applicability import APPLICABILITY, ApplicabilityMap, applicability_bands
from .covariates.on_grid import CovariateGrid
from .identity import tr

ESTIMATE, KRIGING_VARIANCE, QUANTILES, DIAGNOSTICS = "ESTIMATE", "KRIGING_VARIANCE", "QUANTILES", "DIAGNOSTICS"


@dataclass(frozen=True)
class DriftMap:
    """Drift rasters on the grid, with the classes among them as the samples know them."""

    rasters: CovariateGrid
    classes: DriftClasses


class KrigedMaps:
    """Makes the maps of one field, and counts what is worth telling.

    Parameters
    ----------
    kriging : FittedKriging
        Of values on the variogram's scale.
    way_back : BackTransform
        From there to data units.
    grid : RasterGrid
    wanted : collection of str
        Outputs to be written; the others may be left out.
    levels : tuple of float
        Of the quantiles.
    support : BlockSize, optional
        The block whose mean is estimated; None: the value at the cell's centre.
    drift : DriftMap, optional
    mask : callable, optional
        From a `Block` to which of its cells count, shape (n_cells,).
    area : ApplicabilityMap, optional
    """

    def __init__(
        self,
        kriging: FittedKriging,
        way_back: BackTransform,
        grid: RasterGrid,
        *,
        wanted: Collection[str],
        levels: tuple[float, ...] = (),
        support: Optional[BlockSize] = None,
        drift: Optional[DriftMap] = None,
        mask: Optional[Callable[[Block], np.ndarray]] = None,
        area: Optional[ApplicabilityMap] = None,
    ) -> None:
        self._kriging, self._way_back, self._grid = kriging, way_back, grid
        self._wanted, self._levels, self._support = wanted, levels, support
        self._drift, self._mask, self._area = drift, mask, area
        self._watch = Watch(kriging.values)

    def bands(self, field: str) -> dict[str, list[str]]:
        """Return what the bands of each output are called."""
        return {
            ESTIMATE: [field],
            KRIGING_VARIANCE: [tr("{} kriging variance").format(field)],
            QUANTILES: [tr("{field} quantile {level:g}").format(field=field, level=level) for level in self._levels],
            APPLICABILITY: applicability_bands(),
            DIAGNOSTICS: [
                tr("standard deviation"),
                tr("Lagrange multiplier"),
                tr("sum of positive weights"),
                tr("slope of regression"),
                tr("kriging efficiency"),
                tr("number of neighbours"),
                tr("why empty"),
            ],
        }

    def of(self, block: Block) -> dict[str, np.ndarray]:
        """Return each output of a block, shape (n_cells,) or (n_cells, n_bands)."""
        covariates = None if self._drift is None else self._drift.rasters.block(block)
        at_cells = None if covariates is None else self._drift.classes.columns(covariates)
        result = self._kriging.predict_grid(self._grid, block, at_cells, self._support)
        here = None if self._mask is None else self._mask(block)
        self._watch.see(result if here is None else result.rows(here))
        maps = self._in_data_units(block, result, at_cells)
        if self._area is not None:
            maps[APPLICABILITY] = self._area.of(self._grid.centers(block), covariates, here)
        if DIAGNOSTICS in self._wanted:
            positive = self._kriging.positive_weights(self._grid.centers(block), at_cells, self._support)
            maps[DIAGNOSTICS] = np.column_stack(
                [
                    result.kriging_std,
                    result.lagrange_multiplier,
                    positive,
                    result.regression_slope,
                    result.efficiency,
                    result.n_neighbors,
                    result.reason,
                ]
            )
        return maps

    def _in_data_units(
        self, block: Block, result: KrigingEstimate, at_cells: Optional[np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Return estimate, variance and quantiles."""
        kind = self._way_back.transform.kind
        if self._support is not None and kind != "none":
            # The mean of a block of logarithms is not found from the block's logarithm.
            estimate, variance = block_moments(
                self._kriging,
                self._way_back,
                self._grid.centers(block),
                self._support,
                at_cells,
                KRIGING_VARIANCE in self._wanted or bool(self._levels),
            )
            quantiles = [block_quantile(level, estimate, variance, kind) for level in self._levels]
        else:
            estimate, variance = self._way_back.moments(
                result.estimate, result.kriging_variance, result.smoothing_variance
            )
            quantiles = [
                self._way_back.quantile(level, result.estimate, result.kriging_variance) for level in self._levels
            ]
        maps = {ESTIMATE: estimate, KRIGING_VARIANCE: variance}
        if quantiles:
            maps[QUANTILES] = np.column_stack(quantiles)
        return maps

    def tell(self, feedback) -> None:
        """Tell what was counted."""
        self._watch.tell(feedback)
        if self._area is not None:
            self._area.tell(feedback)


class Watch:
    """What is worth telling about kriged cells, counted while they are kriged.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
        On the scale of the variogram.
    """

    def __init__(self, values: np.ndarray) -> None:
        spread = np.ptp(values)
        self._low, self._high = values.min() - spread, values.max() + spread
        self._n_beyond = 0
        self._reasons = np.zeros(len(Reason), dtype=int)

    def see(self, result: KrigingEstimate) -> None:
        """Count some cells."""
        self._reasons += np.bincount(result.reason, minlength=len(Reason))
        self._n_beyond += int(((result.estimate < self._low) | (result.estimate > self._high)).sum())

    def tell(self, feedback) -> None:
        """Say why cells are empty, and how many estimates leave what the samples know."""
        tell_empty(self._reasons, feedback)
        if self._n_beyond:
            feedback.pushWarning(
                tr(
                    "{} cells are estimated beyond the samples' smallest or largest value by more than their range. "
                    "A smooth variogram (gaussian, cubic) without nugget overshoots like that between close samples, "
                    "and a trend far from them: use a nugget, another model, or a smaller extent."
                ).format(self._n_beyond)
            )


def tell_empty(counts: np.ndarray, feedback, is_gradient: bool = False) -> None:
    """Say why cells are empty.

    Parameters
    ----------
    counts : ndarray of int, shape (n_reasons,)
        Cells of each `Reason`.
    feedback : QgsProcessingFeedback
    is_gradient : bool
        Whether they want the drift beside them, too.
    """
    if is_gradient:
        unknown = tr("{} cells are empty because a drift raster has no value there, or none on both sides of them.")
    else:
        unknown = tr("{} cells are empty because a drift raster has no value there.")
    words = {
        Reason.NO_NEIGHBORS: tr("{} cells are empty because no sample lies within the search radius."),
        Reason.FEW_NEIGHBORS: tr("{} cells are empty because fewer samples than asked for are in reach."),
        Reason.THIN_SECTOR: tr("{} cells are empty because a sector holds fewer samples than asked for."),
        Reason.DRIFT_UNKNOWN: unknown,
        Reason.DRIFT_NOT_SAMPLED: tr(
            "{} cells are empty because the samples do not determine the drift there: they are too few, lie on a "
            "line, or share one value of a drift raster."
        ),
        Reason.DRIFT_UNDETERMINED: tr(
            "{} cells are empty because their neighbours do not determine the drift there: take more neighbours, "
            "or its coefficients from all samples."
        ),
    }
    for reason, text in words.items():
        if counts[reason]:
            feedback.pushInfo(text.format(counts[reason]))
