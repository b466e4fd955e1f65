"""What a model says about its covariates. Truth: there and back; ranges counted by hand."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import exchange
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.covariate_origins import check_ranges, covariates_from_list, covariates_to_list
from hybrid_geostatistics.core.samples import Covariates

ROCK = {"kind": "polygons", "field": "unit", "classes": ["basalt", "tuff"]}
TRAINING = Covariates(
    ("dem", "rock", "z"),
    np.array([[10.0, 1.0, -1.0], [30.0, 2.0, -3.0], [20.0, 2.0, -2.0]]),
    (False, True, False),
    (None, ROCK, {"kind": "elevation"}),
)


def test_there_and_back():
    entries = json.loads(json.dumps(covariates_to_list(TRAINING)))
    assert entries[0] == {"name": "dem", "categorical": False, "range": [10.0, 30.0]}
    assert entries[1] == {"name": "rock", "categorical": True, "classes": [1.0, 2.0], "origin": ROCK}
    back = covariates_from_list(entries, TRAINING.values)
    assert back.names == TRAINING.names and back.origins == TRAINING.origins
    assert back.categorical == TRAINING.categorical
    assert covariates_to_list(None) == [] and covariates_from_list([], np.empty((3, 0))) is None


def test_files_of_before_have_no_origins():
    entries = [{"name": "dem", "categorical": False}]
    assert covariates_from_list(entries, np.ones((2, 1))).origins == (None,)


def test_origins_travel_to_the_backend():
    content, arrays = exchange.pack_covariates(TRAINING)
    assert exchange.unpack_covariates(json.loads(json.dumps(content)), arrays).origins == TRAINING.origins
    assert TRAINING.rows(np.array([2])).origins == TRAINING.origins
    assert TRAINING.columns(["z", "dem"]).origins == ({"kind": "elevation"}, None)


def test_ranges():
    given = Covariates(
        ("rock", "z", "dem"),
        np.array([[1.0, -1.5, 10.0], [9.0, -3.5, 31.0], [2.0, -9.0, 41.0], [np.nan, -2.0, np.nan]]),
        (True, False, False),
    )
    dem, rock, z = check_ranges(TRAINING, given)
    assert (dem.outside, dem.far, dem.lowest, dem.highest) == (2 / 3, 1 / 3, 10.0, 41.0)
    assert (rock.outside, rock.trained) == (1 / 3, (1.0, 2.0))
    assert (z.outside, z.far) == (0.5, 0.25)
    unknown = check_ranges(TRAINING, Covariates(TRAINING.names, np.full((2, 3), np.nan), TRAINING.categorical))
    assert [check.outside for check in unknown] == [0.0, 0.0, 0.0] and np.isnan(unknown[0].highest)


def test_an_origin_each():
    with pytest.raises(InputError, match="an origin for each of 2 covariates, got 1"):
        Covariates(("a", "b"), np.zeros((1, 2)), (False, False), (None,))
