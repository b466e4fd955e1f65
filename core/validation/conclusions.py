"""What a comparison comes to: a few sentences a target and question, and the method to use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import numpy as np

from ..samples import Samples
from .bootstrap import ClusterBootstrap
from .folds import QUESTIONS, folds_label
from .predictive import PredictiveDistribution
from .verdicts import KRIGING, Verdict, describe, judge, label, simplicity

NOTHING_EXPLAINED = 0.05
"""An R2 below this is that of a map without content."""


def summary(
    target: str,
    scheme: str,
    by_method: Mapping[str, dict[str, Any]],
    verdicts: Sequence[Verdict],
    reference: Optional[str],
) -> str:
    """Say in plain words how the methods did on one target and scheme."""
    question = QUESTIONS.get(scheme)
    opening = f"{target}, {question} ({folds_label(scheme)})" if question else f"{target}, {folds_label(scheme)}"
    best = min(by_method, key=lambda method: by_method[method]["rmse"])
    if by_method[best]["r2"] < NOTHING_EXPLAINED:
        found = f"{opening}: no method predicts better than the overall mean (best R2 {by_method[best]['r2']:.2f}, "
        on_logarithms = {m: row["r2_log"] for m, row in by_method.items() if row["r2_log"] >= NOTHING_EXPLAINED}
        if on_logarithms:
            best_there = max(on_logarithms, key=lambda method: on_logarithms[method])
            return (
                f"{found}{label(best)}). Single large values decide that: of the variance of logarithms "
                f"{label(best_there)} explains {100 * on_logarithms[best_there]:.0f} %."
            )
        where = "So far from samples a map" if scheme == "blocks" else "A map"
        return f"{found}{label(best)}). {where} of {target} would show little but noise."
    if reference is None:
        sentence = f"{label(best)} has the lowest RMSE; no kriging was compared"
    else:
        learned = [v for v in verdicts if v.method not in ("mean", "inverse_distance", *KRIGING)]
        kriging = [v for v in verdicts if v.method in KRIGING]
        lead = min(learned or kriging or verdicts, key=lambda v: v.ratio, default=None)
        sentence = lead.text if lead else f"only {label(reference)} was compared"
        best = lead.method if lead and lead.outcome == "better" else reference
        ahead = [v.text for v in verdicts if v is not lead and v.method not in KRIGING and v.outcome == "better"]
        sentence = "; ".join([sentence, *ahead])
    row = by_method[best]
    return (
        f"{opening}: {sentence}. {label(best)[0].upper()}{label(best)[1:]} explains {100 * max(row['r2'], 0):.0f} % of "
        f"the variance (R2 {row['r2']:.2f}); its 90 % intervals hold {100 * row['coverage90']:.0f} % of the samples."
    )


def best_method(
    samples: Samples,
    folds: Mapping[str, np.ndarray],
    predictions: Mapping[tuple[str, str], PredictiveDistribution],
    methods: Sequence[str],
    bootstrap: ClusterBootstrap,
) -> tuple[str, str]:
    """Return the simplest method that no other beats by more than noise, and why.

    Parameters
    ----------
    samples, folds, predictions
        See `Comparison`.
    methods : sequence of str
    bootstrap : ClusterBootstrap

    Returns
    -------
    method : str
    why : str
        In a sentence or two.
    """
    cells = [(column, scheme) for column in range(len(samples.targets)) for scheme in folds]
    errors = {
        method: [
            samples.values[:, column] - predictions[scheme, method].estimate[:, column] for column, scheme in cells
        ]
        for method in methods
    }
    names = [f"{samples.targets[column]}, {folds_label(scheme)}" for column, scheme in cells]

    def compared(one: str, other: str, which: Sequence[int]) -> tuple[float, float, float]:
        above, below = [errors[one][i] for i in which], [errors[other][i] for i in which]
        logs = [np.log(np.nanmean(a**2) / np.nanmean(b**2)) for a, b in zip(above, below)]
        return math.exp(0.5 * float(np.mean(logs))), *bootstrap.geometric_ratio_interval(above, below)

    def beats(rival: str, candidate: str) -> str:
        """Say where the rival beats the candidate; "" where nowhere, or where it is beaten elsewhere itself."""
        found = ""
        together = range(len(cells))
        for which, where in [*(([i], names[i]) for i in together), (together, "everything taken together")]:
            ratio = compared(rival, candidate, which)
            outcome = judge(*ratio)
            if outcome == "worse":
                return ""
            if outcome == "better":
                found = describe(label(rival), label(candidate), *ratio) + (f", {where}" if len(cells) > 1 else "")
        return found

    def overall(method: str) -> float:
        return compared(method, methods[0], range(len(cells)))[0]

    rejected: dict[str, str] = {}
    for candidate in sorted(methods, key=simplicity):
        reasons = [beats(other, candidate) for other in sorted(methods, key=simplicity) if other != candidate]
        if any(reasons):
            rejected[candidate] = next(filter(None, reversed(reasons)))
            continue
        why = f"Use {label(candidate)}: the simplest of the methods compared that no other beats by more than noise."
        if rejected:
            by_it = [simpler for simpler in rejected if beats(candidate, simpler)]
            if by_it:
                reason = beats(candidate, min(by_it, key=overall))
            else:
                simpler, beaten = list(rejected.items())[-1]
                reason = f"{label(simpler)} is simpler, but {beaten}"
            why = f"{why} {reason[0].upper()}{reason[1:]}."
        return candidate, why
    lowest = min(methods, key=overall)
    return lowest, (
        f"No method is unbeaten on every target and kind of fold; over all of them {label(lowest)} has the lowest RMSE."
    )
