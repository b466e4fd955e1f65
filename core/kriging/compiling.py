"""What is told and asked while numba compiles kernels, once on a machine: it takes up to half a minute.

Numba compiles them one by one, when they are first called. Between two of them work can be cancelled; one alone may
take some seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from ..progress import IsCancelled, stop_if

_watches: list[tuple[IsCancelled, Callable[[], None]]] = []


@contextmanager
def compiling(is_cancelled: IsCancelled, tell: Callable[[], None]) -> Iterator[None]:
    """Watch what is compiled meanwhile, in any thread.

    Parameters
    ----------
    is_cancelled : callable
        Asked before every kernel.
    tell : callable
        Called without arguments once it turns out that something has to be compiled.

    Raises
    ------
    Cancelled
        Out of the work within, when the user asked to stop.

    Examples
    --------
    >>> with compiling(lambda: False, lambda: print("compiling")):
    ...     about_to_compile()
    ...     about_to_compile()
    compiling
    """
    has_told = False

    def tell_once() -> None:
        nonlocal has_told
        if not has_told:
            has_told = True
            tell()

    watch = is_cancelled, tell_once
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.remove(watch)


def about_to_compile() -> None:
    """Tell those who watch, and stop where they are cancelled.

    Raises
    ------
    Cancelled
        When the user asked to stop.
    """
    stop_if_cancelled()
    for _, tell in list(_watches):
        tell()


def stop_if_cancelled() -> None:
    """Stop where those who watch are cancelled: older versions of numba make an error of their own of that.

    Raises
    ------
    Cancelled
        When the user asked to stop.
    """
    for is_cancelled, _ in list(_watches):
        stop_if(is_cancelled)
