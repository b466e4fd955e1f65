"""The stacked predictor with a hand-made network. Truth: kriging itself, exactness at samples, limits, round trips."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hybrid_geostatistics.core.blockwise import predict_blocks
from hybrid_geostatistics.core.errors import InputError, ModelFileError
from hybrid_geostatistics.core.features.covariates import CovariateEncoder
from hybrid_geostatistics.core.features.neighbors import NeighborFeatures
from hybrid_geostatistics.core.grid import RasterGrid
from hybrid_geostatistics.core.kriging.back_transform import BackTransform
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.kriging.ordinary import fit_kriging
from hybrid_geostatistics.core.prediction.bases import EXTERNAL, FOREST, NETWORK, ORDINARY, Base, local_weights
from hybrid_geostatistics.core.prediction.hybrid import HybridModel, TargetModel
from hybrid_geostatistics.core.samples import Covariates, Samples
from hybrid_geostatistics.core.transforms import Transform
from hybrid_geostatistics.core.validation.intervals import IntervalTable
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel
from numpy.testing import assert_allclose

MODEL = VariogramModel(0.05, (Structure("spherical", 0.4, 400.0),))


def network(sequences, context):
    """Rise with the encoded dist: context column 0."""
    return np.stack([5.0 + 0.5 * context[:, 0], 1.0 - context[:, 0]], axis=1)


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    coordinates = rng.uniform(0, 1, (70, 2)) * [900, 500] + [1e5, 4e5]
    covariates = Covariates(
        ("dist", "soil"), np.column_stack([rng.uniform(size=70), rng.choice([1.0, 2.0, 5.0], 70)]), (False, True)
    )
    values = np.exp(rng.normal(size=(70, 2)) * 0.5 + 5 + covariates.values[:, :1])
    samples = Samples(coordinates, values, ("zinc", "lead"), "EPSG:28992", covariates)
    features = NeighborFeatures.fit(coordinates, covariates, (MODEL, MODEL), 6)
    encoded = features.encode(covariates, 70)
    drift = network(*features.at(coordinates, encoded, coordinates, encoded))
    intervals = IntervalTable.from_scores(np.abs(rng.normal(size=70)))
    targets = tuple(
        TargetModel(
            name,
            "mg/kg",
            transform,
            (
                Base(ORDINARY, MODEL, 0.2),
                Base(EXTERNAL, MODEL, 0.5, CovariateEncoder.fit(covariates, np.log(values[:, [column]]))),
                Base(NETWORK, MODEL, 0.3),
            ),
            intervals,
        )
        for column, (name, transform) in enumerate((("zinc", Transform("log")), ("lead", Transform("none"))))
    )
    return HybridModel(samples, drift, features, Neighborhood(), targets)


def weighted(model, **weights):
    """Return the model with other stack weights."""
    names = {"ordinary": ORDINARY, "external": EXTERNAL, "forest": FOREST, "network": NETWORK}
    given = {names[key]: weight for key, weight in weights.items()}
    targets = tuple(
        replace(t, bases=tuple(replace(b, weight=given.get(b.name, 0.0)) for b in t.bases)) for t in model.targets
    )
    return replace(model, targets=targets)


def somewhere(model, n=40, seed=5):
    rng = np.random.default_rng(seed)
    low, high = model.samples.coordinates.min(axis=0), model.samples.coordinates.max(axis=0)
    return rng.uniform(low, high, (n, 2)), Covariates(
        ("soil", "dist"), np.column_stack([rng.choice([1.0, 2.0, 5.0], n), rng.uniform(size=n)]), (True, False)
    )


def test_exact_at_samples_with_no_width(model):
    result = model.predict(model.samples.coordinates, model.samples.covariates, network)
    assert_allclose(result.estimate, model.samples.values, rtol=1e-9)
    assert_allclose(result.lower, result.upper, rtol=1e-9)
    assert_allclose(result.kriging_variance, 0, atol=1e-9)


def test_all_weight_on_one_base_is_that_kriging(model):
    where, covariates = somewhere(model)
    samples, lead = model.samples, model.samples.values[:, 1]
    drift = model.learned_drifts(where, covariates, network)[NETWORK]
    encoder = model.targets[1].bases[1].encoder
    expected = {
        "ordinary": fit_kriging(samples.coordinates, lead, MODEL).predict(where),
        "external": fit_kriging(
            samples.coordinates, lead, MODEL, drift=encoder.encode(samples.covariates)
        ).predict(where, encoder.encode(covariates)),
        "network": fit_kriging(samples.coordinates, lead, MODEL, drift=model.drift[:, 1:]).predict(where, drift[:, 1:]),
    }
    for base, kriging in expected.items():
        result = weighted(model, **{base: 1.0}).predict(where, covariates, network)
        bounds = (lead.min(), lead.max()) if base == "network" else (-np.inf, np.inf)
        assert_allclose(result.estimate[:, 1], np.clip(kriging.estimate, *bounds), rtol=1e-9)
        assert_allclose(result.kriging_variance[:, 1], kriging.kriging_variance, rtol=1e-9)


def test_forests_are_a_base_of_their_own_and_travel_in_the_contract(model):
    def both(sequences, context, table):
        """Let the forests rise with the column of the table that is northing."""
        north = table[:, [model.features.table_names.index("northing")]]
        return np.hstack([network(sequences, context), 2.0 + north, 5.0 - north])

    samples = model.samples
    table = model.features.table(samples.coordinates, model.features.encode(samples.covariates, 70))
    assert table.shape == (70, len(model.features.table_names))
    assert_allclose(table[:, -2], (table[:, -4] + table[:, -3]) / np.sqrt(2))
    assert_allclose(table[:, -1], (table[:, -4] - table[:, -3]) / np.sqrt(2))
    own = np.hstack([2.0 + table[:, [-3]], 5.0 - table[:, [-3]]])
    targets = tuple(replace(t, bases=(t.bases[0], Base(FOREST, MODEL, 1.0))) for t in model.targets)
    grown = replace(weighted(replace(model, targets=targets), forest=1.0), forest_drift=own)
    read = HybridModel.from_dict(json.loads(json.dumps(grown.to_dict())))
    assert read.graph_inputs["table"] == (len(model.features.table_names),)
    where, covariates = somewhere(model)
    # Northing as drift is universal kriging in northing, however the column is scaled.
    expected = fit_kriging(samples.coordinates, samples.values[:, 1], MODEL, drift=samples.coordinates[:, 1]).predict(
        where, where[:, 1]
    )
    result = read.predict(where, covariates, both)
    assert_allclose(result.estimate[:, 1], expected.estimate, rtol=1e-9)
    assert "table" not in model.graph_inputs


def test_stack_is_the_weighted_mean(model):
    where, covariates = somewhere(model)
    names = ("ordinary", "external", "network")
    parts = {name: weighted(model, **{name: 1.0}).stacked(where, covariates, network) for name in names}
    estimate, sigma, mean, spread, _, unknown = model.stacked(where, covariates, network)
    assert_allclose(estimate, 0.2 * parts["ordinary"][0] + 0.5 * parts["external"][0] + 0.3 * parts["network"][0])
    assert_allclose(sigma, 0.2 * parts["ordinary"][1] + 0.5 * parts["external"][1] + 0.3 * parts["network"][1])
    # The mean of a mixture is the mixture of the means.
    assert_allclose(mean, 0.2 * parts["ordinary"][2] + 0.5 * parts["external"][2] + 0.3 * parts["network"][2])
    assert_allclose(spread, 0.2 * parts["ordinary"][3] + 0.5 * parts["external"][3] + 0.3 * parts["network"][3])
    assert unknown == 0


def test_weights_move_to_the_bases_that_are_surer_than_usual():
    bases = [Base(ORDINARY, MODEL, 0.4, usual_sigma=0.5), Base(EXTERNAL, MODEL, 0.6, usual_sigma=0.3)]
    found = local_weights(bases, np.array([[0.5, 0.3], [0.5, 0.6], [1.0, 0.3], [0.0, 0.0]]))
    assert_allclose(found, [[0.4, 0.6], [0.4 / 0.55, 0.15 / 0.55], [0.1 / 0.7, 0.6 / 0.7], [0.4, 0.6]])
    constant = [replace(base, usual_sigma=None) for base in bases]
    assert_allclose(local_weights(constant, np.array([[1.0, 0.3]])), [[0.4, 0.6]])


def test_weights_lie_between_those_near_samples_and_far_from_them_by_the_sigma_of_ordinary_kriging():
    bases = [
        Base(ORDINARY, MODEL, 0.4, usual_sigma=0.5, far_weight=0.0, far_sigma=2.0),
        Base(EXTERNAL, MODEL, 0.6, far_weight=1.0),
    ]
    assert bases[0].remoteness(np.array([0.0, 0.5, 1.0, 2.0, 9.0])) == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0])
    same = [replace(base, usual_sigma=2.0) for base in bases]  # equal doubt of both, so that remoteness alone counts
    assert_allclose(local_weights(same, np.full((1, 2), 2.0)), [[0.4, 0.6]])  # not farther than usual
    # Ordinary kriging's doubt of (sigma / usual)^2 is 1, 4 and 16.
    found = local_weights(bases, np.array([[0.5, 1.0], [1.0, 1.0], [2.0, 1.0]]))
    assert_allclose(found, [[0.4, 0.6], [0.2 / 4 / 0.85, 0.8 / 0.85], [0.0, 1.0]])


def test_a_base_without_weight_near_samples_tells_how_far_they_are(model):
    """Far from all samples the far weights hold, near them the others: two limits."""
    near, far = weighted(model, ordinary=1.0), weighted(model, external=1.0)
    sigma = {"usual_sigma": 1e-4, "far_sigma": 1e-3}  # every place between samples is far
    bases = [tuple(replace(b, far_weight=float(b.name == EXTERNAL)) for b in t.bases) for t in near.targets]
    targets = [
        replace(t, bases=(replace(own[0], **sigma), *own[1:])) for t, own in zip(near.targets, bases)
    ]
    where, covariates = somewhere(model)
    both = replace(model, targets=tuple(targets))
    expected = far.predict(where, covariates, network).estimate
    assert_allclose(both.predict(where, covariates, network).estimate, expected)
    read = HybridModel.from_dict(json.loads(json.dumps(both.to_dict())))
    assert_allclose(read.predict(where, covariates, network).estimate, expected)
    unknown = [
        replace(t, bases=(replace(t.bases[0], usual_sigma=10.0, far_sigma=20.0), *t.bases[1:])) for t in targets
    ]
    found = replace(both, targets=tuple(unknown)).predict(where, covariates, network)
    assert_allclose(found.estimate, near.predict(where, covariates, network).estimate)


def test_a_base_of_several_variograms_is_their_mean(model):
    where, covariates = somewhere(model)
    long = VariogramModel(0.2, (Structure("exponential", 0.5, 900.0),))
    short = VariogramModel(0.0, (Structure("spherical", 0.3, 150.0),))
    lead = model.samples.values[:, 1]
    found = [fit_kriging(model.samples.coordinates, lead, one).predict(where) for one in (MODEL, long, short)]

    def predict(*others):
        targets = tuple(
            replace(t, bases=(Base(ORDINARY, MODEL, 1.0, other_variograms=others), *t.bases[1:])) for t in model.targets
        )
        return weighted(replace(model, targets=targets), ordinary=1.0).predict(where, covariates, network)

    three, two = predict(long, short), predict(long)
    assert_allclose(three.estimate[:, 1], np.mean([one.estimate for one in found], axis=0))
    assert_allclose(np.sqrt(three.kriging_variance[:, 1]), np.mean([one.kriging_std for one in found], axis=0))
    assert_allclose(two.estimate[:, 1], (2 * found[0].estimate + found[1].estimate) / 3)


@pytest.mark.parametrize(
    ("name", "transform", "is_bounded"),
    [
        (FOREST, "none", True), (NETWORK, "log", True), (EXTERNAL, "log", True), (EXTERNAL, "none", False),
        (ORDINARY, "log", False),
    ],
)  # fmt: skip
def test_a_drift_carries_no_mean_beyond_the_samples(name, transform, is_bounded):
    """A learned drift was learned from these values; on logarithms a straight line leaves every bound."""
    rng = np.random.default_rng(3)
    places, drift = rng.uniform(0, 100, (30, 2)), rng.normal(size=(30, 1))
    values = 2.0 * drift[:, 0] + 0.1 * rng.normal(size=30)
    variogram, around = VariogramModel(0.01, (Structure("exponential", 0.02, 30.0),)), Neighborhood()
    kriging = Base(name, variogram, 1.0).kriging(places, values, around, drift, Transform(transform))
    plain = fit_kriging(places, values, variogram, None, drift)
    there, beyond = np.array([[50.0, 50.0], [150.0, 50.0]]), np.array([[10.0], [-10.0]])
    expected, found = plain.predict(there, beyond), kriging.predict(there, beyond)
    assert expected.estimate[0] > values.max() + 5 and expected.estimate[1] < values.min() - 5
    assert_allclose(found.estimate, [values.max(), values.min()] if is_bounded else expected.estimate)
    assert_allclose(found.sigma, expected.kriging_std)
    for groups in (np.arange(30), np.argsort(np.argsort(values)) // 6):
        found, expected = kriging.leave_out(groups).estimate, plain.leave_group_out(groups).estimate
        if is_bounded:
            others = [values[groups != group] for group in groups]
            limited = [np.clip(one, rest.min(), rest.max()) for one, rest in zip(expected, others)]
            assert np.max(np.abs(limited - expected)) > 0.05
            expected = limited
        assert_allclose(found, expected, atol=1e-9)


def test_log_estimate_is_unbiased_for_the_lognormal_and_ends_are_quantiles(model):
    where, covariates = somewhere(model)
    kriging = fit_kriging(model.samples.coordinates, np.log(model.samples.values[:, 0]), MODEL).predict(where)
    plain = weighted(model, ordinary=1.0)
    rise = np.maximum(kriging.smoothing_variance, 0)
    mean = plain.predict(where, covariates, network).estimate[:, 0]
    assert_allclose(mean, np.exp(kriging.estimate + rise / 2))
    way_back = BackTransform(Transform("log"), 0.5, 0.1)
    bases = tuple(replace(base, back_transform=way_back) for base in plain.targets[0].bases)
    other = replace(plain, targets=(replace(plain.targets[0], bases=bases), plain.targets[1]))
    mean = other.predict(where, covariates, network).estimate[:, 0]
    assert_allclose(mean, np.exp(kriging.estimate + 0.25 * np.clip(rise, 0, 0.1)))
    centre, sigma, *_ = model.stacked(where, covariates, network)
    result = model.predict(where, covariates, network, coverage=0.8)
    q = model.targets[0].intervals.multiplier(0.8)
    assert_allclose(result.lower[:, 0], np.exp(centre[:, 0] - q * sigma[:, 0]))
    assert_allclose(result.upper[:, 0], np.exp(centre[:, 0] + q * sigma[:, 0]))
    assert (result.lower < result.upper).all()


def test_far_from_samples_intervals_have_multipliers_of_their_own(model):
    where, covariates = somewhere(model)
    first = model.targets[0]
    sigma = model._ordinary(0)[1].predict(where).sigma
    near, far = np.quantile(sigma, [0.2, 0.8])
    table = IntervalTable(np.array([0.9]), np.array([1.5]), np.array([3.0]))
    bases = (replace(first.bases[0], usual_sigma=near, far_sigma=far), *first.bases[1:])
    told = replace(model, targets=(replace(first, bases=bases, intervals=table), *model.targets[1:]))
    found, centre = told.predict(where, covariates, network, coverage=0.9), told.stacked(where, covariates, network)
    share = np.clip(np.log(sigma / near) / np.log(far / near), 0, 1)
    assert (share == 0).any() and (share == 1).any()
    assert_allclose(centre.remoteness[:, 0], share)
    reach = (1.5 + 1.5 * share) * centre.sigma[:, 0]
    assert_allclose(found.upper[:, 0], np.exp(centre.estimate[:, 0] + reach))
    again = HybridModel.from_dict(json.loads(json.dumps(told.to_dict()))).predict(where, covariates, network)
    assert_allclose(again.upper, found.upper, rtol=1e-6)


def test_unknown_covariates_give_nan_there_and_only_there(model):
    where, covariates = somewhere(model)
    values = covariates.values.copy()
    values[3, 0], values[7, 1] = 99.0, np.nan  # a class never sampled, and nodata
    holed = replace(covariates, values=values)
    result = model.predict(where, holed, network)
    bad = np.isin(np.arange(40), [3, 7])
    assert np.isnan(result.estimate[bad]).all() and np.isfinite(result.estimate[~bad]).all()
    assert_allclose(result.estimate[~bad], model.predict(where, covariates, network).estimate[~bad])
    filled = model.stacked(where, holed, network, fill=True)
    assert filled.n_unknown == 2
    plain = weighted(model, ordinary=1.0).stacked(where, covariates, network)
    for own, ordinary in zip(filled[:4], plain):
        assert_allclose(own[7], ordinary[7])
    classes, counts = np.unique(model.samples.covariates.values[:, 1], return_counts=True)
    values[3, 0], values[7, 1] = classes[np.argmax(counts)], 0.5
    usual = model.stacked(where, replace(covariates, values=values), network)
    assert_allclose(filled.mean[3], usual.mean[3])


def test_a_missing_covariate_is_named(model):
    where, covariates = somewhere(model)
    with pytest.raises(InputError, match="missing: dist"):
        model.predict(where, Covariates(("soil",), covariates.values[:, :1], (True,)), network)
    with pytest.raises(InputError, match="missing: dist, soil"):
        model.predict(where, None, network)
    with pytest.raises(InputError, match=r"shape \(n, 2\)"):
        model.predict(np.zeros((4, 3)), covariates, network)


def test_the_network_is_not_asked_when_it_has_no_weight(model):
    where, covariates = somewhere(model)

    def refuse(sequences, context):
        raise RuntimeError("not needed")

    weighted(model, ordinary=0.5, external=0.5).predict(where, covariates, refuse)


def test_round_trip_through_json_changes_no_bit(model):
    where, covariates = somewhere(model)
    bases = tuple(
        replace(base, other_variograms=(VariogramModel(0.1, ()),), back_transform=way_back, usual_sigma=0.1 + index)
        for index, base in enumerate(model.targets[0].bases)
        for way_back in [BackTransform(Transform("log"), 0.5 + 0.1 * index, 0.2)]
    )
    model = replace(model, targets=(replace(model.targets[0], bases=bases), model.targets[1]))
    again = HybridModel.from_dict(json.loads(json.dumps(model.to_dict(), allow_nan=False)))
    one, other = model.predict(where, covariates, network), again.predict(where, covariates, network)
    for name in ("estimate", "lower", "upper", "kriging_variance"):
        assert_allclose(getattr(other, name), getattr(one, name), rtol=0)


def test_a_file_written_before_bases_had_a_way_back_brings_back_the_stack(model):
    where, covariates = somewhere(model)
    content = model.to_dict()
    for target in content["targets"]:
        target["back_transform"] = {"share": 0.5, "largest": 0.0}  # nothing to raise
        for base in target["bases"]:
            for key in ("other_variograms", "back_transform", "usual_sigma", "far_weight", "far_sigma"):
                del base[key]
    old = HybridModel.from_dict(json.loads(json.dumps(content)))
    centre = model.stacked(where, covariates, network).estimate
    expected = np.column_stack([np.exp(centre[:, 0]), centre[:, 1]])
    assert_allclose(old.predict(where, covariates, network).estimate, expected)
    again = HybridModel.from_dict(old.to_dict())
    assert_allclose(again.predict(where, covariates, network).estimate, expected)


@pytest.mark.parametrize("key", ["samples", "targets", "features", "covariates", "neighborhood", "crs"])
def test_a_contract_without_a_part_is_damaged(model, key):
    content = model.to_dict()
    del content[key]
    with pytest.raises(ModelFileError, match="damaged.*" + key):
        HybridModel.from_dict(content, "m.onnx")


def test_blocks_of_a_grid_equal_the_whole(model):
    grid = RasterGrid((7, 11), (1e5 + 40, 60.0, 0.0, 4e5 + 420, 0.0, -45.0), "EPSG:28992")
    every = np.random.default_rng(9)
    dist, soil = every.uniform(size=grid.shape), every.choice([1.0, 2.0, 5.0, np.nan], grid.shape)

    def covariates_of(block):
        rows, columns = slice(block.row, block.row + block.n_rows), slice(block.column, block.column + block.n_columns)
        values = np.column_stack([dist[rows, columns].ravel(), soil[rows, columns].ravel()])
        return Covariates(("dist", "soil"), values, (False, True))

    told = []
    maps = {name: np.full((2, 7, 11), -1.0) for name in ("estimate", "lower", "upper", "kriging_variance")}
    predict = lambda where, covariates: model.predict(where, covariates, network)  # noqa: E731

    def of(block):
        result = predict(grid.centers(block), covariates_of(block))
        return {name: getattr(result, name) for name in maps}

    def write(name, block, array):
        maps[name][:, block.row : block.row + block.n_rows, block.column : block.column + block.n_columns] = array

    predict_blocks(grid, of, write, lambda f, m: told.append(f), block_size=4)
    whole = next(grid.blocks(100))
    at_once = predict(grid.centers(whole), covariates_of(whole))
    assert_allclose(maps["estimate"].reshape(2, -1).T, at_once.estimate)
    assert_allclose(maps["upper"].reshape(2, -1).T, at_once.upper)
    assert np.isnan(maps["estimate"]).any() and told[-1] == 1.0 and told == sorted(told)


def test_interval_multipliers():
    scores = np.abs(np.random.default_rng(1).normal(size=4000))
    table = IntervalTable.from_scores(scores)
    assert_allclose(table.multiplier([0.5, 0.683, 0.9]), [0.674, 1.0, 1.645], rtol=0.05)
    few = IntervalTable.from_scores(scores[:19])
    assert few.coverages.max() == 0.95
    # Beyond what 19 errors can vouch for: grows like the normal distribution.
    assert_allclose(few.multiplier(0.99) / few.multiplier(0.95), 2.5758 / 1.95996, rtol=1e-4)
    assert (np.diff(few.multiplier(np.linspace(0.01, 0.99, 50))) >= 0).all()
    with pytest.raises(InputError, match="between 0 and 1"):
        few.multiplier(90)
