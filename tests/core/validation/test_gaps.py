"""Targets that were not measured everywhere. Truth: two roads (together = each one apart), hand-made values."""

import numpy as np
import pytest
from hybrid_geostatistics.core.coincident import average_coincident, first_coincident
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.applicability import Applicability
from hybrid_geostatistics.core.samples import Covariates, Samples, disguised_targets
from hybrid_geostatistics.core.validation.bootstrap import ClusterBootstrap
from hybrid_geostatistics.core.validation.comparison import compare_methods
from hybrid_geostatistics.core.validation.comparison_report import comparison_page
from hybrid_geostatistics.core.validation.folds import random_folds
from hybrid_geostatistics.core.validation.methods import make_methods
from numpy.testing import assert_allclose, assert_array_equal

NAMES = ["mean", "inverse_distance", "ordinary_kriging", "external_drift_kriging"]


@pytest.fixture(scope="module")
def samples():
    """Return 70 samples: zinc at all, lead at every second or third one."""
    rng = np.random.default_rng(3)
    coordinates = rng.uniform([0, 0], [3000, 1000], size=(70, 2))
    dist = rng.uniform(size=70)
    field = np.sin(coordinates[:, 0] / 400) + np.cos(coordinates[:, 1] / 300) + dist + rng.normal(0, 0.2, 70)
    values = np.column_stack([10 + 3 * field, 40 + 8 * field + rng.normal(0, 1, 70)])
    values[::3, 1] = np.nan
    values[1::6, 1] = np.nan
    return Samples(coordinates, values, ("zinc", "lead"), "", Covariates(("dist",), dist[:, None], (False,)))


@pytest.fixture(scope="module")
def comparison(samples):
    folds = {"random": random_folds(70, 3, 1)}
    return compare_methods(samples, make_methods(NAMES), folds, seed=1)


@pytest.mark.parametrize("target", ["zinc", "lead"])
def test_every_target_is_predicted_and_scored_as_if_alone(samples, comparison, target):
    own, known = samples.of(target), samples.known[:, samples.targets.index(target)]
    alone = compare_methods(own, make_methods(NAMES), {"random": comparison.folds["random"][known]}, seed=1)
    of_target = comparison.of(target)
    for name in NAMES:
        ours, theirs = of_target.predictions["random", name], alone.predictions["random", name]
        assert_allclose(ours.estimate, theirs.estimate, rtol=1e-12)
        assert_allclose(ours.quantiles, theirs.quantiles, rtol=1e-12)
        row, expected = comparison.row(target, "random", name), alone.row(target, "random", name)
        assert row["n"] == len(own)
        for score in ("rmse", "mae", "r2", "bias", "ccc", "coverage90", "width90", "crps", "rmse_ratio"):
            assert row[score] == pytest.approx(expected[score], rel=1e-12), score
        assert row["rmse_low"] < row["rmse"] < row["rmse_high"]


def test_residuals_are_those_of_measured_values(samples, comparison):
    columns = comparison.residual_columns()
    of_lead = columns["target"] == "lead"
    assert np.isfinite(columns["residual"]).all()
    assert_array_equal(np.unique(columns["sample"][of_lead]), np.flatnonzero(samples.known[:, 1]))
    assert_allclose(columns["observed"][of_lead], samples.values[columns["sample"][of_lead], 1])


def test_the_page_shows_no_gap(comparison):
    page = comparison_page(comparison, title="Gaps")
    assert "nan" not in page.lower().replace("nano", "")


def test_a_sample_without_any_target_is_refused():
    with pytest.raises(InputError, match="NaN or infinity in 1 of 2 samples .first: row 2"):
        Samples([[0, 0], [1, 1]], [[1.0, np.nan], [np.nan, np.nan]], ("zinc", "lead"))
    with pytest.raises(InputError, match="NaN or infinity in 1 of 2"):
        Samples([[0, 0], [1, 1]], [[1.0, np.inf], [2.0, 3.0]], ("zinc", "lead"))
    with pytest.raises(InputError, match="NaN or infinity in 1 of 2"):
        Samples([[0, 0], [1, 1]], [[1.0], [np.nan]], ("zinc",))


def test_samples_at_one_place_are_averaged_over_what_was_measured():
    values = [[1.0, np.nan], [3.0, 8.0], [np.nan, 2.0], [5.0, np.nan], [7.0, np.nan]]
    places = [[0, 0], [0, 0], [0, 0], [9, 9], [9, 9]]
    averaged, n_merged = average_coincident(Samples(places, values, ("zinc", "lead")))
    assert n_merged == 3
    assert_array_equal(averaged.values, [[2.0, 5.0], [6.0, np.nan]])


def test_of_samples_at_one_place_the_first_measured_value_is_kept():
    values = [[1.0, np.nan], [3.0, 8.0], [np.nan, 2.0], [5.0, np.nan], [7.0, np.nan]]
    places = [[0, 0], [0, 0], [0, 0], [9, 9], [9, 9]]
    first, n_dropped = first_coincident(Samples(places, values, ("zinc", "lead")))
    assert n_dropped == 3
    assert_array_equal(first.values, [[1.0, 8.0], [5.0, np.nan]])


def test_a_disguised_target_is_seen_through_its_gaps(samples):
    copy = np.where(samples.known[:, 1], 2 * samples.values[:, 1] + 1, 0.0)
    covariates = Covariates(("copy",), copy[:, None], (False,))
    with pytest.raises(InputError, match="copy is the target lead under another name"):
        disguised_targets(Samples(samples.coordinates, samples.values, samples.targets, "", covariates))


def test_resamples_leave_out_what_was_not_measured():
    rng = np.random.default_rng(0)
    clusters, values = rng.integers(0, 9, 90), rng.normal(size=90)
    bootstrap = ClusterBootstrap.draw(clusters, 0, 200)
    known = rng.uniform(size=90) < 0.6
    with_gaps = np.where(known, values, np.nan)
    assert_allclose(bootstrap.means(with_gaps), bootstrap.only(known).means(values[known]), rtol=1e-12)
    # One resample by hand.
    drawn = bootstrap.counts[7][clusters] * known
    assert bootstrap.means(with_gaps)[7] == pytest.approx(np.sum(drawn * values) / drawn.sum())
    # Where a resample holds none of them, all of them count.
    alone = np.where(clusters == 4, 1.0 + values, np.nan)
    assert_allclose(bootstrap.means(alone)[bootstrap.counts[:, 4] == 0], np.nanmean(alone))


def test_a_target_of_one_corner_is_to_be_compared_apart(samples):
    corner = np.argsort(np.hypot(*samples.coordinates.T))[:11]
    values = samples.values.copy()
    values[:, 1] = np.nan
    values[corner, 1] = np.arange(11.0)
    rare = Samples(samples.coordinates, values, samples.targets)
    with pytest.raises(InputError, match="lead was measured in [1-4] of the 14 parts of the area .* Compare it apart"):
        compare_methods(rare, make_methods(["mean"]), {"random": random_folds(70, 3, 1)}, seed=1)
    alone = compare_methods(rare.of("lead"), make_methods(["mean"]), {"random": random_folds(11, 3, 1)}, seed=1)
    assert alone.n_clusters == 5


def test_the_area_of_applicability_takes_every_place(samples):
    folds = random_folds(70, 5, 0)
    whole = Applicability.fit(samples, folds, np.arange(70))
    assert len(whole.samples) == 70 and np.isfinite(whole.threshold)
    assert_array_equal(whole.dissimilarity(samples.coordinates, samples.covariates), 0.0)
