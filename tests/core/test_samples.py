"""Samples refuse what does not belong together. Truth: hand-made tables with one fault each."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.samples import Covariates, Samples

PLACES = np.array([[0.0, 0.0], [5.0, 1.0], [2.0, 7.0]])
DEPTH = Covariates(("depth",), np.arange(3.0)[:, None], (False,))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": ("zinc", "zinc"), "values": np.ones((3, 2))}, "given twice: zinc"),
        ({"holes": np.array(["a", "b"])}, "drill hole of each of 3 samples, got shape .2,."),
        ({"depths": np.array([1.0, np.nan, 2.0])}, "finite depths"),
        ({"values": np.ones((2, 1))}, "shape .3, 1."),
        ({"values": np.array([[1.0], [np.inf], [2.0]])}, "first: row 2"),
        ({"coordinates": PLACES[:, :1]}, "n_samples, 2 or 3"),
        ({"covariates": DEPTH.rows(np.arange(2))}, "each of 3 samples, got 2 rows"),
        ({"covariates": DEPTH, "targets": ("depth",)}, "cannot be its own covariate: depth"),
    ],
)
def test_bad_tables_are_named(change, message):
    given = {"coordinates": PLACES, "values": np.ones((3, 1)), "targets": ("zinc",), **change}
    with pytest.raises(InputError, match=message):
        Samples(**given)
