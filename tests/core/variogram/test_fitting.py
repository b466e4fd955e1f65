"""Truth: gstat's fit, scikit-gstat's own fitted function, exact models, theorems and limits."""

import sys

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import BackendMissing, Cancelled, InputError
from hybrid_geostatistics.core.variogram import choice, fitting, least_squares, leave_one_out, likelihood, remarks
from hybrid_geostatistics.core.variogram.candidates import Candidate
from hybrid_geostatistics.core.variogram.experimental import ExperimentalVariogram
from hybrid_geostatistics.core.variogram.fit_options import METHODS, MODELS, FitOptions
from hybrid_geostatistics.core.variogram.fitting import fit_variogram
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, effective_range_from_skgstat
from hybrid_geostatistics.core.variogram.restricted_likelihood import restricted_log_likelihood
from numpy.testing import assert_allclose

skgstat = pytest.importorskip("skgstat", reason="scikit-gstat is installed with the backend")


def exact_table(model, max_lag=1000.0, n_lags=15):
    """Return an experimental variogram that lies on a model."""
    lags = (np.arange(n_lags) + 0.6) * max_lag / n_lags
    return ExperimentalVariogram(lags, model.gamma(lags), np.arange(40, 40 + n_lags), "matheron", max_lag)


@pytest.mark.parametrize("kind", MODELS)
def test_scikit_gstat_and_our_model_are_the_same_curve(kind):
    table = exact_table(VariogramModel(3.0, (Structure("spherical", 7.0, 800.0),)))
    bounds = ([1.0, 0.0, 0.0], [4000.0, 50.0, 20.0])
    theirs = least_squares.skgstat_variogram(
        skgstat, kind, table.lags, table.semivariances, np.ones(15), bounds, (500.0, 5.0, 1.0)
    )
    described = theirs.describe()
    ours = VariogramModel(
        described["nugget"],
        # Its "sill" is the psill.
        (Structure(kind, described["sill"], effective_range_from_skgstat(kind, described["effective_range"])),),
    )
    lags = np.array([1.0, 60.0, 333.0, 700.0, 1500.0, 3000.0])
    assert_allclose(np.asarray(theirs.fitted_model(lags)), ours.gamma(lags), rtol=1e-12)
    # At 0 it returns its nugget where a semivariance is 0.
    assert theirs.fitted_model(np.array([0.0]))[0] == pytest.approx(described["nugget"])
    assert ours.gamma(np.array([0.0]))[0] == 0.0


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize(("nugget", "effective_range"), [(2.0, 400.0), (0.5, 900.0)])
def test_an_exact_model_is_recovered(kind, nugget, effective_range):
    truth = VariogramModel(nugget, (Structure(kind, 10.0 - nugget, effective_range),))
    fit = least_squares.fit_structure(skgstat, kind, exact_table(truth), 3000.0)
    assert_allclose(
        [fit.model.nugget, fit.model.psill, fit.model.effective_range],
        [nugget, 10.0 - nugget, effective_range],
        rtol=2e-3,  # where scipy's curve_fit stops
    )


def test_meuse_equals_gstat(meuse):
    coordinates, log_zinc, _ = meuse
    fitted = fit_variogram(coordinates, log_zinc, FitOptions(model="spherical"))
    # fit.variogram(vgm(1, "Sph", 900, 1)): 0.05066243, 0.59060780, 897.0209, SSErr 9.011194e-06
    assert_allclose(
        [fitted.model.nugget, fitted.model.psill, fitted.model.effective_range],
        [0.05066242682, 0.5906078022, 897.0209098],
        rtol=2e-4,  # two optimisers
    )
    assert fitted.candidates[0].misfit == pytest.approx(9.011194e-06, rel=1e-5)
    # krige.cv with rounded parameters: 0.3917494741, mean z-score^2 0.8227633
    assert fitted.loo_rmse == pytest.approx(0.3917494741, abs=2e-4)
    assert fitted.loo_msdr == pytest.approx(0.8227633, abs=0.01)
    assert fitted.warnings == ()
    assert set(fitted.versions) == {"scikit-gstat", "numpy", "scipy"}


