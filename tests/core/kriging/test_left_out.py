"""Truth: leaving samples out by formula equals refitting without them, in an explicit loop."""

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

SAME = {"rtol": 1e-8, "atol": 1e-10}


def refitted_without(rows, coordinates, values, model, neighborhood, drift):
    keep = np.setdiff1d(np.arange(len(values)), rows)
    kriging = fit_kriging(coordinates[keep], values[keep], model, neighborhood, drift[keep])
    return kriging.predict(coordinates[rows], drift[rows])


@pytest.mark.parametrize("n_drift", [0, 1, 2])
def test_leave_one_out(samples, model, neighborhood, n_drift):
    coordinates, values, drift, _, _ = samples
    drift = drift[:, :n_drift]
    kriging = fit_kriging(coordinates, values, model, neighborhood, drift)
    left_out = kriging.leave_one_out()
    some = kriging.leave_one_out(np.array([7, 2]))
    assert_allclose(some.estimate, left_out.estimate[[7, 2]], **SAME)
    assert_allclose(some.kriging_variance, left_out.kriging_variance[[7, 2]], **SAME)
    for i in range(0, len(values), 3):
        expected = refitted_without(np.array([i]), coordinates, values, model, neighborhood, drift)
        assert_allclose(left_out.estimate[i], expected.estimate[0], **SAME)
        assert_allclose(left_out.kriging_variance[i], expected.kriging_variance[0], **SAME)
        assert_allclose(left_out.smoothing_variance[i], expected.smoothing_variance[0], **SAME)
        assert left_out.n_neighbors[i] == expected.n_neighbors[0]


@pytest.mark.parametrize("n_drift", [0, 2])
def test_leave_group_out(samples, model, neighborhood, n_drift):
    coordinates, values, drift, _, _ = samples
    drift = drift[:, :n_drift]
    groups = np.random.default_rng(2).integers(0, 4, len(values)) * 10 - 3
    left_out = fit_kriging(coordinates, values, model, neighborhood, drift).leave_group_out(groups)
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        expected = refitted_without(rows, coordinates, values, model, neighborhood, drift)
        assert_allclose(left_out.estimate[rows], expected.estimate, **SAME)
        assert_allclose(left_out.kriging_variance[rows], expected.kriging_variance, **SAME)
        assert_allclose(left_out.smoothing_variance[rows], expected.smoothing_variance, **SAME)
        assert_array_equal(left_out.n_neighbors[rows], expected.n_neighbors)


@pytest.mark.parametrize("k", [None, 8])
def test_groups_of_one_are_leave_one_out(meuse, k):
    coordinates, values, drift = (part[::3] for part in meuse)
    model = VariogramModel(0.0674, (Structure("spherical", 0.149, 700.0),))
    kriging = fit_kriging(coordinates, values, model, Neighborhood(k), drift)
    one, each = kriging.leave_one_out(), kriging.leave_group_out(np.arange(len(values)))
    assert_allclose(one.estimate, each.estimate, **SAME)
    assert_allclose(one.kriging_variance, each.kriging_variance, **SAME)


@pytest.mark.parametrize("k", [None, 12])
def test_the_only_sample_of_a_class_has_no_estimate_without_itself(meuse, k):
    coordinates, values, _ = (part[:50] for part in meuse)
    flags = np.zeros((50, 2))
    flags[7, 0] = 1.0
    flags[20:35, 1] = 1.0
    kriging = fit_kriging(
        coordinates, values, VariogramModel(0.05, (Structure("spherical", 0.6, 900.0),)), Neighborhood(k), flags
    )
    left_out = kriging.leave_one_out()
    assert_array_equal(np.flatnonzero(np.isnan(left_out.estimate)), [7])
    assert left_out.n_neighbors[7] == 0
    by_group = kriging.leave_group_out(np.arange(50) % 5)
    # The others of its group keep their estimates: they do not need that class.
    assert_array_equal(np.flatnonzero(np.isnan(by_group.estimate)), [7])
    others = np.flatnonzero(np.arange(50) % 5 == 2)
    expected = refitted_without(others, coordinates, values, kriging.variogram, kriging.neighborhood, flags)
    assert_allclose(by_group.estimate[others], expected.estimate, **SAME)


@pytest.mark.parametrize("k", [None, 10])
def test_a_group_of_all_samples_leaves_nothing(meuse, k):
    coordinates, values, _ = (part[:20] for part in meuse)
    model = VariogramModel(0.05, (Structure("spherical", 0.6, 900.0),))
    left_out = fit_kriging(coordinates, values, model, Neighborhood(k)).leave_group_out(np.zeros(20, dtype=int))
    assert np.isnan(left_out.estimate).all() and (left_out.n_neighbors == 0).all()


@pytest.mark.parametrize("k", [None, 3])
def test_coincident_samples_are_separate_measurements(k):
    # Truth by hand: two samples far from everything else predict each other as if both carried the nugget.
    model = VariogramModel(0.4, (Structure("spherical", 0.6, 10.0),))
    coordinates = np.array([(0.0, 0.0), (0.0, 0.0), (1000.0, 0.0), (2000.0, 500.0)])
    values = np.array([1.0, 3.0, 5.0, 9.0])
    kriging = fit_kriging(coordinates, values, model, Neighborhood(k))
    at_sample = kriging.predict(coordinates[:1])
    assert_allclose([at_sample.estimate[0], at_sample.kriging_variance[0]], [2.0, 0.0])
    others = fit_kriging(coordinates[1:], values[1:], model).predict([(1e-9, 0.0)])
    left_out, grouped = kriging.leave_one_out(), kriging.leave_group_out(np.arange(4))
    for result in (left_out, grouped):
        assert_allclose(result.estimate[0], others.estimate[0], rtol=1e-6)
        assert_allclose(result.kriging_variance[0], others.kriging_variance[0], rtol=1e-6)
