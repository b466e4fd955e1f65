"""Collar, survey and assay tables. Truth: tables whose faults are known."""

import numpy as np
import pytest
from hybrid_geostatistics.core.drillholes.desurveyed import composite_holes
from hybrid_geostatistics.core.drillholes.tables import Assays, Collars, Surveys, read_drill_holes
from hybrid_geostatistics.core.errors import InputError

COLLARS = Collars(
    ["A", 7.0, "A", "B", "", "C"],
    np.array([[0, 0, 100], [50, 10, 90], [1, 1, 1], [np.nan, 0, 0], [0, 0, 0], [10, 20, 30]], dtype=float),
    depths=[10, 20, None, None, None, 5],
)
SURVEYS = Surveys(
    ["A", "A", "A", 7, 7, "Z"],
    [0, 10, 10, "x", 5, 0],
    [90, 90, 90, 0, 0, 0],
    [-60, -60, -70, -90, -95, -90],
)
ASSAYS = Assays(
    ["A", "A", "A", "A", "7", "7", "Q", "A", "C"],
    [0, 2, 2, 3, 0, 5, 0, 9, 0],
    [2, 4, 4, 5, 5, 4, 1, 12, 5],
    {"Fe": [10, 20, 40, 99, "<0.5", 1, 1, -999, -0.2], "note": [1, 2, 3, "high", 5, 6, 7, 8, 9]},
)


@pytest.fixture(scope="module")
def drilled():
    return read_drill_holes(COLLARS, SURVEYS, ASSAYS)


def test_every_fault_is_listed_with_its_row(drilled):
    found = {(problem.table, problem.row): problem.what for problem in drilled.problems if problem.row}
    expected = {
        ("collars", 3): "second collar", ("collars", 4): "missing", ("collars", 5): "No hole name",
        ("surveys", 3): "second station", ("surveys", 4): "not a number", ("surveys", 5): "-90 to 90",
        ("surveys", 6): "No collar", ("assays", 3): "averaged", ("assays", 6): "no interval",
        ("assays", 7): "No usable collar",
    }  # fmt: skip
    for key, words in expected.items():
        assert words in found[key], (key, found.get(key))
    fourth = [p.what for p in drilled.problems if (p.table, p.row) == ("assays", 4)]
    assert any("overlaps row 2" in what for what in fourth) and any("'high' is no number" in what for what in fourth)
    whole = {(p.table, p.hole): p.what for p in drilled.problems if not p.row}
    assert "below the final depth" in whole["assays", "A"] and "straight" in whole["surveys", "7"]


def test_what_is_left_is_used(drilled):
    assert [hole.name for hole in drilled.holes] == ["A", "7", "C"]
    a, seven, c = drilled.holes
    np.testing.assert_allclose(a.intervals.tops, [0, 2, 9])
    np.testing.assert_allclose(a.intervals.values[:2, 0], [10, 30])  # the repeated assay is averaged
    assert np.isnan(a.intervals.values[2, 0])  # -999 is a code, not a limit
    assert seven.intervals.values[0, 0] == 0.25 and c.intervals.values[0, 0] == 0.1  # half of the limits
    assert drilled.n_censored == {"Fe": 2, "note": 0}
    assert (drilled.n_gaps, drilled.gap_length) == (1, 5.0)


def test_composites_lie_on_the_hole(drilled):
    table = composite_holes(drilled, 2.0)
    first = table.coordinates[0]
    np.testing.assert_allclose(first, [0.5, 0.0, 100 - np.sqrt(3) / 2], atol=1e-12)
    assert table.holes[0] == "A" and (table.azimuths[0], round(table.dips[0], 9)) == (90.0, -60.0)
    below = [row for row, hole in enumerate(table.holes) if hole == "C"]
    np.testing.assert_allclose(table.coordinates[below[0]], [10, 20, 29])


def test_positive_down_is_the_mirror():
    turned = Surveys(SURVEYS.holes[:2], SURVEYS.depths[:2], SURVEYS.azimuths[:2], [60, 60])
    first = read_drill_holes(COLLARS, Surveys(["A", "A"], [0, 10], [90, 90], [-60, -60]), ASSAYS).holes[0]
    other = read_drill_holes(COLLARS, turned, ASSAYS, dips_are_positive_down=True).holes[0]
    np.testing.assert_array_equal(first.trajectory.tangents, other.trajectory.tangents)


def test_names_that_do_not_agree():
    with pytest.raises(InputError, match="hole names agree"):
        read_drill_holes(COLLARS, None, Assays(["x"], [0], [1], {"Fe": [1.0]}))
