"""Experimental variogram through Processing. Truth: the core on the same numbers, which gstat's confirm."""

import csv

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="needs QGIS")

from hybrid_geostatistics.core.variogram.direction import Direction
from hybrid_geostatistics.core.variogram.experimental import experimental_variogram
from hybrid_geostatistics.core.variogram.experimental_report import COLUMNS


def table_of(path):
    """Return the rows of a table as dicts."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        assert tuple(reader.fieldnames) == COLUMNS
        return list(reader)


def assert_equal(rows, expected):
    assert [int(row["pairs"]) for row in rows] == expected.pair_counts.tolist()
    np.testing.assert_array_equal([float(row["lag"]) for row in rows], expected.lags)
    np.testing.assert_array_equal([float(row["semivariance"]) for row in rows], expected.semivariances)
    assert {row["estimator"] for row in rows} == {expected.estimator}


def test_from_input_and_field_alone(run, world, samples, tmp_path):
    results, _ = run("experimentalvariogram", {"INPUT": samples, "FIELD": "zinc", "OUTPUT": str(tmp_path / "t.csv")})
    coordinates, values = world.field_values()
    expected = experimental_variogram(coordinates, values)
    rows = table_of(results["OUTPUT"])
    assert_equal(rows, expected)
    assert {(row["azimuth"], row["dip"], row["tolerance"], row["bandwidth"]) for row in rows} == {("", "", "", "")}
    assert results["N"] == 40 and results["N_PAIRS"] == expected.pair_counts.sum()
    assert results["VARIANCE"] == pytest.approx(values.var(ddof=1))


def test_directions_and_report(run, world, samples, tmp_path):
    results, log = run(
        "experimentalvariogram",
        {"INPUT": samples, "FIELD": "zinc", "TRANSFORM": "log", "AZIMUTH": "10; 100", "TOLERANCE": 30,
         "BANDWIDTH": 60, "N_LAGS": 6, "MAX_LAG": 150, "ESTIMATOR": "dowd", "OUTPUT": str(tmp_path / "t.csv"),
         "OUTPUT_HTML": str(tmp_path / "t.html")},
    )  # fmt: skip
    coordinates, values = world.field_values()
    rows = table_of(results["OUTPUT"])
    settings = {"n_lags": 6, "max_lag": 150, "estimator": "dowd"}
    assert_equal([row for row in rows if not row["azimuth"]], experimental_variogram(
        coordinates, np.log(values), **settings))  # fmt: skip
    for azimuth in (10.0, 100.0):
        direction = Direction(azimuth, 0.0, 30.0, 60.0)
        chosen = [row for row in rows if row["azimuth"] == str(azimuth)]
        assert_equal(chosen, experimental_variogram(coordinates, np.log(values), direction=direction, **settings))
        assert {(row["dip"], row["tolerance"], row["bandwidth"]) for row in chosen} == {("0.0", "30.0", "60.0")}
    page = (tmp_path / "t.html").read_text(encoding="utf-8")
    for words in ("By direction", "Variogram map", "Variogram cloud", "010°", "100°", "log scale", "Dowd"):
        assert words in page
    assert page.count("<svg") == 4
    assert "fewer than 30 pairs" in log.text


@pytest.mark.parametrize(
    ("asked", "settings"),
    [
        ({"LAG_EDGES": "20;50;120"}, {"edges": [20.0, 50.0, 120.0]}),
        ({"LAG_SCHEME": "equal_counts", "N_LAGS": 5}, {"lag_scheme": "equal_counts", "n_lags": 5}),
    ],
)
def test_lags(run, world, samples, tmp_path, asked, settings):
    results, _ = run(
        "experimentalvariogram", {"INPUT": samples, "FIELD": "zinc", "OUTPUT": str(tmp_path / "t.csv"), **asked}
    )
    assert_equal(table_of(results["OUTPUT"]), experimental_variogram(*world.field_values(), **settings))


@pytest.fixture
def deep(world, tmp_path):
    """Return coordinates with elevations, values, and the layer of them (PointZ)."""
    from qgis.core import QgsFeature, QgsGeometry, QgsPoint, QgsVectorLayer

    coordinates, values = world.field_values(60)
    coordinates = np.column_stack([coordinates, np.random.default_rng(1).uniform(-80, 0, 60)])
    layer = QgsVectorLayer(f"PointZ?crs={world.CRS}&field=zinc:double", "deep", "memory")
    features = []
    for place, value in zip(coordinates, values):
        feature = QgsFeature(layer.fields())
        feature.setGeometry(QgsGeometry(QgsPoint(*map(float, place))))
        feature.setAttributes([float(value)])
        features.append(feature)
    layer.dataProvider().addFeatures(features)
    return coordinates, values, layer


def test_dips_use_elevations(run, deep, tmp_path):
    coordinates, values, layer = deep
    results, _ = run(
        "experimentalvariogram",
        {"INPUT": layer, "FIELD": "zinc", "AZIMUTH": "30", "DIP": 60, "TOLERANCE": 25, "N_LAGS": 4, "MAX_LAG": 160,
         "OUTPUT": str(tmp_path / "t.csv"), "OUTPUT_HTML": str(tmp_path / "t.html")},
    )  # fmt: skip
    rows = table_of(results["OUTPUT"])
    settings = {"n_lags": 4, "max_lag": 160}
    assert_equal([row for row in rows if not row["azimuth"]], experimental_variogram(coordinates, values, **settings))
    direction = Direction(30.0, 60.0, 25.0)
    assert_equal(
        [row for row in rows if row["azimuth"]],
        experimental_variogram(coordinates, values, direction=direction, **settings),
    )
    assert "030°/60°" in (tmp_path / "t.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"AZIMUTH": "north"}, "Expected numbers separated by semicolons for the azimuths, got 'north'"),
        ({"LAG_EDGES": "5;2"}, "upper ends of lags above 0 and ascending"),
        ({"DIP": 30}, "A dip needs an azimuth"),
        ({"DIP": 30, "AZIMUTH": "0"}, "A dip of 30 degrees needs samples with elevations"),
        ({"TOLERANCE": 0, "AZIMUTH": "0"}, "tolerance above 0"),
        ({"MAX_LAG": 0.001}, "closer than the largest lag of 0.001"),
    ],
)
def test_refusals(refused, samples, tmp_path, asked, message):
    said = refused(
        "experimentalvariogram", {"INPUT": samples, "FIELD": "zinc", "OUTPUT": str(tmp_path / "t.csv"), **asked}
    )
    assert message in said and "Traceback" not in said and not (tmp_path / "t.csv").exists()


def test_cancel_leaves_nothing(run, world, samples, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    run(
        "experimentalvariogram",
        {"INPUT": samples, "FIELD": "zinc", "OUTPUT": str(folder / "t.csv"), "OUTPUT_HTML": str(folder / "t.html")},
        world.Log(cancel_at="Drawing map and cloud"),
    )
    assert list(folder.iterdir()) == []
