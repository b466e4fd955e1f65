"""Charts are well-formed, put marks where the numbers are, and describe themselves."""

import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hybrid_geostatistics.core.report.axes import nice_ticks, tick_labels
from hybrid_geostatistics.core.report.charts import _round_edges, histogram, one_to_one, xy_chart
from hybrid_geostatistics.core.report.drawing import COLORS, DARK_COLORS, Band, Level, Line, Points
from hybrid_geostatistics.core.report.maps import RAMP, heat_map, sample_map
from hybrid_geostatistics.core.report.row_charts import horizontal_bars, intervals
from hypothesis import given
from hypothesis import strategies as st

NAN = math.nan
CHARTS = {
    "xy": lambda: xy_chart(
        "A <b> & c",
        "lag (m)",
        "semivariance",
        [
            Band([0, 1, 2], [0, 0, 1], [1, 2, 3], "band"),
            Line([0, 1, NAN, 2, 3], [0, 1, 1, 2, 3], "line", dashed=True),
            Points([1, 2, NAN], [1, 2, 3], "points", low=[0.5, NAN, 1], high=[1.5, 2, 4], notes=["<1>", "2", "3"]),
            Level(1.5, "level"),
            Level(2.5, "here", vertical=True),
        ],
        x_from_zero=True,
    ),
    "empty": lambda: xy_chart("Nothing", "x", "y", []),
    "one point": lambda: xy_chart("One", "x", "y", [Points([3.0], [0.0])]),
    "one to one": lambda: one_to_one("Fit", [1, 2, NAN, 0], [1.5, 1.0, 2, 3], "mg/kg", log=True),
    "bars": lambda: horizontal_bars(
        "RMSE", ["a & b", "c", "d"], [0.4, -0.1, NAN], x_label="RMSE", colors=[0, 1, 2]
    ),
    "heat map": lambda: heat_map("Map", [-1, 0, 1], [1, 0], [[1, NAN, 3], [2, 5, 2]], "east", "north", "m"),
    "empty heat map": lambda: heat_map("Map", [0, 1], [0, 1], [[NAN, NAN], [NAN, NAN]], "east", "north"),
    "no bars": lambda: horizontal_bars("RMSE", [], []),
    "intervals": lambda: intervals(
        "Ratio", ["x", "y"], [1.0, NAN], [0.9, NAN], [1.1, NAN], reference=1.0, reference_label="kriging"
    ),
    "histogram": lambda: histogram("Zinc", [1, 2, 2, NAN, 9], "zinc"),
    "equal values": lambda: histogram("Zinc", [5.0, 5.0], "zinc"),
    "no values": lambda: histogram("Zinc", [], "zinc"),
    "map": lambda: sample_map("Zinc", [1e5, 2e5, 3e5], [5e6, 5.1e6, 5.3e6], [1.0, 2.0, NAN], "mg/kg"),
}


@pytest.mark.parametrize("name", list(CHARTS))
def test_well_formed_finite_and_described(name):
    text = CHARTS[name]()
    root = ElementTree.fromstring(text)
    assert root.tag == "svg" and root.get("role") == "img"
    assert root.find("title").text and root.find("desc").text
    assert "nan" not in text.lower().replace("nan of", "") and "inf" not in text.lower()
    assert "http" not in text and "<script" not in text
    _, _, width, height = (float(v) for v in root.get("viewBox").split())
    for element in root.iter():
        for x_name, y_name in (("cx", "cy"), ("x1", "y1"), ("x2", "y2"), ("x", "y")):
            if element.get(x_name) is not None:
                assert -1 <= float(element.get(x_name)) <= width + 1, ElementTree.tostring(element)
                assert -1 <= float(element.get(y_name)) <= height + 1, ElementTree.tostring(element)


def test_titles_and_labels_are_escaped():
    text = CHARTS["xy"]()
    assert "A &lt;b&gt; &amp; c" in text and "&lt;1&gt;" in text


def test_marks_lie_where_the_axis_says():
    root = ElementTree.fromstring(xy_chart("t", "x", "y", [Points([0, 5, 10], [100, 300, 200], size=3.0)]))
    circles = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter("circle")]
    labels = {t.text: (float(t.get("x")), float(t.get("y"))) for t in root.iter("text")}
    assert circles[1][0] == pytest.approx(0.5 * (circles[0][0] + circles[2][0]), abs=0.1)
    assert circles[0][0] == pytest.approx(labels["0"][0], abs=0.1)
    assert circles[2][0] == pytest.approx(labels["10"][0], abs=0.1)
    assert circles[0][1] == pytest.approx(labels["100"][1] - 4, abs=0.1)
    assert circles[1][1] == pytest.approx(labels["300"][1] - 4, abs=0.1)


def test_logarithmic_axis_is_even_in_decades():
    root = ElementTree.fromstring(one_to_one("t", [1, 10, 100], [1, 10, 100], log=True))
    x = [float(c.get("cx")) for c in root.iter("circle")]
    assert x[1] - x[0] == pytest.approx(x[2] - x[1], abs=0.11) and x[1] > x[0]


