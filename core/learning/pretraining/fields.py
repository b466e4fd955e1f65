"""Simulated sites: fields whose structure kriging knows, and the many things it does not know, with samples of them.

A site is drawn from a seed alone. Its field begins with stationary Gaussian fields of a known variogram and may
become skewed, piecewise (domains), zero over large parts, a plume, the halo of a curved line, of uneven spread, or
lie on a trend; samples are random, regular, clustered, infilled where values are high, or along lines; measurements
may carry errors, detection limits and rounding.

References
----------
Shinozuka, M. & Jan, C.-M. (1972). Digital simulation of random processes and its applications. J. Sound Vib. 25.
Zinn, B. & Harvey, C. (2003). When good statistical models of aquifer heterogeneity go bad. Water Resour. Res. 39.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Callable

import numpy as np

from ...errors import InputError
from ...variogram.models import CORRELATIONS, Structure

N_WAVES = 384
"""Cosine waves of one Gaussian field."""

_HIGHEST_FREQUENCY = 400.0
"""Up to this frequency (radians a range) the spectra of models with compact support are tabulated."""


def gaussian_field(
    structure: Structure, coordinates: np.ndarray, rng: np.random.Generator, n_waves: int = N_WAVES
) -> np.ndarray:
    """Simulate a stationary Gaussian field of mean 0 at any places of the plane, by the sum of many random waves.

    Parameters
    ----------
    structure : Structure
        Its psill is the variance; a model out of `CORRELATIONS`.
    coordinates : ndarray, shape (n, 2)
    rng : numpy.random.Generator
    n_waves : int
        The more, the closer to Gaussian; the covariance over many fields is right for any number.

    Returns
    -------
    ndarray, shape (n,)

    Raises
    ------
    InputError
        For a model without a spectrum here, or coordinates that are not of the plane.
    """
    if structure.model not in CORRELATIONS:
        raise InputError(f"Expected a model out of {', '.join(CORRELATIONS)}, got {structure.model!r}.")
    if coordinates.ndim != 2 or coordinates.shape[1] != 2:
        raise InputError(f"Expected coordinates of shape (n, 2), got {coordinates.shape}.")
    frequencies = _frequencies(structure.model, rng.random(n_waves))
    angles = rng.uniform(0.0, 2.0 * np.pi, n_waves)
    phases = rng.uniform(0.0, 2.0 * np.pi, n_waves)
    waves = frequencies * np.array([np.cos(angles), np.sin(angles)])
    scaled = coordinates @ structure.scaling(2).T
    # Single precision halves the time; its error is far below that of the sum.
    arguments = (scaled @ waves).astype(np.float32)
    arguments += phases.astype(np.float32)
    return np.sqrt(2.0 * structure.psill / n_waves) * np.cos(arguments, out=arguments).sum(axis=1, dtype=float)


def _frequencies(model: str, share: np.ndarray) -> np.ndarray:
    """Return the radial frequencies, in radians a range, below which these shares of the variance lie."""
    if model == "exponential":
        return 3.0 * np.sqrt(1.0 / (1.0 - share) ** 2 - 1.0)
    if model == "gaussian":
        return np.sqrt(-12.0 * np.log1p(-share))
    shares, frequencies = _spectrum(model)
    # Beyond the table a spectrum in the plane falls like that of a field with a linear variogram.
    beyond = _HIGHEST_FREQUENCY * (1.0 - shares[-1]) / np.maximum(1.0 - share, 1e-6)
    return np.where(share > shares[-1], beyond, np.interp(share, shares, frequencies))


@lru_cache(maxsize=8)
def _spectrum(model: str) -> tuple[np.ndarray, np.ndarray]:
    """Tabulate the share of the variance below a frequency w: w times the integral of C(r) J1(w r)."""
    from scipy.special import j1

    frequencies = np.append(0.0, np.geomspace(0.05, _HIGHEST_FREQUENCY, 400))
    lags = (np.arange(8000) + 0.5) / 8000
    shares = frequencies * (j1(frequencies[:, None] * lags) @ CORRELATIONS[model](lags)) / len(lags)
    return np.maximum.accumulate(np.clip(shares, 0.0, 1.0)), frequencies


@dataclass(frozen=True)
class SimulatedSite:
    """Samples of a simulated field, and what it is elsewhere.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2)
    values : ndarray, shape (n_samples,)
        As measured.
    locations : ndarray, shape (n_locations, 2)
        Places without a sample: half of them drawn as the samples are, half anywhere.
    truth : ndarray, shape (n_locations,)
        What a measurement there would give.
    description : str
        Kind of field and of sampling.
    """

    coordinates: np.ndarray
    values: np.ndarray
    locations: np.ndarray
    truth: np.ndarray
    description: str


def simulate_site(seed: int, n_locations: int = 96, kind: str | None = None) -> SimulatedSite:
    """Draw a site.

    Parameters
    ----------
    seed : int
        The same seed gives the same site.
    n_locations : int
    kind : str or None
        Kind of field out of `FIELDS`; None draws one.

    Returns
    -------
    SimulatedSite

    Raises
    ------
    InputError
        For an unknown kind.
    """
    if kind is not None and kind not in FIELDS:
        raise InputError(f"Expected a kind of field out of {', '.join(FIELDS)}, got {kind!r}.")
    rng = np.random.default_rng([20261122, seed])
    chosen = kind or str(rng.choice(list(FIELDS), p=_FREQUENCY / _FREQUENCY.sum()))
    n_samples = int(np.exp(rng.uniform(np.log(50), np.log(600))))
    sides = np.array([1.0, rng.uniform(0.5, 1.0)])
    # The design may look at the field, so the field is drawn at all places that could be chosen.
    places = rng.random((4 * n_samples + 2 * n_locations, 2)) * sides
    design = str(rng.choice(list(_DESIGNS), p=[0.27, 0.2, 0.15, 0.28, 0.1]))
    places, suited = _DESIGNS[design](places, sides, n_samples, rng)
    field = FIELDS[chosen](places, sides, rng)
    field = _reshaped(field, rng)
    measured = _measured(field, rng)
    preference = suited * np.exp(rng.uniform(1.0, 5.0) * _ranks(field)) if design == "infilled" else suited
    is_free = preference > 0
    chance = preference / preference.sum()
    order = rng.choice(len(places), min(n_samples + n_locations // 2, int(is_free.sum())), replace=False, p=chance)
    n_samples = min(n_samples, len(order) - n_locations // 2)
    samples, like_samples = order[:n_samples], order[n_samples:]
    rest = np.setdiff1d(np.arange(len(places)), order)
    anywhere = rng.choice(rest, n_locations - len(like_samples), replace=False)
    held_out = np.concatenate([like_samples, anywhere])
    return SimulatedSite(
        places[samples], measured[samples], places[held_out], measured[held_out], f"{chosen}, {design}"
    )


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks between 0 and 1."""
    return np.argsort(np.argsort(values)) / len(values)


