"""The page that shows a fitted variogram: what was seen, what was chosen, and why."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..report.charts import xy_chart
from ..report.drawing import Layer, Level, Line, Points
from ..report.markup import rounded
from ..report.page import Section, bullets, figures, note, page, paragraph, table
from .anisotropy import Anisotropy
from .candidates import Candidate
from .choice import CLEAR_ERROR, CLEAR_GAIN, PREFERRED
from .experimental import ExperimentalVariogram
from .fitting import FittedVariogram
from .models import Structure, VariogramModel

METHOD_NAMES = {"least_squares": "least squares", "reml": "restricted likelihood"}
"""How the methods are called in sentences."""

ESTIMATOR_NAMES = {
    "matheron": "Matheron (mean of squared differences)",
    "cressie": "Cressie-Hawkins (robust)",
    "dowd": "Dowd (robust, from the median)",
    "genton": "Genton (robust, from a quantile)",
}
"""How the estimators are called in reports."""


def variogram_page(
    fitted: FittedVariogram,
    *,
    field: str,
    n_samples: int,
    scale: str = "",
    unit: str = "",
    map_unit: str = "map units",
    drift: str = "",
    provenance: Mapping[str, object] | None = None,
) -> str:
    """Write the report of a fit.

    Parameters
    ----------
    fitted : FittedVariogram
    field : str
        Name of the field.
    n_samples : int
    scale : str
        `Transform.label`: how values were transformed.
    unit : str
        Of the field, before the transform.
    map_unit : str
        Of lags and range.
    drift : str
        Names of the covariates whose effect was removed first; "" for none.
    provenance : mapping of str to object, or None
        Lines for the footer (date, data, seed, plugin version); versions of libraries are added.

    Returns
    -------
    str
        A complete HTML document.
    """
    model = fitted.model
    structure = model.structures[-1]
    squared = f"squared {scale or 'data'} units"
    summary = [
        paragraph(
            f"{_named(model)} with an effective range of {rounded(model.effective_range)} {map_unit}"
            f"{_shorter_range(model, map_unit)}. {_percent(model.nugget / model.sill)} % of the sill is nugget: "
            "variation between samples however close, from measurement and from structure finer than the sampling."
        ),
        figures(
            [
                ("Nugget", rounded(model.nugget)),
                ("Partial sill", rounded(model.psill)),
                (f"Effective range ({map_unit})", rounded(model.effective_range)),
                ("Leave-one-out RMSE", rounded(fitted.loo_rmse)),
                ("RMSE without a variogram", rounded(fitted.mean_rmse)),
            ]
        ),
    ]
    if not structure.is_isotropic:
        summary.append(paragraph(_anisotropy(model, map_unit)))
    if structure.shape is not None:
        summary.append(paragraph(_shape(structure)))
    summary += [note(warning, "warning") for warning in fitted.warnings]

    described = f"{n_samples} samples"
    described += f", {scale} scale" if scale else ""
    described += f", in {unit}" if unit and not scale else ""
    described += f", residuals from {drift}" if drift else ""
    sections = [
        Section("Variogram and model", [_variogram_chart(fitted, squared, map_unit), *_how_to_read(fitted)]),
        *_by_direction(fitted, squared, map_unit),
        Section("How the model was chosen", _choice(fitted, squared, map_unit)),
        Section("Experimental variogram", [_lag_table(fitted, squared, map_unit)]),
        Section(
            "Conventions",
            [
                bullets(
                    [
                        "The semivariance of two samples h apart is half their expected squared difference; at h = 0 "
                        "it is 0, just above it is the nugget.",
                        "Sill = nugget + psill. The effective range is where the semivariance reaches the sill "
                        "(spherical, cubic) or 95 % of the psill above the nugget (exponential, gaussian).",
                        "Leave-one-out kriges every sample from the others with the variogram as it is. It compares "
                        "models; it does not measure how well maps predict far from samples.",
                    ]
                )
            ],
        ),
    ]
    origin = dict(provenance or {})
    origin.update({f"{name} version": version for name, version in fitted.versions.items()})
    return page(f"Variogram of {field}", described, summary, sections, origin)


def _percent(share: float) -> str:
    """Write a share in percent, small ones with a digit."""
    return f"{100 * share:.0f}" if share >= 0.01 or share == 0 else rounded(100 * share, 1)


def _named(model: VariogramModel) -> str:
    """Call a model by its kind and number of structures."""
    kind = model.structures[-1].model
    if len(model.structures) > 1:
        return f"{len(model.structures)} {kind} structures"
    return f"An {kind} model" if kind[0] in "aeiou" else f"A {kind} model"


def _shorter_range(model: VariogramModel, map_unit: str) -> str:
    """Tell the range of the shorter of two structures."""
    if len(model.structures) < 2:
        return ""
    inner = min(model.structures, key=lambda structure: structure.effective_range)
    share = _percent(inner.psill / model.sill)
    return f", the shorter one of {rounded(inner.effective_range)} {map_unit} with {share} % of the sill"


def _shape(structure: Structure) -> str:
    """Say what a shape means."""
    shape = rounded(structure.shape, 2)
    if structure.model == "matern":
        return f"Smoothness {shape}: 0.5 is as rough as the exponential model, large values as smooth as the gaussian."
    return f"Power {shape}: 1 is the exponential model, 2 the gaussian."


def _anisotropy(model: VariogramModel, map_unit: str) -> str:
    """Describe the ranges by direction in a sentence."""
    structure = model.structures[-1]
    reach = structure.effective_range
    if structure.ratio_minor == 1.0:
        text = f"The effective range is {rounded(reach)} {map_unit} in all horizontal directions."
    else:
        across = rounded(reach * structure.ratio_minor)
        text = (
            f"Continuity is longest along azimuth {structure.azimuth:.0f}° (clockwise from north"
            + (f", dipping {structure.dip:.0f}° downward" if structure.dip else "")
            + (f", turned by {structure.plunge:.0f}° about it" if structure.plunge else "")
            + f"); across it the effective range is {across} {map_unit} (ratio {rounded(structure.ratio_minor, 2)})."
        )
    if structure.ratio_vertical != 1.0:
        up = rounded(reach * structure.ratio_vertical)
        upward = "Vertically" if structure.dip == 0 and structure.plunge == 0 else "At right angles to both"
        text += f" {upward} it is {up} {map_unit} (ratio {rounded(structure.ratio_vertical, 2)})."
    return text


def _variogram_chart(fitted: FittedVariogram, squared: str, map_unit: str) -> str:
    """Draw the experimental points with the chosen model and the other kinds."""
    table_ = fitted.experimental
    # From just above 0, where the model starts at its nugget.
    lags = np.linspace(table_.max_lag * 1e-6, table_.max_lag, 161)
    structure = fitted.model.structures[-1]
    layers: list[Layer] = []
    along = "" if structure.is_isotropic or structure.ratio_minor == 1.0 else f" along {structure.azimuth:.0f}°"
    along = " horizontally" if structure.ratio_minor == 1.0 and structure.ratio_vertical != 1.0 else along
    layers.append(
        Line(lags.tolist(), fitted.model.gamma(lags).tolist(), f"{structure.model}{along} (chosen)", color=1)
    )
    if structure.ratio_minor != 1.0 and not fitted.stretched:
        across = fitted.model.gamma(lags / structure.ratio_minor)
        layers.append(Line(lags.tolist(), across.tolist(), "across", color=1, dashed=True))
    for color, (name, model) in enumerate(_other_curves(fitted), start=2):
        layers.append(Line(lags.tolist(), model.gamma(lags).tolist(), name, color=color, dashed=True))
    layers += _points(table_, "experimental, with its number of pairs")
    layers.append(Level(fitted.model.sill, "sill"))
    if 0 < fitted.model.effective_range <= table_.max_lag:
        layers.append(Level(fitted.model.effective_range, "effective range", vertical=True))
    return xy_chart(
        "Semivariance by lag",
        f"lag ({map_unit}{', as along the azimuth' if fitted.stretched else ''})",
        f"semivariance ({squared})",
        layers,
        x_from_zero=True,
        y_from_zero=True,
        width=760,
        height=430,
        description=(
            f"{len(table_.lags)} experimental semivariances rising from {rounded(float(table_.semivariances[0]))} at "
            f"{rounded(float(table_.lags[0]))} to {rounded(float(table_.semivariances[-1]))} at "
            f"{rounded(float(table_.lags[-1]))} {map_unit}, with the {structure.model} model."
        ),
    )


def _points(table_: ExperimentalVariogram, label: str, color: int = 0, counted: bool = True) -> list[Layer]:
    """Draw experimental semivariances, the larger the more pairs they hold."""
    shares = np.sqrt(table_.pair_counts / table_.pair_counts.max())
    size = np.where(shares > 0.7, 5.5, np.where(shares > 0.35, 4.0, 2.8))
    layers: list[Layer] = []
    for number in sorted(set(size.tolist()), reverse=True):
        rows = np.flatnonzero(size == number)
        layers.append(
            Points(
                table_.lags[rows].tolist(),
                table_.semivariances[rows].tolist(),
                label if not layers else "",
                notes=[str(table_.pair_counts[row]) for row in rows] if counted else None,
                size=float(number),
                color=color,
            )
        )
    return layers


def _by_direction(fitted: FittedVariogram, squared: str, map_unit: str) -> list[Section]:
    """Draw each direction with the model in it: level ones together, the vertical one on its own scale."""
    parts = []
    for name, is_up in (("Horizontal directions", False), ("Vertical direction", True)):
        tables = [
            found for found in fitted.directional
            if found.direction is not None and (abs(found.direction.dip) == 90) == is_up
        ]  # fmt: skip
        if not tables:
            continue
        longest = max(table_.max_lag for table_ in tables)
        lags = np.linspace(longest * 1e-6, longest, 161)
        layers: list[Layer] = []
        for color, table_ in enumerate(tables, start=1):
            if table_.direction is None:
                continue
            label = "up" if is_up else table_.direction.name
            curve = fitted.model.gamma_in(table_.direction.unit(3 if _is_3d(fitted) else 2), lags)
            layers += _points(table_, f"{label}, experimental", color, counted=len(tables) < 3)
            turned = fitted.model.structures[-1].ratio_minor != 1.0
            if color == 1 or turned:
                layers.append(
                    Line(lags.tolist(), curve.tolist(), f"{label}, model" if turned else "model", color=color)
                )
        parts.append(
            xy_chart(
                name,
                f"lag ({map_unit})",
                f"semivariance ({squared})",
                layers,
                x_from_zero=True,
                y_from_zero=True,
                width=760,
                height=400,
                description=f"Experimental variograms of {len(tables)} directions with the model.",
            )
        )
    if not parts:
        return []
    note_ = (
        "Points are pairs within 22.5° of a direction, the larger the more there are. Where the model has the same "
        "range in all directions, the points of different directions should scatter about one curve."
    )
    return [Section("By direction", [*parts, note_])]


def _is_3d(fitted: FittedVariogram) -> bool:
    """Whether there is a vertical direction."""
    return any(found.direction is not None and abs(found.direction.dip) == 90 for found in fitted.directional)


def _other_curves(fitted: FittedVariogram) -> list[tuple[str, VariogramModel]]:
    """Return the curves to compare with: other kinds, or what the likelihood started from."""
    curves = []
    for candidate in fitted.candidates:
        model = candidate.model
        if model is None or model is fitted.model or candidate.method != "least_squares":
            continue
        if fitted.method == "least_squares":
            # Lags of another frame, or other lags, are not these.
            if Anisotropy.of(model.structures[0]) == Anisotropy.of(fitted.model.structures[0]):
                nested = ", two structures" if len(model.structures) > 1 else ""
                curves.append((f"{candidate.name}{nested}", model))
        elif candidate.name == fitted.model.structures[0].model:
            curves.append((f"{candidate.name}, least squares", model))
    return curves


def _how_to_read(fitted: FittedVariogram) -> list[str]:
    """Explain a curve that does not follow the points."""
    if fitted.method != "reml":
        return []
    return [
        "This model was fitted by restricted likelihood, which weighs every sample instead of the points above. At "
        "long lags its curve may leave the points: what counts for kriging is its shape at short ones."
    ]


def _choice(fitted: FittedVariogram, squared: str, map_unit: str) -> list[str]:
    """Show all candidates, the chosen one emphasised, and say what decided."""
    rows = [_candidate_row(candidate) for candidate in fitted.candidates]
    chosen = [i for i, c in enumerate(fitted.candidates) if c.model is fitted.model]
    columns = ["model", "by", "nugget", "psill", "range", "anisotropy", "RMSE", "MSDR", "log lik.", "why"]
    notes = [f"{c.name} ({METHOD_NAMES[c.method]}): {c.note}" for c in fitted.candidates if c.note]
    method = METHOD_NAMES[fitted.method]
    clear = (
        f"its log likelihood is higher by more than {CLEAR_GAIN:g}"
        if fitted.method == "reml"
        else f"its leave-one-out RMSE is lower by more than {100 * CLEAR_ERROR:g} %"
    )
    reason = (
        f"Models were fitted by {method}. The {PREFERRED} model is taken unless another is clearly better, that is, "
        f"{clear}: smaller differences are mostly chance and do not last in cross-validation."
        if sum(c.method == fitted.method for c in fitted.candidates) > 1
        else f"The model was given; its parameters were fitted by {method}."
    )
    parts: list[str] = [
        paragraph(reason),
        *([bullets(fitted.account)] if fitted.account else []),
        table(
            columns,
            rows,
            caption=f"Candidates by least squares (LS) and restricted likelihood (REML); nugget and psill in "
            f"{squared}, range in {map_unit}, anisotropy as azimuth, ratio across and up, a shape after its model",
            digits=3,
            highlight=chosen,
        ),
    ]
    parts.append(
        "RMSE and MSDR are of kriging each sample from the others: root mean squared error, the lower the better, and "
        "squared error / kriging variance, 1 where the variances are right. Log likelihoods compare what stands in "
        "this table only."
    )
    if any(np.isfinite(candidate.hole_msdr) for candidate in fitted.candidates):
        parts.append(
            "Samples in drill holes have neighbours close by in their hole; a map between the holes has none. What is "
            "said above of whole holes left out counts there, not this table's RMSE and MSDR."
        )
    if notes:
        parts.append(bullets(notes))
    return parts


def _candidate_row(candidate: Candidate) -> list[object]:
    """Write one candidate."""
    model = candidate.model
    row: list[object] = [candidate.name, "LS" if candidate.method == "least_squares" else "REML"]
    if model is None:
        row += [np.nan, np.nan, np.nan, ""]
    else:
        shape = model.structures[-1].shape
        if shape is not None:
            row[0] = f"{candidate.name} {rounded(shape, 2)}"
        if len(model.structures) > 1:
            row[0] = f"2 x {candidate.name}"
        row += [model.nugget, model.psill, model.effective_range, _frame(model)]
    return [*row, candidate.loo_rmse, candidate.loo_msdr, candidate.log_likelihood, candidate.reason]


def _frame(model: VariogramModel) -> str:
    """Write an anisotropy in a few characters."""
    structure = model.structures[-1]
    parts = [f"{structure.azimuth:.0f}°, {rounded(structure.ratio_minor, 2)}"] if structure.ratio_minor != 1.0 else []
    parts += [f"up {rounded(structure.ratio_vertical, 2)}"] if structure.ratio_vertical != 1.0 else []
    return "; ".join(parts) or "none"


def _lag_table(fitted: FittedVariogram, squared: str, map_unit: str) -> str:
    """List the experimental variogram beside the model."""
    table_ = fitted.experimental
    gamma = fitted.model.gamma(table_.lags)
    rows = [
        [float(lag), int(count), float(semivariance), float(modelled)]
        for lag, count, semivariance, modelled in zip(table_.lags, table_.pair_counts, table_.semivariances, gamma)
    ]
    share = "" if table_.share_of_pairs == 1 else f"; a random {100 * table_.share_of_pairs:.2g} % of all pairs"
    return table(
        [f"mean lag ({map_unit})", "pairs", f"semivariance ({squared})", "model"],
        rows,
        caption=f"Estimator: {ESTIMATOR_NAMES[table_.estimator]}{share}",
        digits=4,
    )
