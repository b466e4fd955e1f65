"""The weights of the samples in a moving neighbourhood, where they themselves are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from .estimate import Reason
from .functionals import Functional
from .local_drift import TileFrames, solve_gram
from .moving_tiles import LARGEST_PART
from .restricted import restricted_batches
from .tiles import TileBatch, neighbors_of_each, tile_batches

if TYPE_CHECKING:
    from .moving import MovingSystem


def positive_weights(
    system: MovingSystem, targets: np.ndarray, columns: np.ndarray, functional: Functional
) -> np.ndarray:
    """Return the sum of each target's positive weights, shape (n_targets,); NaN without an estimate.

    The parameters are those of `predict`.
    """
    result = np.full(len(targets), np.nan)
    search, scaled = system.search, system.search.scale(targets)
    marked: Iterable[tuple[TileBatch, np.ndarray, np.ndarray]]
    if search.neighborhood.is_restricted:
        marked = (
            (batch, (batch.candidates < search.n_samples)[:, None, :], is_thin)
            for batch, is_thin in restricted_batches(scaled, search)
        )
    else:
        marked = (
            (batch, neighbors_of_each(batch, scaled, search), np.zeros(len(batch.targets), dtype=bool))
            for batch in tile_batches(scaled, search)
        )
    for batch, is_neighbor, is_thin in marked:
        n_tiles, n_targets, n_candidates = is_neighbor.shape
        step = max(1, LARGEST_PART // (n_targets * n_candidates))
        for start in range(0, n_tiles, step):
            part = slice(start, start + step)
            rows = batch.targets[part].ravel()
            mask = is_neighbor[part].reshape(-1, n_candidates)
            reason = search.reasons(np.count_nonzero(mask, axis=1), np.repeat(is_thin[part], n_targets))
            candidates = np.repeat(batch.candidates[part], n_targets, axis=0)
            known = reason == Reason.ESTIMATED
            for few in _even_parts(np.flatnonzero(known), np.count_nonzero(mask, axis=1)):
                some = rows[few]
                weights = _weights(system, targets[some], columns[some], candidates[few], mask[few], functional)
                result[some] = np.maximum(weights, 0.0).sum(axis=1)
    return result


def _weights(
    system: MovingSystem,
    targets: np.ndarray,
    columns: np.ndarray,
    candidates: np.ndarray,
    mask: np.ndarray,
    functional: Functional,
) -> np.ndarray:
    """Return the weights of each target's neighbours, in the order of the table and then 0."""
    counts = np.count_nonzero(mask, axis=1)
    order = np.argsort(~mask, axis=1, kind="stable")[:, : counts.max()]
    used = np.where(np.take_along_axis(mask, order, axis=1), np.take_along_axis(candidates, order, axis=1), 0)
    is_there = np.arange(used.shape[1]) < counts[:, None]
    points = system.samples.points[used]
    matrix = system.covariance.between(points, points)
    system.samples.share_nugget(matrix, points)
    matrix *= is_there[:, :, None] & is_there[:, None, :]
    diagonal = np.arange(points.shape[1])
    matrix[:, diagonal, diagonal] = np.where(is_there, system.sill, 1.0)
    at_target = functional.between(system.covariance, targets[:, None, :], points)[:, 0] * is_there
    known = is_there[:, :, None].astype(float)
    at_known = np.full((len(targets), 1), functional.constant)
    if system.has_local_drift:
        frames = TileFrames.of(system.samples.columns[used][..., 1:], is_there)
        known = known * frames.columns(system.samples.columns[used][..., 1:])
        at_known = frames.columns(columns[:, None, 1:])[:, 0]
    solution = np.linalg.solve(matrix, np.concatenate([at_target[:, :, None], known], axis=2))
    weights, of_known = solution[..., 0], solution[..., 1:]
    if not system.has_mean:
        return weights
    lacking = at_known - np.einsum("ijc,ij->ic", known, weights)
    terms, is_determined = solve_gram(np.swapaxes(known, 1, 2) @ of_known, lacking, at_known)
    weights = weights + np.einsum("ijc,ic->ij", of_known, terms)
    weights[~is_determined] = np.nan
    return weights


def _even_parts(rows: np.ndarray, counts: np.ndarray) -> Iterator[np.ndarray]:
    """Split rows into parts whose systems, of so many neighbours, fit the memory."""
    if len(rows) == 0:
        return
    step = max(1, 2 * LARGEST_PART // int(counts[rows].max()) ** 2)
    for start in range(0, len(rows), step):
        yield rows[start : start + step]
