"""CPU seconds of kriging (estimate and variance), side by side with R's gstat, gstlearn and PyKrige.

Usage: OMP_NUM_THREADS=1 python tests/benchmarks/kriging_speed.py [--no-peer] [--gradient] [--peer-python PYTHON] [row]

Each row is samples, neighbours (0: all), cells a side, model and perhaps our tolerance, for example
``10000,32,1000,spherical`` or ``1000,0,500,exponential,1e-7``; the peers' figures of a row are used again for the
same row with another tolerance.
A peer that is not installed is left out (PYTHON is the interpreter that has the Python ones, by default this
one), and so is one that cannot do the work. Peers run a coarser grid of the same extent and their time, less
what they need before the first cell, is scaled to the cells of ours, which suits them: their cost a cell does
not grow with the grid. Ours includes fitting; kernels are compiled before (``--cold`` to count that too).
The last columns are the ratios of the best peer of the row to ours with numba and with numpy alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ROWS = (
    "155,0,1000,spherical",
    "155,0,1000,exponential",
    "1000,0,500,spherical",
    "1000,0,500,exponential",
    "1000,0,500,exponential,1e-7",
    "10000,32,1000,spherical",
    "100000,32,1000,spherical",
)
GSTAT = """
suppressMessages({library(gstat); library(sp)})
a <- commandArgs(TRUE); n <- as.integer(a[1]); k <- as.numeric(a[2]); g <- as.integer(a[3])
set.seed(1); d <- data.frame(x = runif(n) * 1000, y = runif(n) * 1000, z = rnorm(n)); coordinates(d) <- ~x+y
p <- expand.grid(x = (seq_len(g) - .5) * 1000 / g, y = (seq_len(g) - .5) * 1000 / g); coordinates(p) <- ~x+y
v <- if (a[4] == "exponential") vgm(.9, "Exp", 100, .1) else vgm(.9, "Sph", 300, .1)
t <- system.time(krige(z~1, d, p, v, nmax = if (k > 0) k else Inf, debug.level = 0))
cat(t[1] + t[2])
"""


PYTHON_PEER = """
import sys, time
import numpy as np
peer, n, k, side, model = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
random = np.random.default_rng(1)
places, values = random.random((n, 2)) * 1000.0, random.normal(size=n)
at = (np.arange(side) + 0.5) * 1000.0 / side
if peer == "pykrige":
    from pykrige.ok import OrdinaryKriging
    def krige(at):
        kriging = OrdinaryKriging(places[:, 0], places[:, 1], values, variogram_model=model,
                                  variogram_parameters={"psill": 0.9, "range": 300.0, "nugget": 0.1})
        kriging.execute("grid", at, at, **(dict(backend="C", n_closest_points=k) if k else dict(backend="vectorized")))
else:
    import gstlearn as gl
    samples = gl.Db()
    for name, column in (("x", places[:, 0]), ("y", places[:, 1]), ("z", values)):
        samples[name] = column
    samples.setLocators(["x", "y"], gl.ELoc.X)
    samples.setLocator("z", gl.ELoc.Z)
    variogram = gl.Model.createFromParam(gl.ECov.NUGGET, 1.0, 0.1)
    code = gl.ECov.SPHERICAL if model == "spherical" else gl.ECov.EXPONENTIAL
    variogram.addCovFromParam(code, 300.0, 0.9)
    variogram.setDriftIRF(0)
    def krige(at):
        step = at[1] - at[0]
        grid = gl.DbGrid.create([len(at), len(at)], [step, step], [at[0], at[0]])
        near = gl.NeighMoving.create(False, k, 1e9, 1, 1, k, useBallTree=True, leaf_size=10) if k \
            else gl.NeighUnique.create()
        if gl.kriging(samples, grid, variogram, near):
            sys.exit(1)
