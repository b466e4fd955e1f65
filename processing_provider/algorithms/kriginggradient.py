"""The gradient of kriged fields on a grid and at the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.coincident import average_coincident
from ...core.errors import InputError
from ...core.kriging.compiled import cells_at_once
from ...core.kriging.drift import DriftClasses
from ...core.kriging.gradient import FittedGradient, fit_gradient
from ...core.samples import Samples
from ...core.transforms import FITTED_KINDS, Transform
from ...core.variogram.agreement import spread_ratio
from ...core.variogram.file import VariogramFile
from ...core.variogram.models import scaled
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import crs_from_code
from ..drift_slopes import DriftAround
from ..gradient_maps import AXES, FLUX, GRADIENT, GRADIENT_VARIANCE, GradientMaps, as_columns, wants_estimate
from ..identity import tr
from ..kriged_maps import ESTIMATE, KRIGING_VARIANCE
from ..layers import PointTable, new_field
from ..outputs import Maps
from ..parameters.files import variogram_file
from ..parameters.grids import elevations, grid_inputs
from ..parameters.kinds import as_optional, real_number, with_help
from ..parameters.kriging import kriging_type_inputs, measurement_error, neighborhood_inputs, tolerance
from ..parameters.outputs import numbers, points_output, raster_output
from ..parameters.samples import duplicates, input_fields, input_samples, transform_without_variogram
from ..reading.variograms import tell_disagreement, tell_other_transform
from .fitvariogram import automatic_variogram


class KrigingGradient(Algorithm):
    """Differentiates kriged fields: where concentrations rise, how steeply, and what flows down."""

    spec = AlgorithmSpec(
        "kriginggradient",
        lambda: tr("Kriging gradient"),
        Group.KRIGING,
        lambda: tr("Maps how steeply kriged fields rise and where to, exactly differentiated, with variances."),
        inputs=lambda: [
            input_samples(),
            input_fields(
                "FIELDS",
                tr("Fields"),
                tr("Numeric fields, one or several. Samples where one of them is NULL are left out, and counted."),
            ),
            variogram_file(
                tr(
                    "Variogram file made by Fit variogram, or written by hand, for all fields; for the variances of "
                    "other fields than its own the sill is scaled. Its transform is applied to them, and the gradient "
                    "is that of the transformed fields. Empty: one is fitted to each field, which needs scikit-gstat "
                    "here or in the backend."
                )
            ),
            *as_optional([transform_without_variogram(estimates=False)]),
            with_help(
                real_number("DIFFUSIVITY", tr("Diffusivity"), 1.0, decimals=15),
                tr("D of the flux J = -D grad, in squared map units per unit of time."),
                advanced=True,
            ),
            *grid_inputs(),
            elevations(),
            *as_optional(kriging_type_inputs()),
            *neighborhood_inputs(),
            *as_optional([tolerance(), duplicates(), measurement_error()]),
        ],
        outputs=lambda: [
            raster_output(
                GRADIENT,
                tr("Gradient"),
                tr(
                    "GeoTIFF with four bands for each field: the rise towards the east and towards the north, the "
                    "magnitude (all in data units per map unit) and the azimuth of the steepest rise, in degrees "
                    "clockwise from north. In 3-D a fifth one, after the north: the rise upwards."
                ),
            ),
            raster_output(
                GRADIENT_VARIANCE,
                tr("Gradient variance"),
                tr(
                    "GeoTIFF with two bands for each field: the variance of the error of the slope across one cell, "
                    "towards the east and towards the north (in 3-D also upwards), in squared data units per squared "
                    "map unit."
                ),
                optional=True,
            ),
            raster_output(
                FLUX,
                tr("Flux"),
                tr("GeoTIFF with a band for each field and axis: -D times the rise towards the east, the north[, up]."),
                optional=True,
                by_default=False,
            ),
            raster_output(
                ESTIMATE,
                tr("Estimate"),
                tr(
                    "GeoTIFF with a band for each field: the estimates that are differentiated, on the scale of the "
                    "variogram."
                ),
                optional=True,
                by_default=False,
            ),
            raster_output(
                KRIGING_VARIANCE,
                tr("Kriging variance"),
                tr("GeoTIFF with a band for each field: the variance of the estimates, on the scale of the variogram."),
                optional=True,
                by_default=False,
            ),
            points_output(
                "SAMPLES",
                tr("Gradient at the samples"),
                tr("Point layer with the gradient at each sample, from all others and not itself."),
            ),
            *numbers(N=tr("Number of samples")),
        ],
        tags=("gradient", "slope", "flux", "kriging", "derivative", "direction", "geostatistics"),
    )

    def compute(self, read, progress, is_cancelled):
        """Differentiate the fields block by block, those with one variogram together."""
        rasters, options = read.drift(), read.kriging_type()
        samples = read.samples("FIELDS", covariates=rasters)
        n_dimensions, n_fields = samples.n_dimensions, len(samples.targets)
        has_error = read.choice("DUPLICATES") == "measurement_error" or read.number("MEASUREMENT_ERROR") is not None
        if n_fields > 1 and (options["mean"] is not None or has_error):
            raise InputError(
                tr(
                    "Expected one field where its mean or the error of its measurements is known, got {}. Each has its "
                    "own: map them one by one."
                ).format(n_fields)
            )
        grid = read.grid(samples.crs, samples.coordinates, n_bands=(n_dimensions + 2) * n_fields)
        mask = read.mask(grid)
        classes = None if samples.covariates is None else DriftClasses.of(samples.covariates)
        drift = None if classes is None else DriftAround(rasters, classes, grid)
        samples, groups, scales, kind = self._fitted(read, samples, classes, options, progress, is_cancelled)
        if kind != "none":
            read.feedback.pushInfo(
                tr("The variogram has the transform {}: the gradient is that of the transformed fields.").format(kind)
            )
        names = [name if kind == "none" else f"{kind} {name}" for name in samples.targets]
        mapped = GradientMaps(
            groups, scales, grid,
            wanted=frozenset(read.raster_paths), diffusivity=read.number("DIFFUSIVITY"), drift=drift, mask=mask,
        )  # fmt: skip
        bands = mapped.bands(names)
        maps = Maps(
            grid, bands, mapped.of, cells_at_once(grid.n_nodes), mask,
            afterwards=lambda: mapped.tell(read.feedback), shown={GRADIENT: bands[GRADIENT][n_dimensions]},
            nodata=read.nodata(),
        )  # fmt: skip
        results = {**dict.fromkeys(bands, maps), "N": len(samples)}
        if read.given("SAMPLES"):
            results["SAMPLES"] = at_samples(samples, groups, drift, read.feedback)
        return results

    def _fitted(
        self, read, samples: Samples, classes: DriftClasses | None, options, progress, is_cancelled
    ) -> tuple[Samples, list[FittedGradient], list[float], str]:
        """Return the samples that count and their fields ready to differentiate.

        Also by what the variances of these are multiplied, and their transform.
        """
        has_drift = classes is not None or bool(options["trend_order"])
        neighborhood, shared, asked = read.neighborhood(len(samples)), read.variogram(samples), read.choice("TRANSFORM")
        if shared:
            tell_other_transform(shared, asked, read.feedback)
        options = {**options, "tolerance": read.tolerance(neighborhood)}
        # Estimates come with the gradients of one field at a time, and so do drifts.
        is_single = wants_estimate(read.raster_paths) or has_drift
        groups, scales = [], [1.0] * len(samples.targets)
        for fields in [samples.targets] if shared else [(name,) for name in samples.targets]:
            part = fields_of(samples, fields)
            single = replace(average_coincident(part)[0], holes=None)
            variogram = shared or automatic_variogram(
                single, read.feedback, progress, is_cancelled, asked, options["trend_order"]
            )
            model = variogram.model
            if len(samples.targets) == 1:
                (name,) = fields
                own = of_field(variogram, name, part.target(name))
                model = read.with_measurement_error(model, part.coordinates, own)
                if model.measurement_error == 0:
                    # Measurements that do not differ by an error are one.
                    samples = part = average_coincident(part)[0]
            values = [of_field(variogram, name, part.target(name)) for name in fields]
            if shared:
                scales = scales_of(shared, part, values, read.feedback)
                for name, own, scale in zip(fields, values, scales):
                    its_own = replace(shared, model=scaled(shared.model, scale))
                    tell_disagreement(its_own, part.coordinates, own, name, has_drift, read.feedback)
            drift = None if classes is None else classes.columns(part.covariates)
            for some in [[own] for own in values] if is_single else [values]:
                groups.append(
                    fit_gradient(
                        part.coordinates, np.column_stack(some), model, neighborhood, drift,
                        holes=part.holes, **options,
                    )
                )  # fmt: skip
        return samples, groups, scales, shared.transform.kind if shared else asked


def of_field(variogram: VariogramFile, name: str, values: np.ndarray) -> np.ndarray:
    """Return the values of a field on the variogram's scale; what is fitted to a field is not for another one."""
    transform = variogram.transform
    if transform.kind in FITTED_KINDS and variogram.field != name:
        transform = Transform(transform.kind)
    return transform.fitted(values, name).forward(values, name)


