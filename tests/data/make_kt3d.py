"""Writes wells.csv and kt3d.csv from the test data of PyKrige (folder tests/test_data of its source archive).

    make_kt3d.py FOLDER

test1_answer.asc and test2_answer.asc hold what KT3D_H2O gives on a grid of 100 x 100 nodes, row by row from
the north; every ninth row and eleventh column is kept.
"""

import sys
from pathlib import Path

import numpy as np

folder, here = Path(sys.argv[1]), Path(__file__).parent
wells = np.loadtxt(folder / "test_data.txt")
np.savetxt(here / "wells.csv", wells, "%.10g", delimiter=",", header="x,y,v", comments="")
answers = [
    np.array((folder / f"test{number}_answer.asc").read_text().split("PROJECTION")[0].split()[14:], float)
    for number in (1, 2)
]
row, column = (part.ravel() for part in np.mgrid[0:100:9, 0:100:11])
nodes = np.column_stack([1067275 + 50 * column, 241459 + 25 * (99 - row)])
kept = [answer.reshape(100, 100)[row, column] for answer in answers]
np.savetxt(
    here / "kt3d.csv", np.column_stack([nodes, *kept]), "%.10g", delimiter=",",
    header="x,y,ordinary,linear_drift", comments="",
)  # fmt: skip
