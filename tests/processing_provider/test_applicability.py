"""Applicability and comparisons through Processing. Truth: the core on the same numbers, duplicates made by hand."""

import csv

import numpy as np
import pytest
from hybrid_geostatistics.core.grid import Block, RasterGrid
from hybrid_geostatistics.core.samples import Samples
from hybrid_geostatistics.core.validation.applicability import fit_applicability
from hybrid_geostatistics.core.variogram.file import VariogramFile
from osgeo import gdal


def test_kriging_maps_how_far_it_may_be_trusted(run, world, samples, variogram, template, tmp_path):
    results, log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif"), "APPLICABILITY": str(tmp_path / "a.tif")},
    )  # fmt: skip
    coordinates, values = world.field_values()
    area = fit_applicability(Samples(coordinates, values[:, None], ("zinc",)), VariogramFile.read(variogram).model)
    grid = RasterGrid((5, 3), gdal.Open(template).GetGeoTransform())
    index = area.dissimilarity(grid.centers(Block(0, 0, 5, 3)), None)
    bands, _ = world.read_raster(results["APPLICABILITY"])
    np.testing.assert_allclose(bands[0].ravel(), index, rtol=1e-6)
    np.testing.assert_array_equal(bands[1].ravel(), area.is_inside(index))
    assert "outside the area of applicability" in log.text


@pytest.fixture
def compared(run, world, tmp_path):
    """Return a function that compares the mean with inverse distances, and gives results, rows and log."""

    def compared(coordinates, fields, **more):
        path = world.write_points(tmp_path / "samples.gpkg", coordinates, fields)
        results, log = run(
            "comparemethods",
            {"INPUT": path, "TARGETS": "zinc", "METHODS": ["mean", "inverse_distance"],
             "OUTPUT": str(tmp_path / "t.csv"), "DETAILS": str(tmp_path / "d.csv"),
             "OUTPUT_HTML": str(tmp_path / "r.html"), **more},
        )  # fmt: skip
        with open(results["DETAILS"], encoding="utf-8", newline="") as file:
            return results, list(csv.DictReader(file)), log

    return compared


def test_duplicates_set_a_ceiling_and_classes_are_scored(compared, tmp_path):
    rng = np.random.default_rng(0)
    places = rng.uniform([181_000, 333_000], [182_000, 333_500], (60, 2))
    coordinates = np.vstack([places, places[:20]])
    signal = rng.normal(50, 10, 60)
    zinc = np.append(signal, signal[:20]) + rng.normal(0, 5, 80)
    results, rows, _ = compared(coordinates, {"zinc": zinc.tolist()}, FOLDS="random", CLASS_BREAKS="zinc: 45, 55")
    assert results["N"] == 60  # averaged, and their difference remembered
    (ceiling,) = [row for row in rows if row["score"] == "r2_ceiling"]
    half = 0.5 * np.mean((zinc[:20] - zinc[60:]) ** 2)
    assert float(ceiling["value"]) == pytest.approx(1 - half / np.var(zinc), rel=1e-6)
    accuracy = {row["method"]: float(row["value"]) for row in rows if row["score"] == "accuracy"}
    assert set(accuracy) == {"mean", "inverse_distance"} and all(0 < value < 1 for value in accuracy.values())
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "repeated measurements differ" in page and "Grade classes" in page


def test_all_folds_with_holes_and_the_area_to_map(compared, template):
    rng = np.random.default_rng(1)
    coordinates = rng.uniform([0, 0], [1000, 400], (60, 2))
    fields = {"zinc": rng.random(60).tolist(), "hole": [f"h{i // 3}" for i in range(60)]}
    near, rows, _ = compared(coordinates, fields, FOLDS="all", HOLE="hole")
    assert {row["folds"] for row in rows} == {"holes", "blocks", "distance_matched"}
    _, far, _ = compared(coordinates, fields, FOLDS="distance_matched", EXTENT="5000,6000,0,400")
    found = [
        float(row["value"]) for table in (rows, far) for row in table
        if row["score"] == "distance_mismatch" and row["folds"] == "distance_matched"
    ]  # fmt: skip
    assert found[1] > 10 * found[0]  # nothing held out lies kilometres away
    assert near["BEST_METHOD"] in ("mean", "inverse_distance")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"FOLDS": "holes"}, "Choose the field of the hole"),
        ({"CLASS_BREAKS": "500, 200"}, "class breaks that ascend"),
        ({"CLASS_BREAKS": "gold: 3"}, "got some of 'gold'"),
    ],
)
def test_refusals(compared, more, words):
    rng = np.random.default_rng(2)
    with pytest.raises(Exception, match=words):
        compared(rng.uniform(0, 500, (30, 2)), {"zinc": rng.random(30).tolist()}, **more)
