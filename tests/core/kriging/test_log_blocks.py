"""Blocks of kriged logarithms. Truth: conditional normal distributions, simulated fields of known variogram, limits."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.functionals import BlockSize
from hybrid_geostatistics.core.kriging.log_blocks import block_moments, block_quantile
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose
from scipy.stats import norm

MODEL = VariogramModel(0.15, (Structure("exponential", 0.6, 250.0),))
SMOOTH = VariogramModel(0.0, MODEL.structures)
BLOCK = BlockSize((80.0, 40.0), 3, "regular")
LOG = Transform("log")


@pytest.fixture(scope="module")
def field():
    random = np.random.default_rng(5)
    samples = random.random((30, 2)) * [500.0, 300.0] + [4e5, 5e6]
    targets = random.random((6, 2)) * [600.0, 400.0] + [4e5 - 50.0, 5e6 - 50.0]
    values = 1.0 + np.linalg.cholesky(MODEL.covariance(samples, samples)) @ random.normal(size=30)
    return samples, values, targets


@pytest.mark.parametrize("kind", ["log", "log1p"])
@pytest.mark.parametrize("k", [None, 30], ids=["one system", "moving"])
@pytest.mark.parametrize("error", [0.0, 0.1])
def test_with_a_known_mean_it_is_the_conditional_expectation(field, k, kind, error):
    samples, values, targets = field
    model = VariogramModel(MODEL.nugget, MODEL.structures, error)
    kriging = fit_kriging(samples, values, model, Neighborhood(k), mean=1.0)
    mean, variance = block_moments(kriging, BackTransform(Transform(kind)), targets, BLOCK)
    parts = BLOCK.mean()
    for i, target in enumerate(targets):
        points = target + parts.offsets
        between = SMOOTH.covariance(points, samples)
        known = np.linalg.solve(MODEL.covariance(samples, samples), between.T)
        expected = 1.0 + (values - 1.0) @ known
        spread = SMOOTH.covariance(points, points) - between @ known
        # The nugget, its error left out, raises each mean; within a block it averages out.
        raised = np.exp(expected + 0.5 * (np.diag(spread) + MODEL.nugget - error))
        block = parts.point_weights @ raised
        assert_allclose(mean[i], block - (kind == "log1p"), rtol=1e-9)
        together = parts.point_weights * raised
        assert_allclose(variance[i], together @ np.expm1(spread) @ together, rtol=1e-7)


def test_ordinary_and_universal_kriging_are_the_same_by_both_roads(field):
    samples, values, targets = field
    for options in ({}, {"trend_order": 1}, {"drift": samples[:, :1] - 4e5}):
        drift = targets[:, :1] - 4e5 if "drift" in options else None
        one = fit_kriging(samples, values, MODEL, **options)
        moving = fit_kriging(samples, values, MODEL, Neighborhood(30), **options)
        for a, b in zip(
            block_moments(one, BackTransform(LOG), targets, BLOCK, drift),
            block_moments(moving, BackTransform(LOG), targets, BLOCK, drift),
        ):
            assert_allclose(a, b, rtol=1e-7)


def test_block_means_of_lognormal_fields_are_unbiased_and_their_variance_right():
    random = np.random.default_rng(8)
    samples = random.random((40, 2)) * [500.0, 300.0]
    targets = random.random((5, 2)) * [500.0, 300.0]
    block, n_fields = BlockSize((120.0, 90.0), 3), 400
    parts = block.mean()
    points = (targets[:, None, :] + parts.offsets).reshape(-1, 2)
    places = np.vstack([samples, points])
    covariance = SMOOTH.covariance(places, places) + 1e-10 * np.eye(len(places))
    fields = 1.0 + np.linalg.cholesky(covariance) @ random.normal(size=(len(places), n_fields))
    # Of a continuous block the nugget leaves its mean only.
    at_points = np.exp(fields[40:] + 0.5 * MODEL.nugget).reshape(len(targets), -1, n_fields)
    truth = np.einsum("p,bpf->bf", parts.point_weights, at_points)
    measured = fields[:40] + np.sqrt(MODEL.nugget) * random.normal(size=(40, n_fields))
    found = np.empty((2, *truth.shape))
    for i, values in enumerate(measured.T):
        kriging = fit_kriging(samples, values, MODEL)
        found[:, :, i] = block_moments(kriging, BackTransform(LOG), targets, block)
    error = truth - found[0]
    mean = np.exp(1.0 + 0.5 * MODEL.sill)
    assert error.std() / mean / np.sqrt(n_fields) < 0.03  # of each block's bias, all fields being independent
    assert np.abs(error.mean(axis=1)).max() / mean < 0.09 and abs(error.mean()) / mean < 0.05
    # The variance goes with the level of each field, as errors do. Squares of lognormal errors scatter, so twice over.
    assert 0.8 < np.mean(error**2) / found[1].mean() < 1.25
    assert 0.85 < np.mean(error**2 / found[1]) < 1.15


def test_a_tiny_block_is_the_point_without_its_nugget(field):
    samples, values, targets = field
    kriging = fit_kriging(samples, values, MODEL)
    at_point = kriging.predict(targets)
    way_back = BackTransform(LOG)
    expected, _ = way_back.moments(at_point.estimate, at_point.kriging_variance, at_point.smoothing_variance)
    mean, variance = block_moments(kriging, way_back, targets, BlockSize((1e-6, 1e-6), 2))
    assert_allclose(mean, expected, rtol=1e-6)
    assert_allclose(variance, mean**2 * np.expm1(at_point.kriging_variance - MODEL.nugget), rtol=1e-6)


def test_where_there_is_no_estimate_there_is_no_block(field):
    samples, values, targets = field
    far = np.vstack([targets[:1], targets[:1] + 1e6])
    kriging = fit_kriging(samples, values, MODEL, Neighborhood(search_radius=300.0))
    mean, variance = block_moments(kriging, BackTransform(LOG), far, BLOCK)
    assert np.isfinite([mean[0], variance[0]]).all() and np.isnan([mean[1], variance[1]]).all()
    _, not_asked = block_moments(kriging, BackTransform(LOG), far, BLOCK, with_variance=False)
    assert np.isnan(not_asked).all()


def test_without_transform_it_is_block_kriging_and_normal_scores_are_refused(field):
    samples, values, targets = field
    kriging = fit_kriging(samples, values, MODEL)
    mean, variance = block_moments(kriging, BackTransform(Transform()), targets, BLOCK)
    truth = kriging.predict(targets, block=BLOCK)
    assert_allclose(mean, truth.estimate) and assert_allclose(variance, truth.kriging_variance)
    scores = BackTransform(Transform("normal_score").fitted(np.exp(values)))
    with pytest.raises(InputError, match="no exact way back"):
        block_moments(kriging, scores, targets, BLOCK)


@pytest.mark.parametrize("kind", ["none", "log", "log1p"])
def test_quantiles_of_blocks_have_their_moments(kind):
    levels = (np.arange(4000) + 0.5) / 4000
    quantiles = [block_quantile(level, np.array([5.0]), np.array([9.0]), kind)[0] for level in levels]
    assert np.mean(quantiles) == pytest.approx(5.0, rel=2e-3)
    assert np.var(quantiles) == pytest.approx(9.0, rel=2e-2)
    with pytest.raises(InputError, match="no exact way back"):
        block_quantile(0.5, np.ones(1), np.ones(1), "normal_score")


def test_quantiles_come_back_through_the_transform(field):
    samples, values, targets = field
    result = fit_kriging(samples, values, MODEL).predict(targets)
    for transform in (Transform(), LOG, Transform("normal_score").fitted(np.exp(values))):
        way_back = BackTransform(transform)
        upper = way_back.quantile(0.9, result.estimate, result.kriging_variance)
        level = norm.cdf(transform.forward(upper), result.estimate, result.kriging_std)
        assert_allclose(level, 0.9, rtol=1e-9)
    with pytest.raises(InputError, match="between 0 and 1"):
        way_back.quantile(1.0, result.estimate, result.kriging_variance)
