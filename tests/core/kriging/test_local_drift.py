"""Drift estimated anew in every neighbourhood. Truth: textbook systems of the neighbours, refits, exact fields.

Numbers of gstat with nmax are in test_vectors.
"""

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.estimate import Reason
from hybrid_geostatistics.core.kriging.functionals import BlockSize
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.kriging.trend import trend_columns
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

SAME = {"rtol": 1e-8, "atol": 1e-10}
MODEL = VariogramModel(0.2, (Structure("spherical", 0.8, 400.0),))


def columns_of(kind, coordinates, drift):
    """Return the drift's columns with the constant, in map units."""
    if kind == "external":
        return np.column_stack([np.ones(len(coordinates)), drift])
    return np.column_stack([np.ones(len(coordinates)), trend_columns(coordinates, 1 + (kind == "quadratic"))])


def fitted(kind, coordinates, values, model, hood, drift):
    options = {"drift": drift} if kind == "external" else {"trend_order": 1 + (kind == "quadratic")}
    return fit_kriging(coordinates, values, model, hood, local_drift=True, **options)


@pytest.mark.parametrize("block", [False, True], ids=["points", "blocks"])
@pytest.mark.parametrize("kind", ["external", "plane", "quadratic"])
def test_it_is_universal_kriging_of_the_neighbours(samples, model, kind, block):
    coordinates, values, drift, targets, target_drift = samples
    k = 30 if kind == "quadratic" else 12
    kriging = fitted(kind, coordinates, values, model, Neighborhood(k), drift)
    given = target_drift if kind == "external" else None
    size = BlockSize((60.0, 35.0, 8.0)[: coordinates.shape[1]], 3) if block else None
    result, positive = kriging.predict(targets, given, size), kriging.positive_weights(targets, given, size)
    smooth = VariogramModel(0.0, model.structures)
    mean = size.mean() if block else None
    prior = mean.point_weights @ smooth.covariance(mean.offsets, mean.offsets) @ mean.point_weights if block else None
    frame = model.structures[0].scaling(coordinates.shape[1])
    middle = coordinates.mean(axis=0)
    for i, target in enumerate(targets):
        near = np.argsort(np.linalg.norm((coordinates - target) @ frame.T, axis=1))[:k]
        places, weights = (target + mean.offsets, mean.point_weights) if block else (target[None], np.ones(1))
        between = smooth.covariance(coordinates[near], places) @ weights
        at_target = weights @ columns_of(kind, places - middle, np.repeat(target_drift[i : i + 1], len(places), axis=0))
        columns = columns_of(kind, coordinates[near] - middle, drift[near])
        n, size_of = columns.shape
        matrix = np.block(
            [[model.covariance(coordinates[near], coordinates[near]), columns], [columns.T, np.zeros([size_of] * 2)]]
        )
        solution = np.linalg.solve(matrix, np.concatenate([between, at_target]))
        w = solution[:n]
        expected_variance = (prior if block else model.sill) - solution @ np.concatenate([between, at_target])
        assert_allclose(result.estimate[i], w @ values[near], **SAME)
        assert_allclose(result.kriging_variance[i], expected_variance, rtol=1e-7, atol=1e-9)
        spread = w @ matrix[:n, :n] @ w
        assert_allclose(result.smoothing_variance[i], (prior if block else model.sill) - spread, rtol=1e-7, atol=1e-8)
        assert_allclose(positive[i], w[w > 0].sum(), rtol=1e-7)
    assert_array_equal(result.n_neighbors, k)


@pytest.mark.parametrize("kind", ["external", "plane"])
def test_leaving_out_is_refitting(samples, model, kind):
    coordinates, values, drift, _, _ = samples
    kriging = fitted(kind, coordinates, values, model, Neighborhood(14), drift)
    groups = np.arange(len(values)) % 7
    one, grouped = kriging.leave_one_out(), kriging.leave_group_out(groups)
    for i in range(0, len(values), 19):
        for result, keep in ((one, np.arange(len(values)) != i), (grouped, groups != groups[i])):
            other = fitted(kind, coordinates[keep], values[keep], model, Neighborhood(14), drift[keep])
            expected = other.predict(coordinates[i : i + 1], drift[i : i + 1] if kind == "external" else None)
            assert_allclose(result.estimate[i], expected.estimate[0], **SAME)
            assert_allclose(result.kriging_variance[i], expected.kriging_variance[0], rtol=1e-7)
            assert_allclose(result.smoothing_variance[i], expected.smoothing_variance[0], rtol=1e-6, atol=1e-9)