def test_auto_is_exponential_unless_another_model_is_clearly_better(meuse):
    fitted = fit_variogram(*meuse[:2])
    assert [c.name for c in fitted.candidates] == list(MODELS)
    assert fitted.candidates[0].loo_rmse < fitted.loo_rmse and fitted.model.structures[0].model == "exponential"

    def chosen(method, *rows):
        made = [Candidate(k, method, fitted.model, error, 1.0, misfit, gain) for k, error, misfit, gain in rows]
        return (choice.lowest_error if method == "least_squares" else choice.most_likely)(made).name

    nan = np.nan
    clear = ("exponential", 0.50, 9, nan), ("cubic", 0.481, 1, nan), ("spherical", 0.480, 8, nan)
    assert chosen("least_squares", *clear) == "cubic"  # tied with the lowest error, and it fits best
    assert chosen("least_squares", ("exponential", 0.50, 9, nan), ("cubic", 0.49, 1, nan)) == "exponential"
    assert chosen("least_squares", ("gaussian", 0.50, 9, nan), ("cubic", 0.49, 10, nan)) == "cubic"
    assert chosen("reml", ("spherical", 0.40, nan, -96.1), ("exponential", 0.50, nan, -100.0)) == "exponential"
    assert chosen("reml", ("exponential", 0.40, nan, -100.0), ("gaussian", 0.50, nan, -95.9)) == "gaussian"


def test_auto_takes_a_smooth_model_for_a_smooth_field(simulate):
    truth = VariogramModel(0.02, (Structure("gaussian", 1.0, 400.0),))
    coordinates, values = simulate(truth, 150, 8)
    for method in METHODS:
        assert fit_variogram(coordinates, values, FitOptions(method=method)).model.structures[0].model in (
            "gaussian",
            "cubic",
        )


def test_auto_by_likelihood_compares_roughly_and_ends_at_the_exact_optimum(monkeypatch, meuse):
    whole = fit_variogram(*meuse[:2], FitOptions(model="exponential", method="reml", anisotropic=False))
    monkeypatch.setattr(likelihood, "ROUGH_SAMPLES", 80)
    fitted = fit_variogram(*meuse[:2], FitOptions(method="reml", anisotropic=False))
    assert [c.method for c in fitted.candidates].count("reml") == len(MODELS)
    assert any(c.model is fitted.model for c in fitted.candidates)
    # Two roads, one optimum: to the stop of the search.
    exact = [restricted_log_likelihood(*meuse[:2], one.model) for one in (fitted, whole)]
    assert exact[0] == pytest.approx(exact[1], abs=0.05)


def test_likelihood_starts_there_and_predicts_better(meuse):
    coordinates, log_zinc, _ = meuse
    fitted = fit_variogram(coordinates, log_zinc, FitOptions(model="spherical", method="reml", anisotropic=True))
    # The start, the isotropic optimum, and the anisotropic one that the likelihood demands.
    assert [c.method for c in fitted.candidates] == ["least_squares", "reml", "reml"]
    assert fitted.method == "reml" and fitted.candidates[-1].model is fitted.model
    assert fitted.candidates[-1].log_likelihood > fitted.candidates[1].log_likelihood + 6.0
    assert fitted.loo_rmse < 0.375 < fitted.candidates[0].loo_rmse
    assert fitted.loo_msdr == pytest.approx(1.0, abs=0.1)
    assert any("beyond the largest lag" in warning for warning in fitted.warnings)


def test_units_scale_and_place_do_not_matter(meuse):
    coordinates, log_zinc, _ = meuse
    model = fit_variogram(coordinates, log_zinc, FitOptions(model="spherical")).model
    other = fit_variogram(coordinates / 1000.0 + 7.0, 200.0 * log_zinc - 50.0, FitOptions(model="spherical")).model
    assert_allclose(
        [other.nugget / 4e4, other.psill / 4e4, other.effective_range * 1000.0],
        [model.nugget, model.psill, model.effective_range],
        rtol=1e-6,
    )


