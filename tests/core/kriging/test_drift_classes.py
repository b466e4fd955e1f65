"""Classes as drift. Truth: indicators written out, and gstat's factor() on the sample of the Meuse."""

import csv
from pathlib import Path

import numpy as np
from hybrid_geostatistics.core.kriging.drift import DriftClasses
from hybrid_geostatistics.core.kriging.estimate import Reason
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.samples import Covariates
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose, assert_array_equal

MODEL = VariogramModel(0.1, (Structure("spherical", 0.9, 60.0),))


def world():
    random = np.random.default_rng(3)
    places, targets = random.uniform(0, 100, (60, 2)), random.uniform(0, 100, (9, 2))
    soil, here = random.integers(1, 4, 60).astype(float), random.integers(1, 4, 9).astype(float)
    values = np.array([0.0, 3.0, -2.0])[soil.astype(int) - 1] + 0.02 * places[:, 0] + random.normal(size=60)
    return (
        places,
        values,
        Covariates(("x", "soil"), np.column_stack([places[:, 0], soil]), (False, True)),
        targets,
        here,
    )


def test_each_class_has_a_level_of_its_own():
    places, values, covariates, targets, here = world()
    classes = DriftClasses.of(covariates)
    at_targets = Covariates(covariates.names, np.column_stack([targets[:, 0], here]), covariates.categorical)
    written_out = [np.column_stack([xy[:, 0], code == 2, code == 3])
                   for xy, code in ((places, covariates.values[:, 1]), (targets, here))]  # fmt: skip
    for options in ({}, {"neighborhood": Neighborhood(40), "local_drift": True}):
        ours = fit_kriging(places, values, MODEL, drift=classes.columns(covariates), **options)
        truth = fit_kriging(places, values, MODEL, drift=written_out[0].astype(float), **options)
        result = ours.predict(targets, classes.columns(at_targets))
        expected = truth.predict(targets, written_out[1].astype(float))
        assert_allclose(result.estimate, expected.estimate, rtol=1e-9)
        assert_allclose(result.kriging_variance, expected.kriging_variance, rtol=1e-8)


def test_unknown_and_unsampled_classes_are_empty_and_say_so():
    places, values, covariates, targets, _ = world()
    classes = DriftClasses.of(covariates)
    given = Covariates(covariates.names, np.array([[1.0, 2.0], [1.0, np.nan], [1.0, 7.0]]), covariates.categorical)
    kriging = fit_kriging(places, values, MODEL, drift=classes.columns(covariates))
    result = kriging.predict(targets[:3], classes.columns(given))
    assert_array_equal(result.reason, [0, Reason.DRIFT_UNKNOWN, Reason.DRIFT_NOT_SAMPLED])


def test_gstat_with_a_factor():
    """krige(log(zinc)~sqrt(dist)+factor(part), meuse, ..., vgm(.15, "Sph", 700, .06)), gstat 2.1-0."""
    with open(Path(__file__).parents[2] / "data" / "meuse.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    x, y, zinc, dist = (np.array([float(row[name]) for row in rows]) for name in ("x", "y", "zinc", "dist"))
    part = 1.0 + (x > 180_000) + (y > 331_500)
    covariates = Covariates(("root", "part"), np.column_stack([np.sqrt(dist), part]), (False, True))
    classes = DriftClasses.of(covariates)
    model = VariogramModel(0.06, (Structure("spherical", 0.15, 700.0),))
    kriging = fit_kriging(np.column_stack([x, y]), np.log(zinc), model, drift=classes.columns(covariates))
    at = Covariates(("root", "part"), np.array([[np.sqrt(0.0921598), 3.0], [np.sqrt(0.2), 1.0]]), (False, True))
    result = kriging.predict(np.array([[180_580.0, 332_500.0], [178_673.0, 330_066.0]]), classes.columns(at))
    assert_allclose(result.estimate, [6.309803814450, 5.941242428131], rtol=1e-9)
    assert_allclose(result.kriging_variance, [0.09692320866866, 0.16684203242907], rtol=1e-9)
