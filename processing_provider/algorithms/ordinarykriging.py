"""Kriging on a grid: ordinary and its kin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.coincident import average_coincident
from ...core.kriging.back_transform import BackTransform
from ...core.kriging.compiled import cells_at_once
from ...core.kriging.cross_validation import LeftOut, leave_out
from ...core.kriging.drift import DriftClasses
from ...core.kriging.ordinary import fit_kriging
from ...core.samples import Samples, disguised_targets
from ...core.validation.applicability import fit_applicability
from ...core.variogram.file import VariogramFile
from ..applicability import APPLICABILITY, ApplicabilityMap, applicability_output
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import crs_from_code
from ..identity import tr
from ..kriged_maps import DIAGNOSTICS, ESTIMATE, KRIGING_VARIANCE, QUANTILES, DriftMap, KrigedMaps
from ..layers import PointTable, new_field
from ..outputs import Maps
from ..parameters.files import variogram_file
from ..parameters.grids import elevations, grid_inputs
from ..parameters.kinds import as_optional
from ..parameters.kriging import (
    block_inputs,
    kriging_type_inputs,
    measurement_error,
    neighborhood_inputs,
    quantiles,
    tolerance,
)
from ..parameters.outputs import numbers, points_output, raster_output
from ..parameters.samples import duplicates, input_field, input_samples, transform_without_variogram
from ..parameters.validation import cross_validation, seed
from ..reading.variograms import tell_disagreement, tell_other_transform
from ..styles import ResidualStyle
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
                    "Empty: one is fitted to the field, which needs scikit-gstat here or in the backend."
                )
            ),
            transform_without_variogram(),
            *grid_inputs(),
            elevations(),
            *kriging_type_inputs(),
            *neighborhood_inputs(),
            *as_optional([tolerance()]),
            duplicates(),
            measurement_error(),
            *block_inputs(),
            quantiles(),
            cross_validation(),
            seed(tr("The same seed parts the samples into the same folds of the cross-validation.")),
        ],
        outputs=lambda: [
            raster_output(ESTIMATE, tr("Estimate"), tr("GeoTIFF with the estimates, in data units.")),
            raster_output(
                KRIGING_VARIANCE,
                tr("Kriging variance"),
                tr("GeoTIFF with the variance of the estimates, in squared data units."),
                optional=True,
            ),
            raster_output(
                QUANTILES,
                tr("Quantiles"),
                tr("GeoTIFF with a band for each quantile of what may be there, in data units."),
                optional=True,
                by_default=False,
            ),
            raster_output(
                DIAGNOSTICS,
                tr("Diagnostics"),
                tr(
                    "GeoTIFF with seven bands on the scale of the variogram: standard deviation, Lagrange multiplier, "
                    "sum of positive weights, slope of regression, kriging efficiency, number of neighbours, and why "
                    "a cell is empty (0: it is not; the codes are in the help)."
                ),
                optional=True,
                by_default=False,
            ),
            applicability_output(by_default=False),
            points_output(
                "CROSS_VALIDATION",
                tr("Cross-validation"),
                tr(
                    "Point layer with what each sample is estimated to be without itself (or its fold), the residual "
                    "(observed - predicted) in data units, and the same in standard deviations on the scale of the "
                    "variogram. Where it is asked for, its figures are outputs too."
                ),
            ),
            *numbers(
                N=tr("Number of samples"),
                N_DUPLICATES=tr("Samples at a location that another one has"),
                CV_RMSE=tr("Cross-validation RMSE"),
                CV_MAE=tr("Cross-validation mean absolute error"),
                CV_BIAS=tr("Cross-validation bias"),
                CV_R2=tr("Cross-validation R2"),
                CV_MSDR=tr("Cross-validation mean squared deviation ratio"),
                CV_COVERAGE90=tr("Share of samples in their 90 % interval"),
            ),
        ],
        tags=(
            "kriging", "interpolation", "geostatistics", "estimate", "variance", "simple", "universal", "drift",
            "block", "quantile", "cross-validation", "drill hole",
        ),
    )  # fmt: skip

    def compute(self, read, progress, is_cancelled):
        """Krige the field block by block."""
        rasters = read.drift()
        options = read.kriging_type()
        levels = read.quantile_levels() if QUANTILES in read.raster_paths else ()
        samples = read.samples(covariates=rasters)
        (field,) = samples.targets
        for suspicion in disguised_targets(samples):
            read.feedback.pushWarning(suspicion)
        grid = read.grid(samples.crs, samples.coordinates)
        mask = read.mask(grid)
        variogram = given_or_automatic(read, samples, options["trend_order"], progress, is_cancelled)
        transform = variogram.transform.fitted(samples.target(field), field)
        support = read.block(grid, variogram)
        values = transform.forward(samples.target(field), field)
        if read.given("VARIOGRAM"):
            has_drift = bool(rasters.members or options["trend_order"])
            tell_disagreement(variogram, samples.coordinates, values, field, has_drift, read.feedback)
        model = read.with_measurement_error(variogram.model, samples.coordinates, values)
        if model.measurement_error == 0:
            # Measurements that do not differ by an error are one.
            samples, _ = average_coincident(samples)
        classes = None if samples.covariates is None else DriftClasses.of(samples.covariates)
        neighborhood = read.neighborhood(len(samples))
        kriging = fit_kriging(
            samples.coordinates,
            transform.forward(samples.target(field), field),
            model,
            neighborhood,
            None if classes is None else classes.columns(samples.covariates),
            holes=samples.holes,
            tolerance=read.tolerance(neighborhood, support),
            **options,
        )
        way_back = BackTransform.of(kriging, transform)
        wants_area = APPLICABILITY in read.raster_paths
        kriged = KrigedMaps(
            kriging,
            way_back,
            grid,
            wanted=frozenset(read.raster_paths),
            levels=levels,
            support=support,
            drift=None if classes is None else DriftMap(rasters.on(grid), classes),
            mask=mask,
            area=ApplicabilityMap(fit_applicability(samples, variogram.model)) if wants_area else None,
        )
        bands = kriged.bands(field)
        maps = Maps(
            grid, bands, kriged.of, cells_at_once(grid.n_nodes), mask,
            afterwards=lambda: kriged.tell(read.feedback), nodata=read.nodata(),
        )  # fmt: skip
        results = {**dict.fromkeys(bands, maps), "N": len(samples), "N_DUPLICATES": read.n_duplicates}
        if read.given("CROSS_VALIDATION"):
            folds = read.folds(samples)
            left_out = leave_out(kriging, way_back, samples.target(field), folds)
            results["CROSS_VALIDATION"] = left_out_points(samples, left_out, folds)
            results.update(figures(left_out, read.feedback))
        return results


def given_or_automatic(read, samples: Samples, trend_order: int, progress, is_cancelled) -> VariogramFile:
    """Return the variogram given, or one fitted to the field; with a trend that of what the trend leaves of it."""
    variogram = read.variogram(samples)
    asked = read.choice("TRANSFORM")
    if variogram is None:
        single, _ = average_coincident(replace(samples, holes=None))
        return automatic_variogram(single, read.feedback, progress, is_cancelled, asked, trend_order)
    tell_other_transform(variogram, asked, read.feedback)
    return variogram


def left_out_points(samples: Samples, left_out: LeftOut, folds) -> PointTable:
    """Return what each sample is estimated to be without itself, as points."""
    (field,) = samples.targets
    observed = samples.target(field)
    columns = {
        field: observed,
        "predicted": left_out.predicted,
        "residual": observed - left_out.predicted,
        "standardized": left_out.standardized,
        "neighbours": left_out.estimate.n_neighbors,
        "fold": np.arange(len(samples)) if folds is None else folds,
    }
    kinds = [int if name in ("neighbours", "fold") else float for name in columns]
    return PointTable(
        samples.coordinates,
        [new_field(name, kind) for name, kind in zip(columns, kinds)],
        list(columns.values()),
        crs_from_code(samples.crs),
        ResidualStyle(
            tr("{field}: cross-validation").format(field=field),
            tr("Cross-validation"),
            '"residual"',
            columns["residual"],
        ),
    )


def figures(left_out: LeftOut, feedback) -> dict[str, float]:
    """Tell and return the figures of a cross-validation."""
    summary = left_out.summary
    feedback.pushInfo(
        tr(
            "Cross-validation: RMSE {rmse:.4g}, mean absolute error {mae:.4g}, bias {bias:.3g}, R2 {r2:.3f}, MSDR "
            "{msdr:.3f} ({n} samples)."
        ).format(
            rmse=summary.rmse, mae=summary.mae, bias=summary.bias, r2=summary.r2, msdr=summary.msdr, n=summary.n
        )
    )
    if summary.n_missing:
        feedback.pushWarning(
            tr("{n} samples cannot be estimated from the others and are not counted.").format(n=summary.n_missing)
        )
    return {
        "CV_RMSE": summary.rmse,
        "CV_MAE": summary.mae,
        "CV_BIAS": summary.bias,
        "CV_R2": summary.r2,
        "CV_MSDR": summary.msdr,
        "CV_COVERAGE90": summary.coverage,
    }
