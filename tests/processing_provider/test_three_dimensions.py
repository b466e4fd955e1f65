"""Maps of several elevations. Truth: the core at the same places (two roads), and fields known everywhere."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.grid import Block, Levels, RasterGrid
from hybrid_geostatistics.core.kriging.functionals import BlockSize
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.file import VariogramFile
from osgeo import gdal

LEVELS = Levels(102.5, 80.0, 7.5)
TEXT = "102.5; 80; 7.5"


@pytest.fixture
def holes(world, tmp_path):
    """Return the path of 24 holes with five samples each, their places, and values that rise upwards and eastwards."""
    coordinates, _ = world.field_values(24)
    places = np.column_stack([np.repeat(coordinates, 5, axis=0), np.tile(100.0 - 5.0 * np.arange(5), 24)])
    values = 20 + 0.1 * (places[:, 0] - world.LEFT) + 0.8 * (places[:, 2] - 80) + np.sin(places[:, 1] / 30)
    fields = {"zinc": values.tolist(), "hole": [f"H{i // 5}" for i in range(120)]}
    return world.write_points(tmp_path / "holes.gpkg", places, fields), places, values


@pytest.fixture
def model_file(world, tmp_path):
    structure = {"model": "spherical", "psill": 90.0, "effective_range": 200.0, "azimuth": 30.0, "ratio_minor": 0.5,
                 "ratio_vertical": 0.1}  # fmt: skip
    return world.write_variogram(tmp_path / "vertical.json", structures=[structure], nugget=1.0)


def grid_of(template):
    return RasterGrid((5, 3), gdal.Open(template).GetGeoTransform(), levels=LEVELS)


def cube(values, n_levels=4):
    """Return bands as (quantity, level, cell)."""
    return values.reshape(-1, n_levels, values.shape[1] * values.shape[2])


def test_levels_are_bands_and_equal_the_core(run, world, holes, model_file, template, tmp_path):
    path, places, values = holes
    results, log = run(
        "ordinarykriging",
        {"INPUT": path, "FIELD": "zinc", "VARIOGRAM": model_file, "TEMPLATE": template, "ELEVATIONS": TEXT,
         "MAX_NEIGHBORS": 12, "SECTORS": "octants", "ESTIMATE": str(tmp_path / "e.tif"),
         "KRIGING_VARIANCE": str(tmp_path / "v.tif"), "DIAGNOSTICS": str(tmp_path / "d.tif")},
    )  # fmt: skip
    estimate, dataset = world.read_raster(results["ESTIMATE"])
    bands = [dataset.GetRasterBand(i + 1) for i in range(dataset.RasterCount)]
    assert [band.GetDescription() for band in bands] == ["zinc 102.5 m", "zinc 95 m", "zinc 87.5 m", "zinc 80 m"]
    assert [float(band.GetMetadataItem("ELEVATION")) for band in bands] == list(LEVELS.elevations)
    assert {band.GetMetadataItem("QUANTITY") for band in bands} == {"zinc"}
    variance, _ = world.read_raster(results["KRIGING_VARIANCE"])
    diagnostics, described = world.read_raster(results["DIAGNOSTICS"])
    assert described.RasterCount == 28 and described.GetRasterBand(24).GetDescription() == "number of neighbours 80 m"
    grid = grid_of(template)
    fitted = fit_kriging(
        places, values, VariogramFile.read(model_file).model, Neighborhood(max_neighbors=12, sectors=8)
    )
    for level, elevation in enumerate(LEVELS.elevations):
        truth = fitted.predict_grid(grid, Block(0, 0, 5, 3, elevation))
        np.testing.assert_allclose(cube(estimate)[0, level], truth.estimate, rtol=1e-6)  # float32
        np.testing.assert_allclose(cube(variance)[0, level], truth.kriging_variance, rtol=1e-6)
        np.testing.assert_allclose(cube(diagnostics)[0, level], truth.kriging_std, rtol=1e-6)
    assert "Elevations: 4, from 102.5 down to 80 by 7.5" in log.text and results["N"] == 120


def test_blocks_have_the_height_of_a_step(run, world, holes, model_file, template, tmp_path):
    path, places, values = holes
    results, _ = run(
        "ordinarykriging",
        {"INPUT": path, "FIELD": "zinc", "VARIOGRAM": model_file, "TEMPLATE": template, "ELEVATIONS": TEXT, "BLOCK": 0,
         "BLOCK_POINTS": 2, "MAX_NEIGHBORS": 0, "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    fitted = fit_kriging(places, values, VariogramFile.read(model_file).model)
    truth = fitted.predict_grid(grid_of(template), Block(0, 0, 5, 3, 95.0), support=BlockSize((41.0, 23.5, 7.5), 2))
    np.testing.assert_allclose(cube(world.read_raster(results["ESTIMATE"])[0])[0, 1], truth.estimate, rtol=1e-6)


def test_external_drift_is_the_same_on_every_level(run, world, holes, model_file, slope, tmp_path):
    path, _places, _values = holes
    results, _ = run(
        "ordinarykriging",
        {"INPUT": path, "FIELD": "zinc", "VARIOGRAM": model_file, "TEMPLATE": slope, "ELEVATIONS": TEXT,
         "KRIGING_TYPE": "external_drift", "DRIFT": [slope], "MAX_NEIGHBORS": 0, "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    estimate, _ = world.read_raster(results["ESTIMATE"])
    hole = np.isnan(estimate)
    assert (hole == hole[0]).all() and hole[0].sum() == 2


def test_the_gradient_has_a_third_axis(run, world, holes, model_file, template, tmp_path):
    path, places, values = holes
    results, _ = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["zinc"], "VARIOGRAM": model_file, "TEMPLATE": template, "ELEVATIONS": TEXT,
         "DIFFUSIVITY": 2.0, "GRADIENT": str(tmp_path / "g.tif"), "GRADIENT_VARIANCE": str(tmp_path / "v.tif"),
         "FLUX": str(tmp_path / "j.tif"), "SAMPLES": str(tmp_path / "s.gpkg")},
    )  # fmt: skip
    gradient, dataset = world.read_raster(results["GRADIENT"])
    names = [dataset.GetRasterBand(i).GetDescription() for i in range(1, 21, 4)]
    assert names == [f"{name} 102.5 m" for name in ("d zinc/dE", "d zinc/dN", "d zinc/dZ", "zinc magnitude",
                                                     "zinc azimuth")]  # fmt: skip
    grid = grid_of(template)
    truth = fit_gradient(places, values, VariogramFile.read(model_file).model)
    found = truth.predict(grid.centers(Block(0, 0, 5, 3, 87.5)), grid.cell_sides)
    np.testing.assert_allclose(cube(gradient)[:3, 2].T, found.gradient[:, 0], rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(cube(gradient)[3, 2], found.magnitude[:, 0], rtol=1e-5)
    variance, flux = (world.read_raster(results[name])[0] for name in ("GRADIENT_VARIANCE", "FLUX"))
    np.testing.assert_allclose(cube(variance)[:, 2].T, found.variance, rtol=1e-5)
    np.testing.assert_allclose(flux, -2.0 * gradient[:12], rtol=1e-6)
    assert np.nanmedian(cube(gradient)[2]) == pytest.approx(0.8, abs=0.3)  # the field rises by 0.8 a metre
    from qgis.core import QgsVectorLayer, QgsWkbTypes

    layer = QgsVectorLayer(results["SAMPLES"], "s", "ogr")
    assert QgsWkbTypes.hasZ(layer.wkbType()) and layer.fields().lookupField("zinc_dZ") > 0


def test_elevations_and_samples_must_agree(refused, samples, holes, model_file, tmp_path):
    given = {"FIELD": "zinc", "VARIOGRAM": model_file, "ESTIMATE": str(tmp_path / "e.tif")}
    said = refused("ordinarykriging", {**given, "INPUT": samples, "ELEVATIONS": TEXT})
    assert "samples whose elevations differ (PointZ), got none" in said and "native:setzvalue" in said
    said = refused("ordinarykriging", {**given, "INPUT": holes[0], "ELEVATIONS": "80, 100, 5"})
    assert "top 80, bottom 100" in said
    assert "three numbers" in refused("ordinarykriging", {**given, "INPUT": holes[0], "ELEVATIONS": "80 to 100"})
    assert not (tmp_path / "e.tif").exists()


def test_without_elevations_the_map_is_flat(run, world, holes, model_file, template, tmp_path):
    results, log = run(
        "ordinarykriging",
        {"INPUT": holes[0], "FIELD": "zinc", "VARIOGRAM": model_file, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    assert world.read_raster(results["ESTIMATE"])[1].RasterCount == 1 and results["N"] == 24
    assert "Enter ELEVATIONS for 3-D" in log.text


@pytest.mark.parametrize("choice, expected", [("auto", 120), ("3d", 120), ("2d", 24)])
def test_dimensions_of_a_variogram(run, holes, tmp_path, choice, expected):
    pytest.importorskip("skgstat")
    results, _ = run(
        "fitvariogram",
        {"INPUT": holes[0], "FIELD": "zinc", "DIMENSIONS": choice, "METHOD": "least_squares", "MODEL": "exponential",
         "VARIOGRAM": str(tmp_path / "v.json")},
    )  # fmt: skip
    assert results["N"] == expected


def test_levels():
    assert len(Levels(10.0, 9.0, 0.1)) == 11  # 0.1 is no binary number
    assert Levels(5.0, 5.0, 2.0).elevations == (5.0,)
    for wrong in ((1.0, 2.0, 1.0), (2.0, 1.0, 0.0), (2.0, 1.0, -1.0), (np.nan, 1.0, 1.0), (2e9, 0.0, 1.0)):
        with pytest.raises(InputError, match="Expected"):
            Levels(*wrong)


@pytest.mark.parametrize(
    "code, expected", [("EPSG:25833", "zinc 7.5 m"), ("EPSG:2263", "zinc 7.5 ft"), ("EPSG:4326", "zinc 7.5"),
                       ("", "zinc 7.5")]  # fmt: skip
)
def test_bands_are_called_after_the_elevation(qgis_app, code, expected):
    from hybrid_geostatistics.processing_provider.crs import crs_from_code
    from hybrid_geostatistics.processing_provider.outputs import level_name

    assert level_name("zinc", 7.5, crs_from_code(code)) == expected
    assert level_name("zinc", None, crs_from_code(code)) == "zinc"
