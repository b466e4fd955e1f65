"""A model in three dimensions, with every kind of covariate, on a block model.

Truth: the core reading the same file (two roads); covariates known by formula. ``tests/data/tiny_3d.onnx`` is made by
``tests/data/make_tiny_3d_model.py``; the last test needs no model.
"""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.grid import Block, Levels, RasterGrid
from hybrid_geostatistics.core.samples import Covariates
from osgeo import gdal, ogr, osr

MEAN = np.array([30.0, 50.0, 10.0, 20.0])
LOADINGS = np.array([[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]])
"""As in the model's file."""


@pytest.fixture
def rock(world, tmp_path):
    """Return the path of two polygons, the western half of tuff and the eastern of basalt."""
    system = osr.SpatialReference()
    system.SetFromUserInput(world.CRS)
    system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(tmp_path / "rock.gpkg"))
    layer = dataset.CreateLayer("rock", system, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("unit", ogr.OFTString))
    for unit, west, east in (("tuff", -90, 105), ("basalt", 105, 300)):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["unit"] = unit
        corners = [(west, 90), (east, 90), (east, -270), (west, -270), (west, 90)]
        ring = ", ".join(f"{world.LEFT + x} {world.TOP + y}" for x, y in corners)
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POLYGON (({ring}))"))
        layer.CreateFeature(feature)
    del layer, dataset
    return str(tmp_path / "rock.gpkg")


@pytest.fixture
def rasters(world, tmp_path):
    """Return a slope in degrees of longitude and a raw cube of four bands in the samples' CRS, both with a margin."""
    easting = (np.arange(60) + 0.5) * 5.0 - 45
    slope = np.tile(0.05 * easting, (50, 1)).astype(np.float32)
    margin = {"left": world.LEFT - 45, "top": world.TOP + 35, "cell": (5.0, 5.0)}
    here = world.write_raster(tmp_path / "here.tif", slope, **margin)
    gdal.Warp(str(tmp_path / "slope.tif"), here, dstSRS="EPSG:4326", resampleAlg="bilinear", errorThreshold=0)
    bands = np.stack([np.tile(MEAN[i] + 0.01 * (i + 1) * easting, (50, 1)) for i in range(4)]).astype(np.float32)
    return [str(tmp_path / "slope.tif"), world.write_raster(tmp_path / "cube.tif", bands, **margin)]


def test_every_level_equals_the_core(run, world, rock, rasters, root, tmp_path):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime here")
    from hybrid_geostatistics.core.prediction.trained_model import TrainedModel

    file = root / "tests" / "data" / "tiny_3d.onnx"
    template = world.write_raster(tmp_path / "template.tif", np.zeros((5, 4), np.float32), cell=(37.0, 29.0))
    results, _ = run(
        "predictraster",
        {"MODEL": str(file), "COVARIATES": rasters, "POLYGONS": [rock], "TEMPLATE": template, "ELEVATIONS": "-2 -6 2",
         "PREDICTION": str(tmp_path / "p.tif"), "UPPER": str(tmp_path / "u.tif")},
    )  # fmt: skip
    found, dataset = world.read_raster(results["PREDICTION"])
    upper, described = world.read_raster(results["UPPER"])
    assert [dataset.GetRasterBand(i).GetDescription() for i in (1, 2, 3)] == ["zinc -2 m", "zinc -4 m", "zinc -6 m"]
    assert described.GetRasterBand(3).GetDescription() == "zinc, upper end of 90 % -6 m"
    assert set(json.loads(results["OUTSIDE_RANGE"])) == {"slope", "rock", "elevation", "cube PC1", "cube PC2"}
    model = TrainedModel.read(file)
    grid = RasterGrid((5, 4), (world.LEFT, 37.0, 0.0, world.TOP, 0.0, -29.0), world.CRS, Levels(-2.0, -6.0, 2.0))
    for index, elevation in enumerate(grid.elevations):
        centers = grid.centers(Block(0, 0, 5, 4, elevation))
        east = centers[:, 0] - world.LEFT
        scores = 0.01 * np.outer(east, np.arange(1, 5)) @ LOADINGS.T
        columns = [0.05 * east, np.where(east < 105, 2.0, 1.0), centers[:, 2], scores]
        names = ("slope", "rock", "elevation", "cube PC1", "cube PC2")
        truth = model.predict(centers, Covariates(names, np.column_stack(columns), (False, True, False, False, False)))
        np.testing.assert_allclose(found[index].ravel(), truth.estimate[:, 0], atol=0.02)  # the slope was warped twice
        np.testing.assert_allclose(upper[index].ravel(), truth.upper[:, 0], atol=0.02)
    assert found[0].mean() > found[2].mean() + 3  # the field falls by 1.5 a metre


