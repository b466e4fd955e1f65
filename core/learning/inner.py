"""What every training begins with: samples that can be learned from, their transformed values, and the inner folds."""

from __future__ import annotations

import numpy as np

from ..coincident import coincident_samples
from ..errors import InputError
from ..samples import Samples, disguised_targets, require_samples, require_variation
from ..transforms import Transform
from ..validation.folds import block_folds, inseparable_groups, random_folds
from ..validation.predictive import Transforms, transform_of

MIN_SAMPLES = 20
"""Fewer samples make no model."""


def require_trainable(samples: Samples, purpose: str) -> None:
    """Refuse what cannot be trained on.

    Raises
    ------
    InputError
        When samples are too few, coincide (they are named), a target does not vary or is among the covariates.
    """
    for name in samples.targets:
        require_samples(samples.of(name), MIN_SAMPLES, f"{purpose} for {name}" if samples.has_gaps else purpose)
    shared = coincident_samples(samples.coordinates)
    if shared:
        first = shared[0]
        place = ", ".join(f"{number:.10g}" for number in samples.coordinates[first[0]])
        raise InputError(
            f"Expected samples at different places, but rows {', '.join(str(row + 1) for row in first)} share "
            f"({place}), and {len(shared)} places are shared in all. Average or remove the duplicates."
        )
    for column, name in enumerate(samples.targets):
        require_variation(samples.values[:, column], name)
    disguised_targets(samples)


def transformed_targets(samples: Samples, transforms: Transforms) -> tuple[tuple[Transform, ...], np.ndarray]:
    """Fit the transform of every target.

    Returns
    -------
    fitted : tuple of Transform
        One a target.
    values : ndarray, shape (n_samples, n_targets)
        Transformed; NaN where a target was not measured.

    Raises
    ------
    InputError
        When a target leaves its transform's domain or does not vary on its scale.
    """
    fitted = tuple(transform_of(transforms, samples, name) for name in samples.targets)
    values = np.full(samples.values.shape, np.nan)
    for column, (name, transform) in enumerate(zip(samples.targets, fitted)):
        known = samples.known[:, column]
        values[known, column] = transform.forward(samples.values[known, column], name)
        require_variation(values[:, column], name)
    return fitted, values


def require_spread(samples: Samples, folds: tuple[np.ndarray, ...], n_away: int = 1) -> None:
    """Refuse a target that was measured in one part only: without an inner fold there is nothing to learn it from.

    Parameters
    ----------
    samples : Samples
    folds : tuple of ndarray of int, shape (n_samples,)
    n_away : int
        Folds of a set that are left out together.

    Raises
    ------
    InputError
        When some fold leaves fewer than half of `MIN_SAMPLES` samples of a target.
    """
    if not samples.has_gaps:
        return
    for name, known in zip(samples.targets, samples.known.T):
        in_folds = [np.bincount(np.unique(own, return_inverse=True)[1].reshape(-1), known) for own in folds]
        fewest = min(int(known.sum() - np.sort(counts)[-n_away:].sum()) for counts in in_folds)
        if fewest < MIN_SAMPLES // 2:
            raise InputError(
                f"{name} was measured at {int(known.sum())} of {len(samples)} samples, and inner folds leave "
                f"{fewest} of them: too few to learn from. Train it apart from the other targets."
            )


def set_kinds(n_sets: int) -> list[str]:
    """Return the kinds of the inner sets of folds, in turn."""
    return ["random" if index % 2 == 0 else "blocks" for index in range(n_sets)]


def inner_folds(samples: Samples, n_folds: int, n_sets: int, seed: int) -> tuple[np.ndarray, ...]:
    """Make the inner sets of folds: random and spatial blocks in turn.

    Returns
    -------
    tuple of ndarray of int, shape (n_samples,)
    """
    groups = inseparable_groups(samples.coordinates, samples.holes)
    sets = []
    for index, kind in enumerate(set_kinds(n_sets)):
        own = seed + 1000 * (index + 1)
        if kind == "random":
            sets.append(random_folds(len(samples), n_folds, own, groups))
        else:
            sets.append(block_folds(samples.coordinates, n_folds, own, holes=samples.holes))
    return tuple(sets)


def folds_left_out(folds: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return who is left out by each member of an ensemble with one member a fold.

    Parameters
    ----------
    folds : tuple of ndarray of int, shape (n_samples,)
        Sets of folds.

    Returns
    -------
    held_out : ndarray of bool, shape (n_members, n_samples)
        Set by set, and fold by fold within a set.
    member_set : ndarray of int, shape (n_members,)
        The set of folds each member belongs to.

    Examples
    --------
    >>> held_out, member_set = folds_left_out((np.array([0, 1, 1]), np.array([0, 0, 1])))
    >>> held_out.astype(int).tolist(), member_set.tolist()
    ([[1, 0, 0], [0, 1, 1], [1, 1, 0], [0, 0, 1]], [0, 0, 1, 1])
    """
    members = [(which, own == fold) for which, own in enumerate(folds) for fold in np.unique(own)]
    return np.array([rows for _, rows in members]), np.array([which for which, _ in members])
