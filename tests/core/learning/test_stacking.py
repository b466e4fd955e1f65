"""Weights of the stack. Truth: closed forms, brute force on a fine grid of the simplex, limits."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.learning.stacking import (
    OUTLIER,
    _pulled,
    _simplex_minimum,
    stack_near_and_far,
    stack_weights,
    without_outliers,
)
from numpy.testing import assert_allclose


def test_simplex_minimum_equals_brute_force():
    rng = np.random.default_rng(0)
    grid = np.array([[i, j, 100 - i - j] for i in range(101) for j in range(101 - i)]) / 100
    for _ in range(20):
        rows = rng.normal(size=(30, 3)) @ rng.normal(size=(3, 3))
        matrix, prior, ridge = rows.T @ rows / 30, np.eye(3)[rng.integers(3)], rng.uniform(0, 0.5)

        def merit(w, matrix=matrix, prior=prior, ridge=ridge):
            return np.einsum("...i,ij,...j->...", w, matrix, w) + ridge * np.sum((w - prior) ** 2, axis=-1)

        found = _simplex_minimum(matrix, prior, ridge)
        assert_allclose(found.sum(), 1)
        assert found.min() >= 0
        assert merit(found) <= merit(grid).min() + 1e-12


def test_a_clearly_better_base_gets_the_weight():
    rng = np.random.default_rng(1)
    errors = rng.normal(size=(400, 3)) * [1.0, 1.1, 0.3]
    stack = stack_weights([errors], [0, 1], np.arange(400) // 10)
    assert stack.weights[2] > 0.6 and not stack.within_noise
    assert stack.rmse_ratio < 0.5


@pytest.mark.parametrize(("noise", "at_least"), [(0.5, 0.6), (2.0, 0.95), (5.0, 1.0)])
def test_without_a_gain_the_weights_are_krigings(noise, at_least):
    rng = np.random.default_rng(2)
    kriging = rng.normal(size=300)
    worse = kriging + noise * rng.normal(size=300)
    stack = stack_weights([np.column_stack([kriging, worse])], [0], np.arange(300) // 10)
    assert stack.weights[0] >= at_least and stack.within_noise
    assert stack.rmse_ratio < 1.01


def test_a_heavy_ridge_leaves_the_prior():
    rng = np.random.default_rng(3)
    errors = rng.normal(size=(200, 3))
    errors /= np.sqrt(np.mean(errors**2, axis=0))
    stack = stack_weights([errors], [0, 1], np.arange(200), shares=np.array([1.0, 1.0, 2.0]), ridge=1e6)
    assert_allclose(stack.weights, [0.25, 0.25, 0.5], atol=1e-5)
    worse = errors * [np.sqrt(2.0), 1.0, 1.0]
    stack = stack_weights([worse], [0, 1], np.arange(200), ridge=1e6)
    assert stack.reference == 1
    assert_allclose(stack.weights[0] / stack.weights[1], np.exp(-3.0), rtol=1e-3)


def test_a_base_that_is_not_credible_gets_nothing_and_half_of_it_half():
    rng = np.random.default_rng(4)
    errors = rng.normal(size=(99, 2)) * [1, 0.01]
    stack = stack_weights([errors], [0], np.arange(99), np.array([1.0, 0.0]))
    assert_allclose(stack.weights, [1, 0])
    # Pulled half way to ordinary kriging, the better base is best used whole: half of its own.
    stack = stack_weights([errors], [0], np.arange(99), np.array([1.0, 0.5]), ridge=1e-9)
    assert_allclose(stack.weights, [0.5, 0.5], atol=1e-6)


@pytest.mark.parametrize(("external", "expected"), [(1.0, [1 / 3, 2 / 3, 0]), (0.0, [1, 0, 0])])
def test_doubt_about_a_learned_drift_goes_to_the_external_one_where_that_is_believed(external, expected):
    errors = np.tile(np.eye(3), (40, 1))  # equally good and unrelated: under a heavy ridge all weights are alike
    stack = stack_weights([errors], [0, 1], np.arange(120), np.array([1.0, external, 0.0]), ridge=1e9)
    assert_allclose(stack.weights, expected, atol=1e-6)


def test_pulled_bases_in_closed_form():
    assert_allclose(
        _pulled(np.array([1.0, 0.5, 0.75]), [0, 1]), [[1.0, 0.5, 0.25 * 0.5], [0.0, 0.5, 0.25 * 0.5], [0.0, 0.0, 0.75]]
    )
    assert_allclose(_pulled(np.array([1.0, 0.5, 0.0]), [0]), [[1.0, 0.5, 1.0], [0.0, 0.5, 0.0], [0.0, 0.0, 0.0]])


def test_the_unit_of_the_values_changes_nothing():
    rng = np.random.default_rng(5)
    sets = [rng.normal(size=(150, 3)), rng.normal(size=(150, 3)) * 2]
    one = stack_weights(sets, [0, 1], np.arange(150) // 5)
    other = stack_weights([1000 * rows for rows in sets], [0, 1], np.arange(150) // 5)
    assert_allclose(one.weights, other.weights, atol=1e-9)
    assert_allclose(one.rmse_ratio, other.rmse_ratio)


def test_errors_must_be_finite():
    with pytest.raises(InputError, match="finite"):
        stack_weights([np.array([[1.0, np.nan]])], [0], np.array([0]))


def test_errors_of_samples_left_out_singly_decide_near_and_those_of_blocks_far():
    rng = np.random.default_rng(7)
    singly, first, second = rng.normal(size=(3, 400, 3))
    sets = [singly * [1.0, 0.5, 1.0], first * [1.0, 1.0, 0.5], second * [1.0, 1.0, 0.5]]
    groups = np.arange(400) // 10
    stack = stack_near_and_far(sets, [0], groups)
    assert stack.weights.argmax() == 1 and stack.far_weights.argmax() == 2
    assert_allclose(stack.far_weights, stack_weights(sets[1:], [0], groups).weights)
    squared = [np.mean((rows @ w) ** 2) for rows, w in zip(sets, (stack.weights, *[stack.far_weights] * 2))]
    kriging = [np.mean(rows[:, 0] ** 2) for rows in sets]
    assert_allclose(stack.gain, 1.0 - np.mean(np.divide(squared, kriging)))
    assert_allclose(stack.rmse_ratio, np.mean(np.sqrt(np.divide(squared, kriging))))


def test_a_single_huge_error_does_not_rule_the_weights_near_samples():
    rng = np.random.default_rng(8)
    errors = rng.normal(size=(400, 2)) * [1.0, 0.6]
    errors[7] = [20.0, 45.0]  # alone it makes the better base look far worse
    groups = np.arange(400) // 10
    assert stack_weights([errors], [0], groups).weights[1] < 0.2
    assert stack_near_and_far([errors, errors], [0], groups).weights[1] > 0.6
    cut = without_outliers(errors, [0])
    # The median of absolute normal errors is 0.6745 deviations.
    assert_allclose(np.abs(cut).max(), OUTLIER, rtol=0.1)
    assert_allclose(np.delete(cut, 7, axis=0), np.delete(errors, 7, axis=0))
    # Of values that are mostly alike the errors of the others still count.
    mostly = np.where(np.arange(400) % 5 == 0, errors[:, 0].clip(-2, 2), 1e-6)[:, None]
    assert_allclose(np.abs(without_outliers(mostly, [0])).max(), 2.0 * np.sqrt(np.mean(mostly**2)))
