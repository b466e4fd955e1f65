"""The area of applicability. Truth: its formula on hand-made features, R's boxplot.stats, limits and invariances."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.applicability import PLACE, Applicability, upper_whisker
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.validation.applicability import fit_applicability
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel


def samples_of(n=120, seed=0, covariates=True):
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0, [2000, 800], (n, 2))
    dist, noise = rng.random(n), rng.random(n)
    soil = rng.integers(1, 4, n).astype(float)
    values = 3 * dist + np.sin(coordinates[:, 0] / 300) + 0.1 * rng.normal(size=n)
    known = Covariates(("dist", "noise", "soil"), np.column_stack([dist, noise, soil]), (False, False, True))
    return Samples(coordinates, values[:, None], ("zinc",), "", known if covariates else None)


def at(samples, **changed):
    """Return the covariates of the first sample, some of them changed."""
    values = samples.covariates.values[:1].copy()
    for name, value in changed.items():
        values[0, samples.covariates.names.index(name)] = value
    return samples.coordinates[:1], Covariates(samples.covariates.names, values, samples.covariates.categorical)


def test_index_is_distance_over_mean_distance_by_hand():
    """Without covariates the weight cancels: nearest distance over mean distance, in plain map units."""
    samples = Samples([[0, 0], [3, 4], [6, 8], [20, 0]], [[1.0], [2], [3], [9]], ("a",))
    space = samples.coordinates
    pairs = [np.hypot(*(space[i] - space[j])) for i in range(4) for j in range(i)]
    model = Applicability.fit(samples, np.arange(4), np.arange(4))
    assert model.dissimilarity(np.array([[3.0, 0], [3, 4]]), None) == pytest.approx([3 / np.mean(pairs), 0])
    # left out one by one, the nearest other is 5, 5, 5 and sqrt(14^2 + 8^2) away; hinges 5 and 10.6
    assert model.threshold == pytest.approx(np.hypot(14, 8) / np.mean(pairs))


@pytest.mark.parametrize(
    ("values", "whisker"),
    [  # R 4: boxplot.stats(x)$stats[5]
        ([0.2, 0.31, 0.45, 0.1, 0.9, 0.33, 0.25, 0.41, 2.5, 0.38], 0.45),
        ([0.2, 0.31, 0.45, 0.1, 0.9, 0.33, 0.25, 0.41, 2.5, 0.38, 0.7], 0.9),
    ],
)
def test_threshold_is_rs_upper_whisker(values, whisker):
    assert upper_whisker(np.array(values)) == whisker


def test_importance_follows_what_the_target_follows():
    model = fit_applicability(samples_of())
    assert model.importance["dist"] > 0.6 > 0.3 > model.importance["noise"]
    assert model.importance[PLACE] > model.importance["noise"]


def test_a_raster_far_outside_its_training_range_is_outside():
    samples = samples_of()
    model = fit_applicability(samples)
    own = model.dissimilarity(*at(samples))[0]
    assert own == pytest.approx(0, abs=1e-12)
    far = model.dissimilarity(*at(samples, dist=10.0))[0]
    useless = model.dissimilarity(*at(samples, noise=10.0))[0]
    assert far > 3 * model.threshold and not model.is_inside(far)
    assert useless < 0.5 * far  # what the target does not follow counts less
    assert np.isnan(model.dissimilarity(*at(samples, soil=9.0))[0])
    assert not model.is_inside(np.array([np.nan]))[0]


def test_far_from_all_samples_is_outside_and_between_them_is_inside():
    samples = samples_of(covariates=False)
    model = fit_applicability(samples)
    index = model.dissimilarity(np.array([[1000.0, 400], [9000, 400]]), None)
    assert model.is_inside(index).tolist() == [True, False]
    middle = np.random.default_rng(1).uniform([100, 100], [1900, 700], (400, 2))
    assert model.is_inside(model.dissimilarity(middle, None)).mean() > 0.98


def test_anisotropy_says_what_is_near():
    samples = samples_of(covariates=False)
    along_east = VariogramModel(0.1, (Structure("spherical", 1.0, 1000.0, azimuth=90.0, ratio_minor=0.1),))
    model = fit_applicability(samples, along_east)
    offset = 900.0
    east, north = model.dissimilarity(np.array([[2000 + offset, 400.0], [1000.0, 800 + offset]]), None)
    assert north > 5 * east


def test_units_and_shift_change_nothing():
    samples = samples_of()
    model = fit_applicability(samples)
    moved = Samples(
        samples.coordinates / 1000 + 50, 7 * samples.values + 3, samples.targets, "",
        Covariates(samples.covariates.names, samples.covariates.values * [100, 1, 1], (False, False, True)),
    )  # fmt: skip
    other = fit_applicability(moved)
    assert other.threshold == pytest.approx(model.threshold, rel=1e-9)
    coordinates, covariates = at(samples, dist=0.4)
    scaled = Covariates(covariates.names, covariates.values * [100, 1, 1], covariates.categorical)
    assert other.dissimilarity((coordinates + 200) / 1000 + 50, scaled) == pytest.approx(
        model.dissimilarity(coordinates + 200, covariates), rel=1e-9
    )


def test_three_dimensions_and_the_file():
    rng = np.random.default_rng(4)
    coordinates = np.column_stack([np.repeat(rng.uniform(0, 5000, (30, 2)), 5, axis=0), np.tile(np.arange(5.0), 30)])
    holes = np.repeat([f"h{i}" for i in range(30)], 5)
    samples = Samples(coordinates, rng.normal(size=(150, 1)), ("zinc",), holes=holes)
    model = fit_applicability(samples)
    again = Applicability.from_dict(json.loads(json.dumps(model.to_dict())), samples)
    places = coordinates + [100.0, 0, 0.5]
    np.testing.assert_array_equal(again.dissimilarity(places, None), model.dissimilarity(places, None))
    assert model.is_inside(model.dissimilarity(places, None)).all()
    assert not model.is_inside(model.dissimilarity(coordinates[:1] + [0, 0, 50.0], None))[0]


def test_bad_input():
    with pytest.raises(InputError, match="at least 3 samples"):
        fit_applicability(samples_of(2))
    with pytest.raises(InputError, match="needs the covariates dist"):
        fit_applicability(samples_of()).dissimilarity(np.zeros((1, 2)), None)
    alike = Samples(np.zeros((5, 2)), np.arange(5.0)[:, None], ("a",))
    with pytest.raises(InputError, match="in 1"):
        fit_applicability(alike)
