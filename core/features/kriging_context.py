"""What the pre-trained network reads: how kriging's estimate stands among the samples around it.

All numbers are relative: values in units of the kriging standard deviation or as ranks, distances in units of the
neighbourhood or through the correlation of the fitted variogram. So they do not change when values are shifted or
multiplied, or when the map is shifted or scaled. What is told of a left-out sample does not depend on its value.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np

from ..kriging.estimate import KrigingEstimate
from ..kriging.left_out import leave_out, nearest_others
from ..kriging.ordinary import FittedKriging, fit_kriging
from ..variogram.models import VariogramModel

N_NEIGHBORS = 16
"""Samples a location is described by."""

N_NEAR = 4
"""Samples whose mean distance is the local spacing."""

TOKEN_NAMES = ("value", "d_along", "d_across", "lag", "correlation", "score", "residual")
CONTEXT_NAMES = (
    # of the site, the same at every place
    "nugget_share", "n_samples", "skewness", "ties", "preference", "residual_by_spacing",
    # of the place
    "sigma", "spacing", "nearest", "farthest", "mean", "score", "local_mean", "local_spread", "local_skewness",
    "proportional", "gaussian_gap", "gaussian_spread", "score_gap", "local_residual", "local_residual_size",
)  # fmt: skip

N_SITE_COLUMNS = 6
"""Columns of the context that are the same at every place of a site."""

_NODES, _NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(9)
_NODE_WEIGHTS = _NODE_WEIGHTS / _NODE_WEIGHTS.sum()


@dataclass(frozen=True)
class Described:
    """Places as the network reads them, with what kriging says there.

    Parameters
    ----------
    tokens : ndarray of float32, shape (n, N_NEIGHBORS, len(TOKEN_NAMES))
        The nearest samples, nearest first.
    context : ndarray of float32, shape (n, len(CONTEXT_NAMES))
    estimate, sigma, smoothing_variance : ndarray, shape (n,)
        Of ordinary kriging, as in `KrigingEstimate`; sigma is its standard deviation.
    """

    tokens: np.ndarray
    context: np.ndarray
    estimate: np.ndarray
    sigma: np.ndarray
    smoothing_variance: np.ndarray

    def take(self, which: np.ndarray) -> Described:
        """Return some of the places, by index or boolean mask, shape (n_places,)."""
        return Described(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class KrigingContext:
    """Ordinary kriging as the network sees it.

    Parameters
    ----------
    kriging : FittedKriging
        Without a drift.
    """

    kriging: FittedKriging

    @property
    def coordinates(self) -> np.ndarray:
        """Places of the samples, shape (n_samples, n_dimensions), in map units."""
        return self.kriging.coordinates

    @property
    def values(self) -> np.ndarray:
        """Values of the samples, shape (n_samples,), on the scale of kriging."""
        return self.kriging.values

    @property
    def variogram(self) -> VariogramModel:
        """Variogram of the values."""
        return self.kriging.variogram

    @cached_property
    def _scores_kriging(self) -> FittedKriging:
        """Kriging of the normal scores with the weights of the values."""
        return fit_kriging(self.coordinates, self.scores, self.variogram, self.kriging.neighborhood)

    def at(self, coordinates: np.ndarray) -> Described:
        """Describe places; where kriging has no estimate, tokens and context mean nothing.

        Parameters
        ----------
        coordinates : ndarray, shape (n, n_dimensions)
        """
        coordinates = np.asarray(coordinates, dtype=float)
        result = self.kriging.predict(coordinates)
        score = self._scores_kriging.predict(coordinates).estimate
        neighbors = self._neighbors(coordinates @ self._frame.T, None)
        return self._described(coordinates, result, score, neighbors, self._residuals[neighbors])

    def left_out(self, rows: np.ndarray, n_dropped: int = 0) -> Described:
        """Describe samples as if they, and those nearest to them, had not been taken.

        Parameters
        ----------
        rows : ndarray of int, shape (n,)
        n_dropped : int
            Nearest other samples that are left out as well.
        """
        left_out = nearest_others(self.kriging, rows, min(n_dropped, self.kriging.n_samples - 3))
        coordinates = self.coordinates[rows]
        neighbors = self._neighbors(coordinates @ self._frame.T, left_out)
        found = leave_out(self.kriging, left_out, neighbors)
        counts = np.full(len(rows), self.kriging.n_samples - left_out.shape[1])
        result = KrigingEstimate(found.weights @ self.values, found.kriging_variance, counts, found.smoothing_variance)
        score = found.weights @ self.scores
        return self._described(coordinates, result, score, neighbors, found.neighbor_residuals)

    @cached_property
    def _frame(self) -> np.ndarray:
        """Matrix to offsets in units of the effective range; plain map units under a pure nugget."""
        structures = [s for s in self.variogram.structures if s.psill > 0]
        n_dimensions = self.coordinates.shape[1]
        if not structures:
            return np.eye(n_dimensions)
        return max(structures, key=lambda s: s.effective_range).scaling(n_dimensions)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import cKDTree

        return cKDTree(self.coordinates @ self._frame.T)

    @cached_property
    def _sorted(self) -> np.ndarray:
        return np.sort(self.values)

    @cached_property
    def scores(self) -> np.ndarray:
        """Normal scores of the samples, shape (n_samples,); ties share one."""
        return self._score_of(self.values)

    def _score_of(self, values: np.ndarray) -> np.ndarray:
        """Return the normal score of values among the samples; ties count half."""
        from scipy.special import ndtri

        n = len(self.values)
        below = np.searchsorted(self._sorted, values, side="left")
        up_to = np.searchsorted(self._sorted, values, side="right")
        return ndtri(np.clip(0.5 * (below + up_to), 0.5, n - 0.5) / n)

    def _value_of(self, scores: np.ndarray) -> np.ndarray:
        """Return the values with these normal scores among the samples; flat beyond their ends."""
        from scipy.special import ndtr

        n = len(self.values)
        return np.interp(ndtr(scores) * n - 0.5, np.arange(n), self._sorted)

    @cached_property
    def _residuals(self) -> np.ndarray:
        """Leave-one-out residuals in units of sigma; 0 where there is no estimate."""
        left_out = self.kriging.leave_one_out()
        return np.nan_to_num((self.values - left_out.estimate) / np.maximum(left_out.kriging_std, self._least_sigma))

    @property
    def _least_sigma(self) -> float:
        return 1e-6 * float(np.sqrt(self.variogram.sill))

    @cached_property
    def _spacing(self) -> np.ndarray:
        """Logarithm of the mean distance of each sample to its nearest others."""
        k = min(N_NEAR + 1, len(self.values))
        lags = self._tree.query(self._tree.data, k=np.arange(2, k + 1))[0]
        return np.log(np.maximum(lags.mean(axis=1), 1e-9))

    @cached_property
    def _site(self) -> np.ndarray:
        """What is told of the site as a whole, the first columns of the context."""
        from scipy.special import ndtr

        z = (self.values - self.values.mean()) / (float(np.std(self.values)) or 1.0)
        return np.array(
            [
                self.variogram.nugget / self.variogram.sill, np.log(len(z)) - 5.0, np.arcsinh(np.mean(z**3)),
                2.0 * float(ndtr(self.scores.min())), _correlation(self.scores, self._spacing),
                _correlation(np.clip(self._residuals, -3.0, 3.0), self._spacing),
            ]
        )  # fmt: skip

    def _gaussian(self, score: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and spread of the values whose normal score is normal about `score`."""
        spread = float(np.std(self.values)) or 1.0
        conditional = np.clip(sigma / spread, 0.02, 1.0)
        values = self._value_of(score[:, None] + conditional[:, None] * _NODES)
        mean = values @ _NODE_WEIGHTS
        return mean, np.sqrt(np.maximum((values - mean[:, None]) ** 2 @ _NODE_WEIGHTS, 0.0))

    def _described(
        self,
        coordinates: np.ndarray,
        result: KrigingEstimate,
        score: np.ndarray,
        neighbors: np.ndarray,
        residuals: np.ndarray,
    ) -> Described:
        """Describe places whose kriging, of values and of normal scores, is known."""
        estimate = result.estimate
        sigma = np.maximum(result.kriging_std, self._least_sigma)
        spread = float(np.std(self.values)) or 1.0
        offsets = (self.coordinates[neighbors] - coordinates[:, None]) @ self._frame.T
        lags = np.sqrt((offsets**2).sum(axis=-1))
        reach = np.maximum(lags[:, -1:], 1e-9)
        z = self.values[neighbors]
        residuals = np.clip(residuals, -4.0, 4.0)
        tokens = np.stack(
            [
                np.arcsinh((z - estimate[:, None]) / sigma[:, None]), offsets[..., 0] / reach, offsets[..., 1] / reach,
                lags / reach, self._correlation(offsets), self.scores[neighbors], residuals,
            ],
            axis=-1,
        )  # fmt: skip
        # Local statistics: the near samples count more.
        weight = np.exp(-lags / np.maximum(lags.mean(axis=1, keepdims=True), 1e-12))
        weight /= weight.sum(axis=1, keepdims=True)
        local_mean = (weight * z).sum(axis=1)
        deviation = z - local_mean[:, None]
        local_spread = np.sqrt(np.maximum((weight * deviation**2).sum(axis=1), 1e-6 * spread**2))
        gaussian_mean, gaussian_spread = self._gaussian(score, sigma)
        own_score = self._score_of(estimate)
        spacing = np.log(np.maximum(lags[:, :N_NEAR].mean(axis=1), 1e-9))
        local = np.column_stack(
            [
                np.log(sigma / spread), spacing - np.median(self._spacing), np.log(np.maximum(lags[:, 0], 1e-3)),
                np.log(reach[:, 0]), (estimate - self.values.mean()) / spread, own_score,
                np.arcsinh((local_mean - estimate) / sigma), np.log(local_spread / spread),
                np.clip((weight * deviation**3).sum(axis=1) / local_spread**3, -3.0, 3.0),
                np.log(local_spread / sigma), np.arcsinh((gaussian_mean - estimate) / sigma),
                np.log(np.maximum(gaussian_spread / sigma, 1e-2)), score - own_score,
                (weight * residuals).sum(axis=1), np.sqrt((weight * residuals**2).sum(axis=1)),
            ]
        )  # fmt: skip
        context = np.column_stack([np.tile(self._site, (len(estimate), 1)), local])
        return Described(
            _bounded(tokens), _bounded(context), estimate, result.kriging_std, result.smoothing_variance
        )

    def _neighbors(self, scaled: np.ndarray, left_out: np.ndarray | None) -> np.ndarray:
        """Return the nearest samples that are not left out, nearest first; few samples are repeated."""
        n_out = 0 if left_out is None else left_out.shape[1]
        wanted = min(N_NEIGHBORS + n_out, len(self.values))
        nearest = self._tree.query(scaled, k=np.arange(1, wanted + 1))[1].reshape(len(scaled), wanted)
        if left_out is not None:
            is_out = (nearest[:, :, None] == left_out[:, None, :]).any(axis=-1)
            nearest = np.take_along_axis(nearest, np.argsort(is_out, axis=1, kind="stable"), axis=1)
        last = max(min(N_NEIGHBORS, len(self.values) - n_out), 1) - 1
        return nearest[:, np.minimum(np.arange(N_NEIGHBORS), last)]

    def _correlation(self, offsets: np.ndarray) -> np.ndarray:
        """Return C(h) / C(0) for offsets in units of the range, shape (n, k)."""
        in_map = offsets @ np.linalg.inv(self._frame).T
        total = np.zeros(offsets.shape[:-1])
        for structure in self.variogram.structures:
            own = in_map @ structure.scaling(in_map.shape[-1]).T
            total += structure.psill * structure.correlation(np.sqrt((own**2).sum(axis=-1)))
        return total / self.variogram.sill


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the correlation of two columns; 0 where one does not vary."""
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else 0.0


def _bounded(features: np.ndarray) -> np.ndarray:
    """Keep features within what the network was trained on."""
    return np.clip(features, -8.0, 8.0).astype(np.float32)
