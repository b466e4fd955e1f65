"""What a user should know before trusting a fitted variogram, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..report.markup import rounded
from .candidates import Candidate, model_of
from .experimental import ExperimentalVariogram
from .least_squares_candidates import HELD_NUGGET
from .likelihood import LEAST_RATIO_MINOR
from .models import VariogramModel


def structure_of(model: VariogramModel, experimental: ExperimentalVariogram, extent: float) -> str:
    """Say in a word or two what a model says of the field."""
    if model.psill < 0.05 * model.sill or model.effective_range < experimental.lags[0]:
        return "pure nugget"
    return "range beyond the extent" if model.effective_range > extent else "structured"


def remarks_on(
    chosen: Candidate,
    candidates: Sequence[Candidate],
    experimental: ExperimentalVariogram,
    extent: float,
    n_samples: int,
    method: str,
    mean_rmse: float,
    has_drift: bool = False,
) -> list[str]:
    """Say what a user should know before trusting the model."""
    model = model_of(chosen)
    trend = "a trend that the drift does not follow" if has_drift else "a trend"
    advice = "" if has_drift else "; consider a drift"
    remarks = []
    if n_samples < 50:
        remarks.append(f"{n_samples} samples give an uncertain variogram; 100 or more are better.")
    remarks.append(_on_range(model, experimental, extent, f"There may be {trend}{advice}."))
    if min(s.ratio_minor for s in model.structures) < 1.05 * LEAST_RATIO_MINOR:
        remarks.append(
            f"The anisotropy reached the limit of {1 / LEAST_RATIO_MINOR:.0f} to 1: there may be {trend}, across the "
            f"longest direction{advice}."
        )
    if chosen.loo_rmse > 0.98 * mean_rmse:
        remarks.append(
            f"Kriging with this variogram predicts left-out samples hardly better than no variogram at all (RMSE "
            f"{rounded(chosen.loo_rmse)} against {rounded(mean_rmse)}): there is practically no spatial structure."
        )
    if model.nugget < HELD_NUGGET * model.sill and chosen.name in ("gaussian", "cubic"):
        remarks.append(
            f"The {chosen.name} model has practically no nugget: estimates may overshoot between close samples."
        )
    if experimental.pair_counts[0] < 30:
        remarks.append(
            f"The first lag holds only {experimental.pair_counts[0]} pairs, so the nugget is uncertain. Fewer, wider "
            "lags would hold more."
        )
    remarks.append(_on_variances(chosen))
    if experimental.share_of_pairs < 1:
        remarks.append(
            f"The experimental variogram uses a random {100 * experimental.share_of_pairs:.2g} % of all pairs."
        )
    remarks += _on_candidates(chosen, candidates, method)
    return [text for text in remarks if text]


def _on_range(model: VariogramModel, experimental: ExperimentalVariogram, extent: float, reason: str) -> str:
    """Say where the samples do not show the structure that was fitted; "" where they do."""
    if model.psill < 0.05 * model.sill:
        return (
            f"The fit is practically pure nugget ({100 * model.nugget / model.sill:.0f} % of the sill): the samples "
            "show no spatial structure at these lags, and kriging will hardly differ from the mean."
        )
    if model.effective_range < experimental.lags[0]:
        return (
            f"The effective range ({rounded(model.effective_range)} map units) is shorter than the first lag "
            f"({rounded(experimental.lags[0])}): the samples are too far apart to show it, and kriging will hardly "
            "differ from the mean."
        )
    if model.effective_range > extent:
        return (
            f"The effective range ({rounded(model.effective_range)} map units) exceeds the extent of the samples "
            f"({rounded(extent)}): within it the values show no sill. {reason}"
        )
    if model.effective_range > experimental.max_lag:
        return (
            f"The effective range ({rounded(model.effective_range)} map units) lies beyond the largest lag used "
            f"({rounded(experimental.max_lag)}), so the sill is an extrapolation."
        )
    return ""


def _on_variances(chosen: Candidate) -> str:
    """Say whether errors at samples left out are as large as kriging says; "" where they are."""
    # Along holes every nugget looks too large that stands for what the next hole does not share.
    in_holes = np.isfinite(chosen.hole_msdr)
    msdr = chosen.hole_msdr if in_holes else chosen.loo_msdr
    if 0.5 <= msdr <= 2.0:
        return ""
    kind = "too small" if msdr > 1 else "too large"
    left_out = "errors at whole holes left out" if in_holes else "leave-one-out errors"
    return f"Kriging variances look {kind}: squared {left_out} are {msdr:.2g} times the kriging variance on average."


def _on_candidates(chosen: Candidate, candidates: Sequence[Candidate], method: str) -> list[str]:
    """Say what became of the other candidates."""
    remarks = []
    if chosen.method != method:
        remarks.append(f"The likelihood refinement failed, so this is the {chosen.method} fit.")
    least = min((c for c in candidates if np.isfinite(c.loo_rmse)), key=lambda c: c.loo_rmse, default=chosen)
    if least.method != chosen.method and least.loo_rmse < 0.99 * chosen.loo_rmse:
        remarks.append(
            f"The {least.name} model fitted by {least.method} has a leave-one-out error "
            f"{100 * (1 - least.loo_rmse / chosen.loo_rmse):.0f} % lower."
        )
    if chosen.note:
        remarks.append(chosen.note)
    return [*remarks, *(f"The {c.name} model was left out: {c.note}" for c in candidates if c.model is None)]
