"""The mixture of krigings.

Truth: two roads (samples left out at once = kriging fitted to the others; a file of the first version = the model it
was), limits (weights that are all on one member are that kriging; symmetric values take no normal scores) and a
simulated lognormal field, where kriging of the values is known to be poor;
a smooth simulated field, for which an exponential variogram is known to be the wrong shape.
"""

from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.left_out import leave_out, nearest_others
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.learning.members import (
    SHARE_ON_CHOSEN_SCALE,
    TEMPER,
    fit_members,
    members_left_out,
    not_clearly_worse,
    structure_share,
)
from hybrid_geostatistics.core.learning.pretrained import PretrainedSettings, fit_pretrained, shipped_network
from hybrid_geostatistics.core.learning.pretraining.fields import gaussian_field
from hybrid_geostatistics.core.prediction.mixture import ORDINARY
from hybrid_geostatistics.core.prediction.pretrained import PretrainedModel
from hybrid_geostatistics.core.samples import Samples
from hybrid_geostatistics.core.variogram.fit_options import FitOptions
from hybrid_geostatistics.core.variogram.fitting import fit_variogram
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel, model_to_dict

pytest.importorskip("onnxruntime")
EVERYWHERE = Neighborhood()


def lognormal(seed, n=400):
    rng = np.random.default_rng(seed)
    coordinates = rng.uniform(0.0, 100.0, (n, 2))
    field = gaussian_field(Structure("exponential", 1.0, 60.0), coordinates, rng)
    return coordinates, np.exp(1.2 * field)


def test_members_count_by_their_likelihood_and_what_is_the_chosen_fit_adds_to_it():
    coordinates, values = lognormal(4, 100)
    fitted = fit_variogram(coordinates, np.log(values), FitOptions(method="reml"))
    members = fit_members(coordinates, np.log(values), EVERYWHERE, with_scores=False)
    exponential, spherical = (
        next(c for c in fitted.candidates if c.method == "reml" and c.name == name)
        for name in ("exponential", "spherical")
    )
    assert fitted.model == exponential.model and members[0].variogram == fitted.model
    likeliest = max(spherical.log_likelihood, exponential.log_likelihood)
    as_chosen, other = (np.exp((c.log_likelihood - likeliest) / TEMPER) for c in (exponential, spherical))
    total = SHARE_ON_CHOSEN_SCALE + as_chosen + other + 1.0  # and the least-squares fit
    by_name = {member.name: member.weight for member in members}
    assert np.isclose(by_name["ordinary_kriging"], (SHARE_ON_CHOSEN_SCALE + as_chosen) / total)
    assert np.isclose(by_name["spherical_kriging"], other / total)


def test_structure_is_told_from_noise():
    rng = np.random.default_rng(5)
    coordinates, values = lognormal(5, 150)
    noise = rng.normal(size=150)
    shares = []
    for one in (np.log(values), noise):
        variogram = fit_variogram(coordinates, one, FitOptions(method="reml")).model
        shares.append(structure_share(coordinates, one, variogram))
        # The unit does not matter.
        assert np.isclose(structure_share(coordinates, 7.0 + 1e3 * one, variogram), shares[-1], rtol=1e-6)
    assert shares[0] > 0.9 and shares[1] < 0.3
    # Known: one observed pair is as likely under any correlation, so that nothing tells structure from chance.
    assert structure_share(coordinates[:2], noise[:2], VariogramModel(0.0, (Structure("exponential", 1.0, 9.0),))) == 0


def test_noise_is_left_to_ordinary_kriging():
    rng = np.random.default_rng(2)
    coordinates = rng.uniform(0.0, 100.0, (150, 2))
    fitted = fit_pretrained(Samples(coordinates, rng.normal(size=(150, 1)), ("V",)))
    assert fitted.weights["V"]["ordinary_kriging"] > 0.8


def test_a_variogram_of_the_wrong_shape_is_no_member_and_intervals_hold_in_gaps():
    coordinates = np.random.default_rng(17).uniform(0.0, 100.0, (500, 2))
    smooth = Structure("gaussian", 1.0, 60.0)
    values = gaussian_field(smooth, coordinates, np.random.default_rng(18))
    in_gap = np.hypot(*(coordinates - 50.0).T) < 22.0
    samples, truth = np.flatnonzero(~in_gap)[:250], values[in_gap]
    rows = np.arange(0, 250, 5)
    shapes = [smooth, Structure("exponential", 1.0, 120.0), Structure("gaussian", 4.0, 60.0)]
    variograms = [VariogramModel(1e-4 * shape.psill, (shape,)) for shape in shapes]
    krigings = [fit_kriging(coordinates[samples], values[samples], one) for one in variograms]
    errors = [
        [
            values[samples][rows] - leave_out(one, nearest_others(one, rows, n), rows[:, None]).weights @ one.values
            for one in krigings
        ]
        for n in (0, 7)
    ]
    # The sill does not matter.
    assert not_clearly_worse(np.swapaxes(errors, 1, 2)).tolist() == [True, False, True]
    fitted = fit_pretrained(Samples(coordinates[samples], values[samples, None], ("V",)))
    found = fitted.predict(coordinates[in_gap], None)
    inside = (truth >= found.lower[:, 0]) & (truth <= found.upper[:, 0])
    assert inside.mean() > 0.8, inside.mean()


