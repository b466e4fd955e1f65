"""Truth: a field with a known vertical ratio along inclined drill holes, whose samples between holes are known."""

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.variogram.between_holes import between_holes
from hybrid_geostatistics.core.variogram.candidates import Candidate
from hybrid_geostatistics.core.variogram.experimental import experimental_variogram
from hybrid_geostatistics.core.variogram.fit_options import FitOptions
from hybrid_geostatistics.core.variogram.fitting import fit_variogram
from hybrid_geostatistics.core.variogram.leave_one_out import FitSamples
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from hybrid_geostatistics.core.variogram.remarks import remarks_on

pytest.importorskip("skgstat", reason="scikit-gstat is installed with the backend")

LAYERED = VariogramModel(0.1, (Structure("exponential", 1.9, 400.0, ratio_vertical=0.15),))
N_HOLES, N_IN_HOLE = 36, 13


def drilled(seed):
    """Return places and values along holes some 60 degrees down, names of the holes, and places and values between."""
    random = np.random.default_rng(seed)
    azimuth, dip = np.radians(random.normal(340, 8, N_HOLES)), np.radians(random.normal(60, 4, N_HOLES))
    down = np.column_stack([np.sin(azimuth) * np.cos(dip), np.cos(azimuth) * np.cos(dip), -np.sin(dip)])
    collars = np.column_stack([random.random((N_HOLES, 2)) * [900.0, 700.0], np.zeros(N_HOLES)])
    depths = 10.0 * np.arange(N_IN_HOLE)
    along = (collars[:, None] + depths[:, None] * down[:, None]).reshape(-1, 3)
    places = np.vstack([along, random.random((150, 3)) * [900.0, 700.0, -110.0]])
    factor = np.linalg.cholesky(LAYERED.covariance(places, places) + 1e-9 * np.eye(len(places)))
    values, n = factor @ random.normal(size=len(places)), len(along)
    names = np.repeat([f"H{number}" for number in range(N_HOLES)], N_IN_HOLE)
    return along, values[:n], names, places[n:], values[n:]


def rmse(model, along, values, between, truth):
    estimate = fit_kriging(along, values, model, Neighborhood(32)).predict(between).estimate
    return float(np.sqrt(np.mean((estimate - truth) ** 2)))


@pytest.mark.parametrize("method", ["least_squares", "reml"])
def test_the_vertical_ratio_of_a_field_is_found_along_inclined_holes(method):
    ratios, errors = [], []
    for seed in range(3):
        along, values, names, between, truth = drilled(seed)
        holes = names if seed == 0 else None
        fitted = fit_variogram(
            along, values, FitOptions(method=method, model="exponential", anisotropic=True, seed=seed), holes=holes
        )
        structure = fitted.model.structures[-1]
        assert structure.ratio_minor == 1.0 and structure.dip == 0
        assert "drill holes" in fitted.account[0]
        ratios.append(structure.ratio_vertical)
        errors.append(rmse(fitted.model, along, values, between, truth) / rmse(LAYERED, along, values, between, truth))
    assert np.exp(np.mean(np.log(ratios))) == pytest.approx(0.15, rel=0.3)
    assert np.mean(errors) < 1.02 and max(errors) < 1.05


def test_strings_of_samples_are_holes_and_clouds_are_not():
    def made(places, names=None):
        n = len(places)
        return FitSamples(places, np.zeros(n), np.zeros(n), np.empty((n, 0)), 0, lambda: False, names)

    along, _, names, between, _ = drilled(1)
    found, named = made(along).hole, made(along, names).hole
    for number in range(N_HOLES):
        assert len(set(found[names == f"H{number}"])) == 1  # holes that meet are one string, none is cut
        assert len(set(named[names == f"H{number}"])) == 1
    assert len(set(found)) > 0.9 * N_HOLES and len(set(named)) == N_HOLES
    assert made(between).hole is None
    assert made(along[:, :2], names).hole is None
    assert made(along, np.where(names == "H3", "", names)).hole.max() == N_HOLES - 2 + N_IN_HOLE
    columns = np.column_stack([np.repeat(between[:20, :2], 6, axis=0), np.tile(np.arange(6.0), 20)])
    assert made(columns).are_above_each_other and len(set(made(columns).hole)) == 20
    assert not made(along).are_above_each_other


