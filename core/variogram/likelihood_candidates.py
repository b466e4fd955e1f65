"""Candidates by restricted likelihood, which start from those by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..progress import Progress, part
from ..report.markup import rounded
from .candidates import Candidate
from .choice import CLEAR_ANISOTROPY, PREFERRED, most_likely
from .leave_one_out import GLOBAL_LEAVE_ONE_OUT, FitSamples
from .likelihood import Climbed, LikelihoodSearch
from .models import VariogramModel
from .tilted import tilted_anisotropy
from .trial import Trial

RAISED_NUGGETS = (0.1, 0.2, 0.4, 0.7, 0.9)
"""Shares of the sill to which a nugget may be raised where samples lie in holes."""

CLEAR_NUGGET = 0.004
"""The smallest nugget is taken whose error at whole holes left out is within this share of the lowest."""


def by_likelihood(
    samples: FitSamples,
    fitted: Sequence[Candidate],
    start: VariogramModel | None,
    anisotropic: bool,
    asked: bool,
    structures: str,
    account: list[str],
    progress: Progress,
) -> tuple[list[Candidate], Candidate | None, float]:
    """Refine least-squares fits by likelihood, choose one of them, and refine it further.

    Of columns of samples a horizontal anisotropy is only tried when it is asked for.
    """
    search = LikelihoodSearch(
        samples.coordinates, samples.values, samples.drift, seed=samples.seed, is_cancelled=samples.is_cancelled,
        account=account,
    )  # fmt: skip
    starts: list[tuple[str, VariogramModel | None]]
    if start is not None:
        starts = [(start.structures[0].model, start)]
        near = Trial.of(start)
    else:
        starts = [(fit.name, fit.model) for fit in sorted(fitted, key=lambda fit: fit.name != PREFERRED)]
        near = None
    refined: list[Candidate] = []
    climbs: dict[str, Climbed] = {}
    for index, (kind, model) in enumerate(starts):
        step = part(progress, 0.7 * index / len(starts), 0.7 * (index + 1) / len(starts))
        step(0.0, f"Refining the {kind} model by likelihood")
        if model is None:
            continue
        try:
            climbed = search.climbed(model, near=near, anisotropic=anisotropic, progress=step)
        except InputError as error:
            refined.append(Candidate(kind, "reml", None, note=str(error)))
            continue
        climbs[kind] = climbed
        model, log_likelihood = search.rough(climbed)
        refined.append(Candidate(kind, "reml", model, log_likelihood=log_likelihood))
        near = near or climbed.found.trial
    best = most_likely(refined)
    if best is None:
        return refined, None, np.nan
    progress(0.7, f"Refining the {best.name} model further")
    climbed = climbs[best.name]
    if anisotropic and not asked and samples.are_above_each_other:
        account.append("Samples stand in columns: a horizontal anisotropy is not looked for unless asked for.")
    elif anisotropic:
        turned = search.turned(climbed, part(progress, 0.7, 0.85))
        if turned is climbed or _predicts_better(samples, search.rough(turned)[0], search.rough(climbed)[0], account):
            climbed = turned
        if asked and samples.coordinates.shape[1] == 3:
            estimate = tilted_anisotropy(samples.coordinates, samples.residuals, samples.seed)
            turned = search.tilted(climbed, estimate)
            models = search.rough(turned)[0], search.rough(climbed)[0]
            if turned is climbed or _predicts_better(samples, *models, account):
                climbed = turned
    if structures != "one":
        climbed = search.nested(climbed, structures == "two", part(progress, 0.85, 0.9))
    _, rough = search.rough(climbed)
    try:
        model, log_likelihood = search.fine(climbed, part(progress, 0.9, 1.0))
    except InputError as error:
        return [replace(fit, note=str(error)) if fit is best else fit for fit in refined], None, np.nan
    model, hole_rmse = _between_holes(samples, model, account)
    chosen = samples.scored(Candidate(best.name, "reml", model, log_likelihood=rough))
    if climbed is climbs[best.name]:
        refined = [fit for fit in refined if fit is not best]
    if len(samples.values) <= GLOBAL_LEAVE_ONE_OUT:
        # Of many samples errors take longer than likelihoods, which decide.
        refined = [samples.scored(fit) for fit in refined]
    if np.isfinite(hole_rmse):
        chosen = replace(chosen, hole_rmse=hole_rmse)
        account.append(f"Whole holes left out are predicted with an RMSE of {rounded(hole_rmse, 4)}.")
    if not search.is_exact:
        account.append("Likelihoods are Vecchia's: each sample given the nearest of those before it in a random order.")
    if not np.isfinite(chosen.loo_rmse):
        return [*refined, chosen], None, np.nan
    return [*refined, chosen], chosen, log_likelihood


def _between_holes(samples: FitSamples, model: VariogramModel, account: list[str]) -> tuple[VariogramModel, float]:
    """Raise the nugget as far as that predicts holes from the other holes clearly better.

    What varies within a few metres along a hole says little of the next hole, but neighbours within the hole share
    it, so that likelihood has no nugget for it. With one, kriging averages over more of each hole.

    Returns
    -------
    model : VariogramModel
        Its sill is kept.
    hole_rmse : float
        NaN where samples do not lie in holes.
    """
    error = samples.hole_error(model)
    if not np.isfinite(error) or not model.structures:
        return model, error
    tried = [(model, error)]
    for share in RAISED_NUGGETS:
        nugget = share * model.sill
        if nugget <= model.nugget:
            continue
        kept = (model.sill - nugget) / (model.sill - model.nugget)
        structures = tuple(replace(part, psill=kept * part.psill) for part in model.structures)
        raised = replace(model, nugget=nugget, structures=structures)
        tried.append((raised, samples.hole_error(raised)))
        if not tried[-1][1] < tried[-2][1]:
            break
    enough = (1 + CLEAR_NUGGET) * min(found for _, found in tried if np.isfinite(found))
    best, lowest = next((one, found) for one, found in tried if found <= enough)
    if best is model:
        return model, error
    account.append(
        f"A nugget of {100 * best.nugget / best.sill:.0f} % of the sill, instead of the likelihood's "
        f"{100 * model.nugget / model.sill:.0f} %, predicts holes from the other holes with an RMSE of "
        f"{rounded(lowest, 4)} instead of {rounded(error, 4)}: it is taken. Within a hole maps are smoother for it."
    )
    return best, lowest


def _predicts_better(samples: FitSamples, model: VariogramModel, other: VariogramModel, account: list[str]) -> bool:
    """Return whether a model predicts holes from the other holes clearly better than another.

    Along drill holes and soil profiles the likelihood sees little but neighbours above and below;
    where these are not quite as the model has them, another anisotropy makes up for it and
    spoils the prediction between holes. Without holes there is nothing to ask: True.
    """
    errors = [samples.hole_error(one) for one in (model, other)]
    if not np.isfinite(errors).all():
        return True
    better = errors[0] < (1 - CLEAR_ANISOTROPY) * errors[1]
    account.append(
        f"With it, drill holes are predicted from the other holes with an RMSE of "
        f"{rounded(errors[0], 4)}, without it of {rounded(errors[1], 4)}: it is "
        f"{'kept' if better else 'left out after all'} (it has to lower it by {100 * CLEAR_ANISOTROPY:g} %)."
    )
    return better
