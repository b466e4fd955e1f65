"""Training of the hybrid, in the backend."""

from __future__ import annotations

import json

from ...core.backend import exchange, tasks
from ...core.backend.adapters.learned import LEARNED, NETWORKS, architecture_for
from ...core.errors import InputError
from ...core.learning.architectures import architecture_of
from ...core.validation.ablation import groups_to_leave_out
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters.covariates import input_covariates
from ..parameters.files import MODEL_FILES, variogram_file
from ..parameters.kinds import check_box, optional_text, real_number, static_enum, whole_number, with_help
from ..parameters.outputs import file_output, numbers, report_output, texts
from ..parameters.samples import depth, dimensions, hole, input_samples, input_targets, transform
from ..parameters.validation import folds_inputs, seed
from ..reading.training import hybrid_settings

FEWEST_SAMPLES = 20
HYBRID = "hybrid"
ABLATED = (HYBRID, *NETWORKS)
"""Architectures that can be trained without groups of their covariates."""
OPTIMIZERS = ("standard", "adam", "sgd")


class TrainHybridModel(Algorithm):
    """Trains kriging with a neural drift, stacks it with kriging, and writes one ONNX file."""

    spec = AlgorithmSpec(
        "trainhybridmodel",
        lambda: tr("Train hybrid model"),
        Group.DEEP_LEARNING,
        lambda: tr("Trains a stack of kriging and kriging with a neural drift, or a network, and cross-validates it."),
        inputs=lambda: [
            input_samples(),
            input_targets(),
            *input_covariates(),
            dimensions(),
            hole(),
            depth(),
            with_help(
                static_enum("ARCHITECTURE", tr("Architecture"), tuple(LEARNED), HYBRID),
                tr(
                    "What to train. hybrid: kriging stacked with kriging whose drift is a network; kriging is its "
                    "floor. pretrained: several krigings mixed, and corrected by the network that comes with the "
                    "plugin, for data without covariates: of these it is the hybrid, too, in the plane. The others are "
                    "networks whose output is the estimate itself. gcnn_rnn: Conv1D and BiLSTM; afg_pms: two LSTM and "
                    "two dense layers; feedforward: dense layers; as_published: the layers of Anvari et al. (2025)."
                ),
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
                tr(
                    "The network reads this many nearest samples, from far to near (networks by name: from top to "
                    "bottom where samples are 3-D and have holes, and hole by hole where their depths are given)."
                ),
                advanced=True,
            ),
            with_help(
                whole_number("N_SEEDS", tr("Sets of inner folds"), None, 2, 20),
                tr(
                    "Five networks are trained for each set, on inner random folds and inner blocks in turn. Empty: 4 "
                    "for the hybrid of up to 1000 samples, else 2."
                ),
                advanced=True,
            ),
            with_help(
                whole_number("N_STEPS", tr("Training steps"), None, 1, 100000),
                tr(
                    "Steps of the network's training. Empty: 120, and more on many samples, at most 1200; networks "
                    "by name as their schedule says. These stop earlier when errors at samples left out no longer fall."
                ),
                advanced=True,
            ),
            with_help(
                check_box("ATTENTION", tr("Attention instead of the BiLSTM"), False, optional=True),
                tr(
                    "Of the hybrid: its network weighs the samples of a sequence by attention instead of reading them "
                    "one after the other. It trains in about a quarter of the time."
                ),
                advanced=True,
            ),
            with_help(
                static_enum("OPTIMIZER", tr("Optimizer"), OPTIMIZERS, OPTIMIZERS[0]),
                tr("Of networks by name: adam, or sgd with momentum 0.9. standard: as the architecture says."),
                advanced=True,
            ),
            with_help(
                real_number("WEIGHT_DECAY", tr("Weight decay"), None, 0.0, 10.0),
                tr("Of networks by name: how strongly weights shrink toward 0. Empty: as the architecture says."),
                advanced=True,
            ),
            with_help(
                optional_text("FEATURE_GROUPS", tr("Groups of covariates")),
                tr(
                    "Names of groups and their covariates, for self-evaluation and ablation, for example "
                    "geophysics: mag, ip; spectra: cube. Spectra are known by their raster, gradients by their field: "
                    "Fe gradient. Covariates in none make one group of their own, and gradients another."
                ),
                advanced=True,
            ),
            with_help(
                whole_number("EVALUATION_ROUNDS", tr("Rounds of self-evaluation"), None, 0, 20),
                tr(
                    "Of networks by name: how often groups of inputs are weighed by what their permutation costs, and "
                    "the network trained again. Empty: 2 for afg_pms, 0 for the others."
                ),
                advanced=True,
            ),
            with_help(
                check_box("ABLATION", tr("Train without each group of inputs"), False),
                tr(
                    "How much worse the model is without each group of covariates, with intervals. The hybrid is "
                    "cross-validated once more without each of them, which takes as long as the first time; networks "
                    "by name are trained once more on their inner folds without each group of inputs."
                ),
                advanced=True,
            ),
            with_help(
                real_number("SEARCH_MINUTES", tr("Minutes of search"), 0.0, 0.0, 1440.0),
                tr(
                    "Of networks by name: time to search for sizes and rates, on inner folds only, shared by the "
                    "folds of the cross-validation. 0: none."
                ),
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
            report_output(
                tr("Training report"), tr("Page with the cross-validation beside kriging on the same folds.")
            ),
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
                ABLATIONS=tr("Errors without each group of covariates, as JSON"),
                VERDICT=tr("Verdict of the cross-validation"),
            ),
        ],
        tags=("deep learning", "lstm", "onnx", "tensorflow", "kriging", "machine learning"),
    )

    def compute(self, read, progress, is_cancelled):
        """Train in the backend; tell what the cross-validation found."""
        samples = read.samples("TARGETS", read.covariates(), FEWEST_SAMPLES, gaps=True)
        settings = hybrid_settings(read, samples)
        if read.is_checked("ATTENTION"):
            settings.setdefault("network", {})["pooling"] = "attention"
        chosen = read.choice("ARCHITECTURE")
        architecture = architecture_for(chosen, samples)
        if architecture != chosen:
            read.feedback.pushInfo(
                tr("There are no covariates, so the hybrid is a mixture of krigings with the pre-trained correction.")
            )
        refuse_unheeded_parameters(read, architecture)
        if architecture in NETWORKS:
            settings = network_settings(read, settings, len(samples), architecture)
        if architecture in ABLATED:
            settings["groups"] = feature_groups(read.text("FEATURE_GROUPS"))
            settings["with_ablation"] = read.is_checked("ABLATION")
            if settings["groups"]:
                groups_to_leave_out(samples, settings["groups"])  # refuses wrong names before the backend starts
        content, arrays = exchange.pack_samples(samples)
        folds = read.choice("FOLDS")
        schemes = ["random", "blocks"] if folds == "all" else [folds]
        result = tasks.run(
            "train_model",
            {
                "architecture": architecture,
                "samples": content,
                "settings": settings,
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
        if result["ablation_text"]:
            read.feedback.pushInfo(result["ablation_text"])
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
            "ABLATIONS": json.dumps(result["ablations"]),
            "VERDICT": verdict,
        }


def network_settings(read, settings: dict, n_samples: int, architecture: str) -> dict:
    """Return the settings of a network by name, from those every architecture has and its own parameters."""
    settings = dict(settings)
    schedule = {}
    steps = settings.pop("network", {}).get("max_steps")
    if steps is not None:
        batch = architecture_of(architecture).schedule.batch_size
        schedule["max_epochs"] = max(1, round(steps * batch / n_samples))
    if read.choice("OPTIMIZER") != OPTIMIZERS[0]:
        schedule["optimizer"] = read.choice("OPTIMIZER")
    if read.number("WEIGHT_DECAY") is not None:
        schedule["weight_decay"] = read.number("WEIGHT_DECAY")
    if schedule:
        settings["schedule"] = schedule
    if read.whole("EVALUATION_ROUNDS") is not None:
        settings["self_evaluation"] = {"rounds": read.whole("EVALUATION_ROUNDS")}
    settings["search_minutes"] = read.number("SEARCH_MINUTES")
    return settings


def refuse_unheeded_parameters(read, architecture: str) -> None:
    """Refuse what this architecture would not heed."""
    of_networks = {
        "OPTIMIZER": read.choice("OPTIMIZER") != OPTIMIZERS[0],
        "WEIGHT_DECAY": read.number("WEIGHT_DECAY") is not None,
        "EVALUATION_ROUNDS": bool(read.whole("EVALUATION_ROUNDS")),
        "SEARCH_MINUTES": bool(read.number("SEARCH_MINUTES")),
        "DEPTH": bool(read.text("DEPTH")),
    }
    of_groups = {"FEATURE_GROUPS": bool(read.text("FEATURE_GROUPS")), "ABLATION": read.is_checked("ABLATION")}
    of_hybrid = {"ATTENTION": read.is_checked("ATTENTION")}
    for given, heeded_by in ((of_networks, NETWORKS), (of_groups, ABLATED), (of_hybrid, (HYBRID,))):
        unheeded = [name for name, is_given in given.items() if is_given]
        if unheeded and architecture not in heeded_by:
            raise InputError(
                tr("{names} concern {those} only, not {architecture}. Choose one of these, or leave them out.").format(
                    names=", ".join(unheeded), those=", ".join(heeded_by), architecture=architecture
                )
            )
    if architecture == HYBRID and of_groups["FEATURE_GROUPS"] and not of_groups["ABLATION"]:
        raise InputError(tr("FEATURE_GROUPS of the hybrid are for its ablation. Set ABLATION, or leave them out."))


def feature_groups(text: str) -> dict[str, list[str]]:
    """Read groups of covariates.

    Raises
    ------
    InputError
        When the text is not ``group: covariate, covariate; group: covariate``.

    Examples
    --------
    >>> feature_groups("geophysics: mag, ip; spectra: pc1")
    {'geophysics': ['mag', 'ip'], 'spectra': ['pc1']}
    """
    groups: dict[str, list[str]] = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, members = entry.partition(":")
        covariates = [member.strip() for member in members.split(",") if member.strip()]
        if not (colon and name.strip() and covariates) or name.strip() in groups:
            raise InputError(
                tr(
                    "Expected groups of covariates such as geophysics: mag, ip; spectra: pc1, each named once, "
                    "got {entry}."
                ).format(entry=entry)
            )
        groups[name.strip()] = covariates
    return groups
