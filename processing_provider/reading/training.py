"""How a hybrid is to be trained."""

from __future__ import annotations

from typing import Any

from ...core.samples import Samples
from ..identity import tr
from .values import Values
from .variograms import tell_other_crs, variogram_of_target


def hybrid_settings(read: Values, samples: Samples) -> dict[str, Any]:
    """Return the settings of a hybrid as the backend's tasks take them.

    Raises
    ------
    InputError
        For a variogram of none of the targets.
    """
    chosen = {"kind": read.choice("TRANSFORM")}
    transforms = dict.fromkeys(samples.targets, chosen)
    settings: dict[str, Any] = {
        "transforms": transforms,
        "n_neighbors": read.whole("N_NEIGHBORS"),
        "seed": read.whole("SEED"),
    }
    n_sets = read.whole("N_SEEDS")
    if n_sets is not None:
        settings["n_seeds"] = n_sets
    n_steps = read.whole("N_STEPS")
    if n_steps is not None:
        settings["network"] = {"min_steps": n_steps, "max_steps": n_steps}
    path = read.path("VARIOGRAM")
    if path is None:
        return settings
    target, variogram = variogram_of_target(path, samples)
    if variogram.transform.to_dict() != chosen:
        transforms[target] = variogram.transform.to_dict()
        read.feedback.pushWarning(
            tr(
                "The variogram of {target} has the transform {theirs}, which is used for it instead of {ours}."
            ).format(target=target, theirs=variogram.transform.kind, ours=chosen["kind"])
        )
    tell_other_crs(variogram, samples, read.feedback)
    settings["variograms"] = {target: variogram.to_dict()}
    return settings
