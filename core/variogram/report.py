"""The page that shows a fitted variogram: what was seen, what was chosen, and why."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..report import charts
from ..report.markup import rounded
from ..report.page import Section, bullets, figures, note, page, paragraph, table
from .fitting import CLEAR_ERROR, CLEAR_GAIN, PREFERRED, Candidate, FittedVariogram
from .models import VariogramModel

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
        How values were transformed, in words ("log"); "" for not at all.
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
    structure = model.structures[0]
    squared = f"squared {scale or 'data'} units"
    summary = [
        paragraph(
            f"{_with_article(structure.model)} model with an effective range of {rounded(model.effective_range)} "
            f"{map_unit}. {_percent(model.nugget / model.sill)} % of the sill is nugget: variation between samples "
            "however close, from measurement and from structure finer than the sampling."
        ),
        figures(
            [
                ("Nugget", rounded(model.nugget)),
                ("Psill", rounded(structure.psill)),
                (f"Effective range ({map_unit})", rounded(model.effective_range)),
                ("Leave-one-out RMSE", rounded(fitted.loo_rmse)),
                ("RMSE without a variogram", rounded(fitted.mean_rmse)),
            ]
        ),
    ]
    if not structure.is_isotropic:
        summary.append(paragraph(_anisotropy(model, map_unit)))
    summary += [note(warning, "warning") for warning in fitted.warnings]

    described = f"{n_samples} samples"
    described += f", {scale} scale" if scale else ""
    described += f", in {unit}" if unit and not scale else ""
    described += f", residuals from {drift}" if drift else ""
    sections = [
        Section("Variogram and model", [_variogram_chart(fitted, squared, map_unit), *_how_to_read(fitted)]),
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


def _with_article(kind: str) -> str:
    return f"An {kind}" if kind[0] in "aeiou" else f"A {kind}"


def _anisotropy(model: VariogramModel, map_unit: str) -> str:
    """Describe the ranges by direction in a sentence."""
    structure = model.structures[0]
    across = rounded(structure.effective_range * structure.ratio_minor)
    text = (
        f"Continuity is longest along azimuth {structure.azimuth:.0f}° (clockwise from north); across it the effective "
        f"range is {across} {map_unit} (ratio {rounded(structure.ratio_minor, 2)})."
    )
    if structure.ratio_vertical != 1.0:
        up = rounded(structure.effective_range * structure.ratio_vertical)
        text += f" Vertically it is {up} {map_unit} (ratio {rounded(structure.ratio_vertical, 2)})."
    return text


def _variogram_chart(fitted: FittedVariogram, squared: str, map_unit: str) -> str:
    """Draw the experimental points with the chosen model and the other kinds."""
    table_ = fitted.experimental
    # From just above 0, where the model starts at its nugget.
    lags = np.linspace(table_.max_lag * 1e-6, table_.max_lag, 161)
    structure = fitted.model.structures[0]
    layers: list[charts.Layer] = []
    along = "" if structure.is_isotropic else f" along {structure.azimuth:.0f}°"
    layers.append(
        charts.Line(lags.tolist(), fitted.model.gamma(lags).tolist(), f"{structure.model}{along} (chosen)", color=1)
    )
    if structure.ratio_minor != 1.0:
        across = fitted.model.gamma(lags / structure.ratio_minor)
        layers.append(charts.Line(lags.tolist(), across.tolist(), "across", color=1, dashed=True))
    for color, (name, model) in enumerate(_other_curves(fitted), start=2):
        layers.append(charts.Line(lags.tolist(), model.gamma(lags).tolist(), name, color=color, dashed=True))
    layers.append(
        charts.Points(
            table_.lags.tolist(),
            table_.semivariances.tolist(),
            "experimental, with its number of pairs",
            notes=[str(count) for count in table_.pair_counts],
            size=4.5,
        )
    )
    layers.append(charts.Level(fitted.model.sill, "sill"))
    if 0 < fitted.model.effective_range <= table_.max_lag:
        layers.append(charts.Level(fitted.model.effective_range, "effective range", vertical=True))
    return charts.xy_chart(
        "Semivariance by separation",
        f"lag ({map_unit})",
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


def _other_curves(fitted: FittedVariogram) -> list[tuple[str, VariogramModel]]:
    """Return the curves to compare with: other kinds, or what the likelihood started from."""
    curves = []
    for candidate in fitted.candidates:
        if candidate.model is None or candidate.model is fitted.model or candidate.method != "least_squares":
            continue
        if fitted.method == "least_squares":
            curves.append((candidate.name, candidate.model))
        elif candidate.name == fitted.model.structures[0].model:
            curves.append((f"{candidate.name}, least squares", candidate.model))
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
    columns = ["model", "fitted by", f"nugget ({squared})", "psill", f"effective range ({map_unit})", "RMSE", "MSDR"]
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
        table(
            columns,
            rows,
            caption="Candidates, scored by kriging each sample from the others (RMSE: the lower the better; "
            "MSDR: squared error / kriging variance, 1 where the variances are right)",
            digits=4,
            highlight=chosen,
        ),
    ]
    if notes:
        parts.append(bullets(notes))
    return parts


def _candidate_row(candidate: Candidate) -> list[object]:
    """Write one candidate."""
    model = candidate.model
    numbers = (np.nan,) * 3 if model is None else (model.nugget, model.structures[0].psill, model.effective_range)
    return [candidate.name, METHOD_NAMES[candidate.method], *numbers, candidate.loo_rmse, candidate.loo_msdr]


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
