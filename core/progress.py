"""The two callables through which long work talks to whoever started it."""

from __future__ import annotations

from typing import Callable

from .errors import Cancelled

Progress = Callable[[float, str], None]
"""Called with the finished fraction (0 to 1) and a short message ("" keeps the last)."""

IsCancelled = Callable[[], bool]
"""Returns True once the user asked to stop."""


def silent(fraction: float, message: str = "") -> None:
    """Ignore progress."""


def never() -> bool:
    """Return False: this work cannot be cancelled."""
    return False


def stop_if(is_cancelled: IsCancelled) -> None:
    """Raise `Cancelled` when the user asked to stop.

    Raises
    ------
    Cancelled
        When ``is_cancelled()`` is true.
    """
    if is_cancelled():
        raise Cancelled("Cancelled by the user; nothing was written.")


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Map the progress of one step, 0 to 1, into ``start`` to ``stop`` of the whole."""

    def report(fraction: float, message: str = "") -> None:
        progress(start + (stop - start) * fraction, message)

    return report
