"""Fitting a variogram model, written as a file that kriging and training take."""

from __future__ import annotations

from ...core.backend import exchange, tasks
from ...core.samples import Samples
from ...core.variogram.experimental import ESTIMATORS
from ...core.variogram.fitting import METHODS, MIN_SAMPLES, MODELS
from ...core.variogram.models import VariogramFile
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters import (
    VARIOGRAM_FILES,
    dimensions,
    distance,
    file_output,
    input_field,
    input_samples,
    numbers,
    report_output,
    seed,
    static_enum,
    texts,
    transform,
    whole_number,
    with_help,
)


class FitVariogram(Algorithm):
    """Fits a nugget and one structure to one field."""

    spec = AlgorithmSpec(
        "fitvariogram",
        lambda: tr("Fit variogram"),
        Group.VARIOGRAPHY,
        lambda: tr("Fits a variogram model to a field, scores it by leave-one-out kriging, and writes it to a file."),
        inputs=lambda: [
            input_samples(),
            input_field(),
            transform(normal_score=True),
            dimensions(),
            with_help(
                static_enum("MODEL", tr("Model"), ("auto", *MODELS), "auto"),
                tr("auto: exponential, unless another model is clearly better."),
            ),
            with_help(
                static_enum("METHOD", tr("Method"), METHODS, "reml"),
                tr(
                    "least_squares: scikit-gstat's weighted fit to the experimental variogram. reml: starts there and "
                    "maximises the restricted likelihood of all samples, with anisotropy where they show it; it "
                    "predicts better on most data."
                ),
            ),
            with_help(
                whole_number("N_LAGS", tr("Number of lags"), 15, 3, 200),
                tr("Distance classes of the experimental variogram."),
                advanced=True,
            ),
            with_help(
                distance("MAX_LAG", tr("Largest lag"), "INPUT"),
                tr("Pairs farther apart, in map units, are not used. Empty: a third of the diagonal of the area."),
                advanced=True,
            ),
            with_help(
                static_enum("ESTIMATOR", tr("Estimator"), ESTIMATORS, "matheron"),
                tr("matheron: the mean of squared differences. cressie, dowd and genton: robust against outliers."),
                advanced=True,
            ),
            seed(),
        ],
        outputs=lambda: [
            file_output(
                "VARIOGRAM",
                tr("Variogram"),
                VARIOGRAM_FILES,
                tr("JSON file with the model, its transform and the experimental variogram."),
            ),
            report_output(tr("Page with the variogram, the models compared and the leave-one-out errors.")),
            *numbers(
                NUGGET=tr("Nugget"),
                PSILL=tr("Partial sill"),
                EFFECTIVE_RANGE=tr("Effective range"),
                LOO_RMSE=tr("Leave-one-out RMSE, on the scale of the transform"),
                LOO_MSDR=tr("Leave-one-out mean squared deviation ratio"),
                N=tr("Number of samples"),
            ),
            *texts(MODEL_NAME=tr("Chosen model")),
        ],
        tags=("variogram", "semivariogram", "geostatistics", "scikit-gstat", "nugget", "sill", "range"),
    )

    def compute(self, read, progress, is_cancelled):
        """Fit where scikit-gstat is: here, or in the backend."""
        samples = read.samples(at_least=MIN_SAMPLES)
        options = {
            "model": read.choice("MODEL"),
            "method": read.choice("METHOD"),
            "n_lags": read.whole("N_LAGS"),
            "max_lag": read.number("MAX_LAG"),
            "estimator": read.choice("ESTIMATOR"),
            "seed": read.whole("SEED"),
        }
        result = fit(
            samples,
            progress,
            is_cancelled,
            files=read.wanted(variogram="VARIOGRAM", report="OUTPUT_HTML"),
            transform={"kind": read.choice("TRANSFORM")},
            options=options,
            map_unit=read.map_unit(),
            provenance=read.provenance(),
        )
        tell(read.feedback, result)
        structure = result["variogram"]["structures"][0]
        return {
            "NUGGET": result["nugget"],
            "PSILL": result["psill"],
            "EFFECTIVE_RANGE": result["effective_range"],
            "LOO_RMSE": result["loo_rmse"],
            "LOO_MSDR": result["loo_msdr"],
            "N": len(samples),
            "MODEL_NAME": structure["model"],
        }


def fit(samples: Samples, progress, is_cancelled, files=None, **inputs) -> dict:
    """Fit a variogram to the only target of some samples; see the task ``fit_variogram``."""
    content, arrays = exchange.pack_samples(samples)
    inputs = {"samples": content, "field": samples.targets[0], **inputs}
    return tasks.run("fit_variogram", inputs, arrays, progress, is_cancelled, files=files).outputs


def automatic_variogram(
    samples: Samples, feedback, progress, is_cancelled, transform: str = "none"
) -> VariogramFile:
    """Fit a variogram to the field, as it is or transformed, with every other setting left to itself.

    Of 3-D samples by likelihood, which finds how much shorter it reaches upwards than across.
    """
    options = {"method": "reml"} if samples.n_dimensions == 3 else {}
    result = fit(samples, progress, is_cancelled, options=options, transform={"kind": transform})
    tell(feedback, result)
    return VariogramFile.from_dict(result["variogram"])


def tell(feedback, result: dict) -> None:
    """Say what was fitted."""
    structure = result["variogram"]["structures"][0]
    feedback.pushInfo(
        tr("Variogram: {model}, nugget {nugget:.4g}, psill {psill:.4g}, effective range {reach:.4g}.").format(
            model=structure["model"], nugget=result["nugget"], psill=result["psill"], reach=result["effective_range"]
        )
    )
    for warning in result["warnings"]:
        feedback.pushWarning(warning)
