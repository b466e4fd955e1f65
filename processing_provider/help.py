"""Help texts: resources/help/<algorithm>.md, shown as HTML beside the dialog."""

from __future__ import annotations

import html
import re

from .identity import PLUGIN_FOLDER

HELP_FOLDER = PLUGIN_FOLDER / "resources" / "help"
STYLE = (
    "<style>ul { margin-left: 16px; -qt-list-indent: 0; } ol { margin-left: 20px; -qt-list-indent: 0; } "
    "li p { margin-top: 0; margin-bottom: 4px; }</style>"
)
"""Lists as wide as the narrow panel allows; paragraphs in them, as QGIS colours paragraphs only."""


def help_html(algorithm: str) -> str:
    """Return the help of an algorithm as HTML.

    Raises
    ------
    FileNotFoundError
        When there is no such text.
    """
    return STYLE + render((HELP_FOLDER / f"{algorithm}.md").read_text(encoding="utf-8"))


def render(text: str) -> str:
    r"""Turn the few forms of Markdown used in help texts into HTML.

    Knows headings, paragraphs, ``- `` and ``1. `` lists, ``**bold**``, ``*emphasis*``, `` `code` `` and links.

    Examples
    --------
    >>> render("# Kriging\n\nOf *one* field, with `0 < n`.")
    '<h3>Kriging</h3><p>Of <i>one</i> field, with <code>0 &lt; n</code>.</p>'
    >>> render("- exact\n- **linear**")
    '<ul><li><p>exact</p></li><li><p><b>linear</b></p></li></ul>'
    """
    parts = []
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in block.splitlines()]
        heading = re.match(r"(#+) (.*)", lines[0])
        if heading:
            level = min(len(heading.group(1)) + 2, 5)
            parts.append(f"<h{level}>{_inline(heading.group(2))}</h{level}>")
            lines = lines[1:]
        marker = re.match(r"(- |\d+\. )", lines[0]) if lines else None
        if marker:
            kind, pattern = ("ul", r"^- ") if marker.group(1) == "- " else ("ol", r"^\d+\. ")
            entries = re.split(pattern, "\n".join(lines), flags=re.MULTILINE)[1:]
            items = "".join(f"<li><p>{_inline(' '.join(entry.split()))}</p></li>" for entry in entries)
            parts.append(f"<{kind}>{items}</{kind}>")
        elif lines:
            parts.append(f"<p>{_inline(' '.join(lines))}</p>")
    return "".join(parts)


def _inline(text: str) -> str:
    """Render what stands inside a line; code is left as it is."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(
        f"<code>{html.escape(piece[1:-1])}</code>"
        if piece.startswith("`")
        else _emphasis(html.escape(piece, quote=False))
        for piece in pieces
    )


def _emphasis(text: str) -> str:
    text = re.sub(r"\[([^\]]+)\]\(([^)]+)\)", r'<a href="\2">\1</a>', text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    return re.sub(r"\*([^*]+)\*", r"<i>\1</i>", text)
