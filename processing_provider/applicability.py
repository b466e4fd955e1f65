"""The raster that says where a map may be trusted, beside any map made from samples."""

from __future__ import annotations

from typing import Optional

import numpy as np

from ..core.features.applicability import Applicability
from ..core.samples import Covariates
from .identity import tr
from .parameters.outputs import raster_output

APPLICABILITY = "APPLICABILITY"


def applicability_output(by_default: bool = True):
    """Return APPLICABILITY: an optional raster."""
    return raster_output(
        APPLICABILITY,
        tr("Applicability"),
        tr(
            "GeoTIFF with the dissimilarity index (0 at a sample, 1 as far as samples are from one another), and 1 "
            "inside, 0 outside the area of applicability: outside, errors and intervals do not hold."
        ),
        optional=True,
        by_default=by_default,
    )


def applicability_bands() -> list[str]:
    """Return what the bands are called."""
    return [tr("dissimilarity index"), tr("inside the area of applicability")]


class ApplicabilityMap:
    """Maps an area of applicability block by block, and counts the cells.

    Parameters
    ----------
    area : Applicability
    """

    def __init__(self, area: Applicability) -> None:
        self._area = area
        self._n_known = self._n_inside = 0

    def of(
        self, centers: np.ndarray, covariates: Optional[Covariates], wanted: Optional[np.ndarray] = None
    ) -> np.ndarray:
        """Return the two bands at cell centres, shape (n_cells, 2); NaN where a covariate is unknown.

        `wanted`, shape (n_cells,), says which cells count; None: all.
        """
        index = self._area.dissimilarity(centers, covariates)
        known, inside = np.isfinite(index), self._area.is_inside(index)
        counted = known if wanted is None else known & wanted
        self._n_known += int(counted.sum())
        self._n_inside += int((counted & inside).sum())
        return np.column_stack([index, np.where(known, inside, np.nan)])

    def tell(self, feedback) -> None:
        """Tell the user which share of the map lies outside."""
        if self._n_known:
            text = tr("{percent:.0f} % of the map lies outside the area of applicability (index above {most:.3g}).")
            percent = 100.0 * (1.0 - self._n_inside / self._n_known)
            feedback.pushInfo(text.format(percent=percent, most=self._area.threshold))
