"""The local scale of intervals.

Truth: known simulated errors (their log-linear scale is found again), limits (no structure, no scale; few samples draw
it to 1) and a way through plain values.
"""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import ModelFileError
from hybrid_geostatistics.core.features.kriging_context import CONTEXT_NAMES
from hybrid_geostatistics.core.prediction.local_scale import COLUMNS, LocalScale


def simulated(n, coefficients, seed=0):
    rng = np.random.default_rng(seed)
    context = rng.normal(size=(n, len(CONTEXT_NAMES)))
    told = np.clip(context[:, [CONTEXT_NAMES.index(name) for name in COLUMNS]], -2.5, 2.5)
    return rng.normal(size=n) * np.exp(0.5 * told @ np.array(coefficients)), context


def test_a_known_scale_is_found_again():
    scores, context = simulated(4000, (0.8, -0.4, 0.0))
    found = LocalScale.fit(scores, context)
    # Large squares are cut, which draws the coefficients a little to 0.
    np.testing.assert_allclose(found.coefficients, (0.8, -0.4, 0.0), atol=0.15)
    standardized = scores / found.at(context)
    halves = context[:, CONTEXT_NAMES.index("score")] > 0
    assert np.isclose(standardized[halves].std(), standardized[~halves].std(), rtol=0.12)
    assert scores[halves].std() > 1.7 * scores[~halves].std()


def test_equal_errors_have_no_scale_and_few_samples_are_drawn_to_it():
    scores, context = simulated(4000, (0.0, 0.0, 0.0), seed=1)
    np.testing.assert_allclose(LocalScale.fit(scores, context).at(context), 1.0, atol=0.3)
    scores, context = simulated(20, (1.0, 0.0, 0.0), seed=2)
    assert np.abs(LocalScale.fit(scores, context).coefficients).max() < 0.7
    assert LocalScale.fit(np.zeros(5), context[:5]).at(context).shape == (20,)


def test_it_travels_as_plain_values():
    scores, context = simulated(100, (0.5, 0.5, 0.5))
    fitted = LocalScale.fit(scores, context)
    again = LocalScale.from_dict(fitted.to_dict())
    np.testing.assert_array_equal(again.at(context), fitted.at(context))
    assert LocalScale.from_dict(None).is_none and not fitted.is_none
    with pytest.raises(ModelFileError, match="local scale"):
        LocalScale.from_dict({**fitted.to_dict(), "columns": ["score"]})