def test_whole_holes_are_harder_than_single_samples():
    along, values, names, _, _ = drilled(2)
    fitted = fit_variogram(along, values, FitOptions(model="exponential"), holes=names)
    chosen = next(one for one in fitted.candidates if one.reason.startswith("chosen"))
    assert chosen.error == chosen.hole_rmse > 1.1 * chosen.loo_rmse
    assert fitted.fit_to_dict()["candidates"][0]["hole_rmse"] == pytest.approx(chosen.hole_rmse)


def test_ranges_move_only_where_other_holes_are_predicted_better_and_never_beyond_the_extent():
    along, values, names, _, _ = drilled(0)
    samples = FitSamples(along, values, values, np.empty((len(values), 0)), 0, lambda: False, names)
    said = []
    assert between_holes(samples, LAYERED, said)[0] is LAYERED and not said  # the truth: nothing to gain
    structure = LAYERED.structures[0]
    wrong = VariogramModel(0.1, (Structure("exponential", 1.9, 40.0, ratio_vertical=1.5),))
    moved, errors = between_holes(samples, wrong, said)
    extent = np.linalg.norm(np.ptp(along, axis=0))
    assert 0.5 * structure.effective_range < moved.structures[0].effective_range < extent
    assert moved.structures[0].ratio_vertical < 0.5 and moved.sill == pytest.approx(wrong.sill)
    assert errors.rmse < 0.95 * samples.hole_error(wrong) and "instead of the likelihood's" in said[0]
    kept, _ = between_holes(samples, wrong, [], with_ratio=False)
    assert kept.structures[0].ratio_vertical == 1.5
    far = VariogramModel(0.1, (Structure("exponential", 1.9, 0.9 * extent, ratio_vertical=0.15),))
    assert between_holes(samples, far, [])[0].structures[0].effective_range <= extent


def test_the_remark_on_kriging_variances_is_about_holes_left_out_where_there_are_holes():
    def remarks(**numbers):
        candidate = Candidate("exponential", "reml", LAYERED, loo_rmse=0.5, loo_msdr=0.2, **numbers)
        return remarks_on(candidate, [candidate], along_first, 1000.0, 500, "reml", 1.0)

    along, values, _, _, _ = drilled(0)
    along_first = experimental_variogram(along, values)
    assert any("too large: squared leave-one-out errors" in said for said in remarks())
    assert not any("variances" in said for said in remarks(hole_rmse=0.9, hole_msdr=1.1))
    assert any("too small: squared errors at whole holes" in said for said in remarks(hole_rmse=0.9, hole_msdr=2.5))


def with_a_contact(seed):
    """Return places and values of 50 vertical holes: a broad field, and a contact that every hole meets elsewhere."""
    random = np.random.default_rng(seed)
    collars = random.uniform(0, 1000, (50, 2))
    along = np.column_stack([np.repeat(collars, 10, axis=0), np.tile(-3.0 * np.arange(10), 50)])
    contact = -15.0 - 5.0 * np.repeat(random.normal(size=50), 10)
    broad = VariogramModel(0.0, (Structure("exponential", 1.0, 1500.0, ratio_vertical=0.06),))
    factor = np.linalg.cholesky(broad.covariance(along, along) + 1e-9 * np.eye(500))
    return along, 2.0 * np.tanh((along[:, 2] - contact) / 2.0) + factor @ random.normal(size=500)


def test_a_nugget_raised_for_holes_predicts_those_of_fields_that_no_fit_has_seen(monkeypatch):
    hole = np.repeat(np.arange(50), 10)
    shares, ratios = [], []
    for seed in range(2):
        errors = []
        for clear in (0.004, 1.0):  # at 1 nothing is moved
            monkeypatch.setattr("hybrid_geostatistics.core.variogram.between_holes.CLEAR", clear)
            fitted = fit_variogram(*with_a_contact(seed), FitOptions(model="exponential", method="reml"))
            shares.append(fitted.model.nugget / fitted.model.sill)
            unseen = [with_a_contact(100 * (1 + k) + seed) for k in range(2)]
            estimates = [fit_kriging(*field, fitted.model).leave_group_out(hole).estimate for field in unseen]
            errors.append(sum(np.sum((field[1] - found) ** 2) for field, found in zip(unseen, estimates)))
            assert any("instead of the likelihood" in said for said in fitted.account) == (clear < 1)
        ratios.append(errors[0] / errors[1])
    assert shares[0] == shares[2] == pytest.approx(0.1) and max(shares[1], shares[3]) < 0.01
    assert np.mean(ratios) < 0.98
