"""The synthetic deposit. Truth: what it is built from."""

import numpy as np
import pytest
from hybrid_geostatistics.core.drillholes.desurveyed import composite_holes
from hybrid_geostatistics.core.drillholes.tables import Assays, Collars, Surveys, read_drill_holes
from hybrid_geostatistics.core.examples import surveys
from hybrid_geostatistics.core.examples.deposit import Deposit
from hybrid_geostatistics.core.examples.fields import SmoothField
from hybrid_geostatistics.core.geochemistry.rare_earths import LANTHANIDES


@pytest.fixture(scope="module")
def deposit():
    return Deposit(3)


def test_fields_have_the_covariance_they_name():
    """Theorem: over many fields the covariance at lag h is exp(-3 (h / range)^2)."""
    rng = np.random.default_rng(0)
    places = np.array([[0.0, 0, 0], [60.0, 0, 0], [0, 50.0, 0], [0, 0, 20.0]])
    fields = np.stack([SmoothField.draw(rng, (120.0, 100.0, 40.0), 40).at(places) for _ in range(4000)])
    covariance = fields.T @ fields / len(fields)
    np.testing.assert_allclose(covariance[0], [1, *[np.exp(-0.75)] * 3], atol=0.06)  # 3 standard errors


def test_rock_adds_up(deposit):
    rng = np.random.default_rng(1)
    places = np.column_stack([rng.uniform(400_000, 402_000, 500), rng.uniform(7_200_000, 7_201_500, 500),
                              rng.uniform(1000, 1250, 500)])  # fmt: skip
    rock = deposit.rock(places)
    np.testing.assert_allclose(rock.iron + rock.chert + rock.shale + rock.quartzite, 1.0)
    assert sum(rock.majors.values()).max() < 100 and set(rock.rare_earths) == set(LANTHANIDES)
    ore = rock.total_rare_earths
    both = (rock.alteration > 0.6) & (rock.iron > 0.5)
    assert np.median(ore[both]) > 10 * np.median(ore[~both])


def test_assays_come_back_to_the_rock(deposit):
    """Two roads: tables, desurveyed and composited, against the rock at the composites' places."""
    tables = surveys.drill(deposit, 3, 3)
    collars, stations, assays = tables.collars, tables.surveys, tables.assays
    drilled = read_drill_holes(
        Collars(
            collars["hole"], np.column_stack([collars[k] for k in ("easting", "northing", "elevation")]),
            depths=collars["depth"],
        ),
        Surveys(*(stations[k] for k in ("hole", "depth", "azimuth", "dip"))),
        Assays(assays["hole"], assays["from"], assays["to"], {"Fe": assays["Fe_pct"], "Lu": assays["Lu_ppm"]}),
    )  # fmt: skip
    assert not drilled.problems and drilled.n_censored["Fe"] == 0 and drilled.n_gaps > 0
    table = composite_holes(drilled, 3.0)
    iron = deposit.rock(table.coordinates).majors["Fe"]
    assert np.corrcoef(iron, table.values["Fe"])[0, 1] > 0.97


def test_surveys_see_what_they_should(deposit):
    grid = surveys.surface_grid(50.0)
    magnetics, chargeability = surveys.geophysics(deposit, grid)
    cube = surveys.reflectance(deposit, grid)
    rock = deposit.rock(surveys._below(deposit, grid, 30.0))
    assert np.corrcoef(magnetics.ravel(), rock.iron)[0, 1] > 0.8
    assert np.corrcoef(chargeability.ravel(), rock.alteration)[0, 1] > 0.9
    assert cube.shape == (60, *grid.shape) and cube.min() >= 0 and cube.max() <= 1


def test_the_same_seed_is_the_same_deposit(deposit):
    places = np.array([[401_000.0, 7_200_700.0, 1200.0], [401_000.0, 7_200_700.0, 1500.0]])
    first, again = (surveys.total_rare_earths(one, places) for one in (deposit, Deposit(3)))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(np.isfinite(first), surveys.is_known(deposit, places))
    assert np.isnan(first[1]) and surveys.total_rare_earths(Deposit(4), places)[0] != first[0]
