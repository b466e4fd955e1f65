"""Truth: gstat's leave-one-out of meuse, and figures computed by hand."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.cross_validation import leave_out, summarize
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import KrigingEstimate, fit_kriging
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose

MODEL = VariogramModel(0.05, (Structure("spherical", 0.59, 897.0),))


def test_meuse_against_gstat(meuse):
    coordinates, zinc, _ = meuse
    summary = summarize(zinc, fit_kriging(coordinates, zinc, MODEL).leave_one_out(), coverage=0.95)
    assert (summary.n, summary.n_missing) == (155, 0)
    assert_allclose(
        [summary.rmse, summary.mae, summary.msdr, summary.coverage],
        [0.3917494741, 0.2921010805, 0.8227633, 0.96774],
        rtol=1e-5,
    )
    assert_allclose(summary.bias, -1.256e-05, rtol=1e-3)
    assert_allclose(summary.r2, 1 - 0.3917494741**2 / zinc.var(), rtol=1e-6)


@pytest.mark.parametrize("folds", [None, np.arange(155) % 5], ids=["one at a time", "folds"])
def test_errors_in_data_units(meuse, folds):
    coordinates, zinc, _ = meuse
    kriging = fit_kriging(coordinates, zinc, MODEL)
    way_back = BackTransform.of(kriging, Transform("log"))
    left_out = leave_out(kriging, way_back, np.exp(zinc), folds)
    result = kriging.leave_one_out() if folds is None else kriging.leave_group_out(folds)
    raised = np.exp(result.estimate + 0.5 * way_back.share * np.minimum(result.smoothing_variance, zinc.var()))
    assert_allclose(left_out.predicted, raised, rtol=1e-12)
    assert left_out.summary.rmse == pytest.approx(np.sqrt(np.mean((np.exp(zinc) - raised) ** 2)))
    # How far off, in standard deviations, is told where the distribution is normal.
    assert_allclose(left_out.standardized, (zinc - result.estimate) / result.kriging_std, rtol=1e-12)
    assert left_out.summary.msdr == pytest.approx(np.mean(left_out.standardized**2))
    assert left_out.summary.coverage == np.mean(np.abs(left_out.standardized) <= 1.6448536)


def test_samples_without_an_estimate_are_counted_apart(meuse):
    coordinates, zinc, _ = meuse
    kriging = fit_kriging(coordinates, zinc, MODEL, Neighborhood(search_radius=130.0))
    summary = summarize(zinc, kriging.leave_one_out())
    assert summary.n + summary.n_missing == 155 and summary.n_missing > 0
    assert np.isfinite([summary.rmse, summary.r2, summary.msdr]).all()


def test_nothing_to_summarize_is_said():
    nothing = KrigingEstimate(np.array([np.nan]), np.array([np.nan]), np.array([0]), np.array([np.nan]))
    with pytest.raises(InputError, match="None of 1 samples"):
        summarize(np.array([1.0]), nothing)
