"""The check of samples. Truth: tables whose faults are known, and limits (nothing wrong -> nothing found)."""

from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.sample_check.check import check_samples
from hybrid_geostatistics.core.sample_check.cleaning import clean_samples
from hybrid_geostatistics.core.sample_check.columns import parse_column
from hybrid_geostatistics.core.sample_check.report import sample_check_page
from hybrid_geostatistics.core.transforms import Transform


@pytest.fixture
def places():
    """Return 60 places drawn at random over an area that is wider than high."""
    return np.random.default_rng(5).uniform((500_000, 5_000_000), (503_000, 5_001_000), (60, 2))


def titles(check):
    return " | ".join(finding.title for finding in check.findings)


@pytest.mark.parametrize(
    "text, value, limit, above",
    [
        ("12.5", 12.5, None, False),
        (" 3e-2 ", 0.03, None, False),
        ("-4", -4.0, None, False),
        ("<0.5", None, 0.5, False),
        ("<= 0.5", None, 0.5, False),
        ("≤.5", None, 0.5, False),
        ("> 1000", None, 1000.0, True),
        ("1,000.5", None, None, False),
        ("approx 3", None, None, False),
        ("0x1f", None, None, False),
        (float("inf"), None, None, False),
        (True, 1.0, None, False),
    ],
)
def test_one_value(text, value, limit, above):
    column = parse_column([text])
    assert column.values[0] == value if value is not None else np.isnan(column.values[0])
    assert column.limits[0] == limit if limit is not None else np.isnan(column.limits[0])
    assert bool(column.is_above[0]) is above
    assert bool(column.is_not_numeric[0]) is (value is None and limit is None)


@pytest.mark.parametrize("word", ["", "NA", "n/a", " null ", "-", None, float("nan"), "BDL"])
def test_missing_words(word):
    assert parse_column([word]).is_missing.tolist() == [True]


def test_decimal_commas_are_a_matter_of_the_whole_column():
    assert parse_column(["0,25", "12,5", "3"]).values.tolist() == [0.25, 12.5, 3.0]
    assert parse_column(["1,000", "2,500"]).is_not_numeric.all()  # thousands? not guessed
    assert parse_column(["0,25", "12.5"]).is_not_numeric.tolist() == [True, False]


def test_nothing_wrong_finds_nothing(places):
    values = np.random.default_rng(1).normal(100, 10, 60).tolist()
    check = check_samples(places, {"zinc": values}, crs_name="EPSG:25833")
    assert check.findings == () and check.n_duplicates == check.n_censored == 0
    assert set(check.remarks) == {""} and "nothing conspicuous" in check.verdict
    assert check.nearest_neighbor_index == pytest.approx(1, abs=0.25)  # places drawn at random


def test_notes_are_not_called_nothing(places):
    """Lognormal values of spread 1 have a skewness of 6: worth a note, and no reason to stop."""
    zinc = np.random.default_rng(2).lognormal(0, 1, 60).tolist()
    check = check_samples(places, {"zinc": zinc}, crs_name="EPSG:25833")
    assert check.findings and {finding.level for finding in check.findings} == {"note"}
    assert f"can be mapped; {len(check.findings)} remark" in check.verdict


def test_statistics_are_those_of_the_plain_numbers(places):
    values = np.random.default_rng(2).lognormal(0, 1, 60)
    (field,) = check_samples(places, {"zinc": [*values[:-1].tolist(), "<3"]}).fields
    assert field.n == 59 and field.n_censored == 1
    assert field.mean == pytest.approx(values[:-1].mean()) and field.std == pytest.approx(values[:-1].std())
    np.testing.assert_allclose(field.quantiles, np.quantile(values[:-1], [0, 0.25, 0.5, 0.75, 1]))


def test_every_fault_has_a_finding(places):
    rng = np.random.default_rng(3)
    places = places.copy()
    places[10] = places[11] = places[3]
    places[20] = places[21] + 0.01
    grades = rng.normal(2, 0.2, 60)
    grades[30] = 40.0
    table = {
        "grade": grades.tolist(),
        "coded": [*rng.normal(5, 1, 58).tolist(), -999, -0.5],
        "mixed": [*rng.uniform(1, 9, 50).tolist(), *rng.uniform(2e4, 9e4, 10).tolist()],
        "equal": [4.0] * 60,
        "words": ["high"] * 60,
    }
    check = check_samples(places, table)
    for words in ("No CRS", "3 samples share 1 location", "1 pair of samples almost", "grade: 1 value far out",
                  "grade: 1 value unlike the neighbours", "coded: 1 value like a code", "coded: 1 value below 0",
                  "mixed may be in mixed units", "equal is the same everywhere", "words has no numbers",
                  "words: 60 values not numeric"):  # fmt: skip
        assert words in titles(check), words
    assert check.n_duplicates == 2
    assert "3 samples here" in check.remarks[10] and "grade far out" in check.remarks[30]
    levels = [finding.level for finding in check.findings]
    assert levels == sorted(levels, key=["problem", "warning", "note"].index)
    assert "2 problems to solve" in check.verdict


def test_degrees_are_a_problem():
    places = np.array([[13.0, 50.0], [13.1, 50.2]])
    check = check_samples(places, {"zinc": [1, 2]}, crs_name="WGS 84", is_geographic=True)
    assert check.findings[0].level == "problem" and "degrees" in check.findings[0].title


def test_parts_of_a_whole(places):
    parts = np.random.default_rng(4).dirichlet((2, 3, 4), 60) * 100
    columns = {name: parts[:, i].tolist() for i, name in enumerate(("sand", "silt", "clay"))}
    assert "parts of a whole" in titles(check_samples(places, columns))
    del columns["silt"]
    assert "parts of a whole" not in titles(check_samples(places, columns))


