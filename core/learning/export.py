"""From a trained ensemble to one ONNX file with its contract inside."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..prediction.contract import METADATA_KEY
from ..progress import IsCancelled, never, stop_if
from .networks import keras_ensemble
from .training import DriftEnsemble

OPSET = 17
IR_VERSION = 8
TOLERANCE = 1e-5
"""Largest accepted difference between Keras and ONNX, relative to the spread of the outputs."""


class ExportError(RuntimeError):
    """The exported graph is not what was trained; nothing has been written."""


def write_model(
    ensemble: DriftEnsemble, contract: dict, path: str | Path, is_cancelled: IsCancelled = never
) -> None:
    """Write the mean of the ensemble and the contract as one ONNX file.

    Parameters
    ----------
    ensemble : DriftEnsemble
    contract : dict
        `FittedHybrid.contract`.
    path : str or Path
        The file appears whole or not at all.
    is_cancelled : IsCancelled

    Raises
    ------
    ExportError
        When a recurrent layer lost its fused operator, or Keras and ONNX differ.
    OSError
        When the file cannot be written.
    Cancelled
        When the user asked to stop.
    """
    network = keras_ensemble(ensemble.architecture, ensemble.weights)
    write_network(network, ensemble.n_members, "drift", contract, path, is_cancelled)


def write_network(
    network: Any, n_recurrent: int, output: str, contract: dict, path: str | Path, is_cancelled: IsCancelled = never
) -> None:
    """Write a Keras model of sequences and context with a contract as one ONNX file.

    Parameters
    ----------
    network : keras.Model
        Two inputs, sequences and context.
    n_recurrent : int
        Number of its recurrent layers, each of which must become one fused operator.
    output : str
        Name of the output.
    contract : dict
    path, is_cancelled
        See `write_model`.

    Raises
    ------
    ExportError, OSError, Cancelled
        As `write_model`.
    """
    # The contract first: a value that is no JSON should fail before the slow conversion.
    text = json.dumps(contract, ensure_ascii=False, allow_nan=False)
    stop_if(is_cancelled)
    model = to_onnx(network, n_recurrent, output)
    stop_if(is_cancelled)
    check_same(network, model)
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, text
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        unfinished.write_bytes(model.SerializeToString())
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def to_onnx(network: Any, n_recurrent: int, output: str = "drift") -> Any:
    """Convert a Keras model with two inputs, and check that its recurrent layers stay fused.

    Parameters
    ----------
    network : keras.Model
        From `keras_ensemble`.
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
    model.ir_version = IR_VERSION
    model.producer_name = "Hybrid Geostatistics"
    return model


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
