"""Collar, survey and assay tables to holes; what is wrong in them is listed row by row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError
from ..sample_check.columns import CENSORED, below_detection, parse_column
from .composites import Intervals
from .desurvey import Trajectory, directions

VERTICAL = -90.0
"""Dip of a hole nobody surveyed."""


@dataclass(frozen=True)
class Problem:
    """A row that could not be used as it stands.

    Parameters
    ----------
    table : str
        "collars", "surveys" or "assays".
    row : int
        From 1; 0 for a whole hole.
    hole : str
    what : str
        What was found and what became of the row.
    """

    table: str
    row: int
    hole: str
    what: str


@dataclass(frozen=True)
class Collars:
    """The collar table, a row a hole.

    Parameters
    ----------
    holes : sequence
        Names.
    coordinates : ndarray, shape (n, 3)
        Easting, northing, elevation; NaN where unknown.
    azimuths, dips : sequence or None
        Direction at the collar, for holes without survey; None: they are vertical.
    depths : sequence or None
        Final depths; None: not known.
    """

    holes: Sequence[Any]
    coordinates: np.ndarray
    azimuths: Sequence[Any] | None = None
    dips: Sequence[Any] | None = None
    depths: Sequence[Any] | None = None


@dataclass(frozen=True)
class Surveys:
    """The survey table, a row a station: hole, depth, azimuth and dip in degrees."""

    holes: Sequence[Any]
    depths: Sequence[Any]
    azimuths: Sequence[Any]
    dips: Sequence[Any]


@dataclass(frozen=True)
class Assays:
    """The assay table, a row an interval.

    Parameters
    ----------
    holes, tops, bottoms : sequence
        Name, from and to.
    values : mapping of str to sequence
        Raw values of each field: numbers, texts like "<0.5", negative numbers for values below detection.
    domains : sequence or None
        What composites must not mix.
    """

    holes: Sequence[Any]
    tops: Sequence[Any]
    bottoms: Sequence[Any]
    values: Mapping[str, Sequence[Any]]
    domains: Sequence[Any] | None = None


@dataclass(frozen=True)
class Hole:
    """One hole: its name, path and assayed intervals."""

    name: str
    trajectory: Trajectory
    intervals: Intervals


@dataclass(frozen=True)
class DrillHoles:
    """Holes that can be composited, and what was found on the way.

    Parameters
    ----------
    holes : tuple of Hole
        In the order of the collar table.
    fields : tuple of str
    problems : tuple of Problem
    n_censored : dict of str to int
        Values below or above detection, by field.
    n_gaps : int
        Unassayed stretches between intervals of a hole.
    gap_length : float
    """

    holes: tuple[Hole, ...]
    fields: tuple[str, ...]
    problems: tuple[Problem, ...]
    n_censored: Mapping[str, int]
    n_gaps: int
    gap_length: float


def read_drill_holes(
    collars: Collars,
    surveys: Surveys | None,
    assays: Assays,
    censored: str = "half_limit",
    dips_are_positive_down: bool = False,
) -> DrillHoles:
    """Join the three tables.

    A row that cannot be used is left out and listed. Assays of the very same interval are averaged; an interval
    that overlaps an accepted one that begins higher up is left out. A negative assay means "below this limit",
    unless it is a code such as -999, which means missing.

    Parameters
    ----------
    collars : Collars
    surveys : Surveys or None
        None: the direction at the collar, or vertical.
    assays : Assays
    censored : str
        Out of `core.sample_check.CENSORED`: what becomes of values below or above detection.
    dips_are_positive_down : bool
        Whether the tables write 90 for a vertical hole; our own convention is -90.

    Returns
    -------
    DrillHoles

    Raises
    ------
    InputError
        When no hole has a collar and an assay.
    """
    if censored not in CENSORED:
        raise InputError(f"Expected a treatment of censored values out of {', '.join(CENSORED)}, got {censored!r}.")
    problems: list[Problem] = []
    sign = -1.0 if dips_are_positive_down else 1.0
    places = _read_collars(collars, sign, problems)
    stations = {} if surveys is None else _read_surveys(surveys, places, sign, problems)
    intervals, n_censored = _read_assays(assays, places, censored, problems)
    holes, n_gaps, gap_length = [], 0, 0.0
    for name, place in places.items():
        own = intervals.get(name)
        if own is None:
            problems.append(Problem("assays", 0, name, "No usable assay; the hole is left out."))
            continue
        if surveys is not None and name not in stations:
            problems.append(
                Problem("surveys", 0, name, f"No usable survey; taken as straight, dip {place.dip:g} degrees.")
            )
        depths, azimuths, dips = stations.get(name, (np.zeros(1), np.array([place.azimuth]), np.array([place.dip])))
        holes.append(Hole(name, Trajectory(place.coordinates, depths, directions(azimuths, dips)), own))
        gaps = own.tops[1:] - own.bottoms[:-1]
        n_gaps += int((gaps > 1e-9).sum())
        gap_length += float(gaps.sum())
        if place.depth is not None and own.bottoms[-1] > place.depth * (1 + 1e-9):
            problems.append(
                Problem(
                    "assays", 0, name,
                    f"Assayed down to {own.bottoms[-1]:g}, below the final depth of {place.depth:g}; kept.",
                )  # fmt: skip
            )
    if not holes:
        raise InputError(
            f"Expected holes with a collar and assays, got none out of {len(collars.holes)} collars and "
            f"{len(assays.holes)} assays. Check that the hole names agree"
            + (f"; first problem: {problems[0].table}, row {problems[0].row}: {problems[0].what}" if problems else ".")
        )
    return DrillHoles(tuple(holes), tuple(assays.values), tuple(problems), n_censored, n_gaps, gap_length)


@dataclass(frozen=True)
class _Collar:
    coordinates: np.ndarray
    azimuth: float
    dip: float
    depth: float | None


def _name(raw: Any) -> str:
    """Return a hole's name as text; 7 and 7.0 are the same hole."""
    if raw is None:
        return ""
    if isinstance(raw, (float, np.floating)) and float(raw).is_integer():
        raw = int(raw)
    return str(raw).strip()


