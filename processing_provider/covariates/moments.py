"""Moments of the many bands of a raster: means and covariances of spectra."""

from __future__ import annotations

from typing import Optional

import numpy as np

from ...core.features.spectra import BandMoments
from ...core.grid import Block, RasterGrid
from ...core.progress import IsCancelled, Progress, never, silent, stop_if
from ..identity import tr
from ..rasters import RasterSource, WarpedBands
from .stack import CovariateStack

NUMBERS_AT_ONCE = 2**23
"""Most numbers of all bands that are held at once."""


def band_moments(
    source: RasterSource,
    grid: RasterGrid,
    mask: Optional[CovariateStack] = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> BandMoments:
    """Return the moments of all bands of a raster on its own grid, each pixel read once.

    Parameters
    ----------
    source : RasterSource
    grid : RasterGrid
    mask : CovariateStack, optional
        Pixels where its first member is 0 or unknown take no part.
    progress, is_cancelled : callables
    """
    n_bands = len(source.band_names())
    bands = WarpedBands(source, range(1, n_bands + 1), grid, nearest=False)
    wanted = mask.with_categorical(mask.names[:1]).on(grid) if mask is not None and mask.members else None
    moments, done = BandMoments.none(n_bands), 0
    for piece in bands.parts(Block(0, 0, *grid.shape), max(1, NUMBERS_AT_ONCE // n_bands)):
        stop_if(is_cancelled)
        values = bands.read(piece, np.float32 if bands.is_float32 else np.float64)
        if wanted is not None:
            chosen = wanted.block(piece).values[:, 0]
            values = values[np.isfinite(chosen) & (chosen != 0)]
        moments = moments.merged(BandMoments.of(values))
        done += piece.n_rows * piece.n_columns
        progress(done / grid.n_cells, tr("Reading the bands"))
    return moments
