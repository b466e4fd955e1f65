"""The one way every algorithm runs: read, compute, write; errors, cancel, progress and help.

An algorithm is a class with a `spec` and a `compute`. What `compute` returns decides how it is
written: `Maps` become GeoTIFFs, a callable or text becomes a file (unless a task wrote it to
`Reader.wanted` already), a `PointTable` a layer, and everything else is a value. Nothing is left
behind unless all of it could be written.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Callable

import numpy as np
from qgis.core import (
    Qgis,
    QgsMessageLog,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
)
from qgis.PyQt.QtGui import QIcon

from ..core.errors import BackendFailed, BackendMissing, Cancelled, InputError
from ..core.kriging.compiling import compiling
from ..core.progress import IsCancelled, Progress, part
from .help import help_html
from .identity import PLUGIN_FOLDER, metadata, tr
from .interruption import cancelled_when_terminated, is_command_line
from .layers import PointTable
from .outputs import Maps, StagedFiles, require_geotiff
from .rasters import small_cache
from .reading.checks import problem_with_inputs, tell_unheeded, with_layer_lists
from .reading.reader import Reader
from .styles import MAGMA, VIRIDIS, RampStyle

UNCERTAINTIES = ("KRIGING_VARIANCE", "GRADIENT_VARIANCE")
"""Raster outputs in the colours of uncertainty."""
_KEPT_STYLES: deque = deque(maxlen=256)
"""QGIS does not keep post processors written in Python alive until they have run."""
COMPUTING = 0.2
"""Share of the progress bar before writing begins, where rasters are written."""


class Group(Enum):
    """Groups of the Toolbox; the value is the id."""

    SAMPLES = "samples"
    COVARIATES = "covariates"
    VARIOGRAPHY = "variography"
    KRIGING = "kriging"
    DEEP_LEARNING = "deeplearning"
    VALIDATION = "validation"
    ENVIRONMENT = "environment"

    @property
    def label(self) -> str:
        """Return the name in the Toolbox."""
        return {
            Group.SAMPLES: tr("Samples"),
            Group.COVARIATES: tr("Covariates"),
            Group.VARIOGRAPHY: tr("Variography"),
            Group.KRIGING: tr("Kriging"),
            Group.DEEP_LEARNING: tr("Deep learning"),
            Group.VALIDATION: tr("Validation"),
            Group.ENVIRONMENT: tr("Environment"),
        }[self]


@dataclass(frozen=True)
class AlgorithmSpec:
    """What an algorithm is called, takes and gives.

    Parameters
    ----------
    id : str
        Lowercase letters and digits; never changed.
    title : callable
        Returns the name in the Toolbox, in the user's language.
    group : Group
    summary : callable
        Returns one sentence.
    inputs, outputs : callable
        Return new parameters and output definitions: QGIS takes ownership of them.
    tags : tuple of str
        Words it is found by.
    projected : bool
        Whether INPUT must be in a projected CRS.
    """

    id: str
    title: Callable[[], str]
    group: Group
    summary: Callable[[], str]
    inputs: Callable[[], list]
    outputs: Callable[[], list]
    tags: tuple[str, ...] = ()
    projected: bool = True


class Algorithm(QgsProcessingAlgorithm):
    """An algorithm declared by its `spec`; subclasses add `compute`."""

    spec: AlgorithmSpec

    def compute(self, read: Reader, progress: Progress, is_cancelled: IsCancelled) -> Mapping[str, Any]:
        """Return a value for each output.

        Parameters
        ----------
        read : Reader
            Turns parameters into the method's objects.
        progress, is_cancelled : callables
        """
        raise NotImplementedError

    # ------------------------------------------------------------ what QGIS asks

    def createInstance(self):
        """Return a new instance."""
        return type(self)()

    def name(self) -> str:
        """Return the id."""
        return self.spec.id

    def displayName(self) -> str:
        """Return the name in the Toolbox."""
        return self.spec.title()

    def group(self) -> str:
        """Return the group in the Toolbox."""
        return self.spec.group.label

    def groupId(self) -> str:
        """Return the group's id."""
        return self.spec.group.value

    def shortDescription(self) -> str:
        """Return one sentence."""
        return self.spec.summary()

    def tags(self) -> list[str]:
        """Return words it is found by."""
        return list(self.spec.tags)

    def icon(self) -> QIcon:
        """Return the plugin's icon."""
        return QIcon(self.svgIconPath())

    def svgIconPath(self) -> str:
        """Return the path of the plugin's icon."""
        return str(PLUGIN_FOLDER / metadata("icon"))

    def shortHelpString(self) -> str:
        """Return the help beside the dialog."""
        return help_html(self.spec.id)

    def helpUrl(self) -> str:
        """Return the page of the same help on the web."""
        return f"{metadata('repository')}/blob/main/resources/help/{self.spec.id}.md"

    def initAlgorithm(self, configuration=None):
        """Declare parameters and outputs."""
        for definition in [*self.spec.inputs(), *self.spec.outputs()]:
            if isinstance(definition, QgsProcessingOutputDefinition):
                self.addOutput(definition)
            else:
                self.addParameter(definition)

    def checkParameterValues(self, parameters, context):
        """Refuse what can be refused without computing."""
        parameters = with_layer_lists(self, parameters)
        problem = problem_with_inputs(self, parameters, context)
        if problem:
            return False, problem
        return super().checkParameterValues(parameters, context)

    def prepareAlgorithm(self, parameters, context, feedback):
        """Take over what may only be touched in the main thread."""
        tell_unheeded(self, parameters, feedback)
        try:
            self._read = Reader(self, with_layer_lists(self, parameters), context, feedback)
        except InputError as error:
            raise QgsProcessingException(str(error)) from error
        return True

    def processAlgorithm(self, parameters, context, feedback):
        """Read, compute, write."""
        try:
            with cancelled_when_terminated(feedback), compiling(feedback.isCanceled, lambda: tell_compiling(feedback)):
                return self._run(parameters, context, feedback)
        except Cancelled as error:
            if is_command_line():
                # Else the exit code would tell a shell that the outputs are there.
                raise QgsProcessingException(str(error)) from error
            feedback.pushInfo(str(error))
            return {}
        except InputError as error:
            raise QgsProcessingException(str(error)) from error
        except BackendMissing as error:
            raise QgsProcessingException(str(error)) from error
        except BackendFailed as error:
            if error.details:
                feedback.pushDebugInfo(error.details)
            raise QgsProcessingException(str(error)) from error
        except QgsProcessingException:
            raise
        except Exception as error:
            details = traceback.format_exc()
            feedback.pushDebugInfo(details)
            QgsMessageLog.logMessage(details, metadata("name"), Qgis.MessageLevel.Critical)
            raise QgsProcessingException(
                tr("{algorithm} stopped at an error that should not happen: {kind}: {message}. Nothing was written. "
                   "Please report it with the log above at {tracker}").format(
                    algorithm=self.displayName(), kind=type(error).__name__, message=error, tracker=metadata("tracker")
                )
            ) from error
        finally:
            # The reader knows the algorithm: a circle that would outlive QGIS's own objects.
            self._read = None

    # ------------------------------------------------------------ how it runs

    def _run(self, parameters, context, feedback) -> dict[str, Any]:
        progress, is_cancelled = _progress(feedback), feedback.isCanceled
        rasters, files, sinks = {}, {}, []
        with small_cache(), StagedFiles() as stage, self._read.resources:
            destinations = self.destinationParameterDefinitions()
            for definition in destinations:
                name = definition.name()
                if isinstance(definition, QgsProcessingParameterRasterDestination):
                    path = self.parameterAsOutputLayer(parameters, name, context)
                    if path:
                        require_geotiff(path)
                        rasters[name] = path
                elif isinstance(definition, QgsProcessingParameterFileDestination):
                    path = self.parameterAsFileOutput(parameters, name, context)
                    if path:
                        files[name] = path
                elif isinstance(definition, QgsProcessingParameterFeatureSink) and self._read.given(name):
                    sinks.append(name)
            staged = {name: stage.stage(path) for name, path in {**rasters, **files}.items()}
            self._read.raster_paths = rasters
            self._read.staged_files = {name: staged[name] for name in files}
            results = dict(self.compute(self._read, part(progress, 0.0, COMPUTING if rasters else 1.0), is_cancelled))
            written = {definition.name() for definition in destinations}
            outputs = {name: _plain(value) for name, value in results.items() if name not in written}
            outputs.update({**rasters, **files})
            values: dict[str, np.ndarray] = {}
            for maps in {id(value): value for value in results.values() if isinstance(value, Maps)}.values():
                wanted = {name: staged[name] for name in rasters if results[name] is maps}
                told = maps.write(wanted, part(progress, COMPUTING, 1.0), is_cancelled)
                values.update(told.values)
                self._report_missing(told.missing, told.n_cells, feedback)
            for name in files:
                if name in results:
                    _write_file(results[name], staged[name])
            for name in sinks:
                outputs[name] = self._write_sink(results[name], parameters, name, context)
            stage.commit()
        self._style(rasters, results, values, context)
        for name in sinks:
            style = results[name].style
            if style is not None and context.willLoadLayerOnCompletion(outputs[name]):
                _set_style(context.layerToLoadOnCompletionDetails(outputs[name]), style)
        return outputs

    def _write_sink(self, table: PointTable, parameters, name, context) -> str:
        sink, destination = self.parameterAsSink(
            parameters, name, context, table.qgs_fields(), table.wkb_type, table.crs
        )
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, name))
        table.write(sink)
        return destination

    def _report_missing(self, missing: Mapping[str, int], n_cells: int, feedback) -> None:
        worst = max(missing.values(), default=0)
        if worst:
            feedback.pushWarning(
                tr("{worst} of {n_cells} cells have no estimate and are nodata.").format(worst=worst, n_cells=n_cells)
            )

    def _style(
        self, rasters: Mapping[str, str], results: Mapping[str, Any], values: Mapping[str, np.ndarray], context
    ) -> None:
        for rank, (name, path) in enumerate(rasters.items()):
            if context.willLoadLayerOnCompletion(path):
                details = context.layerToLoadOnCompletionDetails(path)
                usual = self.parameterDefinition(name).description()
                colors = MAGMA if name in UNCERTAINTIES else VIRIDIS
                # In which order layers are added differs by version, file name and what is selected. From 3.32 on it
                # can be said: the last one becomes the active layer, so that maps of later runs come above it.
                if hasattr(details, "layerSortKey"):
                    details.layerSortKey = -rank
                label, band = _layer_name(results[name].bands[name], usual), results[name].shown_band(name)
                style = RampStyle(label, values[name], colors, band, is_shown=rank == 0, instead_of=usual)
                _set_style(details, style)


