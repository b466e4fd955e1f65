"""Pages are well-formed, complete in themselves, and show text as text."""

from html.parser import HTMLParser

import pytest
from hybrid_geostatistics.core.report import charts
from hybrid_geostatistics.core.report.page import (
    Section,
    bullets,
    figures,
    note,
    page,
    paragraph,
    side_by_side,
    table,
)

VOID = {"meta", "link", "img", "br", "hr", "input"}
HOSTILE = "<script>alert('x')</script> & \"co\""


class Balance(HTMLParser):
    """Collects tags and checks that each is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def text():
    chart = charts.xy_chart(HOSTILE, HOSTILE, "y", [charts.Points([0, 1], [0, 1], HOSTILE)])
    parts = [
        HOSTILE, chart, table([HOSTILE, "n"], [[HOSTILE, 1]], caption=HOSTILE), note(HOSTILE, "warning"),
        bullets([HOSTILE]), figures([(HOSTILE, HOSTILE)]), side_by_side(chart, HOSTILE), paragraph(HOSTILE),
    ]  # fmt: skip
    return page(HOSTILE, HOSTILE, [HOSTILE], [Section(HOSTILE, parts)], {HOSTILE: HOSTILE, "seed": 3})


def test_balanced_and_self_contained(text):
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(parser.tags)
    assert not [name for name, _ in parser.attributes if name.startswith("on") or name in ("src", "href")]
    assert "url(" not in text and "@import" not in text and "http" not in text


def test_text_stays_text(text):
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 14


def test_light_dark_and_print(text):
    assert "prefers-color-scheme:dark" in text and "@media print" in text
    assert 'content="light dark"' in text and '<html lang="en">' in text


def test_numbers_are_aligned_and_text_is_not():
    markup = table(["method", "n", "RMSE"], [["kriging", 155, 0.39174], ["hybrid", 155, None]], highlight=[1])
    assert '<td>kriging</td><td class="number">155</td><td class="number">0.392</td>' in markup
    assert '<tr class="best"><td>hybrid</td><td class="number">155</td><td class="number">–</td>' in markup
    assert '<th scope="col" class="number">RMSE</th>' in markup


def test_yes_no_and_unknown_in_text_columns():
    markup = table(["what", "ready"], [["a", True], ["b", False], ["c", None], ["d", float("nan")]])
    assert [cell.split("<")[0] for cell in markup.split("<td>")[2::2]] == ["yes", "no", "–", "–"]


def test_rows_must_have_all_cells():
    with pytest.raises(ValueError, match="Expected 2 cells"):
        table(["a", "b"], [["only one"]])
