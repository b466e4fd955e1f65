"""Ordinary kriging on a grid."""

from __future__ import annotations

from ...core.kriging.back_transform import BackTransform
from ...core.kriging.ordinary import fit_kriging
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..outputs import Maps
from ..parameters import (
    grid_inputs,
    input_field,
    input_samples,
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
            *neighborhood_inputs(),
        ],
        outputs=lambda: [
            raster_output("ESTIMATE", tr("Estimate"), tr("GeoTIFF with the estimates, in data units.")),
            raster_output(
                "KRIGING_VARIANCE",
                tr("Kriging variance"),
                tr("GeoTIFF with the variance of the estimates, in squared data units."),
                optional=True,
            ),
            *numbers(N=tr("Number of samples")),
        ],
        tags=("kriging", "interpolation", "geostatistics", "estimate", "variance"),
    )

    def compute(self, read, progress, is_cancelled):
        """Krige the field block by block."""
        samples = read.samples()
        (field,) = samples.targets
        grid = read.grid(samples.crs, samples.coordinates)
        variogram = read.variogram(samples) or automatic_variogram(samples, read.feedback, progress, is_cancelled)
        transform = variogram.transform
        kriging = fit_kriging(
            samples.coordinates,
            transform.forward(samples.target(field), field),
            variogram.model,
            read.neighborhood(len(samples)),
        )

        way_back = BackTransform.of(kriging, transform)

        def predict(block):
            result = kriging.predict_grid(grid, block)
            estimate, variance = way_back.moments(
                result.estimate, result.kriging_variance, result.smoothing_variance
            )
            return {"ESTIMATE": estimate, "KRIGING_VARIANCE": variance}

        maps = Maps(grid, {"ESTIMATE": [field], "KRIGING_VARIANCE": [tr("{} kriging variance").format(field)]}, predict)
        return {"ESTIMATE": maps, "KRIGING_VARIANCE": maps, "N": len(samples)}
