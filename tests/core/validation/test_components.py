"""How many components of spectra samples can use. Truth: a field made of two of them, noise, errors by hand."""

import numpy as np
import pytest
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.validation.components import component_errors, fewest_components, with_chosen_components

pytest.importorskip("skgstat", reason="needs scikit-gstat")

NAMES = tuple(f"cube PC{i + 1}" for i in range(6))


def samples_with(weights, seed=1, n=150, tuned=True, more=()):
    """Return samples whose value is a weighted sum of components, noise and a smooth field."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 1000, (n, 2))
    scores = rng.normal(size=(n, 6)) * np.array([6.0, 4.0, 2.0, 1.5, 1.0, 0.5])
    values = scores @ np.array(weights) + np.sin(places[:, 0] / 200) + rng.normal(0, 0.5, n)
    flag = {"tuned": True} if tuned else {}
    origins = tuple({"kind": "projection", "raster": "cube", "component": i + 1, **flag} for i in range(6))
    extra = np.column_stack([rng.normal(size=n) for _ in more]) if more else np.empty((n, 0))
    covariates = Covariates(
        (*more, *NAMES), np.hstack([extra, scores]), (False,) * (6 + len(more)), (*(None for _ in more), *origins)
    )
    return Samples(places, values[:, None], ("zinc",), "EPSG:25833", covariates)


def test_as_many_as_carry_the_field():
    samples = samples_with([0.5, 0.8, 0, 0, 0, 0], more=("dem",))
    errors = component_errors(samples, list(NAMES))
    assert errors[0].mean() > 5 * errors[1].mean() and errors[1].mean() < 0.15
    chosen = with_chosen_components(samples)
    assert chosen.covariates.names == ("dem", "cube PC1", "cube PC2")
    assert [origin and origin.get("tuned") for origin in chosen.covariates.origins] == [None, None, None]
    assert with_chosen_components(chosen) is chosen  # settled: nothing more to choose
    np.testing.assert_array_equal(chosen.covariates.values, samples.covariates.values[:, :3])


def test_a_late_component_brings_those_before_it():
    chosen = with_chosen_components(samples_with([0, 0, 0, 2.0, 0, 0], seed=2))
    assert chosen.covariates.names == NAMES[:4]


def test_noise_gets_few():
    numbers = [len(with_chosen_components(samples_with([0] * 6, seed, n=60)).covariates.names) for seed in range(4)]
    assert np.mean(numbers) < 2


def test_the_fewest_that_are_as_good():
    best = np.array([1.0, 2.0, 3.0, 2.0])
    assert fewest_components(np.array([best + 1.0, best, best - 1e-9])) == 1  # a hair is no gain
    assert fewest_components(np.array([best + [1, -1, 1, -0.9], best])) == 0  # a mean difference within its error
    assert fewest_components(np.array([best + [1, 1.2, 1, 0.9], best])) == 1


def test_what_is_not_asked_stays():
    samples = samples_with([0.5, 0.8, 0, 0, 0, 0], tuned=False)
    assert with_chosen_components(samples) is samples
    few = samples_with([0.5, 0.8, 0, 0, 0, 0], n=12)
    assert with_chosen_components(few).covariates.names == NAMES[:1]


def test_inside_a_comparison_every_fold_chooses():
    """Nothing outside the fold moves the choice: the held-out values may be anything."""
    from hybrid_geostatistics.core.validation.comparison import compare_methods
    from hybrid_geostatistics.core.validation.predictive import LEVELS, PredictiveDistribution

    seen = []

    def method(training, seed, progress=None, is_cancelled=None):
        seen.append(training.covariates.names)

        def predict(coordinates, covariates):
            estimate = np.full((len(coordinates), 1), training.values.mean())
            return PredictiveDistribution(estimate, np.repeat(estimate[..., None], len(LEVELS), axis=2))

        return predict

    samples = samples_with([0.5, 0.8, 0, 0, 0, 0])
    compare_methods(samples, {"mean": method}, {"random": np.arange(150) % 2}, seed=0)
    assert seen == [NAMES[:2], NAMES[:2]]