@pytest.mark.parametrize("unit", [1e-13, 1e-60, 1e60])
@pytest.mark.parametrize("method", ["least_squares", "reml"])
def test_tiny_and_huge_units_of_values_do_not_matter(meuse, unit, method):
    """Permeabilities are of the size of 1e-13 square metres: that is no lack of variation."""
    coordinates, log_zinc, distance = meuse
    options = FitOptions(model="exponential", method=method)
    model, other = (
        fit_variogram(coordinates[:60], u * log_zinc[:60], options, drift=distance[:60]).model for u in (1.0, unit)
    )
    assert_allclose([other.sill / unit**2, other.effective_range], [model.sill, model.effective_range], rtol=1e-4)


def test_what_the_drift_explains_does_not_matter(meuse):
    coordinates, log_zinc, drift = meuse
    columns = np.column_stack([drift, coordinates[:, 0]])
    without = fit_variogram(coordinates, log_zinc, FitOptions(model="spherical"))
    first = fit_variogram(coordinates, log_zinc, FitOptions(model="spherical"), drift=columns)
    second = fit_variogram(
        coordinates,
        log_zinc + 3.0 * drift - 0.001 * coordinates[:, 0],
        FitOptions(model="spherical"),
        drift=columns * [2.0, -1.0],
    )
    assert first.model.sill < 0.5 * without.model.sill
    assert first.loo_rmse < without.loo_rmse
    assert_allclose(first.experimental.semivariances, second.experimental.semivariances, rtol=1e-6)
    assert first.model.sill == pytest.approx(second.model.sill, rel=1e-4)
    assert first.loo_rmse == pytest.approx(second.loo_rmse, rel=1e-4)


def test_repeats_exactly(meuse):
    first, second = (fit_variogram(*meuse[:2], FitOptions(model="exponential", method="reml")) for _ in range(2))
    assert first.model == second.model and first.loo_rmse == second.loo_rmse


@pytest.mark.parametrize("method", ["least_squares", "reml"])
@pytest.mark.parametrize("seed", [11, 12, 13])
def test_white_noise_is_said_to_have_no_structure(method, seed):
    random = np.random.default_rng(seed)
    fitted = fit_variogram(random.random((300, 2)) * 1000.0, random.normal(size=300), FitOptions(method=method))
    assert any("practically no spatial structure" in warning for warning in fitted.warnings)
    assert fitted.loo_rmse == pytest.approx(fitted.mean_rmse, rel=0.02)


def test_a_flat_experimental_variogram_is_a_pure_nugget():
    table = ExperimentalVariogram(np.arange(1.0, 9.0), np.full(8, 3.0), np.full(8, 90), "matheron", 8.0)
    fit = Candidate("spherical", "least_squares", least_squares.fit_structure(skgstat, "spherical", table, 24.0).model)
    said = remarks.remarks_on(fit, [fit], table, 24.0, 100, "least_squares", 2.0)
    assert fit.model.sill == pytest.approx(3.0, rel=1e-6)
    assert any("pure nugget" in remark or "shorter than the first lag" in remark for remark in said)


def test_error_without_a_variogram_is_that_of_refits(meuse):
    _, log_zinc, drift = meuse
    errors = []
    for i in range(155):
        others = np.arange(155) != i
        slope, level = np.polyfit(drift[others], log_zinc[others], 1)
        errors.append(log_zinc[i] - level - slope * drift[i])
    _, rmse = fitting._drift_residuals(log_zinc, drift[:, None])
    assert rmse == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-10)


def test_a_trend_is_said_to_have_no_sill():
    random = np.random.default_rng(12)
    coordinates = random.random((200, 2)) * [900.0, 600.0]
    values = coordinates @ [0.01, 0.004] + 0.05 * random.normal(size=200)
    fitted = fit_variogram(coordinates, values, FitOptions(model="spherical"))
    (said,) = [warning for warning in fitted.warnings if "exceeds the extent" in warning]
    assert said.endswith("There may be a trend; consider a drift.")
    other = random.normal(size=(200, 1))  # a drift that has nothing to do with it
    (said,) = [
        warning
        for warning in fit_variogram(coordinates, values, FitOptions(model="spherical"), drift=other).warnings
        if "exceeds the extent" in warning
    ]
    assert said.endswith("There may be a trend that the drift does not follow.")


