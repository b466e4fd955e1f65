"""What is known everywhere on a map: bands of rasters, polygons, the elevation, components of spectra, by name.

Each kind of covariate knows how to find itself at points and on a grid. What a model must know to find
it again travels as its origin; `core.features.covariates` lists the kinds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Optional, Union

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem

from ..core.errors import InputError
from ..core.features.covariates import ELEVATION, GRADIENT, POLYGONS, PROJECTION, RASTER
from ..core.features.gradients import FieldGradients
from ..core.features.spectra import BandMoments
from ..core.grid import Block, RasterGrid
from ..core.progress import IsCancelled, Progress, never, silent, stop_if
from ..core.samples import Covariates
from .identity import tr
from .polygons import PolygonCodes, PolygonSource, RasterizedPolygons, polygon_codes
from .rasters import TILE, RasterSource, WarpedBands, is_same, read_window

MOST_CLASSES = 20
"""A covariate with whole numbers only, and at most so many different ones, is taken as categorical."""
ROWS_LOOKED_AT = 512
NO_CATEGORICAL = "none"
_HAIR = 1e-9
KEPT_BYTES = 32 * 2**20
"""Most bytes of covariates kept for the blocks that follow."""
NUMBERS_AT_ONCE = 2**23
"""Most numbers of all bands that are held while moments are gathered."""
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

    def looks_categorical(self) -> bool:
        """Whether there are whole numbers only, and at most `MOST_CLASSES` different ones."""
        dataset = self.source.open()
        band = dataset.GetRasterBand(self.number)
        classes: set[float] = set()
        for row in np.unique(np.linspace(0, band.YSize - 1, min(band.YSize, ROWS_LOOKED_AT)).astype(int)):
            values = np.unique(read_window(band, 0, int(row), band.XSize, 1, self.name))
            classes.update(values[np.isfinite(values)].tolist())
            if not _are_classes(classes):
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

    def looks_categorical(self) -> bool:
        """Whether it is text, or few whole numbers."""
        return self.codes.classes is not None or _are_classes(self.codes.source.values(self.codes.field))


@dataclass(frozen=True)
class PlaceElevation:
    """The elevation of the place itself."""

    name: str = ELEVATION
    is_categorical: bool = False

    @property
    def origin(self) -> Origin:
        """What a model says about it."""
        return {"kind": ELEVATION}

    def looks_categorical(self) -> bool:
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

    def looks_categorical(self) -> bool:
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

    def looks_categorical(self) -> bool:
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

    def looks_categorical(self) -> bool:
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

    def looks_categorical(self) -> bool:
        """Whether there are few whole numbers only."""
        return _are_classes(self.values[np.isfinite(self.values)])


Covariate = Union[RasterBand, LevelBands, PolygonField, PlaceElevation, Projected, FieldGradient, SampleColumn]


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
                tr("No covariate is named {unknown}; there are: {names}. Correct the names of categorical covariates.")
                .format(unknown=", ".join(unknown), names=", ".join(self.names) or tr("none"))
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
                    "{names}; got {got}. Add the rasters, or rename their layers to these names."
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
        for columns, gradients in _gradients(self.members):
            values[:, columns] = gradients.at(coordinates)
        for columns, members in _projections(self.members):
            numbers = range(1, len(members[0].origin["mean"]) + 1)
            values[:, columns] = _scores(members, members[0].source.at(coordinates, crs, numbers))
        return Covariates(self.names, values, self.categorical, self.origins)

    def on(self, grid: RasterGrid) -> CovariateGrid:
        """Open the covariates for reading block by block on a grid."""
        return CovariateGrid(self, grid)


class CovariateGrid:
    """Covariates on a grid, read in wide tiles, once for all levels of a block model.

    Parameters
    ----------
    stack : CovariateStack
    grid : RasterGrid
    """

    def __init__(self, stack: CovariateStack, grid: RasterGrid) -> None:
        self._stack, self._grid = stack, grid
        self._readers: list[tuple[list[int], Union[WarpedBands, RasterizedPolygons, _ProjectedBands]]] = []
        self._elevation = [i for i, member in enumerate(stack.members) if isinstance(member, PlaceElevation)]
        bands: dict[tuple[str, bool], list[int]] = {}
        for i, member in enumerate(stack.members):
            if isinstance(member, RasterBand):
                bands.setdefault((member.source.path, member.is_categorical), []).append(i)
            elif isinstance(member, PolygonField):
                self._readers.append(([i], RasterizedPolygons(member.codes, grid)))
            elif isinstance(member, SampleColumn):
                raise InputError(
                    tr("The column {} of the samples is not known on a grid. Give a raster of its name.").format(
                        member.name
                    )
                )
        for (_, nearest), columns in bands.items():
            chosen = [stack.members[i] for i in columns]
            numbers = [member.number for member in chosen if isinstance(member, RasterBand)]
            self._readers.append((columns, WarpedBands(_source_of(chosen[0]), numbers, grid, nearest)))
        for columns, members in _projections(stack.members):
            self._readers.append((columns, _ProjectedBands(members, grid)))
        self._gradients = _gradients(stack.members)
        self._levels = [
            (i, member, WarpedBands(member.source, member.numbers, grid, nearest=False))
            for i, member in enumerate(stack.members)
            if isinstance(member, LevelBands)
        ]
        self._tile: Optional[Block] = None
        self._values = np.empty((0, 0))

    def block(self, block: Block) -> Covariates:
        """Return the covariates of a block's cells, in the order of ``grid.centers``."""
        tile = self._tile_of(block)
        if tile is None:
            values = self._read(replace(block, elevation=None))
        else:
            if tile != self._tile:
                self._values = np.empty((0, 0))  # room for the next one
                self._tile, self._values = tile, self._read(tile)
            values = self._values.reshape(tile.n_rows, tile.n_columns, -1)[block.within(tile)]
            values = values.reshape(block.n_rows * block.n_columns, -1).copy()
        values[:, self._elevation] = np.nan if block.elevation is None else block.elevation
        for column, member, bands in self._levels:
            places = np.full(len(values), np.nan if block.elevation is None else block.elevation)
            values[:, column] = member.mixed(places, bands.read(block))
        for columns, gradients in self._gradients:
            values[:, columns] = gradients.at(self._grid.centers(block))
        return Covariates(self._stack.names, values, self._stack.categorical)

    def _tile_of(self, block: Block) -> Optional[Block]:
        """Return the tile a block lies in, None when it lies in several."""
        grid_rows, grid_columns = self._grid.shape
        n_columns = KEPT_BYTES // (8 * TILE * max(1, len(self._stack.members)))
        n_columns = max(TILE, n_columns // TILE * TILE)
        row, column = block.row // TILE * TILE, block.column // n_columns * n_columns
        if block.row + block.n_rows > row + TILE or block.column + block.n_columns > column + n_columns:
            return None
        n_rows = min(TILE, grid_rows - row)
        return Block(row, column, n_rows, min(n_columns, grid_columns - column))

    def _read(self, block: Block) -> np.ndarray:
        """Return everything but what depends on the elevation, shape (n_cells, n_covariates)."""
        values = np.empty((block.n_rows * block.n_columns, len(self._stack.members)))
        for columns, reader in self._readers:
            values[:, columns] = reader.read(block)
        return values


class _ProjectedBands:
    """Weighted sums over the bands of a raster on a grid."""

    def __init__(self, members: Sequence[Projected], grid: RasterGrid) -> None:
        self._members = members
        self._mean = np.array(members[0].origin["mean"])
        self._loadings = _loadings(members)
        self._bands = WarpedBands(members[0].source, range(1, len(self._mean) + 1), grid, nearest=False)

    def read(self, block: Block) -> np.ndarray:
        """Return the sums at a block's cells, shape (n_cells, n_members), band by band."""
        sums = np.zeros((block.n_rows, block.n_columns, len(self._members)))
        for part in self._bands.parts(block):
            rows, columns = part.within(block)
            for values, mean, loadings in zip(self._bands.each(part), self._mean, self._loadings):
                sums[rows, columns] += (values - mean)[..., None] * loadings
        return sums.reshape(-1, len(self._members))


def band_moments(
    source: RasterSource,
    grid: RasterGrid,
    mask: Optional[CovariateStack] = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> BandMoments:
    """Return the moments of all bands of a raster on its own grid, each pixel read once.

    Parameters
    ----------
    source : RasterSource
    grid : RasterGrid
    mask : CovariateStack, optional
        Pixels where its first member is 0 or unknown take no part.
    progress, is_cancelled : callables
    """
    n_bands = len(source.band_names())
    bands = WarpedBands(source, range(1, n_bands + 1), grid, nearest=False)
    wanted = mask.with_categorical(mask.names[:1]).on(grid) if mask is not None and mask.members else None
    moments, done = BandMoments.none(n_bands), 0
    for piece in bands.parts(Block(0, 0, *grid.shape), max(1, NUMBERS_AT_ONCE // n_bands)):
        stop_if(is_cancelled)
        values = bands.read(piece, np.float32 if bands.is_float32 else np.float64)
        if wanted is not None:
            chosen = wanted.block(piece).values[:, 0]
            values = values[np.isfinite(chosen) & (chosen != 0)]
        moments = moments.merged(BandMoments.of(values))
        done += piece.n_rows * piece.n_columns
        progress(done / grid.n_cells, tr("Reading the bands"))
    return moments


def parse_names(text: str) -> list[str]:
    """Return the names written into a line, separated by commas or semicolons."""
    return [name.strip() for name in text.replace(";", ",").split(",") if name.strip()]


def parse_categorical(text: str) -> Optional[list[str]]:
    """Return the names written into CATEGORICAL; None asks to look at the values.

    Examples
    --------
    >>> parse_categorical(" soil, ffreq "), parse_categorical("none"), parse_categorical("")
    (['soil', 'ffreq'], [], None)
    """
    names = parse_names(text)
    if not names:
        return None
    return [] if names == [NO_CATEGORICAL] else names


def polygon_fields(sources: Sequence[PolygonSource], fields: Sequence[str]) -> list[PolygonField]:
    """Return the covariates that polygon layers give; see `polygons.polygon_codes`."""
    return [PolygonField(name, codes) for name, codes in polygon_codes(sources, fields).items()]


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


def _gradients(members: Sequence[Covariate]) -> list[tuple[list[int], FieldGradients]]:
    """Return the gradients of fields with their columns, all together; empty for none."""
    own = {member.name: (i, member.gradients) for i, member in enumerate(members) if isinstance(member, FieldGradient)}
    if not own:
        return []
    gradients = next(iter(own.values()))[1]
    return [([own[name][0] for name in gradients.covariate_names], gradients)]


def _projections(members: Sequence[Covariate]) -> list[tuple[list[int], list[Projected]]]:
    """Return the projections with their columns, those of one raster about one mean together."""
    groups: dict[tuple, tuple[list[int], list[Projected]]] = {}
    for i, member in enumerate(members):
        if isinstance(member, Projected):
            columns, own = groups.setdefault((member.source.path, tuple(member.origin["mean"])), ([], []))
            columns.append(i)
            own.append(member)
    return list(groups.values())


def _scores(members: Sequence[Projected], values: np.ndarray) -> np.ndarray:
    """Return the projections of the values of all bands, shape (n, n_members)."""
    return (values - np.array(members[0].origin["mean"])) @ _loadings(members)


def _loadings(members: Sequence[Projected]) -> np.ndarray:
    """Return the weights of the bands, shape (n_bands, n_members)."""
    return np.column_stack([member.origin["loadings"] for member in members])


def _source_of(member: Covariate) -> RasterSource:
    if not isinstance(member, (RasterBand, Projected)):
        raise TypeError(f"{member.name} is not read from a raster.")
    return member.source


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


def _are_classes(values: Iterable[float]) -> bool:
    """Whether values are whole numbers, and few."""
    different = np.unique(np.array(list(values), dtype=float))
    return 0 < len(different) <= MOST_CLASSES and bool((different == np.round(different)).all())
