"""Kriging on a grid: ordinary and its kin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.kriging.back_transform import BackTransform
from ...core.kriging.compiled import cells_at_once
from ...core.kriging.cross_validation import LeftOut, leave_out
from ...core.kriging.drift import DriftClasses
from ...core.kriging.estimate import KrigingEstimate, Reason
from ...core.kriging.log_blocks import block_moments, block_quantile
from ...core.kriging.ordinary import fit_kriging
from ...core.samples import Samples, average_coincident, disguised_targets
from ...core.validation.applicability import fit_applicability
from ..applicability import APPLICABILITY, ApplicabilityMap, applicability_bands, applicability_output
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import crs_from_code
from ..identity import tr
from ..layers import PointTable, new_field
from ..outputs import Maps
from ..parameters.files import variogram_file
from ..parameters.grids import elevations, grid_inputs
from ..parameters.kriging import block_inputs, kriging_type_inputs, measurement_error, neighborhood_inputs, quantiles
from ..parameters.outputs import numbers, points_output, raster_output
from ..parameters.samples import duplicates, input_field, input_samples, transform_without_variogram
from ..parameters.validation import cross_validation, seed
from ..reading.variograms import tell_disagreement
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
            duplicates(),
            measurement_error(),
            *block_inputs(),
            quantiles(),
            cross_validation(),
            seed(),
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
                "QUANTILES",
                tr("Quantiles"),
                tr("GeoTIFF with a band for each quantile of what may be there, in data units."),
                optional=True,
                by_default=False,
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
        wanted = read.raster_paths
        levels = read.quantile_levels() if "QUANTILES" in wanted else ()
        samples = read.samples(covariates=rasters)
        (field,) = samples.targets
        for suspicion in disguised_targets(samples):
            read.feedback.pushWarning(suspicion)
        grid = read.grid(samples.crs, samples.coordinates)
        mask = read.mask(grid)
        variogram = read.variogram(samples)
        asked = read.choice("TRANSFORM")
        if variogram is None:
            # With a drift it is that of what the drift leaves of the field.
            single, _ = average_coincident(replace(samples, holes=None))
            variogram = automatic_variogram(
                single, read.feedback, progress, is_cancelled, asked, options["trend_order"]
            )
        elif asked not in ("none", variogram.transform.kind):
            read.feedback.pushWarning(
                tr("The variogram has the transform {theirs}, which is used instead of {ours}.").format(
                    theirs=variogram.transform.kind, ours=asked
                )
            )
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
        kriging = fit_kriging(
            samples.coordinates,
            transform.forward(samples.target(field), field),
            model,
            read.neighborhood(len(samples)),
            None if classes is None else classes.columns(samples.covariates),
            holes=samples.holes,
            **options,
        )
        way_back = BackTransform.of(kriging, transform)
        drift = rasters.on(grid) if rasters.members else None
        # The mean of a block of logarithms is not found from the block's logarithm.
        by_points = support is not None and transform.kind != "none"
        needs_variance = "KRIGING_VARIANCE" in wanted or bool(levels)

        watch = Watch(kriging.values)
        area = ApplicabilityMap(fit_applicability(samples, variogram.model)) if APPLICABILITY in wanted else None

        def predict(block):
            covariates = None if drift is None else drift.block(block)
            at_cells = None if covariates is None else classes.columns(covariates)
            result = kriging.predict_grid(grid, block, at_cells, support)
            here = None if mask is None else mask(block)
            watch.see(result if here is None else result.rows(here))
            if by_points:
                centers = grid.centers(block)
                estimate, variance = block_moments(kriging, way_back, centers, support, at_cells, needs_variance)
                found = [block_quantile(level, estimate, variance, transform.kind) for level in levels]
            else:
                estimate, variance = way_back.moments(
                    result.estimate, result.kriging_variance, result.smoothing_variance
                )
                found = [way_back.quantile(level, result.estimate, result.kriging_variance) for level in levels]
            maps = {"ESTIMATE": estimate, "KRIGING_VARIANCE": variance}
            if levels:
                maps["QUANTILES"] = np.column_stack(found)
            if area is not None:
                maps[APPLICABILITY] = area.of(grid.centers(block), covariates, here)
            if "DIAGNOSTICS" in wanted:
                maps["DIAGNOSTICS"] = np.column_stack(
                    [
                        result.kriging_std,
                        result.lagrange_multiplier,
                        kriging.positive_weights(grid.centers(block), at_cells, support),
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
            "QUANTILES": [tr("{field} quantile {level:g}").format(field=field, level=level) for level in levels],
            APPLICABILITY: applicability_bands(),
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

        def tell():
            watch.tell(read.feedback)
            if area is not None:
                area.tell(read.feedback)

        maps = Maps(grid, bands, predict, cells_at_once(grid.n_nodes), mask, afterwards=tell, nodata=read.nodata())
        results = {**dict.fromkeys(bands, maps), "N": len(samples), "N_DUPLICATES": read.n_duplicates}
        if read.given("CROSS_VALIDATION"):
            folds = read.folds(samples)
            left_out = leave_out(kriging, way_back, samples.target(field), folds)
            results["CROSS_VALIDATION"] = left_out_points(samples, left_out, folds)
            results.update(figures(left_out, read.feedback))
        return results


class Watch:
    """What is worth telling about kriged cells, counted while they are kriged.

    Parameters
    ----------
    values : ndarray, shape (n_samples,)
        On the scale of the variogram.
    """

    def __init__(self, values: np.ndarray) -> None:
        spread = np.ptp(values)
        self._low, self._high = values.min() - spread, values.max() + spread
        self._n_beyond = 0
        self._reasons = np.zeros(len(Reason), dtype=int)

    def see(self, result: KrigingEstimate) -> None:
        """Count some cells."""
        self._reasons += np.bincount(result.reason, minlength=len(Reason))
        self._n_beyond += int(((result.estimate < self._low) | (result.estimate > self._high)).sum())

    def tell(self, feedback) -> None:
        """Say why cells are empty, and how many estimates leave what the samples know."""
        words = {
            Reason.NO_NEIGHBORS: tr("{} cells are empty because no sample lies within the search radius."),
            Reason.FEW_NEIGHBORS: tr("{} cells are empty because fewer samples than asked for are in reach."),
            Reason.THIN_SECTOR: tr("{} cells are empty because a sector holds fewer samples than asked for."),
            Reason.DRIFT_UNKNOWN: tr("{} cells are empty because a drift raster has no value there."),
            Reason.DRIFT_NOT_SAMPLED: tr(
                "{} cells are empty because the samples do not determine the drift there: they are too few, lie on a "
                "line, or share one value of a drift raster."
            ),
            Reason.DRIFT_UNDETERMINED: tr(
                "{} cells are empty because their neighbours do not determine the drift there: take more neighbours, "
                "or its coefficients from all samples."
            ),
        }
        for reason, text in words.items():
            if self._reasons[reason]:
                feedback.pushInfo(text.format(self._reasons[reason]))
        if self._n_beyond:
            feedback.pushWarning(
                tr(
                    "{} cells are estimated beyond the samples' smallest or largest value by more than their range. "
                    "A smooth variogram (gaussian, cubic) without nugget overshoots like that between close samples, "
                    "and a trend far from them: use a nugget, another model, or a smaller extent."
                ).format(self._n_beyond)
            )


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
    )


def figures(left_out: LeftOut, feedback) -> dict[str, float]:
    """Tell and return the figures of a cross-validation."""
    summary = left_out.summary
    feedback.pushInfo(
        tr("Cross-validation: RMSE {rmse:.4g}, bias {bias:.3g}, R2 {r2:.3f}, MSDR {msdr:.3f} ({n} samples).").format(
            rmse=summary.rmse, bias=summary.bias, r2=summary.r2, msdr=summary.msdr, n=summary.n
        )
    )
    if summary.n_missing:
        feedback.pushWarning(
            tr("{n} samples cannot be estimated from the others and are not counted.").format(n=summary.n_missing)
        )
    return {
        "CV_RMSE": summary.rmse,
        "CV_BIAS": summary.bias,
        "CV_R2": summary.r2,
        "CV_MSDR": summary.msdr,
        "CV_COVERAGE90": summary.coverage,
    }
