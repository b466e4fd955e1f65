"""The task that fits a variogram."""

from __future__ import annotations

import numpy as np

from ...samples import Samples
from ...transforms import Transform
from ...variogram.file import VariogramFile
from .. import exchange
from ..job import Job, TaskResult


def fit_variogram(job: Job) -> TaskResult:
    """Fit a variogram to one field.

    Inputs: ``samples``, whose covariates are a drift; ``trend_order`` of a drift in the coordinates (default 0);
    ``field``; ``transform`` (default none); ``options``, keyword arguments of
    `core.variogram.fit_options.FitOptions`, ``anisotropy`` as a dict; ``unit``, ``map_unit`` and ``provenance`` for the
    report. Outputs: ``variogram`` (content of the file), ``nugget``, ``psill``, ``effective_range``, ``loo_rmse``,
    ``loo_msdr``, ``mean_rmse``, ``log_likelihood``, ``structure``, ``account``, ``warnings``. Files: ``variogram``
    (JSON), ``report`` (HTML).
    """
    from ...variogram.anisotropy import Anisotropy
    from ...variogram.fit_options import FitOptions
    from ...variogram.fitting import fit_variogram as fit
    from ...variogram.report import variogram_page

    inputs = job.inputs
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    field = inputs["field"]
    transform = Transform.from_dict(inputs.get("transform") or {}).fitted(samples.target(field), field)
    options = dict(inputs.get("options", {}))
    if options.get("anisotropy") is not None:
        options["anisotropy"] = Anisotropy(**options["anisotropy"])
    drift, names = _drift_of(samples, inputs.get("trend_order", 0))
    fitted = fit(
        samples.coordinates,
        transform.forward(samples.target(field), field),
        FitOptions(by_direction=True, **options),
        drift=drift,
        holes=samples.holes,
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    unit = inputs.get("unit", "")
    scale = transform.label
    file = VariogramFile(
        fitted.model,
        field=field,
        transform=transform,
        crs=samples.crs,
        unit=f"{scale} {unit}".strip() if unit else "",
        experimental=fitted.experimental.to_dict(),
        fit={**fitted.fit_to_dict(), "drift": names},
    )
    file.write(job.folder / "variogram.json")
    page = variogram_page(
        fitted,
        field=field,
        n_samples=len(samples),
        scale=scale,
        unit=unit,
        map_unit=inputs.get("map_unit", "map units"),
        drift=", ".join(names),
        provenance=inputs.get("provenance"),
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    outputs = {
        "variogram": file.to_dict(),
        "nugget": fitted.model.nugget,
        "psill": fitted.model.psill,
        "effective_range": fitted.model.effective_range,
        "loo_rmse": fitted.loo_rmse,
        "loo_msdr": fitted.loo_msdr,
        "mean_rmse": fitted.mean_rmse,
        "log_likelihood": fitted.log_likelihood,
        "structure": fitted.structure,
        "account": fitted.account,
        "warnings": fitted.warnings,
    }
    files = {"variogram": job.folder / "variogram.json", "report": job.folder / "report.html"}
    return TaskResult(outputs, files=files)


def _drift_of(samples: Samples, order: int) -> tuple[np.ndarray, list[str]]:
    """Return the drift columns of a trend of some order and of the covariates, and what to call them."""
    from ...kriging.drift import DriftBasis, DriftClasses
    from ...kriging.trend import check_order, trend_columns

    check_order(order)
    drift = [trend_columns(samples.coordinates - samples.coordinates.mean(axis=0), order)]
    names = [] if order == 0 else [("a plane" if order == 1 else "a quadratic surface") + " in the coordinates"]
    if samples.covariates is not None:
        columns = DriftClasses.of(samples.covariates).columns(samples.covariates)
        if any(samples.covariates.categorical):
            # The classes of one covariate add up to the constant.
            columns = DriftBasis.fit(columns).scores(columns)[:, 1:]
        drift.append(columns)
        names += samples.covariates.names
    return np.column_stack(drift), names
