"""Samples left out of the bases of a hybrid: their errors, and whether a drift says more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..kriging.evidence import drift_evidence
from ..kriging.neighborhood import Neighborhood
from ..kriging.ordinary import fit_kriging
from ..prediction.bases import EXACT_LIMIT, Base, local_weights
from .hybrid_bases import DriftedBase
from .hybrid_problem import HybridProblem
from .inner import set_kinds


@dataclass(frozen=True)
class HeldOut:
    """Errors (observed - predicted), kriging standard deviations and smoothing variances, (n_samples, n_bases) each."""

    kind: str
    errors: np.ndarray
    sigma: np.ndarray
    smoothing: np.ndarray

    def stacked(self, bases: Sequence[Base]) -> tuple[np.ndarray, np.ndarray]:
        """Return errors and standard deviations of the stack, shape (n_samples,), as a prediction forms them."""
        weights = local_weights(bases, self.sigma)
        return np.sum(weights * self.errors, axis=1), np.sum(weights * self.sigma, axis=1)


def leave_bases_out(
    problem: HybridProblem, bases: Sequence[DriftedBase], learned: Mapping[str, np.ndarray]
) -> tuple[list[HeldOut], np.ndarray]:
    """Leave samples out singly (or hole by hole) and by each inner set of blocks; test each base's drift.

    In each question a learned drift is the out-of-fold one of the same kind of folds, so that nothing that
    predicts a left-out cluster has trained on it.

    Parameters
    ----------
    problem : HybridProblem
        Of one target.
    bases : sequence of DriftedBase
    learned : mapping of str to ndarray, shape (n_sets, n_samples)
        Out-of-fold drifts of the bases whose drift is learned.

    Returns
    -------
    held_out : list of HeldOut
    credible : ndarray, shape (n_bases,)
        Share of each base's drift that is not chance; 0 for a learned drift that runs against the values. (On a
        target that the inputs do not explain, out-of-fold means are anti-correlated with the values left out, and
        kriging would turn that artefact upside down into a false gain.)

    Raises
    ------
    InputError
        When samples cannot be estimated from the others.
    """
    samples, values, transform = problem.samples, problem.values[:, 0], problem.transforms[0]
    folds, groups, neighborhood = problem.folds, problem.groups, problem.neighborhood
    if problem.settings.neighborhood is None and len(samples) <= EXACT_LIMIT:
        neighborhood = Neighborhood()
    if neighborhood.max_neighbors is not None and problem.in_holes:
        # Hole by hole every neighbourhood would be solved anew for each: leave out some holes together.
        groups = folds[0]
    kinds = set_kinds(len(folds))
    is_random = np.array([kind == "random" for kind in kinds])
    questions = [("leave_one_out", groups, {kind: own[is_random].mean(axis=0) for kind, own in learned.items()})]
    questions += [
        ("leave_cluster_out", own, {kind: sets[index] for kind, sets in learned.items()})
        for index, own in enumerate(folds)
        if kinds[index] == "blocks"
    ]
    results = []
    for kind, left_out, learned_drift in questions:
        errors, sigma, smoothing = np.empty((3, len(samples), len(bases)))
        for index, (base, drift) in enumerate((one.base, one.drift) for one in bases):
            if base.name in learned_drift:
                drift = learned_drift[base.name][:, None]
            kriging = base.kriging(samples.coordinates, values, neighborhood, drift, transform)
            result = kriging.leave_out(left_out)
            errors[:, index], sigma[:, index] = values - result.estimate, result.sigma
            smoothing[:, index] = result.smoothing_variance
        # Where a drift cannot be estimated without the left-out samples, predictions fall back to the first base.
        unknown = ~np.isfinite(errors)
        errors = np.where(unknown, errors[:, :1], errors)
        sigma = np.where(unknown, sigma[:, :1], sigma)
        smoothing = np.where(unknown, smoothing[:, :1], smoothing)
        usable = np.isfinite(errors).all(axis=1)
        if not usable.all():
            raise InputError(
                f"{int((~usable).sum())} of {len(samples)} samples cannot be estimated from the others. "
                "Widen the search neighbourhood or lower its smallest number of neighbours."
            )
        results.append(HeldOut(kind, errors, sigma, smoothing))
    credible = np.ones(len(bases))
    for index, (base, drift) in enumerate((one.base, one.drift) for one in bases):
        if drift is not None:
            fitted = fit_kriging(samples.coordinates, values, base.variogram, neighborhood, drift)
            evidence = drift_evidence(fitted)
            against = base.name in learned and evidence.slopes[0] <= 0
            credible[index] = 0.0 if against else evidence.credible_share
    return results, credible
