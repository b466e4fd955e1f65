"""The backend environment: find a Python, create, check and describe it.

It is a virtual environment of its own in the user's cache folder, made only when the user asks for it and
never inside QGIS's Python. ``HYBRIDGEO_BACKEND_DIR`` puts it elsewhere; ``HYBRIDGEO_BACKEND_PYTHON`` uses an
interpreter that is there already and installs nothing.

A stamp file inside tells an environment of ours from any other folder, and a ready one from a half-made one;
a lock file beside it lets one process at a time make it.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import BackendFailed, BackendMissing, InputError
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from .client import run_task
from .process import WINDOWS, ProgramFailed, clean_environment, run

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
OLDEST, NEWEST = (3, 10), (3, 13)
"""Versions of Python that the locked packages exist for."""
REQUIRED_BYTES = 3_000_000_000
"""Room needed while the environment is made; afterwards it takes about 2.2 GB."""

MISSING, INCOMPLETE, STALE, BROKEN, READY = "missing", "incomplete", "stale", "broken", "ready"
STAMP = "hybridgeo-backend.json"
FOLDER_VARIABLE, PYTHON_VARIABLE = "HYBRIDGEO_BACKEND_DIR", "HYBRIDGEO_BACKEND_PYTHON"
SET_UP = "Run Set up backend (hybridgeo:setupbackend)"
MODULES = ("tensorflow", "tf2onnx", "skl2onnx", "onnxruntime", "skgstat")

_PROBE = f"""
import importlib.util, json, struct, sys
lacking = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
try:
    import ssl
except ImportError:
    lacking.append("ssl")
modules = [name for name in {MODULES} if importlib.util.find_spec(name) is not None]
print(json.dumps(dict(executable=sys.executable, version=sys.version_info[:3], bits=8 * struct.calcsize("P"),
                      lacking=lacking, modules=modules)))
"""
_PROBE_SECONDS = 60.0


@dataclass(frozen=True)
class Interpreter:
    """A Python that was run and asked.

    Parameters
    ----------
    path : Path
    version : tuple of int
    bits : int
    lacking : tuple of str
        Modules out of venv, ensurepip and ssl that it lacks.
    modules : tuple of str
        Modules out of `MODULES` that it has.
    """

    path: Path
    version: tuple[int, ...]
    bits: int
    lacking: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    def problem(self) -> str:
        """Return why no environment can be made with it; "" when one can."""
        text = ".".join(map(str, self.version))
        if not OLDEST <= self.version[:2] <= NEWEST:
            return f"it is Python {text}, expected {_dotted(OLDEST)} to {_dotted(NEWEST)}"
        if self.bits != 64:
            return f"it is a {self.bits}-bit Python, expected 64-bit"
        if self.lacking:
            advice = f" (on Debian and Ubuntu: sudo apt install python{_dotted(self.version[:2])}-venv)"
            return f"it lacks {', '.join(self.lacking)}{'' if WINDOWS else advice}"
        return ""


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
    """

    status: str
    words: str
    folder: Path
    python: Path | None = None
    versions: dict = field(default_factory=dict)

    @property
    def is_ready(self) -> bool:
        """Whether tasks can run in it."""
        return self.status == READY


def cache_folder() -> Path:
    """Return the user's cache folder of this plugin, by the platform's custom."""
    if WINDOWS:
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
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
    return hashlib.sha256("\n".join(_locked(requirements)).encode("utf-8")).hexdigest()[:12]


