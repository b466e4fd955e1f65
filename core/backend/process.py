"""Start another program cleanly and end it with all its children.

What QGIS's launchers put into the environment (PYTHONHOME, PROJ_LIB, library folders on PATH) breaks
any other Python, so children get an environment without it. `os.environ` itself is never changed.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess  # nosec B404
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Callable

from ..progress import IsCancelled, never, stop_if

WINDOWS = sys.platform == "win32"
_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
"""Without it a console flashes up on Windows."""
_POLL_SECONDS = 0.1

_DROPPED_PREFIXES = (
    "PYTHON", "PROJ_", "GDAL_", "OGR_", "CPL_", "QT_", "QML", "QGIS", "GISBASE", "GRASS_", "LD_", "DYLD_", "CONDA_",
    "_CONDA", "_CE_", "TF_", "KERAS_", "XLA_", "GTK_", "GDK_",
)  # fmt: skip
_DROPPED_NAMES = {
    "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "__PYVENV_LAUNCHER__", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT",
    "PIP_REQUIRE_VIRTUALENV", "PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_PYTHON", "PIP_DRY_RUN", "PIP_REPORT",
    "SESSION_MANAGER",
}  # fmt: skip
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
_SET = {
    "PYTHONUTF8": "1",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONNOUSERSITE": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_DETERMINISTIC_OPS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}
"""UTF-8, no user packages, and runs that repeat: the networks are small, a CPU is enough for them."""
_DEFAULTS = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "VECLIB_MAXIMUM_THREADS": "1"}
"""One thread for the linear algebra of numpy and scipy: the systems are small, and threads that wait for each other
double the processor time of a variogram fit (148 samples on 2 cores; more on more cores)."""


def clean_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for another Python, free of what QGIS and its launchers left in it.

    Proxies, pip's own settings, the user's folders and numbers of threads stay. Certificate variables that point
    nowhere go.

    Parameters
    ----------
    environ : mapping of str to str, optional
        Where to start from; default the environment of this process.

    Returns
    -------
    dict of str to str
    """
    given = dict(os.environ if environ is None else environ)
    kept = {
        name: value
        for name, value in given.items()
        if name.upper() not in _DROPPED_NAMES and not name.upper().startswith(_DROPPED_PREFIXES)
    }
    for name in _CERTIFICATES:
        if name in kept and not os.path.exists(kept[name]):
            del kept[name]
    folders = [folder for folder in kept.get("PATH", "").split(os.pathsep) if folder and not _is_qgis_folder(folder)]
    kept["PATH"] = os.pathsep.join(folders)
    kept.update(_SET)
    return {**_DEFAULTS, **kept}


def _is_qgis_folder(folder: str) -> bool:
    """Whether a folder on PATH belongs to a QGIS bundle, whose libraries would be mixed into the child."""
    return bool(re.search(r"(osgeo4w|[\\/]qgis[^\\/]*([\\/]|\.app))", folder, re.IGNORECASE)) and (
        WINDOWS or ".app/" in folder
    )


def start(command: Sequence[str | Path], folder: Path, **options: object) -> subprocess.Popen:
    """Start a program in a process group of its own, so that it can be ended with all its children.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments; no shell is involved.
    folder : Path
        Working folder.
    **options
        For `subprocess.Popen`: the pipes.

    Raises
    ------
    OSError
        When the program cannot be started.
    """
    group: dict[str, object] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | _NO_WINDOW}  # type: ignore[attr-defined]
        if WINDOWS
        else {"start_new_session": True}
    )
    options.setdefault("env", clean_environment())
    arguments = [str(part) for part in command]
    # The program is an interpreter that was chosen by the user or found and verified, and there is no shell.
    return subprocess.Popen(arguments, cwd=str(folder), **group, **options)  # type: ignore[call-overload]  # nosec B603


def end_tree(process: subprocess.Popen) -> None:
    """End a program started by `start` and everything it started; returns when it is gone."""
    if WINDOWS:
        if process.poll() is None:
            system = os.path.join(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "taskkill.exe")
            # A fixed system program with a process number of ours.
            command = [system, "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(command, capture_output=True, check=False, creationflags=_NO_WINDOW)  # nosec B603
            process.kill()
    else:
        # The group outlives its leader as long as a child is left, so this is right after a crash as well.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # all gone, or (macOS) only a zombie is left
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class ProgramFailed(RuntimeError):
    """A program ended with an exit code other than 0, or took too long.

    Parameters
    ----------
    message : str
    output : str
        The last lines it wrote.
    """

    def __init__(self, message: str, output: str) -> None:
        super().__init__(message)
        self.output = output


def run(
    command: Sequence[str | Path],
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    on_poll: Callable[[Sequence[str]], None] | None = None,
    is_cancelled: IsCancelled = never,
    timeout: float | None = None,
) -> str:
    """Run a program to its end and return what it wrote.

    Parameters
    ----------
    command : sequence of str or Path
    folder : Path
        Working folder.
    environment : mapping of str to str, optional
        Default `clean_environment`.
    on_poll : callable, optional
        Called about ten times a second with the lines written since the last call.
    is_cancelled : callable
    timeout : float, optional
        In seconds.

    Returns
    -------
    str
        Standard output and standard error together.

    Raises
    ------
    OSError
        When the program cannot be started.
    ProgramFailed
        When it fails or takes too long.
    Cancelled
        When `is_cancelled` said so; the program is gone with its children.
    """
    process = start(
        command,
        folder,
        env=dict(clean_environment() if environment is None else environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    lines: list[str] = []
    thread = threading.Thread(target=_read_lines, args=(process.stdout, lines), daemon=True)
    thread.start()
    deadline = None if timeout is None else time.monotonic() + timeout
    n_seen = 0
    try:
        while True:
            thread.join(_POLL_SECONDS)
            ended = process.poll() is not None
            if on_poll is not None:
                fresh = lines[n_seen:]
                n_seen += len(fresh)
                on_poll(fresh)
            stop_if(is_cancelled)
            if ended:
                break
            if deadline is not None and time.monotonic() > deadline:
                raise ProgramFailed(f"{command[0]} did not end within {timeout:g} s.", "".join(lines[-40:]))
    finally:
        end_tree(process)
        thread.join(timeout=5.0)
        if not thread.is_alive() and process.stdout is not None:
            process.stdout.close()
    if process.returncode != 0:
        raise ProgramFailed(f"{command[0]} ended with exit code {process.returncode}.", "".join(lines))
    return "".join(lines)


def _read_lines(stream: IO[bytes], lines: list[str]) -> None:
    for line in stream:
        lines.append(line.decode("utf-8", errors="replace"))