def test_an_extreme_anisotropy_is_said():
    random = np.random.default_rng(15)
    coordinates = random.random((200, 2)) * 1000.0
    values = np.sin(coordinates[:, 0] / 60.0) + 0.1 * random.normal(size=200)  # the same at every northing
    fitted = fit_variogram(coordinates, values, FitOptions(model="spherical", method="reml", anisotropic=True))
    assert any("limit of 10 to 1" in warning for warning in fitted.warnings)
    assert abs((fitted.model.structures[0].azimuth + 90.0) % 180.0 - 90.0) < 5.0


def test_few_samples_and_few_pairs_are_said():
    random = np.random.default_rng(13)
    fitted = fit_variogram(random.random((12, 2)), random.normal(size=12), FitOptions(n_lags=8, model="spherical"))
    assert any(warning.startswith("12 samples give an uncertain") for warning in fitted.warnings)
    assert any("pairs, so the nugget is uncertain" in warning for warning in fitted.warnings)


def test_coincident_samples_without_a_nugget_hold_the_nugget_and_say_so():
    random = np.random.default_rng(14)
    smooth = random.random((60, 2)) * 100.0
    coordinates = np.vstack([smooth, smooth[:3]])
    values = np.sin(coordinates[:, 0] / 20.0) + np.cos(coordinates[:, 1] / 25.0)
    fitted = fit_variogram(coordinates, values, FitOptions(model="spherical"))
    assert fitted.model.nugget > 0
    assert any("nugget was held" in warning for warning in fitted.warnings)


def test_more_samples_than_global_leave_one_out_takes(monkeypatch, meuse):
    monkeypatch.setattr(leave_one_out, "GLOBAL_LEAVE_ONE_OUT", 100)
    local = fit_variogram(*meuse[:2], FitOptions(model="spherical"))
    assert local.loo_rmse == pytest.approx(0.3918, abs=0.003)  # 32 neighbours instead of 154


def test_three_dimensions(simulate):
    truth = VariogramModel(0.2, (Structure("spherical", 1.0, 500.0),))
    coordinates, values = simulate(truth, 400, 6, size=(900.0, 700.0, 600.0))
    fitted = fit_variogram(coordinates, values, FitOptions(model="spherical"))
    assert 250.0 < fitted.model.effective_range < 900.0


