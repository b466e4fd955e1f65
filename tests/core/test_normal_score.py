"""Truth: the normal distribution, exact return at the samples, quadrature by brute force, lognormal theory."""

import numpy as np
import pytest
from hybrid_geostatistics.core import normal_score
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.file import VariogramFile
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose


@pytest.fixture(scope="module")
def skewed():
    return np.exp(np.random.default_rng(0).normal(3.0, 0.9, 400))


def test_scores_are_normal_and_come_back(skewed):
    transform = Transform("normal_score").fitted(skewed)
    scores = transform.forward(skewed)
    assert abs(scores.mean()) < 1e-12 and scores.std() == pytest.approx(1.0, abs=0.01)
    assert np.quantile(scores, 0.975) == pytest.approx(1.96, abs=0.02)
    assert_allclose(transform.inverse(scores), skewed, rtol=1e-12)
    # The median of 400 values lies between the two in the middle.
    assert transform.inverse(np.zeros(1))[0] == pytest.approx(np.median(skewed), rel=1e-12)


def test_ties_share_a_score():
    transform = Transform("normal_score").fitted(np.array([0.0, 0.0, 0.0, 5.0]))
    assert_allclose(transform.parameters["values"], [0.0, 5.0])
    assert_allclose(transform.forward(np.array([0.0, 5.0])), [-0.3186393639643752, 1.1503493803760079])  # of 3/8, 7/8


@settings(max_examples=60, deadline=None)
@given(values=st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 3)), min_size=2, max_size=40, unique=True))
def test_monotone_both_ways_with_tails(values):
    transform = Transform("normal_score").fitted(np.array(values))
    scores = np.linspace(-6.0, 6.0, 400)
    back = transform.inverse(scores)
    assert (np.diff(back) >= 0).all() and np.isfinite(back).all()
    assert min(values) <= 0 or (back >= 0).all()
    inside = np.linspace(min(values), max(values), 50)
    assert_allclose(transform.inverse(transform.forward(inside)), inside, rtol=1e-6, atol=1e-6 * np.ptp(values))


@pytest.mark.parametrize("start", [2.0, 0.0, -4.0])
def test_tails_start_where_the_table_ends_and_come_back(start):
    transform = Transform("normal_score").fitted(start + np.array([0.0, 1.0, 3.0, 10.0]))
    lowest, highest = transform.parameters["scores"][0], transform.parameters["scores"][-1]
    slope = 10.0 / (highest - lowest)
    step = 1e-6
    assert transform.inverse(np.array([highest + 2.0]))[0] == pytest.approx(start + 10.0 + 2.0 * slope)
    below = transform.inverse(np.array([lowest - step]))[0]
    assert (start - below) / step == pytest.approx(slope, rel=1e-4)
    beyond = np.array([lowest - 1.5, highest + 1.5])
    assert_allclose(transform.forward(transform.inverse(beyond)), beyond, rtol=1e-10)
    assert transform.inverse(np.array([lowest - 30.0]))[0] > 0 or start <= 0


def test_moments_are_those_of_many_draws(skewed):
    transform = Transform("normal_score").fitted(skewed)
    draws = np.random.default_rng(1).normal(size=400_000)
    for estimate, variance in [(0.0, 1.0), (-1.2, 0.3), (1.5, 0.4)]:
        values = transform.inverse(estimate + variance**0.5 * draws)
        mean, spread = transform.back_transform(np.array([estimate]), np.array([variance]))
        assert mean[0] == pytest.approx(values.mean(), rel=0.01)
        assert spread[0] == pytest.approx(values.var(), rel=0.05)
    mean, spread = transform.back_transform(np.array([0.7, np.nan]), np.zeros(2))
    assert_allclose(mean, [transform.inverse(np.array([0.7]))[0], np.nan])
    assert spread[0] == 0 and np.isnan(spread[1])


def test_moments_of_a_straight_table_are_exact():
    """Limit: a linear transform gives back the normal distribution it came from."""
    scores = np.linspace(-3.0, 3.0, 50)
    transform = Transform("normal_score", {"values": (10.0 * scores - 7.0).tolist(), "scores": scores.tolist()})
    mean, spread = transform.back_transform(np.array([-4.0, 0.3]), np.array([0.5, 2.0]))
    assert_allclose(mean, [-47.0, -4.0], rtol=1e-12)
    assert_allclose(spread, [50.0, 200.0], rtol=1e-4)  # what lies beyond five standard deviations is left out


def test_many_values_make_a_table_of_bounded_size():
    values = np.random.default_rng(2).gamma(2.0, 5.0, 20_000)
    transform = Transform("normal_score").fitted(values)
    assert len(transform.parameters["values"]) == normal_score.LARGEST_TABLE
    assert transform.parameters["values"][0] == values.min() and transform.parameters["values"][-1] == values.max()
    assert transform.forward(values).std() == pytest.approx(1.0, abs=0.01)


def test_calibration_gives_left_out_samples_their_mean():
    random = np.random.default_rng(5)
    coordinates = random.random((150, 2)) * 1000.0
    model = VariogramModel(0.1, (Structure("exponential", 0.9, 400.0),))
    factor = np.linalg.cholesky(model.covariance(coordinates, coordinates) + 1e-9 * np.eye(150))
    values = np.exp(2.0 + factor @ random.normal(size=150))
    transform = Transform("normal_score").fitted(values)
    kriging = fit_kriging(coordinates, transform.forward(values), model)
    way_back = BackTransform.of(kriging, transform)
    left_out = kriging.leave_one_out()
    mean, variance = way_back.moments(left_out.estimate, left_out.kriging_variance, left_out.smoothing_variance)
    assert 0 < way_back.share < 1.5 and mean.mean() == pytest.approx(values.mean(), rel=1e-4)
    assert (variance > 0).all()
    assert_allclose(way_back.moments(*(getattr(kriging.predict(coordinates), name) for name in (
        "estimate", "kriging_variance", "smoothing_variance")))[1], 0.0, atol=1e-6)  # fmt: skip


def test_table_travels_in_variogram_files(tmp_path, skewed):
    transform = Transform("normal_score").fitted(skewed)
    file = VariogramFile(VariogramModel(0.1, (Structure("spherical", 0.9, 10.0),)), transform=transform)
    file.write(tmp_path / "v.json")
    again = VariogramFile.read(tmp_path / "v.json").transform
    assert again == transform and again.fitted(np.ones(3)) is again


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda: Transform("normal_score").forward(np.ones(3)), "has to be fitted to samples first"),
        (lambda: Transform("normal_score").fitted(np.ones(3), "zinc"), "zinc need at least 2 different values, got 1"),
        (lambda: Transform("normal_score", {"values": [1, 1], "scores": [0, 1]}), "to ascend"),
        (lambda: Transform("normal_score", {"values": [1], "scores": [0]}), "2 or more values"),
        (lambda: Transform("normal_score").fitted(np.arange(1.0, 9.0)).forward(np.array([0.0])), "values above 0"),
    ],
)
def test_bad_input_is_named(work, message):
    with pytest.raises(InputError, match=message):
        work()
