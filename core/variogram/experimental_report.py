"""What an exploration of spatial structure leaves: a table of lags and a page of plots."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from ..report.charts import xy_chart
from ..report.drawing import COLORS, Layer, Level, Line, Points
from ..report.maps import heat_map
from ..report.markup import rounded
from ..report.page import Section, bullets, figures, note, page, paragraph, table
from .cloud import VariogramCloud, VariogramMap
from .experimental import ExperimentalVariogram
from .report import ESTIMATOR_NAMES

COLUMNS = ("azimuth", "dip", "tolerance", "bandwidth", "lag", "semivariance", "pairs", "estimator")
"""Of the table; the first four are empty where a row is of all directions."""

FEW_PAIRS = 30
"""Lags with fewer pairs say little (Journel & Huijbregts 1978)."""

MAPPED_PAIRS = 5
"""Cells of the variogram map with fewer pairs are left empty in its plot."""

DRAWN_POINTS = 2000
"""Pairs of the cloud in its plot, which stays quick to open."""


def variogram_table(variograms: Sequence[ExperimentalVariogram]) -> str:
    """Return experimental variograms as CSV, a row a lag, with the columns `COLUMNS`.

    Examples
    --------
    >>> one = ExperimentalVariogram(np.array([2.5]), np.array([0.5]), np.array([4]), "matheron", 5.0)
    >>> print(variogram_table([one]))
    azimuth,dip,tolerance,bandwidth,lag,semivariance,pairs,estimator
    ,,,,2.5,0.5,4,matheron
    <BLANKLINE>
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for found in variograms:
        direction = found.direction
        which: list[object] = ["", "", "", ""]
        if direction is not None:
            bandwidth = "" if direction.bandwidth is None else direction.bandwidth
            which = [direction.azimuth, direction.dip, direction.tolerance, bandwidth]
        for lag, semivariance, count in zip(found.lags, found.semivariances, found.pair_counts):
            writer.writerow([*which, float(lag), float(semivariance), int(count), found.estimator])
    return file.getvalue()


def experimental_page(
    omnidirectional: ExperimentalVariogram,
    directional: Sequence[ExperimentalVariogram],
    cloud: VariogramCloud,
    lag_map: VariogramMap,
    *,
    field: str,
    values: np.ndarray,
    scale: str = "",
    map_unit: str = "map units",
    provenance: Mapping[str, object] | None = None,
) -> str:
    """Write the report of an exploration.

    Parameters
    ----------
    omnidirectional : ExperimentalVariogram
    directional : sequence of ExperimentalVariogram
        Each with its direction; empty for none.
    cloud : VariogramCloud
    lag_map : VariogramMap
    field : str
        Name of the field.
    values : ndarray, shape (n_samples,)
        Transformed values, for their variance.
    scale : str
        `Transform.label`: how values were transformed.
    map_unit : str
        Of lags.
    provenance : mapping of str to object, or None
        Lines for the footer.

    Returns
    -------
    str
        A complete HTML document.
    """
    squared = f"squared {scale or 'data'} units"
    variance = float(np.var(values, ddof=1))
    summary = [
        *_summary(omnidirectional, variance, map_unit),
        *(paragraph(text) for text in _by_direction(directional, map_unit)),
        *(note(text, "warning") for text in remarks(omnidirectional, directional)),
    ]
    sections = [
        *_variogram_sections(omnidirectional, directional, variance, map_unit, squared),
        _map_section(lag_map, map_unit, squared),
        Section("Variogram cloud", [_cloud_chart(cloud, omnidirectional, map_unit, squared), _cloud_note(cloud)]),
        Section("Lags", [_lag_table([omnidirectional, *directional], map_unit, squared)]),
        Section(
            "Conventions",
            [
                bullets(
                    [
                        "The semivariance of two samples h apart is half their expected squared difference.",
                        "A lag holds the pairs farther apart than its lower end, up to and including its upper end; it "
                        "is drawn at their mean separation.",
                        f"Lags with fewer than {FEW_PAIRS} pairs say little.",
                    ]
                )
            ],
        ),
    ]
    described = f"{len(values)} samples" + (f", {scale} scale" if scale else "")
    described += f"; estimator: {ESTIMATOR_NAMES[omnidirectional.estimator]}"
    return page(f"Experimental variogram of {field}", described, summary, sections, dict(provenance or {}))


def _summary(omnidirectional: ExperimentalVariogram, variance: float, map_unit: str) -> list[str]:
    """Say how alike close and far samples are."""
    first, last = float(omnidirectional.semivariances[0]), float(omnidirectional.semivariances[-1])
    return [
        paragraph(
            f"Samples {rounded(float(omnidirectional.lags[0]))} {map_unit} apart have a semivariance of "
            f"{rounded(first)}, {_percent(first / variance)} % of the variance of all values; at "
            f"{rounded(float(omnidirectional.lags[-1]))} {map_unit} it is {_percent(last / variance)} %."
        ),
        figures(
            [
                ("Variance of the values", rounded(variance)),
                ("Pairs used", f"{int(omnidirectional.pair_counts.sum()):,}"),
                (f"Largest lag ({map_unit})", rounded(omnidirectional.max_lag)),
            ]
        ),
    ]


def _variogram_sections(
    omnidirectional: ExperimentalVariogram,
    directional: Sequence[ExperimentalVariogram],
    variance: float,
    map_unit: str,
    squared: str,
) -> list[Section]:
    """Draw the variogram of all directions, and those by direction where there are any."""
    level = Level(variance, "variance of the values")
    sections = [
        Section("All directions", [_chart("Semivariance by lag", [omnidirectional], level, map_unit, squared)])
    ]
    if directional:
        sections.append(
            Section(
                "By direction",
                [
                    _chart("Semivariance by lag and direction", directional, level, map_unit, squared),
                    "Azimuths are degrees clockwise from north, dips degrees downward. Where one direction rises more "
                    "slowly than the others, values are more continuous along it: the structure is anisotropic.",
                ],
            )
        )
    return sections


