"""Messages between QGIS and the worker: one JSON object a line, each a typed dataclass.

To the worker go `Run` and `Cancel`; from it come `Started`, any number of `Progress`, and for each
`Run` exactly one of `Completed`, `Cancelled` and `Failed`. Arrays never travel here, they go by file.
Both interpreters import this module, so it needs nothing but the standard library.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Union

INPUT, MODEL_FILE, MEMORY, ENVIRONMENT, BUG = "input", "model_file", "memory", "environment", "bug"
"""Kinds of failure: bad input, a bad model file, too little memory, a damaged environment, our mistake."""


class ProtocolError(ValueError):
    """A line that is not a message."""


@dataclass(frozen=True)
class Run:
    """Run a task.

    Parameters
    ----------
    task : str
        Name in the registry of tasks.
    inputs : dict
        Plain JSON values.
    folder : str
        Where ``inputs.npz`` lies and where results and files are written.
    """

    task: str
    inputs: dict = field(default_factory=dict)
    folder: str = ""


@dataclass(frozen=True)
class Cancel:
    """Stop the running task soon."""


@dataclass(frozen=True)
class Started:
    """The worker is up.

    Parameters
    ----------
    versions : dict
        Version by package name, "python" included.
    """

    versions: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far the task is: current out of maximum, and what it does now ("" keeps the last message)."""

    current: float
    maximum: float = 1.0
    message: str = ""


@dataclass(frozen=True)
class Completed:
    """The task is done.

    Parameters
    ----------
    outputs : dict
        ``outputs`` (plain JSON values) and ``files`` (name in the run's folder by key); arrays lie in ``outputs.npz``.
    """

    outputs: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Cancelled:
    """The task stopped because it was asked to."""


@dataclass(frozen=True)
class Failed:
    """The task ended with an error.

    Parameters
    ----------
    kind : str
        `INPUT`, `MODEL_FILE`, `MEMORY`, `ENVIRONMENT` or `BUG`.
    message : str
        What the user reads.
    traceback : str
        What the log keeps; "" where the message says it all.
    """

    kind: str
    message: str
    traceback: str = ""


ToWorker = Union[Run, Cancel]
FromWorker = Union[Started, Progress, Completed, Cancelled, Failed]
Message = Union[ToWorker, FromWorker]
TERMINAL = (Completed, Cancelled, Failed)
"""Messages that end a run."""

_TYPES = {kind.__name__: kind for kind in (Run, Cancel, Started, Progress, Completed, Cancelled, Failed)}
_JSON_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "dict": (dict,), "float": (int, float)}


def encode(message: Message) -> str:
    """Return the line of a message, without the line break.

    Raises
    ------
    TypeError
        When the message holds something JSON cannot.

    Examples
    --------
    >>> encode(Progress(3, 10, "epoch 3"))
    '{"type": "Progress", "current": 3, "maximum": 10, "message": "epoch 3"}'
    """
    content = {entry.name: getattr(message, entry.name) for entry in dataclasses.fields(message)}
    return json.dumps({"type": type(message).__name__, **content})


def decode(line: str) -> Message:
    """Read one line.

    Raises
    ------
    ProtocolError
        When the line is not a message: noise of a library, or cut off.

    Examples
    --------
    >>> decode('{"type": "Cancel"}')
    Cancel()
    """
    try:
        content: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"Expected a message as one JSON object, got {line.strip()[:200]!r}.") from error
    kind = _TYPES.get(str(content.get("type"))) if isinstance(content, dict) else None
    if kind is None:
        raise ProtocolError(f"Expected a message as one JSON object, got {line.strip()[:200]!r}.")
    values: dict[str, Any] = {}
    for entry in dataclasses.fields(kind):
        if entry.name not in content:
            continue
        value = content[entry.name]
        if not isinstance(value, _JSON_TYPES[str(entry.type)]) or isinstance(value, bool):
            raise ProtocolError(f"Expected {entry.name} of {kind.__name__} as {entry.type}, got {value!r}.")
        values[entry.name] = value
    try:
        return kind(**values)
    except TypeError as error:
        raise ProtocolError(f"Expected a complete {kind.__name__}, got {line.strip()[:200]!r}.") from error
