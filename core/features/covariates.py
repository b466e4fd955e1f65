"""Covariates as numbers a drift or a network can use: transformed, standardised, one-hot; matched by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Callable

import numpy as np

from ..errors import InputError
from ..samples import Covariates

_RARE = 5
"""A class sampled less often than this is encoded like the most frequent class: its effect cannot be estimated."""


def _identity(u: np.ndarray) -> np.ndarray:
    return u


def _sqrt(u: np.ndarray) -> np.ndarray:
    return np.sign(u) * np.sqrt(np.abs(u))


def _log(u: np.ndarray) -> np.ndarray:
    return np.sign(u) * np.log1p(np.abs(u))


SHAPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {"identity": _identity, "sqrt": _sqrt, "log": _log}
"""Monotone shapes of a continuous covariate, as functions of u = (value - shift) / scale.

Values below the shift (never seen in training) follow the odd extension, so every finite value has a finite code.
"""


@dataclass(frozen=True)
class ContinuousCode:
    """Code of one continuous covariate: ``(shape((value - shift) / scale) - mean) / std``, one column."""

    name: str
    shape: str
    shift: float
    scale: float
    mean: float
    std: float

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The covariate's name, with the shape when it is not the identity."""
        return (self.name if self.shape == "identity" else f"{self.shape}({self.name})",)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the code, shape (n, 1); NaN where the value is NaN."""
        with np.errstate(invalid="ignore"):
            shaped = SHAPES[self.shape]((values - self.shift) / self.scale)
        return ((shaped - self.mean) / self.std)[:, None]

    def to_dict(self) -> dict:
        """Return the JSON object of the code."""
        return {"kind": "continuous", "name": self.name, "shape": self.shape, "shift": self.shift,
                "scale": self.scale, "mean": self.mean, "std": self.std}  # fmt: skip


@dataclass(frozen=True)
class CategoricalCode:
    """Code of one categorical covariate: a 0/1 column for each of `classes`; `reference` ones are all 0.

    Parameters
    ----------
    name : str
    classes : tuple of float
        Classes with a column of their own.
    reference : tuple of float
        The most frequent class and the classes sampled too rarely.
    """

    name: str
    classes: tuple[float, ...]
    reference: tuple[float, ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """``name=class`` for each column."""
        return tuple(f"{self.name}={value:g}" for value in self.classes)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the code, shape (n, n_classes); a NaN row where the class was never sampled or is NaN."""
        coded = (values[:, None] == np.array(self.classes)[None, :]).astype(float).reshape(len(values), -1)
        coded[~np.isin(values, np.array(self.classes + self.reference))] = np.nan
        return coded

    def to_dict(self) -> dict:
        """Return the JSON object of the code."""
        return {"kind": "categorical", "name": self.name, "classes": list(self.classes),
                "reference": list(self.reference)}  # fmt: skip


