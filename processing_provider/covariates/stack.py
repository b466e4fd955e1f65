"""The covariates of a run: each named once, a quantity or classes; found again for a model, and at points."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Optional

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem

from ...core.errors import InputError
from ...core.features.covariate_origins import ELEVATION, GRADIENT, POLYGONS, PROJECTION, RASTER
from ...core.features.gradients import FieldGradients
from ...core.grid import RasterGrid
from ...core.samples import Covariates
from ..identity import tr
from ..polygons import PolygonCodes, PolygonSource
from ..rasters import RasterSource, is_same
from .kinds import (
    Covariate,
    FieldGradient,
    LevelBands,
    Origin,
    PlaceElevation,
    PolygonField,
    Projected,
    RasterBand,
    SampleColumn,
    gradients_of,
    loadings_of,
    projections_of,
)
from .on_grid import CovariateGrid


@dataclass(frozen=True)
class CovariateStack:
    """The covariates of a run, each with its own name.

    Parameters
    ----------
    members : tuple of Covariate

    Raises
    ------
    InputError
        When two have the same name.
    """

    members: tuple[Covariate, ...] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise InputError(
                tr(
                    "Covariates are known by their names, and these occur twice: {}. Rename the layers or bands."
                ).format(", ".join(twice))
            )

    @classmethod
    def of_sources(cls, sources: Sequence[RasterSource]) -> CovariateStack:
        """List every band of every raster, all as quantities."""
        members = []
        for source in sources:
            described = source.band_names()
            levels = source.levels()
            for quantity, numbers in levels.items():
                name = source.name if len(levels) == 1 else f"{source.name}: {quantity}"
                elevations = tuple(sorted(numbers))
                members.append(LevelBands(name, source, elevations, tuple(numbers[z] for z in elevations)))
            for number, description in enumerate(described if not levels else [], start=1):
                name = source.name if len(described) == 1 else f"{source.name}: {description}"
                members.append(RasterBand(name, source, number))
        return cls(tuple(members))

    def __bool__(self) -> bool:
        return bool(self.members)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(member.name for member in self.members)

    @property
    def categorical(self) -> tuple[bool, ...]:
        """Which of them hold class codes."""
        return tuple(member.is_categorical for member in self.members)

    @property
    def origins(self) -> tuple[Origin, ...]:
        """What a model says about each."""
        return tuple(member.origin for member in self.members)

    @property
    def sources(self) -> list[RasterSource]:
        """The rasters that are read, each once."""
        read = [member.source for member in self.members if isinstance(member, (RasterBand, LevelBands, Projected))]
        return list({source.path: source for source in read}.values())

    def source_in(self, crs: QgsCoordinateReferenceSystem) -> Optional[RasterSource]:
        """Return the first raster in a CRS, whose grid a map may take; None for none."""
        return next((source for source in self.sources if is_same(source.crs, crs)), None)

    def with_categorical(self, names: Optional[Iterable[str]]) -> CovariateStack:
        """Mark the covariates that hold class codes.

        Parameters
        ----------
        names : iterable of str, optional
            None looks at the values: texts, or whole numbers only, at most `MOST_CLASSES` different ones.

        Raises
        ------
        InputError
            For a name that no covariate has.
        """
        if names is None:
            names = [member.name for member in self.members if member.looks_categorical()]
        names = set(names)
        unknown = sorted(names - set(self.names))
        if unknown:
            raise InputError(
                tr(
                    "No covariate is named {unknown}; there are: {names}. Correct the names of categorical covariates."
                ).format(unknown=", ".join(unknown), names=", ".join(self.names) or tr("none"))
            )
        return CovariateStack(tuple(replace(member, is_categorical=member.name in names) for member in self.members))

    @classmethod
    def of_model(
        cls,
        trained: Covariates,
        rasters: Sequence[RasterSource],
        polygons: Sequence[PolygonSource],
        gradients: Optional[FieldGradients] = None,
    ) -> CovariateStack:
        """Find the covariates a model was trained with among layers; other layers are not used.

        Parameters
        ----------
        trained : Covariates
            Of the model's samples.
        rasters, polygons
            The layers.
        gradients : FieldGradients, optional
            Of fields that the model holds.

        Raises
        ------
        InputError
            When one is missing, naming all that are.
        """
        bands = {band.name: band for band in cls.of_sources(rasters).members}
        by_name = {source.name: source for source in rasters}
        members: list[Covariate] = []
        missing = []
        for name, flag, origin in zip(trained.names, trained.categorical, trained.origins):
            kind = RASTER if origin is None else origin["kind"]
            if kind == ELEVATION:
                members.append(PlaceElevation(name))
            elif kind == GRADIENT and gradients is not None:
                members.append(FieldGradient(name, gradients))
            elif kind == POLYGONS and origin is not None:
                codes = _polygons_of_model(name, origin, polygons)
                if codes is None:
                    missing.append(tr("{name} (polygons with the field {field})").format(name=name, **origin))
                else:
                    members.append(PolygonField(name, codes, flag))
            elif kind == PROJECTION and origin is not None:
                source = by_name.get(origin["raster"])
                if source is None:
                    missing.append(tr("{raster} (for {name})").format(name=name, **origin))
                elif len(source.band_names()) != len(origin["mean"]):
                    raise InputError(
                        tr("Expected {expected} bands in the raster {raster}, as in training, got {got}.").format(
                            expected=len(origin["mean"]), raster=source.name, got=len(source.band_names())
                        )
                    )
                else:
                    members.append(Projected(name, source, origin))
            elif name in bands:
                members.append(replace(bands[name], is_categorical=flag))
            elif len(alike := [band for band in bands.values() if _plainly(band.name) == _plainly(name)]) == 1:
                members.append(replace(alike[0], name=name, is_categorical=flag))
            else:
                missing.append(name)
        if missing:
            given = [*bands, *(source.name for source in polygons)]
            raise InputError(
                tr(
                    "The model was trained with covariates that are not among the rasters: {missing}. Expected "
                    "{names}; got {got}. Add the rasters, or rename their layers (or the bands of one) to these names."
                ).format(
                    missing=", ".join(missing), names=", ".join(trained.names), got=", ".join(given) or tr("no raster")
                )
            )
        return cls(tuple(members))

    def at(
        self,
        coordinates: np.ndarray,
        crs: Optional[QgsCoordinateReferenceSystem] = None,
        rows: Optional[np.ndarray] = None,
    ) -> Covariates:
        """Return the covariates at points.

        Parameters
        ----------
        coordinates : ndarray, shape (n_points, 2 or 3)
        crs : QgsCoordinateReferenceSystem, optional
            Of the points; None takes them to be in that of each layer.
        rows : ndarray of int or bool, optional
            Which of the samples' features the points are, for columns of theirs.

        Returns
        -------
        Covariates
            NaN outside a raster and where it has no value.
        """
        crs = QgsCoordinateReferenceSystem() if crs is None else crs
        values = np.empty((len(coordinates), len(self.members)))
        for i, member in enumerate(self.members):
            if isinstance(member, RasterBand):
                found = member.source.at(coordinates, crs, [member.number], member.is_categorical)
                values[:, i] = found[:, 0]
            elif isinstance(member, LevelBands):
                found = member.source.at(coordinates, crs, member.numbers)
                values[:, i] = member.mixed(_elevations(coordinates, member.name), found)
            elif isinstance(member, PolygonField):
                values[:, i] = member.codes.at(coordinates, crs)
            elif isinstance(member, PlaceElevation):
                values[:, i] = _elevations(coordinates, member.name)
            elif isinstance(member, SampleColumn):
                values[:, i] = member.values if rows is None else member.values[rows]
        for columns, gradients in gradients_of(self.members):
            values[:, columns] = gradients.at(coordinates)
        for columns, members in projections_of(self.members):
            numbers = range(1, len(members[0].origin["mean"]) + 1)
            values[:, columns] = _scores(members, members[0].source.at(coordinates, crs, numbers))
        return Covariates(self.names, values, self.categorical, self.origins)

    def on(self, grid: RasterGrid) -> CovariateGrid:
        """Open the covariates for reading block by block on a grid."""
        return CovariateGrid(self.members, grid)


def _polygons_of_model(
    name: str, origin: Mapping[str, Any], sources: Sequence[PolygonSource]
) -> Optional[PolygonCodes]:
    """Return the polygons a model asks for, None where there are none."""
    classes = tuple(origin["classes"]) if "classes" in origin else None
    for source in sources:
        if source.name in (name, name.rsplit(": ", 1)[0]) and source.fields.lookupField(origin["field"]) >= 0:
            if (classes is None) != source.is_number(origin["field"]):
                raise InputError(
                    tr("Expected {kind} in the field {field} of {layer}, as in training, got the other.").format(
                        kind=tr("numbers") if classes is None else tr("texts"), layer=source.name, field=origin["field"]
                    )
                )
            return PolygonCodes(source, origin["field"], classes)
    return None


def _scores(members: Sequence[Projected], values: np.ndarray) -> np.ndarray:
    """Return the projections of the values of all bands, shape (n, n_members)."""
    return (values - np.array(members[0].origin["mean"])) @ loadings_of(members)


def _plainly(name: str) -> str:
    """Return a name without its layer, as fields write it: "GRADIENT: Fe magnitude" and Fe_magnitude are one."""
    return re.sub(r"\W+", "_", name.rsplit(": ", 1)[-1]).strip("_").lower()


def _elevations(coordinates: np.ndarray, name: str) -> np.ndarray:
    """Return the third coordinate."""
    if coordinates.shape[1] != 3:
        raise InputError(
            tr(
                "Expected samples with elevations (PointZ) for the covariate {}, which depends on them, got 2-D ones. "
                "Leave it out."
            ).format(name)
        )
    return coordinates[:, 2]
