"""Files that tasks make: refused before the work where they cannot be written, and moved there whole."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import BackendFailed, InputError
from .process import WINDOWS


def deliver(sources: Mapping[str, Path], destinations: Mapping[str, Path]) -> dict[str, Path]:
    """Move the files a task made to their destinations, each in one step.

    Raises
    ------
    BackendFailed
        When the task did not make a file.
    InputError
        When a destination cannot be written.
    """
    for key in destinations:
        if key not in sources or not sources[key].is_file():
            raise BackendFailed(f"The task made no file named {key!r}; it made {', '.join(sources) or 'none'}.")
    partials = {key: destination.with_name(destination.name + ".part") for key, destination in destinations.items()}
    key = ""
    try:
        for key in destinations:
            shutil.copyfile(sources[key], partials[key])
        for key in destinations:
            os.replace(partials[key], destinations[key])
    except OSError as error:
        raise _unwritable(destinations[key], error) from error
    finally:
        for partial in partials.values():
            if partial.exists():
                partial.unlink()
    return dict(destinations)


def require_writable(destination: Path) -> None:
    """Refuse, before any work is done, a file that cannot be written.

    Raises
    ------
    InputError
        When its folder does not exist or nothing can be written there.
    """
    try:
        if destination.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        with tempfile.TemporaryFile(dir=destination.parent):
            pass
        if destination.exists() and not os.access(destination, os.W_OK):
            raise PermissionError(errno.EACCES, "it is write-protected")
        if WINDOWS and destination.exists():
            _require_not_open(destination)
    except OSError as error:
        raise _unwritable(destination, error) from error


def _require_not_open(destination: Path) -> None:
    """Refuse a file that Windows will not replace as long as a program, QGIS most often, has it open.

    Raises
    ------
    PermissionError
    """
    try:
        os.rename(destination, destination)
    except PermissionError as error:
        raise PermissionError(errno.EACCES, "it is open; remove its layer from the project") from error


def _unwritable(destination: Path, error: OSError) -> InputError:
    if not destination.parent.is_dir():
        return InputError(
            f"Cannot write {destination}: there is no folder {destination.parent}. Create it, or choose another place."
        )
    return InputError(
        f"Cannot write {destination}: {error.strerror or error}. Choose another place, or make room there."
    )
