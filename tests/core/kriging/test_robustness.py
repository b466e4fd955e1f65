"""Awkward samples. Truth: the same samples in other units, limits, refusals in words; never NaN without a reason."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError, KrigingSystemError
from hybrid_geostatistics.core.kriging.estimate import Reason
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, scaled
from numpy.testing import assert_allclose, assert_array_equal

HOODS = {
    "all": Neighborhood(),
    "nearest": Neighborhood(max_neighbors=8),
    "radius": Neighborhood(search_radius=25.0, max_neighbors=9),
    "sectors": Neighborhood(max_neighbors=8, sectors=4, max_per_sector=3),
}
FEW, COMPILED = 60, 31_000
"""Up to 30,000 targets numpy solves, beyond compiled kernels where there are any."""
ROADS = [pytest.param(HOODS[name], FEW, id=name) for name in HOODS] + [
    pytest.param(HOODS[name], COMPILED, id=f"{name}, compiled") for name in ("all", "nearest", "radius")
]


def model(nugget=0.1, psill=1.0, reach=30.0, name="spherical"):
    return VariogramModel(nugget, (Structure(name, psill, reach),))


@pytest.fixture(scope="module")
def field():
    random = np.random.default_rng(12)
    coordinates = random.random((80, 2)) * 100.0
    return coordinates, 5.0 + random.normal(size=80)


@pytest.fixture(params=list(HOODS))
def hood(request):
    return HOODS[request.param]


def inside(n):
    return np.random.default_rng(3).random((n, 2)) * 120.0 - 10.0


def says_why(result):
    assert_array_equal(np.isfinite(result.estimate), result.reason == Reason.ESTIMATED)
    assert_array_equal(np.isfinite(result.kriging_variance), result.reason == Reason.ESTIMATED)


@pytest.mark.parametrize(("hood", "n"), ROADS)
@pytest.mark.parametrize("unit", [1e-9, 1e12], ids=["tiny", "huge"])
def test_units_of_values(field, hood, unit, n):
    coordinates, values = field
    base = fit_kriging(coordinates, values, model(), hood).predict(inside(n))
    result = fit_kriging(coordinates, values * unit, scaled(model(), unit**2), hood).predict(inside(n))
    says_why(result)
    assert_allclose(result.estimate / unit, base.estimate, rtol=1e-9)
    assert_allclose(result.kriging_variance / unit**2, base.kriging_variance, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("hood", "n"), ROADS)
@pytest.mark.parametrize("unit", [1e-9, 1e6], ids=["tiny", "huge"])
def test_units_of_the_map(field, hood, unit, n):
    coordinates, values = field
    base = fit_kriging(coordinates, values, model(), hood).predict(inside(n))
    radius = None if hood.search_radius is None else hood.search_radius * unit
    other = Neighborhood(hood.max_neighbors, 1, radius, hood.sectors, 0, hood.max_per_sector)
    result = fit_kriging(coordinates * unit, values, model(reach=30.0 * unit), other).predict(inside(n) * unit)
    says_why(result)
    assert_allclose(result.estimate, base.estimate, rtol=1e-6)
    assert_allclose(result.kriging_variance, base.kriging_variance, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("hood", "n"), ROADS)
def test_a_place_far_from_the_origin(field, hood, n):
    coordinates, values = field
    base = fit_kriging(coordinates, values, model(), hood).predict(inside(n))
    shift = np.array([524_288.0, 7_340_032.0])  # UTM, and exact in binary
    result = fit_kriging(coordinates + shift, values, model(), hood).predict(inside(n) + shift)
    assert_allclose(result.estimate, base.estimate, rtol=1e-7)
    assert_allclose(result.kriging_variance, base.kriging_variance, atol=1e-7)


def test_units_without_room_for_rounding_are_refused(field, hood):
    coordinates, values = field
    for unit in (1e-160, 1e150):
        with pytest.raises(InputError, match="another unit"):
            fit_kriging(coordinates, values * unit, scaled(model(), unit**2), hood)


def test_samples_on_a_line(hood):
    line = np.column_stack([np.arange(20.0) * 5, np.arange(20.0) * 10])
    values = np.sin(np.arange(20.0) / 3.0)
    says_why(fit_kriging(line, values, model(), hood).predict(inside(40)))
    # A plane through samples on a line is known along the line only.
    with_plane = fit_kriging(line, values, model(), hood, trend_order=1)
    beside, along = with_plane.predict(inside(40)), with_plane.predict(line[5:9] + [2.5, 5.0])
    says_why(beside)
    assert set(beside.reason) <= {Reason.DRIFT_NOT_SAMPLED, Reason.NO_NEIGHBORS} and np.isfinite(along.estimate).all()


def test_few_samples(field, hood):
    coordinates, values = field
    for n in (1, 2, 3):
        kriging = fit_kriging(coordinates[:n], values[:n], model(), hood)
        result, left_out = kriging.predict(inside(40)), kriging.leave_one_out()
        says_why(result), says_why(left_out)
        found = result.estimate[np.isfinite(result.estimate)]
        assert (found >= values[:n].min() - 0.5).all() and (found <= values[:n].max() + 0.5).all()
    assert np.isnan(fit_kriging(coordinates[:1], values[:1], model(), hood).leave_one_out().estimate).all()
    says_why(fit_kriging(coordinates[:3], values[:3], model(), hood, trend_order=2).predict(inside(40)))


def test_equal_values_stay_equal(field, hood):
    coordinates, _ = field
    kriging = fit_kriging(coordinates, np.full(80, 3.3), model(), hood)
    for result in (kriging.predict(inside(200)), kriging.leave_one_out()):
        says_why(result)
        assert_allclose(result.estimate[result.reason == 0], 3.3, rtol=1e-12)
    gradient = fit_gradient(coordinates, np.full(80, 3.3), model(), hood).predict(inside(200)).gradient
    assert_allclose(gradient[np.isfinite(gradient)], 0.0, atol=1e-12)


@pytest.mark.parametrize("n", [FEW, COMPILED])
def test_no_neighbor_or_one_in_reach(field, n):
    coordinates, values = field
    kriging = fit_kriging(coordinates, values, model(), Neighborhood(search_radius=6.0))
    result = kriging.predict(inside(n))
    says_why(result)
    distance = np.linalg.norm(inside(n)[:, None] - coordinates, axis=2)
    assert_array_equal(result.n_neighbors, (distance <= 6.0).sum(axis=1))
    alone = result.n_neighbors == 1
    assert alone.any()
    nearest = distance[alone].argmin(axis=1)
    assert_allclose(result.estimate[alone], values[nearest], rtol=1e-12)
    few = inside(n)[alone][:12], coordinates[nearest[:12]]
    covariance = np.diag(model().covariance(*few))
    assert_allclose(result.kriging_variance[alone][:12], 2.0 * (model().sill - covariance), rtol=1e-9)
    nothing = kriging.predict(inside(n) + 1e5)
    assert np.isnan(nothing.estimate).all() and (nothing.reason == Reason.NO_NEIGHBORS).all()


def test_samples_almost_at_one_place_are_solved_or_explained(field, hood):
    coordinates, values = field
    for gap in (1e-3, 1e-6, 1e-9, 1e-12):
        again = np.vstack([coordinates, coordinates[:1] + gap])
        for name in ("spherical", "gaussian"):
            try:
                kriging = fit_kriging(again, np.append(values, values[0]), model(0.0, 1.0, 30.0, name), hood)
                result = kriging.predict(coordinates[:1] + [[1.0, 0.5]])
            except KrigingSystemError as error:
                assert "samples 1 and 81" in str(error) or "numerically singular" in str(error)
            else:
                # One value twice at almost one place weighs as once.
                once = fit_kriging(coordinates, values, model(0.0, 1.0, 30.0, name), hood)
                if hood.is_global and name == "spherical":
                    assert_allclose(result.estimate, once.predict(coordinates[:1] + [[1.0, 0.5]]).estimate, atol=1e-3)


def test_two_hundred_thousand_samples():
    random = np.random.default_rng(1)
    coordinates = random.random((200_000, 2)) * 1e5
    values = np.sin(coordinates[:, 0] / 2e4) + np.cos(coordinates[:, 1] / 3e4) + 0.1 * random.normal(size=200_000)
    kriging = fit_kriging(
        coordinates, values, model(0.01, 1.0, 3e4), Neighborhood(max_neighbors=16, search_radius=5e3)
    )
    targets = random.random((2000, 2)) * 1e5
    result = kriging.predict(targets)
    says_why(result)
    truth = np.sin(targets[:, 0] / 2e4) + np.cos(targets[:, 1] / 3e4)
    # Noise of standard deviation 0.1, averaged over 16 neighbours.
    assert np.sqrt(np.mean((result.estimate - truth) ** 2)) < 0.06
    with pytest.raises(InputError, match="Set a maximum number of neighbours"):
        fit_kriging(coordinates, values, model())
