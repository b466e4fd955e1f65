"""Settings of trainings and methods, read from the plain values of a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...kriging.neighborhood import Neighborhood
from ...transforms import Transform
from ...variogram.models import model_from_dict

if TYPE_CHECKING:
    from ...learning.hybrid_settings import HybridSettings
    from ...learning.network_settings import NetworkByName
    from ...learning.pretrained import PretrainedSettings


def hybrid_settings(content: Mapping[str, Any]) -> HybridSettings:
    """Read the settings of a hybrid from plain values.

    Parameters
    ----------
    content : mapping
        ``transforms``: one transform's dict, or one by target; ``variograms``: content of a variogram file (or its
        nugget and structures) by target; ``neighborhood``: arguments of `Neighborhood`; ``network``: arguments of
        `NetworkSettings`; ``forest``: arguments of `ForestSettings`, or None for none; other arguments of
        `HybridSettings` by name.

    Raises
    ------
    InputError
        For a name that is no setting.
    """
    from ...learning.forests import ForestSettings
    from ...learning.hybrid_settings import HybridSettings
    from ...learning.training import NetworkSettings

    try:
        given = {**content, **_of_kriging(content)}
        if "network" in content:
            given["network"] = NetworkSettings(**content["network"])
        if content.get("forest") is not None:
            given["forest"] = ForestSettings(**content["forest"])
        given["groups"] = _groups_of(content)
        return HybridSettings(**given)
    except TypeError as error:
        raise InputError(f"Unknown setting of the hybrid: {error}.") from error


def network_settings(architecture: str, content: Mapping[str, Any]) -> NetworkByName:
    """Read the settings of a network by name from plain values.

    Parameters
    ----------
    architecture : str
    content : mapping
        ``transforms``, ``variograms`` and ``neighborhood`` as in `hybrid_settings`; ``n_seeds``, the sets of inner
        folds; ``schedule``: arguments of `Schedule` that replace the architecture's; ``sizes`` and
        ``self_evaluation``: arguments of `Sizes` and `SelfEvaluation`; other arguments of `NetworkByName` by name.

    Raises
    ------
    InputError
        For a name that is no setting.
    """
    from ...learning.architectures import Sizes, architecture_of
    from ...learning.network_settings import NetworkByName
    from ...learning.self_evaluation import SelfEvaluation

    schedule = architecture_of(architecture).schedule
    try:
        given = {key: value for key, value in content.items() if key != "n_seeds"}
        given.update(_of_kriging(content))
        if "n_seeds" in content:
            given["n_sets"] = content["n_seeds"]
        if "schedule" in content:
            given["schedule"] = replace(schedule, **content["schedule"])
        if "self_evaluation" in content:
            given["self_evaluation"] = SelfEvaluation(**content["self_evaluation"])
        given["sizes"] = Sizes(**content.get("sizes", {}))
        given["groups"] = _groups_of(content)
        return NetworkByName(architecture, **given)
    except TypeError as error:
        raise InputError(f"Unknown setting of the network: {error}.") from error


def pretrained_settings(content: Mapping[str, Any]) -> PretrainedSettings:
    """Read the settings of kriging with the pre-trained correction from plain values.

    Parameters
    ----------
    content : mapping
        ``transforms``, ``variograms`` and ``neighborhood`` as in `hybrid_settings`, ``units`` and ``seed``; what else
        concerns the training of networks and is not looked at.
    """
    from ...learning.pretrained import PretrainedSettings

    plain = {key: content[key] for key in ("units", "seed") if key in content}
    return PretrainedSettings(**_of_kriging(content), **plain)


def _of_kriging(content: Mapping[str, Any]) -> dict[str, Any]:
    """Read what all of them say of kriging."""
    variograms = content.get("variograms") or {}
    return {
        "transforms": transforms_of(content),
        "variograms": {target: model_from_dict(variogram) for target, variogram in variograms.items()},
        "neighborhood": neighborhood_of(content),
    }


def _groups_of(content: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Read ``groups``: covariates by the name of their group."""
    return {name: tuple(members) for name, members in content.get("groups", {}).items()}


def transforms_of(content: Mapping[str, Any]) -> Transform | dict[str, Transform]:
    """Read ``transforms``: one, or one by target."""
    given = content.get("transforms") or {}
    if given and "kind" not in given:
        return {target: Transform.from_dict(entry) for target, entry in given.items()}
    return Transform.from_dict(dict(given))


def neighborhood_of(content: Mapping[str, Any]) -> Neighborhood | None:
    """Read ``neighborhood``, None where there is none."""
    given = content.get("neighborhood")
    return None if given is None else Neighborhood(**given)
