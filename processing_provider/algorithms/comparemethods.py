"""Methods side by side, by cross-validation on the same folds."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import numpy as np
from qgis.core import QgsExpression, QgsProcessingParameterExtent

from ...core.backend import exchange, tasks
from ...core.backend.adapters.learned import LEARNED, architecture_for, is_in_plane
from ...core.validation.grade_classes import parse_class_breaks
from ...core.validation.methods import METHODS
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import crs_from_code
from ..identity import tr
from ..layers import PointTable, new_field
from ..parameters.covariates import input_covariates
from ..parameters.kinds import optional_text, raster_input, static_enum, with_help
from ..parameters.outputs import file_output, numbers, points_output, report_output, texts
from ..parameters.samples import dimensions, hole, input_samples, input_targets, transform
from ..parameters.validation import FOLDS_COMPARED, folds_inputs, seed
from ..places import prediction_places
from ..styles import ResidualStyle

HYBRID = "hybrid"
IN_PLANE = "pretrained"
WITH_COVARIATES = "external_drift_kriging"
FEWEST_SAMPLES = 20


class CompareMethods(Algorithm):
    """Cross-validates methods on the same folds and says which is best, and whether it matters."""

    spec = AlgorithmSpec(
        "comparemethods",
        lambda: tr("Compare methods"),
        Group.VALIDATION,
        lambda: tr("Cross-validates kriging, forests and networks on the same folds and says which one to use."),
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
                    (*METHODS, *LEARNED),
                    ["ordinary_kriging", WITH_COVARIATES, HYBRID],
                    several=True,
                ),
                tr(
                    "Methods to compare. External-drift kriging needs covariates and is left out without; the hybrid "
                    "and the networks need the backend."
                ),
            ),
            *folds_inputs(
                tr(
                    "random: samples are left out here and there, as when a map is filled in between samples. blocks: "
                    "whole areas are left out, as when unsampled ground is mapped. distance_matched: held-out samples "
                    "lie as far from the others as the area to map does. holes: whole drill holes are left out, as "
                    "when a new hole is predicted. all: random (holes where they are known), blocks and "
                    "distance_matched."
                ),
                FOLDS_COMPARED,
            ),
            with_help(
                QgsProcessingParameterExtent("EXTENT", tr("Area to map"), None, True),
                tr("For distance_matched folds: what is to be mapped. Empty: the area of the samples."),
                advanced=True,
            ),
            raster_input(
                "TEMPLATE",
                tr("Raster of the area to map"),
                tr("The cells of this raster that have a value are the area to map; takes the place of the extent."),
                optional=True,
                advanced=True,
            ),
            with_help(
                optional_text("CLASS_BREAKS", tr("Grade classes")),
                tr(
                    "Ends of grade classes, separated by commas (200, 500), for all targets, or for each by name "
                    "(zinc: 200, 500; lead: 100). Empty: no classes."
                ),
            ),
            transform(),
            seed(),
        ],
        outputs=lambda: [
            file_output(
                "OUTPUT", tr("Table"), "CSV (*.csv *.CSV)", tr("CSV file, one row a target, kind of folds and method.")
            ),
            file_output(
                "DETAILS",
                tr("All scores"),
                "CSV (*.csv *.CSV)",
                tr("CSV file of every score with its 95 % interval, one row a score: classes and paired ones too."),
                optional=True,
            ),
            points_output(
                "RESIDUALS",
                tr("Residuals"),
                tr("Point layer with every held-out prediction: observed, predicted, residual and 90 % interval."),
            ),
            report_output(tr("Comparison report"), tr("Page with the verdict, tables and charts.")),
            *numbers(N=tr("Number of samples")),
            *texts(BEST_METHOD=tr("Best method"), VERDICT=tr("Verdict in words")),
        ],
        tags=("cross-validation", "validation", "kriging", "accuracy", "rmse", "benchmark"),
    )

    def compute(self, read, progress, is_cancelled):
        """Compare, in the backend where the hybrid takes part."""
        samples = read.samples("TARGETS", read.covariates(), FEWEST_SAMPLES, gaps=True)
        methods = read.choices("METHODS")
        if not samples.has_covariates and WITH_COVARIATES in methods:
            methods.remove(WITH_COVARIATES)
            read.feedback.pushInfo(tr("There are no covariates, so external-drift kriging is left out."))
        if IN_PLANE in methods and len(methods) > 1 and not is_in_plane(samples):
            methods.remove(IN_PLANE)
            read.feedback.pushWarning(
                tr("pretrained is left out: it was trained in the plane, these samples are in 3-D or in drill holes.")
            )
        resolved = list(dict.fromkeys(architecture_for(name, samples) for name in methods))
        if resolved != methods:
            methods = resolved
            read.feedback.pushInfo(tr("There are no covariates, so the hybrid is the method pretrained."))
        content, arrays = exchange.pack_samples(samples)
        places = prediction_places(read, samples)
        if places is not None:
            arrays["places"] = places
        if read.n_duplicates:
            arrays.update(measured_coordinates=read.measured.coordinates, measured_values=read.measured.values)
        result = tasks.run(
            "compare_methods",
            {
                "samples": content,
                "methods": methods,
                "settings": {"transforms": {"kind": read.choice("TRANSFORM")}, "seed": read.whole("SEED")},
                "schemes": _schemes(read.choice("FOLDS"), samples),
                "class_breaks": parse_class_breaks(read.text("CLASS_BREAKS"), samples.targets),
                "n_folds": read.whole("N_FOLDS"),
                "seed": read.whole("SEED"),
                "provenance": read.provenance(),
            },
            arrays,
            progress,
            is_cancelled,
            files=read.wanted(table="OUTPUT", details="DETAILS", report="OUTPUT_HTML"),
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
            _style(columns, found),
        )
        return {
            "RESIDUALS": residuals,
            "BEST_METHOD": found["best_method"],
            "VERDICT": verdict,
            "N": len(samples),
        }


def _schemes(choice, samples):
    """Return the schemes of folds that a choice stands for; random ones are called holes where holes are known."""
    if choice != "all":
        return [choice]
    return ["random" if samples.holes is None else "holes", "blocks", "distance_matched"]


def _style(columns: Mapping[str, np.ndarray], found: Mapping[str, Any]) -> ResidualStyle:
    """Return how residuals are shown: of the first target those of the best method, on the folds most like the map."""
    mismatches = found["mismatches"]
    shown = {
        "target": columns["target"][0],
        "folds": min(dict.fromkeys(columns["folds"]), key=lambda folds: mismatches.get(folds, inf)),
        "method": found["best_method"],
    }
    is_shown = np.all([columns[name] == value for name, value in shown.items()], axis=0)
    condition = " AND ".join(
        QgsExpression.createFieldEqualityExpression(name, str(value)) for name, value in shown.items()
    )
    return ResidualStyle(
        tr("Residuals: {target}, {method}, {folds} folds").format(**shown),
        tr("Residuals"),
        f'CASE WHEN {condition} THEN "residual" END',
        columns["residual"][is_shown],
    )
