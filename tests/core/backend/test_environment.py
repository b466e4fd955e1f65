"""The backend environment: found, made, checked, repaired, described - without the network.

Truth: adapter contract. The packages are one empty wheel built here, so a whole installation takes seconds.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import pytest
from hybrid_geostatistics.core.backend import environment
from hybrid_geostatistics.core.backend.environment import Interpreter
from hybrid_geostatistics.core.backend.process import clean_environment
from hybrid_geostatistics.core.errors import BackendFailed, BackendMissing, Cancelled, InputError

ROOT = Path(__file__).resolve().parents[3]
VERSION = sys.version_info[:3]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep the user's own environment out of this."""
    monkeypatch.delenv(environment.FOLDER_VARIABLE, raising=False)
    monkeypatch.delenv(environment.PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(environment, "cache_folder", lambda: tmp_path / "cache")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build a wheel with one empty module, and the lock that asks for it."""
    folder = tmp_path_factory.mktemp("wheels")
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(folder / "tiny-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def lock(tmp_path, monkeypatch):
    """Write a lock for the Python that runs the tests, whatever its version."""
    monkeypatch.setattr(environment, "OLDEST", VERSION[:2])
    monkeypatch.setattr(environment, "NEWEST", VERSION[:2])
    path = tmp_path / "requirements.txt"
    path.write_text("# a lock\ntiny==1.0\n")
    return path


@pytest.fixture
def tested(monkeypatch):
    """Replace the test of the environment, which needs TensorFlow, and count its calls."""
    calls = []

    def self_test(python=None, progress=None, is_cancelled=None):
        calls.append(python)
        return {"versions": {"tiny": "1.0"}}

    monkeypatch.setattr(environment, "self_test", self_test)
    return calls


@pytest.fixture(scope="module")
def empty_venv(tmp_path_factory):
    """Make one virtual environment to copy, since making each anew takes seconds."""
    folder = tmp_path_factory.mktemp("venv") / "empty"
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, env=clean_environment())
    return folder


@pytest.fixture
def quick_venv(empty_venv, monkeypatch):
    """Copy a virtual environment where one would be made; everything else happens."""
    step = environment._install_step

    def copy(command, folder, *rest, **options):
        if command[1:3] == ["-m", "venv"]:
            shutil.copytree(empty_venv, folder, symlinks=True, dirs_exist_ok=True)
        else:
            step(command, folder, *rest, **options)

    monkeypatch.setattr(environment, "_install_step", copy)


def make_stamped(folder, content):
    folder.mkdir(parents=True)
    (folder / environment.STAMP).write_text(json.dumps(content))
    (folder / "half").mkdir()


def test_create_check_repair(tmp_path, wheels, lock, tested, request):
    folder = tmp_path / "with a space" / "backend"
    progress = []
    assert environment.check(folder, lock).status == "missing"
    status = environment.create(
        sys.executable, wheels, lambda *one: progress.append(one), folder=folder, requirements=lock
    )
    assert status.is_ready
    assert status.versions == {"tiny": "1.0"}
    assert status.python == environment.python_of(folder)
    made = subprocess.run([status.python, "-c", "import tiny, sys; print(sys.prefix)"], capture_output=True, text=True)
    assert Path(made.stdout.strip()) == folder
    fractions = [fraction for fraction, _ in progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert sorted(path.name for path in folder.parent.iterdir()) == ["backend", "backend.log"]
    assert not (folder / "tmp").exists()
    assert "tiny" in environment.log_of(folder).read_text()

    # Again: tested and left alone.
    stamp = (folder / environment.STAMP).read_text()
    assert environment.create(None, wheels, folder=folder, requirements=lock).is_ready
    assert (folder / environment.STAMP).read_text() == stamp
    assert tested == [status.python] * 2

    # Another lock: stale, and not used.
    lock.write_text("tiny==1.0 ; python_version > '3'\n")
    stale = environment.check(folder, lock)
    assert (stale.status, stale.python) == ("stale", None)
    assert "hybridgeo:setupbackend" in stale.words
    lock.write_text("tiny==1.0\r\n")
    assert environment.check(folder, lock).is_ready  # comments and line ends do not count

    # Its interpreter breaks: seen when it is run, and when it is gone.
    python = environment.python_of(folder)
    python.unlink()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert environment.check(folder, lock).status == "broken"
    assert environment.check(folder, lock, run_it=False).is_ready
    python.unlink()
    assert environment.check(folder, lock, run_it=False).status == "broken"
    request.getfixturevalue("quick_venv")
    assert environment.create(sys.executable, wheels, folder=folder, requirements=lock).is_ready


def test_a_failed_installation_leaves_only_the_log(tmp_path, wheels, lock, tested, quick_venv):
    lock.write_text("no-such-package==1.0\n")
    folder = tmp_path / "backend"
    with pytest.raises(BackendFailed, match="folder of wheels") as caught:
        environment.create(sys.executable, wheels, folder=folder, requirements=lock)
    assert "no-such-package" in caught.value.details
    assert not folder.exists()
    assert environment.log_of(folder).exists()
    assert not tested


def test_a_failed_test_leaves_nothing_ready(tmp_path, wheels, lock, monkeypatch):
    def fail(*_):
        raise BackendFailed("The backend process ended unexpectedly (killed by signal 4).")

    monkeypatch.setattr(environment, "self_test", fail)
    monkeypatch.setattr(environment, "_install_step", lambda *_, **__: None)
    with pytest.raises(BackendFailed, match="signal 4"):
        environment.create(sys.executable, wheels, folder=tmp_path / "backend", requirements=lock)
    assert not (tmp_path / "backend").exists()


@pytest.mark.parametrize("when", ["Looking", "Making", "Fetching", "Testing"])
def test_cancel_leaves_no_debris(tmp_path, wheels, lock, tested, monkeypatch, when, request):
    heard = []
    if when == "Fetching":
        request.getfixturevalue("quick_venv")
    if when == "Testing":
        monkeypatch.setattr(environment, "_install_step", lambda *_, **__: None)

        def self_test(python, progress, is_cancelled):
            raise Cancelled("now")

        monkeypatch.setattr(environment, "self_test", self_test)
    with pytest.raises(Cancelled):
        environment.create(
            sys.executable,
            wheels,
            lambda fraction, message: heard.append(message),
            lambda: any(message.startswith(when) for message in heard),
            folder=tmp_path / "backend",
            requirements=lock,
        )
    assert [path.name for path in tmp_path.glob("backend*")] in (["backend.log"], [])


def test_a_half_made_environment_is_made_anew(tmp_path, wheels, lock, tested, monkeypatch):
    folder = tmp_path / "backend"
    make_stamped(folder, {"state": "installing", "lock": environment.lock_hash(lock)})
    status = environment.check(folder, lock)
    assert status.status == "incomplete"
    assert "hybridgeo:setupbackend" in status.words

    def install(command, folder, *_, **__):
        assert not (folder / "half").exists()
        python = environment.python_of(folder)
        python.parent.mkdir(exist_ok=True)
        if not python.exists():
            python.symlink_to(sys.executable)

    monkeypatch.setattr(environment, "_install_step", install)
    assert environment.create(sys.executable, wheels, folder=folder, requirements=lock).is_ready


def test_a_damaged_stamp_is_still_ours(tmp_path, lock):
    folder = tmp_path / "backend"
    make_stamped(folder, {})
    (folder / environment.STAMP).write_text("{")
    assert environment.check(folder, lock).status == "incomplete"


def test_a_folder_of_somebody_else_is_never_touched(tmp_path, wheels, lock, tested):
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a backend environment"):
        environment.create(sys.executable, wheels, folder=folder, requirements=lock)
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_room_on_the_disk_is_asked_for_first(tmp_path, wheels, lock, tested, monkeypatch):
    monkeypatch.setattr(environment, "REQUIRED_BYTES", 10**18)
    with pytest.raises(InputError, match="needs 1000000000.0 GB, got .* GB free"):
        environment.create(sys.executable, wheels, folder=tmp_path / "backend", requirements=lock)
    assert list(tmp_path.glob("backend*")) == []


def test_a_folder_without_wheels_is_refused(tmp_path, lock, tested):
    with pytest.raises(InputError, match="found none in"):
        environment.create(sys.executable, tmp_path, folder=tmp_path / "backend", requirements=lock)


def test_a_place_that_cannot_be_written_is_refused(tmp_path, wheels, lock, tested):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write in .* HYBRIDGEO_BACKEND_DIR"):
        environment.create(sys.executable, wheels, folder=tmp_path / "file" / "backend", requirements=lock)


def test_intel_macs_are_told(tmp_path, wheels, lock, tested, monkeypatch):
    monkeypatch.setattr(environment.sys, "platform", "darwin")
    monkeypatch.setattr(environment.platform, "machine", lambda: "x86_64")
    with pytest.raises(InputError, match="Macs with an Intel processor"):
        environment.create(sys.executable, wheels, folder=tmp_path / "backend", requirements=lock)


# What holds the lock in another process.
HOLDER = """
import sys, time
from pathlib import Path
from core.backend import environment
from core.progress import never, silent
with environment._only_one(Path(sys.argv[1]), silent, never):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_one_at_a_time(tmp_path):
    folder = tmp_path / "backend"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout.readline() == "locked\n"
        messages = []
        with pytest.raises(Cancelled):
            with environment._only_one(folder, lambda fraction, message: messages.append(message), lambda: True):
                raise AssertionError("two hold the lock")
        assert messages == ["Waiting for another program that sets up the backend"]
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    # The lock of a dead process is nobody's; and it leaves no file behind.
    with environment._only_one(folder, lambda *_: None, lambda: True):
        pass
    assert list(tmp_path.iterdir()) == []


def test_locks_in_threads_follow_each_other(tmp_path):
    import threading

    inside, most = [], []

    def work():
        with environment._only_one(tmp_path / "backend", lambda *_: None, lambda: False):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1, 1]


