"""From a trained ensemble to one ONNX graph."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from ..progress import IsCancelled, never, stop_if
from .canonical_graph import make_canonical
from .ensembles import NetworkEnsemble
from .forests import DriftForests
from .layers import SLOPE, LayeredNetwork, Weights
from .training import DriftEnsemble

OPSET = 17
ML_OPSET = 3
IR_VERSION = 8
TOLERANCE = 1e-5
"""Largest accepted difference between Keras and ONNX, relative to the spread of the outputs."""


class ExportError(RuntimeError):
    """The exported graph is not what was trained; nothing is written."""


def hybrid_graph(ensemble: DriftEnsemble, forests: DriftForests | None, is_cancelled: IsCancelled = never) -> bytes:
    """Return the mean of the ensemble and the forests as an ONNX file.

    Parameters
    ----------
    ensemble : DriftEnsemble
    forests : DriftForests or None
        With forests the graph has a third input, ``table``, and its output the forests' columns after the network's.
    is_cancelled : IsCancelled

    Raises
    ------
    ExportError
        When a recurrent layer lost its fused operator, or what was trained and ONNX differ.
    Cancelled
        When the user asked to stop.
    """
    network = keras_members(ensemble.network, ensemble.weights)
    model = to_onnx(network, ensemble.n_members * ensemble.network.n_recurrent, "drift")
    stop_if(is_cancelled)
    check_same(network, model)
    if forests is not None:
        stop_if(is_cancelled)
        add_forests(model, forests)
    return model.SerializeToString()


def network_graph(ensemble: NetworkEnsemble, output: str, is_cancelled: IsCancelled = never) -> bytes:
    """Return the mean of the ensemble of a network by name as an ONNX file.

    Parameters
    ----------
    ensemble : NetworkEnsemble
    output : str
        Name of the output.
    is_cancelled : IsCancelled

    Raises
    ------
    ExportError, Cancelled
        As `hybrid_graph`.
    """
    factors = (ensemble.token_weights, ensemble.context_weights)
    network = keras_members(ensemble.network, ensemble.weights, factors)
    model = to_onnx(network, ensemble.n_members * ensemble.network.n_recurrent, output)
    stop_if(is_cancelled)
    check_same(network, model)
    return model.SerializeToString()


def keras_members(
    network: LayeredNetwork, weights: Weights, factors: tuple[np.ndarray, np.ndarray] | None = None
) -> Any:
    """Build the mean of all members from plain Keras layers, with the trained weights.

    Parameters
    ----------
    network : LayeredNetwork
    weights : dict of ndarray
    factors : tuple of ndarray, shape (n_token_columns,) and (n_context_columns,), or None
        Factors of the columns of sequences and of context (self-evaluation), which become part of the graph.

    Returns
    -------
    keras.Model
        Inputs ``sequences`` (n, k, c) and ``context`` (n, q), output (n, t).
    """
    import keras
    from keras import layers as of

    sequences = keras.Input((network.n_neighbors, network.n_token_columns), name="sequences")
    context = keras.Input((network.n_context_columns,), name="context")
    n_members = len(weights["output_bias"])
    tokens, around = sequences, context
    if factors is not None and any((factor != 1).any() for factor in factors):
        tokens, around = (
            of.Rescaling(factor.astype(np.float32))(given) for factor, given in zip(factors, (sequences, context))
        )
    outputs, assignments = [], []
    for member in range(n_members):
        x = tokens
        if network.context_joins == "tokens":
            x = of.Concatenate()([x, of.RepeatVector(network.n_neighbors)(around)])
        for index, layer in enumerate(network.layers):
            name = f"{index}_{layer.kind}"
            if layer.kind == "dropout":
                continue  # does nothing outside training
            if layer.kind == "flatten":
                made = of.Flatten()
            elif layer.kind == "attention":
                score, made = of.Dense(1, use_bias=False), of.Dense(layer.width, activation="tanh")
                shares = of.Softmax(axis=1)(score(x))
                assignments.append((score, [weights[f"{name}_score_kernel"][member]]))
            elif layer.kind == "dense":
                made = of.Dense(layer.width)
            elif layer.kind == "conv":
                made = of.Conv1D(layer.width, layer.kernel, padding="same")
            else:
                made = of.LSTM(layer.width, return_sequences=layer.returns_sequence)
                made = of.Bidirectional(made) if layer.kind == "bilstm" else made
            x = made(x)
            if layer.kind == "attention":
                x = of.Flatten()(of.Dot(axes=1)([shares, x]))
            if layer.kind in ("lstm", "bilstm"):
                ways = 2 if layer.kind == "bilstm" else 1
                parts = ("kernel", "recurrent", "bias")
                own = [weights[f"{name}_{part}"][member, way] for way in range(ways) for part in parts]
                assignments.append((made, own))
            elif layer.kind != "flatten":
                assignments.append((made, [weights[f"{name}_{part}"][member] for part in ("kernel", "bias")]))
            if layer.activation == "relu":
                x = of.ReLU()(x)
            elif layer.activation == "leaky_relu":
                x = of.LeakyReLU(negative_slope=SLOPE)(x)
            if network.joins_after(layer):
                x = of.Concatenate()([x, around])
        output = of.Dense(network.n_targets)
        x = output(x)
        assignments.append((output, [weights["output_kernel"][member], weights["output_bias"][member]]))
        if network.skip:
            linear = of.Dense(network.n_targets, use_bias=False)
            x = of.Add()([x, linear(around)])
            assignments.append((linear, [weights["linear_kernel"][member]]))
        outputs.append(x)
    model = keras.Model([sequences, context], of.Average()(outputs) if n_members > 1 else outputs[0])
    for made, arrays in assignments:
        made.set_weights(arrays)
    return model


def to_onnx(network: Any, n_recurrent: int, output: str = "drift") -> Any:
    """Convert a Keras model with two inputs, and check that its recurrent layers stay fused.

    Parameters
    ----------
    network : keras.Model
        From `keras_members`.
    n_recurrent : int
        Number of LSTM operators expected.
    output : str
        Name of the output.

    Returns
    -------
    onnx.ModelProto
        Inputs ``sequences`` and ``context``, one output; opset `OPSET`, IR `IR_VERSION`.

    Raises
    ------
    ExportError
        When an LSTM is not one operator or a loop is left.
    """
    import tensorflow as tf
    import tf2onnx

    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    signature = [
        tf.TensorSpec((None, *given.shape[1:]), tf.float32, name=name)
        for given, name in zip(network.inputs, ("sequences", "context"))
    ]

    @tf.function(input_signature=signature)
    def mean_of_members(sequences, context):  # type: ignore[no-untyped-def]
        return tf.identity(network([sequences, context], training=False), name=output)

    model, _ = tf2onnx.convert.from_function(mean_of_members, input_signature=signature, opset=OPSET)
    operators = [node.op_type for node in model.graph.node]
    loops = [name for name in operators if name in ("Loop", "Scan")]
    if operators.count("LSTM") != n_recurrent or loops:
        raise ExportError(
            f"Expected {n_recurrent} fused LSTM operators and no loops in the exported network, got "
            f"{operators.count('LSTM')} and {len(loops)} loops. The versions of tensorflow and tf2onnx do not fit "
            "together; set up the backend again."
        )
    _rename_output(model, output)
    make_canonical(model)
    model.ir_version = IR_VERSION
    model.producer_name = "Hybrid Geostatistics"
    return model


def add_forests(model: Any, forests: DriftForests, n_rows: int = 257) -> float:
    """Add forests to the graph of a network, and return how far they are from what was grown.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed in place: an input ``table``, and the forests' columns after those of its only output.
    forests : DriftForests
    n_rows : int
        Random rows to compare on.

    Raises
    ------
    ExportError
        When scikit-learn and ONNX differ by more than `TOLERANCE` of the outputs' size.
    """
    import onnxruntime
    import skl2onnx
    from onnx import TensorProto, helper
    from skl2onnx.common.data_types import FloatTensorType

    output = model.graph.output[0].name
    _rename_output(model, f"{output}_of_network")
    columns = [f"{output}_of_network"]
    for index, forest in enumerate(forests.joined):
        converted = skl2onnx.convert_sklearn(
            forest,
            initial_types=[("table", FloatTensorType([None, forests.n_columns]))],
            target_opset={"": OPSET, "ai.onnx.ml": ML_OPSET},
        )
        for node in converted.graph.node:
            own = helper.make_node(node.op_type, [], [], name=f"forest_{index}_{node.name}", domain=node.domain)
            own.attribute.extend(node.attribute)
            # The table is shared; every other name is this forest's own.
            own.input.extend(name if name == "table" else f"forest_{index}_{name}" for name in node.input)
            own.output.extend(f"forest_{index}_{name}" for name in node.output)
            model.graph.node.append(own)
        for initializer in converted.graph.initializer:
            initializer.name = f"forest_{index}_{initializer.name}"
            model.graph.initializer.append(initializer)
        columns.append(f"forest_{index}_{converted.graph.output[0].name}")
    model.graph.node.append(helper.make_node("Concat", columns, [output], name="drifts", axis=1))
    n_columns = 2 * len(forests.joined)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(output, TensorProto.FLOAT, [None, n_columns]))
    model.graph.input.append(helper.make_tensor_value_info("table", TensorProto.FLOAT, [None, forests.n_columns]))
    if all(entry.domain != "ai.onnx.ml" for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))

    rng = np.random.default_rng(0)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = {
        entry.name: rng.normal(size=(n_rows, *entry.shape[1:])).astype(np.float32) for entry in session.get_inputs()
    }
    exported = session.run(None, inputs)[0][:, len(forests.joined) :]
    grown = forests.drift(inputs["table"])
    difference = float(np.abs(exported - grown).max())
    size = max(1.0, float(np.abs(grown).max()))
    if not difference <= TOLERANCE * size:
        raise ExportError(
            f"The exported forests differ from the grown ones by {difference:g} (outputs up to {size:g})."
        )
    return difference


def _rename_output(model: Any, name: str) -> None:
    """Give the only output a readable name."""
    old = model.graph.output[0].name
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, current in enumerate(names):
                if current == old:
                    names[index] = name
    model.graph.output[0].name = name


def check_same(network: Any, model: Any, n_rows: int = 257) -> float:
    """Compare Keras and ONNX on random inputs and return the largest difference.

    Raises
    ------
    ExportError
        When they differ by more than `TOLERANCE` of the outputs' size.
    """
    import onnxruntime

    rng = np.random.default_rng(0)
    sequences, context = (
        rng.normal(size=(n_rows, *given.shape[1:])).astype(np.float32) for given in network.inputs
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (exported,) = session.run(None, {"sequences": sequences, "context": context})
    trained = np.asarray(network([sequences, context], training=False))
    difference = float(np.abs(exported - trained).max())
    size = max(1.0, float(np.abs(trained).max()))
    if not difference <= TOLERANCE * size:
        raise ExportError(
            f"The exported network differs from the trained one by {difference:g} (outputs up to {size:g})."
        )
    return difference
