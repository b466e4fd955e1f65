"""Drift forests. Truth: leak guards, a step a tree finds exactly, limits, two roads (scikit-learn = ONNX)."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("sklearn")

from hybrid_geostatistics.core.errors import Cancelled, InputError
from hybrid_geostatistics.core.learning.forests import ForestSettings, grow_drift_forests

N = 90
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(N, 3))
STEP = np.where(TABLE[:, :1] > 0.2, 5.0, 1.0)
FOLDS = (np.arange(N) % 5, np.argsort(np.argsort(TABLE[:, 1])) // 18)
SMALL = ForestSettings(trees_per_fold=10, max_features=1.0)


def test_a_step_is_found_by_trees_that_did_not_see_the_sample():
    forests = grow_drift_forests(TABLE, STEP, FOLDS, SMALL)
    assert forests.out_of_fold.shape == (2, N, 1) and forests.n_trees == 100
    clear = np.abs(TABLE[:, 0] - 0.2) > 0.5
    assert np.abs(forests.out_of_fold[0, clear] - STEP[clear]).mean() < 0.25
    # Away from the samples too, by the mean over all trees.
    assert_allclose(forests.drift(np.array([[2.0, 0, 0], [-2.0, 0, 0]]))[:, 0], [5, 1], atol=0.6)


def test_a_held_out_value_moves_no_out_of_fold_drift_of_its_own_fold():
    changed = STEP.copy()
    fold = FOLDS[0] == 2
    changed[fold] += 1000.0
    one, other = (grow_drift_forests(TABLE, values, FOLDS, SMALL, seed=3).out_of_fold[0] for values in (STEP, changed))
    assert_array_equal(one[fold], other[fold])
    assert np.abs(one[~fold] - other[~fold]).max() > 10


def test_same_seed_same_trees_and_another_seed_others():
    one, again, other = (grow_drift_forests(TABLE, STEP, FOLDS, SMALL, seed=s).out_of_fold for s in (1, 1, 2))
    assert_array_equal(one, again)
    assert (one != other).any()


def test_the_number_of_nodes_is_bounded():
    values = RNG.normal(size=(N, 1))
    forests = grow_drift_forests(TABLE, values, FOLDS, ForestSettings(10, 1, max_nodes=1600))
    assert max(tree.tree_.n_leaves for tree in forests.joined[0].estimators_) <= 8


def test_several_targets_are_grown_apart():
    both = grow_drift_forests(TABLE, np.hstack([STEP, -2 * STEP + 1]), FOLDS, SMALL)
    assert_array_equal(both.out_of_fold[:, :, :1], grow_drift_forests(TABLE, STEP, FOLDS, SMALL).out_of_fold)
    assert both.drift(TABLE).shape == (N, 2)


def test_extremely_randomised_trees_of_places_try_every_column():
    one = ForestSettings(trees_per_fold=10, max_features=0.34)  # one of the three columns
    all_three = grow_drift_forests(TABLE, STEP, FOLDS, SMALL).out_of_fold
    errors = [
        np.abs(grow_drift_forests(TABLE, STEP, FOLDS, one, of_places=of_places).out_of_fold - STEP).mean()
        for of_places in (False, True)
    ]
    assert errors[1] < 0.8 * errors[0] and errors[1] > np.abs(all_three - STEP).mean()
    assert_array_equal(grow_drift_forests(TABLE, STEP, FOLDS, SMALL, of_places=True).out_of_fold, all_three)


def test_settings_out_of_range_and_cancel():
    with pytest.raises(InputError, match="even number"):
        ForestSettings(trees_per_fold=3)
    with pytest.raises(InputError, match="share of columns"):
        ForestSettings(max_features=0.0)
    with pytest.raises(Cancelled):
        grow_drift_forests(TABLE, STEP, FOLDS, SMALL, is_cancelled=lambda: True)


def test_the_graph_holds_network_and_forests():
    helper = pytest.importorskip("onnx").helper
    pytest.importorskip("skl2onnx")
    from hybrid_geostatistics.core.learning.export import IR_VERSION, ML_OPSET, OPSET, add_forests

    graph = helper.make_graph(
        [helper.make_node("Identity", ["context"], ["drift"])],
        "network",
        [helper.make_tensor_value_info("context", 1, [None, 2])],
        [helper.make_tensor_value_info("drift", 1, [None, 2])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    forests = grow_drift_forests(TABLE, np.hstack([STEP, 7 - STEP]), FOLDS, SMALL)
    assert add_forests(model, forests) < 1e-5
    import onnxruntime

    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    context, table = TABLE[:, :2].astype(np.float32), TABLE.astype(np.float32)
    (both,) = session.run(["drift"], {"context": context, "table": table})
    assert_array_equal(both[:, :2], context)
    assert_allclose(both[:, 2:], forests.drift(TABLE), atol=1e-5)
    assert {entry.domain: entry.version for entry in model.opset_import}["ai.onnx.ml"] == ML_OPSET
