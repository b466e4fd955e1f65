"""Fit variogram through Processing. Truth: the core on the same numbers; a file that kriging takes."""

import json
import re

import pytest

pytest.importorskip("skgstat", reason="needs scikit-gstat here")

from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.variogram.anisotropy import Anisotropy
from hybrid_geostatistics.core.variogram.file import VariogramFile
from hybrid_geostatistics.core.variogram.fit_options import FitOptions
from hybrid_geostatistics.core.variogram.fitting import fit_variogram


@pytest.mark.parametrize("method", ["reml", "least_squares"])
def test_writes_what_the_core_fits(run, world, samples, tmp_path, method):
    target = tmp_path / "zinc.json"
    results, log = run(
        "fitvariogram",
        {"INPUT": samples, "FIELD": "zinc", "TRANSFORM": "log", "MODEL": "exponential", "N_LAGS": 9, "MAX_LAG": 120,
         "METHOD": method,
         "VARIOGRAM": str(target), "OUTPUT_HTML": str(tmp_path / "zinc.html")},
    )  # fmt: skip
    coordinates, values = world.field_values()
    fitted = fit_variogram(
        coordinates,
        Transform("log").forward(values),
        FitOptions(model="exponential", n_lags=9, max_lag=120, method=method),
    )
    file = VariogramFile.read(target)
    assert file.model == fitted.model and results["VARIOGRAM"] == str(target)
    assert (file.field, file.crs, file.transform.kind) == ("zinc", world.CRS, "log")
    assert results["NUGGET"] == fitted.model.nugget and results["PSILL"] == fitted.model.psill
    assert results["EFFECTIVE_RANGE"] == fitted.model.effective_range and results["MODEL_NAME"] == "exponential"
    assert results["LOO_RMSE"] == pytest.approx(fitted.loo_rmse)
    assert len(json.loads(target.read_text())["experimental"]["lags"]) <= 9
    assert "hybrid" in (tmp_path / "zinc.html").read_text(encoding="utf-8").lower()
    assert "exponential" in log.text


def test_kriging_takes_the_file(run, samples, template, tmp_path):
    fitted, _ = run(
        "fitvariogram",
        {"INPUT": samples, "FIELD": "zinc", "MODEL": "spherical", "VARIOGRAM": str(tmp_path / "v.json")},
    )
    results, _log = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": fitted["VARIOGRAM"], "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    assert results["N"] == fitted["N"] == 40


def test_too_few_samples(refused, world, tmp_path):
    coordinates, values = world.field_values(9)
    path = world.write_points(tmp_path / "few.gpkg", coordinates, {"zinc": values.tolist()})
    said = refused("fitvariogram", {"INPUT": path, "FIELD": "zinc", "VARIOGRAM": str(tmp_path / "v.json")})
    assert "needs at least 10 samples, got 9" in said and not (tmp_path / "v.json").exists()


