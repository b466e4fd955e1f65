"""A lock file: one process at a time does what it guards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import InputError
from ..progress import IsCancelled, Progress, stop_if
from .environment import FOLDER_VARIABLE
from .process import WINDOWS


@contextmanager
def only_one(folder: Path, progress: Progress, is_cancelled: IsCancelled) -> Iterator[None]:
    """Let one process at a time make the environment; the system lifts the lock of a process that dies.

    Parameters
    ----------
    folder : Path
        What is guarded; the lock file lies beside it while it is held.
    progress, is_cancelled
        Told and asked while another process holds it.

    Raises
    ------
    InputError
        Where the lock file cannot be written.
    Cancelled
        When the user asked to stop.
    """
    path = folder.with_name(folder.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            stream = open(path, "wb")  # noqa: SIM115 - held until the work is done
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
