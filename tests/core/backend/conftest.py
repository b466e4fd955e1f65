"""Environments that are not the user's."""

import json
import sys

import pytest
from hybrid_geostatistics.core.backend import environment, interpreters


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """Keep the user's own environment out of this."""
    monkeypatch.delenv(environment.FOLDER_VARIABLE, raising=False)
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(environment, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """Write a lock for the Python that runs the tests, whatever its version."""
    monkeypatch.setattr(interpreters, "OLDEST", sys.version_info[:2])
    monkeypatch.setattr(interpreters, "NEWEST", sys.version_info[:2])
    path = tmp_path / "requirements.txt"
    path.write_text("# a lock\ntiny==1.0\n")
    return path


@pytest.fixture
def make_stamped():
    """Return a function that makes a folder with a stamp and something half-made in it."""

    def make(folder, content):
        folder.mkdir(parents=True)
        (folder / environment.STAMP).write_text(json.dumps(content))
        (folder / "half").mkdir()

    return make
