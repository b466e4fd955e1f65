"""Kriging compiled with numba: the twins of the numpy roads of `moving`, `system`, `far_samples` and `whitening`.

Only this module and those behind it (`*_numba`) import numba. The same systems are solved in the
same way, so both roads agree to rounding; tests compare them.
"""

from . import compile_events_numba  # noqa: F401 - from now on it is told what is compiled
from .bins_numba import find_reaches
from .far_gradient_numba import gradient_of_tiles
from .far_numba import reduce_tiles
from .global_numba import whiten_lattice
from .gradient_numba import gradient_of_sum
from .lanes_numba import GROUP, MATERN_CODES, MODEL_CODES, CompilationError
from .nearest_numba import solve_lattice
from .sectors_numba import choose_by_sector, solve_chosen
from .vecchia_numba import sum_pairs, whiten_terms

__all__ = [
    "GROUP",
    "MATERN_CODES",
    "MODEL_CODES",
    "CompilationError",
    "choose_by_sector",
    "find_reaches",
    "gradient_of_sum",
    "gradient_of_tiles",
    "reduce_tiles",
    "solve_chosen",
    "solve_lattice",
    "sum_pairs",
    "whiten_lattice",
    "whiten_terms",
]
