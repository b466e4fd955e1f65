"""Child processes: what they inherit, and how they end.

Truth: adapter contract; the variables are those that launchers of QGIS are known to set.
"""

import os
import sys
import time

import pytest
from hybrid_geostatistics.core.backend import process
from hybrid_geostatistics.core.backend.process import ProgramFailed, clean_environment, run
from hybrid_geostatistics.core.errors import Cancelled

LEFT_BY_QGIS = (
    "PYTHONHOME PYTHONPATH PYTHONEXECUTABLE PYTHONSTARTUP PYTHONUSERBASE PROJ_LIB PROJ_DATA GDAL_DATA GDAL_DRIVER_PATH "
    "OGR_DRIVER_PATH QT_PLUGIN_PATH QT_QPA_PLATFORM QGIS_PREFIX_PATH QGIS_PLUGINPATH LD_LIBRARY_PATH LD_PRELOAD "
    "DYLD_LIBRARY_PATH VIRTUAL_ENV PIP_TARGET PIP_USER CONDA_PREFIX TF_FORCE_GPU_ALLOW_GROWTH __PYVENV_LAUNCHER__"
).split()


@pytest.mark.parametrize("name", LEFT_BY_QGIS)
def test_what_breaks_another_python_is_dropped(name):
    assert name not in clean_environment({name: "/somewhere", "PATH": "/usr/bin"})


@pytest.mark.parametrize("name", ["HOME", "HTTPS_PROXY", "no_proxy", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "LANG"])
def test_what_belongs_to_the_user_stays(name):
    assert clean_environment({name: "mine", "PATH": ""})[name] == "mine"


def test_what_is_set():
    made = clean_environment({"TF_CPP_MIN_LOG_LEVEL": "0"})
    assert made["PYTHONUTF8"] == "1"
    assert made["TF_CPP_MIN_LOG_LEVEL"] == "3"
    assert made["PATH"] == ""


def test_linear_algebra_has_one_thread_unless_the_user_says_otherwise():
    assert clean_environment({})["OPENBLAS_NUM_THREADS"] == "1"
    assert clean_environment({"OPENBLAS_NUM_THREADS": "4"})["OPENBLAS_NUM_THREADS"] == "4"


def test_certificates_that_point_nowhere_go(tmp_path):
    there = tmp_path / "ca.pem"
    there.touch()
    made = clean_environment({"SSL_CERT_FILE": str(there), "PIP_CERT": str(tmp_path / "gone.pem")})
    assert made.get("SSL_CERT_FILE") == str(there)
    assert "PIP_CERT" not in made


def test_folders_of_a_windows_qgis_leave_the_path(monkeypatch):
    monkeypatch.setattr(process, "WINDOWS", True)
    monkeypatch.setattr(process.os, "pathsep", ";")
    folders = [r"C:\OSGeo4W\bin", r"C:\Program Files\QGIS 3.34\apps\Qt5\bin", r"C:\Windows\System32", r"C:\tools\qgisx"]
    kept = clean_environment({"PATH": ";".join(folders)})["PATH"].split(";")
    assert kept == [r"C:\Windows\System32", r"C:\tools\qgisx"]


def test_folders_of_a_mac_qgis_leave_the_path():
    path = "/Applications/QGIS-LTR.app/Contents/MacOS/bin:/usr/bin:/opt/qgis/bin"
    assert clean_environment({"PATH": path})["PATH"] == "/usr/bin:/opt/qgis/bin"


def test_ending_a_program_on_windows_opens_no_console(monkeypatch):
    calls = []

    class Running:
        pid = 7
        poll = kill = wait = staticmethod(lambda: None)

    monkeypatch.setattr(process, "WINDOWS", True)
    monkeypatch.setattr(process, "_NO_WINDOW", 0x08000000)
    monkeypatch.setattr(process.subprocess, "run", lambda command, **options: calls.append((command, options)))
    process.end_tree(Running())
    ((command, options),) = calls
    assert command[1:] == ["/F", "/T", "/PID", "7"] and options["creationflags"] == 0x08000000


def test_our_own_environment_is_never_changed():
    before = dict(os.environ)
    clean_environment()["PYTHONUTF8"] = "0"
    assert dict(os.environ) == before


def test_run_returns_both_streams(tmp_path):
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    assert run([sys.executable, "-c", code], tmp_path).split() == ["out", "err"]


def test_run_tells_failures(tmp_path):
    with pytest.raises(ProgramFailed, match="exit code 3") as caught:
        run([sys.executable, "-c", "print('why'); raise SystemExit(3)"], tmp_path)
    assert caught.value.output.strip() == "why"
    with pytest.raises(ProgramFailed, match="did not end"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path, timeout=0.3)


def test_run_hands_over_every_line_once(tmp_path):
    lines = []
    code = "import time\nfor i in range(20): print(i, flush=True); time.sleep(0.02)"
    run([sys.executable, "-c", code], tmp_path, on_poll=lines.extend)
    assert [int(line) for line in lines] == list(range(20))


def test_run_can_be_cancelled(tmp_path):
    started = time.monotonic()
    with pytest.raises(Cancelled):
        run(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            tmp_path,
            is_cancelled=lambda: time.monotonic() - started > 0.3,
        )
    assert time.monotonic() - started < 10
