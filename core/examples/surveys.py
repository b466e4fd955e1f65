"""What is measured on the synthetic deposit: drill holes, magnetics, chargeability and reflectance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..drillholes.desurvey import Trajectory, directions
from ..geochemistry.rare_earths import LANTHANIDES
from ..grid import Block, RasterGrid
from .deposit import DEEPEST, MAJORS, SIZE, SOUTH, WEST, Deposit

CRS = "EPSG:32735"
CELL = 10.0
"""Side of the cells of what is measured at the surface, metres."""
WAVELENGTHS = np.linspace(0.45, 2.45, 60)
"""Of the reflectance bands, micrometres."""
DETECTION_LIMITS = {"Tb": 0.1, "Ho": 0.1, "Tm": 0.1, "Yb": 0.2, "Lu": 0.1}
"""mg/kg; below it a laboratory writes minus the limit."""


@dataclass(frozen=True)
class Tables:
    """Collar, survey and assay tables, columns by name."""

    collars: dict[str, list]
    surveys: dict[str, list]
    assays: dict[str, list]


def drill(deposit: Deposit, n_fences: int = 10, holes_a_fence: int = 9) -> Tables:
    """Drill inclined holes on fences across the formation and assay them.

    Holes deviate, intervals are 1 to 3 m long, some core is lost. Rare earths sit in grains and veinlets: an
    interval's differ by 35 % from what the place has on average (a nugget). Assays have errors of 4 % and limits of
    detection.

    Parameters
    ----------
    deposit : Deposit
    n_fences, holes_a_fence : int

    Returns
    -------
    Tables
        Depths in metres, majors in per cent, rare earths in ppm.
    """
    rng = np.random.default_rng([deposit.seed, 30])
    collars: dict[str, list] = {name: [] for name in ("hole", "easting", "northing", "elevation", "depth")}
    surveys: dict[str, list] = {name: [] for name in ("hole", "depth", "azimuth", "dip")}
    columns = [*(f"{name}_pct" for name in MAJORS), *(f"{name}_ppm" for name in LANTHANIDES)]
    assays: dict[str, list] = {name: [] for name in ("hole", "from", "to", *columns)}
    for fence in range(n_fences):
        for number in range(holes_a_fence):
            name = f"H{fence + 1}{number + 1:02d}"
            east = WEST + SIZE[0] * (fence + 0.5 + rng.uniform(-0.15, 0.15)) / n_fences
            north = SOUTH + SIZE[1] * (number + 0.5 + rng.uniform(-0.25, 0.25)) / holes_a_fence
            place = [east, north, float(deposit.surface(np.array([east]), np.array([north]))[0])]
            length = float(rng.uniform(100.0, DEEPEST - 20.0))
            stations = np.arange(0.0, length, 30.0)
            azimuth = rng.choice([168.0, 348.0]) + rng.normal(0.0, 2.0) + np.cumsum(rng.normal(0.0, 0.6, len(stations)))
            dip = rng.uniform(-70.0, -55.0) + np.cumsum(rng.normal(0.15, 0.4, len(stations)))
            _append(collars, hole=[name], easting=[place[0]], northing=[place[1]], elevation=[place[2]], depth=[length])
            _append(
                surveys, hole=[name] * len(stations), depth=stations.tolist(),
                azimuth=np.round(azimuth % 360.0, 1).tolist(), dip=np.round(dip, 1).tolist(),
            )  # fmt: skip
            path = Trajectory(np.array(place), stations, directions(azimuth, dip))
            _assay(deposit, name, path, length, assays, rng)
    for table in (collars, surveys):
        for key in ("easting", "northing", "elevation", "depth"):
            if key in table:
                table[key] = np.round(table[key], 2).tolist()
    return Tables(collars, surveys, assays)


def _append(table: dict[str, list], **columns: list) -> None:
    for name, values in columns.items():
        table[name] += values


def _assay(
    deposit: Deposit, name: str, path: Trajectory, length: float, assays: dict[str, list], rng: np.random.Generator
) -> None:
    edges = np.append(0.0, np.cumsum(rng.choice([1.0, 1.5, 2.0, 3.0], int(length) + 1)))
    edges = edges[edges <= length]
    kept = rng.uniform(size=len(edges) - 1) > 0.02  # lost core
    tops, bottoms = edges[:-1][kept], edges[1:][kept]
    # The mean over an interval by Gauss-Legendre points.
    nodes, weights = np.polynomial.legendre.leggauss(3)
    depths = (0.5 * (tops + bottoms))[:, None] + 0.5 * (bottoms - tops)[:, None] * nodes
    rock = deposit.rock(path.at(depths.ravel())[0])
    _append(assays, hole=[name] * len(tops), **{"from": tops.tolist(), "to": bottoms.tolist()})
    nugget = np.exp(rng.normal(-0.5 * 0.35**2, 0.35, len(tops)))  # its mean is 1
    for element, unit, values, scatter in [
        *((element, "pct", rock.majors[element], 1.0) for element in MAJORS),
        *((element, "ppm", rock.rare_earths[element], nugget) for element in LANTHANIDES),
    ]:
        mean = values.reshape(depths.shape) @ (0.5 * weights)
        measured = mean * scatter * np.exp(rng.normal(-0.5 * 0.04**2, 0.04, len(mean)))
        limit = DETECTION_LIMITS.get(element, 0.0)
        assays[f"{element}_{unit}"] += [
            -limit if value < limit else float(f"{value:.4g}") for value in measured.tolist()
        ]


def surface_grid(cell: float = CELL) -> RasterGrid:
    """Return the grid of what is measured at the surface."""
    shape = round(SIZE[1] / cell), round(SIZE[0] / cell)
    return RasterGrid(shape, (WEST, cell, 0.0, SOUTH + SIZE[1], 0.0, -cell), CRS)


def _centres(grid: RasterGrid) -> np.ndarray:
    return grid.centers(Block(0, 0, *grid.shape))


def _below(deposit: Deposit, grid: RasterGrid, depth: float) -> np.ndarray:
    """Return places at a depth below the ground, cell by cell."""
    centres = _centres(grid)
    return np.column_stack([centres, deposit.surface(centres[:, 0], centres[:, 1]) - depth])


def geophysics(deposit: Deposit, grid: RasterGrid | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return magnetics and chargeability: what lies down to 100 m, blurred more the deeper it lies, with noise.

    A sketch of the physics: weights fall with depth and the blur widens with it, as upward continuation does.

    Parameters
    ----------
    deposit : Deposit
    grid : RasterGrid or None

    Returns
    -------
    magnetics : ndarray, shape (n_rows, n_columns)
        Anomaly of the total field, nanotesla.
    chargeability : ndarray, shape (n_rows, n_columns)
        Millivolt a volt.
    """
    from scipy.ndimage import gaussian_filter

    grid = surface_grid() if grid is None else grid
    rng = np.random.default_rng([deposit.seed, 40])
    magnetics, chargeability, total = np.zeros(grid.shape), np.zeros(grid.shape), 0.0
    for depth in (10.0, 30.0, 60.0, 100.0):
        rock, weight = deposit.rock(_below(deposit, grid, depth)), np.exp(-depth / 60.0)
        blur = 0.6 * depth / grid.transform[1]
        magnetics += weight * gaussian_filter(rock.iron.reshape(grid.shape), blur)
        chargeability += weight * gaussian_filter(rock.alteration.reshape(grid.shape), blur)
        total += weight
    return (
        4000.0 * magnetics / total - 400.0 + rng.normal(0.0, 25.0, grid.shape),
        3.0 + 40.0 * chargeability / total + rng.normal(0.0, 0.8, grid.shape),
    )