def test_cancel_leaves_nothing(run, world, samples, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    results, _ = run(
        "fitvariogram",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": str(folder / "v.json"), "OUTPUT_HTML": str(folder / "v.html")},
        world.Log(cancel_at="Fitting the exponential"),
    )
    assert "VARIOGRAM" not in results and list(folder.iterdir()) == []


def test_runs_in_the_backend_where_scikit_gstat_is_not_here(refused, samples, tmp_path, monkeypatch):
    """No scikit-gstat here and no backend: the message names what is missing and the algorithm that makes it."""
    import sys

    monkeypatch.setitem(sys.modules, "skgstat", None)
    monkeypatch.setenv("HYBRIDGEO_BACKEND_DIR", str(tmp_path / "none"))
    monkeypatch.delenv("HYBRIDGEO_BACKEND_PYTHON", raising=False)
    said = refused("fitvariogram", {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": str(tmp_path / "v.json")})
    assert "scikit-gstat" in said and "hybridgeo:setupbackend" in said and "Traceback" not in said
    assert not (tmp_path / "v.json").exists()


@pytest.mark.parametrize(("kind", "label"), [("normal_score", "normal-score scale"), ("boxcox", "Box-Cox (")])
def test_fitted_transforms_travel_in_the_file_to_kriging(run, world, samples, template, tmp_path, kind, label):
    fitted, _ = run(
        "fitvariogram",
        {"INPUT": samples, "FIELD": "zinc", "TRANSFORM": kind, "MODEL": "exponential",
         "METHOD": "least_squares", "VARIOGRAM": str(tmp_path / "v.json"), "OUTPUT_HTML": str(tmp_path / "v.html")},
    )  # fmt: skip
    _coordinates, values = world.field_values()
    file = VariogramFile.read(fitted["VARIOGRAM"])
    assert file.transform == Transform(kind).fitted(values)
    assert label in (tmp_path / "v.html").read_text(encoding="utf-8")
    results, _ = run(
        "ordinarykriging",
        {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": fitted["VARIOGRAM"], "TEMPLATE": template,
         "ESTIMATE": str(tmp_path / "e.tif")},
    )  # fmt: skip
    estimate, _ = world.read_raster(results["ESTIMATE"])
    assert values.min() < estimate.min() < estimate.max() < values.max()


def test_given_anisotropy_drift_and_structures_reach_the_file(run, world, samples, tmp_path):
    """Truth: the core on the same numbers, with the same drift and frame."""
    results, log = run(
        "fitvariogram",
        {"INPUT": samples, "FIELD": "zinc", "MODEL": "spherical", "METHOD": "reml", "ANISOTROPY": "given",
         "AZIMUTH": 30, "RATIO_MINOR": 0.5, "TREND_ORDER": 1, "VARIOGRAM": str(tmp_path / "v.json"),
         "OUTPUT_HTML": str(tmp_path / "v.html")},
    )  # fmt: skip
    coordinates, values = world.field_values()
    centred = coordinates - coordinates.mean(axis=0)
    frame = Anisotropy(30.0, ratio_minor=0.5)
    fitted = fit_variogram(
        coordinates, values, FitOptions(model="spherical", method="reml", anisotropy=frame), drift=centred
    )
    file = VariogramFile.read(results["VARIOGRAM"])
    assert file.model.structures[0].azimuth == 30.0 and file.model.structures[0].ratio_minor == 0.5
    assert file.model.sill == pytest.approx(fitted.model.sill, rel=1e-4)
    assert file.fit["drift"] == ["a plane in the coordinates"]
    assert [one["chosen"] for one in file.fit["candidates"]].count(True) == 1
    assert (results["FITTED_AZIMUTH"], results["FITTED_RATIO_MINOR"]) == (30.0, 0.5)
    assert results["STRUCTURE"] == fitted.structure and results["N_STRUCTURES"] == 1
    assert results["MEAN_RMSE"] == pytest.approx(fitted.mean_rmse) and "along azimuth 30" in log.text
    page = (tmp_path / "v.html").read_text(encoding="utf-8")
    assert "residuals from a plane in the coordinates" in page and "By direction" in page


def test_kriging_with_a_trend_fits_what_the_trend_leaves(run, world, samples, template, tmp_path):
    """The sill of residuals from a plane is below that of the field, whatever the variogram."""
    sills = {}
    for kind in ("ordinary", "universal"):
        _, log = run(
            "ordinarykriging",
            {"INPUT": samples, "FIELD": "zinc", "TEMPLATE": template, "KRIGING_TYPE": kind,
             "ESTIMATE": str(tmp_path / f"{kind}.tif")},
        )  # fmt: skip
        said = re.search(r"nugget ([\d.e+-]+), psill ([\d.e+-]+),", log.text)
        sills[kind] = float(said.group(1)) + float(said.group(2))
    assert sills["universal"] < sills["ordinary"]


def test_a_given_anisotropy_has_to_differ_from_isotropy(refused, samples, tmp_path):
    said = refused(
        "fitvariogram",
        {"INPUT": samples, "FIELD": "zinc", "ANISOTROPY": "given", "AZIMUTH": 30,
         "VARIOGRAM": str(tmp_path / "v.json")},
    )  # fmt: skip
    assert "ratio across or a vertical ratio other than 1" in said
