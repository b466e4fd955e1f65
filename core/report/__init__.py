"""Reports: self-contained HTML pages and the inline SVG charts in them.

A ``page`` holds ``markup``, ``charts``, ``row_charts`` and ``maps``; these are drawn with ``axes`` and ``drawing``.
"""
