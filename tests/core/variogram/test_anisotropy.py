"""Truth: fields with a known anisotropy, invariance under rotation, lags that are equal by construction."""

import numpy as np
import pytest
from hybrid_geostatistics.core.variogram.anisotropy import Anisotropy, directional_variograms, estimated_anisotropies
from hybrid_geostatistics.core.variogram.direction import Direction
from hybrid_geostatistics.core.variogram.fit_options import FitOptions
from hybrid_geostatistics.core.variogram.fitting import fit_variogram
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from hybrid_geostatistics.core.variogram.tilted import frame_of_axes, tilted_anisotropy

pytest.importorskip("skgstat", reason="scikit-gstat is installed with the backend")

TILTED = VariogramModel(0.1, (Structure("exponential", 1.9, 500.0, 60.0, 25.0, -20.0, 0.45, 0.15),))
TURNED = VariogramModel(0.1, (Structure("exponential", 1.9, 900.0, azimuth=130.0, ratio_minor=0.25),))
LAYERED = VariogramModel(0.1, (Structure("spherical", 1.9, 600.0, ratio_vertical=0.05),))


@pytest.mark.parametrize("n_dimensions", [2, 3])
def test_lags_in_the_frame_are_those_of_the_model(n_dimensions):
    anisotropy = Anisotropy(70.0, 20.0 if n_dimensions == 3 else 0.0, 0.0, 0.4, 0.1)
    points = np.random.default_rng(3).random((30, n_dimensions)) * 500.0
    isotropic = VariogramModel(0.2, (Structure("spherical", 1.0, 300.0),))
    stretched = anisotropy.stretched(points)
    np.testing.assert_allclose(
        isotropic.covariance(stretched, stretched), anisotropy.on(isotropic).covariance(points, points), atol=1e-12
    )


def test_isotropy_changes_nothing():
    points = np.random.default_rng(3).random((5, 2))
    assert Anisotropy(70.0).stretched(points) is points


def test_semivariance_in_a_direction_is_that_of_the_model():
    model = Anisotropy(30.0, 10.0, 5.0, 0.5, 0.2).on(VariogramModel(0.3, (Structure("exponential", 1.0, 80.0),)))
    unit = Direction(75.0, -20.0).unit(3)
    lags = np.array([0.0, 3.0, 40.0])
    expected = model.sill - model.covariance(np.zeros((1, 3)), lags[:, None] * unit)[0]
    np.testing.assert_allclose(model.gamma_in(unit, lags), expected, atol=1e-12)


def test_an_azimuth_is_estimated_from_directions(simulate):
    coordinates, values = simulate(TURNED, 400, 1)
    (found,) = estimated_anisotropies(coordinates, values)
    assert abs((found.azimuth - 130.0 + 90.0) % 180.0 - 90.0) < 15.0
    assert 0.1 < found.ratio_minor < 0.5
    # Turned by a quarter, the same is found a quarter farther.
    (turned,) = estimated_anisotropies(coordinates @ np.array([[0.0, -1.0], [1.0, 0.0]]), values)
    assert abs((turned.azimuth - found.azimuth) % 180.0 - 90.0) < 3.0
    assert turned.ratio_minor == pytest.approx(found.ratio_minor, rel=0.1)


def degrees_between(found, expected):
    """Return the angles between the long axes of two structures, and between their short ones."""
    axes = [one.scaling(3) / np.linalg.norm(one.scaling(3), axis=1)[:, None] for one in (found, expected)]
    return np.degrees(np.arccos(np.minimum(np.abs((axes[0] * axes[1]).sum(axis=1)), 1.0)))[[0, 2]]


def test_dip_and_plunge_are_found_by_likelihood(simulate):
    errors, ratios = [], []
    for seed in range(3):
        coordinates, values = simulate(TILTED, 380, seed, size=(900.0, 700.0, 300.0))
        fitted = fit_variogram(coordinates, values, FitOptions(method="reml", model="exponential", anisotropic=True))
        found = fitted.model.structures[0]
        assert any("A dip and a plunge" in told and "it is taken" in told for told in fitted.account)
        errors.append(degrees_between(found, TILTED.structures[0]))
        ratios.append([found.ratio_minor, found.ratio_vertical])
    assert np.mean(errors) < 10.0 and np.max(errors) < 25.0
    np.testing.assert_allclose(np.exp(np.mean(np.log(ratios), axis=0)), [0.45, 0.15], rtol=0.35)


def test_a_level_field_is_not_tilted(simulate):
    level = VariogramModel(0.1, (Structure("exponential", 1.9, 500.0, ratio_vertical=0.15),))
    for seed in range(2):
        coordinates, values = simulate(level, 220, seed, size=(900.0, 700.0, 300.0))
        fitted = fit_variogram(coordinates, values, FitOptions(method="reml", model="exponential", anisotropic=True))
        assert fitted.model.structures[0].dip == 0 and fitted.model.structures[0].plunge == 0
        assert any("A dip and a plunge" in told and "it is left out" in told for told in fitted.account)
    # Not asked for, it is not looked for.
    fitted = fit_variogram(coordinates, values, FitOptions(method="reml", model="exponential"))
    assert not any("dip" in told for told in fitted.account)