def _map_section(lag_map: VariogramMap, map_unit: str, squared: str) -> Section:
    """Draw the semivariances by lag vector, north up."""
    offsets = lag_map.offsets.tolist()
    return Section(
        "Variogram map",
        [
            heat_map(
                "Semivariance by lag vector",
                offsets,
                offsets[::-1],
                np.where(lag_map.pair_counts >= MAPPED_PAIRS, lag_map.semivariances, np.nan).tolist(),
                f"easting lag ({map_unit})",
                f"northing lag ({map_unit})",
                squared,
            ),
            "Every cell holds the pairs one of which lies so far east and north of the other. A long low band "
            f"through the middle shows the direction of largest continuity. Cells with fewer than {MAPPED_PAIRS} "
            "pairs are left empty.",
        ],
    )


def remarks(omnidirectional: ExperimentalVariogram, directional: Sequence[ExperimentalVariogram]) -> list[str]:
    """Return what a user should know before trusting the points, in sentences."""
    found = []
    for variogram in (omnidirectional, *directional):
        thin = int((variogram.pair_counts < FEW_PAIRS).sum())
        if thin:
            where = "All directions together" if variogram.direction is None else f"Azimuth {variogram.direction.name}"
            found.append(
                f"{where}: {thin} of {len(variogram.lags)} lags hold fewer than {FEW_PAIRS} pairs and say little."
            )
    if omnidirectional.share_of_pairs < 1:
        found.append(f"A random {100 * omnidirectional.share_of_pairs:.2g} % of all pairs was used.")
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _name(variogram: ExperimentalVariogram) -> str:
    return "all directions" if variogram.direction is None else variogram.direction.name


def _by_direction(directional: Sequence[ExperimentalVariogram], map_unit: str) -> list[str]:
    """Compare directions over the shorter half of the lags, weighted by pairs."""
    means = {}
    for variogram in directional:
        near = variogram.lags <= 0.5 * variogram.max_lag
        if variogram.pair_counts[near].sum() >= FEW_PAIRS:
            weights = variogram.pair_counts[near]
            means[_name(variogram)] = float(np.average(variogram.semivariances[near], weights=weights))
    if len(means) < 2:
        return []
    least, most = min(means, key=lambda name: means[name]), max(means, key=lambda name: means[name])
    reach = rounded(0.5 * directional[0].max_lag)
    return [
        f"Up to {reach} {map_unit} the mean semivariance is lowest along {least} ({rounded(means[least])}) and highest "
        f"along {most} ({rounded(means[most])})."
    ]


def _chart(
    title: str, variograms: Sequence[ExperimentalVariogram], level: Level, map_unit: str, squared: str
) -> str:
    """Draw experimental points, joined where there are several directions."""
    layers: list[Layer] = []
    several = len(variograms) > 1
    for color, variogram in enumerate(variograms):
        lags, semivariances = variogram.lags.tolist(), variogram.semivariances.tolist()
        if several:
            dashed = color >= len(COLORS)
            layers.append(Line(lags, semivariances, _name(variogram), color=color, dashed=dashed))
            layers.append(Points(lags, semivariances, color=color))
        else:
            counts = [str(count) for count in variogram.pair_counts]
            label = f"{_name(variogram)}, with the number of pairs"
            layers.append(Points(lags, semivariances, label, notes=counts, size=4.5))
    layers.append(level)
    return xy_chart(
        title,
        f"lag ({map_unit})",
        f"semivariance ({squared})",
        layers,
        x_from_zero=True,
        y_from_zero=True,
        width=760,
        height=400,
    )


def _cloud_chart(
    cloud: VariogramCloud, omnidirectional: ExperimentalVariogram, map_unit: str, squared: str
) -> str:
    """Draw single pairs, and the means on top."""
    step = -(-len(cloud.lags) // DRAWN_POINTS)
    return xy_chart(
        "Single pairs",
        f"lag ({map_unit})",
        f"half squared difference ({squared})",
        [
            Points(
                cloud.lags[::step].tolist(), cloud.semivariances[::step].tolist(), "pairs", size=1.8, opacity=0.35
            ),
            Points(
                omnidirectional.lags.tolist(), omnidirectional.semivariances.tolist(), "experimental variogram",
                color=1, size=4.5,
            ),
        ],
        x_from_zero=True,
        y_from_zero=True,
        width=760,
        height=400,
    )  # fmt: skip


def _cloud_note(cloud: VariogramCloud) -> str:
    step = -(-len(cloud.lags) // DRAWN_POINTS)
    drawn = len(cloud.lags[::step])
    share = "All" if drawn == cloud.n_pairs else f"{drawn:,} of"
    return (
        f"{share} {cloud.n_pairs:,} pairs up to the largest lag. Pairs high up at short lags are samples that differ "
        "from their neighbours: outliers, errors, or a boundary between them."
    )


def _lag_table(variograms: Sequence[ExperimentalVariogram], map_unit: str, squared: str) -> str:
    """List all lags."""
    rows = [
        [_name(variogram), float(lag), int(count), float(semivariance)]
        for variogram in variograms
        for lag, count, semivariance in zip(variogram.lags, variogram.pair_counts, variogram.semivariances)
    ]
    return table(["direction", f"mean lag ({map_unit})", "pairs", f"semivariance ({squared})"], rows, digits=4)
