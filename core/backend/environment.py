"""The backend environment: where it is, whether it is ready, and a description of it.

It is a virtual environment of its own in the user's cache folder, made (`installation`) only when the user asks for
it and never inside QGIS's Python. ``HYBRIDGEO_BACKEND_DIR`` puts it elsewhere; ``HYBRIDGEO_BACKEND_PYTHON`` uses an
interpreter that is there already and installs nothing.

A stamp file inside tells an environment of ours from any other folder, and a ready one from a half-made one.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BackendMissing, InputError
from .interpreters import MODULES, probe
from .process import WINDOWS

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
MISSING, INCOMPLETE, STALE, BROKEN, READY = "missing", "incomplete", "stale", "broken", "ready"
STAMP = "hybridgeo-backend.json"
FOLDER_VARIABLE, PYTHON_VARIABLE = "HYBRIDGEO_BACKEND_DIR", "HYBRIDGEO_BACKEND_PYTHON"
SET_UP = "Run Set up backend (hybridgeo:setupbackend)"
ALL, WITHOUT_TRAINING = "all", "without_training"
PACKAGES = (ALL, WITHOUT_TRAINING)
"""What the environment may hold: everything, or what variograms and predictions need."""
SIZES = {ALL: "2.2 GB", WITHOUT_TRAINING: "0.8 GB"}
_FOR_TRAINING = ("tensorflow", "tf2onnx", "skl2onnx")
"""Modules that an environment without training lacks."""


@dataclass(frozen=True)
class BackendStatus:
    """What there is.

    Parameters
    ----------
    status : str
        missing, incomplete, stale, broken or ready.
    words : str
        The same in a sentence, with what to do.
    folder : Path
        Where the environment is or will be.
    python : Path or None
        Its interpreter; None unless ready.
    versions : dict
        Versions by package, from the stamp.
    has_training : bool
        Whether it was made with what training needs; False says nothing about `is_ready`.
    """

    status: str
    words: str
    folder: Path
    python: Path | None = None
    versions: dict = field(default_factory=dict)
    has_training: bool = True

    @property
    def is_ready(self) -> bool:
        """Whether tasks can run in it, those that train only where it `trains`."""
        return self.status == READY

    @property
    def trains(self) -> bool:
        """Whether models can be trained in it."""
        return self.is_ready and self.has_training


def cache_folder() -> Path:
    """Return the user's cache folder of this plugin, by the platform's custom."""
    if WINDOWS:
        # A short name: TensorFlow's own paths take 163 of the 259 characters there may be.
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "hybridgeo"
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "hybrid_geostatistics"


def lock_hash(requirements: Path = REQUIREMENTS) -> str:
    """Return a short hash of the locked packages; comments and line ends do not count.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    return hashlib.sha256("\n".join(locked(requirements)).encode("utf-8")).hexdigest()[:12]