def _read_collars(collars: Collars, sign: float, problems: list[Problem]) -> dict[str, _Collar]:
    coordinates = np.asarray(collars.coordinates, dtype=float)
    n = len(collars.holes)
    if coordinates.shape != (n, 3):
        raise InputError(f"Expected easting, northing and elevation of {n} collars, got shape {coordinates.shape}.")
    azimuths, dips, depths = (
        np.full(n, np.nan) if raw is None else parse_column(raw).values
        for raw in (collars.azimuths, collars.dips, collars.depths)
    )
    found: dict[str, _Collar] = {}
    for row, raw in enumerate(collars.holes):
        name, what = _name(raw), ""
        azimuth, dip = azimuths[row], sign * dips[row]
        if not name:
            what = "No hole name; left out."
        elif name in found:
            what = "A second collar of this hole; left out."
        elif not np.isfinite(coordinates[row]).all():
            what = "Easting, northing or elevation is missing or no number; the hole is left out."
        elif np.isfinite(dip) and abs(dip) > 90:
            what = f"Dip {dips[row]:g} is outside -90 to 90 degrees; the hole is left out."
        if what:
            problems.append(Problem("collars", row + 1, name, what))
            continue
        known = np.isfinite(dip)
        found[name] = _Collar(
            coordinates[row],
            float(azimuth) if np.isfinite(azimuth) else 0.0,
            float(dip) if known else VERTICAL,
            float(depths[row]) if np.isfinite(depths[row]) else None,
        )
    return found


