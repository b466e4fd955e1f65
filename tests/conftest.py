"""Make the repository importable under its plugin name, whatever its folder is called."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "hybrid_geostatistics"

# QGIS processes that tests start need a display or this.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

if PACKAGE not in sys.modules:
    spec = importlib.util.spec_from_file_location(
        PACKAGE, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    spec.loader.exec_module(package)


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="also run the tests marked slow")


def pytest_collection_modifyitems(config, items):
    no_tensorflow = importlib.util.find_spec("tensorflow") is None
    for item in items:
        if item.get_closest_marker("backend") and no_tensorflow:
            item.add_marker(pytest.mark.skip(reason="needs TensorFlow: tools/test runs it in the backend environment"))
        if item.get_closest_marker("slow") and not config.getoption("--all"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --all"))


@pytest.fixture(scope="session")
def root():
    """Return the repository root, which is the plugin folder."""
    return ROOT


@pytest.fixture(scope="session")
def sample(root):
    """Return the folder of the Meuse sample."""
    return root / "resources" / "sample"


@pytest.fixture(scope="session")
def qgis_process_with(tmp_path_factory):
    """Return a function that makes a command line of QGIS with a plugin folder in a profile of its own."""
    # bookworm's wrapper passes a flag that its qgis_process does not know; the binary behind it is fine.
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        pytest.skip("qgis_process is not installed")

    def make(plugin):
        config = tmp_path_factory.mktemp("qgis")
        profile = config / "profiles" / "default"
        (profile / "python" / "plugins").mkdir(parents=True)
        (profile / "python" / "plugins" / PACKAGE).symlink_to(plugin, target_is_directory=True)
        (profile / "QGIS").mkdir()
        (profile / "QGIS" / "QGIS3.ini").write_text(f"[PythonPlugins]\n{PACKAGE}=true\n", encoding="utf-8")
        environment = {key: text for key, text in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        environment["QGIS_CUSTOM_CONFIG_PATH"] = str(config)

        def run(algorithm, check=True, **parameters):
            """Run an algorithm or a .model3 file; values become text, and a list is given value by value."""
            pairs = [
                f"{name}={value}"
                for name, values in parameters.items()
                for value in (values if isinstance(values, list) else [values])
            ]
            done = subprocess.run(
                [program, "run", str(algorithm), "--", *pairs],
                env=environment,
                capture_output=True,
                text=True,
                timeout=600,
            )
            assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
            return done

        return run

    return make


@pytest.fixture(scope="session")
def qgis_process(qgis_process_with, root):
    """Return a function that runs QGIS's command line with this folder as the plugin."""
    return qgis_process_with(root)