def test_members_differ_and_their_prior_sums_to_1():
    coordinates, values = lognormal(0, 120)
    members = fit_members(coordinates, values, EVERYWHERE)
    assert members[0].name == ORDINARY and members[0].way_back.transform.kind == "none"
    assert np.isclose(sum(member.weight for member in members), 1.0)
    kinds = [member.way_back.transform.kind for member in members]
    assert "normal_score" in kinds and "normal_score_ordinary_kriging" in [member.name for member in members]
    plain = fit_members(coordinates, values, EVERYWHERE, with_scores=False)
    assert {member.way_back.transform.kind for member in plain} == {"none"}
    assert len({(kind, str(member.variogram)) for kind, member in zip(kinds, members)}) == len(members)


def test_values_that_are_not_skewed_take_no_normal_scores():
    coordinates, values = lognormal(0, 100)
    order = np.argsort(values)
    symmetric = np.empty(100)
    symmetric[order] = np.linspace(-1.0, 1.0, 100)
    members = fit_members(coordinates, symmetric, EVERYWHERE)
    assert {member.way_back.transform.kind for member in members} == {"none"}


@pytest.mark.parametrize("neighborhood", [EVERYWHERE, Neighborhood(max_neighbors=12)])
def test_members_left_out_are_krigings_without_the_samples(neighborhood):
    coordinates, values = lognormal(1, 60)
    members = fit_members(coordinates, values, neighborhood)
    krigings = [member.kriging(coordinates, values, neighborhood) for member in members]
    rows = np.array([3, 17])
    left_out = nearest_others(krigings[0], rows, 2)
    found = members_left_out(members, krigings, left_out)
    for index, member in enumerate(members):
        for row, out in enumerate(left_out):
            kept = np.setdiff1d(np.arange(60), out)
            own = member.kriging(coordinates[kept], values[kept], neighborhood).predict(coordinates[rows[[row]]])
            expected = member.on_scale_of_mixture(own.estimate, own.kriging_std, own.smoothing_variance)
            np.testing.assert_allclose(found[:, row, index], expected[:, 0], rtol=1e-6)


def test_the_mixture_predicts_a_lognormal_field_better_than_ordinary_kriging_of_its_values():
    ratios = []
    for seed in range(3):
        coordinates, values = lognormal(seed)
        training = Samples(coordinates[:120], values[:120, None], ("V",))
        fitted = fit_pretrained(training)
        (target,) = fitted.model.targets
        ordinary = replace(target, members=(replace(target.members[0], weight=1.0),), gate=0.0)
        errors = []
        for one in (target, ordinary):
            model = PretrainedModel(fitted.model.samples, EVERYWHERE, (one,))
            errors.append(values[120:] - model.predict(coordinates[120:], None, shipped_network()).estimate[:, 0])
        ratios.append(np.sqrt(np.mean(errors[0] ** 2) / np.mean(errors[1] ** 2)))
    assert np.exp(np.mean(np.log(ratios))) < 0.99 and max(ratios) < 1.01, ratios


def test_the_mixture_is_exact_at_samples():
    coordinates, values = lognormal(2, 80)
    fitted = fit_pretrained(Samples(coordinates, values[:, None], ("V",)))
    found = fitted.predict(coordinates, None)
    np.testing.assert_allclose(found.estimate[:, 0], values, rtol=1e-10)
    np.testing.assert_allclose(found.kriging_variance, 0.0, atol=1e-10)


def test_a_model_of_one_variogram_as_it_used_to_be_written_still_opens():
    coordinates, values = lognormal(3, 60)
    model = VariogramModel(0.1, (Structure("exponential", 2.0, 50.0),))
    fitted = fit_pretrained(Samples(coordinates, values[:, None], ("V",)), PretrainedSettings(variograms={"V": model}))
    content = fitted.model.to_dict()
    (entry,) = content["targets"]
    del entry["members"]
    entry["variogram"] = model_to_dict(model)
    places = np.random.default_rng(0).uniform(0.0, 100.0, (20, 2))
    before = PretrainedModel.from_dict(content).predict(places, None, shipped_network())
    np.testing.assert_array_equal(before.estimate, fitted.predict(places, None).estimate)
