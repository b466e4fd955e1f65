"""Numbers are rounded the way a reader expects; text cannot become markup."""

import math

import pytest
from hybrid_geostatistics.core.report.markup import Html, aligned, escaped, rounded


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.05066, "0.0507"), (897.02, "897"), (12345.6, "12346"), (0, "0"), (-0.5, "−0.500"), (1e-7, "1.00e−07"),
        (3.2e9, "3.20e+09"), (None, "–"), (math.nan, "–"), (math.inf, "∞"), (-math.inf, "−∞"), (0.9996, "1.000"),
    ],
)  # fmt: skip
def test_three_significant_digits(value, text):
    assert rounded(value) == text


def test_columns_share_their_decimals():
    assert aligned([0.39175, 0.4, math.nan, 12.0]) == ["0.4", "0.4", "–", "12.0"]
    assert aligned([155, 3103, None]) == ["155", "3103", "–"]
    assert aligned([-1.0, 2.5]) == ["−1.00", "2.50"]
    assert aligned([]) == []


def test_a_column_of_mixed_sizes_keeps_its_digits():
    assert aligned([0.0507, 897.0]) == ["0.0507", "897"]


def test_only_markup_passes_unescaped():
    assert escaped("<script>\"&'") == "&lt;script&gt;&quot;&amp;&#x27;"
    assert escaped(Html("<b>x</b>")) == "<b>x</b>"
    assert escaped(1.5) == "1.5"
