"""Making the backend environment: from a Python and a lock of packages to a tested environment, or to nothing."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import BackendFailed, InputError
from ..progress import IsCancelled, Progress, never, part, silent
from ..whole_files import written_whole
from .client import run_task
from .environment import (
    ALL,
    BROKEN,
    FOLDER_VARIABLE,
    PYTHON_VARIABLE,
    READY,
    REQUIREMENTS,
    STAMP,
    WITHOUT_TRAINING,
    BackendStatus,
    backend_python,
    check,
    default_folder,
    existing,
    lock_hash,
    locked,
    log_of,
    python_of,
    read_stamp,
    scrub,
)
from .interpreters import Interpreter, dotted, find_python
from .lock_file import only_one
from .process import WINDOWS, ProgramFailed, clean_environment, run

REQUIRED_BYTES = {ALL: 3_000_000_000, WITHOUT_TRAINING: 1_200_000_000}
"""Room needed while an environment is made; afterwards it takes `SIZES`."""
FETCHED = {ALL: "600 MB", WITHOUT_TRAINING: "200 MB"}
"""What is downloaded."""
NAMED = {WITHOUT_TRAINING: ("scikit-gstat", "onnxruntime", "pyevtk")}
"""What is asked for instead of the whole lock, which then only says the versions."""


def create(
    python: str | Path | None = None,
    wheels: str | Path | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    *,
    packages: str = ALL,
    folder: Path | None = None,
    requirements: Path = REQUIREMENTS,
) -> BackendStatus:
    """Make the environment, or repair it; one that holds enough and passes its test is left alone.

    Parameters
    ----------
    python : str or Path, optional
        Interpreter to make it with; default `find_python`.
    wheels : str or Path, optional
        Folder of wheels to install from instead of the network.
    progress, is_cancelled : callable
    packages : str
        Out of `environment.PACKAGES`: whether models can be trained in it.
    folder : Path, optional
        Default `default_folder`.
    requirements : Path
        The lock.

    Returns
    -------
    BackendStatus
        Ready.

    Raises
    ------
    InputError
        When no Python fits, the disk is too small, or a folder cannot be used.
    BackendFailed
        When the installation or its test fails; the half-made folder is gone, the log stays.
    Cancelled
        When `is_cancelled` said so; the half-made folder is gone.
    """
    chosen = os.environ.get(PYTHON_VARIABLE)
    if folder is None and chosen:
        status = check()
        if not status.is_ready:
            raise InputError(status.words)
        self_test(status.python, progress, is_cancelled)
        return status
    folder = folder or default_folder(requirements)
    _require_platform()
    if wheels is not None and not any(Path(wheels).expanduser().glob("*.whl")):
        raise InputError(f"Expected a folder of wheels (*.whl), found none in {wheels}. Choose another folder.")
    with only_one(folder, progress, is_cancelled):
        status = check(folder, requirements)
        if status.trains or (status.is_ready and packages == WITHOUT_TRAINING):
            try:
                self_test(status.python, progress, is_cancelled, status.trains)
                return status
            except BackendFailed as error:
                _write_log(folder, [f"The test of the environment failed, it is made anew: {error}\n{error.details}\n"])
        elif status.status == BROKEN and read_stamp(folder) is None:
            raise InputError(status.words)
        progress(0.0, "Looking for a Python")
        interpreter = find_python(python)
        _remove_environment(folder)
        _require_room(folder.parent, REQUIRED_BYTES[packages])
        try:
            _make(folder, interpreter, wheels, packages, requirements, progress, is_cancelled)
        except BaseException:
            _remove_environment(folder)
            raise
    return check(folder, requirements)


def self_test(
    python: str | Path | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    training: bool = True,
) -> dict:
    """Train, export and predict something tiny in the backend; without training fit and predict.

    Returns
    -------
    dict
        Versions by package, and what the test measured.

    Raises
    ------
    BackendMissing, BackendFailed, Cancelled
    """
    python = python or backend_python()
    inputs = {"training": training}
    return run_task("self_test", inputs, python=python, progress=progress, is_cancelled=is_cancelled).outputs


def _make(
    folder: Path,
    interpreter: Interpreter,
    wheels: str | Path | None,
    packages: str,
    requirements: Path,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> None:
    """Make the environment in an empty place; the stamp says ready only at the very end."""
    folder.mkdir(parents=True)
    stamp = {"lock": lock_hash(requirements), "python": dotted(interpreter.version), "packages": packages}
    _write_stamp(folder, {"state": "installing", **stamp})
    _write_log(folder, [f"{datetime.datetime.now().astimezone():%Y-%m-%d %H:%M} {interpreter.path}\n"], anew=True)
    # What pip unpacks for a while goes into the folder too: /tmp is often too small for TensorFlow.
    scratch = folder / "tmp"
    scratch.mkdir()
    variables = {**clean_environment(), "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}

    progress(0.01, "Making a virtual environment")
    _install_step([interpreter.path, "-m", "venv", folder], folder, variables, is_cancelled=is_cancelled)
    source = ["--no-index", "--find-links", Path(wheels).expanduser().absolute()] if wheels else []
    command = [
        python_of(folder), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off",
        "--only-binary", ":all:", *source, *(["-c", requirements, *NAMED[packages]] if packages in NAMED else
                                             ["-r", requirements]),
    ]  # fmt: skip
    n_packages = len({line.split("==")[0] for line in locked(requirements)})
    counter = _PackageCounter(folder, n_packages if packages == ALL else n_packages // 2, packages)
    installing = part(progress, 0.05, 0.9)
    _install_step(command, folder, variables, counter, installing, is_cancelled)
    shutil.rmtree(scratch)
    progress(0.9, "Testing the environment")
    tested = self_test(python_of(folder), part(progress, 0.9, 1.0), is_cancelled, packages == ALL)
    made = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    _write_stamp(folder, {"state": READY, **stamp, "made": made, "versions": tested.get("versions", {})})
    progress(1.0, "The backend environment is ready")


def _install_step(
    command: list,
    folder: Path,
    variables: dict[str, str],
    counter: _PackageCounter | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> None:
    """Run one program of the installation, log what it says and explain its failure."""

    def follow(lines: Sequence[str]) -> None:
        if lines:
            _write_log(folder, lines)
        if counter is not None:
            progress(*counter.count(len(lines)))

    try:
        run(command, folder, environment=variables, on_poll=follow, is_cancelled=is_cancelled)
    except ProgramFailed as error:
        tail = scrub("".join(error.output.splitlines(keepends=True)[-40:]))
        raise BackendFailed(
            f"The backend environment could not be made. {advice_for(error.output)} The log is {log_of(folder)}.", tail
        ) from error
    except OSError as error:
        raise BackendFailed(f"{command[0]} cannot be started: {error.strerror or error}.") from error


class _PackageCounter:
    """How far pip is, by counting: lines it writes while it fetches, packages that have appeared afterwards."""

    def __init__(self, folder: Path, n_packages: int, packages: str) -> None:
        self._fetching = f"Fetching packages (about {FETCHED[packages]})"
        self._pattern = "Lib/site-packages/*.dist-info" if WINDOWS else "lib/python*/site-packages/*.dist-info"
        self._folder = folder
        self._n_packages = max(n_packages, 1)
        self._n_lines = 0
        self._n_before = -1
        self._looked = 0.0
        self._n_installed = 0

    def count(self, n_lines: int) -> tuple[float, str]:
        """Return the fraction done and what is being done."""
        self._n_lines += n_lines
        now = time.monotonic()
        if now - self._looked > 0.5:
            self._looked = now
            n_there = sum(1 for _ in self._folder.glob(self._pattern))
            self._n_before = n_there if self._n_before < 0 else self._n_before
            self._n_installed = n_there - self._n_before
        # A package takes two lines: one for choosing, one for fetching it.
        fetched = min(self._n_lines / (2 * self._n_packages), 1.0)
        installed = min(self._n_installed / self._n_packages, 1.0)
        if installed > 0:
            return 0.6 + 0.4 * installed, "Installing packages"
        return 0.6 * fetched, self._fetching


_ADVICE = (
    (r"No space left|Errno 28|WinError 112", "The disk is full: make room, or set {folder} to another disk."),
    (r"externally-managed-environment",
     "This Python refuses packages (PEP 668): install python3-venv, or choose another Python in PYTHON."),
    (r"ensurepip|No module named pip", "This Python lacks pip for new environments: sudo apt install python3-venv."),
    (r"ProxyError|Tunnel connection failed|407 Proxy",
     "The proxy refused the connection: set HTTPS_PROXY=http://user:"
     "password@host:port before QGIS starts, or install from a folder of wheels (WHEELS)."),
    (r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
     "The connection is inspected or its certificate is unknown: set PIP_CERT to your organisation's certificate file, "
     "or install from a folder of wheels (WHEELS)."),
    (r"NewConnectionError|name resolution|getaddrinfo|Network is unreachable|ConnectTimeout|ReadTimeout|Max retries",
     "The package index cannot be reached: check the network and the proxy, or install from a folder of wheels "
     "(WHEELS)."),
    (r"WinError 206|path.{0,20}too long|Long.?Path",
     "A path is too long for Windows: set {folder} to a short folder such as C:\\hybridgeo."),
    (r"WinError 5|WinError 32|Access is denied|Permission denied",
     "A file could not be written: close other programs that use the environment, and let the virus scanner leave its "
     "folder alone."),
    (r"No matching distribution|from versions: none",
     "A package does not exist for this Python and system, or is missing in the folder of wheels: choose Python 3.11 "
     "or 3.12 in PYTHON, or complete the folder with: pip download -r requirements.txt"),
)  # fmt: skip


def advice_for(output: str) -> str:
    """Return what to do about a failed installation, judged by what the installer wrote."""
    for pattern, advice in _ADVICE:
        if re.search(pattern, output, re.IGNORECASE):
            return advice.replace("{folder}", FOLDER_VARIABLE)
    return "Look at the last lines of the log."


def _require_platform() -> None:
    """Refuse platforms TensorFlow has no packages for."""
    machine = platform.machine().lower()
    known = {"x86_64", "amd64", "aarch64", "arm64"}
    if sys.platform == "darwin" and machine == "x86_64":
        raise InputError(
            "The backend needs TensorFlow 2.21, which does not exist for Macs with an Intel processor. "
            "Kriging and prediction work here; train models on another computer."
        )
    if machine not in known or (WINDOWS and machine == "arm64"):
        raise InputError(
            f"The backend needs TensorFlow, which does not exist for {platform.system()} on {platform.machine()}. "
            "Kriging works here; train models on another computer."
        )


def _require_room(folder: Path, required: int) -> None:
    """Refuse a disk that is too small."""
    free = shutil.disk_usage(existing(folder)).free
    if free < required:
        raise InputError(
            f"The backend environment needs {required / 1e9:.1f} GB, got {free / 1e9:.1f} GB free in {folder}. "
            f"Make room, or set {FOLDER_VARIABLE} to a folder on another disk."
        )


def _remove_environment(folder: Path) -> None:
    """Remove an environment of ours; never any other folder."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and read_stamp(folder) is None:
        raise InputError(f"{folder} is not empty and not a backend environment. Choose another in {FOLDER_VARIABLE}.")
    # The stamp goes last, so that an interrupted removal is still known as ours.
    for path in folder.iterdir():
        if path.name == STAMP:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        raise InputError(f"{folder} cannot be removed: close programs that use the environment and try again.")


def _write_stamp(folder: Path, content: dict) -> None:
    """Write the stamp in one step."""
    with written_whole(folder / STAMP) as unfinished:
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _write_log(folder: Path, lines: Sequence[str], *, anew: bool = False) -> None:
    """Add lines to the log, credentials hidden."""
    with open(log_of(folder), "w" if anew else "a", encoding="utf-8") as stream:
        stream.write(scrub("".join(lines)))
