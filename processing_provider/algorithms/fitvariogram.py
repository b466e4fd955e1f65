"""Fitting a variogram model, written as a file that kriging and training take."""

from __future__ import annotations

from ...core.backend import exchange, tasks
from ...core.errors import BackendMissing, InputError
from ...core.samples import Samples
from ...core.variogram.file import VariogramFile
from ...core.variogram.fit_options import METHODS, STRUCTURES
from ...core.variogram.fitting import MIN_SAMPLES
from ...core.variogram.models import NAMES
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters.covariates import drift_rasters
from ..parameters.files import VARIOGRAM_FILES
from ..parameters.kinds import check_box, real_number, static_enum, whole_number, with_help
from ..parameters.outputs import file_output, numbers, report_output, texts
from ..parameters.samples import dimensions, hole, input_field, input_samples, transform
from ..parameters.validation import seed
from ..parameters.variograms import estimator, largest_lag

ANISOTROPIES = ("auto", "none", "estimated", "given")

AUTOMATIC_METHOD = "reml"
"""How variograms are fitted unless the user says otherwise."""


class FitVariogram(Algorithm):
    """Fits a nugget and one structure, or two, to one field."""

    spec = AlgorithmSpec(
        "fitvariogram",
        lambda: tr("Fit variogram"),
        Group.VARIOGRAPHY,
        lambda: tr("Fits a variogram model to a field, scores it by leave-one-out kriging, and writes it to a file."),
        inputs=lambda: [
            input_samples(),
            input_field(),
            transform(estimates=False),
            dimensions(),
            with_help(
                static_enum("MODEL", tr("Model"), ("auto", *NAMES), "auto"),
                tr(
                    "auto: exponential, unless spherical, gaussian or cubic is clearly better. Of matern and stable "
                    "the shape (smoothness) is fitted, too."
                ),
            ),
            with_help(
                static_enum("METHOD", tr("Method"), METHODS, AUTOMATIC_METHOD),
                tr(
                    "least_squares: scikit-gstat's weighted fit to the experimental variogram. reml: starts there and "
                    "maximises the restricted likelihood of all samples, with anisotropy where they show it; it "
                    "predicts better on most data."
                ),
            ),
            with_help(
                static_enum("ANISOTROPY", tr("Anisotropy"), ANISOTROPIES, "auto"),
                tr(
                    "Whether the range depends on direction. estimated: where the samples clearly show it (reml: by "
                    "likelihood, in 3-D with dip and plunge; least_squares: estimated from variograms by direction, "
                    "kept where it lowers the leave-one-out error, along drill holes that of whole holes, by 2 %). "
                    "given: the angles and ratios below. none: not. auto: with reml as estimated, but without dip and "
                    "plunge; with least_squares none."
                ),
            ),
            with_help(
                real_number("AZIMUTH", tr("Azimuth"), 0.0, -360.0, 360.0),
                tr("For a given anisotropy: direction of the range, in degrees clockwise from north (N 0, E 90)."),
                advanced=True,
            ),
            with_help(
                real_number("DIP", tr("Dip"), 0.0, -90.0, 90.0),
                tr("For a given anisotropy in 3-D: of that direction, in degrees down from the horizontal."),
                advanced=True,
            ),
            with_help(
                real_number("PLUNGE", tr("Plunge"), 0.0, -180.0, 180.0),
                tr(
                    "For a given anisotropy in 3-D: turn about that direction, in degrees; above 0 the side to the "
                    "right of the azimuth goes down."
                ),
                advanced=True,
            ),
            with_help(
                real_number("RATIO_MINOR", tr("Ratio across"), 1.0, 0.00001, 100000.0),
                tr("For a given anisotropy: range across the azimuth / range along it."),
                advanced=True,
            ),
            with_help(
                real_number("RATIO_VERTICAL", tr("Vertical ratio"), 1.0, 0.00001, 100000.0),
                tr("For a given anisotropy in 3-D: vertical range / range along the azimuth."),
                advanced=True,
            ),
            with_help(
                static_enum("STRUCTURES", tr("Structures"), STRUCTURES, "one"),
                tr(
                    "one: a nugget and one structure. two: a short and a long one of the same model. auto: two where "
                    "they are clearly better."
                ),
                advanced=True,
            ),
            *drift_rasters(
                tr(
                    "Rasters of quantities that the field follows: the variogram is then that of what they leave, for "
                    "kriging with external drift. Samples outside them are left out."
                )
            ),
            with_help(
                whole_number("TREND_ORDER", tr("Order of the trend"), 0, 0, 2),
                tr(
                    "1: the variogram of what a plane in the coordinates leaves, for universal kriging. 2: of what a "
                    "quadratic surface leaves. 0: of the field itself."
                ),
                advanced=True,
            ),
            hole(),
            with_help(
                whole_number("N_LAGS", tr("Number of lags"), 15, 3, 200),
                tr("Distance classes of the experimental variogram."),
                advanced=True,
            ),
            largest_lag(advanced=True),
            with_help(
                check_box("SEARCH_LAGS", tr("Search lags"), False),
                tr(
                    "Choose number of lags and largest lag by the leave-one-out error of the least-squares fit: those "
                    "above, unless others lower it by 1 %."
                ),
                advanced=True,
            ),
            estimator(),
            seed(
                tr("Where there are too many samples or pairs to take all: the same seed takes the same share of them.")
            ),
        ],
        outputs=lambda: [
            file_output(
                "VARIOGRAM",
                tr("Variogram"),
                VARIOGRAM_FILES,
                tr("JSON file with the model, its transform and the experimental variogram."),
            ),
            report_output(
                tr("Variogram report"), tr("Page with the variogram, the models compared and the leave-one-out errors.")
            ),
            *numbers(
                NUGGET=tr("Nugget"),
                PSILL=tr("Partial sill"),
                EFFECTIVE_RANGE=tr("Effective range"),
                LOO_RMSE=tr("Leave-one-out RMSE, on the scale of the transform"),
                LOO_MSDR=tr("Leave-one-out mean squared deviation ratio"),
                MEAN_RMSE=tr("Leave-one-out RMSE without a variogram"),
                LOG_LIKELIHOOD=tr("Restricted log likelihood (reml)"),
                FITTED_AZIMUTH=tr("Azimuth of the range along, in degrees clockwise from north"),
                FITTED_DIP=tr("Dip of that direction, in degrees downward"),
                FITTED_PLUNGE=tr("Turn about that direction, in degrees"),
                FITTED_RATIO_MINOR=tr("Range across / along"),
                FITTED_RATIO_VERTICAL=tr("Vertical range / range along"),
                N_STRUCTURES=tr("Number of structures"),
                N=tr("Number of samples"),
            ),
            *texts(
                MODEL_NAME=tr("Chosen model"),
                STRUCTURE=tr("What it says: structured, pure nugget, or range beyond the extent"),
            ),
        ],
        tags=("variogram", "semivariogram", "geostatistics", "scikit-gstat", "nugget", "sill", "range"),
    )

    def compute(self, read, progress, is_cancelled):
        """Fit where scikit-gstat is: here, or in the backend."""
        rasters = read.drift()
        samples = read.samples(covariates=rasters, at_least=MIN_SAMPLES)
        kind = read.choice("ANISOTROPY")
        options = {
            "anisotropic": {"auto": None, "none": False, "estimated": True, "given": None}[kind],
            "anisotropy": given_anisotropy(read, samples) if kind == "given" else None,
            "structures": read.choice("STRUCTURES"),
            "search_lags": read.is_checked("SEARCH_LAGS"),
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
            trend_order=read.whole("TREND_ORDER"),
            map_unit=read.map_unit(),
            provenance=read.provenance(),
        )
        tell(read.feedback, result)
        structures = result["variogram"]["structures"]
        outer = structures[-1]
        return {
            "NUGGET": result["nugget"],
            "PSILL": result["psill"],
            "EFFECTIVE_RANGE": result["effective_range"],
            "LOO_RMSE": result["loo_rmse"],
            "LOO_MSDR": result["loo_msdr"],
            "MEAN_RMSE": result["mean_rmse"],
            **({"LOG_LIKELIHOOD": result["log_likelihood"]} if options["method"] == "reml" else {}),
            "FITTED_AZIMUTH": outer["azimuth"],
            "FITTED_DIP": outer["dip"],
            "FITTED_PLUNGE": outer["plunge"],
            "FITTED_RATIO_MINOR": outer["ratio_minor"],
            "FITTED_RATIO_VERTICAL": outer["ratio_vertical"],
            "N_STRUCTURES": len(structures),
            "N": len(samples),
            "MODEL_NAME": outer["model"],
            "STRUCTURE": result["structure"],
        }