def default_folder(requirements: Path = REQUIREMENTS) -> Path:
    """Return the folder of the environment: a new lock gets a new folder unless the user named one."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        return Path(given).expanduser().absolute()
    return cache_folder() / f"{'b' if WINDOWS else 'backend'}-{lock_hash(requirements)}"


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if WINDOWS else folder / "bin" / "python"


def log_of(folder: Path) -> Path:
    """Return the log of the last installation, beside the environment so that it outlives a failure."""
    return folder.with_name(folder.name + ".log")


def backend_python(modules: Sequence[str] = ()) -> Path:
    """Return the interpreter that tasks run in.

    Parameters
    ----------
    modules : sequence of str
        What the task imports.

    Raises
    ------
    BackendMissing
        When no environment is ready, or the one there is was made without training and the task trains; the message
        says why and names Set up backend.
    """
    status, trains = check(run_it=False), _trains(modules)
    if status.python is None:
        words = status.words
        if status.status == MISSING and modules and not trains:
            words += f" For this step PACKAGES = {WITHOUT_TRAINING} is enough, which takes {SIZES[WITHOUT_TRAINING]}."
        raise BackendMissing(words)
    if trains and not status.trains:
        raise BackendMissing(status.words)
    return status.python


def _trains(modules: Sequence[str]) -> bool:
    """Return whether some of the modules are for training only."""
    return not set(modules).isdisjoint(_FOR_TRAINING)


def check(folder: Path | None = None, requirements: Path = REQUIREMENTS, *, run_it: bool = True) -> BackendStatus:
    """Say whether the environment is there and fits this version of the plugin.

    Parameters
    ----------
    folder : Path, optional
        Default `default_folder`.
    requirements : Path
        The lock it should have been made from.
    run_it : bool
        Whether to start its interpreter, which finds damage that files do not show.

    Returns
    -------
    BackendStatus
    """
    chosen = os.environ.get(PYTHON_VARIABLE)
    if folder is None and chosen:
        return _check_chosen(Path(chosen).expanduser(), run_it)
    folder = folder or default_folder(requirements)
    if not folder.exists():
        return BackendStatus(MISSING, f"There is no backend environment yet. {SET_UP}; it takes {SIZES[ALL]}.", folder)
    stamp = read_stamp(folder)
    if stamp is None:
        words = f"{folder} is not a backend environment. Choose another folder in {FOLDER_VARIABLE}, or empty it."
        return BackendStatus(BROKEN if any(folder.iterdir()) else MISSING, f"{words} {SET_UP}.", folder)
    if stamp.get("state") != READY:
        words = f"The backend environment is being made, or its installation was interrupted. {SET_UP} to complete it."
        return BackendStatus(INCOMPLETE, words, folder)
    versions = stamp.get("versions", {})
    if stamp.get("lock") != lock_hash(requirements):
        words = f"The backend environment was made for another version of this plugin. {SET_UP} to update it."
        return BackendStatus(STALE, words, folder, None, versions)
    python = python_of(folder)
    problem = "" if python.exists() else f"its Python {python} is gone"
    if not problem and run_it:
        try:
            probe(python)
        except InputError as error:
            problem = str(error)
    if problem:
        return BackendStatus(BROKEN, f"The backend environment is damaged: {problem}. {SET_UP} to repair it.", folder)
    has_training = stamp.get("packages", ALL) == ALL
    words = f"The backend environment is ready (Python {stamp.get('python', '?')})."
    if not has_training:
        words = (
            "The backend environment was made without training: it fits variograms and predicts. "
            f"{SET_UP} with PACKAGES = {ALL} to train; it takes {SIZES[ALL]}."
        )
    return BackendStatus(READY, words, folder, python, versions, has_training)


def _check_chosen(python: Path, run_it: bool) -> BackendStatus:
    """Check the interpreter that the user chose with `PYTHON_VARIABLE`."""
    folder = python.parent
    fix = f"Correct {PYTHON_VARIABLE}, or remove it and run Set up backend (hybridgeo:setupbackend)."
    if not python.is_file():
        return BackendStatus(BROKEN, f"{PYTHON_VARIABLE} names {python}, which does not exist. {fix}", folder)
    if run_it:
        try:
            lacking = sorted(set(MODULES) - set(probe(python).modules))
        except InputError as error:
            return BackendStatus(BROKEN, f"{PYTHON_VARIABLE}: {error} {fix}", folder)
        if lacking:
            words = f"{python} ({PYTHON_VARIABLE}) lacks {', '.join(lacking)}. Install them there. {fix}"
            return BackendStatus(BROKEN, words, folder)
    return BackendStatus(READY, f"The backend is {python}, chosen with {PYTHON_VARIABLE}.", folder, python)


def describe() -> str:
    """Return a description of the backend in Markdown, fit for an issue: no user name, no credentials.

    Returns
    -------
    str
    """
    status = check()
    folder = status.folder
    rows = [
        ("Status", f"{status.status}: {status.words}"),
        ("Platform", platform.platform()),
        ("Processor", f"{platform.machine()}, {os.cpu_count()} cores"),
        ("QGIS's Python", sys.version.split()[0]),
        ("Backend's Python", str(status.python or "none")),
        ("Folder", str(folder)),
        ("Free disk space", f"{shutil.disk_usage(existing(folder)).free / 1e9:.1f} GB"),
        ("Lock", lock_hash()),
    ]
    rows += [(f"{name}", os.environ[name]) for name in (FOLDER_VARIABLE, PYTHON_VARIABLE) if name in os.environ]
    rows += sorted(status.versions.items())
    older = list(_other_environments(folder))
    if older:
        rows.append(("Older environments, which can be deleted", ", ".join(map(str, older))))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    text = f"## Backend of Hybrid Geostatistics\n\n| | |\n|---|---|\n{table}\n"
    log = log_of(folder)
    if log.is_file() and not status.is_ready:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        text += f"\nLast lines of the installation log:\n\n```\n{tail}\n```\n"
    return scrub(text.replace(str(Path.home()), "~"))


def scrub(text: str) -> str:
    """Hide credentials in addresses.

    Examples
    --------
    >>> scrub("Looking in https://anna:" + "secret@pypi.example.org/simple")
    'Looking in https://***@pypi.example.org/simple'
    """
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)


def _other_environments(folder: Path) -> Iterator[Path]:
    """Yield environments of other versions of the plugin beside the current one."""
    for path in sorted(cache_folder().glob("b*-*")):
        if path != folder and (path / STAMP).is_file():
            yield path


def existing(folder: Path) -> Path:
    """Return the folder or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def read_stamp(folder: Path) -> dict | None:
    """Return the stamp; None for a folder that is not ours."""
    try:
        content = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def locked(requirements: Path) -> list[str]:
    """Return the lines of a lock that name packages."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
