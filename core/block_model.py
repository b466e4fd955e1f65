"""Block models as files that other packages read: CSV with a row a block, VTK images for 3-D viewers."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np

from .errors import BackendMissing, InputError

PLACE = ("x", "y", "z")
"""Columns with the centre of a block: easting, northing, elevation."""


class BlockTable:
    """Writes blocks into a CSV file (UTF-8, commas, points), those without any value left out.

    Parameters
    ----------
    file : text stream
    names : sequence of str
        Quantities, a column each.

    Raises
    ------
    InputError
        When a quantity is called like a column of the place.

    Examples
    --------
    >>> import io
    >>> table = BlockTable(text := io.StringIO(), ["zinc"])
    >>> table.add(np.array([[10.0, 20.0, -5.0], [30.0, 20.0, -5.0]]), np.array([[np.nan], [0.1]], dtype=np.float32))
    >>> text.getvalue().split(), table.n_written
    (['x,y,z,zinc', '30,20,-5,0.1'], 1)
    """

    def __init__(self, file: TextIO, names: Sequence[str]) -> None:
        taken = sorted(set(names) & set(PLACE))
        if taken:
            raise InputError(
                f"A quantity cannot be called {' or '.join(taken)}, which are columns of the place. Rename its band."
            )
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow([*PLACE, *names])
        self.n_written = 0

    def add(self, centers: np.ndarray, values: np.ndarray) -> None:
        """Write some blocks.

        Parameters
        ----------
        centers : ndarray, shape (n, 3)
        values : ndarray, shape (n, n_quantities)
            NaN where unknown, which becomes an empty cell.
        """
        kept = np.isfinite(values).any(axis=1)
        self._writer.writerows(
            [
                *(f"{number:.10g}" for number in place),
                *(f"{number:.7g}" if number == number else "" for number in own),  # NaN differs from itself
            ]
            for place, own in zip(centers[kept].tolist(), values[kept].tolist())
        )
        self.n_written += int(kept.sum())


def write_vtk_image(
    path: str | Path,
    quantities: Mapping[str, np.ndarray],
    corner: tuple[float, float, float],
    sides: tuple[float, float, float],
) -> None:
    """Write a VTK image (.vti), which ParaView and most 3-D viewers open.

    Parameters
    ----------
    path : str or Path
        Ends in .vti.
    quantities : mapping of str to ndarray, shape (n_levels, n_rows, n_columns)
        From the top down and from north to south, as rasters are; NaN where unknown.
    corner : tuple of float
        West, south and bottom edge of the whole.
    sides : tuple of float
        Of a block: easting, northing, elevation.

    Raises
    ------
    BackendMissing
        Where pyevtk cannot be imported.
    """
    try:
        from pyevtk.hl import imageToVTK
    except ImportError as error:
        raise BackendMissing(
            f"Writing VTK needs the small library pyevtk, which cannot be imported here ({error}). Run Set up backend "
            "(hybridgeo:setupbackend), or leave the VTK output empty."
        ) from error
    cells = {
        name: np.asfortranarray(values[::-1, ::-1, :].transpose(2, 1, 0)) for name, values in quantities.items()
    }
    imageToVTK(str(Path(path).with_suffix("")), origin=corner, spacing=sides, cellData=cells)


def common_step(elevations: Iterable[float]) -> float:
    """Return the height of the blocks of equally spaced elevations; a single one has none.

    Raises
    ------
    InputError
        When they are not equally spaced.
    """
    steps = np.diff(np.sort(np.array(list(elevations), dtype=float)))
    if len(steps) == 0 or not np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        got = "steps of " + ", ".join(f"{step:g}" for step in np.unique(steps.round(6))) if len(steps) else "one"
        raise InputError(
            f"A VTK image needs two or more equally spaced elevations, got {got}. Leave the VTK output empty."
        )
    return float(steps[0])
