"""Variograms from files: whose they are, and which part of their nugget is measurement error."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ...core.coincident import repeat_variance
from ...core.errors import InputError
from ...core.samples import Samples
from ...core.variogram.agreement import disagreements
from ...core.variogram.file import VariogramFile
from ...core.variogram.models import VariogramModel
from ..crs import crs_from_code, readable
from ..identity import tr


def variogram_of(path: Path, samples: Samples, feedback) -> VariogramFile:
    """Read a variogram to be used for samples; tell where it is of other data."""
    variogram = VariogramFile.read(path)
    if variogram.field and variogram.field not in samples.targets:
        feedback.pushWarning(
            tr("The variogram was fitted to the field {theirs}, and is used for {ours}.").format(
                theirs=variogram.field, ours=", ".join(samples.targets)
            )
        )
    tell_other_crs(variogram, samples, feedback)
    return variogram


def tell_disagreement(
    variogram: VariogramFile, coordinates: np.ndarray, values: np.ndarray, name: str, has_drift: bool, feedback
) -> None:
    """Tell where a variogram can hardly be one of the samples of a field, `values` being on its scale."""
    drift = ", ".join(variogram.fit.get("drift") or ())
    if drift and not has_drift:
        feedback.pushWarning(
            tr(
                "The variogram is one of what {} leaves of the field; kriging without a drift needs one of it all."
            ).format(drift)
        )
    elif has_drift and variogram.fit.get("method") and not drift:
        feedback.pushWarning(
            tr("The variogram is one of the field itself; kriging with a drift needs one of what the drift leaves.")
        )
    for text in disagreements(variogram.model, coordinates, values, has_drift):
        feedback.pushWarning(f"{name}: {text}")


def tell_other_transform(variogram: VariogramFile, asked: str, feedback) -> None:
    """Tell where another transform is asked for than that of the variogram."""
    if asked not in ("none", variogram.transform.kind):
        feedback.pushWarning(
            tr("The variogram has the transform {theirs}, which is used instead of {ours}.").format(
                theirs=variogram.transform.kind, ours=asked
            )
        )


def variogram_of_target(path: Path, samples: Samples) -> tuple[str, VariogramFile]:
    """Read a variogram and tell of which target of the samples it is.

    Raises
    ------
    InputError
        For one of none of the targets.
    """
    variogram = VariogramFile.read(path)
    target = variogram.field or (samples.targets[0] if len(samples.targets) == 1 else "")
    if target not in samples.targets:
        raise InputError(
            tr("Expected a variogram of one of the targets {targets}, got one of {field}. Choose another file.").format(
                targets=", ".join(samples.targets), field=variogram.field or tr("no named field")
            )
        )
    return target, variogram


def tell_other_crs(variogram: VariogramFile, samples: Samples, feedback) -> None:
    """Tell where a variogram was fitted in another CRS."""
    theirs, ours = crs_from_code(variogram.crs), crs_from_code(samples.crs)
    if theirs.isValid() and ours.isValid() and theirs != ours:
        feedback.pushWarning(
            tr("The variogram was fitted in {theirs}, and is used in {ours}: check that the units agree.").format(
                theirs=readable(theirs), ours=readable(ours)
            )
        )


def with_error(model: VariogramModel, error: float) -> VariogramModel:
    """Return a variogram with so much of its nugget as measurement error.

    Raises
    ------
    InputError
        For an error above the nugget.
    """
    if error > model.nugget:
        raise InputError(
            tr(
                "Expected a measurement error of at most the nugget ({nugget:.6g}), of which it is a part, got "
                "{error:.6g}. Use a variogram with a larger nugget, or a smaller error."
            ).format(nugget=model.nugget, error=error)
        )
    return replace(model, measurement_error=error)


def with_error_of_repeats(
    model: VariogramModel, coordinates: np.ndarray, values: np.ndarray, feedback
) -> VariogramModel:
    """Return a variogram whose measurement error is the variance by which samples at one location differ.

    Raises
    ------
    InputError
        When they differ and there is no nugget.
    """
    variance, n_degrees = repeat_variance(coordinates, values)
    feedback.pushInfo(
        tr(
            "Repeated measurements differ with a variance of {variance:.4g} ({n} degrees of freedom; nugget "
            "{nugget:.4g}), which is taken as the measurement error."
        ).format(variance=variance, n=n_degrees, nugget=model.nugget)
    )
    if variance > 0 and model.nugget == 0:
        raise InputError(
            tr(
                "Expected a variogram with a nugget where samples at one location are repeated measurements that "
                "differ, got none. Fit one with a nugget, or average the samples."
            )
        )
    if variance > model.nugget:
        feedback.pushWarning(tr("That is more than the nugget: all of the nugget is measurement error."))
    return replace(model, measurement_error=min(variance, model.nugget))