def test_probe_asks_the_interpreter():
    found = environment.probe(Path(sys.executable))
    assert found.version == VERSION
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
        environment.find_python(path)


def test_a_missing_python_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be started"):
        environment.find_python(tmp_path / "python3")


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
    import re

    assert re.search(words, Interpreter(Path("p"), version, bits, lacking).problem())


def test_find_python_takes_the_first_that_fits(monkeypatch, tmp_path):
    answers = {
        "old": Interpreter(tmp_path / "old", (3, 9, 1), 64),
        "bare": Interpreter(tmp_path / "bare", (3, 11, 1), 64, ("ensurepip",)),
        "good": Interpreter(tmp_path / "good", (3, 11, 1), 64),
    }
    monkeypatch.setattr(environment, "probe", lambda path: answers[path.name])
    monkeypatch.setattr(environment, "candidates", lambda: [tmp_path / name for name in answers])
    assert environment.find_python().path.name == "good"
    del answers["good"]
    monkeypatch.setattr(environment, "candidates", lambda: [tmp_path / name for name in answers])
    with pytest.raises(InputError, match="No usable Python") as caught:
        environment.find_python()
    for words in ("Python 3.9.1", "lacks ensurepip", "python3-venv", "PYTHON"):
        assert words in str(caught.value)


