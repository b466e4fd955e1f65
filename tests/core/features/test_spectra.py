"""Principal components out of core. Truth: numpy's SVD of the whole, blocks = whole, theorems about components."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.spectra import BandMoments, PrincipalComponents, principal_components

N_BANDS = 7
BANDS = tuple(f"b{i}" for i in range(N_BANDS))


@pytest.fixture(scope="module")
def spectra():
    """Return 20,000 correlated spectra with a mean a million times their spread."""
    rng = np.random.default_rng(11)
    mixing = rng.normal(size=(N_BANDS, N_BANDS)) * np.array([5.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01])
    return 1e6 + rng.normal(size=(20_000, N_BANDS)) @ mixing.T


def in_blocks(values, sizes):
    moments, first = BandMoments.none(values.shape[1]), 0
    for size in sizes:
        moments = moments.merged(BandMoments.of(values[first : first + size]))
        first += size
    assert first >= len(values)
    return moments


@pytest.mark.parametrize("standardize", [False, True])
def test_equals_the_svd_of_the_whole(spectra, standardize):
    found = principal_components(in_blocks(spectra, [1, 9_000, 3, 10_996]), BANDS, 4, standardize)
    centred = spectra - spectra.mean(axis=0)
    centred = centred / (centred.std(axis=0, ddof=1) if standardize else 1.0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(found.variances, singular**2 / (len(spectra) - 1), rtol=1e-8)
    np.testing.assert_allclose(found.explained, (singular**2 / np.sum(singular**2))[:4], rtol=1e-8)
    np.testing.assert_allclose(np.abs(np.sum(found.loadings * directions[:4].T, axis=0)), 1.0, rtol=1e-10)
    scores = found.transform(spectra)
    np.testing.assert_allclose(np.abs(scores), np.abs(centred @ directions[:4].T), atol=1e-5)  # mean of 1e6
    np.testing.assert_allclose(np.cov(scores.T), np.diag(found.variances[:4]), atol=1e-6 * found.variances[0])


def test_blocks_make_the_whole(spectra):
    whole = BandMoments.of(spectra)
    for sizes in ([20_000], [7] * 2858, [19_999, 1]):
        parts = in_blocks(spectra, sizes)
        assert parts.n == whole.n
        np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-14)
        np.testing.assert_allclose(parts.scatter, whole.scatter, rtol=1e-9)  # naive sums of squares would keep 4 digits


def test_pixels_without_a_band_take_no_part(spectra):
    holed = spectra[:100].copy()
    holed[::3, 2] = np.nan
    complete = np.isfinite(holed).all(axis=1)
    moments = BandMoments.of(holed)
    assert moments.n == complete.sum() == 66
    np.testing.assert_allclose(moments.scatter, BandMoments.of(holed[complete]).scatter, rtol=1e-12)
    scores = principal_components(moments, BANDS, 2).transform(holed)
    np.testing.assert_array_equal(np.isnan(scores).any(axis=1), ~complete)
    assert BandMoments.of(np.full((3, 2), np.nan)).n == 0


def test_signs_are_fixed(spectra):
    found = principal_components(BandMoments.of(spectra), BANDS, N_BANDS)
    assert (found.loadings[np.abs(found.loadings).argmax(axis=0), np.arange(N_BANDS)] > 0).all()
    np.testing.assert_allclose(found.loadings.T @ found.loadings, np.eye(N_BANDS), atol=1e-12)
    mirrored = principal_components(BandMoments.of(-spectra), BANDS, N_BANDS)
    np.testing.assert_allclose(mirrored.loadings, found.loadings, atol=1e-6)


def test_standardized_components_have_no_unit(spectra):
    factors = np.array([1.0, 100.0, 0.01, 7.0, 1.0, 1e4, 1.0])
    here = principal_components(BandMoments.of(spectra), BANDS, 3, standardize=True)
    there = principal_components(BandMoments.of(spectra * factors), BANDS, 3, standardize=True)
    np.testing.assert_allclose(there.loadings, here.loadings, atol=1e-7)
    np.testing.assert_allclose(there.transform(spectra * factors), here.transform(spectra), atol=1e-4)
    assert here.variances.sum() == pytest.approx(N_BANDS)


def test_file_and_origin(spectra, tmp_path):
    found = principal_components(BandMoments.of(spectra), BANDS, 3, standardize=True, raster="cube")
    found.write(tmp_path / "pca.json")
    back = PrincipalComponents.read(tmp_path / "pca.json")
    assert back.bands == BANDS and back.raster == "cube" and back.n_pixels == 20_000
    np.testing.assert_array_equal(back.transform(spectra[:9]), found.transform(spectra[:9]))
    np.testing.assert_array_equal(back.first(2).transform(spectra[:9]), found.transform(spectra[:9])[:, :2])
    origin = json.loads(json.dumps(found.origin(1)))
    assert origin["raster"] == "cube" and origin["component"] == 2
    np.testing.assert_allclose(
        (spectra[:9] - np.array(origin["mean"])) @ np.array(origin["loadings"]), found.transform(spectra[:9])[:, 1]
    )


def test_a_constant_band_does_no_harm(spectra):
    values = spectra.copy()
    values[:, 3] = 0.1
    for standardize in (False, True):
        found = principal_components(BandMoments.of(values), BANDS, 6, standardize)
        # The values stand around 1e6: rounding leaves their variances about 1e-10 of the largest.
        np.testing.assert_allclose(found.loadings[3], 0.0, atol=1e-9)
        assert np.isfinite(found.transform(values)).all()


@pytest.mark.parametrize(
    "values, n_components, words",
    [
        (np.zeros((5, 2)), 1, "None of the 2 bands varies"),
        (np.array([[1.0, 2.0]]), 1, "at least 2 pixels"),
        (np.eye(2), 3, "1 to 2 components"),
        (np.eye(2), 0, "1 to 2 components"),
    ],
)
def test_what_has_no_components(values, n_components, words):
    with pytest.raises(InputError, match=words):
        principal_components(BandMoments.of(values), ("a", "b"), n_components)


def test_files_that_are_none(tmp_path, spectra):
    content = principal_components(BandMoments.of(spectra), BANDS, 2).to_dict()
    for wrong, words in (
        ({}, "holds no principal components"),
        ({**content, "version": 2}, "version 2"),
        ({**content, "mean": [0.0]}, "damaged"),
        ({key: value for key, value in content.items() if key != "loadings"}, "damaged"),
    ):
        with pytest.raises(InputError, match=words):
            PrincipalComponents.from_dict(wrong)
    (tmp_path / "x.json").write_text("no", encoding="utf-8")
    with pytest.raises(InputError, match="no JSON"):
        PrincipalComponents.read(tmp_path / "x.json")
    with pytest.raises(InputError, match="cannot be read"):
        PrincipalComponents.read(tmp_path / "none.json")
    with pytest.raises(InputError, match="those of 7 bands, got 3"):
        PrincipalComponents.from_dict(content).transform(spectra[:2, :3])
