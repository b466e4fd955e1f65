"""Samples that share a location: found, made one, and what repeats say about the error of a measurement."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .samples import Samples


def coincident_samples(coordinates: np.ndarray) -> list[np.ndarray]:
    """Find samples that share their location exactly.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)

    Returns
    -------
    list of ndarray
        For each shared location the row numbers (from 0, ascending) of its samples.

    Examples
    --------
    >>> [rows.tolist() for rows in coincident_samples(np.array([[0, 0], [1, 1], [0, 0]]))]
    [[0, 2]]
    """
    _, location, counts = np.unique(coordinates, axis=0, return_inverse=True, return_counts=True)
    location = location.reshape(-1)
    order = np.argsort(location, kind="stable")
    starts = np.cumsum(counts) - counts
    return [np.sort(order[starts[i] : starts[i] + counts[i]]) for i in np.flatnonzero(counts > 1)]


def first_coincident(samples: Samples) -> tuple[Samples, int]:
    """Keep the first of the samples at one location only; of each target the first that was measured.

    Returns
    -------
    samples : Samples
        One sample a location, in the order of first appearance.
    n_dropped : int
        How many samples were dropped; 0 returns the samples unchanged.
    """
    keep, values = np.ones(len(samples), dtype=bool), samples.values.copy()
    for rows in coincident_samples(samples.coordinates):
        keep[rows[1:]] = False
        values[rows[0]] = values[rows[samples.known[rows].argmax(axis=0)], np.arange(values.shape[1])]
    n_dropped = int((~keep).sum())
    return (replace(samples, values=values).rows(keep) if n_dropped else samples), n_dropped


def average_coincident(samples: Samples) -> tuple[Samples, int]:
    """Replace samples at one location by a single sample with their mean values.

    Each target is averaged over the samples at which it was measured. Fields are averaged as well; covariates, hole
    and depth are those of the first sample at the location.

    Returns
    -------
    samples : Samples
        One sample a location, in the order of first appearance.
    n_merged : int
        How many samples were absorbed; 0 returns the samples unchanged.
    """
    shared = coincident_samples(samples.coordinates)
    if not shared:
        return samples, 0
    values = samples.values.copy()
    measured = None if samples.fields is None else samples.fields.values.copy()
    keep = np.ones(len(samples), dtype=bool)
    for rows in shared:
        number = np.maximum((~np.isnan(values[rows])).sum(axis=0), 1)
        unknown = np.isnan(values[rows]).all(axis=0)
        values[rows[0]] = np.where(unknown, np.nan, np.nansum(values[rows], axis=0) / number)
        if measured is not None:
            measured[rows[0]] = measured[rows].mean(axis=0)
        keep[rows[1:]] = False
    fields = None if samples.fields is None or measured is None else replace(samples.fields, values=measured)
    return replace(samples, values=values, fields=fields).rows(keep), int((~keep).sum())


def repeat_variance(coordinates: np.ndarray, values: np.ndarray) -> tuple[float, int]:
    """Return the variance of repeated measurements about the mean of their location, pooled over locations.

    Half the mean squared difference of duplicates: the variance of the error of one measurement.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2 or 3)
    values : ndarray, shape (n_samples,)

    Returns
    -------
    variance : float
        In squared units of `values`; NaN where no two samples share a location.
    n_degrees : int
        Of freedom: samples at shared locations less these locations.

    References
    ----------
    Thompson, M. & Howarth, R. J. (1976). Duplicate analysis in geochemical practice. Analyst 101.

    Examples
    --------
    >>> repeat_variance(np.array([[0.0, 0.0], [0.0, 0.0], [3.0, 1.0]]), np.array([4.0, 6.0, 9.0]))
    (2.0, 1)
    """
    shared = coincident_samples(coordinates)
    n_degrees = sum(len(rows) - 1 for rows in shared)
    squares = sum(float(np.sum((values[rows] - values[rows].mean()) ** 2)) for rows in shared)
    return (squares / n_degrees if n_degrees else float("nan")), n_degrees
