"""What a task is given and what it gives back, wherever it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..progress import IsCancelled, Progress, never, silent

FOLDER_PREFIX = "hybridgeo-"
"""Start of the names of the temporary folders that hold the folders of runs."""
INPUTS, OUTPUTS = "inputs.npz", "outputs.npz"
"""Files of arrays in the folder of a run."""


@dataclass(frozen=True)
class Job:
    """One run of a task.

    Parameters
    ----------
    inputs : dict
        Plain JSON values.
    arrays : dict of ndarray
        Arrays by name.
    folder : Path
        A folder of its own for the files it writes; it is removed afterwards.
    progress, is_cancelled : callable
        See `core.progress`.
    """

    inputs: dict
    arrays: dict[str, np.ndarray]
    folder: Path
    progress: Progress = silent
    is_cancelled: IsCancelled = never


@dataclass(frozen=True)
class TaskResult:
    """What a task made.

    Parameters
    ----------
    outputs : dict
        Plain JSON values.
    arrays : dict of ndarray
        Arrays by name.
    files : dict of Path
        Files by name: inside the job's folder when a task returns them, at their destination when a run does.
    """

    outputs: dict = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
