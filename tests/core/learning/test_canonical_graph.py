"""The one way to write a graph. Truth: two roads (the same sums written by different hands), the formula."""

import numpy as np
import pytest

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.backend

from hybrid_geostatistics.core.learning.canonical_graph import make_canonical  # noqa: E402
from numpy.testing import assert_array_equal  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

HALF = np.array([0.5], dtype="f4")


def written(nodes, constants):
    """Return (x + 0.5) * (x + 0.5) - the first half of x, as somebody wrote it."""
    graph = helper.make_graph(
        nodes, "anything", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def one_hand():
    """Write the sum once."""
    return written(
        [
            helper.make_node("Add", ["x", "half"], ["sum"], name="first"),
            helper.make_node("Split", ["x"], ["left", "right"], name="halves", axis=0),
            helper.make_node("Mul", ["sum", "sum"], ["square"], name="second"),
            helper.make_node("Sub", ["square", "left"], ["y"], name="third"),
        ],
        {"half": HALF},
    )


def other_hand():
    """Write the sum twice, with two constants, in another order, and something that nobody needs."""
    return written(
        [
            helper.make_node("Split", ["x"], ["a/1", "a/5"], name="n_9", axis=0),
            helper.make_node("Add", ["x", "c_2"], ["a/2"], name="n_7"),
            helper.make_node("Add", ["x", "c_1"], ["a/3"], name="n_8"),
            helper.make_node("Mul", ["a/2", "a/3"], ["a/4"], name="n_1"),
            helper.make_node("Neg", ["a/4"], ["nobody"], name="n_2"),
            helper.make_node("Sub", ["a/4", "a/1"], ["y"], name="n_3"),
        ],
        {"unused": 3 * HALF, "c_2": HALF, "c_1": HALF},
    )


def test_what_computes_the_same_is_written_the_same():
    models = [one_hand(), other_hand()]
    for model in models:
        make_canonical(model)
    assert models[0].SerializeToString() == models[1].SerializeToString()
    assert [node.op_type for node in models[1].graph.node] == ["Add", "Mul", "Split", "Sub"]
    session = onnxruntime.InferenceSession(models[1].SerializeToString(), providers=["CPUExecutionProvider"])
    x = np.array([[1.0, 2.0, -4.0], [0.5, 3.0, 8.0]], dtype="f4")
    assert_array_equal(session.run(["y"], {"x": x})[0], (x + 0.5) ** 2 - x[:1])


def test_other_numbers_are_another_graph():
    models = [one_hand(), one_hand()]
    models[1].graph.initializer[0].CopyFrom(numpy_helper.from_array(2 * HALF, "half"))
    for model in models:
        make_canonical(model)
    assert models[0].SerializeToString() != models[1].SerializeToString()


def test_a_branch_is_refused():
    model = one_hand()
    inner = helper.make_graph([], "inner", [], [])
    model.graph.node[2].attribute.append(helper.make_attribute("then_branch", inner))
    with pytest.raises(ValueError, match="Expected no subgraph in the network, got one in Mul"):
        make_canonical(model)