def test_all_samples_as_neighbours_are_one_system(samples, model):
    coordinates, values, drift, targets, target_drift = samples
    everyone = Neighborhood(len(values))
    local = fit_kriging(coordinates, values, model, everyone, drift, trend_order=1, local_drift=True)
    whole = fit_kriging(coordinates, values, model, None, drift, trend_order=1)
    near, far = local.predict(targets, target_drift), whole.predict(targets, target_drift)
    assert_allclose(near.estimate, far.estimate, rtol=1e-8)
    assert_allclose(near.kriging_variance, far.kriging_variance, rtol=1e-7)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("origin", [0.0, 7e6])
def test_a_surface_is_met_exactly_in_small_neighbourhoods(order, origin):
    """Unbiased weights reproduce every surface of their order, also where it is steep and the neighbours are close."""
    rng = np.random.default_rng(5)
    places = rng.uniform(0, 1e5, (5000, 2))
    targets = rng.uniform(2e4, 8e4, (300, 2))

    def surface(xy):
        x, y = (xy / 1e5).T
        return 3.0 + 40.0 * x - 25.0 * y + (order - 1) * (300.0 * x**2 - 500.0 * x * y + 80.0 * y**2)

    kriging = fit_kriging(
        places + origin, surface(places), MODEL, Neighborhood(24), trend_order=order, local_drift=True
    )
    assert_allclose(kriging.predict(targets + origin).estimate, surface(targets), rtol=1e-6, atol=1e-6)


def test_tiles_change_nothing(samples, model):
    coordinates, values, drift, targets, target_drift = samples
    kriging = fit_kriging(coordinates, values, model, Neighborhood(12), drift, local_drift=True)
    together = kriging.predict(targets, target_drift)
    alone = [kriging.predict(targets[[i]], target_drift[[i]]) for i in range(len(targets))]
    assert_allclose(together.estimate, np.concatenate([one.estimate for one in alone]), rtol=1e-9)
    assert_allclose(together.kriging_variance, np.concatenate([one.kriging_variance for one in alone]), rtol=1e-8)


def test_what_the_neighbours_do_not_determine_is_empty_and_says_so():
    """A class that all neighbours share needs no coefficient; one that only the target has leaves none."""
    east, north = np.meshgrid(np.arange(0.0, 200.0, 10.0), np.arange(0.0, 100.0, 10.0))
    places = np.column_stack([east.ravel(), north.ravel()])
    values = np.sin(places[:, 0] / 30.0) + places[:, 1] / 50.0
    is_right = (places[:, 0] > 100.0).astype(float)
    targets = np.array([[31.0, 42.0], [31.0, 42.0], [103.0, 42.0], [171.0, 42.0]])
    classes = np.array([0.0, 1.0, 1.0, 1.0])
    local = fit_kriging(places, values, MODEL, Neighborhood(16), is_right, local_drift=True)
    result = local.predict(targets, classes)
    assert_array_equal(result.reason, [0, Reason.DRIFT_UNDETERMINED, 0, 0])
    assert np.isnan(result.estimate[1]) and np.isnan(result.kriging_variance[1])
    ordinary = fit_kriging(places, values, MODEL, Neighborhood(16)).predict(targets)
    assert_allclose(result.estimate[[0, 3]], ordinary.estimate[[0, 3]], rtol=1e-9)
    assert_allclose(result.kriging_variance[[0, 3]], ordinary.kriging_variance[[0, 3]], rtol=1e-9)
    positive = local.positive_weights(targets, classes)
    assert_array_equal(np.isnan(positive), np.isnan(result.estimate))


def test_neighbours_on_a_line_determine_no_plane():
    places = np.column_stack([np.arange(40.0) * 10.0, np.zeros(40)])
    places[0, 1] = 500.0  # so that all samples together do
    values = np.cos(places[:, 0] / 40.0)
    kriging = fit_kriging(places, values, MODEL, Neighborhood(8), trend_order=1, local_drift=True)
    result = kriging.predict(np.array([[205.0, 0.0], [205.0, 5.0]]))
    assert_array_equal(result.reason, [0, Reason.DRIFT_UNDETERMINED])
    few = fit_kriging(places, values, MODEL, Neighborhood(2), trend_order=1, local_drift=True)
    assert_array_equal(few.predict(np.array([[205.0, 3.0]])).reason, [Reason.DRIFT_UNDETERMINED])
