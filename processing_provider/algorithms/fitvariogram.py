"""Fitting a variogram model, written as a file that kriging and training take."""

from __future__ import annotations

from ...core.samples import Samples
from ...core.variogram.models import VariogramFile


def automatic_variogram(samples: Samples, feedback, progress, is_cancelled) -> VariogramFile:
    raise NotImplementedError
