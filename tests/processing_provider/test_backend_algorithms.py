"""Set up backend and Check backend through Processing, without installing anything."""

import pytest


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("HYBRIDGEO_BACKEND_DIR", str(tmp_path / "backend"))
    monkeypatch.delenv("HYBRIDGEO_BACKEND_PYTHON", raising=False)
    return tmp_path


def test_check_says_what_is_missing(run, nowhere):
    results, log = run("checkbackend", {})
    assert results["READY"] is False
    assert "missing" in results["OUTPUT"] and "hybridgeo:setupbackend" in results["OUTPUT"]
    assert results["OUTPUT"] in log.text and not (nowhere / "backend").exists()


def test_set_up_refuses_an_empty_folder_of_wheels(refused, nowhere):
    (nowhere / "wheels").mkdir()
    said = refused("setupbackend", {"WHEELS": str(nowhere / "wheels")})
    assert "Expected a folder of wheels" in said and not (nowhere / "backend").exists()


def test_set_up_refuses_what_is_no_python(refused, nowhere):
    said = refused("setupbackend", {"PYTHON": str(nowhere / "python")})
    assert "python" in said and "Traceback" not in said and not (nowhere / "backend").exists()
