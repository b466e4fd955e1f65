"""What the pre-trained network reads.

Truth: theorems (shifted, multiplied, moved and turned data look alike; nothing is told of a left-out value but what
all places of a site share) and two roads (one formula for all left-out samples = kriging refitted without them).
"""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.kriging_context import (
    CONTEXT_NAMES,
    N_NEIGHBORS,
    N_SITE_COLUMNS,
    TOKEN_NAMES,
    KrigingContext,
)
from hybrid_geostatistics.core.kriging.left_out import leave_out, nearest_others
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, scaled

MODEL = VariogramModel(0.2, (Structure("spherical", 1.0, 40.0, azimuth=20.0, ratio_minor=0.6),))


def site(n=60, seed=4):
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0.0, 100.0, (n, 2)) * [1.0, 0.7]
    return coordinates, np.exp(np.sin(coordinates[:, 0] / 15.0) + 0.3 * rng.normal(size=n))


def refitted(coordinates, values, model, left_out):
    keep = np.setdiff1d(np.arange(len(values)), left_out)
    return keep, fit_kriging(coordinates[keep], values[keep], model)


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=12)])
@pytest.mark.parametrize("n_dropped", [0, 3])
def test_samples_left_out_with_others_are_kriged_as_if_never_taken(neighborhood, n_dropped):
    coordinates, values = site()
    kriging = fit_kriging(coordinates, values, MODEL, neighborhood)
    left_out = nearest_others(kriging, np.array([7, 31]), n_dropped)
    assert left_out.shape == (2, 1 + n_dropped) and left_out[:, 0].tolist() == [7, 31]
    neighbors = np.array([np.setdiff1d(np.arange(9), own)[:4] for own in left_out])
    found = leave_out(kriging, left_out, neighbors)
    for row, own in enumerate(left_out):
        keep, _ = refitted(coordinates, values, MODEL, own)
        plain = fit_kriging(coordinates[keep], values[keep], MODEL, neighborhood)
        target = plain.predict(coordinates[own[:1]])
        if neighborhood.is_global:
            np.testing.assert_allclose(found.weights[row] @ values, target.estimate[0], rtol=1e-9)
            np.testing.assert_allclose(found.kriging_variance[row], target.kriging_variance[0], rtol=1e-9)
            np.testing.assert_allclose(found.smoothing_variance[row], target.smoothing_variance[0], rtol=1e-9)
            others = plain.leave_one_out()
            residual = (plain.values - others.estimate) / others.kriging_std
            expected = residual[np.searchsorted(keep, neighbors[row])]
            np.testing.assert_allclose(found.neighbor_residuals[row], expected, rtol=1e-8)
        else:
            # The systems hold the neighbours' neighbours too: more samples than twelve, nearly the same weights.
            np.testing.assert_allclose(found.weights[row] @ values, target.estimate[0], atol=0.15)
        np.testing.assert_allclose(found.weights[row].sum(), 1.0, rtol=1e-9)
        assert (found.weights[row, own] == 0).all()


def test_leaving_out_needs_ordinary_kriging():
    coordinates, values = site()
    kriging = fit_kriging(coordinates, values, MODEL, trend_order=1)
    with pytest.raises(InputError, match="ordinary kriging"):
        leave_out(kriging, np.zeros((1, 1), dtype=int), np.ones((1, 2), dtype=int))
    kriging = fit_kriging(coordinates, values, MODEL)
    with pytest.raises(InputError, match="fewer than 60"):
        leave_out(kriging, np.zeros((1, 60), dtype=int), np.ones((1, 2), dtype=int))


def both(context):
    places = np.array([[30.0, 20.0], [55.5, 41.0], [90.0, 10.0]])
    at, left = context.at(places), context.left_out(np.array([3, 12, 44]), 1)
    assert at.tokens.shape == (3, N_NEIGHBORS, len(TOKEN_NAMES)) and at.context.shape == (3, len(CONTEXT_NAMES))
    return np.concatenate([at.tokens, left.tokens]), np.concatenate([at.context, left.context])


