"""From simulated sites to rows: kriging as a user would do it, what the network reads, what it should have said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from ...errors import InputError
from ...features.kriging_context import Described, KrigingContext
from ...kriging.ordinary import fit_kriging
from ...variogram.fit_options import FitOptions
from ...variogram.fitting import fit_variogram
from .fields import SimulatedSite

DROPPED = (0, 1, 3, 7)
"""Nearest others left out with a sample, in turn."""

MOST_DROPPED = 1
"""Nearest others left out with a sample in the rows of the training, at most; the gate sees more of them."""


@dataclass(frozen=True)
class Rows:
    """What is learned from.

    Parameters
    ----------
    tokens : ndarray of float32, shape (n, n_neighbors, n_token_columns)
    context : ndarray of float32, shape (n, n_context_columns)
    residual : ndarray of float32, shape (n,)
        (true - ordinary kriging) / kriging standard deviation.
    weight : ndarray of float32, shape (n,)
        Kriging variance over the mean squared error of kriging in the rows of its site and kind: the weighted mean of
        squared residuals is 1 for each.
    site : ndarray of int32, shape (n,)
        Number of the site.
    dropped : ndarray of int32, shape (n,)
        Nearest others left out with a left-out sample; -1 at places without a sample.
    """

    tokens: np.ndarray
    context: np.ndarray
    residual: np.ndarray
    weight: np.ndarray
    site: np.ndarray
    dropped: np.ndarray

    def __len__(self) -> int:
        return len(self.residual)

    def to_learn_from(self) -> Rows:
        """Return the rows a network is trained on: of left-out samples only those near others.

        Where samples were placed by their values, a sample whose nearest seven are left out too stands in an artificial
        gap, unlike the gaps nobody sampled.
        """
        return self.take(self.dropped <= MOST_DROPPED)

    def take(self, which: np.ndarray) -> Rows:
        """Return some rows, by index or boolean mask, shape (n_rows,)."""
        return Rows(*(getattr(self, field.name)[which] for field in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[Rows]) -> Rows:
        """Return the rows of all parts."""
        return cls(*(np.concatenate([getattr(one, field.name) for one in parts]) for field in fields(cls)))


def site_rows(site: SimulatedSite, number: int, n_left_out: int = 96) -> Rows | None:
    """Krige a site as a user would, and describe its held-out places and some of its samples, left out.

    Parameters
    ----------
    site : SimulatedSite
    number : int
        Its seed; also that of the choice of samples and of how the variogram is fitted.
    n_left_out : int

    Returns
    -------
    Rows or None
        None where no variogram can be fitted (nearly all values alike).
    """
    rng = np.random.default_rng([7, number])
    model = str(rng.choice(["exponential", "spherical"], p=[0.8, 0.2]))
    # Mostly the plugin's default, at times its cheaper relatives: users bring such variograms too, and it saves time.
    method, anisotropic = (("reml", True), ("reml", False), ("least_squares", None))[rng.choice(3, p=(0.3, 0.4, 0.3))]
    try:
        options = FitOptions(model=model, method=method, anisotropic=anisotropic)
        variogram = fit_variogram(site.coordinates, site.values, options).model
        kriging = fit_kriging(site.coordinates, site.values, variogram)
    except InputError:
        return None
    context = KrigingContext(kriging)
    parts = [_rows(context.at(site.locations), site.truth, number, -1)]
    chosen = rng.permutation(kriging.n_samples)[:n_left_out]
    for own, dropped in zip(np.array_split(chosen, len(DROPPED)), DROPPED):
        parts.append(_rows(context.left_out(own, dropped), site.values[own], number, dropped))
    return Rows.join(parts)


def _rows(described: Described, truth: np.ndarray, number: int, dropped: int) -> Rows:
    error = truth - described.estimate
    n, mean_square = len(error), max(float(np.mean(error**2)), 1e-12 * float(np.mean(described.sigma**2)))
    residual = error / described.sigma
    return Rows(
        described.tokens,
        described.context,
        residual.astype(np.float32),
        (described.sigma**2 / mean_square).astype(np.float32),
        np.full(n, number, dtype=np.int32),
        np.full(n, dropped, dtype=np.int32),
    )
