"""What reports say of ablations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..report.markup import Html
from ..report.page import Section, paragraph, table
from ..report.row_charts import intervals
from .ablation import Ablation, Ablations
from .folds import folds_label
from .verdicts import label
from .wording import in_unit, sentence


def ablation_parts(ablations: Sequence[Ablation], name: str, rmse: str, caption: str) -> list[str]:
    """Return a sentence, a chart and a table of what each group is worth.

    Parameters
    ----------
    ablations : sequence of Ablation
    name : str
        Of the method, in sentences.
    rmse : str
        Heading of the column of errors.
    caption : str
        Of the table.
    """
    colors = [2 if one.helps else 1 if one.harms else 0 for one in ablations]
    chart: Html = intervals(
        "RMSE without the group / with it",
        [one.group for one in ablations],
        [one.ratio for one in ablations],
        [one.low for one in ablations],
        [one.high for one in ablations],
        x_label="ratio, 95 % interval (above 1: the group helps)",
        reference=1.0,
        reference_label="no difference",
        colors=colors,
    )
    rows = [(one.group, one.rmse, one.ratio, one.low, one.high) for one in ablations]
    columns = ("without", rmse, "ratio", "low", "high")
    return [paragraph(ablation_words(ablations, name)), chart, table(columns, rows, caption=caption)]


def ablation_words(ablations: Sequence[Ablation], name: str) -> str:
    """Say which groups a method needs.

    Examples
    --------
    >>> ablation_words([Ablation("river", 9.0, 1.2, 1.1, 1.3), Ablation("soil", 7.5, 1.0, 0.9, 1.1)], "the hybrid")
    'The hybrid needs river.'
    """
    needed = [one.group for one in ablations if one.helps]
    harmful = [one.group for one in ablations if one.harms]
    words = f"{name} needs {', '.join(needed)}." if needed else (
        "no single group is needed beyond doubt: the others make up for it, or the samples are too few to tell."
    )  # fmt: skip
    return sentence(words) + (f" It is better without {', '.join(harmful)}." if harmful else "")


def ablation_text(ablations: Ablations, method: str) -> str:
    """Say in one line which groups a method needs, by target and kind of folds; empty without ablations.

    Parameters
    ----------
    ablations : mapping
        See `core.validation.ablation.ablate`.
    method : str
    """
    return " ".join(
        f"Ablation, {target}, {folds_label(scheme)}: {ablation_words(own, label(method))}"
        for scheme, by_target in ablations.items()
        for target, own in by_target.items()
    )


def ablation_section(ablations: Ablations, method: str, units: Mapping[str, str]) -> Section:
    """Return the section of a training report about the groups of covariates, by target and kind of folds.

    Parameters
    ----------
    ablations : mapping
        See `core.validation.ablation.ablate`.
    method : str
    units : mapping of str to str
        By target.
    """
    parts: list[str] = []
    for scheme, by_target in ablations.items():
        for target, own in by_target.items():
            caption = f"{target}, {folds_label(scheme)}: everything fitted anew without each group, on the same folds"
            parts += ablation_parts(own, label(method), f"RMSE{in_unit(units, target)}", caption)
    return Section(f"Ablation: {label(method)} without a group of covariates", parts)
