"""Truth: a published gradient, central differences, finite elements, refits without a sample, and theorems."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.kriging.covariance import SmoothCovariance
from hybrid_geostatistics.core.kriging.estimate import Reason
from hybrid_geostatistics.core.kriging.functionals import Derivative, slope_over
from hybrid_geostatistics.core.kriging.gradient import GradientEstimate, fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.kriging.slopes import DIFFERENTIABLE, SLOPES
from hybrid_geostatistics.core.variogram.models import CORRELATIONS, Structure, VariogramModel, scaled
from numpy.testing import assert_allclose, assert_array_equal

ISAAKS = np.array(
    [(61, 139, 477), (63, 140, 696), (64, 129, 227), (68, 128, 646), (71, 140, 606), (73, 141, 791), (75, 128, 783)],
    dtype=float,
)
EXPONENTIAL = VariogramModel(0.0, (Structure("exponential", 10.0, 10.0),))
STEP = 1e-3
# A central difference over 2e-3 of 300 map units is off by about (step / range)^2 = 1e-11 and by the
# rounding of estimates of 10 with 1e-14 over 2e-3, 1e-10 of gradients of 1e-2.
LIKE_DIFFERENCES = {"rtol": 1e-6, "atol": 1e-8}


def central_differences(predict, targets):
    """Return the gradient of an estimate, shape (n, n_dimensions)."""
    steps = STEP * np.eye(targets.shape[1])
    return np.column_stack([(predict(targets + step) - predict(targets - step)) / (2 * STEP) for step in steps])


@pytest.mark.parametrize("neighborhood", [Neighborhood(), Neighborhood(max_neighbors=7)], ids=["all", "moving"])
def test_isaaks_and_srivastava_chapter_12(neighborhood):
    # Two independent implementations agree on these digits (dual form and differences of 1e-4).
    result = fit_gradient(ISAAKS[:, :2], ISAAKS[:, 2], EXPONENTIAL, neighborhood).predict([[65.0, 137.0]])
    assert_allclose(result.gradient[0, 0], [6.11296455, 18.64670659], rtol=1e-8)
    assert_allclose(result.magnitude, np.hypot(6.11296455, 18.64670659), rtol=1e-8)
    assert_allclose(result.azimuth, np.degrees(np.arctan2(6.11296455, 18.64670659)), rtol=1e-8)
    assert_allclose(result.flux(3.0), -3.0 * result.gradient)
    assert result.n_neighbors == [7] and result.reason == [Reason.ESTIMATED]


@pytest.mark.parametrize("name", list(SLOPES))
def test_the_slope_of_every_model(name):
    r = np.array([0.03, 0.2, 0.5, 0.9, 0.999, 1.2, 3.0])
    difference = (CORRELATIONS[name](r + 1e-6) - CORRELATIONS[name](r - 1e-6)) / 2e-6
    assert_allclose(SLOPES[name](r) * r, difference, rtol=1e-7, atol=1e-9)
    at_zero = SLOPES[name](np.zeros(1))[0]
    # A kink or a parabola at 0: rho'(r) / r has a limit only without a kink.
    assert (at_zero != 0) == (name in DIFFERENTIABLE)
    if name in DIFFERENTIABLE:
        assert_allclose(at_zero, 2 * (CORRELATIONS[name](np.array([1e-4]))[0] - 1) / 1e-8, rtol=1e-3)


def test_equals_central_differences(samples, model, neighborhood):
    coordinates, values, _, targets, _ = samples
    kriging = fit_kriging(coordinates, values, model, neighborhood)
    result = fit_gradient(coordinates, values, model, neighborhood).predict(targets)
    expected = central_differences(lambda places: kriging.predict(places).estimate, targets)
    found = np.isfinite(kriging.predict(targets).estimate)
    assert_array_equal(np.isfinite(result.gradient[:, 0]).all(axis=1), found)
    assert_array_equal(result.n_neighbors, kriging.predict(targets).n_neighbors)
    # No target of these lies within a step of where its neighbours change.
    assert_allclose(result.gradient[found, 0], expected[found], **LIKE_DIFFERENCES)


def test_equals_a_bilinear_finite_element(meuse):
    coordinates, zinc, _ = meuse
    model = VariogramModel(0.05, (Structure("gaussian", 0.59, 600.0),))
    targets = np.array([(179_550.0, 331_420.0), (180_930.0, 332_870.0), (180_010.0, 330_660.0)])
    kriging = fit_kriging(coordinates, zinc, model)
    exact = fit_gradient(coordinates, zinc, model).predict(targets).gradient[:, 0]
    errors = []
    for side in (8.0, 4.0):
        half = side / 2
        corners = [kriging.predict(targets + offset).estimate for offset in
                   ((-half, -half), (half, -half), (-half, half), (half, half))]  # fmt: skip
        # Derivatives of the shape functions at the middle of the element.
        east = (-corners[0] + corners[1] - corners[2] + corners[3]) / (2 * side)
        north = (-corners[0] - corners[1] + corners[2] + corners[3]) / (2 * side)
        errors.append(np.abs(np.column_stack([east, north]) - exact).max())
    # Second order: half the side, a quarter of the error; at 4 m it is far below the gradient.
    assert_allclose(errors[0] / errors[1], 4.0, rtol=0.05)
    assert errors[1] < 1e-3 * np.abs(exact).max()


def test_equals_a_trilinear_finite_element():
    random = np.random.default_rng(8)
    coordinates = random.random((50, 3)) * [300.0, 200.0, 40.0]
    values = np.sin(coordinates[:, 0] / 60.0) + 0.05 * coordinates[:, 2]
    model = VariogramModel(0.01, (Structure("gaussian", 1.0, 150.0, azimuth=30.0, ratio_vertical=0.3),))
    target, side = np.array([140.0, 90.0, 17.0]), 0.5
    signs = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], dtype=float)
    at_corners = fit_kriging(coordinates, values, model).predict(target + 0.5 * side * signs).estimate
    element = at_corners @ signs / (4 * side)
    exact = fit_gradient(coordinates, values, model).predict(target[None]).gradient[0, 0]
    assert_allclose(exact, element, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("k", [None, 9])
def test_at_samples_it_is_that_of_the_others(samples, model, k):
    coordinates, values, _, _, _ = samples
    rows = np.arange(0, len(values), 5)
    result = fit_gradient(coordinates, values, model, Neighborhood(k)).leave_one_out()
    baseline = tuple([25.0] * coordinates.shape[1])
    sloped = fit_gradient(coordinates, values, model, Neighborhood(k)).leave_one_out(baseline)
    for i in rows:
        keep = np.arange(len(values)) != i
        others = fit_gradient(coordinates[keep], values[keep], model, Neighborhood(k))
        expected = others.predict(coordinates[i : i + 1])
        assert_allclose(result.gradient[i], expected.gradient[0], rtol=1e-7, atol=1e-10)
        assert_allclose(result.variance[i], expected.variance[0], rtol=1e-7, atol=1e-12)
        assert_allclose(sloped.gradient[i], expected.gradient[0], rtol=1e-7, atol=1e-10)
        expected = others.predict(coordinates[i : i + 1], baseline)
        assert_allclose(sloped.variance[i], expected.variance[0], rtol=1e-7, atol=1e-12)


def test_on_a_sample_it_is_the_limit_of_central_differences(samples):
    coordinates, values, _, _, _ = samples
    for name in SLOPES:
        # A large range keeps the curvature of the kinked models within the step small.
        model = VariogramModel(0.0, (Structure(name, 1.0, 300.0),))
        if name == "gaussian":
            model = VariogramModel(1e-3, model.structures)
        kriging = fit_kriging(coordinates, values, model)
        result = fit_gradient(coordinates, values, model).predict(coordinates[:6])
        expected = central_differences(lambda places, it=kriging: it.predict(places).estimate, coordinates[:6])
        assert_allclose(result.gradient[:, 0], expected, rtol=1e-5, atol=1e-7)


def derivative_kriging(coordinates, model, target, axis, step):
    """Return the error variance of ordinary kriging of a difference, from the textbook matrix."""
    n = len(coordinates)
    smooth = VariogramModel(0.0, model.structures)
    ends = target + 0.5 * step * np.eye(len(target))[axis] * np.array([[1.0], [-1.0]])
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, :n] = model.covariance(coordinates, coordinates)
    matrix[n, :n] = matrix[:n, n] = 1.0
    between = smooth.covariance(coordinates, ends)
    right = np.append((between[:, 0] - between[:, 1]) / step, 0.0)
    prior = 2 * float(smooth.sill - smooth.covariance(ends[:1], ends[1:])[0, 0]) / step**2
    return prior - right @ np.linalg.solve(matrix, right)


@pytest.mark.parametrize("k", [None, 9])
def test_the_variance_of_the_slope_is_the_textbooks(samples, model, k):
    coordinates, values, _, targets, _ = samples
    baseline = (30.0, 40.0, 12.0)[: coordinates.shape[1]]
    result = fit_gradient(coordinates, values, model, Neighborhood(k)).predict(targets, baseline)
    frame = model.structures[0].scaling(coordinates.shape[1])
    for target, found in zip(targets, result.variance):
        near = np.argsort(np.linalg.norm((coordinates - target) @ frame.T, axis=1))[:k]
        expected = [derivative_kriging(coordinates[near], model, target, axis, h) for axis, h in enumerate(baseline)]
        assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize("k", [None, 9])
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_the_variance_of_the_derivative_is_the_limit_of_the_slopes(samples, name, k):
    coordinates, values, _, targets, _ = samples
    model = VariogramModel(0.1, (Structure(name, 0.9, 300.0, azimuth=20.0, ratio_minor=0.6),))
    fitted = fit_gradient(coordinates, values, model, Neighborhood(k))
    point, slope = fitted.predict(targets), fitted.predict(targets, tuple([0.3] * coordinates.shape[1]))
    assert (point.variance > 0).all()
    # The cubic has a third-order kink at 0: its slopes approach with h / range, 0.3 / 180.
    assert_allclose(slope.variance, point.variance, rtol=1e-2)
    covariance = SmoothCovariance.of(model, coordinates.shape[1])
    for axis in range(2):
        assert_allclose(
            Derivative(axis).variance(covariance),
            slope_over(0.01, axis, coordinates.shape[1]).variance(covariance),
            rtol=1e-3,
        )


def test_the_variance_holds_over_simulated_fields():
    # Fields with this very covariance: their true derivatives scatter about the estimates as said.
    random = np.random.default_rng(21)
    model = VariogramModel(0.05, (Structure("gaussian", 1.0, 90.0),))
    coordinates = random.random((30, 2)) * [200.0, 120.0]
    target = np.array([[95.0, 61.0]])
    h = 0.5
    ends = target + h * np.array([[0.5, 0.0], [-0.5, 0.0]])
    places = np.vstack([coordinates, ends])
    covariance = VariogramModel(0.0, model.structures).covariance(places, places)
    factor = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(places)))
    fields = factor @ random.normal(size=(len(places), 4000))
    values = fields[:30] + np.sqrt(model.nugget) * random.normal(size=(30, 4000))
    result = fit_gradient(coordinates, values, model).predict(target)
    error = (fields[30] - fields[31]) / h - result.gradient[0, :, 0]
    # 4,000 errors: their variance is known to 2.2 %; three times that.
    assert_allclose(np.mean(error**2), result.variance[0, 0], rtol=0.07)


def test_a_field_without_derivative_has_no_variance_and_says_why(samples):
    coordinates, values, _, targets, _ = samples
    for name in set(SLOPES) - set(DIFFERENTIABLE):
        model = VariogramModel(0.1, (Structure("gaussian", 0.9, 300.0), Structure(name, 0.3, 100.0)))
        result = fit_gradient(coordinates, values, model).predict(targets)
        assert (result.variance == np.inf).all()
        assert np.isfinite(result.gradient).all()


def test_several_fields_share_one_run(samples, model, neighborhood):
    coordinates, values, drift, targets, _ = samples
    fields = np.column_stack([values, 1e4 + drift[:, 0], values**2])
    together = fit_gradient(coordinates, fields, model, neighborhood)
    result, left_out = together.predict(targets), together.leave_one_out()
    assert result.gradient.shape == (len(targets), 3, coordinates.shape[1])
    for field in range(3):
        alone = fit_gradient(coordinates, fields[:, field], model, neighborhood)
        assert_allclose(result.gradient[:, field], alone.predict(targets).gradient[:, 0], rtol=1e-9, atol=1e-11)
        assert_allclose(left_out.gradient[:, field], alone.leave_one_out().gradient[:, 0], rtol=1e-9, atol=1e-11)


def test_units_and_turns(samples):
    coordinates, values, _, targets, _ = samples
    model = VariogramModel(0.1, (Structure("cubic", 0.9, 400.0),))
    base = fit_gradient(coordinates, values, model).predict(targets)
    units = fit_gradient(coordinates, 1e6 * values - 3e6, scaled(model, 1e12)).predict(targets)
    assert_allclose(units.gradient / 1e6, base.gradient, rtol=1e-9, atol=1e-12)
    assert_allclose(units.variance / 1e12, base.variance, rtol=1e-9)
    quarter = np.eye(coordinates.shape[1])
    quarter[:2, :2] = [[0.0, -1.0], [1.0, 0.0]]  # (e, n) @ it = (n, -e): a quarter clockwise
    turned = fit_gradient(coordinates @ quarter, values, model).predict(targets @ quarter)
    assert_allclose(turned.gradient, base.gradient @ quarter, rtol=1e-8, atol=1e-11)
    assert_allclose((turned.azimuth - base.azimuth) % 360.0, 90.0, rtol=1e-6)
    assert_allclose(turned.magnitude, base.magnitude, rtol=1e-8)


def test_a_plane_has_its_own_gradient_far_within_the_samples():
    grid = np.array([(x, y) for x in range(0, 1000, 50) for y in range(0, 1000, 50)], dtype=float)
    plane = 3.0 + 0.02 * grid[:, 0] - 0.01 * grid[:, 1]
    model = VariogramModel(0.0, (Structure("cubic", 1.0, 900.0),))
    result = fit_gradient(grid, plane, model, Neighborhood(max_neighbors=40)).predict([[487.0, 512.0]])
    # Kriging bends a plane a little between the samples.
    assert_allclose(result.gradient[0, 0], [0.02, -0.01], rtol=5e-3)
    assert_allclose(result.azimuth[0, 0], 180.0 - np.degrees(np.arctan(2.0)), rtol=1e-3)


def test_azimuth_is_clockwise_from_north():
    directions = np.array([[0, 1], [1, 0], [0, -1], [-1, 0], [-1e-300, 1], [0, 0]], dtype=float)
    result = GradientEstimate(directions[:, None], np.zeros((6, 2)), np.ones(6, int), np.zeros(6, int))
    assert_array_equal(result.azimuth[:, 0], [0.0, 90.0, 180.0, 270.0, 0.0, np.nan])


def test_without_neighbors_there_is_no_gradient(samples, model):
    coordinates, values, _, _, _ = samples
    far = coordinates.max(axis=0)[None] + 5000.0
    fitted = fit_gradient(coordinates, values, model, Neighborhood(search_radius=400.0))
    result = fitted.predict(np.vstack([far, coordinates[:1] + 1.0]), tuple([10.0] * coordinates.shape[1]))
    assert np.isnan(result.gradient[0]).all() and np.isnan(result.variance[0]).all()
    assert result.reason[0] == Reason.NO_NEIGHBORS and np.isfinite(result.gradient[1]).all()
    too_few = fit_gradient(coordinates, values, model, Neighborhood(min_neighbors=len(values)))
    assert np.isfinite(too_few.predict(far).gradient).all()
    assert (too_few.leave_one_out().reason == Reason.FEW_NEIGHBORS).all()
    assert np.isnan(too_few.leave_one_out().gradient).all()


@pytest.mark.parametrize("hood", [None, Neighborhood(12), Neighborhood(12, search_radius=40.0)])
@pytest.mark.parametrize("elevation", [None, 7.5])
def test_on_a_grid_it_is_that_of_its_centres(hood, elevation):
    random = np.random.default_rng(5)
    coordinates = random.random((90, 3)) * [900.0, 700.0, 20.0] + [4e5, 5e6, 0.0]
    coordinates = coordinates if elevation is not None else coordinates[:, :2]
    model = VariogramModel(0.1, (Structure("spherical", 0.9, 300.0),))
    fitted = fit_gradient(coordinates, random.normal(size=(90, 2)), model, hood)
    grid = RasterGrid((210, 190), (4e5, 5.0, 0.0, 5e6 + 800.0, 0.0, -4.0))
    block = Block(3, 5, 200, 180, elevation=elevation)
    on_grid, at_centers = fitted.predict_grid(grid, block, with_variance=False), fitted.predict(grid.centers(block))
    assert_allclose(on_grid.gradient, at_centers.gradient, rtol=1e-9, atol=1e-12)
    assert_array_equal(on_grid.n_neighbors, at_centers.n_neighbors)
    assert_array_equal(on_grid.reason, at_centers.reason)
    assert np.isnan(on_grid.variance).all() and on_grid.variance.shape == at_centers.variance.shape
    some = grid.centers(block)[7:9]
    assert_allclose(on_grid.gradient[7:9], fitted.predict(some).gradient, rtol=1e-9, atol=1e-12)
    small = Block(0, 0, 2, 2, elevation=elevation)
    sloped = fitted.predict_grid(grid, small, baseline=(5.0,) * coordinates.shape[1])
    assert_allclose(sloped.variance, fitted.predict(grid.centers(small), (5.0,) * coordinates.shape[1]).variance)
    if elevation is not None:
        with pytest.raises(InputError, match="grid has no elevation"):
            fitted.predict_grid(grid)


def test_what_does_not_fit_is_refused(samples):
    coordinates, values, _, targets, _ = samples
    with pytest.raises(InputError, match="Expected values of shape"):
        fit_gradient(coordinates, values[:-1], EXPONENTIAL)
    with pytest.raises(InputError, match=r"finite values .* row 3"):
        fit_gradient(coordinates, np.where(np.arange(len(values)) == 2, np.nan, values), EXPONENTIAL)
    fitted = fit_gradient(coordinates, values, EXPONENTIAL)
    with pytest.raises(InputError, match="baseline for each"):
        fitted.predict(targets, (5.0,))
    with pytest.raises(InputError, match="baseline above 0"):
        fitted.predict(targets, tuple([0.0] * coordinates.shape[1]))
    with pytest.raises(InputError, match="finite diffusivity"):
        fitted.predict(targets).flux(np.nan)