def test_units_of_the_values_do_not_show():
    coordinates, values = site()
    tokens, context = both(KrigingContext(fit_kriging(coordinates, values, MODEL)))
    other = KrigingContext(fit_kriging(coordinates, 500.0 + 1e3 * values, scaled(MODEL, 1e6)))
    other_tokens, other_context = both(other)
    np.testing.assert_allclose(other_tokens, tokens, atol=2e-5)  # single precision
    np.testing.assert_allclose(other_context, context, atol=2e-5)


def test_place_and_unit_of_the_map_do_not_show():
    coordinates, values = site()
    moved = np.array([4e5, 7e6]) + 1000.0 * coordinates
    first = MODEL.structures[0]
    model = VariogramModel(
        0.2, (Structure("spherical", 1.0, 40e3, azimuth=first.azimuth, ratio_minor=first.ratio_minor),)
    )
    here = KrigingContext(fit_kriging(coordinates, values, MODEL)).left_out(np.arange(10))
    there = KrigingContext(fit_kriging(moved, values, model)).left_out(np.arange(10))
    np.testing.assert_allclose(there.tokens, here.tokens, atol=1e-4)
    np.testing.assert_allclose(there.context, here.context, atol=1e-4)


def test_a_turn_of_the_map_turns_only_its_frame():
    # The frame follows the anisotropy: turned with it, everything looks the same.
    coordinates, values = site()
    angle = np.radians(50.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # clockwise, as azimuths
    turned = VariogramModel(0.2, (Structure("spherical", 1.0, 40.0, azimuth=70.0, ratio_minor=0.6),))
    here = KrigingContext(fit_kriging(coordinates, values, MODEL)).left_out(np.arange(10))
    there = KrigingContext(fit_kriging(coordinates @ turn.T, values, turned)).left_out(np.arange(10))
    np.testing.assert_allclose(there.tokens, here.tokens, atol=1e-4)
    np.testing.assert_allclose(there.context, here.context, atol=1e-4)


def test_a_left_out_value_tells_nothing_but_what_all_places_share():
    coordinates, values = site()
    changed = values.copy()
    # Another value of the same rank: ranks, extremes and ties stay.
    order = np.argsort(values)
    row = int(order[30])
    changed[row] = 0.5 * (values[row] + values[order[31]])
    before = KrigingContext(fit_kriging(coordinates, values, MODEL))
    after = KrigingContext(fit_kriging(coordinates, changed, MODEL))
    one, other = before.left_out(np.array([row]), 1), after.left_out(np.array([row]), 1)
    assert one.estimate == other.estimate and one.sigma == other.sigma
    np.testing.assert_array_equal(one.tokens, other.tokens)
    # The rest of the context holds the mean and spread of all samples, the same at every place.
    np.testing.assert_allclose(one.context, other.context, atol=0.02)
    local = [CONTEXT_NAMES.index(name) for name in ("spacing", "nearest", "farthest", "local_mean", "proportional")]
    np.testing.assert_array_equal(one.context[:, local], other.context[:, local])


def test_site_columns_are_the_same_everywhere():
    coordinates, values = site()
    _, context = both(KrigingContext(fit_kriging(coordinates, values, MODEL)))
    assert (context[:, :N_SITE_COLUMNS] == context[0, :N_SITE_COLUMNS]).all()
    assert (np.ptp(context[:, N_SITE_COLUMNS:], axis=0) > 0).all()


def test_few_samples_are_repeated():
    coordinates, values = site(10)
    described = KrigingContext(fit_kriging(coordinates, values, MODEL)).left_out(np.arange(10), 2)
    assert described.tokens.shape == (10, N_NEIGHBORS, len(TOKEN_NAMES))
    assert (described.tokens[:, 6:] == described.tokens[:, [6]]).all()
