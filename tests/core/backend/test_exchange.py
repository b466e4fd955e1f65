"""What crosses between two Pythons comes back as it was.

Truth: two roads - packed and unpacked, through a file and back.
"""

import numpy as np
import pytest
from hybrid_geostatistics.core.backend import exchange
from hybrid_geostatistics.core.samples import Covariates, Samples

COVARIATES = Covariates(("dist", "Böden"), np.array([[0.5, 2], [1.5, 3], [2.5, 2]]), (False, True))


def samples(covariates=COVARIATES, holes=("a", "a", "b"), n_dimensions=2):
    coordinates = np.arange(3.0 * n_dimensions).reshape(3, n_dimensions)
    holes = None if holes is None else np.array(holes, dtype=object)
    return Samples(coordinates, [[1, 10], [2, 20], [3, 30.5]], ("zinc", "lead"), "EPSG:28992", covariates, holes)


@pytest.mark.parametrize("covariates", [None, COVARIATES], ids=["bare", "covariates"])
@pytest.mark.parametrize("holes", [None, ("a", "a", "b")], ids=["no holes", "holes"])
@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_samples_survive(tmp_path, covariates, holes, n_dimensions):
    given = samples(covariates, holes, n_dimensions)
    content, arrays = exchange.pack_samples(given)
    exchange.write_arrays(tmp_path / "a.npz", arrays)
    found = exchange.unpack_samples(exchange.plain(content), exchange.read_arrays(tmp_path / "a.npz"))
    np.testing.assert_array_equal(found.coordinates, given.coordinates)
    np.testing.assert_array_equal(found.values, given.values)
    assert (found.targets, found.crs) == (given.targets, given.crs)
    assert (found.covariates is None) == (covariates is None)
    if covariates is not None:
        np.testing.assert_array_equal(found.covariates.values, covariates.values)
        assert (found.covariates.names, found.covariates.categorical) == (covariates.names, covariates.categorical)
    assert (None if found.holes is None else tuple(found.holes)) == holes


def test_arrays_appear_whole(tmp_path):
    exchange.write_arrays(tmp_path / "a.npz", {"a": np.arange(3), "words": np.array(["x", "yz"])})
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]
    assert exchange.read_arrays(tmp_path / "a.npz")["words"].tolist() == ["x", "yz"]
    assert exchange.read_arrays(tmp_path / "none.npz") == {}


def test_objects_are_neither_written_nor_read(tmp_path):
    with pytest.raises(TypeError, match="array 'a'"):
        exchange.write_arrays(tmp_path / "a.npz", {"a": np.array([object()])})
    np.savez(tmp_path / "b.npz", a=np.array([object()]))
    with pytest.raises(ValueError, match="allow_pickle"):
        exchange.read_arrays(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        ({1: (np.int64(2), None)}, {"1": [2, None]}),
        (
            COVARIATES,
            {
                "names": ["dist", "Böden"],
                "values": [[0.5, 2], [1.5, 3], [2.5, 2]],
                "categorical": [False, True],
                "origins": [None, None],
            },
        ),
    ],
)
def test_plain_values(value, expected):
    found = exchange.plain(value)
    assert found == expected
    assert type(found) is type(expected)


def test_what_json_cannot_hold_is_named():
    with pytest.raises(TypeError, match="got complex"):
        exchange.plain({"a": [1j]})
