"""Classes of grade: how often the mapped class is the true one, and what a guess would reach."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..report.markup import rounded
from .bootstrap import ClusterBootstrap
from .scores import Score, mean_score


@dataclass(frozen=True)
class ClassScores:
    """Predicted against observed classes of one target, scheme and method.

    Parameters
    ----------
    names : tuple of str
        Of the classes, lowest first.
    confusion : ndarray of int, shape (n_classes, n_classes)
        Samples by observed (rows) and predicted class (columns).
    accuracy : Score
        Share of samples in their class.
    balanced_accuracy : Score
        Mean over the observed classes of the share found.
    majority : Score
        Accuracy of calling every sample the most frequent class.
    gain : Score
        `accuracy` - `majority`, paired.
    recall : tuple of Score
        Of each class the share found; 1 - recall of the highest is the share of missed hotspots.
    """

    names: tuple[str, ...]
    confusion: np.ndarray
    accuracy: Score
    balanced_accuracy: Score
    majority: Score
    gain: Score
    recall: tuple[Score, ...]


def class_names(breaks: Sequence[float]) -> tuple[str, ...]:
    """Write classes by their ends.

    Examples
    --------
    >>> class_names([200, 500])
    ('below 200', '200 to 500', '500 and above')
    """
    ends = [rounded(float(end)).rstrip("0").rstrip(".") if "." in rounded(float(end)) else rounded(float(end))
            for end in breaks]  # fmt: skip
    return (f"below {ends[0]}", *(f"{a} to {b}" for a, b in zip(ends, ends[1:])), f"{ends[-1]} and above")


def members(values: np.ndarray, breaks: Sequence[float]) -> np.ndarray:
    """Return the class of each value.

    Parameters
    ----------
    values : ndarray, shape (n,)
    breaks : sequence of float
        Ascending, in the unit of the values.

    Returns
    -------
    ndarray of int, shape (n,)
        From 0 to the number of breaks; a value on a break belongs to the class above it.
    """
    return np.searchsorted(np.asarray(breaks, dtype=float), values, side="right")


def class_scores(
    observed: np.ndarray, predicted: np.ndarray, breaks: Sequence[float], bootstrap: ClusterBootstrap
) -> ClassScores:
    """Score predicted classes.

    Parameters
    ----------
    observed, predicted : ndarray, shape (n_samples,)
        In data units; the predicted class is the class of the estimate, as on the map.
    breaks : sequence of float
        Ascending.
    bootstrap : ClusterBootstrap

    Returns
    -------
    ClassScores
    """
    n_classes = len(breaks) + 1
    true, mapped = members(observed, breaks), members(predicted, breaks)
    confusion = np.bincount(true * n_classes + mapped, minlength=n_classes**2).reshape(n_classes, n_classes)
    right = (true == mapped).astype(float)
    common = (true == np.argmax(confusion.sum(axis=1))).astype(float)
    recall = [mean_score(right, bootstrap, true == number) for number in range(n_classes)]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.array([bootstrap.means(right * (true == c)) / bootstrap.means(1.0 * (true == c))
                           for c in np.unique(true)])  # fmt: skip
    balanced = np.nanmean(shares, axis=0)
    present = [recall[number].value for number in np.unique(true)]
    return ClassScores(
        class_names(breaks),
        confusion,
        mean_score(right, bootstrap),
        Score(float(np.mean(present)), *bootstrap.interval(balanced)),
        mean_score(common, bootstrap),
        mean_score(right - common, bootstrap),
        tuple(recall),
    )


def parse_class_breaks(text: str, targets: Sequence[str]) -> dict[str, tuple[float, ...]]:
    """Read class breaks as people write them.

    Parameters
    ----------
    text : str
        Numbers separated by commas or blanks, for all targets; or ``name: numbers`` for each, separated by
        semicolons. Empty: no classes.
    targets : sequence of str

    Returns
    -------
    dict of str to tuple of float
        Ascending breaks by target.

    Raises
    ------
    InputError
        For something that is no number, a name of no target, or breaks that do not ascend.

    Examples
    --------
    >>> parse_class_breaks("200, 500", ["zinc", "lead"])
    {'zinc': (200.0, 500.0), 'lead': (200.0, 500.0)}
    >>> parse_class_breaks("lead: 100; zinc: 200 500", ["zinc", "lead"])
    {'lead': (100.0,), 'zinc': (200.0, 500.0)}
    """
    found: dict[str, tuple[float, ...]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        name, colon, numbers = part.rpartition(":")
        name = name.strip()
        if colon and name not in targets:
            raise InputError(f"Expected class breaks of a target ({', '.join(targets)}), got some of {name!r}.")
        try:
            breaks = tuple(float(number) for number in re.split(r"[,\s]+", numbers.strip()) if number)
        except ValueError as error:
            raise InputError(
                f"Expected class breaks as numbers separated by commas, for example 200, 500, got {part!r}."
            ) from error
        if not breaks or not np.isfinite(breaks).all() or (np.diff(breaks) <= 0).any():
            raise InputError(f"Expected class breaks that ascend, for example 200, 500, got {part!r}.")
        found.update(dict.fromkeys([name] if colon else targets, breaks))
    return found
