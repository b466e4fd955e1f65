"""Geometric anisotropy: as a frame in which lags are isotropic, and estimated from variograms by direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ..errors import InputError
from .direction import Direction
from .experimental import ExperimentalVariogram, experimental_variogram
from .models import Structure, VariogramModel

N_AZIMUTHS = 8
"""Directions in which an anisotropy is looked for, evenly over the half circle."""

DIRECTIONAL_PAIRS = 2_000_000
"""Largest number of pairs that variograms by direction use."""

_DIRECTIONAL_LAGS = 10
_LEAST_RATIO = 0.05


@dataclass(frozen=True)
class Anisotropy:
    """Orientation and ratios, as in `Structure`.

    Parameters
    ----------
    azimuth, dip, plunge : float
        In degrees.
    ratio_minor, ratio_vertical : float
        Range across and up, divided by the range along; above 0.

    Raises
    ------
    InputError
        For a number out of range.

    Examples
    --------
    >>> Anisotropy(90.0, ratio_minor=0.5).stretched(np.array([[-3.0, -4.0], [3.0, 4.0]])).round(9)
    array([[-3.,  8.],
           [ 3., -8.]])
    """

    azimuth: float = 0.0
    dip: float = 0.0
    plunge: float = 0.0
    ratio_minor: float = 1.0
    ratio_vertical: float = 1.0

    def __post_init__(self) -> None:
        self._structure()

    @classmethod
    def of(cls, structure: Structure) -> Anisotropy:
        """Return the anisotropy of a structure."""
        return cls(
            structure.azimuth, structure.dip, structure.plunge, structure.ratio_minor, structure.ratio_vertical
        )

    @property
    def is_isotropic(self) -> bool:
        """Whether all directions are alike."""
        return self.ratio_minor == 1.0 and self.ratio_vertical == 1.0

    def stretched(self, coordinates: np.ndarray) -> np.ndarray:
        """Return coordinates about their mean in which lags are as along the azimuth, shape of the coordinates."""
        coordinates = np.asarray(coordinates, dtype=float)
        if self.is_isotropic:
            return coordinates
        return (coordinates - coordinates.mean(axis=0)) @ self._structure().scaling(coordinates.shape[1]).T

    def on(self, model: VariogramModel) -> VariogramModel:
        """Return an isotropic model with this anisotropy."""
        return replace(model, structures=tuple(replace(one, **asdict(self)) for one in model.structures))

    def principal_directions(self, n_dimensions: int) -> list[tuple[Direction, float]]:
        """Return the directions along, across and (3-D) up, with the ratio of the range in each.

        With a dip or plunge only those that a horizontal or vertical direction is close to are given.
        """
        found = [(Direction(self.azimuth % 180.0, self.dip), 1.0)]
        if self.plunge == 0:
            found.append((Direction((self.azimuth + 90.0) % 180.0), self.ratio_minor))
            if n_dimensions == 3 and self.dip == 0:
                found.append((Direction(0.0, 90.0), self.ratio_vertical))
        return found

    def _structure(self) -> Structure:
        return Structure("exponential", 1.0, 1.0, **asdict(self))


def directional_variograms(
    coordinates: np.ndarray,
    values: np.ndarray,
    directions: Sequence[Direction],
    n_lags: int = _DIRECTIONAL_LAGS,
    max_lag: float | None = None,
    estimator: str = "matheron",
    seed: int = 0,
) -> list[ExperimentalVariogram]:
    """Compute the experimental variogram of each direction that has pairs.

    In 3-D vertical lags reach up to half the vertical extent, the others up to `max_lag`.

    Parameters
    ----------
    coordinates, values, n_lags, max_lag, estimator, seed
        See `experimental_variogram`; of many pairs `DIRECTIONAL_PAIRS` are drawn.
    directions : sequence of Direction
    """
    coordinates = np.asarray(coordinates, dtype=float)
    extent = np.ptp(coordinates, axis=0)
    level = float(np.linalg.norm(extent[:2])) / 3.0 if max_lag is None else max_lag
    found = []
    for direction in directions:
        reach = 0.5 * float(extent[-1]) if abs(direction.dip) == 90 else level
        if reach <= 0:
            continue
        try:
            table = experimental_variogram(
                coordinates, values, n_lags=n_lags, max_lag=reach, estimator=estimator, direction=direction,
                max_pairs=DIRECTIONAL_PAIRS, seed=seed,
            )  # fmt: skip
        except InputError:
            continue  # no pair in this direction
        found.append(table)
    return found


def estimated_anisotropies(coordinates: np.ndarray, values: np.ndarray, seed: int = 0) -> list[Anisotropy]:
    """Estimate geometric anisotropies from variograms by direction.

    One exponential model, whose range depends on the direction, is fitted to the variograms of all
    directions at once, lags weighted by pairs / lag^2.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)
        Transformed values, or residuals from a drift.
    seed : int

    Returns
    -------
    list of Anisotropy
        In 2-D an azimuth with its ratio; in 3-D the vertical ratio alone, and all. Empty where there
        are too few lags, or the samples lie in a line.

    References
    ----------
    Isaaks, E. H. & Srivastava, R. M. (1989). An Introduction to Applied Geostatistics, ch. 16.
    """
    from scipy.optimize import least_squares

    n_dimensions = coordinates.shape[1]
    azimuths = 180.0 / N_AZIMUTHS * np.arange(N_AZIMUTHS)
    horizontal = [Direction(float(azimuth), tolerance=22.5) for azimuth in azimuths]
    vertical = [Direction(0.0, 90.0)] if n_dimensions == 3 else []
    tables = directional_variograms(coordinates, values, [*horizontal, *vertical], seed=seed)
    if len(tables) < 3 or sum(len(table.lags) for table in tables) < 12:
        return []
    vectors = np.concatenate([table.lags[:, None] * _unit(table, n_dimensions) for table in tables])
    lags = np.concatenate([table.lags for table in tables])
    semivariances = np.concatenate([table.semivariances for table in tables])
    pairs = np.concatenate([table.pair_counts for table in tables])
    unit_gamma = float(np.average(semivariances, weights=pairs))
    level = max(float(table.max_lag) for table in tables)
    weights = np.sqrt(pairs) / np.maximum(lags, 0.1 * np.median(lags))
    # Vertical lags are shorter: weights by lag alone would leave the horizontal ones nothing to say.
    is_up = np.abs(vectors[:, -1]) > 0.7 * lags if n_dimensions == 3 else np.zeros(len(lags), dtype=bool)
    for part in (is_up, ~is_up):
        if part.any():
            weights[part] /= np.linalg.norm(weights[part])

    def misfit(numbers: np.ndarray, turned: bool) -> np.ndarray:
        nugget, psill, log_range, azimuth, log_minor, log_vertical = numbers
        frame = Anisotropy(
            azimuth if turned else 0.0,
            ratio_minor=float(np.exp(log_minor)) if turned else 1.0,
            ratio_vertical=float(np.exp(log_vertical)) if n_dimensions == 3 else 1.0,
        )
        scaled = np.linalg.norm(vectors @ frame._structure().scaling(n_dimensions).T, axis=1) / np.exp(log_range)
        return weights * (nugget + psill * (1.0 - np.exp(-3.0 * scaled)) - semivariances / unit_gamma)

    def fitted(turned: bool) -> Anisotropy | None:
        best = None
        flatness = float(np.ptp(coordinates[:, -1]) / level) if n_dimensions == 3 else 1.0
        for azimuth in (azimuths[::2] if turned else [0.0]):
            for log_vertical in np.log(flatness * np.array([0.2, 1.0]) if n_dimensions == 3 else [1.0]):
                start = [0.2, 0.8, np.log(0.5 * level), azimuth, np.log(0.6), log_vertical]
                low = [0.0, 0.0, np.log(1e-3 * level), -720.0, np.log(_LEAST_RATIO), np.log(1e-5)]
                high = [3.0, 10.0, np.log(20.0 * level), 720.0, np.log(1.0 / _LEAST_RATIO), np.log(100.0)]
                solved = least_squares(
                    misfit, start, bounds=(low, high), args=(turned,), x_scale=[1, 1, 1, 30, 1, 1], max_nfev=200
                )
                if best is None or solved.cost < best.cost:
                    best = solved
        if best is None or (not best.success and best.status < 0):
            return None
        _, _, _, azimuth, log_minor, log_vertical = best.x
        minor = float(np.exp(log_minor)) if turned else 1.0
        up = float(np.exp(log_vertical)) if n_dimensions == 3 else 1.0
        if minor > 1.0:  # the range across is the longer one
            azimuth, minor, up = azimuth + 90.0, 1.0 / minor, up / minor
        return Anisotropy(float(azimuth % 180.0) if minor != 1.0 else 0.0, 0.0, 0.0, minor, up)

    found = [fitted(False)] if n_dimensions == 3 else []
    found.append(fitted(True))
    return [one for one in found if one is not None and not one.is_isotropic]


def _unit(table: ExperimentalVariogram, n_dimensions: int) -> np.ndarray:
    """Return the unit vector of a variogram's direction."""
    if table.direction is None:
        raise ValueError("Expected a variogram of one direction.")
    return table.direction.unit(n_dimensions)
