"""Covariates at points and on grids. Truth: plane surfaces that bilinear interpolation keeps, cells read one by one."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.samples import Covariates
from hybrid_geostatistics.processing_provider.covariates.stack import CovariateStack
from hybrid_geostatistics.processing_provider.outputs import require_room
from hybrid_geostatistics.processing_provider.rasters import RasterSource
from hybrid_geostatistics.processing_provider.reading.covariates import parse_categorical, tell_possible_codes


@pytest.fixture
def source(qgis_app, world):
    """Return a function that makes a source from a path."""
    from qgis.core import QgsRasterLayer

    return lambda path: RasterSource.of_layer(QgsRasterLayer(path, path.rsplit("/", 1)[-1].split(".")[0]))


def plane(world, n_rows, n_columns, left, top, cell):
    """Return 3 + 0.01 (easting - left) - 0.02 (top - northing) at the cell centres."""
    easting = left + (np.arange(n_columns) + 0.5) * cell[0]
    northing = top - (np.arange(n_rows) + 0.5) * cell[1]
    return (3 + 0.01 * (easting[None] - world.LEFT) - 0.02 * (world.TOP - northing[:, None])).astype(np.float32)


def test_a_plane_is_interpolated_exactly(world, source, tmp_path):
    values = plane(world, *world.SHAPE, world.LEFT, world.TOP, world.CELL)
    rasters = CovariateStack.of_sources([source(world.write_raster(tmp_path / "plane.tif", values))])
    coordinates, _ = world.field_values()
    inner = coordinates[
        (np.abs(coordinates[:, 0] - world.LEFT - 105) < 90) & (np.abs(world.TOP - coordinates[:, 1] - 90) < 80)
    ]
    expected = 3 + 0.01 * (inner[:, 0] - world.LEFT) - 0.02 * (world.TOP - inner[:, 1])
    assert len(inner) > 20
    np.testing.assert_allclose(rasters.at(inner).values[:, 0], expected, atol=1e-5)  # float32 raster


def test_edges_holes_and_outside(world, source, slope):
    rasters = CovariateStack.of_sources([source(slope)])
    left, top = world.LEFT, world.TOP
    places = np.array(
        [
            [left, top],  # the very corner: the corner cell's value
            [left + 7 * 30, top - 9 * 20],  # the opposite corner
            [left + 5.5 * 30, top - 2.5 * 20],  # in the hole
            [left + 5 * 30 - 0.1, top - 2.5 * 20],  # beside the hole: the hole does not take part
            [left - 0.1, top - 5],  # outside
            [left + 30, top - 100],  # between columns 0 and 1
        ]
    )
    np.testing.assert_allclose(rasters.at(places).values[:, 0], [0, 6, np.nan, 4, np.nan, 0.5], atol=1e-6)


def test_classes_come_from_the_cell(world, source, tmp_path):
    codes = (np.arange(63).reshape(world.SHAPE) % 3 + 1).astype(np.float32)  # class codes often come as floats
    rasters = CovariateStack.of_sources([source(world.write_raster(tmp_path / "soil.tif", codes))])
    rasters = rasters.with_categorical(None)
    assert rasters.categorical == (True,)
    coordinates, _ = world.field_values()
    rows = ((world.TOP - coordinates[:, 1]) / 20).astype(int)
    columns = ((coordinates[:, 0] - world.LEFT) / 30).astype(int)
    assert rasters.at(coordinates).values[:, 0].tolist() == codes[rows, columns].tolist()


@pytest.mark.parametrize(
    "values, expected",
    [
        (np.arange(63, dtype=np.uint8).reshape(9, 7) % 20, True),
        (np.arange(63, dtype=np.uint8).reshape(9, 7) % 21, False),
        (np.linspace(0, 1, 63, dtype=np.float32).reshape(9, 7) // 0.3 / 2, False),
    ],
)
def test_categorical_by_looking(world, source, tmp_path, values, expected):
    rasters = CovariateStack.of_sources([source(world.write_raster(tmp_path / "x.tif", values))])
    assert rasters.with_categorical(None).categorical == (expected,)


def test_many_codes_are_told_not_assumed(world, source, tmp_path):
    """Land use in 38 classes is no quantity, but nor is every raster of whole numbers one of classes."""
    codes = np.arange(63, dtype=np.uint8).reshape(9, 7) % 38
    paths = [
        world.write_raster(tmp_path / f"{name}.tif", values.astype(np.float32))
        for name, values in (("landuse", codes), ("soil", codes % 4), ("slope", codes / 7.0))
    ]
    stack, log = CovariateStack.of_sources([source(path) for path in paths]).with_categorical(None), world.Log()
    tell_possible_codes(stack, log)
    assert "landuse: whole numbers only, more than 20 different ones." in log.text
    assert stack.categorical == (False, True, False)


def test_categorical_by_name(world, source, tmp_path):
    rasters = CovariateStack.of_sources(
        [source(world.write_raster(tmp_path / f"{name}.tif", np.zeros((2, 3), np.uint8))) for name in ("a", "b")]
    )
    assert rasters.with_categorical(parse_categorical("b")).categorical == (False, True)
    assert rasters.with_categorical(parse_categorical("none")).categorical == (False, False)
    with pytest.raises(InputError, match="No covariate is named c; there are: a, b"):
        rasters.with_categorical(["c"])


def test_bands_have_names(world, source, tmp_path):
    cube = np.stack([np.full(world.SHAPE, value, np.float32) for value in (1.5, 2.5)])
    path = world.write_raster(tmp_path / "spectra.tif", cube, names=("red", ""))
    rasters = CovariateStack.of_sources([source(path)])
    assert rasters.names == ("spectra: red", "spectra: band 2")
    trained = Covariates(("spectra: band 2", "spectra: red"), np.zeros((1, 2)), (False, False))
    turned = CovariateStack.of_model(trained, [source(path)], [])
    assert turned.at(np.array([[world.LEFT + 50, world.TOP - 50]])).values.tolist() == [[2.5, 1.5]]
    with pytest.raises(InputError, match="spectra: blue"):
        CovariateStack.of_model(Covariates(("spectra: blue",), np.zeros((1, 1)), (False,)), [source(path)], [])
    with pytest.raises(InputError, match="occur twice"):
        CovariateStack.of_sources([source(path), source(path)])


def test_the_same_grid_is_read_as_it_is(world, source, slope):
    rasters = CovariateStack.of_sources([source(slope)])
    covariates = rasters.on(source(slope).grid())
    block = covariates.block(Block(1, 2, 4, 5)).values.reshape(4, 5)
    expected = np.where(world.slope_values() < 0, np.nan, world.slope_values())[1:5, 2:7]
    np.testing.assert_array_equal(block, expected)


def test_another_grid_is_resampled(world, source, tmp_path):
    """A plane stays a plane; blocks are cut from the whole; outside there is nothing."""
    values = plane(world, *world.SHAPE, world.LEFT, world.TOP, world.CELL)
    rasters = CovariateStack.of_sources([source(world.write_raster(tmp_path / "plane.tif", values))])
    grid = RasterGrid((9, 14), (world.LEFT + 20.0, 13.0, 0.0, world.TOP - 15.0, 0.0, -17.0), world.CRS)
    covariates = rasters.on(grid)
    whole = covariates.block(Block(0, 0, 9, 14)).values.reshape(9, 14)
    centers = grid.centers(Block(0, 0, 9, 14)).reshape(9, 14, 2)
    expected = 3 + 0.01 * (centers[..., 0] - world.LEFT) - 0.02 * (world.TOP - centers[..., 1])
    np.testing.assert_allclose(whole[:, :13], expected[:, :13], atol=1e-4)  # the last centre column is beyond the edge
    np.testing.assert_array_equal(covariates.block(Block(3, 9, 2, 5)).values, whole[3:5, 9:].reshape(-1, 1))
    away = RasterGrid((2, 2), (world.LEFT + 5000.0, 13.0, 0.0, world.TOP, 0.0, -17.0), world.CRS)
    assert np.isnan(rasters.on(away).block(Block(0, 0, 2, 2)).values).all()


def test_classes_are_not_mixed_by_resampling(world, source, tmp_path):
    codes = (np.arange(63).reshape(world.SHAPE) % 2 * 9 + 1).astype(np.uint8)
    path = world.write_raster(tmp_path / "soil.tif", codes, nodata=255)
    rasters = CovariateStack.of_sources([source(path)]).with_categorical(None)
    grid = RasterGrid((20, 30), (world.LEFT, 7.0, 0.0, world.TOP, 0.0, -9.0), world.CRS)
    assert set(np.unique(rasters.on(grid).block(Block(0, 0, 20, 30)).values)) == {1.0, 10.0}


def test_scale_and_offset_are_applied(world, source, tmp_path):
    from osgeo import gdal

    path = world.write_raster(tmp_path / "dem.tif", np.full(world.SHAPE, 7, np.int32))
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(1).SetScale(0.1)
    dataset.GetRasterBand(1).SetOffset(100.0)
    del dataset
    rasters = CovariateStack.of_sources([source(path)])
    assert rasters.at(np.array([[world.LEFT + 50, world.TOP - 50]])).values == pytest.approx(100.7)
    grid = RasterGrid((3, 2), (world.LEFT, 11.0, 0.0, world.TOP, 0.0, -7.0), world.CRS)
    assert rasters.on(grid).block(Block(0, 0, 3, 2)).values == pytest.approx(np.full((6, 1), 100.7))


def test_a_rotated_template_is_refused(world, source, tmp_path):
    from osgeo import gdal

    path = world.write_raster(tmp_path / "turned.tif", np.zeros((2, 3), np.float32))
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.SetGeoTransform((0, 1, 0.5, 0, 0.5, -1))
    del dataset
    with pytest.raises(InputError, match="turned: Expected a north-up grid"):
        source(path).grid()


def test_room_is_added_up_by_disk(tmp_path):
    grid = RasterGrid((10_000_000, 10_000_000), (0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    with pytest.raises(InputError, match=r"10000000 rows and 10000000 columns needs up to 1,091\.4 TiB"):
        require_room(grid, {str(tmp_path / "a.tif"): 2, str(tmp_path / "b.tif"): 1})
    require_room(RasterGrid((3, 4), grid.transform), {str(tmp_path / "a.tif"): 2})