def default_folder(requirements: Path = REQUIREMENTS) -> Path:
    """Return the folder of the environment: a new lock gets a new folder unless the user named one."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given).expanduser().absolute() if given else cache_folder() / f"backend-{lock_hash(requirements)}"


def python_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / "Scripts" / "python.exe" if WINDOWS else folder / "bin" / "python"


def log_of(folder: Path) -> Path:
    """Return the log of the last installation, beside the environment so that it outlives a failure."""
    return folder.with_name(folder.name + ".log")


def backend_python() -> Path:
    """Return the interpreter that tasks run in.

    Raises
    ------
    BackendMissing
        When no environment is ready; the message says why and names Set up backend.
    """
    status = check(run_it=False)
    if status.python is None:
        raise BackendMissing(status.words)
    return status.python


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
        return BackendStatus(MISSING, f"There is no backend environment yet. {SET_UP}; it takes 2.2 GB.", folder)
    stamp = _read_stamp(folder)
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
    words = f"The backend environment is ready (Python {stamp.get('python', '?')})."
    return BackendStatus(READY, words, folder, python, versions)


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


def probe(python: Path) -> Interpreter:
    """Run a Python and ask what it is; never trusts a name or `sys.executable`.

    Raises
    ------
    InputError
        When it does not run or is not a Python.
    """
    try:
        output = run([python, "-c", _PROBE], Path(python).parent, timeout=_PROBE_SECONDS)
        answer = json.loads(output.strip().splitlines()[-1])
        return Interpreter(
            Path(answer["executable"]),
            tuple(answer["version"]),
            answer["bits"],
            tuple(answer["lacking"]),
            tuple(answer["modules"]),
        )
    except ProgramFailed as error:
        last = (error.output.strip().splitlines() or [str(error)])[-1]
        raise InputError(f"{python} does not run as a Python: {last}") from error
    except OSError as error:
        raise InputError(f"{python} cannot be started: {error.strerror or error}") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise InputError(f"{python} does not answer as a Python does.") from error


def candidates() -> list[Path]:
    """Return where a usable Python may be, QGIS's own first; none of them is verified."""
    names = [f"python{_dotted((3, minor))}" for minor in (12, 11, 13, 10)] + ["python3", "python"]
    found: list[Path] = []
    # sys.executable is QGIS itself on Windows and macOS, so its interpreter is looked for below its prefix.
    for prefix in dict.fromkeys((sys.base_prefix, sys.base_exec_prefix)):
        own = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        found += [Path(prefix, "python3.exe"), Path(prefix, "python.exe")] if WINDOWS else [
            Path(prefix, "bin", own), Path(prefix, "bin", "python3")
        ]  # fmt: skip
    if sys.platform == "darwin":
        found += [Path(folder, "bin", "python3") for folder in Path(sys.base_prefix).parents if folder.name == "MacOS"]
        official = Path("/Library/Frameworks/Python.framework/Versions")
        found += sorted(official.glob("3.1[0-3]/bin/python3"), reverse=True)
        found += [Path(folder, name) for folder in ("/opt/homebrew/bin", "/usr/local/bin") for name in names]
    path = clean_environment()["PATH"]
    found += [Path(where) for where in (shutil.which(name, path=path) for name in names) if where]
    if WINDOWS:
        for variable, below in (("LOCALAPPDATA", "Programs/Python"), ("PROGRAMFILES", "."), ("SYSTEMDRIVE", "/")):
            base = os.environ.get(variable)
            found += sorted(Path(base + os.sep, below).glob("Python31[0-3]/python.exe"), reverse=True) if base else []
        # The stubs of the Microsoft Store open the Store instead of running.
        found = [path for path in found if "WindowsApps" not in path.parts]
    return [path for path in dict.fromkeys(found) if path.is_file()]


def find_python(python: str | Path | None = None) -> Interpreter:
    """Find a Python to make the environment with.

    Parameters
    ----------
    python : str or Path, optional
        The user's choice, used or refused; default the first usable of `candidates`.

    Returns
    -------
    Interpreter

    Raises
    ------
    InputError
        When the choice, or every candidate, is unusable; each is named with the reason.
    """
    if python:
        interpreter = probe(Path(python).expanduser())
        problem = interpreter.problem()
        if problem:
            raise InputError(f"{python} cannot make the backend environment: {problem}. Choose another Python.")
        return interpreter
    refused = []
    for path in candidates():
        try:
            interpreter = probe(path)
        except InputError as error:
            refused.append(str(error))
            continue
        problem = interpreter.problem()
        if not problem:
            return interpreter
        refused.append(f"{path}: {problem}")
    tried = "\n".join(f"- {reason}" for reason in refused) or "- no Python was found at all"
    advice = "from python.org" if WINDOWS or sys.platform == "darwin" else "with: sudo apt install python3-venv"
    raise InputError(
        f"No usable Python was found. Expected a 64-bit Python {_dotted(OLDEST)} to {_dotted(NEWEST)} with venv, got:\n"
        f"{tried}\nInstall one {advice}, or name one in the parameter PYTHON of hybridgeo:setupbackend."
    )


