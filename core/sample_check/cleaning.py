"""A cleaned copy of samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..coincident import coincident_samples
from ..errors import InputError
from .columns import parse_column

DUPLICATES = ("keep", "average", "first")
"""What to do with samples at one location."""


@dataclass(frozen=True)
class CleanSamples:
    """A cleaned copy of the table.

    Parameters
    ----------
    rows : ndarray of int, shape (n_kept,)
        Row each kept sample comes from.
    values : dict of str to ndarray, shape (n_kept,)
        Numbers of each field; NaN where there is none.
    n_merged : ndarray of int, shape (n_kept,)
        How many samples a kept one stands for.
    """

    rows: np.ndarray
    values: dict[str, np.ndarray]
    n_merged: np.ndarray


def clean_samples(
    coordinates: np.ndarray, columns: Mapping[str, Sequence[Any]], duplicates: str = "keep", censored: str = "report"
) -> CleanSamples:
    """Return a cleaned copy.

    Parameters
    ----------
    coordinates : ndarray, shape (n, 2)
    columns : mapping of str to sequence
        Raw values of each field.
    duplicates : str
        Out of `DUPLICATES`: "average" takes the mean of the numbers at a location (and everything else from its
        first sample), "first" the first sample.
    censored : str
        Out of `CENSORED`.

    Raises
    ------
    InputError
        For an unknown treatment.
    """
    if duplicates not in DUPLICATES:
        raise InputError(f"Expected a treatment of duplicates out of {', '.join(DUPLICATES)}, got {duplicates!r}.")
    values = {name: parse_column(raw).filled(censored) for name, raw in columns.items()}
    n = len(coordinates)
    keep, n_merged = np.ones(n, dtype=bool), np.ones(n, dtype=int)
    if duplicates != "keep":
        for rows in coincident_samples(np.asarray(coordinates, dtype=float)):
            keep[rows[1:]] = False
            n_merged[rows[0]] = len(rows)
            if duplicates == "average":
                for column in values.values():
                    known = column[rows][np.isfinite(column[rows])]
                    column[rows[0]] = known.mean() if len(known) else np.nan
    kept = np.flatnonzero(keep)
    return CleanSamples(kept, {name: column[kept] for name, column in values.items()}, n_merged[kept])