def reflectance(deposit: Deposit, grid: RasterGrid | None = None) -> np.ndarray:
    """Return reflectance of the ground in 60 bands: a mixture of minerals, shaded, with 1 % of noise.

    Parameters
    ----------
    deposit : Deposit
    grid : RasterGrid or None

    Returns
    -------
    ndarray, shape (60, n_rows, n_columns)
        From 0 to 1, float32.
    """
    grid = surface_grid() if grid is None else grid
    rng = np.random.default_rng([deposit.seed, 50])
    rock = deposit.rock(_below(deposit, grid, 0.5))
    ore = rock.total_rare_earths / 1e4
    shares = np.column_stack([rock.iron, rock.chert + rock.quartzite, rock.shale, 0.5 * rock.alteration])
    shares /= shares.sum(axis=1, keepdims=True)
    spectra = np.array([
        0.32 * _absorption([(0.53, 0.08, 0.6), (0.87, 0.09, 0.45)]) * (0.6 + 0.2 * WAVELENGTHS),  # iron oxide
        0.62 * _absorption([(1.93, 0.04, 0.08)]),  # quartz
        0.45 * _absorption([(1.41, 0.03, 0.25), (1.91, 0.04, 0.3), (2.21, 0.03, 0.35)]),  # clay
        0.55 * _absorption([(1.91, 0.04, 0.15), (2.33, 0.04, 0.45)]),  # carbonate
    ])  # fmt: skip
    # Neodymium's absorptions deepen with the rare earths of the ground.
    neodymium = np.exp(-np.minimum(ore, 3.0)[:, None] * (1.0 - _absorption([(0.58, 0.02, 0.1), (0.74, 0.02, 0.12),
                                                                            (0.80, 0.02, 0.12)])))  # fmt: skip
    shade = 1.0 + 0.08 * rng.normal(size=(len(shares), 1))
    cube = shade * (shares @ spectra) * neodymium + 0.01 * rng.normal(size=(len(shares), len(WAVELENGTHS)))
    return np.clip(cube, 0.0, 1.0).astype(np.float32).T.reshape(len(WAVELENGTHS), *grid.shape)


def _absorption(features: list[tuple[float, float, float]]) -> np.ndarray:
    """Return a continuum of 1 with absorptions of given centres, widths (micrometres) and depths."""
    spectrum = np.ones(len(WAVELENGTHS))
    for centre, width, depth in features:
        spectrum *= 1.0 - depth * np.exp(-0.5 * ((WAVELENGTHS - centre) / width) ** 2)
    return spectrum


def is_known(deposit: Deposit, places: np.ndarray) -> np.ndarray:
    """Return which places lie in the ground, at most `DEEPEST` below it, shape (n,).

    Parameters
    ----------
    deposit : Deposit
    places : ndarray, shape (n, 3)
    """
    ground = deposit.surface(places[:, 0], places[:, 1])
    return (places[:, 2] <= ground) & (places[:, 2] >= ground - DEEPEST)


def total_rare_earths(deposit: Deposit, places: np.ndarray) -> np.ndarray:
    """Return the true sum of rare earths at places.

    Parameters
    ----------
    deposit : Deposit
    places : ndarray, shape (n, 3)

    Returns
    -------
    ndarray, shape (n,)
        mg/kg; NaN above the ground and more than `DEEPEST` below it.
    """
    inside = is_known(deposit, places)
    found = np.full(len(places), np.nan)
    if inside.any():
        found[inside] = deposit.rock(places[inside]).total_rare_earths
    return found