@dataclass(frozen=True)
class CovariateEncoder:
    """Codes of all covariates, fitted on training samples only.

    Parameters
    ----------
    codes : tuple of ContinuousCode or CategoricalCode
        One a covariate, in training order.
    kept : tuple of int
        Columns of the concatenated codes that are used; constant and linearly dependent ones are left out.

    Notes
    -----
    Continuous: the identity, square root or logarithm (of the value above the training minimum when that is
    negative), then standardised. With targets the shape that correlates best with them on average is taken;
    without targets the one of smallest skewness, so that the code does not depend on any target value.
    Categorical: one column for each class but the most frequent; classes with fewer than 5 samples count as
    the most frequent one.

    Examples
    --------
    >>> codes = Covariates(("soil",), np.repeat([[1.0], [2.0]], [6, 5], axis=0), (True,))
    >>> encoder = CovariateEncoder.fit(codes)
    >>> encoder.feature_names
    ('soil=2',)
    >>> encoder.encode(Covariates(("soil",), np.array([[2.0], [9.0]]), (True,)))
    array([[ 1.],
           [nan]])
    """

    codes: tuple[ContinuousCode | CategoricalCode, ...]
    kept: tuple[int, ...] = field(default=())

    @classmethod
    def fit(cls, covariates: Covariates, targets: np.ndarray | None = None) -> CovariateEncoder:
        """Fit the codes.

        Parameters
        ----------
        covariates : Covariates
            At the training samples, finite.
        targets : ndarray, shape (n_samples, n_targets), or None
            Transformed target values that choose the shape of continuous covariates; None keeps the code
            independent of the targets.

        Returns
        -------
        CovariateEncoder
        """
        codes: list[ContinuousCode | CategoricalCode] = []
        for name, is_class, column in zip(covariates.names, covariates.categorical, covariates.values.T):
            codes.append(_fit_categorical(name, column) if is_class else _fit_continuous(name, column, targets))
        whole = np.hstack([code.encode(column) for code, column in zip(codes, covariates.values.T)])
        return cls(tuple(codes), tuple(_independent_columns(whole)))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the covariates."""
        return tuple(code.name for code in self.codes)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        names = [name for code in self.codes for name in code.feature_names]
        return tuple(names[i] for i in self.kept)

    @property
    def n_features(self) -> int:
        """Number of encoded columns."""
        return len(self.kept)

    def encode(self, covariates: Covariates) -> np.ndarray:
        """Encode covariates, found by name.

        Parameters
        ----------
        covariates : Covariates
            At any locations, columns in any order, more than needed allowed.

        Returns
        -------
        ndarray, shape (n_locations, n_features)
            A row is NaN where a needed covariate is NaN or a class was never sampled.

        Raises
        ------
        InputError
            When a covariate is missing.
        """
        missing = [name for name in self.names if name not in covariates.names]
        if missing:
            raise InputError(
                f"The model needs the covariates {', '.join(self.names)}; missing: {', '.join(missing)}. "
                f"Given: {', '.join(covariates.names) or 'none'}. Add them under these names."
            )
        columns = [covariates.values[:, covariates.names.index(code.name)] for code in self.codes]
        encoded = np.hstack([code.encode(column) for code, column in zip(self.codes, columns)])
        unknown = ~np.isfinite(encoded).all(axis=1) | ~np.isfinite(np.column_stack(columns)).all(axis=1)
        encoded = encoded[:, list(self.kept)]
        encoded[unknown] = np.nan
        return encoded

    def with_known_classes(self, covariates: Covariates) -> tuple[Covariates, np.ndarray]:
        """Replace classes that were never sampled by one that is encoded like the most frequent class.

        Parameters
        ----------
        covariates : Covariates
            By name, more than needed allowed.

        Returns
        -------
        covariates : Covariates
        replaced : ndarray of bool, shape (n_locations,)
            Where a class was replaced; NaN stays.
        """
        values = covariates.values.copy()
        for code in self.codes:
            if isinstance(code, CategoricalCode):
                column = values[:, covariates.names.index(code.name)]
                strange = np.isfinite(column) & ~np.isin(column, np.array(code.classes + code.reference))
                column[strange] = code.reference[0]
        known = replace(covariates, values=values)
        return known, (np.isfinite(values) & (values != covariates.values)).any(axis=1)

    def to_dict(self) -> dict:
        """Return the JSON object of the encoder."""
        return {"codes": [code.to_dict() for code in self.codes], "kept": list(self.kept)}

    @classmethod
    def from_dict(cls, content: dict) -> CovariateEncoder:
        """Read what `to_dict` wrote.

        Raises
        ------
        KeyError
            When a part is missing.
        """
        return cls(tuple(_code_from_dict(entry) for entry in content["codes"]), tuple(content["kept"]))


def _code_from_dict(entry: dict[str, Any]) -> ContinuousCode | CategoricalCode:
    """Read one code."""
    if entry["kind"] == "categorical":
        return CategoricalCode(
            entry["name"],
            tuple(float(value) for value in entry["classes"]),
            tuple(float(value) for value in entry["reference"]),
        )
    if entry["shape"] not in SHAPES:
        raise InputError(f"Expected a covariate shape out of {', '.join(SHAPES)}, got {entry['shape']!r}.")
    return ContinuousCode(entry["name"], entry["shape"], *(float(entry[k]) for k in ("shift", "scale", "mean", "std")))


def _fit_categorical(name: str, column: np.ndarray) -> CategoricalCode:
    """Give a column to each class that is sampled often enough, except the most frequent."""
    classes, counts = np.unique(column, return_counts=True)
    frequent = classes[np.argmax(counts)]
    own = [float(value) for value, count in zip(classes, counts) if value != frequent and count >= _RARE]
    return CategoricalCode(name, tuple(own), tuple(float(value) for value in classes if float(value) not in own))


def _fit_continuous(name: str, column: np.ndarray, targets: np.ndarray | None) -> ContinuousCode:
    """Choose the shape, then standardise; a constant column gets the code 0."""
    shift = min(float(column.min()), 0.0)
    scale = float(np.median(np.abs(column - shift))) or float(np.abs(column - shift).max()) or 1.0
    best, best_merit = "identity", -np.inf
    for shape, function in SHAPES.items():
        coded = function((column - shift) / scale)
        if coded.std() <= 1e-12 * max(1.0, float(np.abs(coded).max())):
            continue
        merit = _correlation(coded, targets) if targets is not None else -_skewness(coded)
        # A curved shape must be clearly better than the straight one.
        if merit > best_merit + (0.01 if best_merit > -np.inf else 0.0):
            best, best_merit = shape, merit
    coded = SHAPES[best]((column - shift) / scale)
    spread = float(coded.std())
    if spread <= 1e-12 * max(1.0, float(np.abs(coded).max())):
        spread = 1.0
    return ContinuousCode(name, best, shift, scale, float(coded.mean()), spread)


def _correlation(coded: np.ndarray, targets: np.ndarray) -> float:
    """Mean absolute correlation with the targets that vary."""
    a = coded - coded.mean()
    b = targets - targets.mean(axis=0)
    norms = np.linalg.norm(a) * np.linalg.norm(b, axis=0)
    return float(np.mean(np.abs(a @ b) / np.where(norms > 0, norms, 1.0)))


def _skewness(coded: np.ndarray) -> float:
    """Absolute skewness."""
    a = (coded - coded.mean()) / coded.std()
    return abs(float(np.mean(a**3)))


def _independent_columns(matrix: np.ndarray, tolerance: float = 1e-6) -> list[int]:
    """Return the columns that add to the constant and the columns kept before them."""
    basis = [np.full(len(matrix), 1.0 / np.sqrt(len(matrix)))]
    kept = []
    for index, column in enumerate(matrix.T):
        rest = column.astype(float)
        for _ in range(2):  # twice is enough for Gram-Schmidt
            for direction in basis:
                rest = rest - direction * (direction @ rest)
        norm = float(np.linalg.norm(rest))
        if norm > tolerance * max(float(np.linalg.norm(column)), 1e-300):
            basis.append(rest / norm)
            kept.append(index)
    return kept
