"""Which samples count: complete ones, with their covariates, at places in 2-D or 3-D, one a location."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...core.coincident import average_coincident, coincident_samples, first_coincident
from ...core.errors import InputError
from ...core.sample_check.fields import is_right_skewed, skewness_of
from ...core.sample_check.places import look_like_degrees
from ...core.samples import Covariates, Samples, elevations_count
from ..covariates.stack import CovariateStack
from ..identity import tr
from ..layers import Points
from .values import Values


def with_numbers(
    points: Points, values: np.ndarray, names: Sequence[str], feedback, n_alone: int = 0, needs_one: bool = True
) -> np.ndarray:
    """Return which points have a number in all fields, shape (n_points,), and tell how many have not.

    The first `n_alone` fields have samples of their own: a point may lack them, but where it `needs_one` not all.
    """
    missing = ~np.isfinite(values)
    if n_alone:
        _tell_own_samples(~missing[:, :n_alone], names[:n_alone], feedback)
        missing[:, :n_alone] = missing[:, :n_alone].all(axis=1, keepdims=True) & needs_one
    known = ~missing.any(axis=1)
    if not known.all():
        alone = ""
        counts = [(name, count) for name, count in zip(names, missing.sum(axis=0).tolist()) if count]
        if len(counts) == 1:
            fields = counts[0][0]
        else:
            fields = ", ".join(f"{name} ({count})" for name, count in counts)
            if known.sum() < (~missing).sum(axis=0).min():
                alone = tr(" Taken one by one, the fields keep more of their samples.")
        feedback.pushWarning(
            tr("{n} of {total} samples have no number in {fields} and are left out.").format(
                n=int((~known).sum()), total=len(points), fields=fields
            )
            + alone
        )
    return known


def _tell_own_samples(known: np.ndarray, names: Sequence[str], feedback) -> None:
    """Tell how many samples each of several fields has, where these are not the same."""
    of_any = int(known.any(axis=1).sum())
    if known.all(axis=1).sum() < of_any:
        feedback.pushInfo(
            tr("Each target keeps its own samples: {counts} of {n}.").format(
                counts=", ".join(f"{name} {count}" for name, count in zip(names, known.sum(axis=0).tolist())), n=of_any
            )
        )


def tell_running_numbers(values: np.ndarray, names: Sequence[str], feedback) -> None:
    """Tell of fields that only count the rows, such as the fid that a dialog offers first."""
    for name, column in zip(names, values.T):
        if len(column) >= 10 and (np.diff(column) == 1).all():
            feedback.pushWarning(
                tr("{field} counts the samples from {first:g} to {last:g}. Is it the field to map?").format(
                    field=name, first=column[0], last=column[-1]
                )
            )


def tell_likely_limits(values: np.ndarray, names: Sequence[str], feedback) -> None:
    """Tell of fields in which the same few negative numbers return, as limits of detection and codes do."""
    for name, column in zip(names, values.T):
        negative = column[column < 0]
        different = np.unique(negative)
        if 3 * max(len(different), 1) <= len(negative) < 0.5 * np.isfinite(column).sum():
            feedback.pushWarning(
                tr(
                    "{field}: {n} of {all} values are below 0, and they are the same few numbers again and again "
                    "({numbers}). If they mean below detection, or missing, let Check samples write a copy (NEGATIVES "
                    "= limits) and map that."
                ).format(
                    field=name, n=len(negative), all=int(np.isfinite(column).sum()),
                    numbers=", ".join(f"{number:g}" for number in different[:3]) + ", ..." * (len(different) > 3),
                )  # fmt: skip
            )


def tell_skewed(samples: Samples, feedback) -> None:
    """Tell of fields that are mapped as they are though logarithms would suit them."""
    for name in samples.targets:
        values = samples.of(name).values[:, 0]
        if is_right_skewed(values):
            feedback.pushInfo(
                tr(
                    "{field} is right-skewed (skewness {skewness:.2g}), so that a few rich samples rule variogram and "
                    "errors: TRANSFORM = log is worth a try."
                ).format(field=name, skewness=skewness_of(values))
            )


def tell_unknown_crs(points: Points, feedback) -> None:
    """Tell where the layer does not say in which coordinates it is."""
    if not points.crs.isValid():
        may_be_degrees = look_like_degrees(points.coordinates)
        tell = feedback.pushWarning if may_be_degrees else feedback.pushInfo
        tell(
            tr("The samples have no CRS: their coordinates are taken for lengths in one unit.")
            + (tr(" They may be degrees, which are none: reproject them then.") if may_be_degrees else "")
        )


def one_a_location(samples: Samples, treatment: str, feedback) -> tuple[Samples, int]:
    """Return samples with those at one location treated as a choice of DUPLICATES says, and how many these are."""
    if treatment == "measurement_error":
        n_duplicates = sum(len(rows) - 1 for rows in coincident_samples(samples.coordinates))
    else:
        merge = average_coincident if treatment == "average" else first_coincident
        samples, n_duplicates = merge(samples)
    if n_duplicates:
        what = {
            "average": tr("samples at one location are averaged"),
            "first": tr("of samples at one location the first counts"),
            "measurement_error": tr("samples at one location are repeated measurements"),
        }[treatment]
        feedback.pushWarning(tr("{n} samples lie where another one does; {what}.").format(n=n_duplicates, what=what))
    return samples, n_duplicates


def with_covariates(
    stack: CovariateStack, coordinates: np.ndarray, crs, rows: np.ndarray, feedback
) -> tuple[Covariates, np.ndarray]:
    """Return the covariates of the samples that have all of them, and which samples these are.

    Raises
    ------
    InputError
        When more than half of them lack one.
    """
    found = stack.at(coordinates, crs, rows)
    missing = ~np.isfinite(found.values)
    inside = ~missing.any(axis=1)
    if not inside.all():
        n_missing = int((~inside).sum())
        holes = ", ".join(
            f"{name} ({count})" for name, count in zip(stack.names, missing.sum(axis=0).tolist()) if count
        )
        if n_missing > 0.5 * len(inside):
            raise InputError(
                tr(
                    "Expected covariates at the samples, but {n} of {total} samples lie outside a raster or where "
                    "it has no value: {holes}. Use rasters that cover the samples, or leave these out."
                ).format(n=n_missing, total=len(inside), holes=holes)
            )
        feedback.pushWarning(
            tr(
                "{n} of {total} samples lie outside a covariate raster or where it has no value, and are left out: "
                "{holes}."
            ).format(n=n_missing, total=len(inside), holes=holes)
        )
    return found.rows(inside), inside


def is_3d(read: Values, points: Points, known: np.ndarray, elevations: bool) -> bool:
    """Return whether elevations are to count, and tell why where the user did not say so.

    ELEVATIONS or DIMENSIONS decides, `elevations` where the algorithm has neither.

    Raises
    ------
    InputError
        When elevations are asked for and none differ.
    """
    heights = np.empty(0) if points.elevations is None else points.elevations[known]
    heights = heights[np.isfinite(heights)]
    differ = len(heights) > 0 and bool(np.ptp(heights) > 0)
    asked = elevations
    if read.has("ELEVATIONS"):
        asked = read.given("ELEVATIONS")
        if differ and not asked:
            read.feedback.pushInfo(
                tr("The samples have elevations; this map is 2-D and does not use them. Enter ELEVATIONS for 3-D.")
            )
    elif read.has("DIMENSIONS"):
        choice = read.choice("DIMENSIONS")
        asked = choice == "3d" or (choice == "auto" and differ and _fill_a_volume(points, known))
        if differ and choice == "auto":
            read.feedback.pushInfo(
                tr("Samples lie above one another, as in drill holes, so their elevations count: 3-D.")
                if asked
                else tr("Samples lie beside one another, as on a surface, so their elevations do not count: 2-D.")
            )
    elif differ and not asked:
        read.feedback.pushInfo(tr("The samples have elevations, which are not used."))
    if asked and not differ:
        if read.given("ELEVATIONS") or (read.has("DIMENSIONS") and read.choice("DIMENSIONS") == "3d"):
            raise InputError(
                tr(
                    "Expected samples whose elevations differ (PointZ), got {what}. Set the Z of the points first "
                    "(native:setzvalue takes it from a field; a depth is negative), or map in 2-D."
                ).format(what=tr("none") if points.elevations is None else tr("one elevation or none"))
            )
        if points.elevations is not None:
            read.feedback.pushInfo(tr("All elevations are the same, so the samples are taken as 2-D."))
    return asked and differ


def _fill_a_volume(points: Points, known: np.ndarray) -> bool:
    """Return whether the samples that are complete lie as along drill holes."""
    places = points.places[known]
    return elevations_count(places[np.isfinite(places).all(axis=1)])


def with_elevations(points: Points, known: np.ndarray, feedback) -> tuple[np.ndarray, np.ndarray]:
    """Return 3-D coordinates, and which of the samples are complete."""
    there = np.isfinite(points.elevations)
    if not there.all():
        feedback.pushWarning(
            tr("{n} of {total} samples have no elevation and are left out.").format(
                n=int((~there).sum()), total=len(points)
            )
        )
    return np.column_stack([points.coordinates, points.elevations]), known & there
