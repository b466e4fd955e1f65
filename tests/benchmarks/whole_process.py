"""Whole processes side by side: `qgis_process run hybridgeo:ordinarykriging` and Rscript with gstat, from one file.

Usage: OMP_NUM_THREADS=1 python tests/benchmarks/whole_process.py [--samples N] [--side N] [--neighbors N] [--runs N]

Both read the same GeoPackage, krige the same cells from the nearest samples with the same variogram and write
estimate and variance as GeoTIFF. Printed are wall and CPU seconds and the peak memory of each run; the first run
of the plugin may compile its kernels, the later ones find them in the cache. Needs qgis_process, and R with
gstat, sf, sp and stars; PYTHON is one that has GDAL (QGIS's own).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

ROOT = Path(__file__).resolve().parents[2]
GSTAT = """
suppressMessages({library(gstat); library(sf); library(sp); library(stars)})
a <- commandArgs(TRUE); side <- as.integer(a[2])
d <- as(st_read(a[1], quiet = TRUE), "Spatial")
p <- SpatialPixels(SpatialPoints(expand.grid(x = (seq_len(side) - .5) * 1000 / side,
                                             y = (seq_len(side) - .5) * 1000 / side), proj4string = d@proj4string))
k <- krige(z~1, d, p, vgm(.9, "Sph", 300, .1), nmax = as.integer(a[3]), debug.level = 0)
for (band in 1:2) write_stars(st_as_stars(k[band]), file.path(a[4], paste0("r", band, ".tif")))
"""
VARIOGRAM = {
    "format": "hybridgeo-variogram",
    "version": 1,
    "nugget": 0.1,
    "structures": [{"model": "spherical", "psill": 0.9, "effective_range": 300.0}],
}


def write_samples(path: Path, n: int) -> None:
    """Write n random samples over 1000 x 1000 m."""
    random = np.random.default_rng(1)
    places, values = random.random((n, 2)) * 1000.0, random.normal(size=n)
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(32631)
    source = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = source.CreateLayer("samples", crs, ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("z", ogr.OFTReal))
    layer.StartTransaction()
    for (x, y), value in zip(places.tolist(), values.tolist()):
        feature = ogr.Feature(layer.GetLayerDefn())
        point = ogr.Geometry(ogr.wkbPoint)
        point.AddPoint_2D(x, y)
        feature.SetGeometry(point)
        feature["z"] = value
        layer.CreateFeature(feature)
    layer.CommitTransaction()


def measured(name: str, command: list[str], environment: dict[str, str]) -> float:
    """Run a command, print and return its CPU seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{name} failed: {done.stdout[-800:]}{done.stderr[-800:]}")
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{name:<22} wall {wall:6.1f} s  CPU {seconds:6.1f} s  peak so far {after.ru_maxrss / 1024:5.0f} MB", flush=True
    )
    return seconds


def main() -> None:
    """Run both, print their figures and the ratio of their CPU seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=1000, help="cells a side")
    parser.add_argument("--neighbors", type=int, default=32)
    parser.add_argument("--runs", type=int, default=2, help="runs of the plugin")
    parser.add_argument("--no-peer", action="store_true", help="leave gstat out")
    options = parser.parse_args()
    program = shutil.which("qgis_process.bin") or shutil.which("qgis_process")
    if program is None:
        sys.exit("qgis_process is not installed.")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_samples(folder / "samples.gpkg", options.samples)
        (folder / "variogram.json").write_text(json.dumps(VARIOGRAM))
        (folder / "plugins").mkdir()
        (folder / "plugins" / "hybrid_geostatistics").symlink_to(ROOT, target_is_directory=True)
        (folder / "runtime").mkdir(mode=0o700)
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "QT_QPA_PLATFORM": "offscreen",
            "QGIS_CUSTOM_CONFIG_PATH": str(folder / "config"),
            "QGIS_PLUGINPATH": str(folder / "plugins"),
            "XDG_RUNTIME_DIR": str(folder / "runtime"),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        subprocess.run([program, "plugins", "enable", "hybrid_geostatistics"], env=environment, capture_output=True)
        ours = [program, "run", "hybridgeo:ordinarykriging", "--", f"INPUT={folder / 'samples.gpkg'}", "FIELD=z"]
        ours += [f"VARIOGRAM={folder / 'variogram.json'}", "EXTENT=0,1000,0,1000 [EPSG:32631]"]
        ours += [f"CELL_SIZE={1000 / options.side}", f"MAX_NEIGHBORS={options.neighbors}"]
        ours += [f"ESTIMATE={folder / 'e.tif'}", f"KRIGING_VARIANCE={folder / 'v.tif'}"]
        for number in range(options.runs):
            seconds = measured(f"qgis_process, run {number + 1}", ours, environment)
        if options.no_peer or not shutil.which("Rscript"):
            return
        arguments = [str(folder / "samples.gpkg"), str(options.side), str(options.neighbors), str(folder)]
        theirs = measured("Rscript with gstat", ["Rscript", "-e", GSTAT, *arguments], environment)
        for ours_name, theirs_name in (("e", "r1"), ("v", "r2")):
            a, b = (gdal.Open(str(folder / f"{name}.tif")).ReadAsArray() for name in (ours_name, theirs_name))
            print(f"largest difference of {ours_name}.tif: {np.abs(a - b).max():.1e}")
        print(f"ratio of CPU seconds {theirs / seconds:.1f}")


if __name__ == "__main__":
    main()
