"""Reports. Truth: what a reader must find on the page, and what must never be on it."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hybrid_geostatistics.core.samples import Samples
from hybrid_geostatistics.core.validation.comparison_report import comparison_page
from hybrid_geostatistics.core.validation.scoring import score
from hybrid_geostatistics.core.validation.training_report import LearningCurve, Makeup, training_page
from hybrid_geostatistics.tests.core.validation.distributions import within

FACTORS = {"mean": 4, "ordinary_kriging": 1.0, "external_drift_kriging": 1.2, "hybrid": 0.8}


@pytest.fixture(scope="module")
def comparison():
    """Return a scored comparison of four methods, two targets, two schemes; one target has an awkward name."""
    rng = np.random.default_rng(0)
    n = 80
    samples = Samples(
        rng.uniform([178_000, 329_000], [181_000, 333_000], size=(n, 2)),
        np.exp(rng.normal(5, 1, (n, 2))),
        ("zinc", "Fe <total> & \"co\""),
        "EPSG:28992",
    )
    folds = {"random": np.arange(n) % 5, "blocks": np.arange(n) // 20}
    errors = rng.normal(0, 30, (n, 2))
    predictions = {}
    for scheme in folds:
        for method, factor in FACTORS.items():
            estimate = samples.values + factor * errors
            predictions[scheme, method] = within(estimate, estimate - 40, estimate + 60)
    return score(samples, folds, predictions, dict.fromkeys(predictions, 2.0), warnings=["Look <here>."])


def texts(page):
    return re.sub(r"<[^>]+>", " ", page).replace("\u00a0", " ")


def well_formed(page):
    ElementTree.fromstring(page.split("\n", 1)[1].replace('<meta charset="utf-8">', "").replace(
        '<meta name="viewport" content="width=device-width, initial-scale=1">', "").replace(
        '<meta name="color-scheme" content="light dark">', ""))  # fmt: skip


def test_comparison_page_answers_first(comparison):
    page = comparison_page(comparison, units={"zinc": "mg/kg"}, provenance={"layer": "meuse.gpkg"})
    summary = texts(page.split("<section>")[0])
    assert "Use the hybrid: the simplest of the methods compared that no other beats" in summary
    assert "zinc: R2, typical error" in summary and "Error of each method" in summary
    assert page.split("<section>")[0].count("<svg") == 1  # one figure on page one
    words = texts(page.split("<section>")[1])
    assert "zinc, filling in between samples (random folds)" in words
    assert "mapping into unsampled ground (block folds)" in words
    assert "RMSE against the better kriging" in words
    assert "Look &lt;here&gt;." in page
    for heading in ("Which question each kind of fold asks", "Scores", "Do the intervals hold?",
                    "Observed against predicted", "What is left: residuals", "The folds on the map",
                    "How this was measured"):  # fmt: skip
        assert heading in page
    assert "RMSE (mg/kg)" in page and "layer" in page and comparison.data_hash in page
    row = comparison.row("zinc", "random", "hybrid")
    assert f"{row['rmse_ratio']:.2f}" == "0.80" and "0.80" in page


@pytest.mark.parametrize("make", ["comparison", "training", "training without scores"])
def test_pages_are_self_contained_escaped_and_well_formed(comparison, make):
    weights = {"zinc": {"ordinary_kriging": 0.6, "network_drift_kriging": 0.4}}
    page = {
        "comparison": lambda: comparison_page(comparison),
        "training": lambda: training_page(
            Makeup("hybrid", weights), title="A & B", targets=comparison.samples.targets, comparison=comparison
        ),
        "training without scores": lambda: training_page(Makeup("hybrid", weights), title="A & B", targets=("zinc",)),
    }[make]()
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "<total>" not in page
    well_formed(page)


def test_same_comparison_same_page(comparison):
    assert comparison_page(comparison) == comparison_page(comparison)


def test_training_page_tells_what_was_made(comparison):
    makeup = Makeup(
        "hybrid",
        {"zinc": {"ordinary_kriging": 0.7, "external_drift_kriging": 0.3, "network_drift_kriging": 0.0}},
        curves=[LearningCurve("member 1", [1.0, 0.5, np.nan], [1.1, 0.8, 0.7])],
        inputs=[("covariates", "dist, ffreq")],
    )
    page = training_page(
        makeup,
        title="Zinc by the hybrid",
        targets=("zinc",),
        comparison=comparison,
        warnings=["3 samples were averaged."],
    )
    words = texts(page)
    assert "the hybrid is better than ordinary kriging by 20 %" in words.split("Cross-validated scores")[0]
    assert "the network gained nothing beyond kriging, so the model is kriging" in words
    assert "Loss by epoch" in words and "dist, ffreq" in words and "3 samples were averaged." in words
    curve = LearningCurve("all", [2.0, 1.0], ())
    only_training = training_page(Makeup("hybrid", {}, [curve]), title="t", targets=("zinc",))
    assert "Training loss by epoch" in only_training
    nothing = Makeup("hybrid", {})
    unproven = texts(training_page(nothing, title="t", targets=("zinc",)))
    assert "No cross-validation was run" in unproven
    updated = texts(training_page(nothing, title="t", targets=("zinc",), answer="Nothing has drifted."))
    assert updated.index("Nothing has drifted.") < updated.index("how good the new model is on new ground is not known")
