"""One self-contained HTML page: no scripts, no external resources, light and dark.

A page is a title, a summary a manager can act on, sections made of the parts below, and a
footer that says what made it. Text is escaped; only the parts made here (and the charts)
are markup. Renderers that know neither grid nor media queries still show a plain page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

from .drawing import COLORS, DARK_COLORS
from .markup import Html, aligned, escaped


@dataclass(frozen=True)
class Section:
    """A heading with the parts below it; plain strings become paragraphs."""

    heading: str
    parts: Sequence[str]


def paragraph(text: str) -> Html:
    """Return one paragraph of text."""
    return Html(f"<p>{escaped(text)}</p>")


def lead(text: str) -> Html:
    """Return the answer in one larger paragraph."""
    return Html(f'<p class="lead">{escaped(text)}</p>')


def bullets(items: Sequence[str]) -> Html:
    """Return a list of short statements."""
    return Html(f"<ul>{''.join(f'<li>{escaped(item)}</li>' for item in items)}</ul>")


def note(text: str, kind: str = "note") -> Html:
    """Return a boxed remark; ``kind`` is "note", "warning" or "good"."""
    return Html(f'<p class="box {escaped(kind)}">{escaped(text)}</p>')


def figures(facts: Sequence[tuple[str, str]]) -> Html:
    """Return a row of key figures, each a name and the number already written as text."""
    cells = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd></div>" for name, value in facts
    )
    return Html(f'<dl class="figures">{cells}</dl>')


def side_by_side(*parts: str) -> Html:
    """Return charts or other parts beside each other where the window is wide enough."""
    return Html(f'<div class="beside">{"".join(f"<div>{_part(part)}</div>" for part in parts)}</div>')


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    caption: str = "",
    digits: int = 3,
    highlight: Sequence[int] = (),
) -> Html:
    """Return a table; columns of numbers are aligned to the right with common decimals.

    Parameters
    ----------
    columns : sequence of str
        Headings, with units.
    rows : sequence of sequences
        Strings, numbers, or None and NaN for what is not known (written as a dash).
    caption : str
        What the table shows, above it.
    digits : int
        Significant digits of the largest number of a column.
    highlight : sequence of int
        Rows to emphasise, from 0.

    Returns
    -------
    Html

    Raises
    ------
    ValueError
        When a row has not one cell a column.
    """
    for row in rows:
        if len(row) != len(columns):
            raise ValueError(f"Expected {len(columns)} cells in each row of the table, got {len(row)}: {row!r}.")
    numeric = [_is_numeric([row[i] for row in rows]) for i in range(len(columns))]
    written = [
        aligned([_number(row[i]) for row in rows], digits) if numeric[i] else [_word(row[i]) for row in rows]
        for i in range(len(columns))
    ]
    kinds = [' class="number"' if is_number else "" for is_number in numeric]
    head = "".join(f'<th scope="col"{kind}>{escaped(name)}</th>' for name, kind in zip(columns, kinds))
    body = []
    for at in range(len(rows)):
        cells = "".join(f"<td{kind}>{escaped(column[at])}</td>" for kind, column in zip(kinds, written))
        emphasis = ' class="best"' if at in highlight else ""
        body.append(f"<tr{emphasis}>{cells}</tr>")
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    return Html(
        f'<div class="scroll"><table>{title}<thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'
    )


def _is_number(cell: object) -> bool:
    return isinstance(cell, Real) and not isinstance(cell, bool)


def _is_numeric(cells: Sequence[object]) -> bool:
    return any(_is_number(cell) for cell in cells) and all(cell is None or _is_number(cell) for cell in cells)


def _number(cell: object) -> float | None:
    """Return a cell of a numeric column as int, float or None."""
    if isinstance(cell, Integral):
        return int(cell)
    return float(cell) if isinstance(cell, Real) else None


def _word(cell: object) -> str:
    """Write a cell of a column that holds text."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell if isinstance(cell, str) else str(cell)


def _part(part: str) -> str:
    return part if isinstance(part, Html) else paragraph(part)


