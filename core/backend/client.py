"""Start the worker in the backend's Python, talk to it, and leave nothing behind."""

from __future__ import annotations

import logging
import os
import queue
import shutil
import subprocess  # nosec B404
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np

from ..errors import BackendFailed, Cancelled, InputError, ModelFileError
from ..progress import IsCancelled, Progress, never, silent, stop_if
from . import exchange, protocol
from .delivery import deliver, require_writable
from .job import FOLDER_PREFIX, INPUTS, OUTPUTS, TaskResult
from .process import end_tree, start

logger = logging.getLogger(__name__)

PLUGIN_FOLDER = Path(__file__).resolve().parents[2]
GRACE_SECONDS = 5.0
"""How long a cancelled worker may take to stop by itself."""
_POLL_SECONDS = 0.1
_TAIL_BYTES = 20_000
_SETUP = "Set up backend (hybridgeo:setupbackend)"

_ENDINGS = {
    -4: "killed by signal 4: the processor lacks instructions (AVX) that TensorFlow was built for",
    -9: "killed by signal 9: most often out of memory",
    -11: "killed by signal 11: a library crashed",
    0xC0000005: "access violation: a library crashed",
    0xC000001D: "illegal instruction: the processor lacks instructions (AVX) that TensorFlow was built for",
    0xC0000135: "a system library is missing: most often the Microsoft Visual C++ Redistributable",
    0xC0000017: "out of memory",
}


