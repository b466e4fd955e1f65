"""Ordinary kriging on a grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.kriging.back_transform import BackTransform
from ...core.kriging.ordinary import fit_kriging
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..outputs import Maps
from ..parameters import (
    block_inputs,
    elevations,
    grid_inputs,
    input_field,
    input_samples,
    kriging_type_inputs,
    neighborhood_inputs,
    numbers,
    raster_output,
    variogram_file,
)
from .fitvariogram import automatic_variogram


class OrdinaryKriging(Algorithm):
    """Estimates one field on a grid from the samples around, with its variance."""

    spec = AlgorithmSpec(
        "ordinarykriging",
        lambda: tr("Ordinary kriging"),
        Group.KRIGING,
        lambda: tr("Maps a field from samples, exact at the samples, with the variance of the estimate."),
        inputs=lambda: [
            input_samples(),
            input_field(),
            variogram_file(
                tr(
                    "Variogram file made by Fit variogram, or written by hand. Its transform is applied to the field. "
                    "Empty: one is fitted to the field as it is, which needs scikit-gstat here or in the backend."
                )
            ),
            *grid_inputs(),
            elevations(),
            *neighborhood_inputs(),
            *kriging_type_inputs(),
            *block_inputs(),
        ],
        outputs=lambda: [
            raster_output("ESTIMATE", tr("Estimate"), tr("GeoTIFF with the estimates, in data units.")),
            raster_output(
                "KRIGING_VARIANCE",
                tr("Kriging variance"),
                tr("GeoTIFF with the variance of the estimates, in squared data units."),
                optional=True,
            ),
            raster_output(
                "DIAGNOSTICS",
                tr("Diagnostics"),
                tr(
                    "GeoTIFF with seven bands on the scale of the variogram: standard deviation, Lagrange multiplier, "
                    "sum of positive weights, slope of regression, kriging efficiency, number of neighbours, and why "
                    "a cell is empty (0: it is not; the codes are in the help)."
                ),
                optional=True,
            ),
            *numbers(N=tr("Number of samples")),
        ],
        tags=(
            "kriging", "interpolation", "geostatistics", "estimate", "variance", "simple", "universal", "drift", "block"
        ),
    )

    def compute(self, read, progress, is_cancelled):
        """Krige the field block by block."""
        rasters = read.drift()
        options = read.kriging_type()
        samples = read.samples(covariates=rasters)
        (field,) = samples.targets
        grid = read.grid(samples.crs, samples.coordinates)
        variogram = read.variogram(samples)
        if variogram is None:
            if rasters.bands or options["trend_order"]:
                read.feedback.pushWarning(
                    tr("The variogram is fitted to the field itself, not to what the drift leaves of it.")
                )
            without = replace(samples, covariates=None)
            variogram = automatic_variogram(without, read.feedback, progress, is_cancelled)
        transform = variogram.transform
        support = read.block(grid, variogram)
        kriging = fit_kriging(
            samples.coordinates,
            transform.forward(samples.target(field), field),
            variogram.model,
            read.neighborhood(len(samples)),
            None if samples.covariates is None else samples.covariates.values,
            **options,
        )
        way_back = BackTransform.of(kriging, transform)
        drift = rasters.on(grid) if rasters.bands else None
        diagnosed = "DIAGNOSTICS" in read.raster_paths

        def predict(block):
            at_cells = None if drift is None else drift.block(block).values
            result = kriging.predict_grid(grid, block, at_cells, support)
            estimate, variance = way_back.moments(
                result.estimate, result.kriging_variance, result.smoothing_variance
            )
            maps = {"ESTIMATE": estimate, "KRIGING_VARIANCE": variance}
            if diagnosed:
                positive = kriging.positive_weights(grid.centers(block), at_cells, support)
                maps["DIAGNOSTICS"] = np.column_stack(
                    [
                        result.kriging_std,
                        result.lagrange_multiplier,
                        positive,
                        result.regression_slope,
                        result.efficiency,
                        result.n_neighbors,
                        result.reason,
                    ]
                )
            return maps

        bands = {
            "ESTIMATE": [field],
            "KRIGING_VARIANCE": [tr("{} kriging variance").format(field)],
            "DIAGNOSTICS": [
                tr("standard deviation"),
                tr("Lagrange multiplier"),
                tr("sum of positive weights"),
                tr("slope of regression"),
                tr("kriging efficiency"),
                tr("number of neighbours"),
                tr("why empty"),
            ],
        }
        return {**dict.fromkeys(bands, Maps(grid, bands, predict)), "N": len(samples)}
