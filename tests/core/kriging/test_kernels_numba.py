"""Truth: two roads. The compiled kernel gives what numpy gives."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import KrigingSystemError
from hybrid_geostatistics.core.grid import RasterGrid
from hybrid_geostatistics.core.kriging import moving, system
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("numba")


def both_roads(monkeypatch, work):
    """Return what `work` gives with numpy and with the compiled kernel."""
    for module in (moving, system):
        monkeypatch.setattr(module, "WORTH_COMPILING", 10**9)
    with_numpy = work()
    for module in (moving, system):
        monkeypatch.setattr(module, "WORTH_COMPILING", 0)
    return with_numpy, work()


def assert_same(a, b):
    assert_allclose(a.estimate, b.estimate, rtol=1e-10, atol=1e-11)
    assert_allclose(a.kriging_variance, b.kriging_variance, rtol=1e-9, atol=1e-12)
    assert_allclose(a.smoothing_variance, b.smoothing_variance, rtol=1e-9, atol=1e-10)
    assert_array_equal(a.n_neighbors, b.n_neighbors)


@pytest.mark.parametrize("with_drift", [False, True])
def test_equals_numpy(monkeypatch, samples, model, neighborhood, with_drift):
    coordinates, values, drift, targets, target_drift = samples
    dense = np.linspace(0, 1, 37)[:, None] * (targets[1] - targets[0]) + targets[0]
    targets = np.vstack([targets, dense, targets + 3.0])
    target_drift = np.vstack([target_drift, np.repeat(target_drift[:1], 37, axis=0), target_drift])
    drift, target_drift = (drift, target_drift) if with_drift else (None, None)
    kriging = fit_kriging(coordinates, values, model, neighborhood, drift)
    assert_same(*both_roads(monkeypatch, lambda: kriging.predict(targets, target_drift)))
    assert_same(*both_roads(monkeypatch, kriging.leave_one_out))


def test_equals_numpy_where_samples_tie(monkeypatch):
    # Samples and targets on a lattice: many neighbours at the same distance.
    places = np.array([(x, y) for x in range(12) for y in range(9)], dtype=float)
    values = np.random.default_rng(2).normal(size=len(places))
    model = VariogramModel(0.1, (Structure("spherical", 0.9, 5.0),))
    targets = np.array([(x / 2, y / 2) for x in range(24) for y in range(18)])
    for k in (3, 8, 13):
        kriging = fit_kriging(places, values, model, Neighborhood(k))
        assert_same(*both_roads(monkeypatch, lambda kriging=kriging: kriging.predict(targets)))


def test_a_pure_nugget_and_a_singular_system(monkeypatch):
    random = np.random.default_rng(8)
    places, values = random.random((40, 2)), random.normal(size=40)
    nugget = fit_kriging(places, values, VariogramModel(1.0, ()), Neighborhood(5))
    assert_same(*both_roads(monkeypatch, lambda: nugget.predict(places + 0.01)))
    smooth = VariogramModel(0.0, (Structure("gaussian", 1.0, 100.0),))
    monkeypatch.setattr(moving, "WORTH_COMPILING", 0)
    with pytest.raises(KrigingSystemError, match="numerically singular"):
        fit_kriging(places, values, smooth, Neighborhood(20)).predict(places + 0.01)


def test_kriging_without_numba(monkeypatch, meuse):
    monkeypatch.setattr(moving, "compiled_kernels", lambda: None)
    monkeypatch.setattr(moving, "WORTH_COMPILING", 0)
    coordinates, zinc, _ = meuse
    model = VariogramModel(0.05, (Structure("spherical", 0.59, 897.0),))
    result = fit_kriging(coordinates, zinc, model, Neighborhood(20)).predict([(181180.0, 333740.0)])
    assert_allclose(result.estimate, 6.54710967621, rtol=1e-9)


@pytest.mark.parametrize(
    "structure", [("spherical", 90.0), ("cubic", 160.0), ("spherical", 900.0), ("exponential", 60.0)]
)
@pytest.mark.parametrize(("n_samples", "n_columns"), [(1, 7), (155, 61), (700, 83)])
def test_all_samples_on_a_raster(monkeypatch, n_samples, n_columns, structure):
    random = np.random.default_rng(n_samples)
    places, values = random.random((n_samples, 2)) * 300.0 + 5e6, random.normal(50.0, 9.0, n_samples)
    kriging = fit_kriging(places, values, VariogramModel(0.1, (Structure(structure[0], 0.9, structure[1]),)))
    grid = RasterGrid((41, n_columns), (5e6 - 100.0, 6.1, 0.0, 5e6 + 390.0, 0.0, -9.7))
    with_numpy, compiled = both_roads(monkeypatch, lambda: kriging.predict_grid(grid))
    assert_same(with_numpy, compiled)


def test_what_does_not_compile_runs_with_numpy(monkeypatch, meuse):
    from hybrid_geostatistics.core.kriging import kernels_numba

    def broken(*arguments):
        raise kernels_numba.CompilationError("no compiler")

    coordinates, zinc, _ = meuse
    kriging = fit_kriging(coordinates, zinc, VariogramModel(0.05, (Structure("spherical", 0.59, 897.0),)))
    monkeypatch.setattr(kernels_numba, "whiten_tiles", broken)
    assert_same(*both_roads(monkeypatch, lambda: kriging.predict(coordinates[:50] + 7.0)))
