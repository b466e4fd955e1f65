"""Prediction on a raster grid, block by block, so that memory does not grow with the raster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

import numpy as np

from ..grid import Block, RasterGrid
from ..progress import IsCancelled, Progress, never, silent, stop_if
from ..samples import Covariates
from .hybrid import Prediction

Predict = Callable[[np.ndarray, "Covariates | None"], Prediction]
"""Coordinates (n, 2) and covariates -> Prediction."""

ReadCovariates = Callable[[Block], "Covariates | None"]
"""Covariates at the cell centres of a block, row by row from the top-left; NaN for nodata."""


def predict_grid(
    grid: RasterGrid,
    predict: Predict,
    read_covariates: ReadCovariates | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
    block_size: int = 128,
) -> Iterator[tuple[Block, dict[str, np.ndarray]]]:
    """Predict the blocks of a grid one after the other.

    Parameters
    ----------
    grid : RasterGrid
    predict : Predict
        Such as ``TrainedModel.predict``.
    read_covariates : ReadCovariates or None
        None for a model without covariates.
    progress : Progress
    is_cancelled : IsCancelled
        Asked before every block.
    block_size : int
        Rows and columns of a block; edge blocks are smaller.

    Yields
    ------
    block : Block
    arrays : dict of str to ndarray, shape (n_targets, n_rows, n_columns)
        ``estimate``, ``lower``, ``upper`` and ``kriging_variance`` in data units; NaN where there is no estimate.

    Raises
    ------
    Cancelled
        When the user asked to stop.
    """
    done = 0
    for block in grid.blocks(block_size):
        stop_if(is_cancelled)
        covariates = None if read_covariates is None else read_covariates(block)
        result = predict(grid.centers(block), covariates)
        shape = (-1, block.n_rows, block.n_columns)
        yield block, {
            name: getattr(result, name).T.reshape(shape)
            for name in ("estimate", "lower", "upper", "kriging_variance")
        }
        done += block.n_rows * block.n_columns
        progress(done / grid.n_cells, f"{done:,} of {grid.n_cells:,} cells")
