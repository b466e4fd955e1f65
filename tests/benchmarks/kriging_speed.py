"""CPU seconds of kriging (estimate and variance), beside R's gstat on the same work where R is installed.

Usage: OMP_NUM_THREADS=1 python tests/benchmarks/kriging_speed.py [--no-peer] [row ...]

Each row is samples, neighbours (0: all), cells a side and model, for example ``10000,32,1000,spherical``.
gstat runs a coarser grid of the same extent and its time is scaled to the cells of ours, which suits it:
its cost a cell does not grow with the grid. Ours includes fitting, and loading the compiled kernels.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
ROWS = (
    "155,0,1000,spherical",
    "155,0,1000,exponential",
    "1000,0,500,spherical",
    "1000,0,500,exponential",
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


def ours(n_samples: int, n_neighbors: int, side: int, model: str) -> float:
    """Krige the whole grid block by block; return CPU seconds."""
    from hybrid_geostatistics.core.grid import RasterGrid
    from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
    from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
    from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel

    random = np.random.default_rng(1)
    coordinates, values = random.random((n_samples, 2)) * 1000.0, random.normal(size=n_samples)
    grid = RasterGrid((side, side), (0.0, 1000.0 / side, 0.0, 1000.0, 0.0, -1000.0 / side))
    variogram = VariogramModel(0.1, (Structure(model, 0.9, 300.0),))
    start = time.process_time()
    kriging = fit_kriging(coordinates, values, variogram, Neighborhood(n_neighbors or None))
    for block in grid.blocks(256):
        kriging.predict_grid(grid, block)
    return time.process_time() - start


def gstat(n_samples: int, n_neighbors: int, side: int, model: str) -> float:
    """Return gstat's CPU seconds, scaled from a grid of at most 22,500 cells."""
    coarse = min(side, 150 if n_neighbors or n_samples < 500 else 60)
    arguments = [str(n_samples), str(n_neighbors), str(coarse), model]
    done = subprocess.run(["Rscript", "-e", GSTAT, *arguments], check=True, capture_output=True, text=True, timeout=600)
    return float(done.stdout) * (side / coarse) ** 2


def main() -> None:
    """Print one line a row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", default=ROWS)
    parser.add_argument("--no-peer", action="store_true", help="leave gstat out")
    options = parser.parse_args()
    spec = importlib.util.spec_from_file_location(
        "hybrid_geostatistics", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    sys.modules["hybrid_geostatistics"] = importlib.util.module_from_spec(spec)
    print(f"{'samples':>8} {'neighbors':>9} {'cells':>8} {'model':<12} {'ours s':>8} {'gstat s':>8} {'ratio':>7}")
    for row in options.rows:
        n_samples, n_neighbors, side, model = row.split(",")
        work = int(n_samples), int(n_neighbors), int(side), model
        seconds = ours(*work)
        line = f"{work[0]:>8} {work[1] or 'all':>9} {work[2] ** 2:>8} {model:<12} {seconds:8.2f}"
        if shutil.which("Rscript") and not options.no_peer:
            peer = gstat(*work)
            line += f" {peer:8.1f} {peer / seconds:6.0f}x"
        print(line, flush=True)


if __name__ == "__main__":
    main()
