"""The tasks that train a model, anew or with new samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...samples import Samples
from .. import exchange
from ..job import Job, TaskResult
from .comparison import verdict
from .learned import LEARNED, Learned, learned_of

if TYPE_CHECKING:
    from ...learning.outer import Trained
    from ...report.page import Section


def train_model(job: Job) -> TaskResult:
    """Cross-validate and train a model of one architecture, and write its model file.

    Inputs: ``architecture``, a key of `LEARNED` (default hybrid); ``samples``; ``settings`` of the architecture, see
    `core.backend.adapters.settings`; ``schemes`` of outer folds (default random and blocks, empty for none) and
    ``n_folds``; ``title``, ``created`` and ``provenance`` for the report. Outputs: ``weights`` by target, empty where
    there is no stack; ``scores`` (`core.learning.outer.cross_validated_scores`), ``notes``, ``seconds``, ``ablations``
    (`core.validation.ablation.ablate`) and what they say, ``ablation_text``, with outer folds the outputs of
    `compare_methods`, and those of the architecture (`Learned.outputs`). Files: ``model`` (ONNX),
    ``report`` (HTML).
    """
    from ...validation.ablation import ablations_to_dict
    from ...validation.ablation_report import ablation_text

    inputs = job.inputs
    learned = learned_of(inputs)
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    trained = learned.train(
        samples,
        learned.settings(inputs.get("settings", {})),
        job.folder / "model.onnx",
        schemes=tuple(inputs.get("schemes", ("random", "blocks"))),
        n_folds=inputs.get("n_folds", 5),
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    fitted = trained.fitted
    ablations = trained.ablations or learned.ablations(fitted)
    outputs = {
        **learned.outputs(fitted), "scores": trained.scores, "notes": fitted.notes, "seconds": fitted.seconds,
        "ablations": ablations_to_dict(ablations), "ablation_text": ablation_text(ablations, learned.name),
    }  # fmt: skip
    if trained.comparison is not None:
        outputs.update(verdict(trained.comparison))
    title = inputs.get("title") or learned.title(samples.targets)
    return TaskResult(outputs, files=_files(job, learned, samples, trained, title))


def update_model(job: Job) -> TaskResult:
    """Train a model with new samples, and say how well it foresaw them.

    Inputs: ``model``, its path; ``kind`` of the model, as its contract says; ``samples``, the new ones; ``mode``, out
    of `core.learning.updating.MODES`; ``created`` and ``provenance`` for the report. Outputs: ``drifts`` by target,
    ``n_new``, ``n_replaced``, ``n``, ``notes``, and those of the architecture (`Learned.outputs`). Files: ``model``
    (ONNX), ``report`` (HTML).
    """
    from ...learning.network_report import drift_section, drift_words
    from ...learning.updating import update_model as update

    inputs = job.inputs
    new = exchange.unpack_samples(inputs["samples"], job.arrays)
    updated = update(
        inputs["model"], new, inputs["mode"], job.folder / "model.onnx", job.progress, job.is_cancelled
    )  # fmt: skip
    fitted = updated.trained.fitted
    samples, learned = fitted.model.samples, LEARNED[updated.architecture]
    outputs = {
        "drifts": [one.to_dict() for one in updated.drifts],
        "n_new": updated.n_new,
        "n_replaced": updated.n_replaced,
        "n": len(samples),
        "notes": fitted.notes,
        **learned.outputs(fitted),
    }
    lines = [
        ("New samples", updated.n_new), ("Old samples replaced", updated.n_replaced), ("Mode", inputs["mode"]),
    ]  # fmt: skip
    title = f"{learned.title(samples.targets)}, with new samples"
    files = _files(job, learned, samples, updated.trained, title, [drift_section(updated)], lines, drift_words(updated))
    return TaskResult(outputs, files=files)


def _files(
    job: Job,
    learned: Learned,
    samples: Samples,
    trained: Trained,
    title: str,
    before: Sequence[Section] = (),
    lines: Sequence[tuple[str, object]] = (),
    answer: str = "",
) -> dict[str, Path]:
    """Write the report of a training, and return the files of the job.

    Parameters
    ----------
    before, lines
        Sections before those about the model, and further lines about what went in.
    answer
        See `training_page`.
    """
    from ...validation.ablation_report import ablation_section
    from ...validation.training_report import training_page

    fitted = trained.fitted
    makeup = learned.makeup(samples, fitted)
    more = [*before, *makeup.more]
    if trained.ablations:
        more.append(ablation_section(trained.ablations, learned.name, fitted.settings.units))
    page = training_page(
        replace(makeup, inputs=[*makeup.inputs, *lines], more=more),
        title=title,
        targets=samples.targets,
        comparison=trained.comparison,
        warnings=fitted.notes,
        units=fitted.settings.units,
        created=job.inputs.get("created", ""),
        provenance=job.inputs.get("provenance"),
        answer=answer,
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    return {"model": job.folder / "model.onnx", "report": job.folder / "report.html"}
