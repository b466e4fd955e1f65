"""Minimum curvature. Truth: circles, straight lines, and the published formula."""

import numpy as np
import pytest
from hybrid_geostatistics.core.drillholes.desurvey import Trajectory, directions
from hybrid_geostatistics.core.errors import InputError


def test_stations_on_a_circle_give_the_circle():
    """A quarter circle of radius 100 in a vertical plane of azimuth 30, three unequal stations, any depth between."""
    radius, azimuth = 100.0, np.radians(30.0)
    angles = np.radians([0.0, 25.0, 90.0])
    trajectory = Trajectory(
        [1000.0, 2000.0, 50.0], radius * angles, directions(np.full(3, 30.0), np.degrees(angles) - 90.0)
    )
    depths = np.linspace(0.0, radius * np.pi / 2, 37)
    places, tangents = trajectory.at(depths)
    out, down = radius * (1 - np.cos(depths / radius)), radius * np.sin(depths / radius)
    expected = np.column_stack([1000 + out * np.sin(azimuth), 2000 + out * np.cos(azimuth), 50 - down])
    np.testing.assert_allclose(places, expected, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(tangents, axis=1), 1.0, atol=1e-14)


def test_straight_above_the_first_and_below_the_last_station():
    trajectory = Trajectory([0.0, 0.0, 0.0], [10.0, 20.0], directions(np.array([90.0, 90.0]), np.array([-60.0, -60.0])))
    places, _ = trajectory.at(np.array([0.0, 4.0, 15.0, 100.0]))
    expected = np.outer([0.0, 4.0, 15.0, 100.0], [0.5, 0.0, -np.sqrt(3) / 2])
    np.testing.assert_allclose(places, expected, atol=1e-12)


def test_published_formula():
    """The ratio factor of Sawaryn & Thorogood (2005), worked term by term in inclination and azimuth.

    Inclination 15 to 20 degrees from the vertical, azimuth 10 to 15, 100 units: ratio factor 2 / b tan(b / 2) with
    cos b = cos(5) - sin(15) sin(20) (1 - cos(5)).
    """
    turn = np.arccos(
        np.cos(np.radians(5)) - np.sin(np.radians(15)) * np.sin(np.radians(20)) * (1 - np.cos(np.radians(5)))
    )
    factor = 2 / turn * np.tan(turn / 2)
    first, last = np.radians([15.0, 10.0]), np.radians([20.0, 15.0])
    north = 50 * factor * (np.sin(first[0]) * np.cos(first[1]) + np.sin(last[0]) * np.cos(last[1]))
    east = 50 * factor * (np.sin(first[0]) * np.sin(first[1]) + np.sin(last[0]) * np.sin(last[1]))
    down = 50 * factor * (np.cos(first[0]) + np.cos(last[0]))
    trajectory = Trajectory([0, 0, 0], [0.0, 100.0], directions(np.array([10.0, 15.0]), np.array([-75.0, -70.0])))
    places, _ = trajectory.at(np.array([100.0]))
    np.testing.assert_allclose(places[0], [east, north, -down], rtol=1e-12)


def test_nearly_straight_is_continuous():
    """Limit: a turn of 1e-9 degrees is the straight hole."""
    bent = Trajectory([0, 0, 0], [0.0, 50.0], directions(np.array([0.0, 0.0]), np.array([-60.0, -60.0 + 1e-9])))
    straight = Trajectory([0, 0, 0], [0.0], directions(np.array([0.0]), np.array([-60.0])))
    np.testing.assert_allclose(bent.at(np.array([30.0]))[0], straight.at(np.array([30.0]))[0], atol=1e-8)


@pytest.mark.parametrize(
    "depths, dips, words",
    [([0.0, 0.0], [-90, -90], "ascend"), ([-1.0], [-90], "ascend"), ([0.0, 5.0], [-90, 90], "opposite")],
)
def test_refuses(depths, dips, words):
    with pytest.raises(InputError, match=words):
        Trajectory([0, 0, 0], depths, directions(np.zeros(len(dips)), np.array(dips, dtype=float)))
