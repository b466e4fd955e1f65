"""Random forest spatial interpolation. Truth: scikit-learn's own means, limits, and the leak guards."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import Cancelled, InputError
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.validation.comparison import compare_methods
from hybrid_geostatistics.core.validation.folds import make_folds
from hybrid_geostatistics.core.validation.predictive import LEVELS
from hybrid_geostatistics.core.validation.random_forest import _Description, _of_leaves, random_forest

pytest.importorskip("sklearn")


def samples_of(n=80, seed=0, holes=None, elevations=False):
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0, [1000, 400], (n, 2))
    if elevations:
        coordinates = np.column_stack([coordinates, rng.uniform(0, 30, n)])
    dist, soil = rng.random(n), rng.integers(1, 4, n).astype(float)
    values = 5 + 4 * (dist > 0.5) + 2 * (soil == 2) + rng.normal(0, 0.2, n)
    covariates = Covariates(("dist", "soil"), np.column_stack([dist, soil]), (False, True))
    return Samples(coordinates, values[:, None], ("zinc",), "", covariates, holes)


def test_features_of_a_sample_know_nothing_of_its_own_value():
    samples = samples_of()
    before = _Description(samples, 6).samples(0)
    values = samples.values.copy()
    values[17] += 100
    after = _Description(Samples(samples.coordinates, values, samples.targets, "", samples.covariates), 6).samples(0)
    np.testing.assert_array_equal(before[17], after[17])
    assert (before != after).any(axis=1).sum() > 1  # its neighbours see it


def test_features_are_distances_values_and_covariates_by_hand():
    samples = Samples(
        [[0, 0], [3, 0], [0, 4], [100, 100]], [[1.0], [2], [3], [4]], ("a",),
        covariates=Covariates(("soil",), np.array([[1.0], [2], [2], [1]]), (True,)),
    )  # fmt: skip
    describe = _Description(samples, 2)
    scale = describe._scale[0]
    np.testing.assert_allclose(describe.samples(0)[0], [3 / scale, 4 / scale, 2, 3, 1, 0])
    at_sample = describe.locations(0, np.array([[3.0, 0]]), Covariates(("soil",), np.array([[9.0]]), (True,)))
    np.testing.assert_allclose(at_sample[0], [0, 3 / scale, 2, 1, 0, 0])  # a class never sampled is none of them


def test_neighbours_are_of_other_holes():
    samples = samples_of(60, holes=np.repeat([f"h{i}" for i in range(12)], 5), elevations=True)
    describe = _Description(samples, 8)
    values = samples.values.copy()
    values[:5] += 1000
    changed = Samples(samples.coordinates, values, samples.targets, "", samples.covariates, samples.holes)
    np.testing.assert_array_equal(describe.samples(0)[:5], _Description(changed, 8).samples(0)[:5])
    assert describe.samples(0).shape == (60, 8 + 8 + 1 + 1 + 3)  # the elevation is told


def test_leaf_weights_give_the_means_of_a_forest_without_bootstrap():
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(3)
    features, values = rng.random((70, 4)), rng.normal(size=70)
    forest = RandomForestRegressor(20, min_samples_leaf=4, bootstrap=False, max_features=2, random_state=0)
    forest.fit(features, values)
    places = rng.random((9, 4))
    mean, quantiles = _of_leaves(forest.apply(places), forest.apply(features), values)
    np.testing.assert_allclose(mean, forest.predict(places), rtol=1e-12)
    assert (np.diff(quantiles, axis=1) >= 0).all()
    same_leaf = np.zeros((2, 5), dtype=int)
    everything = _of_leaves(same_leaf, np.zeros((70, 5), dtype=int), values)
    assert everything[0] == pytest.approx(values.mean())
    by_rank = np.interp(LEVELS, (np.arange(70) + 0.5) / 70, np.sort(values))  # Hazen's quantiles of all values
    np.testing.assert_allclose(everything[1][0], by_rank, rtol=1e-9)


def test_it_learns_a_step_kriging_cannot_and_is_honest_about_it():
    samples = samples_of(150)
    comparison = compare_methods(samples, {"random_forest": random_forest(n_trees=60)}, {"random": np.arange(150) % 5})
    row = comparison.rows[0]
    assert row["r2"] > 0.85 and 0.85 <= row["coverage90"] <= 1


def test_noise_is_not_learned_and_the_same_seed_gives_the_same_forest():
    rng = np.random.default_rng(5)
    samples = samples_of(120)
    noise = Samples(samples.coordinates, rng.normal(size=(120, 1)), ("zinc",), "", samples.covariates)
    folds = make_folds(noise, ("random",), 4, 0)
    first = compare_methods(noise, {"random_forest": random_forest(n_trees=40)}, folds, seed=1)
    again = compare_methods(noise, {"random_forest": random_forest(n_trees=40)}, folds, seed=1)
    assert first.rows[0]["r2"] <= 0.02
    assert first.rows[0]["rmse"] == again.rows[0]["rmse"]


def test_cancel_and_missing_covariates():
    samples = samples_of()
    with pytest.raises(Cancelled):
        random_forest()(samples, 0, lambda fraction, message="": None, lambda: True)
    with pytest.raises(InputError, match="covariate dist"):
        random_forest(n_trees=10)(samples, 0)(samples.coordinates, None)
