"""Truth: R's gstat on the same pairs (gstat_variograms.csv), rotations and reflections, definitions."""

from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.variogram.direction import Direction
from hybrid_geostatistics.core.variogram.experimental import experimental_variogram
from numpy.testing import assert_allclose, assert_array_equal

DATA = Path(__file__).resolve().parents[2] / "data"


@pytest.fixture(scope="module")
def gstat():
    """Return a function that gives pairs, lags and semivariances of a case and an azimuth."""
    lines = (DATA / "gstat_variograms.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(";") for line in lines[2:]]

    def numbers(case, azimuth=0.0):
        return np.array([row[1:4] for row in rows if row[0] == case and float(row[4]) == azimuth], dtype=float).T

    return numbers


@pytest.fixture(scope="module")
def deep(meuse):
    """Coordinates with elevations, as gstat_variograms.R makes them."""
    coordinates, log_zinc, root_distance = meuse
    return np.column_stack([coordinates, 3000 * root_distance**2 + np.arange(1, 156) / 1000]), log_zinc


def equal(found, expected):
    pairs, lags, semivariances = expected
    assert len(pairs) > 3
    assert_array_equal(found.pair_counts, pairs)
    assert_allclose(found.lags, lags, rtol=1e-9)  # its numbers have 12 digits
    assert_allclose(found.semivariances, semivariances, rtol=1e-9)


@pytest.mark.parametrize("azimuth", [0.0, 45.0, 90.0, 135.0])
def test_meuse_in_four_directions_equals_gstat(meuse, gstat, azimuth):
    found = experimental_variogram(*meuse[:2], direction=Direction(azimuth, tolerance=22.5))
    equal(found, gstat("directions", azimuth))


@pytest.mark.parametrize(("case", "estimator"), [("narrow", "matheron"), ("narrow, cressie", "cressie")])
def test_a_narrow_direction_equals_gstat(meuse, gstat, case, estimator):
    direction = Direction(30.0, tolerance=10.0)
    found = experimental_variogram(*meuse[:2], direction=direction, max_lag=1200, n_lags=12, estimator=estimator)
    equal(found, gstat(case, 30.0))


def test_given_edges_equal_gstat(meuse, gstat):
    equal(experimental_variogram(*meuse[:2], edges=[100, 150, 300, 700, 1500]), gstat("given edges"))


def test_vertical_equals_gstat(deep, gstat):
    """A vertical direction has no azimuth: gstat's tol.hor = 90."""
    found = experimental_variogram(*deep, direction=Direction(70.0, 90.0, 35.0), max_lag=1200, n_lags=12)
    equal(found, gstat("3-D, vertical"))


def test_horizontal_in_three_dimensions_equals_gstat(deep, gstat):
    """Our one tolerance holds for azimuth and dip; gstat's case has it twice."""
    found = experimental_variogram(*deep, direction=Direction(120.0, 0.0, 25.0), max_lag=1200, n_lags=12)
    equal(found, gstat("3-D, horizontal", 120.0))


def test_directions_share_out_the_pairs(meuse):
    """Theorem: four directions with 22.5 degrees hold every pair once (no lag vector lies on a border)."""
    whole = experimental_variogram(*meuse[:2])
    parts = [experimental_variogram(*meuse[:2], direction=Direction(azimuth)) for azimuth in (0, 45, 90, 135)]
    assert sum(part.pair_counts.sum() for part in parts) == whole.pair_counts.sum()


@pytest.mark.parametrize("turn", [17.0, 90.0, 244.0])
def test_turning_the_samples_turns_the_direction(meuse, turn):
    coordinates, log_zinc, _ = meuse
    angle = np.radians(turn)
    clockwise = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    before = experimental_variogram(coordinates, log_zinc, direction=Direction(30.0), max_lag=1500)
    centred = coordinates - coordinates.mean(axis=0)
    after = experimental_variogram(centred @ clockwise.T, log_zinc, direction=Direction(30.0 + turn), max_lag=1500)
    assert_array_equal(after.pair_counts, before.pair_counts)
    assert_allclose(after.semivariances, before.semivariances, rtol=1e-9)


def test_an_oblique_dip_points_down_along_the_azimuth_and_has_no_sense():
    steps = np.array([[1.0, 0.0, -1.0], [-1.0, 0.0, 1.0], [1.0, 0.0, 1.0], [-1.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    assert_array_equal(Direction(90.0, 45.0, 20.0).holds(steps), [True, True, False, False, True])
    assert_array_equal(Direction(270.0, 45.0, 20.0).holds(steps), [False, False, True, True, True])
    assert_allclose(Direction(90.0, 45.0).unit(3), [0.5**0.5, 0.0, -(0.5**0.5)], atol=1e-15)


def test_a_bandwidth_keeps_what_is_near_the_line():
    steps = np.array([[0.0, 10.0], [2.0, 10.0], [3.0, -10.0], [0.5, -1.0]])
    assert_array_equal(Direction(0.0, tolerance=45.0, bandwidth=2.5).holds(steps), [True, True, False, True])
    deep = np.array([[10.0, 0.0, 2.0], [10.0, 2.0, 2.0]])
    assert_array_equal(Direction(90.0, tolerance=45.0, bandwidth=2.5).holds(deep), [True, False])


def test_ninety_degrees_are_every_direction(deep):
    every = experimental_variogram(*deep, direction=Direction(10.0, 20.0, 90.0))
    assert_array_equal(every.semivariances, experimental_variogram(*deep).semivariances)


@pytest.mark.parametrize(("direction", "name"), [((5.0,), "005°"), ((-22.5,), "337.5°"), ((360.0, 12.0), "000°/12°")])
def test_name(direction, name):
    assert Direction(*direction).name == name


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"azimuth": np.nan}, "azimuth in degrees"),
        ({"azimuth": 0.0, "dip": 91.0}, "-90 to 90"),
        ({"azimuth": 0.0, "tolerance": 0.0}, "tolerance above 0"),
        ({"azimuth": 0.0, "bandwidth": 0.0}, "bandwidth above 0"),
    ],
)
def test_bad_numbers_are_named(arguments, message):
    with pytest.raises(InputError, match=message):
        Direction(**arguments)
