"""Covariates of samples and of the map: names as entered, components of spectra, what to tell of units and CRS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...core.features.covariate_origins import RangeCheck
from ...core.features.spectra import component_names, principal_components
from ...core.samples import Covariates
from ...core.validation.components import TUNED
from ..covariates.kinds import MOST_CLASSES, MOST_CODES, Projected, RasterBand
from ..covariates.moments import band_moments
from ..covariates.stack import CovariateStack
from ..crs import readable
from ..identity import tr
from ..rasters import RasterSource

NO_CATEGORICAL = "none"
MOST_TUNED = 8
"""Components among which their number is chosen."""


def components_of_spectra(source: RasterSource, wanted: int, feedback) -> list[Projected]:
    """Return the first principal components of a raster with many bands, 0 for those among which to choose."""
    names = source.band_names()
    tuned = wanted == 0
    feedback.setProgressText(tr("Reading the spectra of {}").format(source.name))
    moments = band_moments(source, source.grid(), is_cancelled=feedback.isCanceled)
    components = principal_components(
        moments, names, min(MOST_TUNED, len(names)) if tuned else wanted, raster=source.name
    )
    feedback.pushInfo(
        tr("{raster}: shares of the variance {shares}.").format(
            raster=source.name, shares=", ".join(f"{100 * share:.1f} %" for share in components.explained)
        )
    )
    more = {TUNED: True} if tuned else {}
    return [
        Projected(f"{source.name} {name}", source, {**components.origin(i), **more})
        for i, name in enumerate(component_names(components))
    ]


def tell_possible_codes(stack: CovariateStack, feedback) -> None:
    """Tell which covariates are taken as quantities and may hold class codes."""
    names = [
        member.name for member in stack.members if not member.is_categorical and member.looks_categorical(MOST_CODES)
    ]
    if names:
        feedback.pushWarning(
            tr(
                "{names}: whole numbers only, more than {most} different ones. They are taken as quantities. If they "
                "are codes of classes, name all such covariates in CATEGORICAL (none, if there are none)."
            ).format(names=", ".join(names), most=MOST_CLASSES)
        )


def tell_codes_of_drift(stack: CovariateStack, feedback) -> None:
    """Tell which drift rasters are taken as quantities and look like class codes."""
    names = [member.name for member in stack.members if not member.is_categorical and member.looks_categorical()]
    if names:
        feedback.pushWarning(
            tr(
                "{}: few whole numbers only, taken as quantities, of which 2 is twice as much as 1. If they are codes "
                "of classes, name them in DRIFT_CLASSES."
            ).format(", ".join(names))
        )


def _about(share: float) -> str:
    """Return a share that a sample of cells showed, in percent.

    Examples
    --------
    >>> _about(0.004), _about(0.123)
    ('less than 1 %', 'about 12 %')
    """
    return tr("less than 1 %") if share < 0.005 else tr("about {share:.0f} %").format(share=100 * share)


def tell_outside_ranges(checks: Sequence[RangeCheck], feedback) -> None:
    """Tell which covariates of a map leave what the samples of a model cover."""
    for check in checks:
        if check.categorical and check.outside > 0:
            feedback.pushWarning(
                tr("{name}: {share} of the map is in classes that no sample has.").format(
                    name=check.name, share=_about(check.outside)
                )
            )
        elif check.outside > 0:
            low, high = check.trained
            text = tr(
                "{name}: {share} of the map is outside the samples' range ({low:.6g} to {high:.6g})."
            ).format(name=check.name, share=_about(check.outside), low=low, high=high)
            if check.far > 0:
                feedback.pushWarning(
                    text
                    + tr(
                        " Far outside lies {far} of it (up to {lowest:.6g} and {highest:.6g}): estimates there are "
                        "extrapolated. Check the unit where all of it is."
                    ).format(far=_about(check.far), lowest=check.lowest, highest=check.highest)
                )
            else:
                feedback.pushInfo(text)


def tell_other_units(trained: Covariates, stack: CovariateStack, feedback) -> None:
    """Tell which rasters are in another unit than a model was trained in."""
    for name, member, origin in zip(stack.names, stack.members, trained.origins):
        unit = "" if origin is None else origin.get("unit", "")
        if isinstance(member, RasterBand) and unit and member.unit and unit != member.unit:
            feedback.pushWarning(
                tr("{name}: the model was trained in {theirs}, the raster says {ours}.").format(
                    name=name, theirs=unit, ours=member.unit
                )
            )


def tell_missing_crs(stack: CovariateStack, crs, feedback) -> None:
    """Tell which rasters say nothing about their CRS."""
    for source in stack.sources:
        if not source.crs.isValid():
            feedback.pushWarning(
                tr("The covariate {name} has no CRS; it is taken to be in {crs}.").format(
                    name=source.name, crs=readable(crs) if crs.isValid() else tr("the one of the samples")
                )
            )


def parse_names(text: str) -> list[str]:
    """Return the names written into a line, separated by commas or semicolons."""
    return [name.strip() for name in text.replace(";", ",").split(",") if name.strip()]


def parse_categorical(text: str) -> Optional[list[str]]:
    """Return the names written into CATEGORICAL; None asks to look at the values.

    Examples
    --------
    >>> parse_categorical(" soil, ffreq "), parse_categorical("none"), parse_categorical("")
    (['soil', 'ffreq'], [], None)
    """
    names = parse_names(text)
    if not names:
        return None
    return [] if names == [NO_CATEGORICAL] else names
