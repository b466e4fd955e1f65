"""The page of a fit says what the fit says, in words a user can act on."""

import numpy as np
import pytest
from hybrid_geostatistics.core.variogram.candidates import Candidate
from hybrid_geostatistics.core.variogram.experimental import experimental_variogram
from hybrid_geostatistics.core.variogram.fitting import FittedVariogram
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from hybrid_geostatistics.core.variogram.report import variogram_page

SPHERICAL = VariogramModel(0.0507, (Structure("spherical", 0.591, 897.0),))
ALONG_THE_RIVER = VariogramModel(0.006, (Structure("spherical", 1.23, 2876.0, azimuth=23.3, ratio_minor=0.4),))


@pytest.fixture
def fitted(meuse):
    candidates = (
        Candidate("spherical", "least_squares", SPHERICAL, 0.39175, 0.8228, 9e-6),
        Candidate("gaussian", "least_squares", None, note="scikit-gstat found no fit: <too steep>"),
        Candidate("spherical", "reml", ALONG_THE_RIVER, 0.3696, 1.014, log_likelihood=-88.04),
    )
    table = experimental_variogram(*meuse[:2])
    versions = {"scikit-gstat": "1.0"}
    return FittedVariogram(
        SPHERICAL, table, 0.39175, 0.8228, "least_squares", candidates, ("Mind the <gap>.",), versions, 0.722
    )


def text_of(fitted, **change):
    words = {"field": "zinc", "n_samples": 155, "scale": "log", "unit": "mg/kg", "map_unit": "m", **change}
    return variogram_page(fitted, provenance={"seed": 7}, **words)


def test_first_screen_has_the_parameters_and_warnings(fitted):
    text = text_of(fitted)
    summary = text[text.index('class="summary"') : text.index("<section>")]
    for words in ("A spherical model", "897 m", "0.0507", "0.591", "0.392", "0.722", "8 % of the sill is nugget"):
        assert words in summary
    assert "Mind the &lt;gap&gt;." in summary
    assert "Variogram of zinc" in text and "155 samples, log scale" in text


def test_candidates_and_lags_are_all_there(fitted):
    text = text_of(fitted)
    assert text.count("<tr") == 3 + 1 + 15 + 1
    assert "scikit-gstat found no fit: &lt;too steep&gt;" in text
    assert text.count('<tr class="best">') == 1
    for count in fitted.experimental.pair_counts:
        assert f">{count}</text>" in text and f">{count}</td>" in text
    assert "scikit-gstat version" in text and "<dt>seed</dt><dd>7</dd>" in text


def test_the_model_curve_reaches_its_sill(fitted):
    text = text_of(fitted)
    assert ">sill</text>" in text and ">effective range</text>" in text
    curve = text[text.index("<polyline") :]
    points = np.array([p.split(",") for p in curve[curve.index('points="') + 8 :].split('"')[0].split()], dtype=float)
    assert (np.diff(points[:, 0]) > 0).all() and (np.diff(points[:, 1]) <= 0).all()
    assert np.ptp(points[-40:, 1]) == 0.0  # beyond the range


def test_anisotropy_and_likelihood_are_explained(fitted):
    chosen = fitted.candidates[2]
    text = text_of(
        FittedVariogram(
            ALONG_THE_RIVER, fitted.experimental, 0.3696, 1.014, "reml", (fitted.candidates[0], chosen), (), {}, 0.722
        )
    )
    assert "azimuth 23° (clockwise from north)" in text and "1150 m (ratio 0.40)" in text
    assert "restricted likelihood" in text and ">across</text>" in text
    assert "spherical, least squares" in text


def test_without_transform_the_unit_is_named(fitted):
    text = text_of(fitted, scale="", drift="distance & soil")
    assert "155 samples, in mg/kg, residuals from distance &amp; soil" in text
    assert "squared data units" in text