def _read_surveys(
    surveys: Surveys, places: Mapping[str, _Collar], sign: float, problems: list[Problem]
) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    depths, azimuths, dips = (
        parse_column(raw).values for raw in (surveys.depths, surveys.azimuths, surveys.dips)
    )
    rows: dict[str, dict[float, tuple[float, float]]] = {}
    for row, raw in enumerate(surveys.holes):
        name, depth, azimuth, dip = _name(raw), depths[row], azimuths[row], sign * dips[row]
        what = ""
        if name not in places:
            what = "No collar of this hole; left out."
        elif not np.isfinite(depth) or depth < 0:
            what = f"Depth {surveys.depths[row]!r} is not a number of 0 or above; left out."
        elif not np.isfinite(dip) or abs(dip) > 90:
            what = f"Dip {surveys.dips[row]!r} is not a number from -90 to 90; left out."
        elif abs(dip) < 90 and (not np.isfinite(azimuth) or not -360 <= azimuth <= 360):
            what = f"Azimuth {surveys.azimuths[row]!r} is not a number from 0 to 360; left out."
        elif depth in rows.get(name, {}):
            what = f"A second station at depth {depth:g}; left out."
        if what:
            problems.append(Problem("surveys", row + 1, name, what))
            continue
        if dip > 0:
            problems.append(
                Problem("surveys", row + 1, name, f"The hole goes up here (dip {dip:g}); are dips positive downward?")
            )
        rows.setdefault(name, {})[float(depth)] = (float(azimuth) if np.isfinite(azimuth) else 0.0, float(dip))
    found = {}
    for name, stations in rows.items():
        ordered = sorted(stations.items())
        angles = np.array([angle for _, angle in ordered])
        found[name] = np.array([depth for depth, _ in ordered]), angles[:, 0], angles[:, 1]
    return found


def _read_assays(
    assays: Assays, places: Mapping[str, _Collar], censored: str, problems: list[Problem]
) -> tuple[dict[str, Intervals], dict[str, int]]:
    if not assays.values:
        raise InputError("Expected at least one assayed field, got none. Choose one.")
    tops, bottoms = parse_column(assays.tops).values, parse_column(assays.bottoms).values
    columns = {name: below_detection(parse_column(raw)) for name, raw in assays.values.items()}
    values = np.column_stack([column.filled(censored) for column in columns.values()])
    usable: dict[str, list[int]] = {}
    for row, raw in enumerate(assays.holes):
        name, what = _name(raw), ""
        top, bottom = tops[row], bottoms[row]
        if name not in places:
            what = "No usable collar of this hole; left out."
        elif not (np.isfinite(top) and np.isfinite(bottom)):
            what = f"From {assays.tops[row]!r} to {assays.bottoms[row]!r} are not numbers; left out."
        elif top < 0 or bottom <= top:
            what = f"From {top:g} to {bottom:g} is no interval down the hole; left out."
        if what:
            problems.append(Problem("assays", row + 1, name, what))
        else:
            usable.setdefault(name, []).append(row)
        for field, column in columns.items():
            if column.is_not_numeric[row]:
                problems.append(
                    Problem("assays", row + 1, name, f"{field}: {assays.values[field][row]!r} is no number; missing.")
                )
    found = {
        name: _ordered(name, rows, tops, bottoms, values, assays.domains, problems) for name, rows in usable.items()
    }
    return found, {name: int(column.is_censored.sum()) for name, column in columns.items()}


def _ordered(
    name: str,
    rows: list[int],
    tops: np.ndarray,
    bottoms: np.ndarray,
    values: np.ndarray,
    domains: Sequence[Any] | None,
    problems: list[Problem],
) -> Intervals:
    """Sort one hole's intervals; average repeated ones, leave out those that overlap."""
    rows = sorted(rows, key=lambda row: (tops[row], bottoms[row], row))
    kept: list[list[int]] = []
    for row in rows:
        last = kept[-1][0] if kept else None
        if last is not None and tops[row] == tops[last] and bottoms[row] == bottoms[last]:
            kept[-1].append(row)
            problems.append(Problem("assays", row + 1, name, f"Repeats row {last + 1}; the two are averaged."))
        elif last is not None and tops[row] < bottoms[last] - 1e-9:
            problems.append(
                Problem(
                    "assays", row + 1, name,
                    f"From {tops[row]:g} to {bottoms[row]:g} overlaps row {last + 1} "
                    f"({tops[last]:g} to {bottoms[last]:g}); left out.",
                )  # fmt: skip
            )
        else:
            kept.append([row])
    means = []
    for together in kept:
        own = values[together]
        n_known = np.isfinite(own).sum(axis=0)
        means.append(np.where(n_known > 0, np.nansum(own, axis=0) / np.maximum(n_known, 1), np.nan))
    first = [together[0] for together in kept]
    # Depths that differ by rounding only are the same depth.
    top = np.maximum(tops[first], np.append(-np.inf, bottoms[first][:-1]))
    return Intervals(top, bottoms[first], np.array(means), None if domains is None else [domains[r] for r in first])
