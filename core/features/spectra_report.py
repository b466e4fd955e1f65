"""The page and the table that say what principal components are made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..report.charts import xy_chart
from ..report.drawing import Line
from ..report.page import Section, figures, page, table
from ..report.row_charts import horizontal_bars
from .spectra import PrincipalComponents, component_names

_DRAWN = 4
"""Components whose loadings are drawn together; more lines cannot be told apart."""


def components_page(components: PrincipalComponents, title: str, provenance: Mapping[str, object]) -> str:
    """Return the report as an HTML page.

    Parameters
    ----------
    components : PrincipalComponents
    title : str
        Name of the raster.
    provenance : mapping
        What made the page.
    """
    names = component_names(components)
    total = float(components.explained.sum())
    shares = components.variances / components.variances.sum()
    shown = min(len(shares), max(10, components.n_components))
    facts = [
        ("bands", str(len(components.bands))),
        ("components", str(components.n_components)),
        ("of the variance explained", f"{100 * total:.1f} %"),
        ("pixels with a value in every band", f"{components.n_pixels:,}"),
    ]
    numbers = np.arange(1, len(components.bands) + 1).tolist()
    explained = [
        [f"PC{i + 1}", float(components.variances[i]), 100 * float(shares[i]), 100 * float(shares[: i + 1].sum())]
        for i in range(shown)
    ]
    sections = [
        Section(
            "Explained variance",
            [
                horizontal_bars(
                    "Share of the variance", [f"PC{i + 1}" for i in range(shown)], (100 * shares[:shown]).tolist(),
                    x_label="%", colors=[0 if i < components.n_components else 1 for i in range(shown)],
                ),
                table(
                    ["component", "variance", "share, %", "together, %"], explained, digits=4,
                    highlight=range(components.n_components),
                ),
            ],
        ),
        Section(
            "Loadings",
            [
                xy_chart(
                    "Weight of each band", "band", "loading",
                    [
                        Line(numbers, components.loadings[:, i].tolist(), names[i], i)
                        for i in range(min(_DRAWN, components.n_components))
                    ],
                ),
                table(
                    ["band", "mean", "divided by", *names],
                    [
                        [band, float(mean), float(scale), *(float(loading) for loading in loadings)]
                        for band, mean, scale, loadings in zip(
                            components.bands, components.mean, components.scale, components.loadings
                        )
                    ],
                    digits=4,
                ),
            ],
        ),
    ]  # fmt: skip
    summary = [
        f"{components.n_components} of {len(components.bands)} components hold {100 * total:.1f} % of the variance.",
        figures(facts),
    ]
    return page(f"Principal components: {title}", "", summary, sections, provenance)


def loadings_table(components: PrincipalComponents) -> str:
    """Return bands, means, scales and loadings as CSV, one row a band."""
    lines = [",".join(["band", "mean", "scale", *component_names(components)])]
    for band, mean, scale, loadings in zip(
        components.bands, components.mean, components.scale, components.loadings
    ):
        quoted = '"' + band.replace('"', '""') + '"'
        lines.append(",".join([quoted, *(repr(float(number)) for number in (mean, scale, *loadings))]))
    return "\n".join(lines) + "\n"
