"""Truth: the density of error contrasts written out, simulated fields, invariances, two roads."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import Cancelled, InputError
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram import likelihood
from hybrid_geostatistics.core.variogram.likelihood import LikelihoodSearch
from hybrid_geostatistics.core.variogram.models import CORRELATIONS, Structure, VariogramModel
from hybrid_geostatistics.core.variogram.restricted_likelihood import restricted_log_likelihood
from numpy.testing import assert_allclose

START = VariogramModel(0.0507, (Structure("spherical", 0.591, 897.0),))  # gstat's fit to log zinc


def refine(coordinates, values, start, drift=None, anisotropic=False, **settings):
    """Return the model a search ends at and its log likelihood, as the fit of a variogram takes the steps."""
    search = LikelihoodSearch(coordinates, values, drift, **settings)
    found = search.climbed(start, anisotropic=anisotropic)
    return search.fine(search.turned(found) if anisotropic else found)


def brute_force(coordinates, values, model, drift):
    """Log density of an orthonormal set of contrasts that are free of the drift."""
    n = len(values)
    columns = np.column_stack([np.ones(n)] + ([] if drift is None else [drift]))
    contrasts = np.linalg.svd(columns)[0][:, columns.shape[1] :]
    distance = np.linalg.norm(coordinates[:, None] - coordinates[None], axis=2)
    covariance = model.covariance_at_lag(np.where(distance == 0, 1e-9, distance)) + model.nugget * np.eye(n)
    free = contrasts.T @ covariance @ contrasts
    contrast_values = contrasts.T @ values
    return -0.5 * (
        len(free) * np.log(2 * np.pi)
        + np.linalg.slogdet(free)[1]
        + contrast_values @ np.linalg.solve(free, contrast_values)
    )


@pytest.mark.parametrize("kind", list(CORRELATIONS))
@pytest.mark.parametrize("with_drift", [False, True])
def test_equals_the_density_of_error_contrasts(meuse, kind, with_drift):
    coordinates, values, drift = meuse[0][::3], meuse[1][::3], meuse[2][::3]
    model = VariogramModel(0.07, (Structure(kind, 0.5, 750.0),))
    drift = np.column_stack([drift, coordinates[:, 0] / 1000.0]) if with_drift else None
    found = restricted_log_likelihood(coordinates, values, model, drift)
    assert found == pytest.approx(brute_force(coordinates, values, model, drift), rel=1e-8)


def test_refined_value_is_that_of_the_refined_model(meuse):
    coordinates, values, drift = meuse
    model, log_likelihood = refine(coordinates, values, START, drift)
    assert log_likelihood == pytest.approx(brute_force(coordinates, values, model, drift), rel=1e-8)


def test_it_depends_on_the_space_of_the_drift_only(meuse):
    coordinates, values, drift = meuse
    columns = np.column_stack([drift, coordinates[:, 0]])
    mixed = np.column_stack([3.0 * drift - 1e4, columns.sum(axis=1), 2.0 * columns[:, 1]])
    expected = restricted_log_likelihood(coordinates, values, START, columns)
    assert restricted_log_likelihood(coordinates, values, START, mixed) == pytest.approx(expected, rel=1e-9)
    assert restricted_log_likelihood(coordinates, values + 7.0 * drift - 3.0, START, columns) == pytest.approx(
        expected, rel=1e-9
    )


def test_no_point_of_a_grid_is_more_likely(meuse):
    coordinates, values, _ = meuse
    model, best = refine(coordinates, values, START)
    for share in (0.01, 0.03, 0.1, 0.2, 0.4, 0.7):
        for effective_range in (200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0):
            for sill in model.sill * np.array([0.3, 0.6, 1.0, 1.6]):
                structure = Structure("spherical", (1 - share) * sill, effective_range)
                other = restricted_log_likelihood(coordinates, values, VariogramModel(share * sill, (structure,)))
                assert other <= best + 0.02  # the search stops within a hundredth


def test_units_and_level_do_not_matter(meuse):
    coordinates, values, _ = meuse
    model, log_likelihood = refine(coordinates, values, START)
    start = VariogramModel(START.nugget * 1e6, (Structure("spherical", 0.591e6, 0.897),))
    other, other_log_likelihood = refine(coordinates / 1000.0, 1000.0 * values + 5e5, start)
    assert_allclose(
        [other.nugget / 1e6, other.psill / 1e6, other.effective_range * 1000.0],
        [model.nugget, model.psill, model.effective_range],
        rtol=1e-4,  # rounding moves the last steps of the climb
    )
    assert other_log_likelihood == pytest.approx(log_likelihood - 154 * np.log(1000.0), abs=1e-3)


@pytest.mark.parametrize("kind", ["spherical", "exponential"])
def test_parameters_of_simulated_fields_come_back(simulate, kind):
    truth = VariogramModel(0.3, (Structure(kind, 1.7, 400.0),))
    start = VariogramModel(1.0, (Structure(kind, 1.0, 150.0),))
    found = [refine(*simulate(truth, 250, seed), start)[0] for seed in range(6)]
    # Means of six logs; one field of this size scatters by about 0.3 in each.
    assert np.mean([np.log(m.effective_range / 400.0) for m in found]) == pytest.approx(0.0, abs=0.3)
    assert np.mean([np.log(m.sill / 2.0) for m in found]) == pytest.approx(0.0, abs=0.3)
    assert np.mean([m.nugget for m in found]) == pytest.approx(0.3, abs=0.15)


def test_meuse_is_predicted_no_worse_than_from_the_least_squares_fit(meuse):
    coordinates, values, _ = meuse

    def loo_rmse(model):
        return np.sqrt(np.mean((fit_kriging(coordinates, values, model).leave_one_out().estimate - values) ** 2))

    refined, _ = refine(coordinates, values, START)
    anisotropic, _ = refine(coordinates, values, START, anisotropic=True)
    assert loo_rmse(START) == pytest.approx(0.3918, abs=1e-4)
    assert loo_rmse(refined) < 0.387
    assert loo_rmse(anisotropic) < 0.375
    # The river's direction, along which metals were laid down.
    assert anisotropic.structures[0].azimuth == pytest.approx(25.0, abs=10.0)


def test_anisotropy_is_found_where_it_is(simulate):
    truth = VariogramModel(0.1, (Structure("exponential", 1.9, 900.0, azimuth=130.0, ratio_minor=0.25),))
    start = VariogramModel(0.1, (Structure("exponential", 1.9, 400.0),))
    found = refine(*simulate(truth, 250, 1), start, anisotropic=True)[0].structures[0]
    assert found.azimuth == pytest.approx(130.0, abs=12.0)
    assert 0.12 < found.ratio_minor < 0.5


def test_isotropy_is_left_alone(simulate):
    truth = VariogramModel(0.1, (Structure("exponential", 1.9, 400.0),))
    kept = [
        refine(*simulate(truth, 120, seed), truth, anisotropic=True)[0].structures[0].is_isotropic for seed in range(8)
    ]
    assert sum(kept) >= 6


def test_vertical_ratio_of_three_dimensional_samples(simulate):
    truth = VariogramModel(0.1, (Structure("spherical", 1.9, 600.0, ratio_vertical=0.05),))
    start = VariogramModel(0.5, (Structure("spherical", 1.5, 200.0),))
    coordinates, values = simulate(truth, 300, 2, size=(1400.0, 900.0, 60.0))
    found = refine(coordinates, values, start, anisotropic=True)[0].structures[0]
    assert 0.025 < found.ratio_vertical < 0.1


def test_beyond_the_exact_sizes_it_stays_close_to_the_exact_fit(simulate):
    truth = VariogramModel(0.3, (Structure("exponential", 1.7, 300.0),))
    coordinates, values = simulate(truth, 700, 4)
    _, best = refine(coordinates, values, truth)
    vecchia, _ = refine(coordinates, values, truth, max_samples=600)
    # A hundredth is where the search stops.
    assert restricted_log_likelihood(coordinates, values, vecchia) == pytest.approx(best, abs=0.15)


def test_many_samples_are_drawn_by_seed(simulate, monkeypatch):
    monkeypatch.setattr(likelihood, "ROUGH_TERMS", 80)
    monkeypatch.setattr(likelihood, "FINE_TERMS", 150)
    coordinates, values = simulate(START, 500, 4)
    found = [refine(coordinates, values, START, max_samples=100, seed=seed) for seed in (1, 1, 2)]
    assert found[0] == found[1] != found[2]


def test_coincident_samples_are_separate_measurements(meuse):
    coordinates = np.vstack([meuse[0], meuse[0][:20]])
    values = np.concatenate([meuse[1], meuse[1][:20] + 0.1])
    model, log_likelihood = refine(coordinates, values, START)
    assert log_likelihood == pytest.approx(restricted_log_likelihood(coordinates, values, model), rel=1e-9)
    # A field without a nugget cannot differ at one place.
    smooth = VariogramModel(1e-6, model.structures)
    assert log_likelihood > restricted_log_likelihood(coordinates, values, smooth) + 100.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": VariogramModel(0.1, (START.structures[0],) * 2)}, "one structure, got 2"),
        ({"values": np.full(155, 3.0)}, "All values are equal"),
        ({"drift": np.random.default_rng(0).normal(size=(155, 154))}, "at least"),
        ({"coordinates": np.ones((155, 2))}, "at one place"),
    ],
)
def test_bad_input_is_named(meuse, change, message):
    arguments = {"coordinates": meuse[0], "values": meuse[1], "start": START, **change}
    with pytest.raises(InputError, match=message):
        refine(**arguments)


def test_a_singular_model_has_no_likelihood(meuse):
    smooth = VariogramModel(0.0, (Structure("gaussian", 1.0, 50_000.0),))
    assert restricted_log_likelihood(*meuse[:2], smooth) == -np.inf


def test_cancel_stops(meuse):
    with pytest.raises(Cancelled):
        refine(*meuse[:2], START, is_cancelled=lambda: True)
