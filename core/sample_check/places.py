"""What there is to say about the places of samples: CRS, shared places, pattern and clusters.

Coordinates are of shape (n, 2): easting, northing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..declustering import decluster
from .columns import Column
from .findings import FEWEST_SAMPLES, NOTE, PROBLEM, WARNING, Finding, plural

CLUSTERED = 0.8
"""Below this nearest-neighbour index samples are called clustered."""


def about_number(n: int) -> list[Finding]:
    """Tell whether samples are few."""
    if n >= FEWEST_SAMPLES:
        return []
    return [
        Finding(
            WARNING,
            f"Only {plural(n, 'sample')}",
            f"A variogram of fewer than {FEWEST_SAMPLES} samples is little more than a guess.",
            "Add samples, or use a variogram known from a similar place.",
        )
    ]


def look_like_degrees(coordinates: np.ndarray) -> bool:
    """Return whether all coordinates, shape (n, 2 or more), could be longitudes and latitudes."""
    return bool((np.abs(coordinates[:, 0]) <= 180).all() and (np.abs(coordinates[:, 1]) <= 90).all())


def about_places(
    coordinates: np.ndarray, duplicates: Sequence[np.ndarray], crs_name: str, is_geographic: bool
) -> list[Finding]:
    """Tell of coordinates that are degrees or of unknown meaning, and of samples at (almost) one place.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2)
    duplicates : sequence of ndarray of int
        Rows of the samples at each place that several share.
    crs_name : str
        "" where the layer has none.
    is_geographic : bool
        Whether that CRS is in degrees.
    """
    findings = []
    if is_geographic:
        findings.append(
            Finding(
                PROBLEM,
                "Coordinates in degrees",
                f"The CRS {crs_name} is geographic: a degree is not the same length everywhere and in every direction.",
                "Reproject the layer (native:reprojectlayer), for instance to the UTM zone of the area.",
            )
        )
    elif not crs_name:
        findings.append(
            Finding(
                WARNING,
                "No CRS",
                "The layer does not say in which coordinates it is."
                + (" They look like degrees." if look_like_degrees(coordinates) else ""),
                "Assign the right CRS (native:assignprojection).",
            )
        )
    if duplicates:
        n_samples = sum(len(rows) for rows in duplicates)
        row = duplicates[0][0]
        findings.append(
            Finding(
                WARNING,
                f"{n_samples} samples share {plural(len(duplicates), 'location')}",
                f"The first: {len(duplicates[0])} samples at ({coordinates[row, 0]:.10g}, {coordinates[row, 1]:.10g}). "
                "Kriging has no unique solution for two values at one place; the other algorithms average them unless "
                "told otherwise.",
                "Are they repeated measurements? Average them (DUPLICATES). Are the coordinates wrong? Correct them.",
            )
        )
    close = _close_pairs(coordinates)
    if close:
        findings.append(
            Finding(
                NOTE,
                f"{plural(close, 'pair')} of samples almost at one place",
                "They lie closer than a hundredth of the median distance between neighbours.",
                "Check whether they are the same sample with rounded coordinates.",
            )
        )
    return findings


def _close_pairs(coordinates: np.ndarray) -> int:
    from scipy.spatial import cKDTree

    locations = np.unique(coordinates, axis=0)
    if len(locations) < 3:
        return 0
    tree = cKDTree(locations)
    nearest = tree.query(locations, k=2)[0][:, 1]
    return int(len(tree.query_pairs(0.01 * float(np.median(nearest)))))


def about_pattern(coordinates: np.ndarray, is_geographic: bool) -> tuple[float, list[Finding]]:
    """Tell whether the samples are clustered, by Clark and Evans' index.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2)
        Easting and northing.
    is_geographic : bool
        Degrees are not judged.

    Returns
    -------
    index : float
        Mean distance to the nearest other place over that of places drawn at random in the convex hull; NaN where it
        cannot be told: fewer than 10 places, or all on one line.
    findings : list of Finding

    References
    ----------
    Clark, P. J., Evans, F. C. (1954). Distance to nearest neighbor as a measure of spatial relationships in
    populations. Ecology 35, 445-453.
    """
    from scipy.spatial import ConvexHull, QhullError, cKDTree

    locations = np.unique(coordinates, axis=0)
    n = len(locations)
    if n < 10 or is_geographic:
        return np.nan, []
    try:
        area = ConvexHull(locations - locations.mean(axis=0)).volume  # of a 2-D hull, the volume is the area
    except QhullError:
        return np.nan, [
            Finding(NOTE, "All samples lie on one line", "A map needs samples on both sides of it.",
                    "Keep the extent of the map narrow.")  # fmt: skip
        ]
    nearest = cKDTree(locations).query(locations, k=2)[0][:, 1]
    index = float(nearest.mean() / (0.5 * np.sqrt(area / n)))
    z = float((nearest.mean() - 0.5 * np.sqrt(area / n)) / (0.26136 * np.sqrt(area) / n))
    if index < CLUSTERED and z < -1.96:
        return index, [
            Finding(
                NOTE,
                "The samples are clustered",
                f"Their nearest neighbours are {index:.2f} times as far away as for places drawn at random.",
                "Random cross-validation looks too good here: look at the spatial blocks, too. Means and histograms "
                "lean towards the clusters.",
            )
        ]
    return index, []


def about_clusters(coordinates: np.ndarray, parsed: Mapping[str, Column], is_clustered: bool) -> list[Finding]:
    """Tell what the mean of each field would be without clusters, where there are any or where it matters.

    Clusters in high values between regular samples do not show in distances to the nearest neighbour,
    but in the mean: it is told where declustering moves it by two standard errors and a tenth of itself.

    Parameters
    ----------
    coordinates : ndarray, shape (n_samples, 2)
    parsed : mapping of str to Column
        Fields by name, one value a sample.
    is_clustered : bool
        Whether `about_pattern` found clusters.
    """
    findings = []
    for name, column in parsed.items():
        known = np.isfinite(column.values)
        values = column.values[known]
        if len(values) < FEWEST_SAMPLES or np.ptp(values) == 0 or len(np.unique(coordinates[known], axis=0)) < 2:
            continue
        found = decluster(coordinates[known], values)
        change = abs(found.mean - values.mean())
        matters = change > 2.0 * values.std() / np.sqrt(len(values)) and change > 0.1 * abs(values.mean())
        if is_clustered or matters:
            findings.append(
                Finding(
                    NOTE,
                    f"{name}: declustered mean {found.mean:.4g}",
                    f"The plain mean is {values.mean():.4g}; cells of {found.cell_size:.3g} map units "
                    "take away what the clusters weigh too much.",
                    "Take the declustered one as the mean of the area, and as the known mean of simple kriging.",
                )
            )
    return findings
