"""Staged files. Truth: what a folder holds before, during and after."""

import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.processing_provider.outputs import StagedFiles


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