def test_elevations_are_asked_for(refused, root, rock, rasters, tmp_path):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime here")
    given = {"MODEL": str(root / "tests" / "data" / "tiny_3d.onnx"), "PREDICTION": str(tmp_path / "p.tif")}
    layers = {"COVARIATES": rasters, "POLYGONS": [rock]}
    assert "Expected elevations to map" in refused("predictraster", {**given, **layers})
    said = refused("predictraster", {**given, "COVARIATES": rasters[:1], "ELEVATIONS": "-2 -6 2"})
    assert "rock (polygons with the field unit)" in said and "cube (for cube PC1)" in said


def test_every_kind_is_read_at_the_samples(run, world, rock, rasters, tmp_path):
    """Comparing needs no model: kriging with external drift takes what training takes."""
    pytest.importorskip("skgstat")
    rng = np.random.default_rng(2)
    coordinates, _ = world.field_values(16)
    places = np.column_stack([np.repeat(coordinates, 3, axis=0), np.tile([-1.0, -3.0, -5.0], 16)])
    values = 10 + 0.05 * (places[:, 0] - world.LEFT) + 1.5 * places[:, 2] + rng.normal(0, 0.5, 48)
    fields = {
        "zinc": values.tolist(), "hole": [f"H{i // 3}" for i in range(48)], "organic": rng.normal(3, 1, 48).tolist()
    }  # fmt: skip
    samples = world.write_points(tmp_path / "holes.gpkg", places, fields)
    results, log = run(
        "comparemethods",
        {"INPUT": samples, "TARGETS": ["zinc"], "COVARIATES": rasters[:1], "POLYGONS": [rock],
         "POLYGON_FIELDS": "unit", "COVARIATE_FIELDS": ["organic"], "ELEVATION_COVARIATE": True, "HOLE": "hole",
         "METHODS": ["mean", "external_drift_kriging", "pretrained"], "FOLDS": "random", "N_FOLDS": 2,
         "OUTPUT": str(tmp_path / "c.csv"), "RESIDUALS": str(tmp_path / "r.gpkg")},
    )  # fmt: skip
    assert "Samples lie above one another" in log.text and results["N"] == 48
    assert "pretrained is left out: it was trained in the plane" in log.text
    assert "Covariates: slope, rock, organic, elevation. Categorical (found by their values): rock." in log.text
    assert results["BEST_METHOD"] == "external_drift_kriging"


def test_components_of_spectra_are_chosen(run, world, tmp_path):
    """The field follows the second component alone: two are taken, and kriging with them beats kriging."""
    pytest.importorskip("skgstat")
    rng = np.random.default_rng(3)
    wide, narrow = (rng.normal(size=(60, 70)) * spread for spread in (30.0, 10.0))
    ends = np.array([[0.5, 0.5, 0.5, 0.5, 0, 0], [0.5, -0.5, 0.5, -0.5, 0, 0]])
    signal = np.einsum("kb,krc->brc", ends, np.stack([wide, narrow]))
    cube = (1000 + signal + rng.normal(0, 1, (6, 60, 70))).astype(np.float32)
    path = world.write_raster(tmp_path / "cube.tif", cube, cell=(3.0, 3.0))
    cells = rng.choice(60 * 70, 90, replace=False)
    places = np.column_stack([world.LEFT + (cells % 70 + 0.5) * 3.0, world.TOP - (cells // 70 + 0.5) * 3.0])
    zinc = 50 + 0.5 * narrow.ravel()[cells] + rng.normal(0, 1, 90)
    samples = world.write_points(tmp_path / "s.gpkg", places, {"zinc": zinc.tolist()})
    results, log = run(
        "comparemethods",
        {"INPUT": samples, "TARGETS": ["zinc"], "SPECTRA": [path], "COMPONENTS": 0, "N_FOLDS": 2, "FOLDS": "random",
         "METHODS": ["ordinary_kriging", "external_drift_kriging"], "OUTPUT": str(tmp_path / "c.csv")},
    )  # fmt: skip
    assert "Covariates: cube PC1, cube PC2, cube PC3, cube PC4, cube PC5, cube PC6." in log.text
    assert results["BEST_METHOD"] == "external_drift_kriging"