def page(
    title: str,
    subtitle: str,
    summary: Sequence[str],
    sections: Sequence[Section],
    provenance: Mapping[str, object],
) -> str:
    """Return the whole page as text, to be written as UTF-8.

    Parameters
    ----------
    title, subtitle : str
    summary : sequence of str
        The answer first: plain strings become paragraphs, parts of this module stay.
    sections : sequence of Section
    provenance : mapping of str to object
        What made the page, shown in the footer in this order: date, seed, versions, data.

    Returns
    -------
    str
        A complete HTML document.

    Examples
    --------
    >>> text = page("Zinc & lead", "", ["Kriging wins."], [Section("Scores", ["0.39"])], {"seed": 0})
    >>> "<h1>Zinc &amp; lead</h1>" in text, "<script" in text, "http" in text
    (True, False, False)
    """
    first = "".join(_part(part) for part in summary)
    body = "".join(
        f"<section><h2>{escaped(section.heading)}</h2>{''.join(_part(part) for part in section.parts)}</section>"
        for section in sections
    )
    origin = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>" for name, value in provenance.items())
    below = f"<p class=\"subtitle\">{escaped(subtitle)}</p>" if subtitle else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escaped(title)}</title><style>{_STYLE}</style></head>\n<body><main>"
        f"<header><h1>{escaped(title)}</h1>{below}</header>\n"
        f'<div class="summary">{first}</div>\n{body}\n'
        f'<footer><h2>Where this comes from</h2><dl class="origin">{origin}</dl></footer>'
        "</main></body></html>\n"
    )


def _series_rules(colors: Sequence[str]) -> str:
    """Colours of the charts' series, which override those in their markup."""
    return "".join(
        f".hg-series-{i}{{fill:{color};stroke:{color}}}"
        f".hg-series-{i}.hg-fill{{stroke:none}}.hg-series-{i}.hg-stroke{{fill:none}}"
        for i, color in enumerate(colors)
    )


_STYLE = (
    """
body{margin:0;background:#fff;color:#1a1d21;font:15px/1.55 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:960px;margin:0 auto;padding:28px 20px 40px}
h1{font-size:26px;line-height:1.2;margin:0 0 4px}
h2{font-size:18px;margin:34px 0 10px;padding-top:14px;border-top:1px solid #dde1e6}
p{margin:8px 0;max-width:46em}
ul{margin:8px 0;padding-left:22px;max-width:46em}
.lead{font-size:17px;line-height:1.45}
.subtitle{color:#565d66;margin:0 0 16px}
.summary{background:#eef4fa;border-left:4px solid #0072b2;border-radius:4px;padding:10px 18px;margin:14px 0}
.box{background:#f4f5f7;border-left:4px solid #8b939c;border-radius:4px;padding:8px 14px}
.box.warning{background:#fdf3e4;border-left-color:#d98200}
.box.good{background:#e9f6f0;border-left-color:#009e73}
.figures{display:flex;flex-wrap:wrap;gap:8px 34px;margin:10px 0}
.figures dt{color:#565d66;font-size:13px}
.figures dd{margin:0;font-size:21px;font-weight:600;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:12px 0}
table{border-collapse:collapse;font-size:14px}
caption{text-align:left;color:#565d66;padding:0 0 6px}
th,td{padding:5px 12px;text-align:left;border-bottom:1px solid #e6e9ed;white-space:nowrap}
th{color:#565d66;font-weight:600;border-bottom:1px solid #aab2bb;vertical-align:bottom;white-space:normal}
th.number,td.number{text-align:right;font-variant-numeric:tabular-nums}
tr.best td{font-weight:600;background:#eef4fa}
.beside{display:flex;flex-wrap:wrap;gap:12px}
.beside>div{flex:1 1 380px;min-width:0}
svg.hg-chart{max-width:100%;height:auto;display:block;margin:10px 0}
footer{color:#565d66;font-size:13px}
footer h2{font-size:14px;margin-bottom:6px}
.origin{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:0}
.origin dd{margin:0;overflow-wrap:anywhere}
"""
    + _series_rules(COLORS)
    + """
@media (prefers-color-scheme:dark){
body{background:#16191d;color:#e6e8eb}
h2,.figures,th,td{border-color:#343a41}
th{border-bottom-color:#59626c}
.subtitle,caption,th,.figures dt,footer{color:#a3abb5}
.summary{background:#1b2733;border-left-color:#56b4e9}
.box{background:#22262b}
.box.warning{background:#33281a}
.box.good{background:#17302a}
tr.best td{background:#1b2733}
.hg-ink{fill:#e6e8eb}.hg-quiet{fill:#a3abb5}
.hg-grid{stroke:#2e343a}.hg-axis,.hg-level{stroke:#7d8691}.hg-mark{stroke:#0d0f11}
"""
    + _series_rules(DARK_COLORS)
    + """}
@media print{body{background:#fff;color:#000}main{max-width:none;padding:0}section{break-inside:avoid-page}}
"""
)