# --- where samples lie: places, and the chance of each to be sampled ---


def _random(places, sides, n, rng):  # type: ignore[no-untyped-def]
    return places, np.ones(len(places))


def _regular(places, sides, n, rng):  # type: ignore[no-untyped-def]
    """Replace the first places by a grid with jitter; only they and a few others are sampled."""
    step = np.sqrt(sides.prod() / n)
    axes = [np.arange(0.5 * step, side, step) for side in sides]
    grid = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)
    grid = grid + rng.uniform(0.0, 0.45) * step * rng.uniform(-1.0, 1.0, grid.shape)
    chance = np.full(len(grid) + len(places), 0.02)
    chance[: len(grid)] = 1.0
    return np.vstack([grid, places]), chance


def _infilled(places, sides, n, rng):  # type: ignore[no-untyped-def]
    """Leave the choice to the values (`simulate_site`), or take a coarse grid first."""
    if rng.random() < 0.4:
        return _random(places, sides, n, rng)
    grid, chance = _regular(places, sides, int(rng.uniform(0.25, 0.6) * n), rng)
    return grid, np.where(chance == 1.0, 1e3, 1.0)


def _clustered(places, sides, n, rng):  # type: ignore[no-untyped-def]
    centers = rng.random((rng.integers(4, 30), 2)) * sides
    distance = np.sqrt(((places[:, None] - centers) ** 2).sum(axis=-1)).min(axis=1)
    return places, np.exp(-0.5 * (distance / rng.uniform(0.03, 0.12)) ** 2) + rng.uniform(0.01, 0.2)


