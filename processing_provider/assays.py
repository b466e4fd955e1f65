"""Fields of assays as concentrations in one unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.geochemistry.units import factor, unit_of_name
from ..core.sample_check.columns import below_detection, parse_column

BY_NAME = "by_name"
"""The unit is the one that the field's name ends in."""


def in_ppm(name: str, column: Sequence[Any], unit: str, censored: str) -> tuple[np.ndarray, str, int]:
    """Return a field of assays in ppm.

    Parameters
    ----------
    name : str
    column : sequence
        Values of the field; text like <0.5 and negative numbers are below detection.
    unit : str
        `BY_NAME` takes ppm where the name says nothing.
    censored : str
        What values below detection count as, a choice of CENSORED.

    Returns
    -------
    tuple of ndarray, str, int
        Values with shape (n_points,), NaN where unknown; the unit they were in; how many are censored.
    """
    numbers = below_detection(parse_column(column))
    own = (unit_of_name(name) or "ppm") if unit == BY_NAME else unit
    return factor(own) * numbers.filled(censored), own, int(numbers.is_censored.sum())
