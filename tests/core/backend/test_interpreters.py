"""Pythons found, asked and refused. Truth: adapter contract."""

import os
import re
import sys
from pathlib import Path

import pytest
from hybrid_geostatistics.core.backend import interpreters
from hybrid_geostatistics.core.backend.interpreters import Interpreter
from hybrid_geostatistics.core.errors import InputError


def test_probe_asks_the_interpreter():
    found = interpreters.probe(Path(sys.executable))
    assert found.version == sys.version_info[:3]
    assert found.bits == 64


@pytest.mark.skipif(os.name != "posix", reason="shell scripts")
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 3", "does not run as a Python"),
        ("echo hello", "does not answer as a Python"),
        ("echo '{}'", "does not answer as a Python"),
        ("", "does not answer as a Python"),
    ],
)
def test_what_is_no_python_is_refused(tmp_path, script, words):
    path = tmp_path / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    with pytest.raises(InputError, match=words):
        interpreters.find_python(path)


def test_a_missing_python_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be started"):
        interpreters.find_python(tmp_path / "python3")


@pytest.mark.parametrize(
    ("version", "bits", "lacking", "words"),
    [
        ((3, 9, 5), 64, (), "it is Python 3.9.5, expected 3.10 to 3.13"),
        ((3, 14, 0), 64, (), "it is Python 3.14.0, expected 3.10 to 3.13"),
        ((3, 12, 1), 32, (), "32-bit"),
        ((3, 11, 2), 64, ("ensurepip",), "it lacks ensurepip .*apt install python3.11-venv"),
        ((3, 12, 1), 64, (), "^$"),
    ],
)
def test_why_a_python_does_not_fit(version, bits, lacking, words):
    assert re.search(words, Interpreter(Path("p"), version, bits, lacking).problem())


def test_find_python_takes_the_first_that_fits(monkeypatch, tmp_path):
    answers = {
        "old": Interpreter(tmp_path / "old", (3, 9, 1), 64),
        "bare": Interpreter(tmp_path / "bare", (3, 11, 1), 64, ("ensurepip",)),
        "good": Interpreter(tmp_path / "good", (3, 11, 1), 64),
    }
    monkeypatch.setattr(interpreters, "probe", lambda path: answers[path.name])
    monkeypatch.setattr(interpreters, "candidates", lambda: [tmp_path / name for name in answers])
    assert interpreters.find_python().path.name == "good"
    del answers["good"]
    monkeypatch.setattr(interpreters, "candidates", lambda: [tmp_path / name for name in answers])
    with pytest.raises(InputError, match="No usable Python") as caught:
        interpreters.find_python()
    for words in ("Python 3.9.1", "lacks ensurepip", "python3-venv", "PYTHON"):
        assert words in str(caught.value)


def test_candidates_are_real_interpreters():
    found = interpreters.candidates()
    assert found
    assert found[0].is_relative_to(Path(sys.base_prefix))
    assert all(path.is_file() for path in found)
