"""What the report of a training says about a network by name: its make, the search, self-evaluation and ablation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..report.charts import xy_chart
from ..report.drawing import Line
from ..report.page import Section, note, paragraph, table
from ..validation.ablation_report import ablation_parts
from .network import FittedNetwork
from .updating import Updated


def network_sections(fitted: FittedNetwork) -> list[Section]:
    """Return the sections of a training report that are about the network.

    Parameters
    ----------
    fitted : FittedNetwork
    """
    sections = [Section("What the network is made of", _make(fitted))]
    if len(fitted.evaluated.rounds) > 1:
        sections.append(Section("Self-evaluation: what each group of inputs is worth", _self_evaluation(fitted)))
    if fitted.ablations:
        parts = ablation_parts(
            fitted.ablations, "the network", "inner RMSE", "Trained anew without each group on the same inner folds"
        )
        sections.append(Section("Ablation: the network trained without a group of inputs", parts))
    if fitted.trials:
        sections.append(Section("Search for sizes and rates", _search(fitted)))
    return sections


def _make(fitted: FittedNetwork) -> list[str]:
    """Layers, training and inner scores."""
    ensemble, schedule = fitted.ensemble, fitted.schedule
    layers = []
    for layer in ensemble.network.layers:
        size = f"{layer.rate:.2g}" if layer.kind == "dropout" else (str(layer.width) if layer.width else "–")
        kernel = f"kernel {layer.kernel}" if layer.kind == "conv" else ""
        layers.append((layer.kind, size, layer.activation.replace("_", " ") if layer.width else "–", kernel))
    layers.append(("dense", str(ensemble.network.n_targets), "linear", "output"))
    features = fitted.model.features
    scores = [
        (target, what.replace("_", " "), by_kind["random"], by_kind["blocks"])
        for target, by_method in fitted.inner_scores.items()
        for what, by_kind in by_method.items()
    ]
    optimizer = "Adam" if schedule.optimizer == "adam" else "SGD with momentum 0.9"
    return [
        table(("layer", "width", "activation", ""), layers, caption="Layers of each network"),
        paragraph(
            f"{ensemble.n_members} networks of {ensemble.network.n_weights} weights, one for each inner fold, trained "
            f"with {optimizer}, learning rate {ensemble.learning_rate:.2g} (halved after {schedule.reduction_patience} "
            f"epochs without gain, not below {schedule.least_rate:.2g}), batches of {schedule.batch_size}, weight "
            f"decay {schedule.weight_decay:.2g}. {_kept(ensemble.epochs, schedule.max_epochs)} The error that stops a "
            "network is taken where neither it nor its fold has a say. The estimate is their mean."
        ),
        paragraph(
            f"Each reads a sequence of the {features.neighbors.n_neighbors} nearest other samples, "
            f"{features.order.replace('_', ' ')}: {', '.join(features.token_names)}; and at the place itself: "
            f"{', '.join(features.context_names)}. Numbers count the targets. Kriging and gradient at a sample are "
            "those without it, so no input holds the value that is to be predicted."
        ),
        table(
            ("target", "method", "RMSE, random folds", "RMSE, blocks"),
            scores,
            caption="Inner errors on the transformed scale, beside the kriging among the inputs (with external "
            "drift where there are covariates)",
        ),
    ]


def _kept(epochs: Sequence[int], most: int) -> str:
    """Say whose weights the networks kept.

    Examples
    --------
    >>> _kept((4, 8), 120)
    'They keep their weights of epochs 4 to 8 of at most 120.'
    >>> _kept((0, 0), 120)
    'They keep the weights they started with: of at most 120 epochs none lowered the error.'
    """
    first, last = min(epochs), max(epochs)
    if last == 0:
        return f"They keep the weights they started with: of at most {most} epochs none lowered the error."
    which = f"epoch {first}" if first == last else f"epochs {first} to {last}"
    return f"They keep their weights of {which} of at most {most}."


def _self_evaluation(fitted: FittedNetwork) -> list[str]:
    """Weights and importances by round."""
    evaluated, how = fitted.evaluated, fitted.settings.resolved_self_evaluation
    groups = list(evaluated.weights)
    rows = []
    for number, one in enumerate(evaluated.rounds):
        found = {entry.group: entry for entry in one.importances}
        for group in groups:
            entry = found.get(group)
            rows.append((
                number, group, one.weights[group],
                "–" if entry is None else f"{100 * entry.increase:+.1f} %",
                "–" if entry is None else f"{100 * entry.error:.1f} %",
                "–" if entry is None else ("yes" if entry.is_significant else "within noise"),
            ))  # fmt: skip
    numbers = list(range(len(evaluated.rounds)))
    chart = xy_chart(
        "Weights of the groups by round", "round", "weight",
        [
            Line(numbers, [one.weights[group] for one in evaluated.rounds], group, index % 8)
            for index, group in enumerate(groups)
        ],
    )  # fmt: skip
    history = table(
        ("round", "inner RMSE (standard deviations)"),
        [(number, one.rmse) for number, one in enumerate(evaluated.rounds)],
        highlight=(evaluated.chosen,),
        digits=4,
    )
    return [
        paragraph(
            f"Each group is permuted among the samples a network did not see, whole spatial blocks at a time, "
            f"{how.repeats} times. A group moves its weight by {how.step:g} times the relative increase of the error, "
            "unless the increase is below two standard errors; weights are then scaled to a mean of 1 and the network "
            f"is trained again. Round 0 has all weights 1. Round {evaluated.chosen} had the lowest inner error and is "
            "the one in the model, its weights multiplied into the network."
        ),
        history,
        chart,
        table(("round", "group", "weight", "error when permuted", "standard error", "counts"), rows),
    ]


def _search(fitted: FittedNetwork) -> list[str]:
    """Every training of the search, and the lowest error so far."""
    trials = fitted.trials
    lowest = np.minimum.accumulate([trial.rmse for trial in trials]).tolist()
    best = int(np.argmin([trial.rmse for trial in trials]))
    rows = [
        (number + 1, trial.width, trial.dropout, f"{trial.learning_rate:.2g}", f"{trial.weight_decay:.2g}",
         trial.optimizer, trial.rmse, trial.seconds)
        for number, trial in enumerate(trials)
    ]  # fmt: skip
    columns = ("training", "width factor", "dropout", "learning rate", "weight decay", "optimizer",
               "inner RMSE", "seconds")  # fmt: skip
    return [
        paragraph(
            f"{len(trials)} trainings within {fitted.settings.search_minutes:.2g} minutes, judged at samples left out "
            f"by inner folds; the first is what was asked for. Training {best + 1} was chosen. With an outer "
            "cross-validation every outer fold searches for itself, in an equal share of the time."
        ),
        note("A search ends by the clock: on another machine it may end elsewhere."),
        xy_chart(
            "Lowest inner RMSE so far", "training", "standard deviations",
            [Line(list(range(1, len(trials) + 1)), lowest, "lowest so far", 0)],
        ),
        table(columns, rows, highlight=(best,)),
    ]  # fmt: skip


def drift_words(updated: Updated) -> str:
    """Say whether new samples surprised the old model."""
    drifted = [one.target for one in updated.drifts if one.is_drift]
    if not updated.drifts:
        return "Every new sample lies at the place of an old one and replaces it, so none can test the old model."
    if drifted:
        return (
            f"The new samples of {', '.join(drifted)} are not what the old model foresaw: its intervals hold too few "
            "of them, or its errors lean to one side. Ask whether ground, laboratory or time differ; then fit anew."
        )
    return "The old model foresaw the new samples within its intervals: nothing has drifted."


def drift_section(updated: Updated) -> Section:
    """Return what new samples said about the model before it was trained with them."""
    rows = [
        (one.target, one.n, one.rmse, "–" if one.expected_rmse is None else one.expected_rmse, one.bias, one.bias_error,
         100.0 * one.coverage, "yes" if one.is_drift else "no")
        for one in updated.drifts
    ]  # fmt: skip
    columns = ("target", "new samples", "RMSE of the old model", "cross-validated before", "bias", "standard error",
               "inside 90 % (%)", "drift")  # fmt: skip
    parts = [paragraph(drift_words(updated))]
    if rows:
        parts.append(table(columns, rows))
    return Section("Did the new samples surprise the old model?", parts)
