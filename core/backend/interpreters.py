"""Pythons that the backend environment may be made with: where they are, and what each says of itself."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from .process import WINDOWS, ProgramFailed, clean_environment, run

OLDEST, NEWEST = (3, 10), (3, 13)
"""Versions of Python that the locked packages exist for."""
MODULES = ("tensorflow", "tf2onnx", "skl2onnx", "onnxruntime", "skgstat")
"""Modules that training needs."""

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
            return f"it is Python {text}, expected {dotted(OLDEST)} to {dotted(NEWEST)}"
        if self.bits != 64:
            return f"it is a {self.bits}-bit Python, expected 64-bit"
        if self.lacking:
            advice = f" (on Debian and Ubuntu: sudo apt install python{dotted(self.version[:2])}-venv)"
            return f"it lacks {', '.join(self.lacking)}{'' if WINDOWS else advice}"
        return ""


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
    names = [f"python{dotted((3, minor))}" for minor in (12, 11, 13, 10)] + ["python3", "python"]
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
        f"No usable Python was found. Expected a 64-bit Python {dotted(OLDEST)} to {dotted(NEWEST)} with venv, got:\n"
        f"{tried}\nInstall one {advice}, or name one in the parameter PYTHON of hybridgeo:setupbackend."
    )


def dotted(version: tuple[int, ...]) -> str:
    """Return a version as text."""
    return ".".join(map(str, version))
