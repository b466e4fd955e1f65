"""Encoding of covariates. Truth: definitions, invariance to monotone change of unit, round trips."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.covariates import CovariateEncoder
from hybrid_geostatistics.core.samples import Covariates
from numpy.testing import assert_allclose


def covariates(seed=0, n=60):
    rng = np.random.default_rng(seed)
    values = np.column_stack([rng.uniform(0, 5, n), rng.lognormal(size=n), np.tile([1.0, 2.0, 4.0, 4.0], n // 4)])
    values[:2, 2] = 9.0  # a class sampled twice
    return Covariates(("flat", "skewed", "soil"), values, (False, False, True))


def test_continuous_columns_are_standardised_and_classes_become_columns():
    given = covariates()
    encoder = CovariateEncoder.fit(given)
    encoded = encoder.encode(given)
    assert encoder.feature_names == ("flat", "log(skewed)", "soil=1", "soil=2")
    assert_allclose(encoded[:, :2].mean(axis=0), 0, atol=1e-12)
    assert_allclose(encoded[:, :2].std(axis=0), 1, rtol=1e-12)
    assert_allclose(encoded[:, 2], given.values[:, 2] == 1)


def test_rare_class_counts_as_the_most_frequent_and_unsampled_class_is_unknown():
    encoder = CovariateEncoder.fit(covariates())
    new = Covariates(
        ("flat", "skewed", "soil"), np.array([[1, 1, 9], [1, 1, 4], [1, 1, 3], [1, np.nan, 4]]), (False, False, True)
    )
    encoded = encoder.encode(new)
    assert_allclose(encoded[0], encoded[1])
    assert np.isnan(encoded[2]).all() and np.isnan(encoded[3]).all()


def test_matched_by_name_whatever_the_order():
    given = covariates()
    encoder = CovariateEncoder.fit(given)
    shuffled = Covariates(
        ("soil", "extra", "skewed", "flat"),
        np.column_stack([given.values[:, 2], np.zeros(60), given.values[:, 1], given.values[:, 0]]),
        (True, False, False, False),
    )
    assert_allclose(encoder.encode(shuffled), encoder.encode(given))
    with pytest.raises(InputError, match="missing: skewed"):
        encoder.encode(Covariates(("flat", "soil"), given.values[:, [0, 2]], (False, True)))


def test_targets_choose_the_shape_that_correlates_best():
    rng = np.random.default_rng(1)
    dist = rng.uniform(0, 1, 200) ** 3
    target = 3 - 2 * np.sqrt(dist) + 0.05 * rng.normal(size=200)
    encoder = CovariateEncoder.fit(Covariates(("dist",), dist[:, None], (False,)), target[:, None])
    assert encoder.feature_names == ("sqrt(dist)",)
    assert abs(np.corrcoef(encoder.encode(Covariates(("dist",), dist[:, None], (False,)))[:, 0], target)[0, 1]) > 0.97


def test_without_targets_a_change_of_unit_changes_nothing():
    given = covariates()
    in_other_units = Covariates(given.names, given.values * [1000.0, 0.01, 1.0], given.categorical)
    assert_allclose(
        CovariateEncoder.fit(given).encode(given),
        CovariateEncoder.fit(in_other_units).encode(in_other_units),
        atol=1e-9,
    )


def test_values_beyond_training_stay_finite_and_ordered():
    encoder = CovariateEncoder.fit(covariates())
    new = np.column_stack([np.full(5, 1.0), [-3.0, 0.0, 1.0, 50.0, 1e6], np.full(5, 4.0)])
    encoded = encoder.encode(Covariates(("flat", "skewed", "soil"), new, (False, False, True)))
    assert np.isfinite(encoded).all() and (np.diff(encoded[:, 1]) > 0).all()


def test_constant_and_dependent_columns_are_left_out():
    rng = np.random.default_rng(2)
    a = rng.normal(size=(40, 1))
    given = Covariates(("a", "twice", "constant"), np.hstack([a, 2 * a + 1, np.full((40, 1), 7.0)]), (False,) * 3)
    encoder = CovariateEncoder.fit(given)
    assert encoder.n_features == 1
    assert encoder.encode(given).shape == (40, 1)


def test_round_trip_through_json():
    import json

    given = covariates()
    encoder = CovariateEncoder.fit(given, given.values[:, :1])
    again = CovariateEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again == encoder
    assert_allclose(again.encode(given), encoder.encode(given), rtol=0)
