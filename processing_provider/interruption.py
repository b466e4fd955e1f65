"""A qgis_process that is told to end stops as if its run were cancelled, and leaves no half-written file."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from qgis.core import QgsApplication

_TERMINATIONS = ("SIGTERM", "SIGHUP")
"""What `kill`, a batch system or a closed terminal send; QGIS itself cancels at Ctrl+C. Windows has the first only."""


def is_command_line() -> bool:
    """Whether this is qgis_process, and neither the desktop nor a script that runs Processing."""
    return QgsApplication.platform() == "qgis_process"


@contextmanager
def cancelled_when_terminated(feedback) -> Iterator[None]:
    """Cancel a feedback at the first signal that would end qgis_process; the second one ends it at once.

    Signals that are ignored (nohup) stay so, and outside of qgis_process none is touched.
    """
    if not is_command_line() or threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _TERMINATIONS if hasattr(signal, name)]
    ours = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]

    def cancel(number, frame) -> None:
        signal.signal(number, signal.SIG_DFL)
        feedback.cancel()

    for number in ours:
        signal.signal(number, cancel)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
