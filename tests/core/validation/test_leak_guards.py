"""The leak guards of an honest cross-validation, one test each; permanent.

Truth: what a method cannot know it cannot use. Every guard is a statement about what must not change when
something held out changes, or about noise that nobody can predict.
"""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.samples import Covariates, Samples, disguised_targets
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.validation.comparison import compare_methods
from hybrid_geostatistics.core.validation.folds import make_folds
from hybrid_geostatistics.core.validation.methods import (
    external_drift_kriging,
    inverse_distance,
    mean_of_samples,
    ordinary_kriging,
)
from hybrid_geostatistics.core.validation.random_forest import random_forest
from hybrid_geostatistics.core.validation.scoring import score
from hybrid_geostatistics.tests.core.validation.distributions import within

METHODS = {
    "mean": mean_of_samples,
    "inverse_distance": inverse_distance,
    "ordinary_kriging": lambda: ordinary_kriging(Transform("log"), variogram_method="least_squares"),
    "external_drift_kriging": lambda: external_drift_kriging(Transform("log"), variogram_method="least_squares"),
    "random_forest": lambda: random_forest(n_trees=50),
}
NEEDS = {"ordinary_kriging": "skgstat", "external_drift_kriging": "skgstat", "random_forest": "sklearn"}


@pytest.fixture(params=sorted(METHODS))
def method(request):
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    return METHODS[request.param]()


def samples_of(n=100, seed=0, noise=False, holes=None):
    """Return a smooth positive field (or pure noise), a covariate that tells some of it and one that tells none."""
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0, [1500, 600], (n, 2))
    dist = rng.random(n)
    smooth = rng.normal(size=n) if noise else np.sin(coordinates[:, 0] / 200) + dist
    values = np.exp(3 + 0.5 * smooth)
    covariates = Covariates(("dist", "other"), np.column_stack([dist, rng.random(n)]), (False, False))
    return Samples(coordinates, values[:, None], ("zinc",), "", covariates, holes)


def test_a_white_noise_target_is_not_predicted(method):
    noise = samples_of(noise=True, seed=1)
    comparison = compare_methods(noise, {"method": method}, make_folds(noise, ("random", "blocks"), 5, 1))
    assert all(row["r2"] <= 0.02 for row in comparison.rows)


def test_a_permuted_target_is_not_predicted(method):
    samples = samples_of(seed=2)
    values = samples.values[np.random.default_rng(5).permutation(100)]
    permuted = Samples(samples.coordinates, values, samples.targets, "", samples.covariates)
    comparison = compare_methods(permuted, {"method": method}, make_folds(permuted, ("random",), 5, 1))
    assert comparison.rows[0]["r2"] <= 0.02


def test_values_of_a_test_fold_move_nothing_fitted(method):
    """Predictions, quantiles and intervals of a fold stay to the last bit when its own values change."""
    samples = samples_of(seed=3)
    folds = make_folds(samples, ("blocks",), 4, 0)
    test = folds["blocks"] == 1
    values = samples.values.copy()
    values[test] *= 7.0
    changed = Samples(samples.coordinates, values, samples.targets, "", samples.covariates)
    before, after = (
        compare_methods(one, {"method": method}, folds).predictions["blocks", "method"] for one in (samples, changed)
    )
    np.testing.assert_array_equal(before.estimate[test], after.estimate[test])
    np.testing.assert_array_equal(before.quantiles[test], after.quantiles[test])
    assert (before.estimate[~test] != after.estimate[~test]).any()


def test_a_prediction_does_not_depend_on_the_others_of_its_grid(method):
    """Nothing is fitted on the places to predict: alone or among others, a place gets the same numbers."""
    samples = samples_of(seed=4)
    predict = method(samples, 0)
    rng = np.random.default_rng(6)
    places = rng.uniform(0, [1500, 600], (30, 2))
    known = Covariates(("dist", "other"), rng.random((30, 2)), (False, False))
    among = predict(places, known)
    alone = predict(places[4:5], known.rows(slice(4, 5)))
    np.testing.assert_allclose(alone.estimate, among.estimate[4:5], rtol=1e-9)
    np.testing.assert_allclose(alone.quantiles, among.quantiles[4:5], rtol=1e-9)


