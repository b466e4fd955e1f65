"""Writes wells.csv and kt3d.csv from the test data of PyKrige, and cluster.csv from the example data of pygeostat.

    make_kt3d.py PYKRIGE PYGEOSTAT     (folders tests/test_data of one source archive, data/example_data of the other)

test1_answer.asc, test2_answer.asc and test3_answer.asc hold what KT3D_H2O gives on a grid, row by row from the
north; of the first two every ninth row and eleventh column is kept, of the third, with the drift of
test3_dem.asc, every eleventh row and nineteenth column.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.interpolate import RegularGridInterpolator

pykrige, pygeostat, here = Path(sys.argv[1]), Path(sys.argv[2]), Path(__file__).parent


def grid(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return values, rows from the north, and the eastings and northings of cell centres."""
    words = (pykrige / name).read_text().split("PROJECTION")[0].split()
    head = {key.lower(): float(value) for key, value in zip(words[:12:2], words[1:12:2])}
    n_columns, n_rows, size = int(head["ncols"]), int(head["nrows"]), head["cellsize"]
    values = np.array(words[12 : 12 + n_rows * n_columns], float).reshape(n_rows, n_columns)
    east = head["xllcorner"] + size * (np.arange(n_columns) + 0.5)
    return values, east, head["yllcorner"] + size * (n_rows - 0.5 - np.arange(n_rows))


def write(name: str, header: str, *columns: np.ndarray) -> None:
    """Write columns as CSV."""
    np.savetxt(here / name, np.column_stack(columns), "%.12g", delimiter=",", header=header, comments="")


row, column = (part.ravel() for part in np.mgrid[0:100:9, 0:100:11])
nodes = np.column_stack([1067275 + 50 * column, 241459 + 25 * (99 - row)])
answers = [
    np.array((pykrige / f"test{number}_answer.asc").read_text().split("PROJECTION")[0].split()[14:], float)
    for number in (1, 2)
]
write("kt3d.csv", "x,y,ordinary,linear_drift", nodes, *(answer.reshape(100, 100)[row, column] for answer in answers))

dem, east, north = grid("test3_dem.asc")
height = RegularGridInterpolator((north[::-1], east), dem[::-1])
wells = np.loadtxt(pykrige / "test_data.txt")
write("wells.csv", "x,y,v,height", wells, height(wells[:, 1::-1]))
answer, east, north = grid("test3_answer.asc")
row, column = (part.ravel() for part in np.mgrid[0 : len(north) : 11, 0 : len(east) : 19])
nodes = np.column_stack([east[column], north[row]])
write("kt3d_height.csv", "x,y,height,external_drift", nodes, height(nodes[:, ::-1]), answer[row, column])

cluster = np.loadtxt(pygeostat / "cluster.dat", skiprows=7)
write("cluster.csv", "x,y,v", cluster[:, :3])