def given_anisotropy(read, samples: Samples) -> dict:
    """Return the angles and ratios that were entered.

    Raises
    ------
    InputError
        For none that differs from isotropy, or vertical ones for samples without elevations.
    """
    names = ("azimuth", "dip", "plunge", "ratio_minor", "ratio_vertical")
    entered = {name: read.number(name.upper()) for name in names}
    if entered["ratio_minor"] == 1.0 and entered["ratio_vertical"] == 1.0:
        raise InputError(
            tr("Expected a ratio across or a vertical ratio other than 1 for a given anisotropy. Enter one, or none.")
        )
    if samples.n_dimensions == 2 and (entered["dip"] or entered["plunge"] or entered["ratio_vertical"] != 1.0):
        raise InputError(
            tr("Dip, plunge and vertical ratio need samples with elevations that count; these are 2-D. Leave them out.")
        )
    return entered


def fit(samples: Samples, progress, is_cancelled, files=None, **inputs) -> dict:
    """Fit a variogram to the only target of some samples; see the task ``fit_variogram``."""
    content, arrays = exchange.pack_samples(samples)
    inputs = {"samples": content, "field": samples.targets[0], **inputs}
    return tasks.run("fit_variogram", inputs, arrays, progress, is_cancelled, files=files).outputs


def automatic_variogram(
    samples: Samples, feedback, progress, is_cancelled, transform: str = "none", trend_order: int = 0
) -> VariogramFile:
    """Fit a variogram to the field, as it is or transformed, as *Fit variogram* does unless told otherwise.

    With covariates or a trend it is that of what they leave of the field.

    Raises
    ------
    BackendMissing
        Where nothing can fit one; the message says that a file would do.
    """
    try:
        result = fit(
            samples,
            progress,
            is_cancelled,
            options={"method": AUTOMATIC_METHOD},
            transform={"kind": transform},
            trend_order=trend_order,
        )
    except BackendMissing as error:
        raise BackendMissing(
            tr("{} Or give a variogram file: kriging itself needs nothing but QGIS.").format(error)
        ) from error
    tell(feedback, result)
    return VariogramFile.from_dict(result["variogram"])


def tell(feedback, result: dict) -> None:
    """Say what was fitted, and why."""
    for structure in result["variogram"]["structures"]:
        text = tr(
            "Variogram: {model}, nugget {nugget:.4g}, psill {psill:.4g}, effective range {reach:.4g} map units"
        ).format(
            model=structure["model"],
            nugget=result["nugget"],
            psill=structure["psill"],
            reach=structure["effective_range"],
        )
        if structure["ratio_minor"] != 1.0:
            text += tr(" along azimuth {azimuth:.0f}°, ratio across {ratio:.2g}").format(
                azimuth=structure["azimuth"], ratio=structure["ratio_minor"]
            )
        if structure["dip"] or structure["plunge"]:
            text += tr(", dip {dip:.0f}° downward, plunge {plunge:.0f}°").format(
                dip=structure["dip"], plunge=structure["plunge"]
            )
        if structure["ratio_vertical"] != 1.0:
            text += tr(", vertical ratio {ratio:.2g}").format(ratio=structure["ratio_vertical"])
        feedback.pushInfo(text + ".")
    for sentence in result["account"]:
        feedback.pushInfo(sentence)
    for warning in result["warnings"]:
        feedback.pushWarning(warning)
