"""Which candidate is taken, and why, or why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .candidates import Candidate

PREFERRED = "exponential"
"""Taken by "auto" unless another model is clearly better.

A dozen real variables (meuse, jura, sic97, walker; random and block folds, everything refitted a
fold) were predicted worse when the errors or likelihoods of one fit chose freely among all models:
differences between them are mostly chance, and the smooth models pay for it away from samples.
"""

CLEAR_GAIN = 4.0
"""Log likelihood by which another model has to exceed the preferred one (odds of 55 to 1)."""

CLEAR_ERROR = 0.03
"""Share by which its leave-one-out error has to be lower, in a fit by least squares."""

CLEAR_ANISOTROPY = 0.02
"""Share by which anisotropy has to lower that error, or that of columns of samples predicted from the others."""

TIE = 0.005
"""Relative difference of leave-one-out errors that is no difference."""


def lowest_error(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the candidate that "auto" stands for, out of fits by least squares to the same lags."""
    usable = [c for c in candidates if c.model is not None and np.isfinite(c.loo_rmse)]
    if not usable:
        return None
    preferred = next((c for c in usable if c.name == PREFERRED), None)
    # Among errors that differ by less than a tie, a model that follows the variogram is safer away from samples.
    lowest = min(c.error for c in usable)
    best = min((c for c in usable if c.error <= lowest * (1 + TIE)), key=lambda c: c.misfit)
    clear = preferred is None or best.error < preferred.error * (1 - CLEAR_ERROR)
    return best if clear else preferred


def most_likely(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the preferred candidate, or the most likely where that is clear."""
    usable = [c for c in candidates if c.model is not None]
    if not usable:
        return None
    preferred = next((c for c in usable if c.name == PREFERRED), None)
    best = max(usable, key=lambda c: c.log_likelihood)
    return best if preferred is None or best.log_likelihood > preferred.log_likelihood + CLEAR_GAIN else preferred


def with_reasons(candidates: Sequence[Candidate], chosen: Candidate) -> list[Candidate]:
    """Say of each candidate why it was chosen, or not."""
    n_of_its_method = sum(c.method == chosen.method for c in candidates)
    result = []
    for candidate in candidates:
        if candidate is chosen:
            reason = "chosen" if n_of_its_method > 1 else "chosen: the only one"
        elif candidate.model is None:
            reason = "no fit"
        elif candidate.method != chosen.method:
            reason = "where the likelihood starts" if chosen.method == "reml" else "not used"
        elif chosen.method == "reml":
            behind = chosen.log_likelihood - candidate.log_likelihood
            reason = f"likelihood {abs(behind):.1f} {'lower' if behind >= 0 else 'higher'}"
            if behind < 0:
                reason += ", not clear"
        elif np.isfinite(candidate.error):
            above = 100 * (candidate.error / chosen.error - 1)
            reason = f"error {abs(above):.1f} % {'higher' if above >= 0 else 'lower'}"
            if above < 0:
                reason += ", not clear"
        else:
            reason = "kriging is impossible with it"
        result.append(replace(candidate, reason=reason))
    return result


def nothing_fitted(candidates: Sequence[Candidate]) -> str:
    """Say why no candidate can be used, and what to do."""
    reasons = "; ".join(dict.fromkeys(f"{c.name}: {c.note}" for c in candidates if c.note))
    return (
        f"No variogram could be fitted ({reasons}). Average samples that share a location, try another maximum lag or "
        "number of lags, or choose another model."
    )
