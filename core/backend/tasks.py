"""The tasks that may need libraries QGIS's Python lacks, and the one call that runs them where they can run.

A task is the same function here and in the backend. Here it runs when its libraries are importable;
training always runs in the backend, since TensorFlow does not belong into QGIS's process.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Callable

import numpy as np

from ..errors import BackendMissing, InputError
from ..progress import IsCancelled, Progress, never, silent, stop_if
from . import client, environment, exchange
from .adapters.block_models import write_vtk
from .adapters.comparison import compare_methods, modules_of_methods
from .adapters.interpreter import describe, self_test
from .adapters.learned import LEARNED, PRETRAINED, TRAINING, learned_of
from .adapters.predictions import predict_points, read_model
from .adapters.training import train_model, update_model
from .adapters.variograms import fit_variogram
from .delivery import deliver, require_writable
from .job import FOLDER_PREFIX, Job, TaskResult

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """A named function with the modules it needs.

    Parameters
    ----------
    perform : callable
        From `Job` to `TaskResult`.
    modules : callable
        From the inputs to the names of the modules outside numpy and scipy that the task imports.
    """

    perform: Callable[[Job], TaskResult]
    modules: Callable[[Mapping[str, object]], tuple[str, ...]]


def modules_of(name: str, inputs: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Return the modules a task needs.

    Raises
    ------
    InputError
        When there is no such task.
    """
    return _task(name).modules(inputs or {})


def missing_modules(name: str, inputs: Mapping[str, object] | None = None) -> tuple[str, ...]:
    """Return the modules a task needs that are not installed here; none of them is imported to find out."""
    return tuple(module for module in modules_of(name, inputs) if not _is_installed(module))


def runs_here(name: str, inputs: Mapping[str, object] | None = None) -> bool:
    """Whether `run` would run the task in this interpreter instead of in the backend."""
    return "tensorflow" not in modules_of(name, inputs) and not missing_modules(name, inputs)


def execute(name: str, job: Job) -> TaskResult:
    """Run a task in this interpreter."""
    return _task(name).perform(job)


def run(
    name: str,
    inputs: Mapping[str, object] | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    *,
    files: Mapping[str, str | Path] | None = None,
) -> TaskResult:
    """Run one task where it can run; see `Runner.run` for parameters and errors."""
    with Runner() as runner:
        return runner.run(name, inputs, arrays, progress, is_cancelled, files=files)


class Runner:
    """Runs tasks here or in the backend, whose process it keeps for the next task; a context manager.

    Examples
    --------
    >>> with Runner() as runner:
    ...     "python" in runner.run("describe").outputs
    True
    """

    def __init__(self) -> None:
        self._session: client.Session | None = None

    def __enter__(self) -> Runner:
        """Return the runner; nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the backend process, if one was started."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def run(
        self,
        name: str,
        inputs: Mapping[str, object] | None = None,
        arrays: Mapping[str, np.ndarray] | None = None,
        progress: Progress = silent,
        is_cancelled: IsCancelled = never,
        *,
        files: Mapping[str, str | Path] | None = None,
    ) -> TaskResult:
        """Run a task and wait for its result.

        Parameters
        ----------
        name : str
            Name of the task.
        inputs : mapping, optional
            Plain values, numpy numbers or dataclasses of them.
        arrays : mapping of ndarray, optional
            Arrays of numbers or text by name.
        progress, is_cancelled : callable
            Called on the calling thread only.
        files : mapping of path, optional
            Where to put the files the task makes, by name. They appear there whole or not at all.

        Returns
        -------
        TaskResult

        Raises
        ------
        InputError
            What the task raised, or a file that cannot be written.
        BackendMissing
            When the task needs a backend and none is ready.
        BackendFailed
            When the backend's process ended unexpectedly or failed by a mistake of ours.
        Cancelled
            When `is_cancelled` said so.
        """
        if runs_here(name, inputs):
            try:
                return self._run_here(name, inputs, arrays, progress, is_cancelled, files)
            except BackendMissing as error:
                logger.info("Installed here but not usable, so the backend is asked: %s", error)
        if self._session is None:
            self._session = client.Session(_backend_python(name, inputs))
        return self._session.run(name, inputs, arrays, files=files, progress=progress, is_cancelled=is_cancelled)

    @staticmethod
    def _run_here(
        name: str,
        inputs: Mapping[str, object] | None,
        arrays: Mapping[str, np.ndarray] | None,
        progress: Progress,
        is_cancelled: IsCancelled,
        files: Mapping[str, str | Path] | None,
    ) -> TaskResult:
        """Run a task in this interpreter; BackendMissing when a library is found here but cannot be imported."""
        destinations = {key: Path(path) for key, path in (files or {}).items()}
        for destination in destinations.values():
            require_writable(destination)
        stop_if(is_cancelled)
        with tempfile.TemporaryDirectory(prefix=FOLDER_PREFIX) as folder:
            given = {key: np.asarray(array) for key, array in (arrays or {}).items()}
            job = Job(exchange.plain(inputs or {}), given, Path(folder), progress, is_cancelled)
            result = execute(name, job)
            delivered = deliver(result.files, destinations)
        return TaskResult(exchange.plain(result.outputs), result.arrays, delivered)


def _task(name: str) -> Task:
    if name not in TASKS:
        raise InputError(f"No task named {name!r}; there are {', '.join(TASKS)}.")
    return TASKS[name]


_PACKAGES = {"skgstat": "scikit-gstat", "sklearn": "scikit-learn"}
"""What modules are called where they are installed from."""


def _is_installed(module: str) -> bool:
    """Whether a module could be imported, found without importing it."""
    if module in sys.modules:
        return sys.modules[module] is not None
    return find_spec(module) is not None


def _backend_python(name: str, inputs: Mapping[str, object] | None) -> Path:
    """Return the backend's Python, or say what the task lacks and where to get it."""
    try:
        return environment.backend_python(modules_of(name, inputs))
    except BackendMissing as error:
        lacking = missing_modules(name, inputs)
        packages = ", ".join(_PACKAGES.get(module, module) for module in lacking or modules_of(name, inputs))
        why = "QGIS's own Python lacks" if lacking else "does not run in QGIS's own Python"
        raise BackendMissing(f"This step needs {packages}, which {why}. {error}") from error


def _nothing(inputs: Mapping[str, object]) -> tuple[str, ...]:
    return ()


def _for_comparison(inputs: Mapping[str, object]) -> tuple[str, ...]:
    methods = inputs.get("methods")
    return modules_of_methods(methods if isinstance(methods, (list, tuple)) else ())


TASKS: dict[str, Task] = {
    "fit_variogram": Task(fit_variogram, lambda inputs: ("skgstat",)),
    "train_model": Task(train_model, lambda inputs: learned_of(inputs).modules),
    "update_model": Task(update_model, lambda inputs: LEARNED.get(str(inputs.get("kind")), LEARNED["hybrid"]).modules),
    "compare_methods": Task(compare_methods, _for_comparison),
    "read_model": Task(read_model, lambda inputs: ("onnxruntime",)),
    "predict_points": Task(predict_points, lambda inputs: ("onnxruntime",)),
    "write_vtk": Task(write_vtk, lambda inputs: ("pyevtk",)),
    "describe": Task(describe, _nothing),
    "self_test": Task(self_test, lambda inputs: TRAINING if inputs.get("training", True) else PRETRAINED),
}
"""All tasks by name; what they take and give is said in `adapters`."""
