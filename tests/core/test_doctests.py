"""The examples in the docstrings of core run and show what they say."""

import doctest
import importlib
import pkgutil

import numpy as np
import pytest
from hybrid_geostatistics import core

MODULES = [info.name for info in pkgutil.walk_packages(core.__path__, core.__name__ + ".") if not info.ispkg]


@pytest.fixture(autouse=True)
def numpy_prints_as_before_2():
    # numpy 2 prints scalars as np.float64(1.0); the examples are written without.
    before = np.get_printoptions()
    if int(np.__version__.split(".")[0]) >= 2:
        np.set_printoptions(legacy="1.25")
    yield
    np.set_printoptions(**before)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("hybrid_geostatistics"):
            raise
        pytest.skip(f"{error.name} is not in this environment")
    assert doctest.testmod(module).failed == 0
