"""Training of the hybrid, in the backend."""

from __future__ import annotations

import json

from ...core.backend import exchange, tasks
from ...core.backend.adapters import ARCHITECTURES
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters import (
    MODEL_FILES,
    dimensions,
    file_output,
    folds_inputs,
    hole,
    input_covariates,
    input_samples,
    input_targets,
    numbers,
    report_output,
    seed,
    static_enum,
    texts,
    transform,
    variogram_file,
    whole_number,
    with_help,
)
from ..reader import fold_schemes

FEWEST_SAMPLES = 20


class TrainHybridModel(Algorithm):
    """Trains kriging with a neural drift, stacks it with kriging, and writes one ONNX file."""

    spec = AlgorithmSpec(
        "trainhybridmodel",
        lambda: tr("Train hybrid model"),
        Group.DEEP_LEARNING,
        lambda: tr("Trains a stack of kriging and kriging with a neural drift, and cross-validates it."),
        inputs=lambda: [
            input_samples(),
            input_targets(),
            *input_covariates(),
            dimensions(),
            hole(),
            with_help(
                static_enum("ARCHITECTURE", tr("Architecture"), tuple(ARCHITECTURES), "hybrid"),
                tr("What to train: hybrid is kriging stacked with kriging whose drift is a network."),
            ),
            transform(),
            variogram_file(
                tr(
                    "Variogram of one of the targets, made by Fit variogram, for its ordinary kriging; its transform "
                    "is used for this target. Cross-validation and the other members fit their own. Empty: fitted."
                )
            ),
            *folds_inputs(),
            seed(),
            with_help(
                whole_number("N_NEIGHBORS", tr("Length of sequences"), 12, 2, 64),
                tr("The network reads the covariates of this many nearest samples, from far to near."),
                advanced=True,
            ),
            with_help(
                whole_number("N_SEEDS", tr("Sets of inner folds"), 2, 2, 20),
                tr("Five networks are trained for each set, on inner random folds and inner blocks in turn."),
                advanced=True,
            ),
            with_help(
                whole_number("N_STEPS", tr("Training steps"), None, 1, 100000),
                tr("Steps of the network's training. Empty: 240, and more on many samples, at most 1200."),
                advanced=True,
            ),
        ],
        outputs=lambda: [
            file_output(
                "MODEL",
                tr("Trained model"),
                MODEL_FILES,
                tr("ONNX file that holds all that Predict raster needs: network, samples, variograms, scaling, CRS."),
            ),
            report_output(tr("Page with the cross-validation beside kriging on the same folds.")),
            *numbers(
                RMSE=tr("Cross-validated RMSE, in data units"),
                R2=tr("Cross-validated R2"),
                KRIGING_RMSE=tr("RMSE of the better kriging on the same folds"),
                RMSE_RATIO=tr("RMSE divided by that of the better kriging"),
                COVERAGE=tr("Share of held-out samples inside the 90 % intervals"),
                N=tr("Number of samples"),
            ),
            *texts(
                WEIGHTS=tr("Weights of the stack by target, as JSON"),
                SCORES=tr("Scores by kind of folds and target, as JSON"),
                VERDICT=tr("Verdict of the cross-validation"),
            ),
        ],
        tags=("deep learning", "lstm", "onnx", "tensorflow", "kriging", "machine learning"),
    )

    def compute(self, read, progress, is_cancelled):
        """Train in the backend; tell what the cross-validation found."""
        samples = read.samples("TARGETS", read.covariates(), FEWEST_SAMPLES)
        content, arrays = exchange.pack_samples(samples)
        schemes = fold_schemes(read.choice("FOLDS"))
        result = tasks.run(
            "train_model",
            {
                "architecture": read.choice("ARCHITECTURE"),
                "samples": content,
                "settings": read.hybrid_settings(samples),
                "schemes": schemes,
                "n_folds": read.whole("N_FOLDS"),
                "provenance": read.provenance(),
            },
            arrays,
            progress,
            is_cancelled,
            files=read.wanted(model="MODEL", report="OUTPUT_HTML"),
        ).outputs
        for text in (*result["notes"], *result["warnings"]):
            read.feedback.pushWarning(text)
        verdict = " ".join([result["best_text"], *(summary["text"] for summary in result["summaries"])])
        read.feedback.pushInfo(verdict)
        # With several targets and kinds of folds: the first target, and the folds that ask the harder question.
        scores = result["scores"][schemes[-1]][samples.targets[0]]
        return {
            "RMSE": scores["rmse"],
            "R2": scores["r2"],
            "KRIGING_RMSE": scores["kriging_rmse"],
            "RMSE_RATIO": scores["rmse_ratio"],
            "COVERAGE": scores["coverage"],
            "N": len(samples),
            "WEIGHTS": json.dumps(result["weights"]),
            "SCORES": json.dumps(result["scores"]),
            "VERDICT": verdict,
        }
