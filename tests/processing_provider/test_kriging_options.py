"""Options of kriging through Processing. Truth: the core on the same numbers, hand-made samples, refusals in words."""

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.cross_validation import leave_out
from hybrid_geostatistics.core.kriging.functionals import BlockSize
from hybrid_geostatistics.core.kriging.gradient import fit_gradient
from hybrid_geostatistics.core.kriging.log_blocks import block_moments, block_quantile
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.transforms import KINDS, Transform
from hybrid_geostatistics.core.variogram.file import VariogramFile
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel

FLOAT32 = {"rtol": 1e-6}


def same(world, results, estimate, variance):
    for name, expected in (("ESTIMATE", estimate), ("KRIGING_VARIANCE", variance)):
        values, _ = world.read_raster(results[name])
        np.testing.assert_allclose(values.ravel(), expected, **FLOAT32)


def log_file(world, tmp_path):
    structure = {"model": "exponential", "psill": 0.3, "effective_range": 150.0}
    return world.write_variogram(tmp_path / "log.json", nugget=0.05, structures=[structure], transform={"kind": "log"})


def test_at_most_so_many_of_a_drill_hole(world, kriged, variogram, template, tmp_path):
    coordinates, values = world.field_values()
    holes = ["", None, *[f"H{i // 4}" for i in range(38)]]
    path = world.write_points(tmp_path / "holes.gpkg", coordinates, {"zinc": values.tolist(), "hole": holes})
    results, _ = kriged(INPUT=path, HOLE="hole", MAX_PER_HOLE=2, MAX_NEIGHBORS=9)
    # Samples without a name are no hole together: each is one of its own.
    alone = np.array(["first", "second", *holes[2:]])
    hood = Neighborhood(max_neighbors=9, max_per_hole=2)
    model = VariogramFile.read(variogram).model
    truth = fit_kriging(coordinates, values, model, hood, holes=alone).predict_grid(world.grid_of(template))
    same(world, results, truth.estimate, truth.kriging_variance)
    without = fit_kriging(coordinates, values, model, Neighborhood(max_neighbors=9))
    without = without.predict_grid(world.grid_of(template))
    assert np.abs(without.estimate - truth.estimate).max() > 0.1


def test_the_gradient_counts_holes_too(run, world, variogram, template, tmp_path):
    coordinates, values = world.field_values()
    holes = [f"H{i // 4}" for i in range(40)]
    path = world.write_points(tmp_path / "holes.gpkg", coordinates, {"zinc": values.tolist(), "hole": holes})
    results, _ = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["zinc"], "VARIOGRAM": variogram, "TEMPLATE": template, "HOLE": "hole",
         "MAX_PER_HOLE": 1, "MAX_NEIGHBORS": 6, "GRADIENT": str(tmp_path / "g.tif")},
    )  # fmt: skip
    hood = Neighborhood(max_neighbors=6, max_per_hole=1)
    fitted = fit_gradient(coordinates, values, VariogramFile.read(variogram).model, hood, holes=np.array(holes))
    grid = world.grid_of(template)
    truth = fitted.predict(grid.centers(next(grid.blocks())), with_variance=False).gradient[:, 0]
    bands, _ = world.read_raster(results["GRADIENT"])
    np.testing.assert_allclose(bands[:2].reshape(2, -1).T, truth, **FLOAT32)


def test_an_anisotropic_radius_is_an_ellipse(world, kriged, template, tmp_path):
    structure = {"model": "spherical", "psill": 9.0, "effective_range": 120.0, "azimuth": 60.0, "ratio_minor": 0.3}
    path = world.write_variogram(tmp_path / "turned.json", structures=[structure])
    results, log = kriged(VARIOGRAM=path, SEARCH_RADIUS=35, DIAGNOSTICS=str(tmp_path / "d.tif"))
    coordinates, _ = world.field_values()
    grid = world.grid_of(template)
    offset = coordinates - grid.centers(next(grid.blocks()))[:, None]
    along = np.array([np.sin(np.radians(60.0)), np.cos(np.radians(60.0))])
    across = np.array([along[1], -along[0]])
    inside = np.hypot(offset @ along, offset @ across / 0.3) <= 35.0
    bands, _ = world.read_raster(results["DIAGNOSTICS"])
    np.testing.assert_array_equal(bands[5].ravel(), inside.sum(axis=1))
    np.testing.assert_array_equal(bands[6].ravel() > 0, ~inside.any(axis=1))
    n_empty = (~inside.any(axis=1)).sum()
    assert n_empty and f"{n_empty} cells are empty because no sample lies within the search radius" in log.text


