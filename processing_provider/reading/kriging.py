"""How kriging is to be done: its kind, neighbourhood, blocks and quantiles."""

from __future__ import annotations

from typing import Any, Optional

from ...core.errors import InputError
from ...core.grid import RasterGrid
from ...core.kriging.far_samples import EXACT_TO
from ...core.kriging.functionals import BlockSize
from ...core.kriging.log_blocks import require_known
from ...core.kriging.neighborhood import Neighborhood
from ...core.validation.methods import GLOBAL_LIMIT, LOCAL_NEIGHBORS
from ...core.variogram.file import VariogramFile
from ..identity import tr
from .values import Values


class KrigingValues(Values):
    """The parameters of kriging that need no layer."""

    def neighborhood(self, n_samples: int) -> Neighborhood:
        """Return the neighbourhood; 0 neighbours mean all, and none given those of comparisons."""
        max_neighbors = self.whole("MAX_NEIGHBORS")
        if max_neighbors is None and n_samples > GLOBAL_LIMIT:
            max_neighbors = LOCAL_NEIGHBORS
        return Neighborhood(
            max_neighbors=max_neighbors or None,
            min_neighbors=self.whole("MIN_NEIGHBORS") or 1,
            search_radius=self.number("SEARCH_RADIUS"),
            sectors={"none": None, "quadrants": 4, "octants": 8}[self.choice("SECTORS")],
            max_per_sector=self.whole("MAX_PER_SECTOR"),
            min_per_sector=self.whole("MIN_PER_SECTOR") or 0,
            max_per_hole=self.whole("MAX_PER_HOLE"),
        )

    def kriging_type(self) -> dict[str, Any]:
        """Return what the kind of kriging means to `fit_kriging`: a known mean, a trend's order, a local drift.

        Raises
        ------
        InputError
            For simple kriging without a mean.
        """
        kind = self.choice("KRIGING_TYPE")
        mean = self.number("MEAN")
        if kind == "simple" and mean is None:
            raise InputError(
                tr("Expected the known mean for simple kriging, got none. Give one, or choose ordinary kriging.")
            )
        if kind != "simple" and mean is not None:
            self.feedback.pushWarning(
                tr("A mean is given, but the kind of kriging is {}: it is not used.").format(kind)
            )
        is_local = self.choice("DRIFT_COEFFICIENTS") == "neighbours"
        if is_local and kind not in ("universal", "external_drift"):
            self.feedback.pushWarning(
                tr("Coefficients of a drift are asked for, but the kind of kriging is {}: it has none.").format(kind)
            )
        return {
            "mean": mean if kind == "simple" else None,
            "trend_order": self.whole("TREND_ORDER") if kind == "universal" else 0,
            "local_drift": is_local,
        }

    def tolerance(self, neighborhood: Neighborhood, support: Optional[BlockSize] = None) -> float:
        """Return how far maps may be off, as `fit_kriging` takes it; tell where that changes nothing."""
        asked = self.number("TOLERANCE") or 0.0
        if asked > EXACT_TO and not neighborhood.is_global:
            self.feedback.pushWarning(
                tr(
                    "The tolerance changes nothing: it is for maps from all samples, and here only the nearest are "
                    "neighbours. The map is exact."
                )
            )
        elif asked > EXACT_TO and support is not None:
            self.feedback.pushWarning(tr("The tolerance changes nothing: means of blocks are always exact."))
        return max(asked, EXACT_TO)

    def block(self, grid: RasterGrid, variogram: VariogramFile) -> Optional[BlockSize]:
        """Return the block whose mean is estimated around each cell centre, None for the value there.

        Raises
        ------
        InputError
            When the variogram is one of values whose mean over a block is not known.
        """
        side = self.number("BLOCK")
        if side is None:
            return None
        require_known(variogram.transform.kind)
        sides = (side, side, *grid.cell_sides[2:]) if side > 0 else grid.cell_sides
        return BlockSize(sides, self.whole("BLOCK_POINTS"), self.choice("BLOCK_RULE"))

    def quantile_levels(self) -> tuple[float, ...]:
        """Return the quantiles wanted.

        Raises
        ------
        InputError
            For anything but numbers between 0 and 1.
        """
        words = self.text("QUANTILE_LEVELS").replace(";", " ").replace(",", " ").split()
        try:
            levels = tuple(float(word) for word in words)
        except ValueError:
            levels = ()
        if not levels or not all(0 < level < 1 for level in levels):
            raise InputError(
                tr("Expected quantiles between 0 and 1, separated by commas (0.05, 0.5, 0.95), got {!r}.").format(
                    self.text("QUANTILE_LEVELS")
                )
            )
        return levels
