"""Prediction of a raster from a trained model."""

from __future__ import annotations

from ...core.prediction.trained_model import TrainedModel
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..outputs import Maps
from ..parameters import (
    covariates_of_model,
    grid_inputs,
    model_file,
    numbers,
    raster_output,
    real_number,
    texts,
    with_help,
)


class PredictRaster(Algorithm):
    """Applies a trained model to a grid, inside QGIS."""

    spec = AlgorithmSpec(
        "predictraster",
        lambda: tr("Predict raster"),
        Group.DEEP_LEARNING,
        lambda: tr("Maps the targets of a trained model on a grid, with intervals."),
        inputs=lambda: [
            model_file(),
            covariates_of_model(),
            *grid_inputs(parent="TEMPLATE", around=tr("the first covariate, or of the model's samples")),
            with_help(
                real_number("COVERAGE", tr("Coverage of the intervals"), 0.9, 0.01, 0.999),
                tr("Share of true values that the intervals between lower and upper are to hold."),
            ),
        ],
        outputs=lambda: [
            raster_output(
                "PREDICTION", tr("Prediction"), tr("GeoTIFF with the estimates in data units, a band a target.")
            ),
            raster_output(
                "LOWER", tr("Lower bound"), tr("GeoTIFF with the lower ends of the intervals, a band a target."), True
            ),
            raster_output(
                "UPPER", tr("Upper bound"), tr("GeoTIFF with the upper ends of the intervals, a band a target."), True
            ),
            *numbers(N_TARGETS=tr("Number of targets")),
            *texts(TARGETS=tr("Targets, in the order of the bands")),
        ],
        tags=("onnx", "deep learning", "map", "uncertainty", "interval"),
    )

    def compute(self, read, progress, is_cancelled):
        """Predict block by block, with onnxruntime here."""
        model = TrainedModel.read(read.path("MODEL"))
        rasters = read.covariates_of_model(model.covariate_names, model.categorical, model.crs)
        fallback = rasters.bands[0].source if rasters.bands else None
        grid = read.grid(model.crs, model.hybrid.samples.coordinates, fallback, n_bands=len(model.targets))
        coverage = read.number("COVERAGE")
        covariates = rasters.on(grid) if rasters.bands else None

        def predict(block):
            known = None if covariates is None else covariates.block(block)
            result = model.predict(grid.centers(block), known, coverage)
            return {"PREDICTION": result.estimate, "LOWER": result.lower, "UPPER": result.upper}

        names = list(model.targets)
        percent = f"{100 * coverage:g} %"
        maps = Maps(
            grid,
            {
                "PREDICTION": names,
                "LOWER": [tr("{name}, lower end of {percent}").format(name=name, percent=percent) for name in names],
                "UPPER": [tr("{name}, upper end of {percent}").format(name=name, percent=percent) for name in names],
            },
            predict,
        )
        return {
            "PREDICTION": maps,
            "LOWER": maps,
            "UPPER": maps,
            "N_TARGETS": len(names),
            "TARGETS": ", ".join(names),
        }