def scales_of(variogram: VariogramFile, samples: Samples, values: list[np.ndarray], feedback) -> list[float]:
    """Return by what the sill of a variogram is multiplied for the variances of each field, and tell it.

    Its own field has the sill of the file, another one as much more as its neighbouring samples differ more.
    """
    names, own = samples.targets, variogram.field
    if not own:
        if len(names) > 1:
            feedback.pushWarning(
                tr(
                    "The variogram does not say of which field it is: its sill is used for the variances of all of "
                    "them. Name the field in the file, and the others are given sills of their own."
                )
            )
        return [1.0] * len(names)
    ratios = {name: spread_ratio(variogram.model, samples.coordinates, of_name) for name, of_name in zip(names, values)}
    # Neighbours may all be alike in a field of few values.
    scales = [1.0 if name == own else (ratios[name] or 1.0) / (ratios.get(own) or 1.0) for name in names]
    others = [f"{name} {scale:.3g}" for name, scale in zip(names, scales) if name != own]
    if others:
        feedback.pushInfo(
            tr("For the variances of the other fields the sill of {own} is multiplied: {others}.").format(
                own=own, others=", ".join(others)
            )
        )
    return scales


def fields_of(samples: Samples, fields: tuple[str, ...]) -> Samples:
    """Return the samples with some of their targets only."""
    return replace(samples, values=np.column_stack([samples.target(name) for name in fields]), targets=tuple(fields))


def at_samples(samples: Samples, groups: list[FittedGradient], drift: DriftAround | None, feedback) -> PointTable:
    """Return the leave-one-out gradients as points."""
    here = None if drift is None else drift.at(samples.coordinates)
    found = [group.leave_one_out(with_variance=False, drift=here) for group in groups]
    n_without = np.count_nonzero(found[0].reason)
    if n_without:
        feedback.pushInfo(
            tr(
                "{} samples get no gradient: the others are too few or too far, or the drift beside them is unknown."
            ).format(n_without)
        )
    columns = np.column_stack([as_columns(part) for part in found])
    parts = (*AXES[: samples.n_dimensions], "magnitude", "azimuth")
    names = [f"{name}_{part}" for name in samples.targets for part in parts]
    return PointTable(
        samples.coordinates,
        [new_field(name, float) for name in [*samples.targets, *names]],
        [*samples.values.T, *columns.T],
        crs_from_code(samples.crs),
    )
