"""Real samples that tests of the core share."""

from pathlib import Path

import numpy as np
import pytest

MEUSE = Path(__file__).resolve().parents[1] / "data" / "meuse.csv"


@pytest.fixture(scope="session")
def meuse():
    """Coordinates, log zinc and sqrt of the distance to the river."""
    rows = np.genfromtxt(MEUSE, delimiter=",", names=True)
    return np.column_stack([rows["x"], rows["y"]]), np.log(rows["zinc"]), np.sqrt(rows["dist"])
