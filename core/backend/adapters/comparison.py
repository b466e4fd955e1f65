"""The task that compares methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...samples import Samples
from .. import exchange
from ..job import Job, TaskResult
from .learned import LEARNED
from .settings import neighborhood_of, transforms_of

if TYPE_CHECKING:
    from ...validation.results import Comparison


def modules_of_methods(names: Sequence[str]) -> tuple[str, ...]:
    """Return the modules that a comparison of these methods needs."""
    from ...validation.methods import MODULES

    needed = [LEARNED[name].modules if name in LEARNED else MODULES.get(name, ("skgstat",)) for name in names]
    return tuple(dict.fromkeys(module for modules in needed for module in modules))


def compare_methods(job: Job) -> TaskResult:
    """Cross-validate methods on the same folds.

    Inputs: ``samples``; ``methods`` by name (`core.validation.methods.METHODS`, `LEARNED`); ``schemes`` and
    ``n_folds``; ``settings``, see `hybrid_settings`, of which kriging takes transforms and neighbourhood, and the
    report ``units``; ``seed``; ``class_breaks`` by target; ``title``, ``created`` and ``provenance`` for the report.
    Arrays besides those of the samples: ``places``, what is to be predicted; ``measured_coordinates`` and
    ``measured_values``, the samples before duplicates were averaged. Outputs: ``rows`` of the table, ``summaries``
    (target, folds, text), ``best_method``, ``best_text``, ``warnings``, ``mismatches`` by scheme. Result arrays: the
    columns of `Comparison.residual_columns`. Files: ``table`` and ``details`` (CSV), ``report`` (HTML).
    """
    from ...validation.comparison import compare_methods as compare
    from ...validation.comparison_report import comparison_page
    from ...validation.folds import make_folds
    from ...validation.methods import make_methods
    from ...validation.noise import noise_ceilings

    inputs = job.inputs
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    given = inputs.get("settings", {})
    names = list(inputs["methods"])
    kriging = [name for name in names if name not in LEARNED]
    methods = make_methods(kriging, transforms_of(given), neighborhood_of(given))
    methods.update({name: LEARNED[name].method(LEARNED[name].settings(given)) for name in names if name in LEARNED})
    seed = inputs.get("seed", 0)
    schemes = tuple(inputs.get("schemes", ("random", "blocks")))
    places = job.arrays.get("places")
    ceilings = None
    if "measured_values" in job.arrays:
        measured = Samples(job.arrays["measured_coordinates"], job.arrays["measured_values"], samples.targets)
        ceilings = noise_ceilings(measured)
    comparison = compare(
        samples,
        {name: methods[name] for name in names},
        make_folds(samples, schemes, inputs.get("n_folds", 5), seed, places=places),
        seed=seed,
        class_breaks={target: tuple(breaks) for target, breaks in inputs.get("class_breaks", {}).items()},
        places=places,
        ceilings=ceilings,
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    comparison.write_csv(job.folder / "table.csv")
    comparison.write_details(job.folder / "details.csv")
    page = comparison_page(
        comparison,
        title=inputs.get("title") or "Comparison of methods",
        units=given.get("units"),
        created=inputs.get("created", ""),
        provenance=inputs.get("provenance"),
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    names_of_files = {"table": "table.csv", "details": "details.csv", "report": "report.html"}
    files = {name: job.folder / file for name, file in names_of_files.items()}
    outputs = {**verdict(comparison), "mismatches": comparison.mismatches}
    return TaskResult(outputs, comparison.residual_columns(), files)


def verdict(comparison: Comparison) -> dict:
    """Return what a comparison found, as plain values."""
    return {
        "rows": comparison.rows,
        "summaries": [
            {"target": target, "folds": scheme, "text": text} for (target, scheme), text in comparison.summaries.items()
        ],
        "best_method": comparison.best_method,
        "best_text": comparison.best_text,
        "warnings": comparison.warnings,
    }
