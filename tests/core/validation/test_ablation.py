"""Ablation of covariates.

Truth: two roads (a method without a group = the method on samples that lack it), known fields (a covariate that makes
the target, one that is noise), limits.
"""

from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.features.covariate_groups import resolved_groups
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.validation.ablation import (
    Ablation,
    ablate,
    ablations_to_dict,
    groups_to_leave_out,
    without_covariates,
)
from hybrid_geostatistics.core.validation.ablation_report import ablation_section, ablation_text
from hybrid_geostatistics.core.validation.comparison import compare_methods
from hybrid_geostatistics.core.validation.folds import make_folds
from hybrid_geostatistics.core.validation.predictive import LEVELS, PredictiveDistribution
from numpy.testing import assert_allclose

PART = {"kind": "projection", "component": 1, "raster": "cube", "mean": [0.0], "loadings": [1.0]}


def linear_method(training, seed, progress=None, is_cancelled=None):
    """Regress the targets on the covariates, as a method of comparisons."""

    def table(covariates, n):
        columns = [] if covariates is None else [covariates.values]
        return np.hstack([np.ones((n, 1)), *columns])

    kernel = np.linalg.lstsq(table(training.covariates, len(training)), training.values, rcond=None)[0]

    def predict(coordinates, covariates):
        estimate = table(covariates, len(coordinates)) @ kernel
        return PredictiveDistribution(estimate, np.repeat(estimate[..., None], len(LEVELS), axis=2))

    return predict


@pytest.fixture(scope="module")
def samples():
    rng = np.random.default_rng(3)
    values = rng.normal(size=(80, 3))
    covariates = Covariates(("river", "soil", "noise"), values, (False,) * 3)
    targets = np.column_stack([values @ [2.0, 0.5, 0.0], values @ [0.0, 1.0, 0.0]]) + 0.3 * rng.normal(size=(80, 2))
    return Samples(rng.uniform(0, 1000, (80, 2)), targets, ("zinc", "lead"), covariates=covariates)


def test_ablation_finds_what_makes_the_target(samples):
    folds = make_folds(samples, ("random", "blocks"), 4, 1)
    comparison = compare_methods(samples, {"hybrid": linear_method}, folds, seed=1)
    groups = groups_to_leave_out(samples, {"water": ("river",), "chance": ("noise",)})
    assert groups == {"water": ("river",), "covariates": ("soil",), "chance": ("noise",)}
    found = ablate(comparison, samples, "hybrid", linear_method, groups)
    for scheme in folds:
        by_group = {one.group: one for one in found[scheme]["zinc"]}
        assert by_group["water"].helps and by_group["water"].ratio > 3.0 and by_group["covariates"].helps
        assert not by_group["chance"].helps and not by_group["chance"].harms
        assert all(one.low <= one.ratio <= one.high for one in by_group.values())
        assert not {one.group: one for one in found[scheme]["lead"]}["water"].helps
    other = replace(samples, covariates=samples.covariates.columns(["soil", "noise"]))
    alone = compare_methods(other, {"without": linear_method}, folds, seed=1)
    (water,) = [one for one in found["blocks"]["zinc"] if one.group == "water"]
    assert_allclose(water.rmse, alone.row("zinc", "blocks", "without")["rmse"])
    assert_allclose(water.ratio, water.rmse / comparison.row("zinc", "blocks", "hybrid")["rmse"])
    assert ablations_to_dict(found)["random"]["lead"][0]["group"] == "water"
    assert "Ablation, lead, random folds: The hybrid needs covariates." in ablation_text(found, "hybrid")
    section = str(ablation_section(found, "hybrid", {"zinc": "mg/kg"}))
    assert "RMSE (mg/kg)" in section and "zinc, block folds" in section


def test_gradients_and_spectra_are_groups(samples):
    names = ("mag", "cube PC1", "cube PC2")
    covariates = Covariates(names, samples.covariates.values, (False,) * 3, (None, PART, PART))
    fields = Covariates(("Fe", "Si"), np.ones((80, 2)), (False,) * 2, ({"parts": ("magnitude",)},) * 2)
    given = replace(samples, covariates=covariates, fields=fields)
    assert groups_to_leave_out(given, {"light": ("cube",), "iron": ("Fe gradient",)}) == {
        "covariates": ("mag",), "light": ("cube PC1", "cube PC2"), "iron": ("Fe gradient",),
        "gradient": ("Si gradient",),
    }  # fmt: skip
    # Of a fold whose samples chose fewer components the others are no error; of other names there is one.
    assert resolved_groups({"light": ("cube PC1", "cube PC7"), "a": ("gold",)}, covariates) == {
        "light": ("cube PC1",), "a": ("gold",),
    }  # fmt: skip
    with pytest.raises(InputError, match="got 'gold'"):
        groups_to_leave_out(given, {"a": ("gold",)})
    with pytest.raises(InputError, match="no group of them"):
        groups_to_leave_out(replace(samples, covariates=None), {})


def test_what_is_left_out_is_shown_nowhere(samples):
    seen = []

    def method(training, seed, progress=None, is_cancelled=None):
        seen.append(training)
        return linear_method(training, seed)

    gradient = {"kind": "gradient", "field": "Fe", "part": "magnitude"}
    covariates = replace(samples.covariates, origins=(None, None, gradient))
    fields = Covariates(("Fe",), np.ones((80, 1)), (False,), ({"parts": ("magnitude",)},))
    given = replace(samples, covariates=covariates, fields=fields)
    without_covariates(method, ("noise",))(given, 0)
    without_covariates(method, ("river",))(given, 0)
    assert seen[0].fields is None and seen[0].covariates.names == ("river", "soil")
    assert seen[1].fields is fields and seen[1].covariates.names == ("soil", "noise")
    predict = without_covariates(method, samples.covariates.names)(samples, 0)
    assert seen[2].covariates is None
    estimate = predict(samples.coordinates[:2], samples.covariates.rows([0, 1])).estimate
    assert_allclose(estimate, np.tile(samples.values.mean(axis=0), (2, 1)))


def test_small_and_unsure_differences_do_not_count():
    assert not Ablation("a", 1.0, 1.005, 1.001, 1.009).helps and not Ablation("a", 1.0, 1.2, 0.9, 1.5).helps
    assert Ablation("a", 1.0, 0.9, 0.8, 0.95).harms and not Ablation("a", 1.0, 0.9, 0.8, 1.01).harms
