"""Parameters to the method's objects: samples, covariates, grids, variograms and numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsProcessingUtils,
    QgsRasterLayer,
    QgsUnitTypes,
    QgsVectorLayer,
)

from ..core.errors import InputError
from ..core.features.covariates import check_ranges
from ..core.features.spectra import component_names, principal_components
from ..core.grid import Block, Levels, RasterGrid
from ..core.kriging.functionals import BlockSize
from ..core.kriging.log_blocks import require_known
from ..core.kriging.neighborhood import Neighborhood
from ..core.samples import (
    Covariates,
    Samples,
    average_coincident,
    coincident_samples,
    first_coincident,
    repeat_variance,
    require_samples,
    require_variation,
)
from ..core.validation.components import TUNED
from ..core.validation.folds import inseparable_groups, random_folds
from ..core.validation.methods import GLOBAL_LIMIT, LOCAL_NEIGHBORS
from ..core.variogram.models import VariogramFile, VariogramModel
from .covariates import (
    CovariateGrid,
    CovariateStack,
    PlaceElevation,
    Projected,
    RasterBand,
    SampleColumn,
    band_moments,
    parse_categorical,
    parse_names,
    polygon_fields,
)
from .crs import crs_code, crs_from_code, readable, require_projected, require_same
from .identity import tr
from .layers import Points, numbers, read_points, require_fields
from .outputs import require_room
from .polygons import PolygonSource
from .provenance import provenance
from .rasters import RasterSource
from .tables import Table, read_table

MOST_TUNED = 8
"""Components among which their number is chosen."""
CELLS_LOOKED_AT = 30
"""Rows and columns of cells in which ranges of covariates are looked at before a map is made."""
WARP = "gdal:warpreproject"
REPROJECT = "native:reprojectlayer"


class Reader:
    """Reads the parameters of one run.

    It is made in the main thread and takes over raster layers there; the rest is read when asked for.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
    parameters : dict
    context : QgsProcessingContext
    feedback : QgsProcessingFeedback
        Told what was left out, merged or assumed.

    Attributes
    ----------
    raster_paths : dict of str to str
        Rasters the user wants.
    staged_files : dict of str to Path
        Where to write the files the user wants.
    resources : ExitStack
        Closed once everything is written.
    measured : Samples, optional
        The samples as read, before duplicates were averaged.
    n_duplicates : int
        Samples at a location that an earlier one of those read has.
    """

    def __init__(self, algorithm, parameters, context, feedback) -> None:
        self._algorithm = algorithm
        self._parameters = parameters
        self._context = context
        self.feedback = feedback
        self.raster_paths: Mapping[str, str] = {}
        self.staged_files: Mapping[str, Path] = {}
        self.resources = ExitStack()
        self.n_duplicates = 0
        self.measured: Optional[Samples] = None
        self._polygons: list[PolygonSource] = []
        self._rasters: dict[str, list[RasterSource]] = {}
        for definition in algorithm.parameterDefinitions():
            name = definition.name()
            if isinstance(definition, QgsProcessingParameterRasterLayer):
                layer = algorithm.parameterAsRasterLayer(parameters, name, context)
                self._rasters[name] = [] if layer is None else [RasterSource.of_layer(layer)]
            elif isinstance(definition, QgsProcessingParameterMultipleLayers):
                layers = algorithm.parameterAsLayerList(parameters, name, context)
                if definition.layerType() == QgsProcessing.SourceType.TypeRaster:
                    self._rasters[name] = [RasterSource.of_layer(layer) for layer in layers]
                else:
                    self._polygons += [PolygonSource.of_layer(layer, context.transformContext()) for layer in layers]
        self._template = next(iter(self._rasters.get("TEMPLATE", [])), None)
        self._covariates = [*self._rasters.get("COVARIATES", []), *self._rasters.get("DRIFT", [])]

    # ------------------------------------------------------------ plain values

    def given(self, name: str) -> bool:
        """Whether an optional parameter has a value."""
        return self._parameters.get(name) not in (None, "")

    def number(self, name: str) -> Optional[float]:
        """Return a number, None where an optional one is empty."""
        if self._default(name) is None and not self.given(name):
            return None
        return self._algorithm.parameterAsDouble(self._parameters, name, self._context)

    def whole(self, name: str) -> Optional[int]:
        """Return a whole number, None where an optional one is empty."""
        if self._default(name) is None and not self.given(name):
            return None
        return self._algorithm.parameterAsInt(self._parameters, name, self._context)

    def text(self, name: str) -> str:
        """Return a text."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context)

    def is_checked(self, name: str) -> bool:
        """Return whether a box is checked."""
        return self._algorithm.parameterAsBool(self._parameters, name, self._context)

    def crs(self, name: str):
        """Return a chosen CRS, an invalid one where an optional one is empty."""
        return self._algorithm.parameterAsCrs(self._parameters, name, self._context)

    def choice(self, name: str) -> str:
        """Return the chosen word."""
        return self._algorithm.parameterAsEnumString(self._parameters, name, self._context)

    def choices(self, name: str) -> list[str]:
        """Return the chosen words."""
        return list(self._algorithm.parameterAsEnumStrings(self._parameters, name, self._context))

    def fields(self, name: str) -> list[str]:
        """Return names of fields."""
        # QGIS 3.40 renamed parameterAsFields.
        read = getattr(self._algorithm, "parameterAsFields", None) or self._algorithm.parameterAsStrings
        return list(read(self._parameters, name, self._context))

    def path(self, name: str) -> Optional[Path]:
        """Return the path of a file to read, None where an optional one is empty."""
        path = self._algorithm.parameterAsFile(self._parameters, name, self._context)
        # The backend's working folder is not ours.
        return Path(path).absolute() if path else None

    def _has(self, name: str) -> bool:
        """Whether the algorithm has such a parameter."""
        return self._algorithm.parameterDefinition(name) is not None

    def _default(self, name: str) -> Any:
        return self._algorithm.parameterDefinition(name).defaultValue()

    def wanted(self, **outputs: str) -> dict[str, Path]:
        """Return where a task is to write its files: of its names for them to outputs, those that are wanted."""
        return {key: self.staged_files[name] for key, name in outputs.items() if name in self.staged_files}

    # ------------------------------------------------------------ samples

    @property
    def source(self):
        """The features of INPUT."""
        source = self._algorithm.parameterAsSource(self._parameters, "INPUT", self._context)
        if source is None:
            raise QgsProcessingException(self._algorithm.invalidSourceError(self._parameters, "INPUT"))
        return source

    def points(self, names: Optional[Sequence[str]] = None) -> Points:
        """Return the features of INPUT with some of their fields, or all of them."""
        return read_points(self.source, names, self.feedback.pushWarning)

    def samples(
        self,
        fields: str = "FIELD",
        covariates: Optional[CovariateStack] = None,
        at_least: int = 3,
        elevations: bool = False,
        names: Optional[Sequence[str]] = None,
    ) -> Samples:
        """Return the samples, complete and one a location.

        Rows with a NULL are left out, samples without covariates too, and samples at one location
        are averaged; the user is told how many.

        Parameters
        ----------
        fields : str
            Parameter with the field or fields.
        covariates : CovariateStack, optional
            Read at the samples.
        at_least : int
            Fewest samples the purpose needs.
        elevations : bool
            Whether coordinates are 3-D where the layer has elevations that differ. An algorithm with the
            parameter ELEVATIONS or DIMENSIONS decides by it.
        names : sequence of str, optional
            The fields themselves, where no parameter names them.

        Raises
        ------
        InputError
            For anything that cannot be used.
        """
        names = self.fields(fields) if names is None else list(names)
        source = self.source
        require_projected(source.sourceCrs(), tr("the samples"))
        require_fields(source.fields(), names)
        hole = self.text("HOLE") if self._has("HOLE") else ""
        points = read_points(source, [*names, hole] if hole else names, self.feedback.pushWarning)
        values = numbers(points, names)
        known = np.isfinite(values).all(axis=1)
        if not known.all():
            self.feedback.pushWarning(
                tr("{n} of {total} samples have no number in {fields} and are left out.").format(
                    n=int((~known).sum()), total=len(points), fields=", ".join(names)
                )
            )
        coordinates = points.coordinates
        if self._is_3d(points, known, elevations):
            coordinates, known = self._with_elevations(points, known)
        coordinates, values = coordinates[known], values[known]
        holes = None if not hole else np.array(["" if h is None else str(h) for h in points.columns[hole]])[known]
        at_samples = None
        if covariates is not None and covariates.members:
            self._tell_missing_crs(covariates, points.crs)
            at_samples, inside = self._covariates_at(covariates, coordinates, points.crs, np.flatnonzero(known))
            coordinates, values = coordinates[inside], values[inside]
            holes = None if holes is None else holes[inside]
        samples = Samples(coordinates, values, tuple(names), crs_code(points.crs), at_samples, holes)
        require_samples(samples, at_least, self._algorithm.displayName())
        samples = self._with_duplicates(samples)
        require_samples(samples, at_least, self._algorithm.displayName())
        for name in names:
            require_variation(samples.target(name), name)
        return samples

    def _with_duplicates(self, samples: Samples) -> Samples:
        """Treat samples at one location as DUPLICATES says, average them without it, and tell how many they are."""
        self.measured = samples
        treatment = self.choice("DUPLICATES") if self._has("DUPLICATES") else "average"
        if treatment == "measurement_error":
            self.n_duplicates = sum(len(rows) - 1 for rows in coincident_samples(samples.coordinates))
        else:
            merge = average_coincident if treatment == "average" else first_coincident
            samples, self.n_duplicates = merge(samples)
        if self.n_duplicates:
            what = {
                "average": tr("samples at one location are averaged"),
                "first": tr("of samples at one location the first counts"),
                "measurement_error": tr("samples at one location are repeated measurements"),
            }[treatment]
            self.feedback.pushWarning(
                tr("{n} samples lie where another one does; {what}.").format(n=self.n_duplicates, what=what)
            )
        return samples

    def provenance(self) -> dict[str, object]:
        """Return what a report says about where it comes from."""
        return provenance(samples=self.source.sourceName())

    def map_unit(self) -> str:
        """Return the unit of the samples' coordinates, in words."""
        crs = self.source.sourceCrs()
        return QgsUnitTypes.toString(crs.mapUnits()) if crs.isValid() else tr("map units")

    def _covariates_at(
        self, stack: CovariateStack, coordinates: np.ndarray, crs, rows: np.ndarray
    ) -> tuple[Covariates, np.ndarray]:
        """Return the covariates of the samples that have all of them, and which samples these are."""
        found = stack.at(coordinates, crs, rows)
        missing = ~np.isfinite(found.values)
        inside = ~missing.any(axis=1)
        if not inside.all():
            n_missing = int((~inside).sum())
            holes = ", ".join(
                f"{name} ({count})" for name, count in zip(stack.names, missing.sum(axis=0).tolist()) if count
            )
            if n_missing > 0.5 * len(inside):
                raise InputError(
                    tr(
                        "Expected covariates at the samples, but {n} of {total} samples lie outside a raster or where "
                        "it has no value: {holes}. Use rasters that cover the samples, or leave these out."
                    ).format(n=n_missing, total=len(inside), holes=holes)
                )
            self.feedback.pushWarning(
                tr(
                    "{n} of {total} samples lie outside a covariate raster or where it has no value, and are left out: "
                    "{holes}."
                ).format(n=n_missing, total=len(inside), holes=holes)
            )
        return found.rows(inside), inside

    def _is_3d(self, points: Points, known: np.ndarray, elevations: bool) -> bool:
        """Return whether elevations are to count, and tell why where the user did not say so."""
        heights = np.empty(0) if points.elevations is None else points.elevations[known]
        heights = heights[np.isfinite(heights)]
        differ = len(heights) > 0 and bool(np.ptp(heights) > 0)
        asked = elevations
        if self._has("ELEVATIONS"):
            asked = self.given("ELEVATIONS")
            if differ and not asked:
                self.feedback.pushInfo(
                    tr("The samples have elevations; this map is 2-D and does not use them. Enter ELEVATIONS for 3-D.")
                )
        elif self._has("DIMENSIONS"):
            choice = self.choice("DIMENSIONS")
            asked = choice == "3d" or (choice == "auto" and differ and self._lie_above_one_another(points, known))
            if differ and choice == "auto":
                self.feedback.pushInfo(
                    tr("Samples lie above one another, so their elevations count: 3-D.")
                    if asked
                    else tr("No samples lie above one another, so their elevations do not count: 2-D.")
                )
        elif differ and not asked:
            self.feedback.pushInfo(tr("The samples have elevations, which are not used."))
        if asked and not differ:
            if self.given("ELEVATIONS") or (self._has("DIMENSIONS") and self.choice("DIMENSIONS") == "3d"):
                raise InputError(
                    tr(
                        "Expected samples whose elevations differ (PointZ), got {what}. Set the Z of the points first "
                        "(native:setzvalue takes it from a field; a depth is negative), or map in 2-D."
                    ).format(what=tr("none") if points.elevations is None else tr("one elevation or none"))
                )
            if points.elevations is not None:
                self.feedback.pushInfo(tr("All elevations are the same, so the samples are taken as 2-D."))
        return asked and differ

    @staticmethod
    def _lie_above_one_another(points: Points, known: np.ndarray) -> bool:
        """Return whether several samples share easting and northing, but not the elevation."""
        places = np.column_stack([points.coordinates, points.elevations])[known]
        places = np.unique(places[np.isfinite(places).all(axis=1)], axis=0)
        return len(np.unique(places[:, :2], axis=0)) < len(places)

    def _with_elevations(self, points: Points, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return 3-D coordinates, and which of the samples are complete."""
        there = np.isfinite(points.elevations)
        if not there.all():
            self.feedback.pushWarning(
                tr("{n} of {total} samples have no elevation and are left out.").format(
                    n=int((~there).sum()), total=len(points)
                )
            )
        return np.column_stack([points.coordinates, points.elevations]), known & there

    # ------------------------------------------------------------ tables

    def table(self, name: str) -> Optional[Table]:
        """Return the rows of a layer or table, None where an optional one is empty."""
        if not self.given(name):
            return None
        source = self._algorithm.parameterAsSource(self._parameters, name, self._context)
        if source is None:
            raise QgsProcessingException(self._algorithm.invalidSourceError(self._parameters, name))
        return read_table(source)

    # ------------------------------------------------------------ rasters

    def rasters(self, name: str) -> list[RasterSource]:
        """Return the rasters of a parameter, all in one CRS.

        Raises
        ------
        InputError
            When one is in another CRS than the first.
        """
        sources = self._rasters.get(name, [])
        for source in sources[1:]:
            require_same(source.crs, source.name, sources[0].crs, sources[0].name, WARP)
        return sources

    def covariates(self) -> CovariateStack:
        """Return the covariates of samples, those that hold class codes marked."""
        members = [
            *CovariateStack.of_sources(self._covariates).members,
            *polygon_fields(self._polygons, parse_names(self.text("POLYGON_FIELDS"))),
        ]
        for source in self._rasters.get("SPECTRA", []):
            members += self._components(source)
        columns = self.fields("COVARIATE_FIELDS")
        if columns:
            require_fields(self.source.fields(), columns)
            found = numbers(read_points(self.source, columns, lambda text: None), columns)
            members += [SampleColumn(name, found[:, i]) for i, name in enumerate(columns)]
        if self.is_checked("ELEVATION_COVARIATE"):
            members.append(PlaceElevation())
        stack = CovariateStack(tuple(members))
        asked = parse_categorical(self.text("CATEGORICAL"))
        stack = stack.with_categorical(asked)
        if stack.members:
            classes = [member.name for member in stack.members if member.is_categorical]
            self.feedback.pushInfo(
                tr("Covariates: {names}. Categorical ({how}): {classes}.").format(
                    names=", ".join(stack.names),
                    how=tr("found by their values") if asked is None else tr("as given"),
                    classes=", ".join(classes) or tr("none"),
                )
            )
        return stack

    def _components(self, source: RasterSource) -> list[Projected]:
        """Return the first principal components of a raster with many bands."""
        names = source.band_names()
        wanted = self.whole("COMPONENTS")
        tuned = wanted == 0
        self.feedback.setProgressText(tr("Reading the spectra of {}").format(source.name))
        moments = band_moments(source, source.grid(), is_cancelled=self.feedback.isCanceled)
        components = principal_components(
            moments, names, min(MOST_TUNED, len(names)) if tuned else wanted, raster=source.name
        )
        self.feedback.pushInfo(
            tr("{raster}: shares of the variance {shares}.").format(
                raster=source.name, shares=", ".join(f"{100 * share:.1f} %" for share in components.explained)
            )
        )
        more = {TUNED: True} if tuned else {}
        return [
            Projected(f"{source.name} {name}", source, {**components.origin(i), **more})
            for i, name in enumerate(component_names(components))
        ]

    def covariates_of_model(self, samples: Samples) -> CovariateStack:
        """Return the covariates that a model with these training samples asks for; other layers are not used.

        Raises
        ------
        InputError
            For a missing one.
        """
        if samples.covariates is None:
            return CovariateStack()
        stack = CovariateStack.of_model(samples.covariates, self._covariates, self._polygons)
        self._tell_missing_crs(stack, crs_from_code(samples.crs))
        return stack

    def outside_ranges(self, trained: Covariates, stack: CovariateStack, grid: RasterGrid) -> dict[str, float]:
        """Tell where covariates leave what the samples of a model cover, looking at cells spread over the map.

        Returns
        -------
        dict of str to float
            For each covariate the share of the cells outside the samples' range, or of a class without samples.
        """
        given = stack.at(grid.lattice(CELLS_LOOKED_AT), crs_from_code(grid.crs))
        checks = check_ranges(trained, given)
        for check in checks:
            if check.categorical and check.outside > 0:
                self.feedback.pushWarning(
                    tr("{name}: about {share:.0f} % of the map is in classes that no sample has.").format(
                        name=check.name, share=100 * check.outside
                    )
                )
            elif check.outside > 0:
                low, high = check.trained
                text = tr(
                    "{name}: about {share:.0f} % of the map is outside the samples' range ({low:.6g} to {high:.6g})."
                ).format(name=check.name, share=100 * check.outside, low=low, high=high)
                if check.far > 0:
                    self.feedback.pushWarning(
                        text
                        + tr(
                            " {far:.0f} % is far outside (up to {lowest:.6g} and {highest:.6g}): estimates there are "
                            "extrapolated. Check the unit where all of it is."
                        ).format(far=100 * check.far, lowest=check.lowest, highest=check.highest)
                    )
                else:
                    self.feedback.pushInfo(text)
        for name, member, origin in zip(stack.names, stack.members, trained.origins):
            unit = "" if origin is None else origin.get("unit", "")
            if isinstance(member, RasterBand) and unit and member.unit and unit != member.unit:
                self.feedback.pushWarning(
                    tr("{name}: the model was trained in {theirs}, the raster says {ours}.").format(
                        name=name, theirs=unit, ours=member.unit
                    )
                )
        return {check.name: check.outside for check in checks}

    def _tell_missing_crs(self, stack: CovariateStack, crs) -> None:
        for source in stack.sources:
            if not source.crs.isValid():
                self.feedback.pushWarning(
                    tr("The covariate {name} has no CRS; it is taken to be in {crs}.").format(
                        name=source.name, crs=readable(crs)
                    )
                )

    # ------------------------------------------------------------ grid

    def grid(
        self, crs: str, around: np.ndarray, fallback: Optional[RasterSource] = None, n_bands: int = 1
    ) -> RasterGrid:
        """Return the grid of TEMPLATE, or of EXTENT and CELL_SIZE, or one that fits the samples; with ELEVATIONS.

        Parameters
        ----------
        crs : str
            CRS of the samples or the model.
        around : ndarray, shape (n, 2 or 3)
            What is covered where nothing is given.
        fallback : RasterSource, optional
            A raster whose grid is taken where nothing is given, instead of one around `around`.
        n_bands : int
            Bands of every raster to be written, a level: the disk must have room for them.

        Raises
        ------
        InputError
            For a template in another CRS, an impossible extent, elevations of 2-D samples or none of 3-D
            ones, or too little room on the disk.
        """
        grid = replace(self._grid(crs, around, fallback), levels=self._levels(around.shape[1]))
        require_room(grid, {path: n_bands for path in self.raster_paths.values()})
        n_rows, n_columns = grid.shape
        self.feedback.pushInfo(
            tr("Grid: {rows} rows and {columns} columns of {width:g} by {height:g} map units.").format(
                rows=n_rows, columns=n_columns, width=grid.transform[1], height=-grid.transform[5]
            )
        )
        if grid.levels is not None:
            self.feedback.pushInfo(
                tr("Elevations: {n}, from {top:g} down to {bottom:g} by {step:g}.").format(
                    n=len(grid.levels), top=grid.levels.top, bottom=grid.elevations[-1], step=grid.levels.step
                )
            )
        return grid

    def mask(self, grid: RasterGrid) -> Optional[Callable[[Block], np.ndarray]]:
        """Return what says in which cells the template has a value; None where it is no mask."""
        if not self.is_checked("TEMPLATE_MASK"):
            return None
        if self._template is None:
            raise InputError(
                tr("Expected a template raster to leave its empty cells empty, got none. Choose one, or uncheck it.")
            )
        template = CovariateGrid(CovariateStack(CovariateStack.of_sources([self._template]).members[:1]), grid)
        return lambda block: np.isfinite(template.block(block).values[:, 0])

    def _levels(self, n_dimensions: int) -> Optional[Levels]:
        """Return the elevations to map, None for a 2-D map."""
        given = self.given("ELEVATIONS")
        if n_dimensions == 3 and not given:
            raise InputError(
                tr(
                    "Expected elevations to map, since the samples are 3-D, got none. Enter them as top, bottom and "
                    "step (350, 250, 10)."
                )
            )
        if n_dimensions == 2 and given:
            raise InputError(
                tr("Expected no elevations, since the samples are 2-D, got {}. Leave them empty.").format(
                    self.text("ELEVATIONS")
                )
            )
        return Levels.from_text(self.text("ELEVATIONS")) if given else None

    @property
    def template(self) -> Optional[RasterSource]:
        """The raster of TEMPLATE, None where none is given."""
        return self._template

    def extent(self, crs: str) -> Optional[tuple[float, float, float, float]]:
        """Return EXTENT as least easting and northing, most easting and northing in a CRS; None where it is empty."""
        if not self.given("EXTENT"):
            return None
        rectangle = self._algorithm.parameterAsExtent(self._parameters, "EXTENT", self._context, crs_from_code(crs))
        return rectangle.xMinimum(), rectangle.yMinimum(), rectangle.xMaximum(), rectangle.yMaximum()

    def _grid(self, crs: str, around: np.ndarray, fallback: Optional[RasterSource]) -> RasterGrid:
        expected = crs_from_code(crs)
        extent_given, size_given = self.given("EXTENT"), self.given("CELL_SIZE")
        template = self._template
        if template is not None:
            if extent_given or size_given:
                self.feedback.pushWarning(
                    tr("A template is given, so its grid is taken exactly; extent and cell size are not used.")
                )
        elif fallback is not None and not extent_given and not size_given:
            template = fallback
            self.feedback.pushInfo(tr("The grid is that of the covariate {}.").format(fallback.name))
        if template is not None:
            require_same(
                template.crs, tr("the raster {}").format(template.name), expected, tr("the samples"), WARP
            )
            grid = template.grid()
            return RasterGrid(grid.shape, grid.transform, crs)
        cell_size = self.number("CELL_SIZE")
        if not extent_given:
            return RasterGrid.around(around, cell_size, crs)
        bounds = self.extent(crs)
        if cell_size is None:
            cell_size = RasterGrid.round_cell_size(*bounds)
        return RasterGrid.from_extent(*bounds, cell_size, crs)

    # ------------------------------------------------------------ kriging

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

    def drift(self) -> CovariateStack:
        """Return the drift rasters of kriging with external drift, empty for the other kinds.

        An algorithm without kinds of kriging takes those that are given.

        Raises
        ------
        InputError
            For external drift without rasters.
        """
        if not self._has("KRIGING_TYPE"):
            return CovariateStack.of_sources(self._covariates)
        wanted = self.choice("KRIGING_TYPE") == "external_drift"
        if wanted and not self._covariates:
            raise InputError(tr("Expected at least one drift raster for external drift, got none. Choose rasters."))
        if self._covariates and not wanted:
            self.feedback.pushWarning(
                tr("Drift rasters are given, but the kind of kriging is {}: they are not used.").format(
                    self.choice("KRIGING_TYPE")
                )
            )
        return CovariateStack.of_sources(self._covariates) if wanted else CovariateStack()

    def kriging_type(self) -> dict[str, Any]:
        """Return what the kind of kriging means to `fit_kriging`: a known mean or the order of a trend.

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
        return {
            "mean": mean if kind == "simple" else None,
            "trend_order": self.whole("TREND_ORDER") if kind == "universal" else 0,
        }

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

    def with_measurement_error(self, model: VariogramModel, coordinates: np.ndarray, values: np.ndarray):
        """Return a variogram that says which part of its nugget is measurement error.

        It is MEASUREMENT_ERROR, else what the file says, else, where samples at one location are repeated
        measurements, the variance by which these differ.

        Parameters
        ----------
        model : VariogramModel
        coordinates : ndarray, shape (n_samples, 2 or 3)
        values : ndarray, shape (n_samples,)
            On the variogram's scale.

        Raises
        ------
        InputError
            For an error above the nugget, or repeated measurements that differ where there is none.
        """
        given = self.number("MEASUREMENT_ERROR")
        if given is not None:
            if given > model.nugget:
                raise InputError(
                    tr(
                        "Expected a measurement error of at most the nugget ({nugget:.6g}), of which it is a part, got "
                        "{error:.6g}. Use a variogram with a larger nugget, or a smaller error."
                    ).format(nugget=model.nugget, error=given)
                )
            return replace(model, measurement_error=given)
        if self.choice("DUPLICATES") != "measurement_error" or model.measurement_error > 0 or not self.n_duplicates:
            return model
        variance, n_degrees = repeat_variance(coordinates, values)
        self.feedback.pushInfo(
            tr(
                "Repeated measurements differ with a variance of {variance:.4g} ({n} degrees of freedom; nugget "
                "{nugget:.4g}), which is taken as the measurement error."
            ).format(variance=variance, n=n_degrees, nugget=model.nugget)
        )
        if variance > 0 and model.nugget == 0:
            raise InputError(
                tr(
                    "Expected a variogram with a nugget where samples at one location are repeated measurements that "
                    "differ, got none. Fit one with a nugget, or average the samples."
                )
            )
        if variance > model.nugget:
            self.feedback.pushWarning(tr("That is more than the nugget: all of the nugget is measurement error."))
        return replace(model, measurement_error=min(variance, model.nugget))

    def folds(self, samples: Samples) -> Optional[np.ndarray]:
        """Return the fold of each sample for cross-validation, None to leave out one at a time."""
        n_folds = self.whole("CV_FOLDS")
        if n_folds == 0:
            return None
        groups = inseparable_groups(samples.coordinates, samples.holes)
        return random_folds(len(samples), n_folds, self.whole("SEED"), groups)

    def variogram(self, samples: Samples) -> Optional[VariogramFile]:
        """Return the variogram file, None where none is given; tell where it is of other data."""
        path = self.path("VARIOGRAM")
        if path is None:
            return None
        variogram = VariogramFile.read(path)
        if variogram.field and variogram.field not in samples.targets:
            self.feedback.pushWarning(
                tr("The variogram was fitted to the field {theirs}, and is used for {ours}.").format(
                    theirs=variogram.field, ours=", ".join(samples.targets)
                )
            )
        self._tell_other_crs(variogram, samples)
        return variogram

    def _tell_other_crs(self, variogram: VariogramFile, samples: Samples) -> None:
        theirs, ours = crs_from_code(variogram.crs), crs_from_code(samples.crs)
        if theirs.isValid() and ours.isValid() and theirs != ours:
            self.feedback.pushWarning(
                tr("The variogram was fitted in {theirs}, and is used in {ours}: check that the units agree.").format(
                    theirs=readable(theirs), ours=readable(ours)
                )
            )

    # ------------------------------------------------------------ training

    def hybrid_settings(self, samples: Samples) -> dict[str, Any]:
        """Return the settings of a hybrid as the backend's tasks take them.

        Raises
        ------
        InputError
            For a variogram of none of the targets.
        """
        chosen = {"kind": self.choice("TRANSFORM")}
        transforms = {name: chosen for name in samples.targets}
        settings: dict[str, Any] = {
            "transforms": transforms,
            "n_neighbors": self.whole("N_NEIGHBORS"),
            "n_seeds": self.whole("N_SEEDS"),
            "seed": self.whole("SEED"),
        }
        n_steps = self.whole("N_STEPS")
        if n_steps is not None:
            settings["network"] = {"min_steps": n_steps, "max_steps": n_steps}
        path = self.path("VARIOGRAM")
        if path is None:
            return settings
        variogram = VariogramFile.read(path)
        target = variogram.field or (samples.targets[0] if len(samples.targets) == 1 else "")
        if target not in samples.targets:
            raise InputError(
                tr(
                    "Expected a variogram of one of the targets {targets}, got one of {field}. Choose another file."
                ).format(targets=", ".join(samples.targets), field=variogram.field or tr("no named field"))
            )
        if variogram.transform.to_dict() != chosen:
            transforms[target] = variogram.transform.to_dict()
            self.feedback.pushWarning(
                tr(
                    "The variogram of {target} has the transform {theirs}, which is used for it instead of {ours}."
                ).format(target=target, theirs=variogram.transform.kind, ours=chosen["kind"])
            )
        self._tell_other_crs(variogram, samples)
        settings["variograms"] = {target: variogram.to_dict()}
        return settings


def fold_schemes(choice: str) -> list[str]:
    """Return the schemes that a choice of FOLDS stands for."""
    return ["random", "blocks"] if choice == "all" else [choice]


@dataclass(frozen=True)
class _Missing:
    """A raster that a parameter names and nobody can open."""

    parameter: str
    value: str


def with_layer_lists(algorithm, parameters) -> dict[str, Any]:
    """Return the parameters with texts of several layers, separated by semicolons, as lists.

    Newer versions of QGIS split them, 3.22 does not.
    """
    names = [
        definition.name()
        for definition in algorithm.parameterDefinitions()
        if isinstance(definition, QgsProcessingParameterMultipleLayers)
    ]
    lists = {
        name: [entry.strip() for entry in parameters[name].split(";") if entry.strip()]
        for name in names
        if isinstance(parameters.get(name), str) and parameters[name]
    }
    return {**parameters, **lists}


def problem_with_inputs(algorithm, parameters, context) -> str:
    """Return what is wrong with layers before anything runs, "" for nothing.

    QGIS itself says no more than which parameter has an incorrect value.
    """
    missing = _missing_raster(algorithm, parameters, context)
    if missing is not None:
        return tr(
            "Expected an existing raster in {parameter}, got {value}, which cannot be opened. Check the path."
        ).format(parameter=missing.parameter, value=missing.value)
    if algorithm.spec.projected and algorithm.parameterDefinition("INPUT") is not None:
        source = algorithm.parameterAsSource(parameters, "INPUT", context)
        if source is not None:
            try:
                require_projected(source.sourceCrs(), tr("the samples"))
            except InputError as error:
                return str(error)
    return ""


def _missing_raster(algorithm, parameters, context) -> Optional[_Missing]:
    for definition in algorithm.parameterDefinitions():
        value = parameters.get(definition.name())
        several = isinstance(definition, QgsProcessingParameterMultipleLayers)
        if several or isinstance(definition, QgsProcessingParameterRasterLayer):
            is_vector = several and definition.layerType() != QgsProcessing.SourceType.TypeRaster
            expected = QgsVectorLayer if is_vector else QgsRasterLayer
            for entry in value if isinstance(value, list) else [value]:
                if not isinstance(entry, str) or not entry:
                    continue
                layer = QgsProcessingUtils.mapLayerFromString(entry, context)
                if not isinstance(layer, expected) or not layer.isValid():
                    return _Missing(definition.name(), entry)
    return None