def test_clusters_are_seen():
    rng = np.random.default_rng(6)
    centers = rng.uniform(0, 10_000, (6, 2))
    clustered = (centers[:, None] + rng.normal(0, 50, (6, 10, 2))).reshape(-1, 2)
    check = check_samples(clustered, {"zinc": rng.normal(9, 1, 60).tolist()}, crs_name="x")
    assert "clustered" in titles(check) and check.nearest_neighbor_index < 0.5
    assert "zinc: declustered mean" in titles(check)


def test_clusters_in_high_values_between_regular_samples_are_told():
    # GSLIB's cluster.dat: nearest neighbours lie as far away as in a regular pattern, but the mean is 4.35, not 2.58.
    table = np.genfromtxt(Path(__file__).resolve().parents[2] / "data" / "cluster.csv", delimiter=",", names=True)
    places = np.column_stack([table["x"], table["y"]])
    check = check_samples(places, {"v": table["v"].tolist()}, crs_name="x")
    assert "v: declustered mean 2.5" in titles(check) and check.nearest_neighbor_index > 1.0
    everywhere = np.random.default_rng(2).normal(9.0, 2.0, len(places))
    assert "declustered" not in titles(check_samples(places, {"v": everywhere.tolist()}, crs_name="x"))


def test_samples_on_one_line():
    line = np.column_stack([np.arange(20.0), 2 * np.arange(20.0)])
    assert "on one line" in titles(check_samples(line, {"zinc": np.sin(np.arange(20)).tolist()}, crs_name="x"))


def test_outliers_depend_on_the_scale(places):
    values = np.random.default_rng(7).lognormal(0, 1.2, 60).tolist()
    raw = check_samples(places, {"zinc": values}).fields[0]
    log = check_samples(places, {"zinc": values}, transform=Transform("log")).fields[0]
    assert raw.n_outliers > 0 and log.n_outliers == 0


@pytest.mark.parametrize("kind", ["log", "boxcox", "normal_score"])
def test_every_scale_is_fitted_to_each_field(places, kind):
    """Lognormal values have nothing far out on any scale that suits them; fields of other units get their own."""
    values = np.random.default_rng(4).lognormal(2, 1, 60)
    table = {"zinc": values.tolist(), "gold": (1e-3 * values).tolist(), "none": [None] * 60, "same": [2.0] * 60}
    check = check_samples(places, table, crs_name="EPSG:25833", transform=Transform(kind))
    assert [field.n_outliers for field in check.fields[:2]] == [0, 0]
    assert "transform" not in titles(check)


@pytest.mark.parametrize("kind", ["log", "boxcox"])
def test_a_scale_that_does_not_suit_is_a_problem_to_solve_and_no_end_of_the_check(places, kind):
    zinc = [*np.random.default_rng(4).lognormal(2, 1, 59).tolist(), -1.0]
    check = check_samples(places, {"zinc": zinc, "lead": zinc[:-1] + [3.0]}, transform=Transform(kind))
    found = [finding for finding in check.findings if finding.level == "problem"]
    assert [finding.title for finding in found] == [f"zinc has values outside the {kind} transform"]
    assert "got -1 in row 60" in found[0].detail and [field.n for field in check.fields] == [60, 60]


def test_a_number_too_large_for_a_number_is_none():
    column = parse_column(["1e400", "-1e999", "<1e400", "1e300"])
    assert column.is_not_numeric.tolist() == [True, True, True, False] and not column.is_censored.any()


def test_nothing_at_all_is_refused(places):
    with pytest.raises(InputError, match="0 and 1"):
        check_samples(places[:0], {"zinc": []})
    with pytest.raises(InputError, match="60 and 0"):
        check_samples(places, {})


@pytest.fixture
def doubled():
    """Return two samples at one place, and one elsewhere."""
    return np.array([[0.0, 0.0], [5.0, 3.0], [0.0, 0.0]]), {"zinc": ["<4", 7, 10.0], "lead": [None, "> 50", 2]}


def test_cleaning_changes_nothing_unless_asked(doubled):
    clean = clean_samples(*doubled)
    assert clean.rows.tolist() == [0, 1, 2] and clean.n_merged.tolist() == [1, 1, 1]
    np.testing.assert_array_equal(clean.values["zinc"], [np.nan, 7, 10])


@pytest.mark.parametrize(
    "duplicates, censored, zinc, lead",
    [
        ("average", "half_limit", [6.0, 7.0], [2.0, 50.0]),
        ("average", "report", [10.0, 7.0], [2.0, np.nan]),
        ("first", "limit", [4.0, 7.0], [np.nan, 50.0]),
    ],
)
def test_cleaning(doubled, duplicates, censored, zinc, lead):
    clean = clean_samples(*doubled, duplicates, censored)
    assert clean.rows.tolist() == [0, 1] and clean.n_merged.tolist() == [2, 1]
    np.testing.assert_array_equal(clean.values["zinc"], zinc)
    np.testing.assert_array_equal(clean.values["lead"], lead)


def test_unknown_treatments_are_refused(doubled):
    with pytest.raises(InputError, match="keep, average, first"):
        clean_samples(*doubled, duplicates="merge")
    with pytest.raises(InputError, match="report, half_limit, limit"):
        clean_samples(*doubled, censored="zero")


def test_page_says_it_all(places):
    columns = {"zinc": ["<1", *np.random.default_rng(8).normal(9, 1, 59).tolist()]}
    text = sample_check_page(check_samples(places, columns), places, columns, "a & b", {"made": "today"}, ["Averaged."])
    for words in ("Samples: a &amp; b", "1 value censored", "Averaged.", "today", "<svg", "skewness"):
        assert words in text
    assert "<script" not in text and "http" not in text