def create(
    python: str | Path | None = None,
    wheels: str | Path | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    *,
    folder: Path | None = None,
    requirements: Path = REQUIREMENTS,
) -> BackendStatus:
    """Make the environment, or repair it; one that is ready and passes its test is left alone.

    Parameters
    ----------
    python : str or Path, optional
        Interpreter to make it with; default `find_python`.
    wheels : str or Path, optional
        Folder of wheels to install from instead of the network.
    progress, is_cancelled : callable
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
    with _only_one(folder, progress, is_cancelled):
        status = check(folder, requirements)
        if status.is_ready:
            try:
                self_test(status.python, progress, is_cancelled)
                return status
            except BackendFailed as error:
                _write_log(folder, [f"The test of the environment failed, it is made anew: {error}\n{error.details}\n"])
        elif status.status == BROKEN and _read_stamp(folder) is None:
            raise InputError(status.words)
        progress(0.0, "Looking for a Python")
        interpreter = find_python(python)
        _remove_environment(folder)
        _require_room(folder.parent)
        try:
            _make(folder, interpreter, wheels, requirements, progress, is_cancelled)
        except BaseException:
            _remove_environment(folder)
            raise
    return check(folder, requirements)


def self_test(python: str | Path | None = None, progress: Progress = silent, is_cancelled: IsCancelled = never) -> dict:
    """Train, export and predict something tiny in the backend.

    Returns
    -------
    dict
        Versions by package, and what the test measured.

    Raises
    ------
    BackendMissing, BackendFailed, Cancelled
    """
    python = python or backend_python()
    return run_task("self_test", python=python, progress=progress, is_cancelled=is_cancelled).outputs


def _make(
    folder: Path,
    interpreter: Interpreter,
    wheels: str | Path | None,
    requirements: Path,
    progress: Progress,
    is_cancelled: IsCancelled,
) -> None:
    """Make the environment in an empty place; the stamp says ready only at the very end."""
    folder.mkdir(parents=True)
    stamp = {"lock": lock_hash(requirements), "python": _dotted(interpreter.version)}
    _write_stamp(folder, {"state": "installing", **stamp})
    _write_log(folder, [f"{datetime.datetime.now():%Y-%m-%d %H:%M} {interpreter.path}\n"], anew=True)
    # What pip unpacks for a while goes into the folder too: /tmp is often too small for TensorFlow.
    scratch = folder / "tmp"
    scratch.mkdir()
    variables = {**clean_environment(), "TMPDIR": str(scratch), "TEMP": str(scratch), "TMP": str(scratch)}

    progress(0.01, "Making a virtual environment")
    _install_step([interpreter.path, "-m", "venv", folder], folder, variables, is_cancelled=is_cancelled)
    source = ["--no-index", "--find-links", Path(wheels).expanduser().absolute()] if wheels else []
    command = [
        python_of(folder), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off",
        "--only-binary", ":all:", *source, "-r", requirements,
    ]  # fmt: skip
    counter = _PackageCounter(folder, len({line.split("==")[0] for line in _locked(requirements)}))
    installing = part(progress, 0.05, 0.9)
    _install_step(command, folder, variables, counter, installing, is_cancelled)
    shutil.rmtree(scratch)
    progress(0.9, "Testing the environment")
    tested = self_test(python_of(folder), part(progress, 0.9, 1.0), is_cancelled)
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

    def __init__(self, folder: Path, n_packages: int) -> None:
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
        return 0.6 * fetched, "Fetching packages (about 600 MB)"


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
    (r"WinError 206|path.{0,20}too long|LongPath",
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


def scrub(text: str) -> str:
    """Hide credentials in addresses.

    Examples
    --------
    >>> scrub("Looking in https://anna:" + "secret@pypi.example.org/simple")
    'Looking in https://***@pypi.example.org/simple'
    """
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)


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
        ("Free disk space", f"{shutil.disk_usage(_existing(folder)).free / 1e9:.1f} GB"),
        ("Lock", lock_hash()),
    ]
    rows += [(f"{name}", os.environ[name]) for name in (FOLDER_VARIABLE, PYTHON_VARIABLE) if name in os.environ]
    rows += sorted(status.versions.items())
    older = [path for path in _other_environments(folder)]
    if older:
        rows.append(("Older environments, which can be deleted", ", ".join(map(str, older))))
    table = "\n".join(f"| {name} | {value} |" for name, value in rows)
    text = f"## Backend of Hybrid Geostatistics\n\n| | |\n|---|---|\n{table}\n"
    log = log_of(folder)
    if log.is_file():
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
        text += f"\nLast lines of the installation log:\n\n```\n{tail}\n```\n"
    return scrub(text.replace(str(Path.home()), "~"))


def _other_environments(folder: Path) -> Iterator[Path]:
    """Yield environments of other versions of the plugin beside the current one."""
    for path in sorted(cache_folder().glob("backend-*")):
        if path != folder and (path / STAMP).is_file():
            yield path


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


def _require_room(folder: Path) -> None:
    """Refuse a disk that is too small."""
    free = shutil.disk_usage(_existing(folder)).free
    if free < REQUIRED_BYTES:
        raise InputError(
            f"The backend environment needs {REQUIRED_BYTES / 1e9:.1f} GB, got {free / 1e9:.1f} GB free in {folder}. "
            f"Make room, or set {FOLDER_VARIABLE} to a folder on another disk."
        )


def _existing(folder: Path) -> Path:
    """Return the folder or its nearest parent that exists."""
    return next(path for path in (folder, *folder.parents) if path.exists())


def _remove_environment(folder: Path) -> None:
    """Remove an environment of ours; never any other folder."""
    if not folder.exists():
        return
    if any(folder.iterdir()) and _read_stamp(folder) is None:
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


def _read_stamp(folder: Path) -> dict | None:
    """Return the stamp; None for a folder that is not ours."""
    try:
        content = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _write_stamp(folder: Path, content: dict) -> None:
    partial = folder / (STAMP + ".part")
    partial.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, folder / STAMP)


def _write_log(folder: Path, lines: Sequence[str], *, anew: bool = False) -> None:
    with open(log_of(folder), "w" if anew else "a", encoding="utf-8") as stream:
        stream.write(scrub("".join(lines)))


def _locked(requirements: Path) -> list[str]:
    """Return the lines of a lock that name packages."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