@pytest.mark.parametrize("treatment", ["average", "first", "measurement_error"])
def test_samples_at_one_location(world, kriged, variogram, template, tmp_path, treatment):
    coordinates, values = world.field_values()
    again = np.vstack([coordinates, coordinates[[3, 3, 8]]])
    measured = np.append(values, values[[3, 3, 8]] + [1.0, -2.5, 3.0])
    path = world.write_points(tmp_path / "again.gpkg", again, {"zinc": measured.tolist()})
    results, log = kriged(INPUT=path, DUPLICATES=treatment)
    model = VariogramFile.read(variogram).model
    assert results["N_DUPLICATES"] == 3 and "3 samples lie where another one does" in log.text
    if treatment == "measurement_error":
        assert results["N"] == 43 and "3 degrees of freedom" in log.text
        three = measured[[3, 40, 41]]
        pooled = (np.sum((three - three.mean()) ** 2) + 0.5 * 3.0**2) / 3
        error = VariogramModel(model.nugget, model.structures, min(pooled, model.nugget))
        truth = fit_kriging(again, measured, error).predict_grid(world.grid_of(template))
    else:
        assert results["N"] == 40
        one = values.copy()
        if treatment == "average":
            one[3], one[8] = measured[[3, 40, 41]].mean(), measured[[8, 42]].mean()
        truth = fit_kriging(coordinates, one, model).predict_grid(world.grid_of(template))
    same(world, results, truth.estimate, truth.kriging_variance)


def test_repeats_that_do_not_differ_are_one_sample(world, kriged, variogram, template, tmp_path):
    coordinates, values = world.field_values()
    path = world.write_points(
        tmp_path / "twice.gpkg", np.vstack([coordinates, coordinates]), {"zinc": [*values, *values]}
    )
    results, _ = kriged(INPUT=path, DUPLICATES="measurement_error")
    truth = fit_kriging(coordinates, values, VariogramFile.read(variogram).model).predict_grid(world.grid_of(template))
    assert results["N"] == 40
    same(world, results, truth.estimate, truth.kriging_variance)


def test_a_measurement_error_is_part_of_the_nugget(world, kriged, refused, samples, variogram, template, tmp_path):
    results, _ = kriged(MEASUREMENT_ERROR=1.5)
    coordinates, values = world.field_values()
    model = VariogramFile.read(variogram).model
    error = VariogramModel(model.nugget, model.structures, 1.5)
    truth = fit_kriging(coordinates, values, error).predict_grid(world.grid_of(template))
    same(world, results, truth.estimate, truth.kriging_variance)
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
             "ESTIMATE": str(tmp_path / "x.tif")}  # fmt: skip
    assert "at most the nugget (4)" in refused("ordinarykriging", {**given, "MEASUREMENT_ERROR": 5})


@pytest.mark.parametrize("kind", ["none", "log"])
@pytest.mark.parametrize("block", [None, 40.0])
def test_quantiles_and_blocks_of_logarithms(world, kriged, variogram, template, tmp_path, kind, block):
    path = variogram if kind == "none" else log_file(world, tmp_path)
    more = {} if block is None else {"BLOCK": block, "BLOCK_POINTS": 2}
    results, _ = kriged(
        VARIOGRAM=path, QUANTILES=str(tmp_path / "q.tif"), QUANTILE_LEVELS="0.1; 0.75", MAX_NEIGHBORS=12, **more
    )
    coordinates, values = world.field_values()
    transform = Transform(kind)
    kriging = fit_kriging(
        coordinates, transform.forward(values), VariogramFile.read(path).model, Neighborhood(max_neighbors=12)
    )
    way_back, grid = BackTransform.of(kriging, transform), world.grid_of(template)
    if block is None:
        found = kriging.predict_grid(grid)
        truth = way_back.moments(found.estimate, found.kriging_variance, found.smoothing_variance)
        levels = [way_back.quantile(level, found.estimate, found.kriging_variance) for level in (0.1, 0.75)]
    else:
        truth = block_moments(kriging, way_back, grid.centers(next(grid.blocks())), BlockSize((40.0, 40.0), 2))
        levels = [block_quantile(level, *truth, kind) for level in (0.1, 0.75)]
    same(world, results, *truth)
    bands, dataset = world.read_raster(results["QUANTILES"])
    np.testing.assert_allclose(bands.reshape(2, -1), levels, **FLOAT32)
    assert dataset.GetRasterBand(2).GetDescription() == "zinc quantile 0.75"
    assert (bands[0] < bands[1]).all()


