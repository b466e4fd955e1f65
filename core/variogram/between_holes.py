"""A variogram that predicts drill holes from the other holes, found from the one that likelihood prefers.

Neighbours along a hole outnumber all others, so a likelihood is that of the few metres along holes. What varies there
says little of the next hole, yet neighbours within a hole share it: likelihood has no nugget for it, and makes up
ranges for whatever its model has not. A map lies between the holes; so there they judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..report.markup import rounded
from .experimental import diagonal_of
from .leave_one_out import FitSamples, HoleErrors
from .models import VariogramModel

NUGGETS = (0.1, 0.2, 0.3, 0.45, 0.65, 0.9)
"""Shares of the sill to which a nugget may be raised."""

STEP = 1.5
"""Factor of a step in all ranges, or in the vertical ratio."""

CLEAR = 0.004
"""Share by which all steps together have to lower the error at holes left out, and beyond its standard error."""

_WORTH = 0.001  # share by which one step has to
_ROUNDS = 2


def between_holes(
    samples: FitSamples, model: VariogramModel, account: list[str], with_ratio: bool = True
) -> tuple[VariogramModel, HoleErrors | None]:
    """Raise the nugget and move ranges as far as that predicts holes from the other holes clearly better.

    Parameters
    ----------
    samples : FitSamples
    model : VariogramModel
    account : list of str
        Gets a sentence on what was changed.
    with_ratio : bool
        Whether the vertical ratio may move, too: not where it was given.

    Returns
    -------
    model : VariogramModel
        With the sill of the given one.
    errors : HoleErrors or None
        None where samples do not lie in holes.
    """
    first = samples.hole_errors(model)
    if first is None or not model.structures:
        return model, first
    farthest = diagonal_of(samples.coordinates)
    moves: list[Callable[[VariogramModel], VariogramModel | None]]
    moves = [_raised, partial(_stretched, farthest, by=STEP), partial(_stretched, farthest, by=1.0 / STEP)]
    if with_ratio:
        moves += [partial(_stretched, farthest, ratio_by=by) for by in (1.0 / STEP, STEP)]
    best, errors = model, first
    for _ in range(_ROUNDS):
        before = best
        for move in moves:
            while True:
                moved = move(best)
                found = None if moved is None else samples.hole_errors(moved)
                if moved is None or found is None or not found.rmse < (1.0 - _WORTH) * errors.rmse:
                    break
                best, errors = moved, found
        if best is before:
            break
    gain, gain_error = errors.gain_over(first)
    if best is model or not errors.rmse < (1.0 - CLEAR) * first.rmse or gain < gain_error:
        return model, first
    share, along, up = _in_words(best)
    account.append(
        f"A nugget of {share} of the sill and ranges of {along} along and {up} up, instead of the likelihood's "
        f"{', '.join(_in_words(model))}, predict holes from the other holes with an RMSE of {rounded(errors.rmse, 4)} "
        f"instead of {rounded(first.rmse, 4)}: they are taken. Within a hole maps are smoother for a larger nugget."
    )
    return best, errors


def _raised(model: VariogramModel) -> VariogramModel | None:
    """Return the model with the next larger nugget; None at the largest."""
    share = next((share for share in NUGGETS if share > 1.01 * model.nugget / model.sill), None)
    if share is None:
        return None
    nugget = share * model.sill
    kept = (model.sill - nugget) / (model.sill - model.nugget)
    return replace(
        model, nugget=nugget, structures=tuple(replace(part, psill=kept * part.psill) for part in model.structures)
    )


def _stretched(farthest: float, model: VariogramModel, by: float = 1.0, ratio_by: float = 1.0) -> VariogramModel | None:
    """Return the model with other ranges in all directions, or with another vertical ratio at the same vertical range.

    The vertical range is what samples along holes know best: it stays where the ratio moves. Ranges do not grow beyond
    the extent of the samples, where only the slope of a variogram can be known: None.
    """
    longest = max(part.effective_range for part in model.structures)
    if by > ratio_by and longest * by / ratio_by > farthest:
        return None
    return replace(
        model,
        structures=tuple(
            replace(
                part,
                effective_range=part.effective_range * by / ratio_by,
                ratio_vertical=part.ratio_vertical * ratio_by,
            )
            for part in model.structures
        ),
    )


def _in_words(model: VariogramModel) -> tuple[str, str, str]:
    """Return the nugget's share, and the ranges along and up."""
    along = [part.effective_range for part in model.structures]
    up = [part.effective_range * part.ratio_vertical for part in model.structures]
    return f"{100 * model.nugget / model.sill:.0f} %", _listed(along), _listed(up)


def _listed(numbers: Sequence[float]) -> str:
    return " and ".join(rounded(float(np.round(number, 1)), 4) for number in numbers)