def test_duplicates_and_holes_stay_in_one_fold():
    rng = np.random.default_rng(7)
    coordinates = rng.uniform(0, 1000, (60, 2))
    coordinates[40:] = coordinates[:20]  # field duplicates
    holes = np.array([f"h{i // 3}" if 20 <= i < 38 else "" for i in range(60)])
    samples = Samples(coordinates, rng.random((60, 1)), ("zinc",), holes=holes)
    for scheme, folds in make_folds(samples, ("random", "blocks", "distance_matched", "holes"), 5, 0).items():
        assert (folds[40:] == folds[:20]).all(), scheme
        for hole in set(holes) - {""}:
            assert len(set(folds[holes == hole])) == 1, scheme


@pytest.mark.parametrize("kind", ["same", "other units", "logarithm", "rounded ranks"])
def test_a_target_in_disguise_is_refused(kind):
    samples = samples_of(seed=8)
    zinc = samples.values[:, 0]
    disguise = {
        "same": zinc, "other units": 5 - 0.001 * zinc, "logarithm": np.log(zinc),
        "rounded ranks": np.argsort(np.argsort(zinc)).astype(float),
    }[kind]  # fmt: skip
    leaky = Samples(
        samples.coordinates, samples.values, ("zinc",), "",
        Covariates(("dist", "assay"), np.column_stack([samples.covariates.values[:, 0], disguise]), (False, False)),
    )  # fmt: skip
    with pytest.raises(InputError, match="covariate assay is the target zinc under another name"):
        compare_methods(leaky, {"mean": mean_of_samples()}, {"random": np.arange(100) % 5})


def test_a_target_among_its_covariates_is_refused():
    samples = samples_of(seed=8)
    with pytest.raises(InputError, match="cannot be its own covariate: zinc"):
        Samples(samples.coordinates, samples.values, ("zinc",), "", Covariates(("zinc",), samples.values, (False,)))


def test_a_covariate_made_from_the_target_is_told_and_honest_ones_are_not():
    samples = samples_of(seed=9)
    rng = np.random.default_rng(10)
    nearly = np.log(samples.values[:, 0]) + rng.normal(0, 0.02, 100)
    classes = (samples.values[:, 0] > np.median(samples.values)).astype(float)
    given = Covariates(
        ("map", "dist", "class"), np.column_stack([nearly, samples.covariates.values[:, 0], classes]),
        (False, False, True),
    )  # fmt: skip
    suspicious = Samples(samples.coordinates, samples.values, ("zinc",), "", given)
    comparison = compare_methods(suspicious, {"mean": mean_of_samples()}, {"random": np.arange(100) % 5})
    told = [text for text in comparison.warnings if "almost exactly" in text]
    assert len(told) == 1 and told[0].startswith("The covariate map follows zinc")
    assert disguised_targets(samples) == []


def test_scores_above_the_ceiling_of_duplicates_are_told():
    rng = np.random.default_rng(11)
    coordinates = np.repeat(rng.uniform(0, 1000, (60, 2)), 2, axis=0)
    values = np.repeat(rng.normal(20, 2, 60), 2) + rng.normal(0, 1, 120)
    samples = Samples(coordinates, values[:, None], ("zinc",))
    known = samples.values + rng.normal(0, 0.3, (120, 1))  # somebody knew the single measurements
    honest = np.repeat(values.reshape(60, 2).mean(axis=1), 2)[:, None] + rng.normal(0, 0.8, (120, 1))
    folds = {"random": np.repeat(np.arange(60) % 5, 2)}
    found = {}
    for name, estimate in (("known", known), ("honest", honest)):
        predicted = {("random", "hybrid"): within(estimate, estimate - 2, estimate + 2)}
        found[name] = score(samples, folds, predicted, dict.fromkeys(predicted, 1.0))
    assert any("above the ceiling" in text for text in found["known"].warnings)
    assert not any("ceiling" in text for text in found["honest"].warnings)
    assert found["known"].ceilings["zinc"].r2 < 0.9


def test_parted_duplicates_are_told():
    samples = samples_of(seed=12)
    coordinates = samples.coordinates.copy()
    coordinates[50:] = coordinates[:50]
    twins = Samples(coordinates, samples.values, ("zinc",))
    comparison = compare_methods(twins, {"mean": mean_of_samples()}, {"mine": (np.arange(100) >= 50).astype(int)})
    assert any("50 such places" in text for text in comparison.warnings)