@contextmanager
def _only_one(folder: Path, progress: Progress, is_cancelled: IsCancelled) -> Iterator[None]:
    """Let one process at a time make the environment; the system lifts the lock of a process that dies."""
    path = folder.with_name(folder.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            stream = open(path, "w")  # noqa: SIM115 - held until the work is done
            if _lock(stream.fileno()) and _is_current(stream.fileno(), path):
                break
            stream.close()
            progress(0.0, "Waiting for another program that sets up the backend")
            stop_if(is_cancelled)
            time.sleep(0.2)
    except OSError as error:
        raise InputError(
            f"Cannot write in {path.parent}: {error.strerror or error}. Set {FOLDER_VARIABLE} to another folder."
        ) from error
    try:
        yield
    finally:
        if WINDOWS:
            stream.close()
        _unlink(path)
        stream.close()


def _unlink(path: Path) -> None:
    """Remove a lock file, unless (Windows) another program has just opened it."""
    try:
        path.unlink()
    except OSError:
        return


def _is_current(number: int, path: Path) -> bool:
    """Whether an open lock file is still the one on disk and not removed by its last holder."""
    try:
        return WINDOWS or os.path.samestat(os.fstat(number), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(number: int) -> bool:
    """Try to lock an open file."""
    try:
        if WINDOWS:
            import msvcrt

            msvcrt.locking(number, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
