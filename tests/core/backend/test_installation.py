"""The backend environment made and repaired - without the network.

Truth: adapter contract. The packages are one empty wheel built here, so a whole installation takes seconds.
"""

import errno
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from hybrid_geostatistics.core.backend import environment, installation
from hybrid_geostatistics.core.backend.lock_file import only_one
from hybrid_geostatistics.core.backend.process import clean_environment
from hybrid_geostatistics.core.errors import BackendFailed, BackendMissing, Cancelled, InputError

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    """Build two wheels with one empty module each."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in ("tiny", "small"):
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}.py", "")
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", "")
    return folder


@pytest.fixture
def tested(monkeypatch):
    """Replace the test of the environment, which needs TensorFlow, and count its calls."""
    calls = []

    def self_test(python=None, progress=None, is_cancelled=None, training=True):
        calls.append(python)
        return {"versions": {"tiny": "1.0"}}

    monkeypatch.setattr(installation, "self_test", self_test)
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
    step = installation._install_step

    def copy(command, folder, *rest, **options):
        if command[1:3] == ["-m", "venv"]:
            shutil.copytree(empty_venv, folder, symlinks=True, dirs_exist_ok=True)
        else:
            step(command, folder, *rest, **options)

    monkeypatch.setattr(installation, "_install_step", copy)


def test_create_check_repair(tmp_path, wheels, lock, tested, request):
    folder = tmp_path / "with a space" / "backend"
    progress = []
    assert environment.check(folder, lock).status == "missing"
    status = installation.create(
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
    assert installation.create(None, wheels, folder=folder, requirements=lock).is_ready
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
    assert installation.create(sys.executable, wheels, folder=folder, requirements=lock).is_ready


def test_without_training_it_holds_less_until_training_is_asked_for(tmp_path, wheels, lock, monkeypatch, quick_venv):
    """Truth: what pip installed, and what each task is told that asks for the interpreter."""
    folder, trained = tmp_path / "backend", []

    def self_test(python, progress, is_cancelled, training):
        trained.append(training)
        return {"versions": {}}

    def create(packages):
        return installation.create(sys.executable, wheels, packages=packages, folder=folder, requirements=lock)

    def has(module):
        return (
            subprocess.run([environment.python_of(folder), "-c", f"import {module}"], capture_output=True).returncode
            == 0
        )

    monkeypatch.setattr(installation, "self_test", self_test)
    monkeypatch.setattr(installation, "NAMED", {environment.WITHOUT_TRAINING: ("small",)})
    check = environment.check
    monkeypatch.setattr(environment, "check", lambda run_it: check(folder, lock, run_it=run_it))
    small = create(environment.WITHOUT_TRAINING)
    assert (small.is_ready, small.trains) == (True, False) and has("small") and not has("tiny")
    assert environment.backend_python(("skgstat", "onnxruntime")) == environment.python_of(folder)
    with pytest.raises(BackendMissing, match="without training.*PACKAGES = all"):
        environment.backend_python(("tensorflow", "skgstat"))
    create(environment.WITHOUT_TRAINING)  # tested and left alone
    assert trained == [False, False]
    assert create(environment.ALL).trains and has("tiny")
    assert environment.backend_python(("tensorflow", "skgstat")) == environment.python_of(folder)
    assert create(environment.WITHOUT_TRAINING).trains  # holds enough
    assert trained == [False, False, True, True]


def test_what_is_installed_without_training_is_locked():
    """Truth: the lock that ships."""
    names = {line.split("==")[0] for line in environment.locked(environment.REQUIREMENTS)}
    assert set(installation.NAMED[environment.WITHOUT_TRAINING]) <= names


def test_a_failed_installation_leaves_only_the_log(tmp_path, wheels, lock, tested, quick_venv):
    lock.write_text("no-such-package==1.0\n")
    folder = tmp_path / "backend"
    with pytest.raises(BackendFailed, match="folder of wheels") as caught:
        installation.create(sys.executable, wheels, folder=folder, requirements=lock)
    assert "no-such-package" in caught.value.details
    assert not folder.exists()
    assert environment.log_of(folder).exists()
    assert not tested


def test_a_failed_test_leaves_nothing_ready(tmp_path, wheels, lock, monkeypatch):
    def fail(*_):
        raise BackendFailed("The backend process ended unexpectedly (killed by signal 4).")

    monkeypatch.setattr(installation, "self_test", fail)
    monkeypatch.setattr(installation, "_install_step", lambda *_, **__: None)
    with pytest.raises(BackendFailed, match="signal 4"):
        installation.create(sys.executable, wheels, folder=tmp_path / "backend", requirements=lock)
    assert not (tmp_path / "backend").exists()


@pytest.mark.parametrize("when", ["Looking", "Making", "Fetching", "Testing"])
def test_cancel_leaves_no_debris(tmp_path, wheels, lock, tested, monkeypatch, when, request):
    heard = []
    if when == "Fetching":
        request.getfixturevalue("quick_venv")
    if when == "Testing":
        monkeypatch.setattr(installation, "_install_step", lambda *_, **__: None)

        def self_test(python, progress, is_cancelled, training):
            raise Cancelled("now")

        monkeypatch.setattr(installation, "self_test", self_test)
    with pytest.raises(Cancelled):
        installation.create(
            sys.executable,
            wheels,
            lambda fraction, message: heard.append(message),
            lambda: any(message.startswith(when) for message in heard),
            folder=tmp_path / "backend",
            requirements=lock,
        )
    assert [path.name for path in tmp_path.glob("backend*")] in (["backend.log"], [])


def test_a_half_made_environment_is_made_anew(tmp_path, wheels, lock, tested, monkeypatch, make_stamped):
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

    monkeypatch.setattr(installation, "_install_step", install)
    assert installation.create(sys.executable, wheels, folder=folder, requirements=lock).is_ready


def test_a_folder_of_somebody_else_is_never_touched(tmp_path, wheels, lock, tested):
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a backend environment"):
        installation.create(sys.executable, wheels, folder=folder, requirements=lock)
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_room_on_the_disk_is_asked_for_first(tmp_path, wheels, lock, tested, monkeypatch):
    monkeypatch.setattr(installation, "REQUIRED_BYTES", {environment.ALL: 10**18})
    with pytest.raises(InputError, match="needs 1000000000.0 GB, got .* GB free"):
        installation.create(sys.executable, wheels, folder=tmp_path / "backend", requirements=lock)
    assert list(tmp_path.glob("backend*")) == []


def test_a_folder_without_wheels_is_refused(tmp_path, lock, tested):
    with pytest.raises(InputError, match="found none in"):
        installation.create(sys.executable, tmp_path, folder=tmp_path / "backend", requirements=lock)


def test_a_place_that_cannot_be_written_is_refused(tmp_path, wheels, lock, tested):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Cannot write in .* HYBRIDGEO_BACKEND_DIR"):
        installation.create(sys.executable, wheels, folder=tmp_path / "file" / "backend", requirements=lock)


def test_intel_macs_are_told(tmp_path, wheels, lock, tested, monkeypatch):
    monkeypatch.setattr(installation.sys, "platform", "darwin")
    monkeypatch.setattr(installation.platform, "machine", lambda: "x86_64")
    with pytest.raises(InputError, match="Macs with an Intel processor"):
        installation.create(sys.executable, wheels, folder=tmp_path / "backend", requirements=lock)


# What holds the lock in another process.
HOLDER = """
import sys, time
from pathlib import Path
from core.backend.lock_file import only_one
from core.progress import never, silent
with only_one(Path(sys.argv[1]), silent, never):
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
            with only_one(folder, lambda fraction, message: messages.append(message), lambda: True):
                raise AssertionError("two hold the lock")
        assert messages == ["Waiting for another program that sets up the backend"]
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    # The lock of a dead process is nobody's; and it leaves no file behind.
    with only_one(folder, lambda *_: None, lambda: True):
        pass
    assert list(tmp_path.iterdir()) == []


def test_locks_in_threads_follow_each_other(tmp_path):
    import threading

    inside, most = [], []

    def work():
        with only_one(tmp_path / "backend", lambda *_: None, lambda: False):
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
        ("HINT: ... this system does not have Windows Long Path support enabled.", "short folder"),
        ("something new", "last lines of the log"),
    ],
)
def test_advice(output, words):
    assert words in installation.advice_for(output)
