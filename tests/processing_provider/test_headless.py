"""The plugin in qgis_process: listed, described, run, refused. Truth: what a user's shell sees."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Debian's qgis_process is a wrapper that is broken in 3.22; the binary behind it is there everywhere on Debian.
PROGRAM = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs qgis_process")


@pytest.fixture(scope="module")
def qgis_process(root, tmp_path_factory):
    """Return a function that runs qgis_process with a profile of its own in which the plugin is enabled."""
    folder = tmp_path_factory.mktemp("profile")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "hybrid_geostatistics").symlink_to(root, target_is_directory=True)
    runtime = folder / "runtime"
    runtime.mkdir(mode=0o700)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(folder / "config"),
        "QGIS_PLUGINPATH": str(folder / "plugins"),
        "XDG_RUNTIME_DIR": str(runtime),
    }

    def qgis_process(*arguments, meanwhile=None):
        """Return the finished process; `meanwhile` is called with the running one."""
        started = subprocess.Popen(
            [PROGRAM, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )
        try:
            if meanwhile is not None:
                meanwhile(started)
            output, errors = started.communicate(timeout=300)
        finally:
            started.kill()
        return subprocess.CompletedProcess(started.args, started.returncode, output, errors)

    done = qgis_process("plugins", "enable", "hybrid_geostatistics")
    assert done.returncode == 0, done.stderr
    return qgis_process


def test_every_algorithm_is_listed(qgis_process):
    done = qgis_process("list")
    assert "Traceback" not in done.stderr + done.stdout
    for name in ("checksamples", "fitvariogram", "ordinarykriging", "trainhybridmodel", "predictraster", "spectralpca",
                 "comparemethods", "setupbackend", "checkbackend"):  # fmt: skip
        assert f"hybridgeo:{name}\t" in done.stdout


def test_help_names_parameters_and_outputs(qgis_process):
    done = qgis_process("help", "hybridgeo:ordinarykriging")
    assert done.returncode == 0
    for words in ("CELL_SIZE", "Side of the square cells", "KRIGING_VARIANCE: <outputRaster>"):
        assert words in done.stdout


def test_runs_and_gives_json(qgis_process, samples, variogram, template, tmp_path, world):
    done = qgis_process(
        "--json", "run", "hybridgeo:ordinarykriging", "--", f"INPUT={samples}", "FIELD=zinc", f"VARIOGRAM={variogram}",
        f"TEMPLATE={template}", f"ESTIMATE={tmp_path / 'e.tif'}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["results"] == {"ESTIMATE": str(tmp_path / "e.tif"), "N": 40, "N_DUPLICATES": 0}
    assert world.read_raster(tmp_path / "e.tif")[0].shape == (1, 5, 3)


@pytest.mark.parametrize(
    "parameters, words",
    [
        (["FIELD=nickel"], "no field nickel"),
        (["FIELD=zinc", "TEMPLATE=/nowhere.tif"], "got /nowhere.tif"),
        (["FIELD=zinc", "CELL_SIZE=0.00001"], "TiB"),
        (["FIELD=zinc", "ESTIMATE=/nowhere/at/all/e.tif"], "Cannot write /nowhere/at/all/e.tif"),
    ],
)
def test_refuses_with_a_message_and_an_exit_code(qgis_process, samples, variogram, tmp_path, parameters, words):
    folder = tmp_path / "out"
    folder.mkdir()
    given = [f"INPUT={samples}", f"VARIOGRAM={variogram}", *parameters]
    if not any("ESTIMATE" in parameter for parameter in parameters):
        given.append(f"ESTIMATE={folder / 'e.tif'}")
    done = qgis_process("run", "hybridgeo:ordinarykriging", "--", *given)
    assert done.returncode != 0 and words in done.stderr + done.stdout
    assert "Traceback" not in done.stderr and list(folder.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without telling them")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_an_interrupted_run_leaves_nothing_and_fails(qgis_process, samples, variogram, tmp_path, name):
    folder = tmp_path / "out"
    folder.mkdir()

    def interrupt(process):
        for _ in range(1200):  # until the first raster is begun, two minutes at most
            if list(folder.iterdir()) or process.poll() is not None:
                break
            time.sleep(0.1)
        assert process.poll() is None
        process.send_signal(getattr(signal, name))

    done = qgis_process(
        "run", "hybridgeo:ordinarykriging", "--", f"INPUT={samples}", "FIELD=zinc", f"VARIOGRAM={variogram}",
        "CELL_SIZE=0.01", f"ESTIMATE={folder / 'e.tif'}", f"KRIGING_VARIANCE={folder / 'v.tif'}", meanwhile=interrupt,
    )  # fmt: skip
    assert done.returncode != 0 and "Cancelled by the user; nothing was written." in done.stderr + done.stdout
    assert list(folder.iterdir()) == []


def test_loading_imports_nothing_outside_qgis(world, root):
    """In a fresh interpreter: after loading the plugin none of the heavy libraries is there."""
    code = """
before = set(sys.modules)
plugin = package.classFactory(None)
plugin.initProcessing()
assert QgsApplication.processingRegistry().providerById("hybridgeo").algorithms()
print("new:", *sorted({name.split(".")[0] for name in set(sys.modules) - before}))
plugin.unload()
"""
    done = world.run_in_a_fresh_qgis(root, code)
    found = [line.split() for line in done.stdout.splitlines() if line.startswith("new:")]
    assert found, done.stderr
    heavy = {"skgstat", "sklearn", "pandas", "numba", "onnxruntime", "tensorflow", "keras", "tf2onnx", "matplotlib"}
    assert "numpy" in found[0] and not set(found[0]) & heavy
