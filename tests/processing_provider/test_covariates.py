"""Covariates of any kind. Truth: planes that resampling keeps, cells and polygons counted by hand, two roads."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.gradients import FieldGradients
from hybrid_geostatistics.core.features.spectra import BandMoments, principal_components
from hybrid_geostatistics.core.grid import Block, Levels, RasterGrid
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from hybrid_geostatistics.processing_provider.covariates.kinds import Projected, SampleColumn, polygon_fields
from hybrid_geostatistics.processing_provider.covariates.stack import CovariateStack
from hybrid_geostatistics.processing_provider.polygons import PolygonSource
from hybrid_geostatistics.processing_provider.rasters import RasterSource
from osgeo import gdal, ogr, osr

GEOGRAPHIC = "EPSG:4326"


@pytest.fixture
def source(qgis_app):
    from qgis.core import QgsRasterLayer

    return lambda path: RasterSource.of_layer(QgsRasterLayer(str(path), str(path).rsplit("/", 1)[-1].split(".")[0]))


@pytest.fixture
def crs(qgis_app, world):
    from qgis.core import QgsCoordinateReferenceSystem

    return QgsCoordinateReferenceSystem(world.CRS)


@pytest.fixture
def polygons(qgis_app):
    """Return a function that takes over a layer."""
    from qgis.core import QgsCoordinateTransformContext, QgsVectorLayer

    def polygons(path, name=None):
        layer = QgsVectorLayer(str(path), name or str(path).rsplit("/", 1)[-1].split(".")[0], "ogr")
        return PolygonSource.of_layer(layer, QgsCoordinateTransformContext())

    return polygons


def surface(world, easting, northing):
    """Return a plane."""
    return 3 + 0.01 * (easting - world.LEFT) - 0.02 * (world.TOP - northing)


def write_polygons(path, rings, fields, crs):
    """Write polygons; `fields` maps names to one value a polygon, float, int or str."""
    system = osr.SpatialReference()
    system.SetFromUserInput(crs)
    system.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer(path.stem, system, ogr.wkbPolygon)
    kinds = {str: ogr.OFTString, int: ogr.OFTInteger, float: ogr.OFTReal}
    for name, values in fields.items():
        kind = next(type(value) for value in values if value is not None)
        layer.CreateField(ogr.FieldDefn(name, kinds[kind]))
    for row, ring in enumerate(rings):
        feature = ogr.Feature(layer.GetLayerDefn())
        for name, values in fields.items():
            if values[row] is not None:
                feature[name] = values[row]
        closed = ogr.Geometry(ogr.wkbLinearRing)
        for place in [*ring, ring[0]]:
            closed.AddPoint_2D(*place)
        polygon = ogr.Geometry(ogr.wkbPolygon)
        polygon.AddGeometry(closed)
        feature.SetGeometry(polygon)
        layer.CreateFeature(feature)
    del layer, dataset
    return path


def whole(stack, grid):
    return stack.on(grid).block(Block(0, 0, *grid.shape)).values.reshape(*grid.shape, -1)


# ---------------------------------------------------------------- rasters


@pytest.fixture
def fine(world, tmp_path):
    """Return a plane in cells of 5 by 4 metres that reaches beyond the small world."""
    easting = world.LEFT - 60 + (np.arange(70) + 0.5) * 5
    northing = world.TOP + 60 - (np.arange(80) + 0.5) * 4
    values = surface(world, easting[None], northing[:, None]).astype(np.float32)
    return world.write_raster(
        tmp_path / "plane.tif", values, left=world.LEFT - 60, top=world.TOP + 60, cell=(5.0, 4.0), nodata=-99.0
    )


def test_another_crs_is_warped_and_points_are_transformed(world, source, fine, crs, tmp_path):
    """A plane in degrees is the plane: at points and on a grid, whole and in blocks."""
    away = str(tmp_path / "away.tif")
    gdal.Warp(away, fine, dstSRS=GEOGRAPHIC, resampleAlg="bilinear", errorThreshold=0)
    stack = CovariateStack.of_sources([source(away)])
    coordinates, _ = world.field_values()
    expected = surface(world, coordinates[:, 0], coordinates[:, 1])
    np.testing.assert_allclose(stack.at(coordinates, crs).values[:, 0], expected, atol=0.01)  # resampled once more
    grid = RasterGrid((30, 29), (world.LEFT, 7.0, 0.0, world.TOP, 0.0, -6.0), world.CRS)
    values = whole(stack, grid)[..., 0]
    centers = grid.centers(Block(0, 0, *grid.shape)).reshape(*grid.shape, 2)
    np.testing.assert_allclose(values, surface(world, centers[..., 0], centers[..., 1]), atol=0.01)
    part = stack.on(grid).block(Block(4, 20, 11, 9)).values
    np.testing.assert_array_equal(part, values[4:15, 20:29].reshape(-1, 1))


def test_a_much_coarser_grid_takes_the_mean_of_the_cells(world, source, tmp_path):
    """A checkerboard of 0 and 10: every large cell holds as many of both."""
    board = (np.indices((40, 40)).sum(axis=0) % 2 * 10).astype(np.float32)
    path = world.write_raster(tmp_path / "board.tif", board, cell=(5.0, 5.0))
    stack = CovariateStack.of_sources([source(path)])
    coarse = RasterGrid((10, 10), (world.LEFT, 20.0, 0.0, world.TOP, 0.0, -20.0), world.CRS)
    np.testing.assert_allclose(whole(stack, coarse)[..., 0], 5.0, atol=1e-6)
    classes = CovariateStack(tuple(stack.with_categorical(["board"]).members))
    assert set(np.unique(whole(classes, coarse))) <= {0.0, 10.0}


def test_bands_of_one_raster_are_read_together(world, source, tmp_path):
    rng = np.random.default_rng(4)
    cube = rng.normal(size=(5, *world.SHAPE)).astype(np.float32)
    cube[2][world.HOLE] = -1e6
    path = world.write_raster(tmp_path / "cube.tif", cube, nodata=-1e6)
    stack = CovariateStack.of_sources([source(path)])
    grid = RasterGrid((20, 30), (world.LEFT, 7.0, 0.0, world.TOP, 0.0, -9.0), world.CRS)
    together = whole(stack, grid)
    for index, member in enumerate(stack.members):
        alone = whole(CovariateStack((member,)), grid)[..., 0]
        np.testing.assert_array_equal(together[..., index], alone)
    assert np.isnan(together[..., 2]).sum() > np.isnan(together[..., 1]).sum()


def test_levels_share_what_was_read(world, source, fine):
    grid = RasterGrid((9, 7), (world.LEFT, 30.0, 0.0, world.TOP, 0.0, -20.0), world.CRS, Levels(20.0, 0.0, 10.0))
    from hybrid_geostatistics.processing_provider.covariates.kinds import PlaceElevation

    stack = CovariateStack((*CovariateStack.of_sources([source(fine)]).members, PlaceElevation()))
    reader = stack.on(grid)
    for row in (0, 4):
        for elevation in grid.elevations:
            block = Block(row, 0, 4, 7, elevation)
            values = reader.block(block).values
            centers = grid.centers(block)
            np.testing.assert_array_equal(values[:, 1], elevation)
            np.testing.assert_allclose(values[:, 0], surface(world, centers[:, 0], centers[:, 1]), atol=1e-3)
    np.testing.assert_array_equal(stack.at(centers).values[:, 1], centers[:, 2])
    assert stack.origins == (None, {"kind": "elevation"})
    with pytest.raises(InputError, match="PointZ"):
        stack.at(centers[:, :2])


# ---------------------------------------------------------------- polygons


@pytest.fixture
def geology(world, tmp_path):
    """Return two halves, a third polygon over a corner of them, and one without a rock."""
    left, top = world.LEFT, world.TOP
    rings = [
        [(left, top), (left + 100, top), (left + 100, top - 200), (left, top - 200)],
        [(left + 100, top), (left + 210, top), (left + 210, top - 200), (left + 100, top - 200)],
        [(left + 150, top), (left + 210, top), (left + 210, top - 60)],
        [(left, top - 150), (left + 60, top - 150), (left + 60, top - 200), (left, top - 200)],
    ]
    fields = {"rock": ["tuff", "basalt", "lava", None], "age": [12, 3, 1, 5]}
    return write_polygons(tmp_path / "geology.gpkg", rings, fields, world.CRS)


def rock_at(world, places):
    """Return codes by hand: basalt 1, lava 2, tuff 3."""
    east, down = places[:, 0] - world.LEFT, world.TOP - places[:, 1]
    codes = np.where(east < 100, 3.0, 1.0)
    return np.where((east > 150) & (down < east - 150), 2.0, codes)


def test_polygons_at_points_and_on_a_grid(world, polygons, geology, crs):
    (member,) = polygon_fields([polygons(geology)], ["rock"])
    stack = CovariateStack((member,)).with_categorical(None)
    assert stack.names == ("geology",) and stack.categorical == (True,)
    assert stack.origins == ({"kind": "polygons", "field": "rock", "classes": ["basalt", "lava", "tuff"]},)
    coordinates, _ = world.field_values()
    found = stack.at(coordinates, crs).values[:, 0]
    np.testing.assert_array_equal(found, rock_at(world, coordinates))
    grid = RasterGrid((37, 45), (world.LEFT + 1.0, 5.0, 0.0, world.TOP - 1.5, 0.0, -5.0), world.CRS)
    values = whole(stack, grid)[..., 0]
    centers = grid.centers(Block(0, 0, *grid.shape))
    inside = centers[:, 0] < world.LEFT + 210
    np.testing.assert_array_equal(values.ravel()[inside], rock_at(world, centers)[inside])
    assert np.isnan(values.ravel()[~inside]).all() and set(values.ravel()[inside]) == {1.0, 2.0, 3.0}
    np.testing.assert_array_equal(stack.at(centers, crs).values[:, 0], values.ravel())
    part = stack.on(grid).block(Block(5, 30, 8, 15)).values
    np.testing.assert_array_equal(part, values[5:13, 30:].reshape(-1, 1))


def test_polygons_in_another_crs(world, polygons, geology, crs, tmp_path):
    away = str(tmp_path / "away.gpkg")
    gdal.VectorTranslate(away, str(geology), dstSRS=GEOGRAPHIC, reproject=True, layerName="away")
    (member,) = polygon_fields([polygons(away)], ["rock"])
    stack = CovariateStack((member,))
    coordinates, _ = world.field_values()
    np.testing.assert_array_equal(stack.at(coordinates, crs).values[:, 0], rock_at(world, coordinates))
    grid = RasterGrid((18, 20), (world.LEFT, 10.0, 0.0, world.TOP, 0.0, -10.0), world.CRS)
    centers = grid.centers(Block(0, 0, *grid.shape))
    agree = whole(stack, grid).ravel() == rock_at(world, centers)
    assert agree.mean() > 0.97  # borders are moved by centimetres


def test_numbers_of_polygons_stand_for_themselves(polygons, geology):
    members = polygon_fields([polygons(geology)], ["rock", "age"])
    assert [member.name for member in members] == ["geology: rock", "geology: age"]
    assert members[1].origin == {"kind": "polygons", "field": "age"} and members[1].looks_categorical()


def test_which_field_is_meant_must_be_clear(polygons, geology):
    with pytest.raises(InputError, match="Its fields are rock, age"):
        polygon_fields([polygons(geology)], [])
    with pytest.raises(InputError, match="got soil"):
        polygon_fields([polygons(geology)], ["soil"])


# ---------------------------------------------------------------- components of spectra, columns


def test_components_of_a_raw_raster(world, source, crs, tmp_path):
    """Two roads: the scores of the resampled bands, and the resampled scores: both are linear."""
    rng = np.random.default_rng(8)
    cube = (1000 + rng.normal(size=(6, *world.SHAPE))).astype(np.float32)
    path = world.write_raster(tmp_path / "cube.tif", cube)
    pca = principal_components(BandMoments.of(cube.reshape(6, -1).T), [str(i) for i in range(6)], 3, True, "cube")
    raster = source(path)
    stack = CovariateStack(tuple(Projected(f"cube PC{i + 1}", raster, pca.origin(i)) for i in range(3)))
    bands = CovariateStack.of_sources([raster])
    coordinates, _ = world.field_values()
    np.testing.assert_allclose(
        stack.at(coordinates, crs).values, pca.transform(bands.at(coordinates, crs).values), atol=1e-8
    )
    grid = RasterGrid((20, 30), (world.LEFT, 7.0, 0.0, world.TOP, 0.0, -9.0), world.CRS)
    expected = pca.transform(whole(bands, grid).reshape(-1, 6)).reshape(20, 30, 3)
    np.testing.assert_allclose(whole(stack, grid), expected, atol=1e-8)
    trained = Covariates(stack.names[1:], np.zeros((2, 2)), (False, False), stack.origins[1:])
    again = CovariateStack.of_model(json_of(trained), [raster], [])
    np.testing.assert_array_equal(whole(again, grid), whole(stack, grid)[..., 1:])
    (tmp_path / "sub").mkdir()
    fewer = source(world.write_raster(tmp_path / "sub" / "cube.tif", cube[:4]))
    with pytest.raises(InputError, match="Expected 6 bands in the raster cube, as in training, got 4"):
        CovariateStack.of_model(trained, [fewer], [])
    with pytest.raises(InputError, match="cube .for cube PC2., cube .for cube PC3."):
        CovariateStack.of_model(trained, [], [])


def json_of(covariates):
    """Send origins through a file."""
    return Covariates(
        covariates.names, covariates.values, covariates.categorical, tuple(json.loads(json.dumps(covariates.origins)))
    )


def test_a_model_finds_polygons_by_name_and_field(world, polygons, geology, source, slope):
    (member,) = polygon_fields([polygons(geology)], ["rock"])
    trained = json_of(Covariates(("geology", "slope"), np.zeros((1, 2)), (True, False), (member.origin, None)))
    found = CovariateStack.of_model(trained, [source(slope)], [polygons(geology)])
    grid = RasterGrid((9, 7), (world.LEFT, 30.0, 0.0, world.TOP, 0.0, -20.0), world.CRS)
    np.testing.assert_array_equal(whole(found, grid)[..., 0], whole(CovariateStack((member,)), grid)[..., 0])
    with pytest.raises(InputError, match="geology .polygons with the field rock."):
        CovariateStack.of_model(trained, [source(slope)], [polygons(geology, "other")])
    numbers = Covariates(("geology",), np.zeros((1, 1)), (True,), ({"kind": "polygons", "field": "rock"},))
    with pytest.raises(InputError, match="Expected numbers in the field rock"):
        CovariateStack.of_model(numbers, [], [polygons(geology)])


def test_columns_are_known_at_samples_only(world):
    column = SampleColumn("organic", np.array([4.0, 7.0, np.nan, 2.0]))
    stack = CovariateStack((column,))
    np.testing.assert_array_equal(stack.at(np.zeros((2, 2)), rows=np.array([1, 3])).values, [[7.0], [2.0]])
    with pytest.raises(InputError, match="column organic"):
        stack.on(RasterGrid((2, 2), (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)))
    assert column.looks_categorical() and not SampleColumn("x", np.array([0.5, 1.0])).looks_categorical()


# ---------------------------------------------------------------- through Processing


def test_external_drift_takes_a_raster_in_degrees(run, world, samples, variogram, template, fine, tmp_path):
    maps = {}
    gdal.Warp(str(tmp_path / "away.tif"), fine, dstSRS=GEOGRAPHIC, resampleAlg="bilinear", errorThreshold=0)
    for name, drift in (("here", fine), ("away", str(tmp_path / "away.tif"))):
        results, _ = run(
            "ordinarykriging",
            {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
             "KRIGING_TYPE": "external_drift", "DRIFT": [drift], "ESTIMATE": str(tmp_path / f"{name}_map.tif")},
        )  # fmt: skip
        maps[name] = world.read_raster(results["ESTIMATE"])[0]
        assert np.isfinite(maps[name]).all()
    np.testing.assert_allclose(maps["away"], maps["here"], atol=0.5)  # of values around 100


# ---------------------------------------------------------------- bands that are levels


@pytest.fixture
def block_model(world, tmp_path):
    """Return the path of two quantities on three levels, the first 3 + 2 z and the second its negative."""
    levels = (10.0, 4.0, 2.0)
    values = np.array([np.full(world.SHAPE, sign * (3 + 2 * z)) for sign in (1, -1) for z in levels], np.float32)
    values[1][world.HOLE] = -1e6
    path = world.write_raster(tmp_path / "GRADIENT.tif", values, nodata=-1e6)
    dataset = gdal.Open(path, gdal.GA_Update)
    for number in range(6):
        quantity = ("Fe magnitude", "d Fe/dZ")[number // 3]
        dataset.GetRasterBand(number + 1).SetMetadata({"QUANTITY": quantity, "ELEVATION": repr(levels[number % 3])})
    del dataset
    return path


def test_levels_are_interpolated(world, source, block_model, crs):
    stack = CovariateStack.of_sources([source(block_model)])
    assert stack.names == ("GRADIENT: Fe magnitude", "GRADIENT: d Fe/dZ")
    places = np.column_stack([np.full(5, world.LEFT + 50), np.full(5, world.TOP - 50), [2.0, 3.0, 7.0, 10.0, 10.1]])
    expected = np.where(places[:, 2] > 10, np.nan, 3 + 2 * places[:, 2])
    np.testing.assert_allclose(stack.at(places, crs).values, np.column_stack([expected, -expected]), rtol=1e-6)
    grid = RasterGrid((9, 7), (world.LEFT, 30.0, 0.0, world.TOP, 0.0, -20.0), world.CRS, Levels(10.0, 1.0, 3.0))
    reader = stack.on(grid)
    for elevation in grid.elevations:
        values = reader.block(Block(1, 2, 5, 4, elevation)).values
        hole = np.isnan(values[:, 0])
        assert hole.sum() == {10.0: 0, 7.0: 2, 4.0: 2, 1.0: 20}[elevation]  # the hole lies on the middle level
        np.testing.assert_allclose(values[~hole, 0], 3 + 2 * elevation, rtol=1e-6)
    with pytest.raises(InputError, match="GRADIENT: Fe magnitude, which depends on them"):
        stack.at(places[:, :2], crs)


def test_a_column_finds_the_band_it_stands_for(world, source, block_model):
    """Leave-one-out gradients are columns of samples; on a map their raster has a layer and blanks in its name."""
    trained = Covariates(("Fe_magnitude",), np.zeros((1, 1)), (False,))
    stack = CovariateStack.of_model(trained, [source(block_model)], [])
    assert stack.names == ("Fe_magnitude",)
    assert stack.at(np.array([[world.LEFT + 50, world.TOP - 50, 4.0]])).values.tolist() == [[11.0]]
    with pytest.raises(InputError, match="Al_magnitude"):
        CovariateStack.of_model(Covariates(("Al_magnitude",), np.zeros((1, 1)), (False,)), [source(block_model)], [])


def test_gradients_of_fields_on_a_map_come_from_the_samples_of_the_model(world, source, block_model, crs):
    """Two roads: the columns of a block of a block model, and the gradients of its cell centres."""
    rng = np.random.default_rng(5)
    places = np.column_stack([world.LEFT + rng.uniform(0, 200, 30), world.TOP - rng.uniform(0, 150, 30),
                              rng.uniform(0, 10, 30)])  # fmt: skip
    variogram = VariogramModel(0.1, (Structure("spherical", 2.0, 150.0),))
    iron = Covariates(("Fe", "Al"), rng.normal(size=(30, 2)), (False, False))
    gradients = FieldGradients.fit(places, iron, (variogram,) * 2, ("magnitude", "dZ"), Neighborhood())
    trained = gradients.added_to(Covariates(("Fe_magnitude",), np.zeros((30, 1)), (False,)), np.zeros((30, 4)))
    samples = Samples(places, rng.normal(size=(30, 1)), ("REE",), world.CRS, json_of(trained), fields=iron)
    found = FieldGradients.of(samples)
    stack = CovariateStack.of_model(samples.covariates, [source(block_model)], [], found)
    assert stack.names == ("Fe_magnitude", "Fe gradient", "Fe gradient dZ", "Al gradient", "Al gradient dZ")
    grid = RasterGrid((6, 8), (world.LEFT, 20.0, 0.0, world.TOP, 0.0, -20.0), world.CRS, Levels(10, 1, 3))
    block = Block(1, 2, 4, 3, 7.0)
    expected = gradients.at(grid.centers(block))
    np.testing.assert_allclose(stack.on(grid).block(block).values[:, 1:], expected, rtol=1e-9)
    np.testing.assert_allclose(stack.at(grid.centers(block), crs).values[:, 1:], expected, rtol=1e-9)
    assert (expected[:, 0] >= np.abs(expected[:, 1])).all()
    with pytest.raises(InputError, match="not among the rasters: Fe gradient"):
        CovariateStack.of_model(samples.covariates, [source(block_model)], [])
