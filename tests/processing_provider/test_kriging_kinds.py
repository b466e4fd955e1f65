"""The kinds of kriging through Processing. Truth: the core on the same numbers, refusals in words."""

import json
from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.grid import RasterGrid
from hybrid_geostatistics.core.kriging.functionals import BlockSize
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.file import VariogramFile
from osgeo import gdal


def same(world, results, truth):
    for name, expected in (("ESTIMATE", truth.estimate), ("KRIGING_VARIANCE", truth.kriging_variance)):
        values, _ = world.read_raster(results[name])
        np.testing.assert_allclose(values.ravel(), expected, rtol=1e-6)  # float32


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        ({"KRIGING_TYPE": "simple", "MEAN": 71.5}, {"mean": 71.5}),
        ({"KRIGING_TYPE": "universal"}, {"trend_order": 1}),
        ({"KRIGING_TYPE": "universal", "TREND_ORDER": 2}, {"trend_order": 2}),
        (
            {"KRIGING_TYPE": "universal", "MAX_NEIGHBORS": 12, "DRIFT_COEFFICIENTS": "neighbours"},
            {"trend_order": 1, "neighborhood": Neighborhood(12), "local_drift": True},
        ),
    ],
    ids=["simple", "plane", "quadratic", "local plane"],
)
def test_kinds(world, kriged, variogram, template, parameters, options):
    results, _ = kriged(**parameters)
    coordinates, values = world.field_values()
    kriging = fit_kriging(coordinates, values, VariogramFile.read(variogram).model, **options)
    same(world, results, kriging.predict_grid(world.grid_of(template)))


def test_external_drift(world, kriged, variogram, template, tmp_path):
    from hybrid_geostatistics.processing_provider.covariates.stack import CovariateStack
    from hybrid_geostatistics.processing_provider.rasters import RasterSource
    from qgis.core import QgsRasterLayer

    drift = world.write_raster(tmp_path / "drift.tif", world.slope_values(), nodata=-1e6)
    results, _log = kriged(KRIGING_TYPE="external_drift", DRIFT=[drift], TEMPLATE=drift)
    coordinates, values = world.field_values()
    rasters = CovariateStack.of_sources([RasterSource.of_layer(QgsRasterLayer(drift, "drift"))])
    at_samples = rasters.at(coordinates).values
    known = np.isfinite(at_samples).all(axis=1)
    assert results["N"] == known.sum()
    grid = RasterGrid(world.SHAPE, gdal.Open(drift).GetGeoTransform())
    at_cells = np.where(world.slope_values() < -1e5, np.nan, world.slope_values()).ravel()
    model = VariogramFile.read(variogram).model
    kriging = fit_kriging(coordinates[known], values[known], model, drift=at_samples[known])
    truth = kriging.predict_grid(grid, drift=at_cells)
    assert np.isnan(truth.estimate).sum() == 2
    same(world, results, truth)


