"""Rasters computed block by block, so that memory does not grow with the raster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Callable

import numpy as np

from .grid import Block, RasterGrid
from .progress import IsCancelled, Progress, never, silent, stop_if

LARGEST = float(np.finfo(np.float32).max)
"""Maps are stored as Float32: what is larger has no place in one."""


def predict_blocks(
    grid: RasterGrid,
    predict: Callable[[Block], Mapping[str, np.ndarray]],
    write: Callable[[str, Block, np.ndarray], None],
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    block_size: int = 256,
    cells_at_once: int = 8192,
) -> dict[str, int]:
    """Compute maps over a grid and hand them on, one square block after the other, level by level.

    Parameters
    ----------
    grid : RasterGrid
        Of a block model all levels are computed, those of one block before those of the next.
    predict : callable
        Given a part of the grid of at most `cells_at_once` cells (at least one row), returns for each
        map its values, shape (n_cells,) or (n_cells, n_bands), in the order of ``grid.centers``; NaN
        where there is no estimate. Numbers beyond `LARGEST` are taken for NaN, too.
    write : callable
        Given the name of a map, a block with its elevation and the values, shape (n_bands, n_rows,
        n_columns).
    progress, is_cancelled : callables
        Asked after every part.
    block_size : int
        Side of the blocks written, in cells.
    cells_at_once : int
        Most cells predicted in one call.

    Returns
    -------
    dict of str to int
        For each map, how many cells have no value in any band.

    Raises
    ------
    Cancelled
        When the user asked to stop.
    """
    missing: dict[str, int] = {}
    done = 0
    for block in _blocks(grid, block_size):
        maps: dict[str, list[np.ndarray]] = {}
        for strip in _strips(block, cells_at_once):
            stop_if(is_cancelled)
            for name, values in predict(strip).items():
                columns = _storable(values).reshape(strip.n_rows, strip.n_columns, -1)
                maps.setdefault(name, []).append(columns)
                without = int(np.isnan(columns).all(axis=2).sum())
                missing[name] = missing.get(name, 0) + without
            done += strip.n_rows * strip.n_columns
            progress(done / grid.n_nodes, "")
        for name, strips in maps.items():
            write(name, block, np.moveaxis(np.concatenate(strips, axis=0), 2, 0))
    return missing


def _storable(values: np.ndarray) -> np.ndarray:
    """Return values with NaN for those too large to be stored."""
    is_too_large = np.abs(values) > LARGEST
    return np.where(is_too_large, np.nan, values) if is_too_large.any() else values


def _blocks(grid: RasterGrid, size: int) -> Iterator[Block]:
    """Yield every level of a block before the next block."""
    for block in grid.blocks(size):
        for elevation in grid.elevations:
            yield replace(block, elevation=elevation)


def _strips(block: Block, cells_at_once: int) -> Iterator[Block]:
    """Yield whole rows of a block, as many at a time as there may be cells."""
    height = max(1, cells_at_once // block.n_columns)
    for row in range(0, block.n_rows, height):
        yield replace(block, row=block.row + row, n_rows=min(height, block.n_rows - row))
