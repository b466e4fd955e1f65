"""Gradients of kriged fields as covariates: known wherever the samples allow kriging, at a sample without itself.

A field is a quantity measured at the samples and nowhere else, such as iron (`Samples.fields`). Its kriging gradient
is a covariate: at a place of the map from all samples, at a sample from all samples but those of its own place or
hole, so that no value takes part in what describes its own sample. The variogram travels in the origin of the
covariate, the values in the samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..kriging.gradient import FittedGradient, fit_gradient
from ..kriging.neighborhood import Neighborhood
from ..samples import Covariates, Samples
from ..variogram.models import VariogramModel, model_from_dict, model_to_dict
from .covariate_origins import GRADIENT

MAGNITUDE = "magnitude"
AXES = ("dE", "dN", "dZ")
"""Parts of a gradient: its length, and its components toward the east, the north and up."""

PARTS = ("magnitude", "components", "both")
"""Choices of parts."""


def parts_of(choice: str, n_dimensions: int) -> tuple[str, ...]:
    """Return the parts of a gradient that a choice stands for.

    Raises
    ------
    InputError
        For a choice that is none of `PARTS`.

    Examples
    --------
    >>> parts_of("both", 2)
    ('magnitude', 'dE', 'dN')
    """
    if choice not in PARTS:
        raise InputError(f"Expected parts of the gradient out of {', '.join(PARTS)}, got {choice!r}.")
    components = AXES[:n_dimensions]
    return {"magnitude": (MAGNITUDE,), "components": components, "both": (MAGNITUDE, *components)}[choice]


def gradient_name(field: str, part: str) -> str:
    """Return the name of a covariate.

    Examples
    --------
    >>> gradient_name("Fe", "magnitude"), gradient_name("Fe", "dN")
    ('Fe gradient', 'Fe gradient dN')
    """
    return f"{field} gradient" if part == MAGNITUDE else f"{field} gradient {part}"


def gradient_names(covariates: Covariates | None) -> tuple[str, ...]:
    """Return the names of the covariates that are gradients of fields."""
    if covariates is None:
        return ()
    named = zip(covariates.names, covariates.origins)
    return tuple(name for name, origin in named if origin is not None and origin["kind"] == GRADIENT)


@dataclass(frozen=True)
class FieldGradients:
    """Kriged fields, ready to be differentiated anywhere; see `FieldGradients.fit`.

    Parameters
    ----------
    names : tuple of str
        Of the fields.
    variograms : tuple of VariogramModel
        One a field, in squared units of the field.
    parts : tuple of str
        `MAGNITUDE` and `AXES`.
    neighborhood : Neighborhood
    row : ndarray of int, shape (n_samples,)
        Row of each sample's place among those of the fitted gradients.
    fitted : tuple of FittedGradient
        One a field, at places that differ.
    """

    names: tuple[str, ...]
    variograms: tuple[VariogramModel, ...]
    parts: tuple[str, ...]
    neighborhood: Neighborhood
    row: np.ndarray
    fitted: tuple[FittedGradient, ...]

    @classmethod
    def fit(
        cls,
        coordinates: np.ndarray,
        fields: Covariates,
        variograms: Sequence[VariogramModel],
        parts: Sequence[str],
        neighborhood: Neighborhood,
    ) -> FieldGradients:
        """Prepare the gradients of fields, averaged where samples share a place.

        Parameters
        ----------
        coordinates : ndarray, shape (n_samples, n_dimensions)
        fields : Covariates
            At the samples.
        variograms, parts, neighborhood
            See the class.
        """
        places, row = np.unique(np.asarray(coordinates, dtype=float), axis=0, return_inverse=True)
        row = row.reshape(-1)
        values = np.zeros((len(places), len(fields.names)))
        np.add.at(values, row, fields.values)
        values /= np.bincount(row)[:, None]
        fitted = tuple(
            fit_gradient(places, values[:, column], variogram, neighborhood)
            for column, variogram in enumerate(variograms)
        )
        return cls(fields.names, tuple(variograms), tuple(parts), neighborhood, row, fitted)

    @classmethod
    def of(cls, samples: Samples) -> FieldGradients | None:
        """Return the gradients that some samples have as covariates, None where they have none.

        Parameters
        ----------
        samples : Samples
            As `core.validation.gradients.with_gradients` returned them, or a model file holds them.
        """
        if samples.covariates is None or samples.fields is None:
            return None
        found = samples.covariates.columns(gradient_names(samples.covariates)).origins
        own = [origin for origin in found if origin is not None]
        if not own:
            return None
        variograms: dict[str, VariogramModel] = {
            str(origin["field"]): model_from_dict(origin["variogram"]) for origin in own
        }
        parts = tuple(dict.fromkeys(str(origin["part"]) for origin in own))
        return cls.fit(
            samples.coordinates,
            samples.fields.columns(list(variograms)),
            list(variograms.values()),
            parts,
            Neighborhood(**own[0]["neighborhood"]),
        )

    @property
    def covariate_names(self) -> tuple[str, ...]:
        """Names of the columns, field by field."""
        return tuple(gradient_name(field, part) for field in self.names for part in self.parts)

    @property
    def origins(self) -> tuple[Mapping[str, Any], ...]:
        """What a model says about each column."""
        around = {key: value for key, value in asdict(self.neighborhood).items() if value is not None}
        return tuple(
            {"kind": GRADIENT, "field": field, "part": part, "variogram": model_to_dict(variogram),
             "neighborhood": around}
            for field, variogram in zip(self.names, self.variograms)
            for part in self.parts
        )  # fmt: skip

    def at(self, coordinates: np.ndarray) -> np.ndarray:
        """Return the columns at places, shape (n, n_columns); NaN where too few samples are in reach.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
            In the CRS of the samples.
        """
        coordinates = np.asarray(coordinates, dtype=float)
        return self._columns([one.predict(coordinates, with_variance=False).gradient[:, 0] for one in self.fitted])

    def left_out(self, groups: np.ndarray) -> np.ndarray:
        """Return the columns at the samples, each without the samples of its group, shape (n_samples, n_columns).

        Parameters
        ----------
        groups : ndarray of int, shape (n_samples,)
            Samples at one place are of one group.
        """
        of_place = np.zeros(int(self.row.max()) + 1, dtype=int)
        of_place[self.row] = groups
        found = [one.leave_group_out(of_place).gradient[:, 0] for one in self.fitted]
        return self._columns(found)[self.row]

    def added_to(self, covariates: Covariates | None, values: np.ndarray) -> Covariates:
        """Return covariates with gradients behind those that are no gradients of ours.

        Parameters
        ----------
        covariates : Covariates or None
            At the same locations.
        values : ndarray, shape (n_locations, n_covariate_names)
            The gradients, in the order of `covariate_names`.
        """
        names = self.covariate_names
        own = Covariates(names, values, (False,) * len(names), self.origins)
        others = () if covariates is None else tuple(name for name in covariates.names if name not in names)
        if covariates is None or not others:
            return own
        others_only = covariates.columns(others)
        return Covariates(
            (*others, *names),
            np.hstack([others_only.values, values]),
            (*others_only.categorical, *own.categorical),
            (*others_only.origins, *own.origins),
        )

    def _columns(self, gradients: Sequence[np.ndarray]) -> np.ndarray:
        """Put the parts of the fields' gradients, shape (n, n_dimensions) each, side by side."""
        columns = []
        for gradient in gradients:
            by_part = {MAGNITUDE: np.sqrt(np.einsum("nd,nd->n", gradient, gradient)), **dict(zip(AXES, gradient.T))}
            columns += [by_part[part] for part in self.parts]
        return np.column_stack(columns)


def completed(samples: Samples, coordinates: np.ndarray, covariates: Covariates | None) -> Covariates | None:
    """Return covariates at places with the gradients that some samples have; the same where they have none.

    Parameters
    ----------
    samples : Samples
        See `FieldGradients.of`.
    coordinates : ndarray, shape (n, n_dimensions)
    covariates : Covariates or None
        At the places. Columns of the same names are replaced.
    """
    gradients = FieldGradients.of(samples)
    return covariates if gradients is None else gradients.added_to(covariates, gradients.at(coordinates))
