"""The stack of one target: weights, intervals and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..kriging.back_transform import BackTransform
from ..prediction.bases import EXTERNAL, FOREST, LEARNED, NETWORK, ORDINARY, Base, BaseEstimate
from ..prediction.hybrid import TargetModel
from ..transforms import Transform
from ..validation.intervals import IntervalTable, normalized_scores
from ..validation.verdicts import label
from .held_out import HeldOut
from .hybrid_problem import HybridProblem
from .stacking import Stack, judged_stack, stack_near_and_far, stack_weights

METHOD = "hybrid"
"""Name of the hybrid in tables."""

SHARES = {ORDINARY: 1.0, EXTERNAL: 1.0, FOREST: 2.0, NETWORK: 2.0}
"""Prior of the stack: a third to kriging, a third to each learned drift."""

SCALES = {"log": "logarithms", "log1p": "logarithms", "boxcox": "the Box-Cox scale", "normal_score": "normal scores"}
"""What the scale of kriging is called, by kind of transform."""


def stack_target(
    problem: HybridProblem, bases: Sequence[Base], held_out: Sequence[HeldOut], credible: np.ndarray
) -> tuple[TargetModel, Stack, dict[str, dict[str, float]]]:
    """Weigh the bases of one target, and learn its intervals from the stack's held-out errors.

    In holes weights and multipliers of sigma are the same everywhere: all questions are about other holes.

    Parameters
    ----------
    problem : HybridProblem
        Of one target.
    bases : sequence of Base
        Ordinary kriging first.
    held_out : sequence of HeldOut
        Of samples left out singly, then of blocks left out.
    credible : ndarray, shape (n_bases,)
        See `leave_bases_out`.

    Returns
    -------
    target : TargetModel
    stack : Stack
    scores : dict
        RMSE of every base and of the stack by kind of question, on the transformed scale.
    """
    name, settings, transform = problem.samples.targets[0], problem.settings, problem.transforms[0]
    values = problem.values[:, 0]
    kriging = [index for index, base in enumerate(bases) if base.name not in LEARNED]
    shares = np.array([SHARES[base.name] for base in bases])
    singly = held_out[0]
    bases = [
        replace(
            base,
            back_transform=BackTransform.fit(
                transform, values, values - singly.errors[:, index], singly.smoothing[:, index]
            ),
            usual_sigma=float(np.median(singly.sigma[:, index])),
        )
        for index, base in enumerate(bases)
    ]
    in_data_units = [_in_data_units(one, transform, values, bases) for one in held_out]
    find = stack_weights if problem.in_holes else stack_near_and_far
    stack = find(in_data_units, kriging, problem.blocks, credible, shares, settings.ridge)
    weighted = [
        replace(base, weight=float(near), far_weight=float(far))
        for base, near, far in zip(bases, stack.weights, stack.far_weights)
    ]
    if not problem.in_holes:
        far_sigma = np.median([one.sigma[:, 0] for one in held_out[1:]])
        weighted[0] = replace(weighted[0], far_sigma=float(far_sigma))
    scores: dict[str, dict[str, float]] = {}
    for kind in ("leave_one_out", "leave_cluster_out"):
        own = [one for one in held_out if one.kind == kind]
        squared = np.mean([np.mean(one.errors**2, axis=0) for one in own], axis=0)
        stacked = np.mean([np.mean(one.stacked(weighted)[0] ** 2) for one in own])
        scores[kind] = {base.name: float(np.sqrt(mse)) for base, mse in zip(bases, squared)}
        scores[kind][METHOD] = float(np.sqrt(stacked))
    near, *far = [normalized_scores(*one.stacked(weighted)) for one in held_out]
    intervals = IntervalTable.near_and_far(near, far, weighted[0].tells_remoteness)
    target = TargetModel(name, settings.units.get(name, ""), transform, tuple(weighted), intervals)
    return target, stack, scores


def _in_data_units(held_out: HeldOut, transform: Transform, values: np.ndarray, bases: list[Base]) -> np.ndarray:
    """Return the errors of the bases' means in data units, shape (n_samples, n_bases)."""
    errors = np.empty_like(held_out.errors)
    observed = transform.inverse(values)
    for index, base in enumerate(bases):
        found = BaseEstimate(values - held_out.errors[:, index], held_out.sigma[:, index], held_out.smoothing[:, index])
        errors[:, index] = observed - base.means(transform, found)[0]
    return errors


def stack_notes(
    target: TargetModel, stack: Stack, credible: np.ndarray, held_out: Sequence[HeldOut], clusters: np.ndarray
) -> list[str]:
    """Say in words what the stack came to.

    Parameters
    ----------
    target, stack, credible, held_out
        As from `stack_target` and `leave_bases_out`.
    clusters : ndarray of int, shape (n_samples,)
        Blocks for the standard error of a gain.

    Returns
    -------
    list of str
        Sentences: which drifts are left out, and whether the stack ties with kriging.
    """
    reference = label(target.bases[stack.reference].name)
    notes = []
    words = {EXTERNAL: "the covariates", FOREST: "the forest", NETWORK: "the network"}
    weak = [words[base.name] for base, share in zip(target.bases, credible) if share == 0]
    if weak:
        verb = "adds" if len(weak) == 1 and weak[0] != words[EXTERNAL] else "add"
        notes.append(
            f"{target.name}: what {' and '.join(weak)} {verb} to ordinary kriging cannot be told from chance and is "
            "left out."
        )
    if stack.within_noise:
        kriging = [index for index, base in enumerate(target.bases) if base.name not in LEARNED]
        weights = [stack.weights, *[stack.far_weights] * len(held_out[1:])]
        transformed = judged_stack([one.errors for one in held_out], kriging, clusters, weights)
        if target.transform.kind != "none" and stack.gain > 0 and not transformed.within_noise:
            rival = label(target.bases[transformed.reference].name)
            notes.append(
                f"{target.name}: ties with kriging in data units, where its errors at samples left out in training "
                f"differ from those of {reference} by no more than chance; on {SCALES[target.transform.kind]} its "
                f"RMSE there is clearly lower than that of {rival}, by {100 * (1 - transformed.rmse_ratio):.0f} %."
            )
        else:
            notes.append(
                f"{target.name}: ties with kriging: its errors at samples left out in training differ from those of "
                f"{reference} by no more than chance."
            )
    return notes