def _lines(places, sides, n, rng):  # type: ignore[no-untyped-def]
    """Move three quarters of the places onto parallel lines."""
    n_lines = int(rng.integers(5, 16))
    moved = places.copy()
    on_line = rng.random(len(places)) < 0.75
    line = np.round(moved[:, 1] / sides[1] * n_lines - 0.5)
    moved[on_line, 1] = ((line + 0.5) * sides[1] / n_lines)[on_line]
    return moved, np.where(on_line, 1.0, 0.05)


_DESIGNS: dict[str, Callable] = {
    "random": _random, "regular": _regular, "clustered": _clustered, "infilled": _infilled, "lines": _lines
}  # fmt: skip


# --- fields ---


def _structure(rng: np.random.Generator, low: float = 0.08, high: float = 1.5) -> Structure:
    """Draw a structure of variance 1, its range in units of the longer side."""
    model = str(rng.choice(["exponential", "spherical", "gaussian", "cubic"], p=[0.4, 0.35, 0.1, 0.15]))
    ratio = 1.0 if rng.random() < 0.4 else float(rng.uniform(0.25, 1.0))
    reach = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    return Structure(model, 1.0, reach, azimuth=float(rng.uniform(0.0, 180.0)), ratio_minor=ratio)


def _stationary(places, sides, rng):  # type: ignore[no-untyped-def]
    """Draw one field, or two nested ones."""
    field = gaussian_field(_structure(rng), places, rng)
    if rng.random() < 0.35:
        share = rng.uniform(0.2, 0.8)
        other = gaussian_field(_structure(rng, 0.03, 0.3), places, rng)
        field = np.sqrt(share) * field + np.sqrt(1.0 - share) * other
    return field


def _lognormal(places, sides, rng):  # type: ignore[no-untyped-def]
    return np.exp(rng.uniform(0.4, 1.4) * _stationary(places, sides, rng))


def _squared(places, sides, rng):  # type: ignore[no-untyped-def]
    """Add squares of Gaussian fields: chi-square, shifted."""
    structure = _structure(rng)
    n = int(rng.integers(1, 4))
    return sum((gaussian_field(structure, places, rng) + rng.uniform(0.0, 1.0)) ** 2 for _ in range(n))


def _with_zeros(places, sides, rng):  # type: ignore[no-untyped-def]
    """Leave nothing below a threshold, and a power of the excess above it."""
    latent = _stationary(places, sides, rng)
    return np.maximum(latent - np.quantile(latent, rng.uniform(0.02, 0.4)), 0.0) ** rng.uniform(0.8, 2.2)


def _domains(places, sides, rng):  # type: ignore[no-untyped-def]
    """Cut two to four domains from one or two Gaussian fields, each with a level and a spread."""
    first = gaussian_field(_structure(rng, 0.25), places, rng)
    second = gaussian_field(_structure(rng, 0.25), places, rng)
    domain = (first > np.quantile(first, rng.uniform(0.25, 0.75))).astype(int)
    if rng.random() < 0.5:
        domain = domain + 2 * (second > np.quantile(second, rng.uniform(0.25, 0.75)))
    levels, spreads = rng.normal(0.0, rng.uniform(0.7, 2.0), 4), np.exp(rng.normal(0.0, 0.5, 4))
    return levels[domain] + spreads[domain] * _stationary(places, sides, rng)


