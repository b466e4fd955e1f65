"""Folds of a cross-validation, and the seed."""

from __future__ import annotations

from typing import Optional

from ..identity import tr
from .kinds import static_enum, whole_number, with_help

FOLDS = ("random", "blocks", "all")
FOLDS_COMPARED = ("random", "blocks", "distance_matched", "holes", "all")


def folds_inputs(text: Optional[str] = None, options: tuple[str, ...] = FOLDS):
    """Return FOLDS and N_FOLDS; `text` explains other options than random and blocks."""
    return [
        with_help(
            static_enum("FOLDS", tr("Folds"), options, "all"),
            text
            or tr(
                "random: samples are left out here and there, as when a map is filled in between samples. blocks: "
                "whole areas are left out, as when unsampled ground is mapped. all: both."
            ),
        ),
        with_help(
            whole_number("N_FOLDS", tr("Number of folds"), 5, 2, 50),
            tr("Everything is fitted anew without each fold in turn."),
            advanced=True,
        ),
    ]


def cross_validation():
    """Return CV_FOLDS."""
    return with_help(
        whole_number("CV_FOLDS", tr("Folds of the cross-validation"), 0, minimum=0),
        tr(
            "0: each sample is estimated from all others. 2 or more: the samples are parted at random into so many "
            "folds (drill holes stay whole), and each is estimated from the other folds. The variogram stays as it is."
        ),
        advanced=True,
    )


def seed(text: Optional[str] = None):
    """Return SEED; `text` says what it decides where that is not folds and training."""
    return with_help(
        whole_number("SEED", tr("Random seed"), 0, minimum=0),
        text or tr("The same seed on the same data gives the same folds and the same training."),
        advanced=True,
    )
