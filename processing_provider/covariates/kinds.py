"""The kinds of covariates, and which of them are found together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

import numpy as np

from ...core.features.covariate_origins import ELEVATION, POLYGONS, RASTER
from ...core.features.gradients import FieldGradients
from ..polygons import PolygonCodes, PolygonSource, polygon_codes
from ..rasters import RasterSource, read_window

MOST_CLASSES = 20
"""A covariate with whole numbers only, and at most so many different ones, is taken as categorical."""
MOST_CODES = 200
"""One with at most so many may hold codes all the same, and somebody should say so."""
ROWS_LOOKED_AT = 512
_HAIR = 1e-9
Origin = Optional[Mapping[str, Any]]


@dataclass(frozen=True)
class RasterBand:
    """A band of a raster."""

    name: str
    source: RasterSource
    number: int
    is_categorical: bool = False

    @property
    def unit(self) -> str:
        """Unit of the band, "" when unknown."""
        dataset = self.source.open()  # a band does not keep its dataset alive
        return dataset.GetRasterBand(self.number).GetUnitType()

    @property
    def origin(self) -> Origin:
        """What a model says about it."""
        return {"kind": RASTER, "unit": self.unit} if self.unit else None

    def looks_categorical(self, most: int = MOST_CLASSES) -> bool:
        """Whether there are whole numbers only, and at most so many different ones."""
        dataset = self.source.open()
        band = dataset.GetRasterBand(self.number)
        classes: set[float] = set()
        for row in np.unique(np.linspace(0, band.YSize - 1, min(band.YSize, ROWS_LOOKED_AT)).astype(int)):
            values = np.unique(read_window(band, 0, int(row), band.XSize, 1, self.name))
            classes.update(values[np.isfinite(values)].tolist())
            if not _are_classes(classes, most):
                return False
        return bool(classes)


@dataclass(frozen=True)
class PolygonField:
    """An attribute of polygons."""

    name: str
    codes: PolygonCodes
    is_categorical: bool = True

    @property
    def origin(self) -> Origin:
        """What a model says about it."""
        classes = {} if self.codes.classes is None else {"classes": list(self.codes.classes)}
        return {"kind": POLYGONS, "field": self.codes.field, **classes}

    def looks_categorical(self, most: int = MOST_CLASSES) -> bool:
        """Whether it is text, or few whole numbers."""
        return self.codes.classes is not None or _are_classes(
            self.codes.source.values(self.codes.field), most
        )


@dataclass(frozen=True)
class PlaceElevation:
    """The elevation of the place itself."""

    name: str = ELEVATION
    is_categorical: bool = False

    @property
    def origin(self) -> Origin:
        """What a model says about it."""
        return {"kind": ELEVATION}

    def looks_categorical(self, most: int = MOST_CLASSES) -> bool:
        """Never."""
        return False


@dataclass(frozen=True)
class LevelBands:
    """A quantity of a block model, a band a level: between levels it is interpolated, beyond them unknown.

    Parameters
    ----------
    name : str
    source : RasterSource
    elevations : tuple of float
        Ascending.
    numbers : tuple of int
        Band of each elevation.
    """

    name: str
    source: RasterSource
    elevations: tuple[float, ...]
    numbers: tuple[int, ...]
    is_categorical: bool = False
    origin: Origin = None

    def looks_categorical(self, most: int = MOST_CLASSES) -> bool:
        """Never: codes cannot be interpolated."""
        return False

    def between(self, elevations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the index of the level below and the share of the one above it, NaN beyond the levels."""
        levels = np.array(self.elevations)
        lower = np.clip(np.searchsorted(levels, elevations, side="right") - 1, 0, max(len(levels) - 2, 0))
        upper = np.minimum(lower + 1, len(levels) - 1)
        gap = np.where(upper > lower, levels[upper] - levels[lower], 1.0)
        share = (elevations - levels[lower]) / gap
        return lower, np.where((share >= -_HAIR) & (share <= 1 + _HAIR), np.clip(share, 0.0, 1.0), np.nan)

    def mixed(self, elevations: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the values at elevations from those on all levels, shape (n, n_levels)."""
        lower, share = self.between(elevations)
        rows = np.arange(len(values))
        below, above = values[rows, lower], values[rows, np.minimum(lower + 1, len(self.elevations) - 1)]
        # A level without a value does no harm where it has no weight.
        return np.where(share == 0, below, np.where(share == 1, above, (1 - share) * below + share * above))


@dataclass(frozen=True)
class Projected:
    """A weighted sum over the bands of a raster: a principal component of spectra."""

    name: str
    source: RasterSource
    origin: Mapping[str, Any]
    is_categorical: bool = False

    def looks_categorical(self, most: int = MOST_CLASSES) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, eq=False)
class FieldGradient:
    """The gradient of a field measured at the samples of a model, kriged from these.

    Parameters
    ----------
    name : str
    gradients : FieldGradients
        Shared by all such covariates of a model.
    """

    name: str
    gradients: FieldGradients
    is_categorical: bool = False

    @property
    def origin(self) -> Origin:
        """What a model says about it."""
        return self.gradients.origins[self.gradients.covariate_names.index(self.name)]

    def looks_categorical(self, most: int = MOST_CLASSES) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, eq=False)
class SampleColumn:
    """A field of the samples, known elsewhere by a raster of its name.

    Parameters
    ----------
    name : str
    values : ndarray, shape (n_points,)
        One for each feature that has a place.
    """

    name: str
    values: np.ndarray
    is_categorical: bool = False
    origin: Origin = None

    def looks_categorical(self, most: int = MOST_CLASSES) -> bool:
        """Whether there are few whole numbers only."""
        return _are_classes(self.values[np.isfinite(self.values)], most)


Covariate = Union[RasterBand, LevelBands, PolygonField, PlaceElevation, Projected, FieldGradient, SampleColumn]


def polygon_fields(sources: Sequence[PolygonSource], fields: Sequence[str]) -> list[PolygonField]:
    """Return the covariates that polygon layers give; see `polygons.polygon_codes`."""
    return [PolygonField(name, codes) for name, codes in polygon_codes(sources, fields).items()]


def gradients_of(members: Sequence[Covariate]) -> list[tuple[list[int], FieldGradients]]:
    """Return the gradients of fields with their columns, all together; empty for none."""
    own = {member.name: (i, member.gradients) for i, member in enumerate(members) if isinstance(member, FieldGradient)}
    if not own:
        return []
    gradients = next(iter(own.values()))[1]
    return [([own[name][0] for name in gradients.covariate_names], gradients)]


def projections_of(members: Sequence[Covariate]) -> list[tuple[list[int], list[Projected]]]:
    """Return the projections with their columns, those of one raster about one mean together."""
    groups: dict[tuple, tuple[list[int], list[Projected]]] = {}
    for i, member in enumerate(members):
        if isinstance(member, Projected):
            columns, own = groups.setdefault((member.source.path, tuple(member.origin["mean"])), ([], []))
            columns.append(i)
            own.append(member)
    return list(groups.values())


def loadings_of(members: Sequence[Projected]) -> np.ndarray:
    """Return the weights of the bands, shape (n_bands, n_members)."""
    return np.column_stack([member.origin["loadings"] for member in members])


def _are_classes(values: Iterable[float], most: int) -> bool:
    """Whether values are whole numbers, and few."""
    different = np.unique(np.array(list(values), dtype=float))
    return 0 < len(different) <= most and bool((different == np.round(different)).all())
