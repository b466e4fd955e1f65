"""Methods of comparisons. Truth: hand-made cases, limits, and the leak guards of honest cross-validation."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.validation.comparison import compare_methods
from hybrid_geostatistics.core.validation.folds import block_folds, make_folds
from hybrid_geostatistics.core.validation.methods import (
    external_drift_kriging,
    inverse_distance,
    learned_intervals,
    make_methods,
    mean_of_samples,
    ordinary_kriging,
)
from hybrid_geostatistics.core.validation.predictive import transform_of
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel

KRIGING = {"ordinary_kriging": ordinary_kriging, "external_drift_kriging": external_drift_kriging}


def field_samples(n=90, seed=0, drift=0.0, dimensions=2):
    """Return samples of a simulated lognormal field with a known variogram, a covariate and a class."""
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0, [2000, 900, 60][:dimensions], size=(n, dimensions))
    dist = rng.random(n)
    model = VariogramModel(0.01, (Structure("spherical", 0.2, 900.0),))
    smooth = np.linalg.cholesky(model.covariance(coordinates, coordinates)) @ rng.normal(size=n)
    values = np.exp(4 + smooth + drift * dist)
    ffreq = rng.integers(1, 4, n)
    covariates = Covariates(("dist", "ffreq"), np.column_stack([dist, ffreq]), (False, True))
    return Samples(coordinates, values[:, None], ("zinc",), covariates=covariates)


@pytest.fixture(scope="module")
def samples():
    return field_samples()


def test_inverse_distance_by_hand_and_exact_at_samples():
    training = Samples([[0, 0], [4, 0], [0, 2]], [[10.0, 1.0], [20.0, 2.0], [40.0, 3.0]], ("zinc", "lead"))
    predict = inverse_distance()(training, 0)
    result = predict(np.array([[0.0, 0.0], [1.0, 0.0]]), None)
    np.testing.assert_allclose(result.estimate[0], [10.0, 1.0])
    # squared distances 1, 9, 5: weights 45 : 5 : 9
    np.testing.assert_allclose(result.estimate[1], [(450 + 100 + 360) / 59, (45 + 10 + 27) / 59])
    assert (np.diff(result.quantiles, axis=-1) >= 0).all()


def test_mean_is_the_training_mean_everywhere(samples):
    result = mean_of_samples()(samples, 0)(np.array([[1e6, -1e6]]), None)
    assert result.estimate[0, 0] == pytest.approx(samples.values.mean())
    assert result.lower[0, 0] == pytest.approx(np.quantile(samples.values, 0.05))


@pytest.mark.parametrize("name", KRIGING)
@pytest.mark.parametrize("variogram_method", ["least_squares", "reml"])
def test_kriging_finds_the_field(samples, name, variogram_method):
    method = KRIGING[name](Transform("log"), variogram_method=variogram_method)
    comparison = compare_methods(samples, {name: method}, {"random": np.arange(90) % 3})
    row = comparison.row("zinc", "random", name)
    # samples lie about 100 m apart, the range is 900 m and the nugget 5 % of the sill: most of it can be known
    assert row["r2_log"] > 0.5
    # three standard errors of 90 samples are 9 points
    assert 0.8 <= row["coverage90"] <= 0.99
    predicted = comparison.predictions["random", name]
    assert (predicted.quantiles > 0).all()
    assert (predicted.estimate > predicted.median).all()  # the mean of a lognormal lies above its median


@pytest.mark.parametrize("name", KRIGING)
def test_held_out_values_move_nothing(samples, name):
    """Leak guard: other values in a test fold leave that fold's predictions bit by bit the same."""
    folds = make_folds(samples, ("blocks",), 3, seed=0)
    held_out = folds["blocks"] == 1
    values = samples.values.copy()
    values[held_out] = values[held_out][::-1] * 7.0
    changed = Samples(samples.coordinates, values, samples.targets, covariates=samples.covariates)
    method = {name: KRIGING[name](Transform("log"))}
    before, after = (compare_methods(one, method, folds).predictions["blocks", name] for one in (samples, changed))
    np.testing.assert_array_equal(before.quantiles[held_out], after.quantiles[held_out])
    np.testing.assert_array_equal(before.estimate[held_out], after.estimate[held_out])
    assert (before.estimate[~held_out] != after.estimate[~held_out]).any()


def test_a_table_of_normal_scores_is_made_of_the_training_samples(samples):
    """Leak guard: a table that was fitted to all samples, as a variogram file holds it, is not used in a fold."""
    whole = Transform("normal_score").fitted(samples.target("zinc"))
    training = samples.rows(np.arange(90) % 3 > 0)
    of_the_fold = transform_of(whole, training, "zinc")
    assert of_the_fold == Transform("normal_score").fitted(training.target("zinc")) != whole
    assert transform_of({"zinc": Transform("log")}, training, "zinc") == Transform("log")


