"""Truth: the numbers that went in; well-formed pages without anything from outside."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hybrid_geostatistics.core.variogram.cloud import variogram_cloud, variogram_map
from hybrid_geostatistics.core.variogram.direction import Direction
from hybrid_geostatistics.core.variogram.experimental import experimental_variogram
from hybrid_geostatistics.core.variogram.experimental_report import (
    COLUMNS,
    experimental_page,
    remarks,
    variogram_table,
)


@pytest.fixture(scope="module")
def explored(meuse):
    coordinates, log_zinc, _ = meuse
    whole = experimental_variogram(coordinates, log_zinc)
    parts = [experimental_variogram(coordinates, log_zinc, direction=Direction(azimuth)) for azimuth in (45, 135)]
    return whole, parts, variogram_cloud(coordinates, log_zinc), variogram_map(coordinates, log_zinc)


def test_page_shows_what_was_found(explored, meuse):
    content = experimental_page(
        *explored, field="zinc <mg>", values=meuse[1], scale="log", map_unit="metres", provenance={"seed": 0}
    )
    assert "zinc &lt;mg&gt;" in content and "<mg>" not in content and "http" not in content
    assert content.count("<svg") == 4
    for chart in content.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + chart.split("</svg>")[0] + "</svg>")
    # Meuse's zinc follows the river, which runs to the north-east.
    assert "lowest along 045°" in content and "highest along 135°" in content
    assert f"{explored[2].n_pairs:,} pairs" in content


def test_page_without_directions(explored, meuse):
    whole, _, cloud, lag_map = explored
    content = experimental_page(whole, [], cloud, lag_map, field="zinc", values=meuse[1])
    assert "By direction" not in content and content.count("<svg") == 3


def test_table_holds_every_lag_to_the_last_digit(explored):
    whole, parts, _, _ = explored
    lines = variogram_table([whole, *parts]).splitlines()
    assert lines[0].split(",") == list(COLUMNS)
    assert len(lines) == 1 + len(whole.lags) + sum(len(part.lags) for part in parts)
    assert float(lines[1].split(",")[5]) == whole.semivariances[0]
    assert lines[-1].split(",")[:4] == ["135", "0.0", "22.5", ""]


def test_thin_lags_are_told():
    random = np.random.default_rng(0)
    coordinates, values = random.random((12, 2)), random.normal(size=12)
    whole = experimental_variogram(coordinates, values, n_lags=5)
    direction = Direction(0.0, tolerance=30.0)
    part = experimental_variogram(coordinates, values, n_lags=5, direction=direction)
    said = " ".join(remarks(whole, [part]))
    assert "All directions together: " in said and "Azimuth 000°: " in said and "fewer than 30 pairs" in said