def test_one_to_one_has_equal_axes_and_the_diagonal_passes_equal_pairs():
    root = ElementTree.fromstring(one_to_one("t", [1, 4, 9], [1, 4, 9]))
    diagonal = next(line for line in root.iter("line") if line.get("class") == "hg-level")
    x1, y1, x2, y2 = (float(diagonal.get(k)) for k in ("x1", "y1", "x2", "y2"))
    assert x2 - x1 == pytest.approx(y1 - y2, abs=0.11)
    for circle in root.iter("circle"):
        share = (float(circle.get("cx")) - x1) / (x2 - x1)
        assert (y1 - float(circle.get("cy"))) / (y1 - y2) == pytest.approx(share, abs=1e-3)


def test_bars_are_as_long_as_their_values():
    root = ElementTree.fromstring(horizontal_bars("t", ["a", "b", "c"], [4.0, 2.0, -1.0]))
    lengths = [float(r.get("width")) for r in root.iter("rect")]
    assert lengths == pytest.approx([lengths[0], lengths[0] / 2, lengths[0] / 4], abs=0.11)
    assert {"4.00", "2.00", "−1.00"} <= {t.text for t in root.iter("text")}


def test_bins_hold_every_value():
    values = np.random.default_rng(0).lognormal(5, 1, 400)
    edges = _round_edges(values, 12)
    assert edges[0] <= values.min() and edges[-1] >= values.max()
    assert np.histogram(values, edges)[0].sum() == 400


@pytest.mark.parametrize("steps", [[0, 1], [0, 1, 3], [0, 40]])
@pytest.mark.parametrize("value", [1.0, -0.3, 5e6, 1e-9, 1e300])
def test_values_that_differ_by_rounding_are_drawn_as_equal(value, steps):
    values = [value + step * float(np.spacing(value)) for step in steps]
    drawn = [
        histogram("h", values, "x"), xy_chart("c", "x", "y", [Points(values, values)]), one_to_one("o", values, values),
        sample_map("m", values, values, values), horizontal_bars("b", [str(v) for v in values], values),
        intervals("i", [str(v) for v in values], values, values, values, x_label="x"),
    ]  # fmt: skip
    for chart in drawn:
        assert "nan" not in chart and "inf" not in chart.replace("info", "")
        ElementTree.fromstring(chart)


def test_map_keeps_the_shape_of_the_ground():
    root = ElementTree.fromstring(sample_map("t", [0, 100, 0], [0, 0, 50], [1, 2, 3]))
    marks = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter("circle")][:3]
    assert (marks[1][0] - marks[0][0]) == pytest.approx(2 * (marks[0][1] - marks[2][1]), abs=0.2)


def test_map_legend_tells_close_classes_apart():
    """Quintiles 4.98 and 5.02 beside 0.8 and 29.4 would read 5.0–5.0 with three digits of the largest."""
    z = [0.1, 0.8, 4.98, 5.02, 29.4, 40.0]
    x = range(6)
    legend = [t.text for t in ElementTree.fromstring(sample_map("t", x, x, z)).iter("text") if "–" in (t.text or "")]
    assert len(legend) == 3
    assert all(low != high for low, high in (name.split("–") for name in legend))


def test_map_has_room_for_its_last_label():
    samples = sample_map("t", [400000.0, 401000.0, 401930.0], [0.0, 100.0, 200.0], [1, 2, 3])
    cells = heat_map("t", [400000.0, 401000.0, 402000.0], [0.0, 1000.0], np.ones((2, 3)), "x", "y")
    for drawn in (samples, cells):
        root = ElementTree.fromstring(drawn)
        width = float(root.get("viewBox").split()[2])
        labels = [t for t in root.iter("text") if t.text == "402000"]
        assert labels and all(float(t.get("x")) + 3.5 * len(t.text) <= width for t in labels)  # half of 7 px a digit


@given(
    low=st.floats(-1e9, 1e9, allow_nan=False),
    span=st.floats(1e-3, 1e9, allow_nan=False),
    n=st.integers(2, 8),
)
def test_ticks_are_few_round_and_inside(low, span, n):
    high = low + span
    if (high - low) < 1e-9 * max(abs(low), abs(high)):
        return  # nothing to tell apart in floating point
    ticks = nice_ticks(low, high, n)
    slack = 1e-6 * (high - low)
    assert 1 <= len(ticks) <= 2 * n + 2
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert len(set(tick_labels(ticks))) == len(ticks)


def test_series_have_as_many_colours_by_night_as_by_day():
    assert len(COLORS) == len(DARK_COLORS) == len(set(COLORS)) == len(set(DARK_COLORS))


def test_heat_map_puts_cells_in_place_from_low_to_high():
    chart = ElementTree.fromstring(
        heat_map("Map", [0, 10], [10, 0], [[1.0, NAN], [2.0, 9.0]], "east", "north")
    )
    cells = [rect.attrib for rect in chart.iter() if rect.tag.endswith("rect") and rect.attrib["y"] != "29"]
    assert [cell["fill"] for cell in cells if cell["fill"] in (RAMP[0], RAMP[-1])] == [
        RAMP[0], RAMP[-1]
    ]  # fmt: skip
    assert len(cells) == 3
    north_west, south_west, south_east = ((float(cell["x"]), float(cell["y"])) for cell in cells)
    assert north_west[0] == south_west[0] < south_east[0] and north_west[1] < south_west[1] == south_east[1]
