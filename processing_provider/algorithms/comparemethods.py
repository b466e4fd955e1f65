"""Methods side by side, by cross-validation on the same folds."""

from __future__ import annotations

from ...core.backend import exchange, tasks
from ...core.backend.adapters import LEARNED_METHODS
from ...core.validation.methods import METHODS
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import crs_from_code
from ..identity import tr
from ..layers import PointTable, new_field
from ..parameters import (
    dimensions,
    file_output,
    folds_inputs,
    hole,
    input_covariates,
    input_samples,
    input_targets,
    numbers,
    points_output,
    report_output,
    seed,
    static_enum,
    texts,
    transform,
    with_help,
)
from ..reader import fold_schemes

HYBRID = "hybrid"
WITH_COVARIATES = "external_drift_kriging"
FEWEST_SAMPLES = 20


class CompareMethods(Algorithm):
    """Cross-validates methods on the same folds and says which is best, and whether it matters."""

    spec = AlgorithmSpec(
        "comparemethods",
        lambda: tr("Compare methods"),
        Group.VALIDATION,
        lambda: tr("Cross-validates kriging and the hybrid on the same folds and says which one to use."),
        inputs=lambda: [
            input_samples(),
            input_targets(),
            *input_covariates(),
            dimensions(),
            hole(),
            with_help(
                static_enum(
                    "METHODS",
                    tr("Methods"),
                    (*METHODS, *LEARNED_METHODS),
                    ["ordinary_kriging", WITH_COVARIATES, HYBRID],
                    several=True,
                ),
                tr(
                    "Methods to compare. External-drift kriging needs covariates and is left out without; the hybrid "
                    "needs the backend."
                ),
            ),
            *folds_inputs(),
            transform(),
            seed(),
        ],
        outputs=lambda: [
            file_output(
                "OUTPUT", tr("Table"), "CSV (*.csv *.CSV)", tr("CSV file, one row a target, kind of folds and method.")
            ),
            points_output(
                "RESIDUALS",
                tr("Residuals"),
                tr("Point layer with every held-out prediction: observed, predicted, residual and 90 % interval."),
            ),
            report_output(tr("Page with the verdict, tables and charts.")),
            *numbers(N=tr("Number of samples")),
            *texts(BEST_METHOD=tr("Best method"), VERDICT=tr("Verdict in words")),
        ],
        tags=("cross-validation", "validation", "kriging", "accuracy", "rmse", "benchmark"),
    )

    def compute(self, read, progress, is_cancelled):
        """Compare, in the backend where the hybrid takes part."""
        samples = read.samples("TARGETS", read.covariates(), FEWEST_SAMPLES)
        methods = read.choices("METHODS")
        if samples.covariates is None and WITH_COVARIATES in methods:
            methods.remove(WITH_COVARIATES)
            read.feedback.pushInfo(tr("There are no covariates, so external-drift kriging is left out."))
        content, arrays = exchange.pack_samples(samples)
        result = tasks.run(
            "compare_methods",
            {
                "samples": content,
                "methods": methods,
                "settings": {"transforms": {"kind": read.choice("TRANSFORM")}, "seed": read.whole("SEED")},
                "schemes": fold_schemes(read.choice("FOLDS")),
                "n_folds": read.whole("N_FOLDS"),
                "seed": read.whole("SEED"),
                "provenance": read.provenance(),
            },
            arrays,
            progress,
            is_cancelled,
            files=read.wanted(table="OUTPUT", report="OUTPUT_HTML"),
        )
        found = result.outputs
        for warning in found["warnings"]:
            read.feedback.pushWarning(warning)
        verdict = " ".join([found["best_text"], *(summary["text"] for summary in found["summaries"])])
        read.feedback.pushInfo(verdict)
        columns = dict(result.arrays)
        kinds = {"U": str, "i": int, "f": float}
        residuals = PointTable(
            samples.coordinates[columns["sample"]],
            [new_field(name, kinds[column.dtype.kind]) for name, column in columns.items()],
            list(columns.values()),
            crs_from_code(samples.crs),
        )
        return {
            "RESIDUALS": residuals,
            "BEST_METHOD": found["best_method"],
            "VERDICT": verdict,
            "N": len(samples),
        }
