"""Block models as tables, points and images for 3-D viewers."""

from __future__ import annotations

import numpy as np

from ...core.backend import tasks
from ...core.block_model import PLACE, BlockTable, common_step
from ...core.errors import InputError
from ...core.grid import Block
from ...core.progress import stop_if
from ..base import Algorithm, AlgorithmSpec, Group
from ..block_models import LevelReader, quantities_of, require_one_grid
from ..identity import tr
from ..layers import PointTable, new_field
from ..parameters.kinds import rasters_input
from ..parameters.outputs import file_output, numbers, points_output
from ..rasters import TILE

MOST_POINTS = 2_000_000
"""More points than this are a table's business, not a layer's."""


class ExportBlockModel(Algorithm):
    """Writes rasters with a band a level as blocks with x, y and z."""

    spec = AlgorithmSpec(
        "exportblockmodel",
        lambda: tr("Export block model"),
        Group.KRIGING,
        lambda: tr("Writes maps of several elevations as a table of blocks, as points, and for 3-D viewers."),
        inputs=lambda: [
            rasters_input(
                "RASTERS",
                tr("Rasters"),
                tr(
                    "Rasters with a band for each elevation, on one grid: estimates, variances, bounds of intervals. "
                    "Each quantity becomes a column."
                ),
            ),
        ],
        outputs=lambda: [
            file_output(
                "OUTPUT",
                tr("Table of blocks"),
                "CSV (*.csv *.CSV)",
                tr("CSV file, one row a block: x, y and z of its centre, and the quantities. Empty ones are left out."),
            ),
            points_output("POINTS", tr("Blocks as points"), tr("Point layer (PointZ) of the centres of the blocks.")),
            file_output(
                "VTK",
                tr("Image for 3-D viewers"),
                "VTK image (*.vti *.VTI)",
                tr(
                    "VTK image with the quantities of the blocks, for ParaView and other 3-D viewers. Needs the small "
                    "library pyevtk, which comes with the backend."
                ),
                optional=True,
                by_default=False,
            ),
            *numbers(
                N=tr("Number of blocks with a value"),
                N_LEVELS=tr("Number of elevations"),
                WIDTH=tr("Side of a block towards the east"),
                DEPTH=tr("Side of a block towards the north"),
                HEIGHT=tr("Height of a block"),
            ),
        ],
        tags=("3d", "block model", "csv", "vtk", "mining", "paraview", "export"),
    )

    def compute(self, read, progress, is_cancelled):
        """Write level by level, from the top down."""
        sources = read.rasters("RASTERS")
        grid = require_one_grid(sources)
        quantities = quantities_of(sources)
        # Some mining packages split a table at every comma, quoted or not.
        names = [quantity.name.replace(",", "") for quantity in quantities]
        elevations = sorted(quantities[0].numbers, reverse=True)
        steps = -np.diff(elevations)
        as_points, as_image = read.given("POINTS"), "VTK" in read.staged_files
        height = common_step(elevations) if as_image else (float(steps[0]) if len(set(steps.round(9))) == 1 else None)
        kept: list[np.ndarray] = []
        levels = np.full((len(names), len(elevations), *grid.shape), np.nan, np.float32) if as_image else None
        with open(read.staged_files["OUTPUT"], "w", encoding="utf-8", newline="") as file:
            table = BlockTable(file, names)
            for index, elevation in enumerate(elevations):
                level = LevelReader(quantities, grid, elevation)
                for block in Block(0, 0, *grid.shape, elevation).parts(TILE, grid.shape[1]):
                    stop_if(is_cancelled)
                    centers, values = grid.centers(block), level.read(block)
                    table.add(centers, values)
                    if as_points:
                        rows = np.isfinite(values).any(axis=1)
                        kept.append(np.column_stack([centers, values])[rows])
                    if levels is not None:
                        rows_of_grid, _ = block.within(Block(0, 0, *grid.shape))
                        levels[:, index, rows_of_grid] = values.T.reshape(len(names), block.n_rows, block.n_columns)
                if as_points and table.n_written > MOST_POINTS:
                    raise InputError(
                        tr("Expected at most {most} blocks in a point layer, got more. Use the table instead.").format(
                            most=MOST_POINTS
                        )
                    )
                progress((index + 1) / len(elevations), tr("Writing blocks"))
        if levels is not None:
            west, south, _, _ = grid.extent
            tasks.run(
                "write_vtk",
                {
                    "names": names,
                    "corner": (west, south, elevations[-1] - height / 2),
                    "sides": (*grid.cell_sides[:2], height),
                },
                {str(i): quantity for i, quantity in enumerate(levels)},
                is_cancelled=is_cancelled,
                files=read.wanted(vtk="VTK"),
            )
        results = {
            "N": table.n_written,
            "N_LEVELS": len(elevations),
            "WIDTH": grid.cell_sides[0],
            "DEPTH": grid.cell_sides[1],
            "HEIGHT": height,
        }
        if as_points:
            rows = np.concatenate(kept)
            fields = [new_field(name, float) for name in names]
            results["POINTS"] = PointTable(rows[:, : len(PLACE)], fields, list(rows[:, len(PLACE) :].T), sources[0].crs)
        return results
