"""The shipped graphical models run headless, from samples to rasters, as QGIS's own command line runs them.

Truth: adapter contracts (grid of the template, CRS, values where the samples are) on the Meuse sample.
"""

import json
import os

import numpy as np
import pytest

gdal = pytest.importorskip("osgeo.gdal")
pytest.importorskip("qgis.core")


def read(path):
    raster = gdal.Open(str(path))
    band = raster.GetRasterBand(1)
    values = band.ReadAsArray().astype(float)
    values[values == band.GetNoDataValue()] = np.nan
    return raster, values


def test_kriging_chain(root, sample, qgis_process, tmp_path):
    pytest.importorskip("skgstat")
    estimate, variance = tmp_path / "estimate.tif", tmp_path / "variance.tif"
    variogram = tmp_path / "variogram.json"
    qgis_process(
        root / "resources" / "models" / "kriging_chain.model3",
        **{
            "INPUT": f"{sample / 'meuse.gpkg'}|layername=meuse",
            "FIELD": "zinc",
            "TRANSFORM": "log",
            "TEMPLATE": sample / "dist.tif",
            "fit:Variogram": variogram,
            "krige:Estimate": estimate,
            "krige:Kriging variance": variance,
        },
    )
    content = json.loads(variogram.read_text(encoding="utf-8"))
    assert (content["format"], content["field"], content["transform"]["kind"]) == ("hybridgeo-variogram", "zinc", "log")
    template, known = read(sample / "dist.tif")
    raster, values = read(estimate)
    assert raster.GetGeoTransform() == template.GetGeoTransform()
    assert (raster.RasterYSize, raster.RasterXSize) == (104, 78)
    assert raster.GetSpatialRef().IsSame(template.GetSpatialRef())
    # Among the samples, where zinc runs from 113 to 1839 mg/kg, the means of its log stay close to that.
    among = values[np.isfinite(known)]
    assert 80 < among.min() < among.max() < 2500
    assert np.nanmin(read(variance)[1]) >= 0


@pytest.mark.slow
def test_hybrid_chain(root, sample, qgis_process, tmp_path):
    if not os.environ.get("HYBRIDGEO_BACKEND_DIR") and not os.environ.get("HYBRIDGEO_BACKEND_PYTHON"):
        pytest.skip("needs the backend: tools/test sets it up")
    prediction = tmp_path / "prediction.tif"
    qgis_process(
        root / "resources" / "models" / "hybrid_chain.model3",
        **{
            "INPUT": f"{sample / 'meuse.gpkg'}|layername=meuse",
            "TARGETS": "zinc",
            "COVARIATES": [sample / f"{name}.tif" for name in ("dist", "ffreq", "soil")],
            "TRANSFORM": "log",
            "TEMPLATE": sample / "dist.tif",
            "train:Model": tmp_path / "model.onnx",
            "train:Training report": tmp_path / "training.html",
            "predict:Prediction": prediction,
            "predict:Lower bound": tmp_path / "lower.tif",
            "predict:Upper bound": tmp_path / "upper.tif",
        },
    )
    _, known = read(sample / "dist.tif")
    _, values = read(prediction)
    # Predicted exactly where the covariates are known.
    np.testing.assert_array_equal(np.isfinite(values), np.isfinite(known))
    assert np.nanmin(values) > 0
    assert (read(tmp_path / "lower.tif")[1] <= read(tmp_path / "upper.tif")[1])[np.isfinite(values)].all()