def test_classes_of_a_drift_raster(world, kriged, variogram, tmp_path):
    rows, columns = np.indices(world.SHAPE)
    codes = 1.0 + (rows // 3 + columns // 4) % 3
    rocks = world.write_raster(tmp_path / "rocks.tif", codes.astype(np.float32))
    given = {"KRIGING_TYPE": "external_drift", "DRIFT": [rocks], "TEMPLATE": rocks}
    as_numbers, log = kriged(**given)
    assert "rocks: few whole numbers only" in log.text
    straight, dataset = world.read_raster(as_numbers["ESTIMATE"])
    grid = RasterGrid(world.SHAPE, dataset.GetGeoTransform())
    results, log = kriged(**given, DRIFT_CLASSES="rocks")
    assert "few whole numbers" not in log.text
    coordinates, values = world.field_values()
    west, _, _, north = grid.extent
    row = ((north - coordinates[:, 1]) / -grid.transform[5]).astype(int)
    column = ((coordinates[:, 0] - west) / grid.transform[1]).astype(int)
    at_samples = (codes[row, column][:, None] == [2, 3]).astype(float)
    kriging = fit_kriging(coordinates, values, VariogramFile.read(variogram).model, drift=at_samples)
    truth = kriging.predict_grid(grid, drift=(codes.ravel()[:, None] == [2, 3]).astype(float))
    same(world, results, truth)
    assert np.abs(truth.estimate.reshape(grid.shape) - straight).max() > 0.01


@pytest.mark.parametrize("side", [0, 55], ids=["cell", "map units"])
@pytest.mark.parametrize("rule", ["gauss", "regular"])
def test_blocks(world, kriged, variogram, template, side, rule):
    grid = world.grid_of(template)
    sides = (side, side) if side else (grid.transform[1], -grid.transform[5])
    results, _ = kriged(BLOCK=side, BLOCK_POINTS=3, BLOCK_RULE=rule, MAX_NEIGHBORS=10)
    coordinates, values = world.field_values()
    kriging = fit_kriging(coordinates, values, VariogramFile.read(variogram).model, Neighborhood(max_neighbors=10))
    same(world, results, kriging.predict_grid(grid, support=BlockSize(sides, 3, rule)))


def test_sectors_and_diagnostics(world, kriged, variogram, template, tmp_path):
    results, _log = kriged(
        SECTORS="quadrants", MAX_PER_SECTOR=2, MIN_PER_SECTOR=1, SEARCH_RADIUS=60, DIAGNOSTICS=str(tmp_path / "d.tif")
    )
    coordinates, values = world.field_values()
    hood = Neighborhood(sectors=4, max_per_sector=2, min_per_sector=1, search_radius=60.0)
    kriging = fit_kriging(coordinates, values, VariogramFile.read(variogram).model, hood)
    grid = world.grid_of(template)
    truth = kriging.predict_grid(grid)
    same(world, results, truth)
    bands, dataset = world.read_raster(results["DIAGNOSTICS"])
    expected = [
        truth.kriging_std, truth.lagrange_multiplier, kriging.positive_weights(grid.centers(next(grid.blocks()))),
        truth.regression_slope, truth.efficiency, truth.n_neighbors, truth.reason,
    ]  # fmt: skip
    np.testing.assert_allclose(bands.reshape(7, -1), expected, rtol=1e-5)
    assert 0 < (truth.reason > 0).sum() < truth.reason.size
    assert dataset.GetRasterBand(7).GetDescription() == "why empty"


def test_a_measurement_error_in_the_file_is_filtered(world, kriged, tmp_path, template):
    path = world.write_variogram(tmp_path / "error.json", measurement_error=3.0)
    assert json.loads(Path(path).read_text())["nugget"] == 4.0
    results, _ = kriged(VARIOGRAM=path)
    coordinates, values = world.field_values()
    model = VariogramFile.read(path).model
    assert model.measurement_error == 3.0
    same(world, results, fit_kriging(coordinates, values, model).predict_grid(world.grid_of(template)))


def test_what_does_not_fit_together_is_refused(world, refused, samples, template, tmp_path):
    log_file = world.write_variogram(tmp_path / "log.json", transform={"kind": "log"})
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": log_file, "TEMPLATE": template,
             "ESTIMATE": str(tmp_path / "e.tif")}  # fmt: skip
    assert "known mean for simple kriging" in refused("ordinarykriging", {**given, "KRIGING_TYPE": "simple"})
    assert "drift raster" in refused("ordinarykriging", {**given, "KRIGING_TYPE": "external_drift"})
    scores = {"kind": "normal_score", "values": [1.0, 50.0, 400.0], "scores": [-3.0, 0.0, 3.0]}
    of_scores = world.write_variogram(tmp_path / "scores.json", transform=scores)
    assert "no exact way back" in refused("ordinarykriging", {**given, "BLOCK": 30, "VARIOGRAM": of_scores})
    assert "Set the sectors" in refused("ordinarykriging", {**given, "MAX_PER_SECTOR": 3})
    assert not (tmp_path / "e.tif").exists()


def test_what_is_not_used_is_told(world, kriged, tmp_path):
    drift = world.write_raster(tmp_path / "drift.tif", world.slope_values(), nodata=-1e6)
    _, log = kriged(DRIFT=[drift], MEAN=3.0, DRIFT_COEFFICIENTS="neighbours")
    for words in ("Drift rasters are given", "A mean is given", "it has none"):
        assert words in log.text
