"""The real worker in this interpreter: its ends, its pipes, and its parent's death.

Truth: adapter contract of the protocol, on a real process.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hybrid_geostatistics.core.backend import tasks
from hybrid_geostatistics.core.backend.adapters.learned import LEARNED
from hybrid_geostatistics.core.backend.client import Session, run_task
from hybrid_geostatistics.core.backend.interpreters import MODULES
from hybrid_geostatistics.core.backend.process import clean_environment
from hybrid_geostatistics.core.errors import BackendFailed, Cancelled, InputError, ModelFileError
from hybrid_geostatistics.core.validation.methods import METHODS

ROOT = Path(__file__).resolve().parents[3]

# A worker with one task more, which does what its inputs say.
WITH_A_TASK = """
import ctypes, sys, time, subprocess
from core import errors
from core.backend import job, tasks, worker
from core.progress import stop_if

def perform(given):
    what = given.inputs["what"]
    if what == "wait":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (given.folder / "begun").write_text(str(child.pid))
        given.progress(0.1, str(child.pid))
        while True:
            stop_if(given.is_cancelled)
            time.sleep(0.01)
    if what == "noise":
        print("from python")
        ctypes.CDLL(None).puts(b"from C")
        ctypes.CDLL(None).fflush(None)
        subprocess.run([sys.executable, "-c", "import sys; print('from a child'); print(repr(sys.stdin.read()))"])
        for step in range(10000):
            given.progress(step / 10000, "")
    if what == "raise":
        raise getattr(errors, given.inputs["error"], ZeroDivisionError)(*given.inputs["arguments"])
    if what == "unplain":
        return job.TaskResult({"a": object()})
    return job.TaskResult({"what": what})

tasks.TASKS["test"] = tasks.Task(perform, lambda inputs: tuple(inputs.get("modules", ())))
worker.main()
"""


@pytest.fixture(scope="module")
def command():
    return [sys.executable, "-u", "-c", WITH_A_TASK]


def test_describe_in_a_real_worker():
    result = run_task("describe", python=sys.executable)
    assert result.outputs["python"] == ".".join(map(str, sys.version_info[:3]))
    assert Path(result.outputs["prefix"]) == Path(sys.prefix)


def test_one_worker_runs_many_tasks_and_survives_failures(command):
    with Session("", command=command) as session:
        assert session.run("test", {"what": "once"}).outputs == {"what": "once"}
        for error, arguments, expected, words in (
            ("InputError", ["Expected 10, got 3."], InputError, "Expected 10, got 3."),
            ("KrigingSystemError", ["No solution.", 12], InputError, "No solution."),
            ("ModelFileError", ["Not ours."], ModelFileError, "Not ours."),
            ("Nothing", ["zero"], BackendFailed, "ZeroDivisionError: zero"),
        ):
            with pytest.raises(expected, match=words) as caught:
                session.run("test", {"what": "raise", "error": error, "arguments": arguments})
            if expected is BackendFailed:
                assert "perform" in caught.value.details  # the traceback
        with pytest.raises(BackendFailed, match="JSON can hold"):
            session.run("test", {"what": "unplain"})
        with pytest.raises(InputError, match="No task named 'nothing'"):
            session.run("nothing")
        assert session.run("test", {"what": "again"}).outputs == {"what": "again"}


def test_a_missing_library_is_a_damaged_environment(command):
    with Session("", command=command) as session:
        with pytest.raises(BackendFailed, match="damaged.*no_such_library.*hybridgeo:setupbackend"):
            session.run("test", {"what": "once", "modules": ["no_such_library"]})
        assert session.run("test", {"what": "once"}).outputs == {"what": "once"}


@pytest.mark.skipif(os.name != "posix", reason="calls the C library")
def test_only_messages_reach_standard_output(command):
    heard = []
    with Session("", command=command) as session:
        assert session.run("test", {"what": "noise"}, progress=lambda *one: heard.append(one)).outputs
        session._connection.end()
        errors = bytes(session._connection._tail).decode()
    for words in ("from python", "from C", "from a child", "''"):  # the child's input is empty, not ours
        assert words in errors
    assert len(heard) < 1000  # ten thousand steps are not ten thousand messages


def test_cancel_stops_the_task_and_ends_its_children(command):
    children = []

    def progress(fraction, message):
        children.append(int(message))

    with Session("", command=command, grace_seconds=20) as session:
        started = time.monotonic()
        with pytest.raises(Cancelled):
            session.run("test", {"what": "wait"}, progress=progress, is_cancelled=lambda: bool(children))
        assert time.monotonic() - started < 15
        # A session goes on after a cancel, with a new worker.
        assert session.run("test", {"what": "once"}).outputs == {"what": "once"}
    assert not Path(f"/proc/{children[0]}/cmdline").exists() or not Path(f"/proc/{children[0]}/cmdline").read_bytes()


def start(command):
    return subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def test_an_idle_worker_ends_with_its_input(command):
    process = start(command)
    assert json.loads(process.stdout.readline())["type"] == "Started"
    process.stdin.close()
    assert process.wait(timeout=10) == 0
    process.stdout.close()


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_a_busy_worker_whose_parent_died_ends_with_everything(command, tmp_path):
    folder = tmp_path / "hybridgeo-test" / "1"
    folder.mkdir(parents=True)
    process = start(command)
    message = {"type": "Run", "task": "test", "inputs": {"what": "wait"}, "folder": str(folder)}
    process.stdin.write(b"noise\n" + json.dumps(message).encode() + b"\n")
    process.stdin.flush()
    lines = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [line["type"] for line in lines] == ["Started", "Progress"]
    child = int(lines[1]["message"])
    process.stdin.close()
    assert process.wait(timeout=10) != 0
    process.stdout.close()
    assert not folder.parent.exists()
    for _ in range(50):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        raise AssertionError("the child is still there")


def test_every_task_needs_only_what_the_backend_has():
    every_method = [*METHODS, *LEARNED]
    for name in tasks.TASKS:
        for inputs in ({}, {"methods": every_method}, *({"architecture": one} for one in LEARNED)):
            assert set(tasks.modules_of(name, inputs)) <= {*MODULES, "sklearn", "pyevtk"}
    assert {"tensorflow", "skgstat", "sklearn"} <= set(tasks.modules_of("compare_methods", {"methods": every_method}))