@pytest.mark.parametrize("n_folds", [0, 4])
def test_cross_validation_as_points(world, kriged, tmp_path, n_folds):
    from qgis.core import QgsVectorLayer

    path = log_file(world, tmp_path)
    results, log = kriged(VARIOGRAM=path, CROSS_VALIDATION=str(tmp_path / "cv.gpkg"), CV_FOLDS=n_folds, SEED=5)
    coordinates, values = world.field_values()
    kriging = fit_kriging(coordinates, np.log(values), VariogramFile.read(path).model)
    features = list(QgsVectorLayer(results["CROSS_VALIDATION"], "cv", "ogr").getFeatures())
    folds = np.array([feature["fold"] for feature in features])
    assert len(np.unique(folds)) == (n_folds or 40)
    truth = leave_out(kriging, BackTransform.of(kriging, Transform("log")), values, folds if n_folds else None)
    rows = [[feature[name] for name in ("zinc", "predicted", "residual", "standardized")] for feature in features]
    np.testing.assert_allclose(
        rows, np.column_stack([values, truth.predicted, values - truth.predicted, truth.standardized]), rtol=1e-9
    )
    names = ("CV_RMSE", "CV_BIAS", "CV_R2", "CV_MSDR", "CV_COVERAGE90")
    summary = truth.summary
    expected = [summary.rmse, summary.bias, summary.r2, summary.msdr, summary.coverage]
    np.testing.assert_allclose([results[name] for name in names], expected, rtol=1e-9)
    assert "Cross-validation: RMSE" in log.text


def test_cells_stay_empty_where_the_template_is(world, kriged, run, samples, variogram, slope, refused, tmp_path):
    results, log = kriged(TEMPLATE=slope, TEMPLATE_MASK=True)
    assert "have no estimate" not in log.text
    everywhere, _ = kriged(TEMPLATE=slope, ESTIMATE=str(tmp_path / "all.tif"))
    masked, _ = world.read_raster(results["ESTIMATE"])
    whole, _ = world.read_raster(everywhere["ESTIMATE"])
    hole = np.zeros(world.SHAPE, dtype=bool)
    hole[world.HOLE] = True
    np.testing.assert_array_equal(np.isnan(masked[0]), hole)
    np.testing.assert_array_equal(masked[0][~hole], whole[0][~hole])
    assert np.isfinite(whole).all()
    gradient, _ = run(
        "kriginggradient",
        {"INPUT": samples, "FIELDS": ["zinc"], "VARIOGRAM": variogram, "TEMPLATE": slope, "TEMPLATE_MASK": True,
         "GRADIENT": str(tmp_path / "g.tif")},
    )  # fmt: skip
    bands, _ = world.read_raster(gradient["GRADIENT"])
    np.testing.assert_array_equal(np.isnan(bands), np.broadcast_to(hole, bands.shape))
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "ESTIMATE": str(tmp_path / "x.tif")}
    assert "Expected a template raster" in refused("ordinarykriging", {**given, "TEMPLATE_MASK": True})


def test_cells_the_mask_leaves_out_are_none_of_those_counted(world, kriged, slope):
    results, log = kriged(TEMPLATE=slope, TEMPLATE_MASK=True, SEARCH_RADIUS=15)
    estimate, _ = world.read_raster(results["ESTIMATE"])
    n_masked = world.HOLE[0].stop - world.HOLE[0].start
    n_missing = int(np.isnan(estimate).sum()) - n_masked
    assert n_missing > 0
    assert f"{n_missing} of {estimate.size - n_masked} cells have no estimate" in log.text


def test_estimates_far_beyond_the_samples_are_told(world, kriged):
    extent = f"{world.LEFT - 1000},{world.LEFT + 1500},{world.TOP - 1500},{world.TOP + 1000} [{world.CRS}]"
    results, log = kriged(KRIGING_TYPE="universal", TREND_ORDER=2, TEMPLATE=None, EXTENT=extent, CELL_SIZE=100)
    _, values = world.field_values()
    estimate, _ = world.read_raster(results["ESTIMATE"])
    spread = np.ptp(values)
    n_beyond = ((estimate > values.max() + spread) | (estimate < values.min() - spread)).sum()
    assert n_beyond and f"{n_beyond} cells are estimated beyond" in log.text
    _, calm = kriged()
    assert "are estimated beyond" not in calm.text


def test_a_transform_without_a_variogram_file(world, kriged, tmp_path):
    pytest.importorskip("skgstat")
    results, log = kriged(VARIOGRAM=None, TRANSFORM="normal_score")
    values, _ = world.read_raster(results["ESTIMATE"])
    _, measured = world.field_values()
    assert measured.min() < values.min() and values.max() < measured.max()
    _, log = kriged(VARIOGRAM=log_file(world, tmp_path), TRANSFORM="normal_score")
    assert "has the transform log, which is used instead of normal_score" in log.text