def _plume(places, sides, rng):  # type: ignore[no-untyped-def]
    """Add sources with halos that are long in one direction to a background."""
    total = np.zeros(len(places))
    angle = rng.uniform(0.0, np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    for _ in range(rng.integers(1, 7)):
        offset = (places - rng.random(2) * sides) @ turn.T
        size = np.exp(rng.uniform(np.log(0.04), np.log(0.25))) * np.array([1.0, rng.uniform(0.25, 1.0)])
        distance = np.sqrt(((offset / size) ** 2).sum(axis=1))
        total += np.exp(rng.normal(0.0, 0.7)) * np.exp(-(distance ** rng.uniform(0.8, 2.0)))
    background = np.exp(rng.uniform(0.2, 0.8) * _stationary(places, sides, rng))
    return total * background ** rng.uniform(0.0, 1.0) + rng.uniform(0.02, 0.3) * background


def _on_trend(places, sides, rng):  # type: ignore[no-untyped-def]
    """Lay a field on a plane or a paraboloid."""
    x = 2.0 * places / sides - 1.0
    columns = np.column_stack([x, x**2, x[:, :1] * x[:, 1:]])
    weights = rng.normal(size=5) * np.array([1.0, 1.0, 0.5, 0.5, 0.5])
    return rng.uniform(0.3, 2.0) * columns @ weights + _stationary(places, sides, rng)


def _connected(places, sides, rng):  # type: ignore[no-untyped-def]
    """Let low (or high) values form connected strings."""
    latent = np.abs(gaussian_field(_structure(rng, 0.15), places, rng))
    return (1.0 if rng.random() < 0.5 else -1.0) * np.log(np.maximum(latent, 1e-3)) + 0.3 * _stationary(
        places, sides, rng
    )


def _uneven(places, sides, rng):  # type: ignore[no-untyped-def]
    """Let the spread vary from place to place."""
    spread = np.exp(rng.uniform(0.3, 1.0) * gaussian_field(_structure(rng, 0.3), places, rng))
    return spread * (_stationary(places, sides, rng) + rng.uniform(0.0, 2.0))


def _halo(places, sides, rng):  # type: ignore[no-untyped-def]
    """Fall off from a winding line, as along a river or a vein."""
    along = np.linspace(-0.5, 1.5, 400)
    latent = gaussian_field(Structure("gaussian", 1.0, float(rng.uniform(0.3, 1.0))),
                            np.column_stack([along, np.zeros(400)]), rng)  # fmt: skip
    line = np.column_stack([along, rng.uniform(0.2, 0.8) * sides[1] + rng.uniform(0.05, 0.25) * latent])
    angle = rng.uniform(0.0, 2.0 * np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    turned = (places - sides / 2) @ turn.T + sides / 2
    distance = np.sqrt(((turned[:, None] - line) ** 2).sum(axis=-1)).min(axis=1)
    level = np.exp(-distance / rng.uniform(0.03, 0.3))
    return 2.0 * level * np.exp(rng.uniform(0.0, 0.6) * _stationary(places, sides, rng)) + rng.uniform(
        0.1, 0.6
    ) * _stationary(places, sides, rng)


def _noise(places, sides, rng):  # type: ignore[no-untyped-def]
    """Have no structure at all."""
    return rng.normal(size=len(places))


FIELDS: dict[str, Callable] = {
    "stationary": _stationary, "lognormal": _lognormal, "squared": _squared, "zeros": _with_zeros,
    "domains": _domains, "plume": _plume, "trend": _on_trend, "connected": _connected, "uneven": _uneven,
    "halo": _halo, "noise": _noise,
}  # fmt: skip
"""Kinds of fields by name."""

_FREQUENCY = np.array([2.0, 1.5, 1.0, 1.5, 1.5, 1.0, 1.0, 0.7, 1.2, 1.0, 0.4])


def _reshaped(field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the field on the scale somebody would krige: as it is, as logarithms, square roots, or upside down."""
    share = rng.random()
    if share < 0.2 and field.min() >= 0:
        floor = 1e-3 * field.std() + field.min()
        return np.log(np.maximum(field, floor)) if share < 0.12 else np.sqrt(field)
    return -field if share > 0.93 else field


def _measured(field: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Add errors of measurement and of sampling, detection limits, and rounding."""
    spread = field.std()
    error = spread * rng.uniform(0.0, 0.8) * rng.normal(size=len(field)) if rng.random() < 0.7 else 0.0
    if rng.random() < 0.25 and field.min() >= 0:
        measured = field * np.exp(rng.uniform(0.05, 0.5) * rng.normal(size=len(field)))
    elif field.min() >= 0:
        # Where values are small, so are their errors.
        measured = np.maximum(field + error * np.sqrt(np.clip(field / field.mean(), 0.0, 3.0)), 0.0)
    else:
        measured = field + error
    if rng.random() < 0.15:
        limit = np.quantile(measured, rng.uniform(0.02, 0.3))
        measured = np.maximum(measured, limit)
    if rng.random() < 0.2:
        step = spread * rng.uniform(0.02, 0.2)
        measured = step * np.round(measured / step)
    return measured