@pytest.mark.parametrize("name", KRIGING)
def test_white_noise_is_not_explained(name):
    """Leak guard: R2 of a target that is noise is about 0 or below."""
    rng = np.random.default_rng(11)
    noise = Samples(
        rng.uniform(0, 1000, size=(120, 2)),
        rng.normal(50, 5, size=(120, 1)),
        ("zinc",),
        covariates=Covariates(("dist",), rng.random((120, 1)), (False,)),
    )
    comparison = compare_methods(noise, {name: KRIGING[name]()}, make_folds(noise, ("random", "blocks"), 4, 0))
    assert all(row["r2"] <= 0.02 for row in comparison.rows)
    assert "no method predicts better than the overall mean" in comparison.summaries["zinc", "blocks"]


def test_external_drift_uses_covariates_and_ordinary_does_not():
    samples = field_samples(drift=2.0)
    methods = {name: factory(Transform("log")) for name, factory in KRIGING.items()}
    comparison = compare_methods(samples, methods, {"random": np.arange(90) % 3})
    assert comparison.reference("zinc", "random") == "external_drift_kriging"
    assert comparison.row("zinc", "random", "ordinary_kriging")["rmse_ratio"] > 1.3
    assert comparison.best_method == "external_drift_kriging"


def test_a_class_never_sampled_falls_back_and_says_so(samples):
    covariates = samples.covariates.values.copy()
    covariates[:8, 1] = 9.0
    odd = Samples(
        samples.coordinates, samples.values, samples.targets,
        covariates=Covariates(("dist", "ffreq"), covariates, (False, True)),
    )  # fmt: skip
    folds = {"random": np.where(np.arange(90) < 8, 0, np.arange(90) % 3)}
    methods = {name: factory(Transform("log")) for name, factory in KRIGING.items()}
    comparison = compare_methods(odd, methods, folds)
    plain, drift = (comparison.predictions["random", name].estimate[:8] for name in KRIGING)
    np.testing.assert_allclose(plain, drift)
    assert any("8 of" in text and "fell back to ordinary kriging" in text for text in comparison.warnings)


def test_coincident_training_samples_and_three_dimensions_work():
    samples = field_samples(n=60, dimensions=3)
    twice = Samples(
        np.vstack([samples.coordinates, samples.coordinates[:3]]),
        np.vstack([samples.values, samples.values[:3] * 1.05]),
        samples.targets,
    )
    means = samples.values.copy()
    means[:3] *= 1.025
    averaged = Samples(samples.coordinates, means, samples.targets)
    where = samples.coordinates[:5] + 1.0
    found, expected = (ordinary_kriging(Transform("log"))(some, 0)(where, None) for some in (twice, averaged))
    np.testing.assert_allclose(found.quantiles, expected.quantiles, rtol=1e-9)
    assert (np.diff(found.quantiles, axis=2) > 0).all()


def test_several_targets_each_have_their_own_transform(samples):
    both = Samples(samples.coordinates, np.column_stack([samples.values, -samples.values]), ("zinc", "minus"))
    method = ordinary_kriging({"zinc": Transform("log"), "minus": Transform()})
    alone = ordinary_kriging(Transform("log"))(samples, 0)(samples.coordinates[:4] + 5.0, None)
    result = method(both, 0)(samples.coordinates[:4] + 5.0, None)
    np.testing.assert_allclose(result.estimate[:, :1], alone.estimate)
    assert (result.estimate[:, 1] < 0).all()
    with pytest.raises(InputError, match="none for minus"):
        ordinary_kriging({"zinc": Transform("log")})(both, 0)


def test_bad_input(samples):
    with pytest.raises(InputError, match="needs covariates, got none"):
        external_drift_kriging()(Samples(samples.coordinates, samples.values, ("zinc",)), 0)
    with pytest.raises(InputError, match="got cokriging"):
        make_methods(["ordinary_kriging", "cokriging"])
    with pytest.raises(InputError, match="at least 10 samples, got 9"):
        ordinary_kriging()(samples.rows(np.arange(9)), 0)
    assert list(make_methods(["external_drift_kriging", "mean"])) == ["external_drift_kriging", "mean"]


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_calibrated_intervals_hold_in_blocks_of_200_simulated_fields(factor):
    """Known fields: with a sill of half or twice the truth, 90 % intervals cover 90 +- 3 % of blocks left out."""
    truth, used = (VariogramModel(0.2 * f, (Structure("spherical", 0.8 * f, 40.0),)) for f in (1.0, factor))
    inside, inside_own = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        places = rng.uniform(0, 100, (100, 2))
        values = np.linalg.cholesky(truth.covariance(places, places)) @ rng.normal(size=100)
        out = block_folds(places, 5, seed) == seed % 5
        kriging = fit_kriging(places[~out], values[~out], used)
        intervals = learned_intervals(kriging, np.arange(len(kriging.values)))
        found = kriging.predict(places[out])
        scores = np.abs(values[out] - found.estimate) / found.kriging_std
        inside += (scores <= intervals.multiplier(0.9)).tolist()
        inside_own += (scores <= 1.6448536).tolist()
    assert np.mean(inside) == pytest.approx(0.9, abs=0.03)
    assert abs(np.mean(inside_own) - 0.9) > 0.06  # what calibration is for