def test_normal_scores_of_another_field_are_its_own(run, world, template, tmp_path):
    coordinates, zinc = world.field_values()
    lead = np.exp(zinc / 20.0)
    path = world.write_points(tmp_path / "two.gpkg", coordinates, {"zinc": zinc.tolist(), "lead": lead.tolist()})
    transform = Transform("normal_score").fitted(zinc)
    file = VariogramFile(VariogramModel(0.1, (Structure("cubic", 0.9, 200.0),)), field="zinc", transform=transform)
    file.write(tmp_path / "scores.json")
    results, _ = run(
        "kriginggradient",
        {"INPUT": path, "FIELDS": ["zinc", "lead"], "VARIOGRAM": str(tmp_path / "scores.json"), "TEMPLATE": template,
         "GRADIENT": str(tmp_path / "g.tif")},
    )  # fmt: skip
    bands, _ = world.read_raster(results["GRADIENT"])
    # Ranks of a rising function are the same, and so are their scores but for the tails of the table.
    np.testing.assert_allclose(bands[4:], bands[:4], rtol=1e-4)


@pytest.mark.parametrize("name", ["fitvariogram", "ordinarykriging", "trainhybridmodel", "comparemethods"])
def test_all_transforms_are_offered_where_transforms_are_chosen(provider, name):
    assert list(KINDS) == provider.algorithm(name).parameterDefinition("TRANSFORM").options()


def test_what_does_not_fit_is_refused(world, refused, samples, variogram, template, tmp_path):
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
             "ESTIMATE": str(tmp_path / "e.tif")}  # fmt: skip
    more = {"QUANTILES": str(tmp_path / "q.tif"), "QUANTILE_LEVELS": "5, 95"}
    assert "quantiles between 0 and 1" in refused("ordinarykriging", {**given, **more})
    assert "the drill hole of each" in refused("ordinarykriging", {**given, "MAX_PER_HOLE": 2})
    folds = {"CROSS_VALIDATION": str(tmp_path / "c.gpkg"), "CV_FOLDS": 1}
    assert "at least 2 folds" in refused("ordinarykriging", {**given, **folds})
    coordinates, values = world.field_values()
    twice = world.write_points(
        tmp_path / "t.gpkg", np.vstack([coordinates, coordinates[:1]]), {"zinc": [*values, values[0] + 1]}
    )
    smooth = world.write_variogram(tmp_path / "smooth.json", nugget=0.0)
    repeated = {"INPUT": twice, "VARIOGRAM": smooth, "DUPLICATES": "measurement_error"}
    assert "Expected a variogram with a nugget" in refused("ordinarykriging", {**given, **repeated})
    assert not list(tmp_path.glob("e.tif"))


def test_a_variogram_of_other_data_is_told(world, kriged, run, samples, template, tmp_path):
    structure = {"model": "spherical", "psill": 9e-4, "effective_range": 150.0}
    of_other_units = world.write_variogram(tmp_path / "units.json", nugget=4e-6, structures=[structure])
    assert "have a variance of about" in kriged(VARIOGRAM=of_other_units)[1].text
    given = {"INPUT": samples, "FIELDS": "zinc", "TEMPLATE": template, "GRADIENT": str(tmp_path / "g.tif")}
    _, log = run("kriginggradient", {**given, "VARIOGRAM": of_other_units})
    assert "have a variance of about" in log.text
    assert "have a variance of about" not in kriged()[1].text


def test_a_map_beside_the_samples_is_told(kriged, world):
    _, log = kriged(TEMPLATE=None, EXTENT="0,100,0,100", CELL_SIZE=10)
    assert log.text.count("The map does not touch the area of the samples") == 2
    assert "does not touch" not in kriged()[1].text


def test_a_layer_without_a_crs_says_so(kriged, world, tmp_path):
    """GeoPackage calls it "Undefined geographic SRS"; its unit is no degree."""
    from osgeo import ogr

    coordinates, values = world.field_values()
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(tmp_path / "n.gpkg"))
    layer = dataset.CreateLayer("n", None, ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("zinc", ogr.OFTReal))
    for place, value in zip(coordinates, values):
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["zinc"] = float(value)
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({place[0]} {place[1]})"))
        layer.CreateFeature(feature)
    del layer, dataset
    results, log = kriged(INPUT=str(tmp_path / "n.gpkg"), TEMPLATE=None)
    assert "The samples have no CRS" in log.text and "degrees" not in log.text
    _, raster = world.read_raster(results["ESTIMATE"])
    assert raster.GetProjection() == ""
