"""Make the repository importable under its plugin name, whatever its folder is called."""

import importlib.util
import os
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
        if "backend" in item.keywords and no_tensorflow:
            item.add_marker(pytest.mark.skip(reason="needs TensorFlow: tools/test runs it in the backend environment"))
        if "slow" in item.keywords and not config.getoption("--all"):
            item.add_marker(pytest.mark.skip(reason="slow: run with --all"))


@pytest.fixture(scope="session")
def root():
    """Return the repository root, which is the plugin folder."""
    return ROOT
