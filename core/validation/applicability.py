"""The area of applicability that belongs to a cross-validation of compact parts left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ModelFileError
from ..features.applicability import Applicability
from ..kriging.neighborhood import search_frame
from ..samples import Samples
from ..variogram.models import VariogramModel
from .distance_matching import centres_of, compact_cells
from .folds import inseparable_groups

APPLICABILITY_KEY = "applicability"
"""Key of the area in a model file's contract."""

N_PARTS = 10
"""Parts of the samples that are left out in turn to find the threshold."""


def fit_applicability(samples: Samples, variogram: VariogramModel | None = None) -> Applicability:
    """Find the area of applicability of everything that is learned from some samples.

    The threshold is the largest dissimilarity, outliers apart, of samples whose compact part (a tenth of
    the places or holes) is left out: errors and intervals of models are learned at such distances.

    Parameters
    ----------
    samples : Samples
    variogram : VariogramModel or None
        Its anisotropy says which samples are near; None: elevations count as much as the plan.

    Returns
    -------
    Applicability

    Raises
    ------
    InputError
        For fewer than 3 samples, or samples that are all alike.
    """
    groups = inseparable_groups(samples.coordinates, samples.holes)
    centres = centres_of(samples.coordinates, groups)
    parts = compact_cells(centres, -(-len(centres) // N_PARTS))[groups]
    frame = None if variogram is None else search_frame(variogram, samples.n_dimensions)
    return Applicability.fit(samples, parts, groups, frame)


def applicability_of(contract: Mapping[str, Any], samples: Samples) -> Applicability:
    """Return the area of applicability of a model file; found anew where an old file holds none.

    Parameters
    ----------
    contract : mapping
    samples : Samples
        The model's.

    Raises
    ------
    ModelFileError
        When the stored area is damaged.
    """
    content = contract.get(APPLICABILITY_KEY)
    if content is None:
        return fit_applicability(samples)
    try:
        return Applicability.from_dict(content, samples)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"The area of applicability in the model file is damaged ({error!r}). Train the model again."
        ) from error
