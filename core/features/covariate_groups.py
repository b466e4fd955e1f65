"""Named groups of covariates, as self-evaluation and ablation take them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ..errors import InputError
from ..samples import Covariates
from .covariate_origins import GRADIENT, PROJECTION

OTHERS = "covariates"
"""The group of covariates that are in none of a name."""

BUILT_IN_GROUPS = ("geometry", "covariance", "values", "kriging", GRADIENT)
"""Groups of inputs that every network has, see `core.features.sequences`; the rest are groups of covariates."""


def resolved_groups(
    named: Mapping[str, Sequence[str]], covariates: Covariates | None
) -> dict[str, tuple[str, ...]]:
    """Return groups with rasters of spectra replaced by their components.

    Components are chosen anew from the samples of every fold: one that is named and was not chosen is left out.
    Other names stay as they are, for `group_by_covariate` to judge.

    Parameters
    ----------
    named : mapping of str to sequence of str
        Covariates, or rasters of spectra, by group.
    covariates : Covariates or None
    """
    components: dict[str, list[str]] = {}
    names = () if covariates is None else covariates.names
    for name, origin in zip(names, () if covariates is None else covariates.origins):
        if origin is not None and origin["kind"] == PROJECTION:
            components.setdefault(str(origin["raster"]), []).append(name)
    of_spectra = {_unnumbered(name) for members in components.values() for name in members}
    found = {}
    for group, members in named.items():
        own: list[str] = []
        for member in members:
            if member not in names and member in components:
                own += components[member]
            elif member in names or _unnumbered(member) not in of_spectra:
                own.append(member)
        found[group] = tuple(own)
    return found


def group_by_covariate(
    covariates: Sequence[str], named: Mapping[str, Sequence[str]], gradients: Sequence[str] = ()
) -> dict[str, str]:
    """Return the group of every covariate.

    Parameters
    ----------
    covariates : sequence of str
        All there are.
    named : mapping of str to sequence of str
        Covariates by group; those in none make the group `OTHERS`.
    gradients : sequence of str
        Covariates that are kriging gradients: in no group of a name they belong to "gradient".

    Raises
    ------
    InputError
        For a covariate that is not there or stands in two groups, or a name that is taken.

    Examples
    --------
    >>> group_by_covariate(["mag", "ip", "Fe gradient"], {"geophysics": ["mag"]}, ["Fe gradient"])
    {'mag': 'geophysics', 'ip': 'covariates', 'Fe gradient': 'gradient'}
    """
    found: dict[str, str] = {}
    for group, members in named.items():
        if group in BUILT_IN_GROUPS or not group:
            raise InputError(
                f"A group of covariates cannot be called {group!r}: {', '.join(BUILT_IN_GROUPS)} are groups of "
                "inputs already. Give it another name."
            )
        for name in members:
            if name not in covariates or name in found:
                raise InputError(
                    f"Expected every covariate of the group {group} among {', '.join(covariates) or 'none'}, each "
                    f"in one group only, got {name!r}."
                )
            found[name] = group
    others = {name: GRADIENT if name in gradients else OTHERS for name in covariates}
    return {name: found.get(name, other) for name, other in others.items()}


def _unnumbered(name: str) -> str:
    """Return the name of a component without its number."""
    return re.sub(r"\d+$", "", name)
