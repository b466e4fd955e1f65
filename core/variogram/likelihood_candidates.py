"""Candidates by restricted likelihood, which start from those by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from ..progress import Progress, part
from ..report.markup import rounded
from .between_holes import between_holes
from .candidates import Candidate
from .choice import CLEAR_ANISOTROPY, PREFERRED, most_likely
from .fit_options import FitOptions
from .leave_one_out import GLOBAL_LEAVE_ONE_OUT, FitSamples
from .likelihood import Climbed, LikelihoodSearch
from .models import VariogramModel
from .tilted import tilted_anisotropy
from .trial import Trial


def by_likelihood(
    samples: FitSamples,
    fitted: Sequence[Candidate],
    options: FitOptions,
    account: list[str],
    progress: Progress,
) -> tuple[list[Candidate], Candidate | None, float]:
    """Refine least-squares fits by likelihood, choose one of them, and refine it further.

    Of columns of samples a horizontal anisotropy is only tried when it is asked for.

    Parameters
    ----------
    samples : FitSamples
    fitted : sequence of Candidate
        By least squares; not looked at where the options name a start.
    options : FitOptions
    account : list of str
        Gets a sentence for each decision.
    progress : Progress

    Returns
    -------
    refined : list of Candidate
        All of them, the chosen one last.
    chosen : Candidate or None
        None where no likelihood could be computed or the chosen model cannot be kriged with.
    log_likelihood : float
        Of the chosen one, NaN without.
    """
    search = LikelihoodSearch(
        samples.coordinates, samples.values, samples.drift, seed=samples.seed, is_cancelled=samples.is_cancelled,
        account=account,
    )  # fmt: skip
    refined, climbs = _climb(search, fitted, options, part(progress, 0.0, 0.7))
    best = _of_holes(samples, most_likely(refined), refined, account)
    if best is None:
        return refined, None, np.nan
    progress(0.7, f"Refining the {best.name} model further")
    climbed = _with_anisotropy(search, samples, climbs[best.name], options, account, part(progress, 0.7, 0.85))
    if options.structures != "one":
        climbed = search.nested(climbed, options.structures == "two", part(progress, 0.85, 0.9))
    _, rough = search.rough(climbed)
    try:
        model, log_likelihood = search.fine(climbed, part(progress, 0.9, 1.0))
    except InputError as error:
        return [replace(fit, note=str(error)) if fit is best else fit for fit in refined], None, np.nan
    model, errors = between_holes(samples, model, account, with_ratio=options.tries_anisotropy)
    chosen = samples.scored(Candidate(best.name, "reml", model, log_likelihood=rough))
    if climbed is climbs[best.name]:
        refined = [fit for fit in refined if fit is not best]
    if len(samples.values) <= GLOBAL_LEAVE_ONE_OUT:
        # Of many samples errors take longer than likelihoods, which decide.
        refined = [samples.scored(fit) for fit in refined]
    if errors is not None:
        chosen = replace(chosen, hole_rmse=errors.rmse, hole_msdr=errors.msdr)
        account.append(
            f"Whole holes left out are predicted with an RMSE of {rounded(errors.rmse, 4)}; squared errors there are "
            f"{errors.msdr:.2g} times the kriging variance on average."
        )
    if not search.is_exact:
        account.append("Likelihoods are Vecchia's: each sample given the nearest of those before it in a random order.")
    if not np.isfinite(chosen.loo_rmse):
        return [*refined, chosen], None, np.nan
    return [*refined, chosen], chosen, log_likelihood


def _climb(
    search: LikelihoodSearch, fitted: Sequence[Candidate], options: FitOptions, progress: Progress
) -> tuple[list[Candidate], dict[str, Climbed]]:
    """Climb from every fit, or from the given start; return candidates, and where each kind of model ended."""
    starts: list[tuple[str, VariogramModel | None]]
    if options.start is not None:
        starts = [(options.start.structures[0].model, options.start)]
        near = Trial.of(options.start)
    else:
        starts = [(fit.name, fit.model) for fit in sorted(fitted, key=lambda fit: fit.name != PREFERRED)]
        near = None
    refined: list[Candidate] = []
    climbs: dict[str, Climbed] = {}
    for index, (kind, model) in enumerate(starts):
        step = part(progress, index / len(starts), (index + 1) / len(starts))
        step(0.0, f"Refining the {kind} model by likelihood")
        if model is None:
            continue
        try:
            climbed = search.climbed(model, near=near, anisotropic=options.tries_anisotropy, progress=step)
        except InputError as error:
            refined.append(Candidate(kind, "reml", None, note=str(error)))
            continue
        climbs[kind] = climbed
        model, log_likelihood = search.rough(climbed)
        refined.append(Candidate(kind, "reml", model, log_likelihood=log_likelihood))
        near = near or climbed.found.trial
    return refined, climbs


def _with_anisotropy(
    search: LikelihoodSearch,
    samples: FitSamples,
    climbed: Climbed,
    options: FitOptions,
    account: list[str],
    progress: Progress,
) -> Climbed:
    """Turn the range with the azimuth, where asked for in 3-D also with dip and plunge, as far as that predicts."""
    if not options.tries_anisotropy:
        return climbed
    is_asked = options.asks_for_anisotropy
    if not is_asked and samples.are_above_each_other:
        account.append("Samples stand in columns: a horizontal anisotropy is not looked for unless asked for.")
        return climbed
    turned = search.turned(climbed, progress)
    if turned is climbed or _predicts_better(samples, search.rough(turned)[0], search.rough(climbed)[0], account):
        climbed = turned
    if is_asked and samples.coordinates.shape[1] == 3:
        estimate = tilted_anisotropy(samples.coordinates, samples.residuals, samples.seed)
        turned = search.tilted(climbed, estimate)
        models = search.rough(turned)[0], search.rough(climbed)[0]
        if turned is climbed or _predicts_better(samples, *models, account):
            climbed = turned
    return climbed


def _of_holes(
    samples: FitSamples, best: Candidate | None, refined: Sequence[Candidate], account: list[str]
) -> Candidate | None:
    """Return the likeliest candidate, of samples in holes only where it predicts other holes better, too."""
    preferred = next((fit for fit in refined if fit.name == PREFERRED and fit.model is not None), None)
    if samples.hole is None or best is None or best.model is None or preferred is None or preferred.model is None:
        return best
    if best is preferred:
        return best
    account.append(f"The {best.name} model is likelier than the {PREFERRED} one.")
    return best if _predicts_better(samples, best.model, preferred.model, account) else preferred


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
