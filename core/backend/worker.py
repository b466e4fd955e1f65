"""The process that works in the backend environment: ``python -u -m core.backend.worker`` in the plugin folder.

Reads messages from standard input and answers on standard output (see `protocol`), until its input ends:
then its parent is gone or has no more work, and it ends as well, with everything it started.
"""

from __future__ import annotations

import importlib
import os
import queue
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import TextIO

import numpy as np  # noqa: F401 - before anything reads standard input: on Windows the import can hang otherwise

from ..errors import Cancelled, InputError, ModelFileError
from ..provenance import versions
from . import exchange, protocol, tasks
from .job import FOLDER_PREFIX, INPUTS, OUTPUTS, Job

_SECONDS_BETWEEN_PROGRESS = 0.05


class Worker:
    """Runs tasks one after another on the main thread and listens for `Cancel` on another.

    Parameters
    ----------
    source, sink : text streams
        Where messages come from and where answers go.
    """

    def __init__(self, source: TextIO, sink: TextIO) -> None:
        self._source = source
        self._sink = sink
        self._sending = threading.Lock()
        self._runs: queue.Queue[protocol.Run | None] = queue.Queue()
        self._cancelled = threading.Event()
        self._running: protocol.Run | None = None
        self._last_progress = (-1.0, "")

    def serve(self) -> None:
        """Work until the input ends."""
        self._send(protocol.Started(versions()))
        # The first task's libraries load before a thread waits on standard input, for the reason numpy does.
        first = self._next_run()
        if first is None:
            return
        self._running = first
        failure = self._load_libraries(first)
        threading.Thread(target=self._listen, daemon=True).start()
        run: protocol.Run | None = first
        while run is not None:
            self._answer(run, failure or self._load_libraries(run))
            failure = None
            run = self._runs.get()

    def _next_run(self) -> protocol.Run | None:
        """Wait for the next `Run`, handling what comes before it; None when the input ends."""
        for line in self._source:
            try:
                message = protocol.decode(line)
            except protocol.ProtocolError as error:
                print(error, file=sys.stderr)
                continue
            if isinstance(message, protocol.Run):
                return message
            if isinstance(message, protocol.Cancel):
                self._cancelled.set()
        return None

    def _listen(self) -> None:
        """Pass on what comes in while a task runs; end with the input."""
        while True:
            run = self._next_run()
            if run is None and self._running is not None:
                _end_everything(Path(self._running.folder))
            self._runs.put(run)
            if run is None:
                return

    def _load_libraries(self, run: protocol.Run) -> protocol.Failed | None:
        """Import what a task needs, so that a damaged environment is told from an error in the task."""
        try:
            for module in tasks.modules_of(run.task, run.inputs):
                if module not in sys.modules:
                    self._progress(0.0, f"Loading {module}")
                    importlib.import_module(module)
        except InputError as error:
            return protocol.Failed(protocol.INPUT, str(error))
        except (ImportError, OSError, AttributeError, TypeError) as error:
            message = f"The backend environment is damaged: {type(error).__name__}: {error}"
            return protocol.Failed(protocol.ENVIRONMENT, message, traceback.format_exc())
        return None

    def _answer(self, run: protocol.Run, failure: protocol.Failed | None) -> None:
        """Run a task and send its one terminal message."""
        self._running = run
        answer = failure or self._perform(run)
        self._running = None
        self._cancelled.clear()
        self._send(answer)

    def _perform(self, run: protocol.Run) -> protocol.FromWorker:
        folder = Path(run.folder)
        try:
            arrays = exchange.read_arrays(folder / INPUTS)
            job = Job(run.inputs, arrays, folder, self._progress, self._cancelled.is_set)
            result = tasks.execute(run.task, job)
            exchange.write_arrays(folder / OUTPUTS, result.arrays)
            files = {key: Path(path).relative_to(folder).as_posix() for key, path in result.files.items()}
            outputs = exchange.plain({"outputs": result.outputs, "files": files})
        except Cancelled:
            return protocol.Cancelled()
        except ModelFileError as error:
            return protocol.Failed(protocol.MODEL_FILE, str(error))
        except InputError as error:
            return protocol.Failed(protocol.INPUT, str(error))
        except MemoryError:
            return protocol.Failed(protocol.MEMORY, "Not enough memory.", traceback.format_exc())
        except Exception as error:  # noqa: BLE001 - the client gets its traceback and reports it as a mistake
            return protocol.Failed(protocol.BUG, f"{type(error).__name__}: {error}", traceback.format_exc())
        return protocol.Completed(outputs)

    def _progress(self, fraction: float, message: str = "") -> None:
        """Send progress, but not more often than anyone can read."""
        now = time.monotonic()
        last, text = self._last_progress
        if (message and message != text) or now - last >= _SECONDS_BETWEEN_PROGRESS or fraction >= 1:
            self._last_progress = (now, message or text)
            self._send(protocol.Progress(float(fraction), 1.0, message))

    def _send(self, message: protocol.FromWorker) -> None:
        with self._sending:
            try:
                self._sink.write(protocol.encode(message) + "\n")
                self._sink.flush()
            except (BrokenPipeError, ValueError):  # the client is gone; the end of the input ends this process
                return


def _end_everything(folder: Path) -> None:
    """Remove what a run has written and end this process with its children: nobody waits for it any more."""
    if folder.parent.name.startswith(FOLDER_PREFIX):
        shutil.rmtree(folder.parent, ignore_errors=True)
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def main() -> None:
    """Keep standard output for the protocol, give everybody else standard error, and serve."""
    sink = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    source = os.fdopen(os.dup(0), "r", encoding="utf-8", errors="replace")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(2, 1)  # what C libraries print goes to standard error too
    os.dup2(nothing, 0)  # and what tasks start cannot read our messages
    os.close(nothing)
    sys.stdout = sys.stderr
    Worker(source, sink).serve()
    sink.flush()
    sys.stderr.flush()
    os._exit(0)  # without TensorFlow's slow farewell


if __name__ == "__main__":
    main()
