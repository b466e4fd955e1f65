"""The maps of gradients, block by block: of all fields side by side, with the fields themselves where asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Callable, Optional

import numpy as np

from ..core.grid import Block, RasterGrid
from ..core.kriging.estimate import Reason
from ..core.kriging.gradient import FittedGradient, GradientEstimate
from .drift_slopes import DriftAround
from .identity import tr
from .kriged_maps import ESTIMATE, KRIGING_VARIANCE, tell_empty

GRADIENT, GRADIENT_VARIANCE, FLUX = "GRADIENT", "GRADIENT_VARIANCE", "FLUX"
AXES = ("dE", "dN", "dZ")


def wants_estimate(wanted: Collection[str]) -> bool:
    """Whether the fields themselves are wanted besides their gradients."""
    return ESTIMATE in wanted or KRIGING_VARIANCE in wanted


class GradientMaps:
    """Makes the maps of the gradients of some fields, and counts what is worth telling.

    Parameters
    ----------
    groups : sequence of FittedGradient
        Fields that share a system; of one field each where the fields themselves are wanted, too.
    scales : sequence of float
        By what the variances of each field are multiplied.
    grid : RasterGrid
    wanted : collection of str
        Outputs to be written; the others may be left out.
    diffusivity : float, optional
        Of the flux.
    drift : DriftAround, optional
    mask : callable, optional
        From a `Block` to which of its cells count, shape (n_cells,).
    """

    def __init__(
        self,
        groups: Sequence[FittedGradient],
        scales: Sequence[float],
        grid: RasterGrid,
        *,
        wanted: Collection[str],
        diffusivity: Optional[float],
        drift: Optional[DriftAround] = None,
        mask: Optional[Callable[[Block], np.ndarray]] = None,
    ) -> None:
        self._groups, self._scales, self._grid = groups, np.asarray(scales), grid
        self._with_variance, self._with_estimate = GRADIENT_VARIANCE in wanted, wants_estimate(wanted)
        self._diffusivity, self._drift, self._mask = diffusivity, drift, mask
        self._reasons = np.zeros(len(Reason), dtype=int)
        self._n_dimensions = len(grid.cell_sides)

    def bands(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Return what the bands of each output are called, for fields of these names."""
        slopes = tuple("d {}/" + axis for axis in AXES[: self._n_dimensions])
        forms = {
            GRADIENT: (*slopes, tr("{} magnitude"), tr("{} azimuth")),
            GRADIENT_VARIANCE: tuple(tr("{} variance").format(slope) for slope in slopes),
            FLUX: (tr("{} flux east"), tr("{} flux north"), tr("{} flux up"))[: self._n_dimensions],
            ESTIMATE: ("{}",),
            KRIGING_VARIANCE: (tr("{} kriging variance"),),
        }
        return {output: [form.format(name) for name in names for form in some] for output, some in forms.items()}

    def of(self, block: Block) -> dict[str, np.ndarray]:
        """Return each output of a block, shape (n_cells, n_bands); variances and estimates where wanted."""
        drift = None if self._drift is None else self._drift.block(block)
        arguments = self._grid, block, self._grid.cell_sides, self._with_variance, drift
        if self._with_estimate:
            estimates, found = zip(*(group.predict_grid_with_estimate(*arguments) for group in self._groups))
        else:
            estimates, found = (), [group.predict_grid(*arguments) for group in self._groups]
        # Fields differ neither in their samples nor in their drift: what empties one empties all.
        reasons = found[0].reason
        if reasons.any():
            counted = reasons if self._mask is None else reasons[self._mask(block)]
            self._reasons += np.bincount(counted, minlength=len(Reason))
        fluxes = [part.flux(self._diffusivity) for part in found]
        maps = {
            GRADIENT: np.column_stack([as_columns(part) for part in found]),
            FLUX: np.column_stack([flux.reshape(len(flux), -1) for flux in fluxes]),
        }
        if self._with_variance:
            variances = np.column_stack([np.tile(part.variance, part.gradient.shape[1]) for part in found])
            maps[GRADIENT_VARIANCE] = variances * np.repeat(self._scales, self._n_dimensions)
        if estimates:
            maps[ESTIMATE] = np.column_stack([part.estimate for part in estimates])
            maps[KRIGING_VARIANCE] = np.column_stack([part.kriging_variance for part in estimates]) * self._scales
        return maps

    def tell(self, feedback) -> None:
        """Tell why cells are empty."""
        tell_empty(self._reasons, feedback, is_gradient=True)


def as_columns(found: GradientEstimate) -> np.ndarray:
    """Return east, north[, up], magnitude and azimuth of each field side by side."""
    columns = [*np.moveaxis(found.gradient, 2, 0), found.magnitude, found.azimuth]
    return np.stack(columns, axis=2).reshape(len(found.gradient), -1)
