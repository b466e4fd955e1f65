"""What every training begins with: samples that can be learned from, and the inner folds."""

from __future__ import annotations

import numpy as np

from ..coincident import coincident_samples
from ..errors import InputError
from ..samples import Samples, disguised_targets, require_samples, require_variation
from ..validation.folds import block_folds, inseparable_groups, random_folds

MIN_SAMPLES = 20
"""Fewer samples make no model."""


def require_trainable(samples: Samples, purpose: str) -> None:
    """Refuse what cannot be trained on.

    Raises
    ------
    InputError
        When samples are too few, coincide (they are named), a target does not vary or is among the covariates.
    """
    require_samples(samples, MIN_SAMPLES, purpose)
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