krige(at[:2])
start = time.process_time()
krige(at[:2])
before = time.process_time() - start
start = time.process_time()
krige(at)
print("seconds", max(time.process_time() - start - before, 0.0), before)
"""


def ours(
    n_samples: int, n_neighbors: int, side: int, model: str, tolerance: float | None = None, numpy_alone: bool = False,
    gradient: str = "",
) -> float:  # fmt: skip
    """Krige the whole grid block by block, or its gradient, "alone" or "beside" the estimate; return CPU seconds."""
    from hybrid_geostatistics.core.grid import RasterGrid
    from hybrid_geostatistics.core.kriging import compiled
    from hybrid_geostatistics.core.kriging.gradient import fit_gradient
    from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
    from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
    from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel

    random = np.random.default_rng(1)
    coordinates, values = random.random((n_samples, 2)) * 1000.0, random.normal(size=n_samples)
    grid = RasterGrid((side, side), (0.0, 1000.0 / side, 0.0, 1000.0, 0.0, -1000.0 / side))
    variogram = VariogramModel(0.1, (Structure(model, 0.9, 300.0),))
    options = {} if tolerance is None else {"tolerance": tolerance}
    compiled._broken[:] = ["left out"] if numpy_alone else []
    start = time.process_time()
    neighborhood = Neighborhood(n_neighbors or None)
    if gradient:
        slopes = fit_gradient(coordinates, values, variogram, neighborhood, **options)
        for block in grid.blocks(256):
            if gradient == "beside":
                slopes.predict_grid_with_estimate(grid, block, with_variance=False)
            else:
                slopes.predict_grid(grid, block, with_variance=False)
        return time.process_time() - start
    kriging = fit_kriging(coordinates, values, variogram, neighborhood, **options)
    for block in grid.blocks(256):
        kriging.predict_grid(grid, block)
    return time.process_time() - start


def gstat(n_samples: int, n_neighbors: int, side: int, model: str) -> float | None:
    """Return gstat's CPU seconds, scaled from a coarser grid; None where R or gstat is missing."""
    if not shutil.which("Rscript"):
        return None
    coarse = min(side, 150 if n_neighbors or n_samples < 500 else 60)
    arguments = [str(n_samples), str(n_neighbors), str(coarse), model]
    done = finished(["Rscript", "-e", GSTAT, *arguments], dict(os.environ))
    return None if done is None else float(done) * (side / coarse) ** 2


def finished(command: list[str], environment: dict[str, str]) -> str | None:
    """Return what a peer prints; None where it fails or takes more than a quarter of an hour."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, env=environment)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def python_peer(peer: str, python: str, n_samples: int, n_neighbors: int, side: int, model: str) -> float | None:
    """Return a Python library's CPU seconds, scaled from a coarser grid; None where it is missing or fails."""
    if peer == "pykrige" and n_samples > 20_000:
        return None  # Its matrix of all pairs does not fit the memory.
    # Large enough that what comes before the first cell does not drown the rest.
    if peer == "pykrige":
        coarse = 500 if n_samples < 500 or n_neighbors else 200
    else:
        coarse = 200 if n_samples < 500 and not n_neighbors else 60
    coarse = min(side, coarse)
    arguments = [peer, str(n_samples), str(n_neighbors), str(coarse), model]
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [python, "-c", PYTHON_PEER, *arguments]
    done = finished(command, one_thread)
    if done is None:
        return None
    seconds, before = (float(word) for word in done.split("seconds")[-1].split())
    return seconds * (side / coarse) ** 2 + before


def main() -> None:
    """Print one line a row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS)
    parser.add_argument("--no-peer", action="store_true", help="leave the peers out")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has gstlearn and PyKrige")
    parser.add_argument("--cold", action="store_true", help="count compiling or loading the kernels, too")
    parser.add_argument("--gradient", action="store_true", help="also time the gradient, alone and beside the estimate")
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location(
        "hybrid_geostatistics", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    sys.modules["hybrid_geostatistics"] = importlib.util.module_from_spec(spec)
    peers = {
        "gstat": gstat,
        "gstlearn": partial(python_peer, "gstlearn", options.peer_python),
        "pykrige": partial(python_peer, "pykrige", options.peer_python),
    }
    head = "".join(f" {f'{name} s':>10}" for name in ([] if options.no_peer else peers))
    print(
        f"{'samples':>8} {'neighbors':>9} {'cells':>8} {'model':<17} {'ours s':>8} {'numpy s':>8}{head} {'ratios':>7}"
    )
    measured: dict[tuple[int, int, int, str], list[float | None]] = {}
    for row in options.rows:
        n_samples, n_neighbors, side, model, *tolerances = row.split(",")
        work = int(n_samples), int(n_neighbors), int(side), model
        tolerance = float(tolerances[0]) if tolerances else None
        seconds = ours(*work, tolerance)
        if not options.cold:
            seconds = min(ours(*work, tolerance) for _ in range(3))
        alone = ours(*work, tolerance, numpy_alone=True)
        name = " ".join([model, *tolerances])
        line = f"{work[0]:>8} {work[1] or 'all':>9} {work[2] ** 2:>8} {name:<17} {seconds:8.3f} {alone:8.3f}"
        if options.gradient:
            ways = ("alone", "beside")
            slopes, beside = (min(ours(*work, tolerance, gradient=how) for _ in range(4)) for how in ways)
            line += f" gradient {slopes:8.3f} beside {beside:8.3f} adds {beside / seconds - 1.0:6.0%}"
        if not options.no_peer:
            if work not in measured:
                measured[work] = [peer(*work) for peer in peers.values()]
            line += "".join(f" {'-' if peer is None else format(peer, '.1f'):>10}" for peer in measured[work])
            known = [peer for peer in measured[work] if peer is not None]
            line += f" {min(known) / seconds:6.0f}x {min(known) / alone:4.0f}x" if known else ""
        print(line, flush=True)


if __name__ == "__main__":
    main()
