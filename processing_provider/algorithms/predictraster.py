"""Prediction of a raster from a trained model."""

from __future__ import annotations

import json

from ...core.backend import exchange, tasks
from ...core.prediction.trained_model import model_from_contract
from ...core.validation.applicability import applicability_of
from ..applicability import APPLICABILITY, ApplicabilityMap, applicability_bands, applicability_output
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import crs_from_code
from ..identity import tr
from ..outputs import Maps
from ..parameters.covariates import covariates_of_model
from ..parameters.files import model_file
from ..parameters.grids import elevations, grid_inputs
from ..parameters.kinds import real_number, with_help
from ..parameters.outputs import numbers, raster_output, texts

CELLS_AT_ONCE = 8192
"""Cells predicted in one call where onnxruntime is in this Python: cancel is obeyed in between."""
CELLS_AT_ONCE_IN_BACKEND = 65536
"""The same where every call goes to another process."""


class PredictRaster(Algorithm):
    """Applies a trained model to a grid, inside QGIS."""

    spec = AlgorithmSpec(
        "predictraster",
        lambda: tr("Predict raster"),
        Group.DEEP_LEARNING,
        lambda: tr("Maps the targets of a trained model on a grid, with intervals."),
        inputs=lambda: [
            model_file(),
            *covariates_of_model(),
            *grid_inputs(parent=None, around=tr("the first covariate, or of the model's samples")),
            elevations(),
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
            applicability_output(),
            *numbers(N_TARGETS=tr("Number of targets")),
            *texts(
                TARGETS=tr("Targets, in the order of the bands"),
                OUTSIDE_RANGE=tr("Share of the map outside the samples' range, by covariate, as JSON"),
            ),
        ],
        tags=("onnx", "deep learning", "map", "uncertainty", "interval"),
    )

    def compute(self, read, progress, is_cancelled):
        """Predict block by block, with onnxruntime here or in the backend."""
        path = str(read.path("MODEL"))
        runner = read.resources.enter_context(tasks.Runner())
        contract = runner.run("read_model", {"model": path}, None, progress, is_cancelled).outputs["contract"]
        samples = model_from_contract(contract, path).samples
        targets = list(samples.targets)
        rasters = read.covariates_of_model(samples)
        fallback = rasters.source_in(crs_from_code(samples.crs))
        grid = read.grid(samples.crs, samples.coordinates, fallback, n_bands=len(targets))
        covariates = rasters.on(grid) if rasters.members else None
        outside = read.outside_ranges(samples.covariates, rasters, grid) if rasters.members else {}
        coverage = read.number("COVERAGE")

        mask = read.mask(grid)
        area = None
        if APPLICABILITY in read.raster_paths:
            area = ApplicabilityMap(applicability_of(contract, samples))

        def predict(block):
            at_cells = None if covariates is None else covariates.block(block)
            content, arrays = exchange.pack_covariates(at_cells)
            centers = grid.centers(block)
            result = runner.run(
                "predict_points",
                {"model": path, "covariates": content, "coverage": coverage},
                {"coordinates": centers, **arrays},
                is_cancelled=is_cancelled,
            ).arrays
            maps = {"PREDICTION": result["estimate"], "LOWER": result["lower"], "UPPER": result["upper"]}
            if area is not None:
                maps[APPLICABILITY] = area.of(centers, at_cells, None if mask is None else mask(block))
            return maps

        percent = f"{100 * coverage:g} %"
        maps = Maps(
            grid,
            {
                "PREDICTION": targets,
                "LOWER": [tr("{name}, lower end of {percent}").format(name=name, percent=percent) for name in targets],
                "UPPER": [tr("{name}, upper end of {percent}").format(name=name, percent=percent) for name in targets],
                APPLICABILITY: applicability_bands(),
            },
            predict,
            CELLS_AT_ONCE if tasks.runs_here("predict_points") else CELLS_AT_ONCE_IN_BACKEND,
            mask,
            None if area is None else lambda: area.tell(read.feedback),
            nodata=read.nodata(),
        )
        return {
            "PREDICTION": maps,
            "LOWER": maps,
            "UPPER": maps,
            APPLICABILITY: maps,
            "N_TARGETS": len(targets),
            "TARGETS": ", ".join(targets),
            "OUTSIDE_RANGE": json.dumps(outside),
        }
