"""The committed sample is the published one.

Truth: counts and statistics of meuse and meuse.grid as R's package sp documents and summarises them.
"""

import numpy as np
import pytest

gdal = pytest.importorskip("osgeo.gdal")
ogr = pytest.importorskip("osgeo.ogr")


@pytest.fixture(scope="module")
def points(sample):
    source = ogr.Open(str(sample / "meuse.gpkg"))
    names = ("cadmium", "copper", "lead", "zinc", "elev")
    rows = [
        (feature.geometry().GetX(), feature.geometry().GetY(), *(feature[name] for name in names))
        for feature in source.GetLayer("meuse")
    ]
    return dict(zip(("easting", "northing", *names), np.array(rows).T))


def test_points(points):
    assert len(points["zinc"]) == 155
    # summary(meuse) in R: minima, maxima and means, to the digits it prints.
    for name, low, high, mean in (
        ("cadmium", 0.2, 18.1, 3.246),
        ("copper", 14, 128, 40.32),
        ("lead", 37, 654, 153.4),
        ("zinc", 113, 1839, 469.7),
    ):
        np.testing.assert_allclose([points[name].min(), points[name].max()], [low, high])
        np.testing.assert_allclose(points[name].mean(), mean, rtol=5e-4)  # R prints four digits
    assert (points["easting"][0], points["northing"][0]) == (181072, 333611)


@pytest.mark.parametrize("name, values", [("dist", None), ("ffreq", {1, 2, 3}), ("soil", {1, 2, 3})])
def test_covariates(sample, points, name, values):
    raster = gdal.Open(str(sample / f"{name}.tif"))
    band = raster.GetRasterBand(1)
    array, nodata = band.ReadAsArray(), band.GetNoDataValue()
    known = array != nodata
    assert raster.GetGeoTransform() == (178440, 40, 0, 333760, 0, -40)
    assert array.shape == (104, 78)
    assert known.sum() == 3103
    assert band.GetDescription() == name
    if values:
        assert set(np.unique(array[known])) == values
    column = ((points["easting"] - 178440) // 40).astype(int)
    row = ((333760 - points["northing"]) // 40).astype(int)
    assert known[row, column].all(), "every sample lies on a known cell"


def test_distance_at_the_first_sample(sample):
    # meuse$dist[1] in R is 0.00135803, the value of the cell the sample lies in.
    array = gdal.Open(str(sample / "dist.tif")).ReadAsArray()
    row, column = int((333760 - 333611) // 40), int((181072 - 178440) // 40)
    np.testing.assert_allclose(array[row, column], 0.00135803, rtol=1e-6)  # single precision
