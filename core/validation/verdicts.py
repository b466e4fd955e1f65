"""When one method beats another, and how to say so: names, thresholds and sentences."""

from __future__ import annotations

from dataclasses import dataclass

KRIGING = ("ordinary_kriging", "external_drift_kriging")
"""The methods whose better one is the bar (`rmse_ratio`)."""

LABELS = {
    "mean": "the mean of the samples",
    "inverse_distance": "inverse-distance weighting",
    "ordinary_kriging": "ordinary kriging",
    "external_drift_kriging": "external-drift kriging",
    "random_forest": "the random forest",
    "feedforward": "the feed-forward network",
    "pretrained": "the corrected mixture of krigings",
    "hybrid": "the hybrid",
    "gcnn_rnn": "the GCNN-RNN",
    "afg_pms": "AFG-PMS",
    "as_published": "the published network",
}
"""What methods are called in sentences, from the simplest to the most involved."""

MARGIN = 0.01
"""A difference in RMSE below 1 % is called a tie, however sure it is."""


def label(method: str) -> str:
    """Return what a method is called in sentences."""
    return LABELS.get(method, method.replace("_", " "))


def simplicity(method: str) -> int:
    """Return the rank of a method from simple to involved; unknown ones are last."""
    names = list(LABELS)
    return names.index(method) if method in names else len(names)


@dataclass(frozen=True)
class Verdict:
    """One method against the better kriging on the same folds.

    Parameters
    ----------
    target, folds, method, reference : str
    ratio, low, high : float
        RMSE divided by the reference's, with its 95 % interval.
    outcome : str
        ``"better"``, ``"ties"`` or ``"worse"``.
    text : str
        The same as a sentence; of skewed values with what is clear on logarithms.
    """

    target: str
    folds: str
    method: str
    reference: str
    ratio: float
    low: float
    high: float
    outcome: str
    text: str


def judge(ratio: float, low: float, high: float) -> str:
    """Return ``"better"``, ``"worse"`` or ``"ties"`` for an RMSE ratio with its 95 % interval.

    Examples
    --------
    >>> judge(0.97, 0.95, 0.99), judge(0.97, 0.94, 1.01), judge(0.995, 0.991, 0.999), judge(1.1, 1.02, 1.2)
    ('better', 'ties', 'ties', 'worse')
    """
    if high < 1 and ratio <= 1 - MARGIN:
        return "better"
    if low > 1 and ratio >= 1 + MARGIN:
        return "worse"
    return "ties"


def describe(method: str, reference: str, ratio: float, low: float, high: float) -> str:
    """Say an RMSE ratio and its 95 % interval in words.

    Examples
    --------
    >>> describe("the hybrid", "ordinary kriging", 0.97, 0.95, 0.99)
    'the hybrid is better than ordinary kriging by 3 % (95 % interval 1 to 5 %)'
    >>> describe("the hybrid", "ordinary kriging", 0.98, 0.95, 1.012)
    'the hybrid ties with ordinary kriging (RMSE 2 % lower; 95 % interval 5 % lower to 1.2 % higher)'
    >>> describe("the hybrid", "ordinary kriging", 1.0, 1.0, 1.0)
    'the hybrid ties with ordinary kriging (RMSE equal)'
    """
    outcome = judge(ratio, low, high)
    if outcome == "better":
        return (
            f"{method} is better than {reference} by {_percent(1 - ratio)} % "
            f"(95 % interval {_percent(1 - high)} to {_percent(1 - low)} %)"
        )
    if outcome == "worse":
        return (
            f"{method} is worse than {reference} by {_percent(ratio - 1)} % "
            f"(95 % interval {_percent(low - 1)} to {_percent(high - 1)} %)"
        )
    if _signed(low) == _signed(high):
        return f"{method} ties with {reference} (RMSE {_signed(ratio)})"
    return f"{method} ties with {reference} (RMSE {_signed(ratio)}; 95 % interval {_signed(low)} to {_signed(high)})"


def describe_on_logarithms(reference: str, data_ratio: float, ratio: float, low: float, high: float) -> str:
    """Say what an RMSE ratio of medians on logarithms adds to one in data units; "" where it adds nothing clear.

    A gain is told only where the RMSE in data units is not higher, a loss always.

    Examples
    --------
    >>> describe_on_logarithms("ordinary kriging", 0.97, 0.9, 0.85, 0.95)[-68:]
    'it is better than ordinary kriging by 10 % (95 % interval 5 to 15 %)'
    >>> describe_on_logarithms("ordinary kriging", 1.02, 0.9, 0.85, 0.95)
    ''
    """
    outcome = judge(ratio, low, high)
    if outcome == "ties" or (outcome == "better" and data_ratio > 1):
        return ""
    return f"on logarithms, where single rich samples do not rule, {describe('it', reference, ratio, low, high)}"


def _percent(share: float) -> str:
    """Write a share in percent: one decimal below 10, none above."""
    percent = round(100 * share, 1)
    return f"{percent:.0f}" if abs(percent) >= 10 or percent == int(percent) else f"{percent:.1f}"


def _signed(ratio: float) -> str:
    """Write a ratio as so many percent lower or higher than 1."""
    percent = _percent(abs(ratio - 1))
    if percent == "0":
        return "equal"
    return f"{percent} % {'lower' if ratio < 1 else 'higher'}"