def run_task(
    name: str,
    inputs: Mapping[str, object] | None = None,
    arrays: Mapping[str, np.ndarray] | None = None,
    *,
    python: str | Path,
    files: Mapping[str, str | Path] | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> TaskResult:
    """Run one task in the backend's Python; see `Session.run` for parameters and errors."""
    with Session(python) as session:
        return session.run(name, inputs, arrays, files=files, progress=progress, is_cancelled=is_cancelled)


class Session:
    """A worker that is started when first needed and kept for further tasks; a context manager.

    Parameters
    ----------
    python : str or Path
        Interpreter of the backend environment.
    grace_seconds : float
        How long a cancelled task may take to stop by itself before the whole process tree is ended.
    command : sequence of str, optional
        Program to start instead of the worker.

    Examples
    --------
    >>> import sys
    >>> with Session(sys.executable) as session:
    ...     session.run("describe").outputs["python"] == ".".join(map(str, sys.version_info[:3]))
    True
    """

    def __init__(
        self,
        python: str | Path,
        *,
        grace_seconds: float = GRACE_SECONDS,
        command: Sequence[str | Path] | None = None,
    ) -> None:
        self._command = command or (python, "-u", "-m", "core.backend.worker")
        self._grace = grace_seconds
        self._connection: _Connection | None = None
        self._folder: Path | None = None
        self._n_runs = 0

    def __enter__(self) -> Session:
        """Return the session; nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the worker."""
        self.close()

    def close(self) -> None:
        """End the worker with everything it started and remove the temporary folder."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._folder is not None:
            _remove(self._folder)
            self._folder = None

    def run(
        self,
        name: str,
        inputs: Mapping[str, object] | None = None,
        arrays: Mapping[str, np.ndarray] | None = None,
        *,
        files: Mapping[str, str | Path] | None = None,
        progress: Progress = silent,
        is_cancelled: IsCancelled = never,
    ) -> TaskResult:
        """Run a task and wait for its result.

        Parameters
        ----------
        name : str
            Name of the task, see `tasks`.
        inputs : mapping, optional
            Plain values, numpy numbers or dataclasses of them.
        arrays : mapping of ndarray, optional
            Arrays of numbers or text by name.
        files : mapping of path, optional
            Where to put the files the task makes, by name. They appear there whole or not at all.
        progress, is_cancelled : callable
            Called on the calling thread only, `is_cancelled` at least every 0.1 s.

        Returns
        -------
        TaskResult

        Raises
        ------
        InputError, ModelFileError
            What the task raised.
        Cancelled
            When `is_cancelled` said so; the worker and everything it started is gone.
        BackendFailed
            When the worker ended unexpectedly, or the task failed by a mistake of ours.
        """
        destinations = {key: Path(path) for key, path in (files or {}).items()}
        for destination in destinations.values():
            require_writable(destination)
        stop_if(is_cancelled)
        try:
            folder = self._new_folder()
            exchange.write_arrays(folder / INPUTS, arrays or {})
            if self._connection is None:
                self._connection = _Connection(self._command)
            message = protocol.Run(name, exchange.plain(inputs or {}), str(folder))
            completed = self._connection.talk(message, self._grace, progress, is_cancelled)
            result = _collect(completed, folder, destinations)
            _remove(folder)
        except _TaskFailed as error:
            # The worker is well and can take the next task.
            _remove(folder)
            raise error.failure from None
        except BaseException:
            self.close()
            raise
        return result

    def _new_folder(self) -> Path:
        """Make the folder of the next run."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
        self._n_runs += 1
        folder = self._folder / str(self._n_runs)
        folder.mkdir()
        return folder


class _TaskFailed(Exception):
    """The task failed while the worker stays in order."""

    def __init__(self, failure: Exception) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _Connection:
    """A running worker, its pipes and the threads that read them."""

    def __init__(self, command: Sequence[str | Path]) -> None:
        pipe = subprocess.PIPE
        try:
            self._process = start(command, PLUGIN_FOLDER, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            raise BackendFailed(
                f"The backend's Python {command[0]} cannot be started: {error.strerror or error}. "
                f"Run {_SETUP} to repair the environment."
            ) from error
        self._stdin = cast(IO[bytes], self._process.stdin)
        self._stdout = cast(IO[bytes], self._process.stdout)
        self._stderr = cast(IO[bytes], self._process.stderr)
        self._lines: queue.Queue[str] = queue.Queue()
        self._tail = bytearray()
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._read_messages, self._read_errors)
        ]
        for thread in self._threads:
            thread.start()
        self._started = False
        self._ended = False

    def _read_messages(self) -> None:
        for line in self._stdout:
            self._lines.put(line.decode("utf-8", errors="replace"))

    def _read_errors(self) -> None:
        while True:
            chunk = os.read(self._stderr.fileno(), 65536)
            if not chunk:
                return
            self._tail += chunk
            del self._tail[:-_TAIL_BYTES]

    def talk(
        self, run: protocol.Run, grace: float, progress: Progress, is_cancelled: IsCancelled
    ) -> protocol.Completed:
        """Send a run and follow it to its end."""
        self._send(run)
        deadline = None
        while True:
            if deadline is None and is_cancelled():
                deadline = time.monotonic() + grace
                self._send(protocol.Cancel())
            if deadline is not None and time.monotonic() > deadline:
                raise _cancelled()
            ended = self._process.poll() is not None
            if ended:
                self.end()
            message = self._next_message(0 if ended else _POLL_SECONDS)
            if message is None:
                if ended and self._lines.empty():
                    raise self._crash() if deadline is None else _cancelled()
                continue
            if deadline is not None and isinstance(message, protocol.TERMINAL):
                raise _cancelled()
            if isinstance(message, protocol.Started):
                self._started = True
            elif isinstance(message, protocol.Progress):
                progress(min(max(message.current / (message.maximum or 1.0), 0.0), 1.0), message.message)
            elif isinstance(message, protocol.Completed):
                return message
            elif isinstance(message, protocol.Failed):
                raise _TaskFailed(_failure(message))
            elif isinstance(message, protocol.Cancelled):
                raise BackendFailed("The backend stopped the task though nobody asked it to. Run it again.")

    def _next_message(self, timeout: float) -> protocol.Message | None:
        try:
            line = self._lines.get(timeout=timeout) if timeout else self._lines.get_nowait()
        except queue.Empty:
            return None
        try:
            return protocol.decode(line)
        except protocol.ProtocolError as error:
            logger.debug("Noise from the backend: %s", error)
            return None

    def _send(self, message: protocol.ToWorker) -> None:
        try:
            self._stdin.write((protocol.encode(message) + "\n").encode("utf-8"))
            self._stdin.flush()
        except OSError as error:
            # It has ended or is about to; its exit code says more than the broken pipe.
            logger.debug("The backend no longer listens: %s", error)

    def _crash(self) -> BackendFailed:
        code = self._process.returncode
        tail = bytes(self._tail).decode("utf-8", errors="replace")
        reason = _ENDINGS.get(code) or (f"killed by signal {-code}" if code < 0 else f"exit code {code}")
        if not self._started:
            return BackendFailed(
                f"The backend process could not start ({reason}). Run {_SETUP} to repair the environment.", tail
            )
        last = next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "")
        told = f" Its last words: {last[:300]}" if last else ""
        memory = "Close other programs or use fewer samples and try again. " if "memory" in reason else ""
        return BackendFailed(
            f"The backend process ended unexpectedly ({reason}). Nothing was written. {memory}"
            f"If it happens again, run {_SETUP} to repair the environment.{told}",
            tail,
        )

    def end(self) -> None:
        """End the process with everything it started and read what is left in its pipes."""
        if self._ended:
            return
        self._ended = True
        end_tree(self._process)
        for thread in self._threads:
            thread.join(timeout=5.0)

    def close(self) -> None:
        """End the process, idle or busy, and close the pipes."""
        self.end()
        for stream in (self._stdin, self._stdout, self._stderr):
            try:
                stream.close()
            except OSError as error:  # unsent bytes of a broken pipe
                logger.debug("Closing a pipe of the backend: %s", error)


def _cancelled() -> Cancelled:
    return Cancelled("Cancelled by the user; nothing was written.")


def _failure(message: protocol.Failed) -> Exception:
    """Return the exception a failure stands for."""
    if message.kind == protocol.INPUT:
        return InputError(message.message)
    if message.kind == protocol.MODEL_FILE:
        return ModelFileError(message.message)
    if message.kind == protocol.MEMORY:
        text = "The backend ran out of memory. Use fewer samples or close other programs, then try again."
    elif message.kind == protocol.ENVIRONMENT:
        text = f"{message.message}. Run {_SETUP} to repair it."
    else:
        text = f"The backend failed: {message.message}"
    return BackendFailed(text, message.traceback)


def _collect(completed: protocol.Completed, folder: Path, destinations: Mapping[str, Path]) -> TaskResult:
    """Read what a task wrote into its folder and move its files to where they belong."""
    made = completed.outputs.get("files", {})
    sources = {key: folder / name for key, name in made.items()}
    return TaskResult(
        completed.outputs.get("outputs", {}), exchange.read_arrays(folder / OUTPUTS), deliver(sources, destinations)
    )


def _remove(folder: Path) -> None:
    """Remove a folder; Windows may hold files of an ended process for a moment."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_POLL_SECONDS)
    logger.warning("The temporary folder %s could not be removed.", folder)
