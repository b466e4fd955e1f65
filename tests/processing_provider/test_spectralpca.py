"""Principal components through Processing. Truth: numpy's SVD of the whole raster; the same file applied twice."""

import csv
import json

import numpy as np
import pytest

SHAPE = (6, 300, 290)
"""Larger than one tile, edge blocks on both sides."""


@pytest.fixture(scope="module")
def cube(world, tmp_path_factory):
    """Return the path and values of a raster of six correlated bands with holes, one of them in one band only."""
    rng = np.random.default_rng(5)
    factors = rng.normal(size=(3, *SHAPE[1:]))
    mixing = rng.normal(size=(6, 3)) * np.array([20.0, 5.0, 1.0])
    values = (500 + np.tensordot(mixing, factors, 1) + rng.normal(0, 0.1, SHAPE)).astype(np.float32)
    values[:, 10:14, 200:260] = -1e6
    values[3, 270, 2] = -1e6
    path = tmp_path_factory.mktemp("cube") / "cube.tif"
    names = [f"{wavelength} nm" for wavelength in range(400, 1000, 100)]
    return world.write_raster(path, values, nodata=-1e6, names=names), values


def known_spectra(values):
    spectra = values.reshape(6, -1).T.astype(float)
    return spectra, (spectra > -1e5).all(axis=1)


@pytest.mark.parametrize("standardize", [False, True])
def test_equals_the_svd_of_the_whole(run, world, cube, tmp_path, standardize):
    path, values = cube
    results, log = run(
        "spectralpca",
        {"RASTER": path, "COMPONENTS": 3, "STANDARDIZE": standardize, "OUTPUT": str(tmp_path / "pc.tif"),
         "PCA": str(tmp_path / "pca.json"), "LOADINGS": str(tmp_path / "l.csv"),
         "OUTPUT_HTML": str(tmp_path / "r.html")},
    )  # fmt: skip
    spectra, known = known_spectra(values)
    centred = spectra - spectra[known].mean(axis=0)
    if standardize:
        centred /= spectra[known].std(axis=0, ddof=1)
    _, singular, directions = np.linalg.svd(centred[known], full_matrices=False)
    shares = singular**2 / np.sum(singular**2)
    assert results["N"] == known.sum() == 300 * 290 - 241
    assert results["EXPLAINED"] == pytest.approx(shares[:3].sum(), rel=1e-9)
    np.testing.assert_allclose([float(share) for share in results["SHARES"].split(", ")], shares[:3], rtol=1e-5)
    scores, dataset = world.read_raster(results["OUTPUT"])
    assert [dataset.GetRasterBand(i).GetDescription() for i in (1, 2, 3)] == ["PC1", "PC2", "PC3"]
    signs = np.sign(directions[np.arange(3), np.abs(directions[:3]).argmax(axis=1)])
    expected = centred @ (directions[:3] * signs[:, None]).T
    expected[~known] = np.nan
    np.testing.assert_allclose(scores.reshape(3, -1).T, expected, rtol=1e-5, atol=1e-4)  # float32
    assert f"241 of {300 * 290} cells" in log.text
    rows = list(csv.reader((tmp_path / "l.csv").read_text(encoding="utf-8").splitlines()))
    assert rows[0] == ["band", "mean", "scale", "PC1", "PC2", "PC3"] and rows[2][0] == "500 nm" and len(rows) == 7
    assert json.loads((tmp_path / "pca.json").read_text(encoding="utf-8"))["raster"] == "cube"
    assert "Weight of each band" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_applied_to_another_raster(run, world, cube, tmp_path):
    """What was found in the left half, applied to the whole, equals the projection by hand."""
    path, values = cube
    (tmp_path / "half").mkdir()
    half = world.write_raster(tmp_path / "half" / "cube.tif", values[:, :, :100], nodata=-1e6)
    run("spectralpca", {"RASTER": half, "COMPONENTS": 3, "OUTPUT": str(tmp_path / "h.tif"),
                        "PCA": str(tmp_path / "pca.json")})  # fmt: skip
    results, _ = run(
        "spectralpca",
        {"RASTER": path, "COMPONENTS": 2, "APPLY": str(tmp_path / "pca.json"), "OUTPUT": str(tmp_path / "w.tif")},
    )
    stored = json.loads((tmp_path / "pca.json").read_text(encoding="utf-8"))
    spectra, known = known_spectra(values)
    expected = (spectra - np.array(stored["mean"])) @ np.array(stored["loadings"])[:2].T
    scores, _ = world.read_raster(results["OUTPUT"])
    np.testing.assert_allclose(scores.reshape(2, -1).T[known], expected[known], rtol=1e-5, atol=1e-4)
    here, _ = world.read_raster(tmp_path / "h.tif")
    np.testing.assert_array_equal(here[:2], scores[:, :, :100])


def test_a_mask_keeps_pixels_out(run, world, cube, tmp_path):
    path, values = cube
    mask = np.zeros((30, 29), np.uint8)
    mask[:, :10] = 1  # in cells of ten pixels
    mask_path = world.write_raster(tmp_path / "mask.tif", mask, cell=(300.0, 200.0))
    results, _ = run(
        "spectralpca", {"RASTER": path, "COMPONENTS": 1, "MASK": mask_path, "OUTPUT": str(tmp_path / "m.tif")}
    )
    spectra, known = known_spectra(values)
    left = known & np.tile(np.arange(290) < 100, 300)
    assert results["N"] == left.sum()
    shares = np.linalg.svd(spectra[left] - spectra[left].mean(axis=0), compute_uv=False) ** 2
    assert results["EXPLAINED"] == pytest.approx(shares[0] / shares.sum(), rel=1e-9)
    assert np.isfinite(world.read_raster(results["OUTPUT"])[0]).sum() == known.sum()


def test_what_is_refused(refused, world, cube, tmp_path):
    path, _values = cube
    out = {"OUTPUT": str(tmp_path / "x.tif")}
    assert "1 to 6 components" in refused("spectralpca", {"RASTER": path, "COMPONENTS": 7, **out})
    (tmp_path / "no.json").write_text("{}", encoding="utf-8")
    said = refused("spectralpca", {"RASTER": path, "APPLY": str(tmp_path / "no.json"), **out})
    assert "holds no principal components" in said
    assert not (tmp_path / "x.tif").exists()
