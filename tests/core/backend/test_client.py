"""The client against fake workers of a few lines: progress, cancel, failure, crash, noise, silence.

Truth: the protocol's promises. Exactly one end for every run, whatever the worker does, and nothing left
behind: no process, no child of it, no folder, no half-written file.
"""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import delivery
from hybrid_geostatistics.core.backend.client import Session, run_task
from hybrid_geostatistics.core.backend.delivery import deliver, require_writable
from hybrid_geostatistics.core.errors import BackendFailed, Cancelled, InputError, ModelFileError

POSIX = os.name == "posix"

# What every fake starts with: read the run, answer with one line.
PREAMBLE = """
import json, os, signal, subprocess, sys, time
def say(kind, /, **content):
    print(json.dumps({"type": kind, **content}), flush=True)
def hear():
    return json.loads(sys.stdin.readline() or '{"type": "End"}')
say("Started", versions={"python": "3"})
run = hear()
folder = run["folder"]
"""


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Make a temporary folder of our own, to see what is left in it."""
    folder = tmp_path / "temp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def fake(tmp_path, scratch):
    """Return a function from a worker's script to a session with it."""
    sessions = []

    def make(script, grace=0.5):
        path = tmp_path / f"worker{len(sessions)}.py"
        path.write_text(PREAMBLE + textwrap.dedent(script), encoding="utf-8")
        sessions.append(Session(sys.executable, grace_seconds=grace, command=[sys.executable, "-u", path]))
        return sessions[-1]

    yield make
    for session in sessions:
        session.close()
    assert list(scratch.iterdir()) == []


class CancelAfter:
    """Say yes from some time after the first progress message on."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds
        self.heard = None

    def progress(self, fraction, message):
        self.heard = self.heard or time.monotonic()

    def __call__(self):
        return self.heard is not None and time.monotonic() - self.heard >= self.seconds


def is_alive(pid):
    """Whether a process runs; a zombie that waits for its adopted parent does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


def wait_until_gone(pid):
    for _ in range(50):
        if not is_alive(pid):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


def test_progress_outputs_arrays_and_files(fake, tmp_path):
    session = fake(
        """
        import numpy as np
        given = np.load(folder + "/inputs.npz")
        say("Progress", current=1, maximum=4, message="one")
        say("Progress", current=9, maximum=4, message="")
        np.savez(folder + "/outputs.npz", twice=2 * given["values"])
        open(folder + "/made.txt", "w").write(run["inputs"]["text"])
        say("Completed", outputs={"outputs": {"n": 3}, "files": {"made": "made.txt"}})
        time.sleep(60)
        """
    )
    heard = []
    values = np.array([[1.0, 2.0, 3.0]])
    target = tmp_path / "kept.txt"
    result = session.run(
        "any", {"text": "Gehölz"}, {"values": values}, files={"made": target}, progress=lambda *one: heard.append(one)
    )
    assert heard == [(0.25, "one"), (1.0, "")]  # fractions never leave 0 to 1
    assert result.outputs == {"n": 3}
    np.testing.assert_array_equal(result.arrays["twice"], 2 * values)
    assert result.files == {"made": target}
    assert target.read_text(encoding="utf-8") == "Gehölz"
    assert [path.name for path in tmp_path.glob("*.part")] == []


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("input", InputError, "Expected 10 samples, got 3."),
        ("model_file", ModelFileError, "Expected 10 samples, got 3."),
        ("memory", BackendFailed, "ran out of memory"),
        ("environment", BackendFailed, "hybridgeo:setupbackend"),
        ("bug", BackendFailed, "The backend failed: Expected 10 samples, got 3."),
        ("unheard of", BackendFailed, "The backend failed"),
    ],
)
def test_failures_become_errors(fake, kind, error, words):
    session = fake(f'say("Failed", kind={kind!r}, message="Expected 10 samples, got 3.", traceback="Traceback ...")')
    with pytest.raises(error, match=words) as caught:
        session.run("any")
    if error is BackendFailed:
        assert caught.value.details == "Traceback ..."


