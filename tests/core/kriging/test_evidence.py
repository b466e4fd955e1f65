"""Evidence for a drift. Truth: the F test of ordinary least squares, the chi-squared law, invariances, two roads."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.kriging.evidence import DriftEvidence, drift_evidence
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose

NUGGET = VariogramModel(2.0, ())
SPATIAL = VariogramModel(0.3, (Structure("exponential", 1.0, 40.0),))


def field(n=120, seed=0):
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0, 100, (n, 2))
    covariance = SPATIAL.covariance(coordinates, coordinates)
    return coordinates, np.linalg.cholesky(covariance) @ rng.normal(size=n), rng.normal(size=(n, 3))


def test_without_spatial_correlation_it_is_the_f_test():
    coordinates, values, drift = field()
    values = values + 0.4 * drift[:, 0]
    found = drift_evidence(fit_kriging(coordinates, values, NUGGET, drift=drift))
    design = np.column_stack([np.ones(len(values)), drift])
    residual = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    explained = np.sum((values - values.mean()) ** 2) - residual @ residual
    assert_allclose(found.wald, explained / (residual @ residual / (len(values) - 4)), rtol=1e-9)
    assert found.n_columns == 3


def test_a_moving_neighbourhood_tests_the_same_coefficients():
    coordinates, values, drift = field()
    one = drift_evidence(fit_kriging(coordinates, values, SPATIAL, drift=drift))
    other = drift_evidence(fit_kriging(coordinates, values, SPATIAL, Neighborhood(max_neighbors=12), drift))
    assert_allclose(other.wald, one.wald, rtol=1e-8)
    assert_allclose(other.slopes, one.slopes, rtol=1e-8)


def test_noise_has_a_wald_statistic_of_its_degrees_of_freedom():
    found = [drift_evidence(fit_kriging(c, v, SPATIAL, drift=d)) for c, v, d in (field(seed=s) for s in range(60))]
    # Mean of F(3, 116) times 3 is 3.05, its standard error over 60 fields 0.33.
    assert 2.0 < np.mean([one.wald for one in found]) < 4.1
    assert np.mean([one.credible_share for one in found]) < 0.03


def test_scales_of_values_sill_and_drift_do_not_matter_and_slopes_have_signs():
    coordinates, values, drift = field()
    values = values - 0.7 * drift[:, 1]
    one = drift_evidence(fit_kriging(coordinates, values, SPATIAL, drift=drift[:, 1]))
    louder = VariogramModel(30.0, (Structure("exponential", 100.0, 40.0),))
    other = drift_evidence(fit_kriging(coordinates, 9 * values, louder, drift=5 - 3 * drift[:, 1]))
    assert_allclose(other.wald, one.wald, rtol=1e-8)
    assert one.slopes[0] < 0 < other.slopes[0]
    assert_allclose(other.slopes, -9 * one.slopes, rtol=1e-8)
    assert_allclose(one.slopes[0], -0.7 * drift[:, 1].std(), rtol=0.25)


def test_credible_share_by_hand():
    assert DriftEvidence(16.0, 3, np.zeros(3)).credible_share == 0.5
    assert DriftEvidence(7.0, 3, np.zeros(3)).credible_share == 0.0


def test_a_constant_drift_is_no_evidence_and_none_is_refused():
    coordinates, values, _ = field()
    assert drift_evidence(fit_kriging(coordinates, values, SPATIAL, drift=np.ones(120))).credible_share == 0.0
    with pytest.raises(InputError, match="beside an estimated constant"):
        drift_evidence(fit_kriging(coordinates, values, SPATIAL))
