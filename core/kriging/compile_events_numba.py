"""Says when numba is about to compile a kernel of this package."""

from __future__ import annotations

from numba.core import event

from .compiling import about_to_compile

_PACKAGE = __name__.rsplit(".", 2)[0]


class _Listener(event.Listener):
    """Hears of every function that numba compiles, in this process; what comes from a cache is not compiled."""

    def on_start(self, what: event.Event) -> None:
        """Tell it of those of this package."""
        if what.data["dispatcher"].py_func.__module__.startswith(_PACKAGE):
            about_to_compile()

    def on_end(self, what: event.Event) -> None:
        """Tell nothing."""


event.register("numba:compile", _Listener())
