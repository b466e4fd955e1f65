"""Truth: GSLIB's cluster.dat, whose true mean is known; limits."""

from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.declustering import cell_weights, decluster
from hybrid_geostatistics.core.errors import InputError

CLUSTER = Path(__file__).resolve().parents[1] / "data" / "cluster.csv"


@pytest.fixture(scope="module")
def cluster():
    table = np.genfromtxt(CLUSTER, delimiter=",", names=True)
    return np.column_stack([table["x"], table["y"]]), table["v"]


def test_gslib_cluster(cluster):
    places, values = cluster
    assert values.mean() == pytest.approx(4.35043, rel=1e-5)
    # The weights in GSLIB's file, of 5 origins that do not count alike, give 2.52812 (and are rounded to 3 digits).
    of_file = cell_weights(places, 5.5, origins_alike=False)
    assert np.mean(of_file * values) == pytest.approx(2.52812, abs=5e-5)
    np.testing.assert_allclose(of_file[[0, 2, 10, 99, 120, 139]], [1.619, 1.416, 1.349, 0.499, 0.298, 0.252], atol=6e-4)
    # An independent cell declustering has its least mean at 5.25; truth: 2.580196.
    found = decluster(places, values, np.arange(1.0, 25.01, 0.25))
    assert (found.cell_size, found.mean) == (5.25, pytest.approx(2.51529, rel=1e-5))
    assert found.mean == pytest.approx(2.52812, rel=6e-3)
    by_itself = decluster(places, values)
    assert by_itself.mean == pytest.approx(2.580196, rel=0.05) and by_itself.weights.mean() == pytest.approx(1.0)


def test_clusters_in_low_values_raise_the_mean(cluster):
    places, values = cluster
    up, down = decluster(places, values), decluster(places, -values)
    assert down.mean == pytest.approx(-up.mean) and down.cell_size == up.cell_size


def test_limits(cluster):
    places, _ = cluster
    np.testing.assert_allclose(cell_weights(places, 0.01), 1.0)
    np.testing.assert_allclose(cell_weights(places, 1e6, 1), 1.0)
    square = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    np.testing.assert_allclose(cell_weights(square, 5.0), 1.0)


def test_what_cannot_be_declustered_is_refused():
    with pytest.raises(InputError, match="several locations"):
        decluster(np.ones((3, 2)), np.arange(3.0))
    with pytest.raises(InputError, match="above 0"):
        cell_weights(np.ones((3, 2)), 0.0)
