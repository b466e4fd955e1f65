"""What algorithms ask for: samples, covariates, grids, variograms and settings, by the parameters they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Callable, Optional

import numpy as np
from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterRasterLayer,
    QgsUnitTypes,
)

from ...core.errors import InputError
from ...core.features.covariate_origins import GRADIENT, check_ranges
from ...core.features.gradients import PARTS, FieldGradients, parts_of
from ...core.grid import Block, RasterGrid
from ...core.samples import Covariates, Samples, require_samples, require_variation
from ...core.validation.folds import inseparable_groups, random_folds
from ...core.variogram.file import VariogramFile
from ...core.variogram.models import VariogramModel
from ..covariates.kinds import PlaceElevation, SampleColumn, polygon_fields
from ..covariates.stack import CovariateStack
from ..crs import crs_code, crs_from_code, require_projected, require_same, stated
from ..identity import tr
from ..layers import Points, numbers, read_points, require_fields
from ..outputs import NODATA, require_room
from ..polygons import PolygonSource
from ..provenance import provenance
from ..rasters import RasterSource
from ..tables import Table, read_table
from .covariates import (
    components_of_spectra,
    parse_categorical,
    parse_names,
    tell_codes_of_drift,
    tell_missing_crs,
    tell_other_units,
    tell_outside_ranges,
    tell_possible_codes,
)
from .grids import mask_of, tell_grid, wanted_cells, wanted_levels
from .kriging import KrigingValues
from .samples import (
    is_3d,
    one_a_location,
    tell_likely_limits,
    tell_running_numbers,
    tell_skewed,
    tell_unknown_crs,
    with_covariates,
    with_elevations,
    with_numbers,
)
from .variograms import variogram_of, with_error, with_error_of_repeats

CELLS_LOOKED_AT = 30
"""Rows and columns of cells in which ranges of covariates are looked at before a map is made."""


class Reader(KrigingValues):
    """Reads the parameters of one run.

    It is made in the main thread and takes over raster layers there; the rest is read when asked for.

    Attributes
    ----------
    raster_paths : dict of str to str
        Rasters the user wants.
    staged_files : dict of str to Path
        Where to write the files the user wants.
    template : RasterSource, optional
        The raster of TEMPLATE.
    resources : ExitStack
        Closed once everything is written.
    measured : Samples, optional
        The samples as read, before duplicates were averaged.
    n_duplicates : int
        Samples at a location that an earlier one of those read has.
    """

    def __init__(self, algorithm, parameters, context, feedback) -> None:
        super().__init__(algorithm, parameters, context, feedback)
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
        self.template = next(iter(self._rasters.get("TEMPLATE", [])), None)
        self._covariates = [*self._rasters.get("COVARIATES", []), *self._rasters.get("DRIFT", [])]

    def wanted(self, **outputs: str) -> dict[str, Path]:
        """Return where a task is to write its files: of its names for them to outputs, those that are wanted."""
        return {key: self.staged_files[name] for key, name in outputs.items() if name in self.staged_files}

    # ------------------------------------------------------------ samples

    @property
    def source(self):
        """The features of INPUT."""
        return self._features("INPUT")

    def _features(self, name: str):
        source = self._algorithm.parameterAsSource(self._parameters, name, self._context)
        if source is None:
            raise QgsProcessingException(self._algorithm.invalidSourceError(self._parameters, name))
        return source

    def points(self) -> Points:
        """Return the features of INPUT with all their fields."""
        return read_points(self.source, None, self.feedback.pushWarning)

    def samples(
        self,
        fields: str = "FIELD",
        covariates: Optional[CovariateStack] = None,
        at_least: int = 3,
        elevations: bool = False,
        names: Optional[Sequence[str]] = None,
        differentiated: Optional[Sequence[str]] = None,
        gaps: bool = False,
    ) -> Samples:
        """Return the samples, complete and one a location.

        Rows with a NULL are left out (with `gaps` those without any of the fields), samples without covariates
        too, and samples at one location are averaged; the user is told how many.

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
        differentiated : sequence of str, optional
            Fields whose gradients are covariates; None: those of GRADIENT_FIELDS.
        gaps : bool
            Whether each of several fields has its own samples: values may be NaN.

        Raises
        ------
        InputError
            For anything that cannot be used.
        """
        names = self.fields(fields) if names is None else list(names)
        source = self.source
        require_projected(source.sourceCrs(), tr("the samples"))
        require_fields(source.fields(), names)
        hole, depth = (self.text(name) if self.has(name) else "" for name in ("HOLE", "DEPTH"))
        if depth and not hole:
            raise InputError(
                tr("Expected the drill hole of each sample where its depth is given, got none. Choose the field.")
            )
        if differentiated is None:
            differentiated = self.fields("GRADIENT_FIELDS")
        alone = [name for name in names if name not in differentiated] if gaps and len(names) > 1 else []
        measured = list(dict.fromkeys([*alone, *names, *differentiated, *([depth] if depth else [])]))
        points = read_points(source, [*measured, hole] if hole else measured, self.feedback.pushWarning)
        values = numbers(points, measured)
        tell_running_numbers(values[:, : len(names)], measured[: len(names)], self.feedback)
        tell_likely_limits(values, measured, self.feedback)
        known = with_numbers(points, values, measured, self.feedback, len(alone), len(alone) == len(names))
        coordinates = points.coordinates
        tell_unknown_crs(points, self.feedback)
        if is_3d(self, points, known, elevations):
            coordinates, known = with_elevations(points, known, self.feedback)
        coordinates, values = coordinates[known], values[known]
        holes = None if not hole else np.array(["" if h is None else str(h) for h in points.columns[hole]])[known]
        at_samples = None
        if covariates is not None and covariates.members:
            tell_missing_crs(covariates, points.crs, self.feedback)
            at_samples, inside = with_covariates(
                covariates, coordinates, points.crs, np.flatnonzero(known), self.feedback
            )
            coordinates, values = coordinates[inside], values[inside]
            holes = None if holes is None else holes[inside]
        columns = dict(zip(measured, values.T))
        samples = Samples(
            coordinates, np.column_stack([columns[name] for name in names]), tuple(names), crs_code(points.crs),
            at_samples, holes, columns.get(depth), self._gradient_fields(differentiated, columns, coordinates.shape[1]),
        )  # fmt: skip
        require_samples(samples, at_least, self._algorithm.displayName())
        self.measured = samples
        treatment = self.choice("DUPLICATES") if self.has("DUPLICATES") else "average"
        samples, self.n_duplicates = one_a_location(samples, treatment, self.feedback)
        require_samples(samples, at_least, self._algorithm.displayName())
        for name in names if at_least > 1 else ():
            require_variation(samples.target(name), name)
            if samples.has_gaps:
                purpose = tr("{algorithm} for {target}").format(algorithm=self._algorithm.displayName(), target=name)
                require_samples(samples.of(name), at_least, purpose)
        if self.has("TRANSFORM") and self.choice("TRANSFORM") == "none" and not self._has_variogram():
            tell_skewed(samples, self.feedback)
        return samples

    def _has_variogram(self) -> bool:
        """Return whether there is a variogram file, whose transform counts."""
        definition = self._algorithm.parameterDefinition("VARIOGRAM")
        return definition is not None and not definition.isDestination() and self.given("VARIOGRAM")

    def _gradient_fields(
        self, names: Sequence[str], columns: Mapping[str, np.ndarray], n_dimensions: int
    ) -> Optional[Covariates]:
        """Return the fields whose gradients are covariates, with the parts wanted; None for no field."""
        if not names:
            return None
        choice = self.choice("GRADIENT_PARTS") if self.has("GRADIENT_PARTS") else PARTS[0]
        parts = {"kind": GRADIENT, "parts": parts_of(choice, n_dimensions)}
        values = np.column_stack([columns[name] for name in names])
        return Covariates(tuple(names), values, (False,) * len(names), (parts,) * len(names))

    def provenance(self) -> dict[str, object]:
        """Return what a report says about where it comes from."""
        return provenance(samples=self.source.sourceName())

    def map_unit(self) -> str:
        """Return the unit of the samples' coordinates, in words."""
        crs = stated(self.source.sourceCrs())
        return QgsUnitTypes.toString(crs.mapUnits()) if crs.isValid() else tr("map units")

    # ------------------------------------------------------------ tables

    def table(self, name: str) -> Optional[Table]:
        """Return the rows of a layer or table, None where an optional one is empty."""
        return read_table(self._features(name)) if self.given(name) else None

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
            require_same(source.crs, source.name, sources[0].crs, sources[0].name)
        return sources

    def covariates(self) -> CovariateStack:
        """Return the covariates of samples, those that hold class codes marked."""
        members = [
            *CovariateStack.of_sources(self._covariates).members,
            *polygon_fields(self._polygons, parse_names(self.text("POLYGON_FIELDS"))),
        ]
        for source in self._rasters.get("SPECTRA", []):
            members += components_of_spectra(source, self.whole("COMPONENTS"), self.feedback)
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
        if asked is None:
            tell_possible_codes(stack, self.feedback)
        return stack

    def covariates_of_model(self, samples: Samples) -> CovariateStack:
        """Return the covariates that a model with these training samples asks for; other layers are not used.

        Raises
        ------
        InputError
            For a missing one.
        """
        if samples.covariates is None:
            return CovariateStack()
        gradients = FieldGradients.of(samples)
        stack = CovariateStack.of_model(samples.covariates, self._covariates, self._polygons, gradients)
        tell_missing_crs(stack, crs_from_code(samples.crs), self.feedback)
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
        tell_outside_ranges(checks, self.feedback)
        tell_other_units(trained, stack, self.feedback)
        return {check.name: check.outside for check in checks}

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
        cells = wanted_cells(self, self.template, crs, around, fallback)
        grid = replace(cells, levels=wanted_levels(self, around.shape[1]))
        require_room(grid, dict.fromkeys(self.raster_paths.values(), n_bands))
        tell_grid(grid, around, self.feedback)
        return grid

    def mask(self, grid: RasterGrid) -> Optional[Callable[[Block], np.ndarray]]:
        """Return what says in which cells the template has a value; None where it is no mask.

        Raises
        ------
        InputError
            When a mask is asked for and there is no template.
        """
        if not self.is_checked("TEMPLATE_MASK"):
            return None
        if self.template is None:
            raise InputError(
                tr("Expected a template raster to leave its empty cells empty, got none. Choose one, or uncheck it.")
            )
        return mask_of(self.template, grid)

    def nodata(self) -> float:
        """Return what stands for nodata in rasters."""
        return float("nan") if self.is_checked("NODATA_AS_NAN") else NODATA

    # ------------------------------------------------------------ kriging

    def drift(self) -> CovariateStack:
        """Return the drift rasters of kriging with external drift, empty for the other kinds.

        An algorithm without kinds of kriging takes those that are given.

        Raises
        ------
        InputError
            For external drift without rasters.
        """
        stack = CovariateStack.of_sources(self._covariates)
        stack = stack.with_categorical(parse_names(self.text("DRIFT_CLASSES")))
        kind = self.choice("KRIGING_TYPE") if self.has("KRIGING_TYPE") else ""
        if kind and kind != "external_drift":
            if self._covariates:
                self.feedback.pushWarning(
                    tr("Drift rasters are given, but the kind of kriging is {}: they are not used.").format(kind)
                )
            return CovariateStack()
        if kind and not self._covariates:
            raise InputError(tr("Expected at least one drift raster for external drift, got none. Choose rasters."))
        tell_codes_of_drift(stack, self.feedback)
        return stack

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
            return with_error(model, given)
        if self.choice("DUPLICATES") != "measurement_error" or model.measurement_error > 0 or not self.n_duplicates:
            return model
        return with_error_of_repeats(model, coordinates, values, self.feedback)

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
        return None if path is None else variogram_of(path, samples, self.feedback)
