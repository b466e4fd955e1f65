"""Staged files. Truth: what a folder holds before, during and after."""

import os
import time

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.grid import RasterGrid
from hybrid_geostatistics.core.progress import never, silent
from hybrid_geostatistics.processing_provider import outputs
from hybrid_geostatistics.processing_provider.outputs import Maps, StagedFiles


def test_nothing_is_on_the_disk_before_something_is_written(tmp_path):
    """A process that is killed while it computes leaves no debris."""
    with StagedFiles() as stage:
        stage.stage(str(tmp_path / "model.onnx"))
        assert list(tmp_path.iterdir()) == []


def test_files_appear_together_and_replace_old_ones(tmp_path):
    old = tmp_path / "a.txt"
    old.write_text("old")
    with StagedFiles() as stage:
        for name in ("a.txt", "b.txt"):
            stage.stage(str(tmp_path / name)).write_text("new")
        assert old.read_text() == "old"
        stage.commit()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "new", "b.txt": "new"}


def test_what_is_not_committed_is_removed(tmp_path):
    with pytest.raises(RuntimeError), StagedFiles() as stage:
        stage.stage(str(tmp_path / "a.txt")).write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="Cannot write"), StagedFiles() as stage:
        stage.stage(str(tmp_path / "nowhere" / "a.txt"))


def test_what_killed_runs_left_of_the_same_file_is_removed(tmp_path):
    """Only what is old: another run may be writing; and only of this file, whatever is in its name."""
    names = {"abandoned": ".map [1]-0123abcd.part.tif", "busy": ".map [1]-89abcdef.part.tif",
             "another": ".map 1-0123abcd.part.tif"}  # fmt: skip
    for name in names.values():
        (tmp_path / name).write_bytes(b"")
    for kind in ("abandoned", "another"):
        long_ago = time.time() - 25 * 3600
        os.utime(tmp_path / names[kind], (long_ago, long_ago))
    with StagedFiles() as stage:
        stage.stage(str(tmp_path / "map [1].tif"))
    assert {path.name for path in tmp_path.iterdir()} == {names["busy"], names["another"]}


def test_values_kept_of_a_large_map_lie_on_one_lattice_over_it(tmp_path, monkeypatch):
    """Truth: cells numbered row by row; every third row and column of them, whatever the blocks."""
    monkeypatch.setattr(outputs, "LOOKED_AT", 300 * 700 // 9 + 1)
    grid = RasterGrid((300, 700), (0.0, 1.0, 0.0, 300.0, 0.0, -1.0))
    numbers = np.arange(300 * 700, dtype=float).reshape(grid.shape)
    numbers[30:60] = np.nan

    def predict(block):
        here = numbers[block.row : block.row + block.n_rows, block.column : block.column + block.n_columns]
        return {"A": np.column_stack([np.zeros(here.size), here.ravel()])}

    maps = Maps(grid, {"A": ["nothing", "number"]}, predict, shown={"A": "number"})
    told = maps.write({"A": tmp_path / "a.tif"}, silent, never)
    expected = numbers[::3, ::3]
    np.testing.assert_array_equal(np.sort(told.values["A"]), expected[np.isfinite(expected)])
    assert told.n_cells == 300 * 700 and told.missing == {"A": 0}
