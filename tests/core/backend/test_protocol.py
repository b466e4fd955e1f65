"""The protocol: two roads (encode, then decode), and what is no message.

Truth: adapter contract; a message survives the trip, anything else is refused with what came.
"""

import ast
import json
import sys
from pathlib import Path

import pytest
from hybrid_geostatistics.core.backend import protocol

MESSAGES = [
    protocol.Run("fit_variogram", {"field": "Zink ä\n", "options": {"n_lags": 12}}, "/tmp/a folder"),
    protocol.Cancel(),
    protocol.Started({"python": "3.11.2"}),
    protocol.Progress(3, 10.0, "epoch 3"),
    protocol.Completed({"outputs": {"nugget": 0.25}, "files": {}}),
    protocol.Cancelled(),
    protocol.Failed(protocol.INPUT, "Expected 10 samples, got 3.", ""),
]

NOISE = [
    "",
    "Epoch 1/10",
    "null",
    "[1, 2]",
    "42",
    "{}",
    '{"type": "Launch"}',
    '{"type": ["Cancel"]}',
    '{"type": "Progress"}',
    '{"type": "Progress", "current": "half"}',
    '{"type": "Progress", "current": true}',
    '{"type": "Failed", "kind": "input"}',
    '{"type": "Completed", "outputs": [1]}',
    '{"type": "Comple',
    "[" * 100_000,
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_and_survives(message):
    line = protocol.encode(message)
    assert "\n" not in line
    assert line.isascii()  # whatever the console's encoding is
    assert protocol.decode(line + "\n") == message


@pytest.mark.parametrize("line", NOISE, ids=lambda line: line[:30])
def test_noise_is_refused(line):
    with pytest.raises(protocol.ProtocolError, match="Expected"):
        protocol.decode(line)


def test_unknown_keys_of_a_newer_worker_are_ignored():
    assert protocol.decode('{"type": "Cancel", "urgency": 3}') == protocol.Cancel()


def test_missing_optional_keys_take_their_defaults():
    assert protocol.decode('{"type": "Progress", "current": 2}') == protocol.Progress(2, 1.0, "")


def test_values_json_cannot_hold_are_refused():
    with pytest.raises(TypeError):
        protocol.encode(protocol.Completed({"path": Path("x")}))


def test_not_a_number_survives():
    line = protocol.encode(protocol.Completed({"outputs": {"loo_rmse": float("nan")}}))
    assert str(protocol.decode(line).outputs["outputs"]["loo_rmse"]) == "nan"
    assert json.loads(line)["type"] == "Completed"


def test_it_needs_only_the_standard_library():
    tree = ast.parse(Path(protocol.__file__).read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module]
        for name in names:
            # sys.stdlib_module_names came with Python 3.10.
            assert name.split(".")[0] in getattr(sys, "stdlib_module_names", {name.split(".")[0]})