def test_a_worker_serves_on_after_a_failure(fake):
    session = fake(
        """
        say("Failed", kind="input", message="no", traceback="")
        run = hear()
        say("Completed", outputs={"outputs": {"pid": os.getpid()}})
        run = hear()
        say("Completed", outputs={"outputs": {"pid": os.getpid()}})
        time.sleep(60)
        """
    )
    with pytest.raises(InputError):
        session.run("first")
    assert session.run("second").outputs == session.run("third").outputs


@pytest.mark.skipif(not POSIX, reason="signals")
@pytest.mark.parametrize(
    ("ending", "words"),
    [
        ("os._exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9: most often out of memory"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "killed by signal 11"),
        ("os.kill(os.getpid(), signal.SIGILL)", "AVX"),
        ("sys.exit(0)", "exit code 0"),
        ("raise RuntimeError('oh no')", "RuntimeError: oh no"),
    ],
)
def test_a_crash_is_told_from_the_exit_code(fake, ending, words):
    session = fake(f'print("last words", file=sys.stderr, flush=True)\n{ending}')
    with pytest.raises(BackendFailed, match="ended unexpectedly") as caught:
        session.run("any")
    assert words in str(caught.value)
    assert "last words" in caught.value.details


def test_messages_before_a_crash_count(fake):
    session = fake('say("Completed", outputs={"outputs": {"n": 1}})\nos._exit(1)')
    assert session.run("any").outputs == {"n": 1}


def test_a_crash_between_runs_is_told_at_the_next(fake):
    session = fake('say("Completed", outputs={})\nos._exit(1)')
    session.run("first")
    time.sleep(0.3)
    with pytest.raises(BackendFailed, match="exit code 1"):
        session.run("second")


def test_a_worker_that_cannot_start(scratch, tmp_path):
    with pytest.raises(BackendFailed, match="cannot be started.*hybridgeo:setupbackend"):
        run_task("any", python=tmp_path / "no python here")
    with Session("", command=[sys.executable, "-c", "import no_such_module"]) as session:
        with pytest.raises(BackendFailed, match="could not start.*hybridgeo:setupbackend") as caught:
            session.run("any")
    assert "no_such_module" in caught.value.details
    assert list(scratch.iterdir()) == []


def test_noise_on_standard_output_is_no_message(fake):
    session = fake(
        """
        print("Epoch 1/10 [==========]")
        print('{"loss": 0.5}')
        print('{"type": "Progress"')
        sys.stdout.buffer.write(b"\\xff\\xfe\\x00 broken\\n"); sys.stdout.flush()
        print("x" * 1_000_000)
        say("Completed", outputs={"outputs": {"n": 1}})
        """
    )
    assert session.run("any").outputs == {"n": 1}


def test_much_standard_error_blocks_nobody(fake):
    session = fake(
        """
        for _ in range(2000):
            print("w" * 1000, file=sys.stderr)
        print("the end", file=sys.stderr, flush=True)
        os._exit(2)
        """
    )
    with pytest.raises(BackendFailed) as caught:
        session.run("any")
    assert caught.value.details.endswith("the end\n")
    assert len(caught.value.details) <= 20_000


def test_cancel_is_heard(fake):
    session = fake('say("Progress", current=0)\nhear()\nsay("Cancelled")\ntime.sleep(60)', grace=20)
    cancel = CancelAfter()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        session.run("any", progress=cancel.progress, is_cancelled=cancel)
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("answer", ['say("Completed", outputs={})', 'say("Failed", kind="bug", message="")', "pass"])
def test_cancel_wins_over_any_other_end(fake, answer, tmp_path):
    session = fake(f'say("Progress", current=0)\nhear()\n{answer}')
    cancel = CancelAfter()
    with pytest.raises(Cancelled):
        session.run("any", progress=cancel.progress, is_cancelled=cancel)


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
def test_a_deaf_worker_is_ended_with_its_children(fake):
    # The child ignores polite signals and its parent's end; the worker hears nothing and says nothing.
    session = fake(
        """
        code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
        child = subprocess.Popen([sys.executable, "-c", code])
        say("Progress", current=0, message=str(child.pid))
        time.sleep(600)
        """
    )
    cancel = CancelAfter()
    pids = []

    def progress(fraction, message):
        cancel.progress(fraction, message)
        pids.append(int(message))

    started = time.monotonic()
    with pytest.raises(Cancelled):
        session.run("any", progress=progress, is_cancelled=cancel)
    assert time.monotonic() - started < 10  # the grace of half a second, and interpreters starting
    wait_until_gone(pids[0])


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
def test_children_of_a_crashed_worker_are_ended(fake):
    session = fake(
        """
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        say("Progress", current=0, message=str(child.pid))
        os._exit(1)
        """
    )
    pids = []
    with pytest.raises(BackendFailed):  # though the child holds the pipes open
        session.run("any", progress=lambda fraction, message: pids.append(int(message)))
    wait_until_gone(pids[0])