def _layer_name(bands: Sequence[str], usual: str) -> str:
    """Return what to call a layer: by its one quantity, so that maps of several can be told apart.

    Examples
    --------
    >>> _layer_name(["zinc"], "Estimate"), _layer_name(["zinc kriging variance"], "Kriging variance")
    ('zinc: estimate', 'zinc kriging variance')
    >>> _layer_name(["zinc", "lead"], "Prediction")
    'Prediction'
    """
    if len(bands) > 1:
        return usual
    says_it = set(usual.lower().split()) & set(bands[0].lower().split())
    return bands[0] if says_it else f"{bands[0]}: {usual.lower()}"


def _set_style(details, style) -> None:
    """Let a style be given to a layer once it is loaded."""
    _KEPT_STYLES.append(style)
    details.setPostProcessor(style)


def tell_compiling(feedback) -> None:
    """Tell why nothing moves for a while."""
    feedback.pushInfo(
        tr(
            "The first large map on this machine, and the first one of a new version, compiles its kriging: that takes "
            "up to a minute. Cancelling is heeded within seconds meanwhile. Later maps start at once."
        )
    )


def _progress(feedback) -> Progress:
    """Return the callable that tells a feedback how far the work is."""
    last = ""

    def report(fraction: float, message: str = "") -> None:
        nonlocal last
        feedback.setProgress(100.0 * fraction)
        if message and message != last:
            feedback.setProgressText(message)
            last = message

    return report


def _write_file(value: Any, path: Path) -> None:
    """Write text, or let a callable write the file."""
    if callable(value):
        value(path)
    else:
        path.write_text(value, encoding="utf-8")


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold; NaN becomes None."""
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value
