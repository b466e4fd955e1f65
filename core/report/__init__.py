"""Reports: self-contained HTML pages and the inline SVG charts in them."""
