"""Check samples through Processing. Truth: a table whose faults are known."""

import numpy as np
import pytest


@pytest.fixture
def faulty(world, tmp_path):
    """Return the path of samples with one fault of each kind, and their coordinates."""
    coordinates, values = world.field_values()
    coordinates[7] = coordinates[3]
    zinc = [f"{value:.3f}" for value in values]
    zinc[0], zinc[1], zinc[2], zinc[3], zinc[7] = "<5", "high", None, "60", "80"
    lead = values.tolist()
    lead[9] = -999.0
    names = [f"s{row}" for row in range(40)]
    path = world.write_points(tmp_path / "faulty.gpkg", coordinates, {"name": names, "zinc": zinc, "lead": lead})
    return path, coordinates


def read_layer(path):
    from qgis.core import QgsVectorLayer

    layer = QgsVectorLayer(path, "result", "ogr")
    return layer, {feature["name"]: feature for feature in layer.getFeatures()}


def test_finds_every_fault(run, faulty, tmp_path):
    results, log = run(
        "checksamples",
        {"INPUT": faulty[0], "FIELDS": ["zinc", "lead"], "OUTPUT_HTML": str(tmp_path / "check.html")},
    )
    assert (results["N"], results["N_DUPLICATES"], results["N_CENSORED"]) == (40, 1, 1)
    for words in ("2 samples share 1 location", "zinc: 1 value not numeric", "zinc: 1 value missing",
                  "zinc: 1 value censored", "lead: 1 value like a code"):  # fmt: skip
        assert words in log.text
    page = (tmp_path / "check.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>") and "lead: 1 value like a code" in page and "<svg" in page
    assert "Changed in the new layer" not in page and "OUTPUT" not in results


def test_cleans_a_copy(run, faulty, tmp_path):
    target = str(tmp_path / "clean.gpkg")
    results, _ = run(
        "checksamples",
        {"INPUT": faulty[0], "FIELDS": ["zinc"], "DUPLICATES": "average", "CENSORED": "half_limit", "OUTPUT": target},
    )
    layer, features = read_layer(results["OUTPUT"])
    assert layer.crs().authid() == "EPSG:25833" and len(features) == 39
    assert layer.fields().field("zinc").isNumeric()
    assert features["s0"]["zinc"] == 2.5 and "censored" in features["s0"]["remarks"]
    assert features["s3"]["zinc"] == 70 and features["s3"]["n_merged"] == 2
    assert features["s1"].attribute("zinc") in (None, "") or str(features["s1"].attribute("zinc")) == "NULL"
    assert features["s9"]["lead"] == -999  # a field that was not chosen stays as it is
    point = features["s5"].geometry().asPoint()
    np.testing.assert_allclose([point.x(), point.y()], faulty[1][5], atol=1e-9)


def test_negative_numbers_as_limits(run, world, tmp_path):
    """Laboratories write -0.5 for <0.5: counted, halved, and no obstacle to logarithms."""
    coordinates, values = world.field_values()
    zinc = values.tolist()
    zinc[0], zinc[1] = -4.0, -999.0
    path = world.write_points(tmp_path / "s.gpkg", coordinates, {"zinc": zinc})
    results, _ = run(
        "checksamples",
        {"INPUT": path, "FIELDS": ["zinc"], "NEGATIVES": "limits", "CENSORED": "half_limit", "TRANSFORM": "log",
         "OUTPUT": str(tmp_path / "clean.gpkg")},
    )  # fmt: skip
    from qgis.core import QgsVectorLayer

    found = [feature["zinc"] for feature in QgsVectorLayer(results["OUTPUT"], "result", "ogr").getFeatures()]
    assert results["N_CENSORED"] == 1 and found[0] == 2.0 and str(found[1]) == "NULL" and found[2] == zinc[2]


def test_changes_nothing_by_default(run, faulty, tmp_path):
    results, _ = run("checksamples", {"INPUT": faulty[0], "FIELDS": ["zinc"], "OUTPUT": str(tmp_path / "copy.gpkg")})
    _, features = read_layer(results["OUTPUT"])
    assert len(features) == 40 and str(features["s0"].attribute("zinc")) == "NULL"


def test_degrees_are_reported_not_refused(run, world, tmp_path):
    path = world.write_points(
        tmp_path / "g.gpkg", [[13.1, 50.2], [13.3, 50.4], [13.2, 50.9]], {"zinc": [1.0, 2.0, 3.0]}, crs="EPSG:4326"
    )
    results, log = run("checksamples", {"INPUT": path, "FIELDS": ["zinc"]})
    assert "Coordinates in degrees" in log.text and "1 problem" in results["VERDICT"]



def test_unknown_field(refused, samples):
    assert "no field lead" in refused("checksamples", {"INPUT": samples, "FIELDS": ["lead"]})
