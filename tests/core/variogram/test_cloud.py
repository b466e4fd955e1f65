"""Truth: gstat's variogram map, the experimental variogram of the same pairs, definitions."""

from pathlib import Path

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import Cancelled, InputError
from hybrid_geostatistics.core.variogram.cloud import variogram_cloud, variogram_map
from hybrid_geostatistics.core.variogram.direction import Direction
from hybrid_geostatistics.core.variogram.experimental import experimental_variogram
from numpy.testing import assert_allclose, assert_array_equal

DATA = Path(__file__).resolve().parents[2] / "data"


def test_map_equals_gstat(meuse):
    found = variogram_map(*meuse[:2], max_lag=1008.5, n_steps=5)
    lines = (DATA / "gstat_variograms.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(";") for line in lines if line.startswith("map;")]
    assert len(rows) == 121 == found.semivariances.size
    assert_allclose(found.offsets, 201.7 * np.arange(-5, 6))
    for _, pairs, _, gamma, easting, northing in rows:
        column = int(np.argmin(np.abs(found.offsets - float(easting))))
        row = int(np.argmin(np.abs(-found.offsets - float(northing))))
        assert found.pair_counts[row, column] == int(pairs)
        assert found.semivariances[row, column] == pytest.approx(float(gamma), rel=1e-9)


def test_map_has_no_sense_and_nan_where_no_pair_is():
    found = variogram_map(np.array([[0.0, 0.0], [10.0, 20.0]]), np.array([1.0, 3.0]), max_lag=20.0, n_steps=2)
    expected = np.full((5, 5), np.nan)
    expected[0, 3] = expected[4, 1] = 2.0  # 10 east and 20 north, and its opposite
    assert_array_equal(found.semivariances, expected)
    assert_array_equal(found.pair_counts, ~np.isnan(expected))


def test_map_is_coarser_where_pairs_are_few(meuse):
    coordinates, log_zinc, _ = meuse
    assert variogram_map(coordinates, log_zinc).semivariances.shape == (17, 17)
    assert variogram_map(coordinates[:40], log_zinc[:40]).semivariances.shape == (9, 9)


def test_map_keeps_to_one_level_in_three_dimensions():
    coordinates = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 1.0], [10.0, 0.0, 8.0]])
    found = variogram_map(coordinates, np.array([0.0, 2.0, 6.0]), max_lag=10.0, n_steps=1)
    assert found.pair_counts.sum() == 2 and found.semivariances[1, 2] == 2.0


def test_whole_cloud_is_the_variogram(meuse):
    coordinates, log_zinc, _ = meuse
    cloud = variogram_cloud(coordinates, log_zinc, max_lag=800.0, max_points=100_000)
    table = experimental_variogram(coordinates, log_zinc, edges=[800.0])
    assert len(cloud.lags) == cloud.n_pairs == table.pair_counts[0]
    assert cloud.semivariances.mean() == pytest.approx(table.semivariances[0], rel=1e-12)
    first, second = cloud.pairs.T
    assert_allclose(cloud.lags, np.linalg.norm(coordinates[first] - coordinates[second], axis=1), rtol=1e-12)
    assert_allclose(cloud.semivariances, 0.5 * (log_zinc[first] - log_zinc[second]) ** 2, atol=1e-12)
    assert len({frozenset(pair) for pair in cloud.pairs.tolist()}) == cloud.n_pairs


def test_a_drawn_cloud_is_seeded_and_uniform():
    random = np.random.default_rng(4)
    coordinates, values = random.random((1200, 2)), random.normal(size=1200)
    whole = variogram_cloud(coordinates, values, max_lag=0.5, max_points=10**6)
    cloud = variogram_cloud(coordinates, values, max_lag=0.5, max_points=2000, max_pairs=300_000, seed=1)
    again = variogram_cloud(coordinates, values, max_lag=0.5, max_points=2000, max_pairs=300_000, seed=1)
    assert len(cloud.lags) == 2000 and cloud.n_pairs < 300_000
    assert_array_equal(cloud.pairs, again.pairs)
    first, second = cloud.pairs.T
    assert_allclose(cloud.lags, np.linalg.norm(coordinates[first] - coordinates[second], axis=1), rtol=1e-9)
    quantiles = [0.1, 0.5, 0.9]
    assert_allclose(np.quantile(cloud.lags, quantiles), np.quantile(whole.lags, quantiles), rtol=0.1)


def test_cloud_in_a_direction(meuse):
    coordinates, log_zinc, _ = meuse
    direction = Direction(30.0, tolerance=10.0)
    cloud = variogram_cloud(coordinates, log_zinc, max_lag=500.0, direction=direction)
    table = experimental_variogram(coordinates, log_zinc, edges=[500.0], direction=direction)
    assert cloud.n_pairs == table.pair_counts[0]


@pytest.mark.parametrize(
    ("work", "settings", "message"),
    [
        (variogram_cloud, {"max_points": 0}, "at least 1 point"),
        (variogram_cloud, {"max_lag": 0.1}, "closer than the largest lag of 0.1"),
        (variogram_map, {"n_steps": 0}, "1 to 200 cells"),
        (variogram_map, {"max_lag": -1.0}, "largest lag above 0"),
    ],
)
def test_bad_settings_are_named(work, settings, message):
    with pytest.raises(InputError, match=message):
        work(np.arange(8.0).reshape(4, 2), np.arange(4.0), **settings)


@pytest.mark.parametrize("work", [variogram_cloud, variogram_map])
def test_cancel_stops(work, meuse):
    with pytest.raises(Cancelled):
        work(*meuse[:2], is_cancelled=lambda: True)
