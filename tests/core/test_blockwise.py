"""Maps computed block by block. Truth: one call for the whole grid (two roads)."""

import numpy as np
import pytest
from hybrid_geostatistics.core.blockwise import predict_blocks
from hybrid_geostatistics.core.errors import Cancelled, InputError
from hybrid_geostatistics.core.grid import Block, RasterGrid

GRID = RasterGrid((23, 37), (100.0, 3.0, 0.0, 900.0, 0.0, -2.0))


def surface(block):
    """Return a surface with a hole, and two bands of another."""
    centers = GRID.centers(block)
    one = centers[:, 0] + 1000 * centers[:, 1]
    one[(centers[:, 0] > 150) & (centers[:, 1] < 870)] = np.nan
    return {"one": one, "two": np.column_stack([centers[:, 0], -centers[:, 1]])}


@pytest.mark.parametrize("block_size, cells_at_once", [(256, 8192), (10, 7), (16, 40), (37, 1), (1, 1)])
def test_blocks_make_the_whole(block_size, cells_at_once):
    maps = {"one": np.full((1, *GRID.shape), -1.0), "two": np.full((2, *GRID.shape), -1.0)}
    asked, reported = [], []

    def predict(block):
        asked.append(block.n_rows * block.n_columns)
        return surface(block)

    def write(name, block, values):
        rows = slice(block.row, block.row + block.n_rows)
        maps[name][:, rows, block.column : block.column + block.n_columns] = values

    missing = predict_blocks(
        GRID, predict, write, lambda fraction, _: reported.append(fraction), lambda: False, block_size, cells_at_once
    )
    whole = surface(Block(0, 0, *GRID.shape))
    np.testing.assert_array_equal(maps["one"][0], whole["one"].reshape(GRID.shape))
    np.testing.assert_array_equal(maps["two"], np.moveaxis(whole["two"].reshape(*GRID.shape, 2), 2, 0))
    assert missing == {"one": int(np.isnan(whole["one"]).sum()), "two": 0}
    assert max(asked) <= max(cells_at_once, min(block_size, 37)) and sum(asked) == 23 * 37
    assert reported == sorted(reported) and reported[-1] == 1


def test_numbers_that_no_map_holds_are_missing():
    """Float32 ends at 3.4e38: what is larger would be stored as infinite, and count as a value."""
    written = {}
    huge = np.array([1.0, -3e38, 3.5e38, -np.inf, np.inf, np.nan, 1e200, 0.0])
    grid = RasterGrid((2, 4), (0.0, 1.0, 0.0, 2.0, 0.0, -1.0))
    missing = predict_blocks(
        grid,
        lambda block: {"one": huge, "two": np.column_stack([huge, np.arange(8)]), "three": np.arange(8)},
        lambda name, _, values: written.update({name: values}),
    )
    assert missing == {"one": 5, "two": 0, "three": 0}
    with np.errstate(over="raise"):
        stored = written["one"].astype(np.float32).ravel()
    np.testing.assert_array_equal(stored, np.float32([1.0, -3e38, *[np.nan] * 5, 0.0]))
    np.testing.assert_array_equal(written["two"][1].ravel(), np.arange(8))


def test_cancel_stops_between_parts():
    asked = []
    with pytest.raises(Cancelled):
        predict_blocks(
            GRID, lambda block: asked.append(block) or surface(block), lambda *_: None,
            is_cancelled=lambda: len(asked) == 2, block_size=10, cells_at_once=10,
        )  # fmt: skip
    assert len(asked) == 2


def test_a_grid_around_samples_has_round_edges():
    grid = RasterGrid.around(np.array([[178605.0, 329714.0], [181390.0, 333611.0]]), crs="EPSG:28992")
    assert grid.transform == (178600.0, 50.0, 0.0, 333650.0, 0.0, -50.0)
    west, south, east, north = grid.extent
    assert west <= 178605 and east > 181390 and south <= 329714 and north > 333611
    assert RasterGrid.around(np.array([[3.0, 4.0]])).shape == (1, 1)
    with pytest.raises(InputError, match="above 0"):
        RasterGrid.around(np.array([[3.0, 4.0]]), cell_size=0)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_a_grid_lies_at_a_finite_place(number):
    for place in range(6):
        transform = [0.0, 1.0, 0.0, 2.0, 0.0, -1.0]
        transform[place] = number
        with pytest.raises(InputError, match="Expected a"):
            RasterGrid((2, 4), tuple(transform))
    for place in range(5):
        extent = [0.0, 0.0, 4.0, 2.0, 1.0]
        extent[place] = number
        with pytest.raises(InputError, match="Expected a"):
            RasterGrid.from_extent(*extent)