@pytest.mark.parametrize("angles", [(40.0, 20.0, -30.0), (130.0, -35.0, 10.0), (0.0, 0.0, 44.0)])
def test_axes_give_their_angles_back(angles):
    scaling = Structure("spherical", 1.0, 200.0, *angles, 0.5, 0.2).scaling(3)
    lengths = np.linalg.norm(scaling, axis=1)
    turned = [2, 0, 1]
    frame, along = frame_of_axes(-(scaling / lengths[:, None])[turned], 1.0 / lengths[turned])
    assert along == pytest.approx(200.0)
    assert frame[1:] == pytest.approx((*angles[1:], 0.5, 0.2)) and frame[0] % 180.0 == pytest.approx(angles[0])


def test_a_tilt_is_estimated_by_least_squares(simulate):
    errors = []
    for seed in range(4):
        coordinates, values = simulate(TILTED, 700, seed, size=(900.0, 700.0, 300.0))
        found = tilted_anisotropy(coordinates, values)
        errors.append(degrees_between(found.on(TILTED).structures[0], TILTED.structures[0]))
    assert np.median(errors) < 20.0
    flat = np.column_stack([coordinates[:, :2], np.zeros(len(values))])
    assert tilted_anisotropy(flat, values) is None


def test_a_vertical_ratio_is_estimated_from_directions(simulate):
    coordinates, values = simulate(LAYERED, 600, 2, size=(1400.0, 900.0, 60.0))
    found = estimated_anisotropies(coordinates, values)[0]
    assert found.ratio_minor == 1.0
    assert 0.05 / 3.5 < found.ratio_vertical < 0.05 * 3.5  # one field, seven vertical ranges high at most


def test_directions_with_dip_show_the_dip_of_a_field(simulate):
    """A field stretched along 25 degrees of dip, seen along it and across it."""
    model = VariogramModel(0.0, (Structure("spherical", 1.0, 700.0, azimuth=60.0, dip=25.0, ratio_minor=0.2,
                                           ratio_vertical=0.2),))  # fmt: skip
    coordinates, values = simulate(model, 900, 5, size=(900.0, 900.0, 600.0))
    directions = [Direction(60.0, 25.0, 20.0, 200.0), Direction(60.0, -65.0, 20.0, 200.0), Direction(150.0, 0.0, 20.0)]
    along, steep, across = directional_variograms(coordinates, values, directions, n_lags=6, max_lag=400.0)
    assert along.semivariances[1:4].mean() < 0.6 * steep.semivariances[1:4].mean()
    assert along.semivariances[1:4].mean() < 0.6 * across.semivariances[1:4].mean()
    # Each is near the model in its direction, which one field of this size scatters about.
    for found in (along, steep, across):
        expected = model.gamma_in(found.direction.unit(3), found.lags)
        assert np.abs(found.semivariances - expected)[1:4].mean() < 0.35


def test_least_squares_takes_an_anisotropy_that_predicts_better(simulate):
    coordinates, values = simulate(TURNED, 300, 1)
    isotropic = fit_variogram(coordinates, values, FitOptions(model="exponential"))
    fitted = fit_variogram(coordinates, values, FitOptions(model="exponential", anisotropic=True))
    structure = fitted.model.structures[0]
    assert abs((structure.azimuth - 130.0 + 90.0) % 180.0 - 90.0) < 20.0 and structure.ratio_minor < 0.6
    assert fitted.loo_rmse < 0.98 * isotropic.loo_rmse and fitted.stretched
    assert any("it is taken" in sentence for sentence in fitted.account)


def test_a_given_anisotropy_is_kept_and_the_rest_is_fitted(simulate):
    coordinates, values = simulate(TURNED, 250, 4)
    for method in ("least_squares", "reml"):
        fitted = fit_variogram(
            coordinates,
            values,
            FitOptions(model="exponential", method=method, anisotropy=Anisotropy(130.0, ratio_minor=0.25)),
        )
        structure = fitted.model.structures[0]
        assert (structure.azimuth, structure.ratio_minor) == (130.0, 0.25)
        # The sample of a field with a range near its extent scatters widely.
        assert 300.0 < structure.effective_range < 2700.0


def test_horizontal_anisotropy_has_to_predict_columns_better(simulate):
    """Columns of samples of a field without horizontal anisotropy: none is fitted."""
    random = np.random.default_rng(6)
    places = random.random((40, 2)) * [1400.0, 900.0]
    coordinates = np.column_stack([np.repeat(places, 8, axis=0), np.tile(np.arange(8) * 8.0, 40)])
    factor = np.linalg.cholesky(LAYERED.covariance(coordinates, coordinates) + 1e-9 * np.eye(320))
    fitted = fit_variogram(coordinates, factor @ random.normal(size=320), FitOptions(model="spherical", method="reml"))
    assert fitted.model.structures[0].ratio_minor == 1.0
    assert 0.01 < fitted.model.structures[0].ratio_vertical < 0.2