def test_candidates_are_real_interpreters():
    found = environment.candidates()
    assert found
    assert found[0].is_relative_to(Path(sys.base_prefix))
    assert all(path.is_file() for path in found)


def test_a_chosen_interpreter(monkeypatch, tmp_path):
    monkeypatch.setenv(environment.PYTHON_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(BackendMissing, match="HYBRIDGEO_BACKEND_PYTHON names .* does not exist"):
        environment.backend_python()
    monkeypatch.setenv(environment.PYTHON_VARIABLE, sys.executable)
    assert environment.backend_python() == Path(sys.executable)
    monkeypatch.setattr(environment, "MODULES", ("json", "no_such_module"))
    monkeypatch.setattr(environment, "probe", lambda python: Interpreter(python, VERSION, 64, modules=("json",)))
    status = environment.check()
    assert status.status == "broken"
    assert "lacks no_such_module" in status.words


def test_a_missing_backend_names_the_way(tmp_path):
    with pytest.raises(BackendMissing, match=r"Set up backend \(hybridgeo:setupbackend\)"):
        environment.backend_python()


def test_the_folder_follows_the_lock_and_the_variable(monkeypatch, tmp_path, lock):
    first = environment.default_folder(lock)
    lock.write_text("tiny==2.0\n")
    assert environment.default_folder(lock) != first
    assert first.parent == tmp_path / "cache"
    monkeypatch.setenv(environment.FOLDER_VARIABLE, str(tmp_path / "mine"))
    assert environment.default_folder(lock) == tmp_path / "mine"


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 407'))", "HTTPS_PROXY"),
        ("SSLError(SSLCertVerificationError: certificate verify failed)", "PIP_CERT"),
        ("Retrying ... NewConnectionError: Temporary failure in name resolution\nERROR: No matching", "network"),
        ("ERROR: No matching distribution found for tensorflow-cpu==2.21.0", "Python 3.11 or 3.12"),
        ("error: externally-managed-environment", "PEP 668"),
        ("The virtual environment was not created because ensurepip is not available", "apt install python3-venv"),
        (f"OSError: [Errno {errno.ENOSPC}] No space left on device", "HYBRIDGEO_BACKEND_DIR"),
        ("[WinError 5] Access is denied: 'tf.dll'", "virus scanner"),
        ("something new", "last lines of the log"),
    ],
)
def test_advice(output, words):
    assert words in environment.advice_for(output)


def test_credentials_are_hidden():
    text = "Looking in indexes: https://anna:s%40cret@index.example.org/simple, http://token@host:8080/x"
    assert environment.scrub(text) == "Looking in indexes: https://***@index.example.org/simple, http://***@host:8080/x"


def test_the_description_is_fit_for_an_issue(tmp_path, monkeypatch):
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
    lines = environment._locked(environment.REQUIREMENTS)
    names = {line.split("==")[0] for line in lines}
    assert all("==" in line.split(";")[0] for line in lines)
    assert {"tensorflow-cpu", "tensorflow", "tf2onnx", "onnxruntime", "scikit-gstat", "numpy", "scipy"} <= names
    assert "==2.21.0" in next(line for line in lines if line.startswith("tensorflow-cpu"))


def test_a_lock_file_is_plain_text():
    assert textwrap.dedent(environment.REQUIREMENTS.read_text(encoding="utf-8")).isascii()