def test_a_silent_worker_can_be_cancelled(fake):
    session = fake("time.sleep(600)")
    started = time.monotonic()
    with pytest.raises(Cancelled):
        session.run("any", is_cancelled=lambda: time.monotonic() - started > 1.0)


def test_an_error_in_progress_ends_the_worker(fake):
    session = fake('say("Progress", current=0)\ntime.sleep(600)')

    def progress(fraction, message):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        session.run("any", progress=progress)


def test_nothing_starts_when_already_cancelled(fake, scratch):
    session = fake("os._exit(1)")
    with pytest.raises(Cancelled):
        session.run("any", is_cancelled=lambda: True)
    assert list(scratch.iterdir()) == []


def test_no_zombie_is_left(fake):
    session = fake('say("Completed", outputs={})\ntime.sleep(600)')
    session.run("any")
    process = session._connection._process
    session.close()
    assert process.returncode is not None


def test_a_file_the_task_did_not_make(fake, tmp_path):
    session = fake('say("Completed", outputs={"files": {}})')
    with pytest.raises(BackendFailed, match="no file named 'model'"):
        session.run("any", files={"model": tmp_path / "model.onnx"})
    assert not (tmp_path / "model.onnx").exists()


def test_an_unwritable_destination_is_refused_before_the_work(fake, tmp_path):
    session = fake("os._exit(1)")
    for path in (tmp_path / "no such folder" / "a.onnx", tmp_path):
        with pytest.raises(InputError, match="Cannot write"):
            session.run("any", files={"model": path})


def test_require_writable_leaves_no_trace(tmp_path):
    require_writable(tmp_path / "new.txt")
    assert list(tmp_path.iterdir()) == []


def test_windows_says_before_the_work_that_a_file_is_open(monkeypatch, tmp_path):
    """Truth: Windows refuses to rename a file, even to its own name, while a program has it open."""
    loaded = tmp_path / "loaded.tif"
    loaded.write_text("old")
    monkeypatch.setattr(delivery, "WINDOWS", True)
    require_writable(loaded)
    assert loaded.read_text() == "old"

    def refuse(source, target):
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    monkeypatch.setattr(delivery.os, "rename", refuse)
    with pytest.raises(InputError, match="Cannot write .*loaded.tif: it is open; remove its layer from the project"):
        require_writable(loaded)


def test_files_arrive_together_or_not_at_all(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("new")
    second.write_text("new")
    kept = tmp_path / "kept.txt"
    kept.write_text("old")
    blocked = tmp_path / "gone" / "b.txt"
    with pytest.raises(InputError, match="Cannot write"):
        deliver({"a": first, "b": second}, {"a": kept, "b": blocked})
    assert kept.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first", "kept.txt", "second"]


def test_objects_do_not_travel(fake):
    session = fake("os._exit(1)")
    with pytest.raises(TypeError, match="Python objects"):
        session.run("any", arrays={"a": np.array([{}])})
    with pytest.raises(TypeError, match="JSON"):
        session.run("any", {"a": object()})


def test_the_client_needs_no_qgis():
    code = "import sys; sys.modules['qgis'] = None; import core.backend.client, core.backend.tasks"
    root = Path(__file__).resolve().parents[3]
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)
