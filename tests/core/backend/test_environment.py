"""The backend environment checked and described. Truth: adapter contract."""

import sys
import textwrap
from pathlib import Path

import pytest
from hybrid_geostatistics.core.backend import environment
from hybrid_geostatistics.core.backend.interpreters import Interpreter
from hybrid_geostatistics.core.errors import BackendMissing

ORDINARY_CACHE = environment.cache_folder
pytestmark = pytest.mark.usefixtures("own_cache")


def test_a_damaged_stamp_is_still_ours(tmp_path, lock, make_stamped):
    folder = tmp_path / "backend"
    make_stamped(folder, {})
    (folder / environment.STAMP).write_text("{")
    assert environment.check(folder, lock).status == "incomplete"


def test_a_chosen_interpreter(monkeypatch, tmp_path):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(BackendMissing, match="HYBRIDGEO_BACKEND_PYTHON names .* does not exist"):
        environment.backend_python()
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)
    assert environment.backend_python() == Path(sys.executable)
    monkeypatch.setattr(environment, "MODULES", ("json", "no_such_module"))
    found = Interpreter(Path(sys.executable), sys.version_info[:3], 64, modules=("json",))
    monkeypatch.setattr(environment, "probe", lambda python: found)
    status = environment.check()
    assert status.status == "broken"
    assert "lacks no_such_module" in status.words


def test_a_missing_backend_names_the_way(tmp_path):
    with pytest.raises(BackendMissing, match=r"Set up backend \(hybridgeo:setupbackend\)"):
        environment.backend_python()


def test_a_step_that_trains_nothing_is_told_of_the_small_backend():
    for modules, is_told in ((("skgstat",), True), (("tensorflow", "skgstat"), False), ((), False)):
        with pytest.raises(BackendMissing) as caught:
            environment.backend_python(modules)
        assert ("PACKAGES = without_training" in str(caught.value)) == is_told


def test_the_folder_follows_the_lock_and_the_variable(monkeypatch, tmp_path, lock):
    first = environment.default_folder(lock)
    lock.write_text("tiny==2.0\n")
    assert environment.default_folder(lock) != first
    assert first.parent == tmp_path / "cache"
    monkeypatch.setenv(environment.FOLDER_VARIABLE, str(tmp_path / "mine"))
    assert environment.default_folder(lock) == tmp_path / "mine"


def test_windows_takes_the_longest_path_below_the_folder(monkeypatch, lock):
    """Truth: MAX_PATH is 260 with the final zero, a Windows account's name at most 20, TensorFlow 2.21's files 163."""
    monkeypatch.setattr(environment, "cache_folder", ORDINARY_CACHE)
    monkeypatch.setattr(environment, "WINDOWS", True)
    monkeypatch.setenv("LOCALAPPDATA", "C:\\Users\\" + 20 * "x" + "\\AppData\\Local")
    assert len(str(environment.default_folder(lock))) + len("\\Lib\\site-packages\\") + 163 < 260


def test_credentials_are_hidden():
    text = "Looking in indexes: https://anna:s%40cret@index.example.org/simple, http://token@host:8080/x"
    assert environment.scrub(text) == "Looking in indexes: https://***@index.example.org/simple, http://***@host:8080/x"


def test_the_description_is_fit_for_an_issue(tmp_path, monkeypatch, make_stamped):
    home = tmp_path / "home" / "anna"
    monkeypatch.setattr(environment.Path, "home", staticmethod(lambda: home))
    folder = home / "cache" / "backend"
    monkeypatch.setenv(environment.FOLDER_VARIABLE, str(folder))
    make_stamped(folder, {"state": "installing"})
    environment.log_of(folder).write_text("fetched from https://anna:secret@host/simple\n")
    text = environment.describe()
    assert "incomplete" in text
    assert "~/cache/backend" in text
    for private in (str(home), "secret"):
        assert private not in text
    assert all(line.count("|") == 3 for line in text.splitlines() if line.startswith("|"))


def test_the_lock_pins_everything():
    lines = environment.locked(environment.REQUIREMENTS)
    names = {line.split("==")[0] for line in lines}
    assert all("==" in line.split(";")[0] for line in lines)
    assert {"tensorflow-cpu", "tensorflow", "tf2onnx", "onnxruntime", "scikit-gstat", "numpy", "scipy"} <= names
    assert "==2.21.0" in next(line for line in lines if line.startswith("tensorflow-cpu"))


def test_a_lock_file_is_plain_text():
    assert textwrap.dedent(environment.REQUIREMENTS.read_text(encoding="utf-8")).isascii()