def test_a_start_that_fails_leaves_the_others(monkeypatch, meuse):
    calls = []
    original = least_squares.skgstat_variogram

    def sometimes(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise RuntimeError("Optimal parameters not found")
        return original(*arguments)

    monkeypatch.setattr(least_squares, "skgstat_variogram", sometimes)
    fitted = fit_variogram(*meuse[:2], FitOptions(model="spherical"))
    assert fitted.model.effective_range == pytest.approx(897.02, rel=1e-3)


def test_when_nothing_can_be_fitted_it_says_what_to_do(monkeypatch, meuse):
    def never(*arguments):
        raise RuntimeError("Optimal parameters not found")

    monkeypatch.setattr(least_squares, "skgstat_variogram", never)
    with pytest.raises(InputError, match=r"Optimal parameters not found.*another maximum lag"):
        fit_variogram(*meuse[:2])


def test_a_model_left_out_is_named(monkeypatch, meuse):
    original = least_squares.skgstat_variogram

    def no_cubic(module, kind, *arguments):
        if kind == "cubic":
            raise RuntimeError("Optimal parameters not found")
        return original(module, kind, *arguments)

    monkeypatch.setattr(least_squares, "skgstat_variogram", no_cubic)
    fitted = fit_variogram(*meuse[:2])
    assert any(warning.startswith("The cubic model was left out") for warning in fitted.warnings)


def test_without_scikit_gstat_it_names_the_backend(monkeypatch, meuse):
    monkeypatch.setitem(sys.modules, "skgstat", None)
    with pytest.raises(BackendMissing, match="hybridgeo:setupbackend"):
        fit_variogram(*meuse[:2])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "linear"}, "out of auto, spherical, exponential, gaussian, cubic, matern, stable, got 'linear'"),
        ({"method": "ml"}, "least_squares, reml, got 'ml'"),
        ({"structures": "three"}, "one, two, auto, got 'three'"),
        ({"start": VariogramModel(0.1, (Structure("spherical", 1.0, 100.0),))}, 'needs the method "reml"'),
        ({"values": np.full(155, 2.0)}, "All 155 values equal 2"),
        ({"values": np.append(np.arange(154.0), np.nan)}, "row 155"),
        ({"values": np.arange(9.0), "coordinates": np.eye(9)[:, :2]}, "at least 10 samples .* got 9"),
        ({"max_lag": 300.0, "n_lags": 2}, "at least 3 lags, got 2"),
        ({"drift": np.arange(155.0), "values": 2.0 * np.arange(155.0)}, "do not vary beyond the drift"),
        ({"drift": np.random.default_rng(0).normal(size=(155, 150))}, "Use fewer drift columns"),
        ({"drift": np.ones((3, 1))}, "Expected 155 rows"),
        ({"values": 1e150 * np.arange(155.0)}, "Use another unit"),
        ({"values": 1e-150 * np.arange(155.0)}, "Use another unit"),
    ],
)
def test_bad_input_is_named(meuse, change, message):
    data = {"coordinates": meuse[0], "values": meuse[1]}
    options = {}
    for name, value in change.items():
        (options if name in FitOptions.__dataclass_fields__ else data)[name] = value
    with pytest.raises(InputError, match=message):
        fit_variogram(**data, options=FitOptions(**options))


@pytest.mark.parametrize("n_columns", [0, 2])
def test_ten_samples_beyond_the_drift_are_enough_and_nine_are_not(meuse, n_columns):
    coordinates, log_zinc, _ = meuse
    drift = np.random.default_rng(0).normal(size=(155, n_columns))
    options = FitOptions(model="spherical", n_lags=5)
    fitted = fit_variogram(*(part[: 10 + n_columns] for part in (coordinates, log_zinc)), options,
                           drift=drift[: 10 + n_columns])  # fmt: skip
    assert np.isfinite(fitted.loo_rmse)
    with pytest.raises(InputError, match="needs at least 10 samples|at least 12 samples for 2 independent"):
        fit_variogram(coordinates[: 9 + n_columns], log_zinc[: 9 + n_columns], options, drift=drift[: 9 + n_columns])


def test_a_sample_far_off_asks_for_smaller_lags_which_then_do(meuse):
    # the bounding box reaches the stray sample, so every other pair falls in the first lag
    coordinates, log_zinc, _ = meuse
    stray, values = np.vstack([coordinates, [1e7, 1e7]]), np.append(log_zinc, log_zinc.mean())
    with pytest.raises(InputError, match="Enter a smaller maximum lag: .* a single one, lie far"):
        fit_variogram(stray, values, FitOptions(model="spherical"))
    options = FitOptions(model="spherical", max_lag=1500.0)
    fitted, alone = fit_variogram(stray, values, options), fit_variogram(coordinates, log_zinc, options)
    assert_allclose(fitted.model.effective_range, alone.model.effective_range, rtol=1e-6)


def test_progress_rises_to_one_and_cancel_stops(meuse):
    seen = []
    fit_variogram(*meuse[:2], FitOptions(method="reml"), progress=lambda fraction, message="": seen.append(fraction))
    assert seen == sorted(seen) and seen[-1] == 1.0
    with pytest.raises(Cancelled):
        fit_variogram(*meuse[:2], is_cancelled=lambda: len(seen) > 0)


def test_file_object(meuse):
    content = fit_variogram(*meuse[:2], FitOptions(model="spherical")).fit_to_dict()
    assert content["method"] == "least_squares" and type(content["loo_rmse"]) is float
    assert content["versions"]["scikit-gstat"]
