"""New samples into a trained model, in the backend."""

from __future__ import annotations

import json

from ...core.backend import exchange, tasks
from ...core.learning.updating import MODES
from ...core.prediction.trained_model import model_from_contract
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters.covariates import covariates_of_model
from ..parameters.files import MODEL_FILES, model_file
from ..parameters.kinds import static_enum, with_help
from ..parameters.outputs import file_output, numbers, report_output, texts
from ..parameters.samples import depth, dimensions, hole, input_samples


class UpdateModel(Algorithm):
    """Tells whether new samples surprise a trained model, and trains it with them."""

    spec = AlgorithmSpec(
        "updatemodel",
        lambda: tr("Update model"),
        Group.DEEP_LEARNING,
        lambda: tr("Compares new samples with what a trained model foresaw, and trains it with them."),
        inputs=lambda: [
            model_file(),
            input_samples(),
            *covariates_of_model(),
            dimensions(),
            hole(),
            depth(),
            with_help(
                static_enum("MODE", tr("Mode"), MODES, MODES[0]),
                tr(
                    "refit: train anew with all samples, as the model was trained. warm_start (networks by name only): "
                    "keep its variograms and start from its weights; faster, and good for a few new samples from the "
                    "same ground."
                ),
            ),
        ],
        outputs=lambda: [
            file_output(
                "UPDATED_MODEL", tr("Updated model"), MODEL_FILES, tr("ONNX file, as Train hybrid model writes it.")
            ),
            report_output(
                tr("Update report"), tr("Page that tells whether anything drifted, and how the model was trained.")
            ),
            *numbers(
                N=tr("Samples in the updated model"),
                N_NEW=tr("New samples"),
                N_REPLACED=tr("New samples at the place of an old one"),
                COVERAGE=tr("Share of new samples inside the old 90 % intervals, first target"),
            ),
            *texts(DRIFT=tr("Targets that have drifted"), DRIFTS=tr("What was found, by target, as JSON")),
        ],
        tags=("deep learning", "onnx", "tensorflow", "retrain", "drift", "monitoring"),
    )

    def compute(self, read, progress, is_cancelled):
        """Compare and train in the backend."""
        path = str(read.path("MODEL"))
        with tasks.Runner() as runner:
            contract = runner.run("read_model", {"model": path}, None, progress, is_cancelled).outputs["contract"]
            old = model_from_contract(contract, path).samples
            new = read.samples(
                covariates=read.covariates_of_model(old), at_least=1, names=old.targets,
                differentiated=() if old.fields is None else old.fields.names, gaps=True,
            )  # fmt: skip
            content, arrays = exchange.pack_samples(new)
            found = runner.run(
                "update_model",
                {
                    "model": path,
                    "kind": contract["kind"],
                    "samples": content,
                    "mode": read.choice("MODE"),
                    "provenance": read.provenance(),
                },
                arrays,
                progress,
                is_cancelled,
                files=read.wanted(model="UPDATED_MODEL", report="OUTPUT_HTML"),
            ).outputs
        for text in found["notes"]:
            read.feedback.pushWarning(text)
        drifts = found["drifts"]
        drifted = [one["target"] for one in drifts if one["is_drift"]]
        if drifted:
            read.feedback.pushWarning(
                tr("The new samples of {targets} are not what the old model foresaw; see the report.").format(
                    targets=", ".join(drifted)
                )
            )
        return {
            "N": found["n"],
            "N_NEW": found["n_new"],
            "N_REPLACED": found["n_replaced"],
            "COVERAGE": drifts[0]["coverage"] if drifts else None,
            "DRIFT": ", ".join(drifted),
            "DRIFTS": json.dumps(drifts),
        }
