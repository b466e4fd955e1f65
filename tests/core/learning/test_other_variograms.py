"""Which other fits a base averages. Truth: simulated fields whose variogram is known."""

import numpy as np
from hybrid_geostatistics.core.learning.base_variograms import other_variograms
from hybrid_geostatistics.core.validation.folds import block_folds
from hybrid_geostatistics.core.variogram.fit_options import FitOptions
from hybrid_geostatistics.core.variogram.fitting import fit_variogram


def simulated(ratio, seed):
    """Return 120 places and an exponential field on them whose range northward is ``ratio`` of that eastward."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 1000, (120, 2))
    lag = np.linalg.norm((places[:, None] - places[None]) / [1.0, ratio], axis=2)
    covariance = np.exp(-3 * lag / 3000) + 1e-9 * np.eye(120)
    return places, np.linalg.cholesky(covariance) @ rng.normal(size=120)


def others(ratio, seed):
    places, values = simulated(ratio, seed)
    fitted = fit_variogram(places, values, FitOptions(model="exponential", method="reml"))
    return fitted.model, other_variograms(fitted, places, values, None, block_folds(places, 5, seed))


def test_isotropic_fits_are_no_second_opinion_on_a_banded_field():
    chosen, found = others(0.1, 0)
    assert not chosen.structures[0].is_isotropic
    assert found == ()


def test_an_isotropic_field_has_a_second_opinion_by_least_squares():
    found = [others(1.0, seed) for seed in range(2)]
    assert all(chosen not in other and 1 <= len(other) <= 2 for chosen, other in found)
