"""The contract's arrays and checks. Truth: bit-exact round trips, and messages that name what is wrong."""

import json

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import ModelFileError
from hybrid_geostatistics.core.prediction.contract import decode_array, encode_array, parse_contract
from hybrid_geostatistics.core.provenance import data_hash
from numpy.testing import assert_array_equal


def test_arrays_survive_bit_by_bit():
    array = np.array([[1 / 3, np.pi, -0.0], [np.nan, 1e-300, np.inf]])
    again = decode_array(json.loads(json.dumps(encode_array(array))))
    assert_array_equal(again.view(np.int64), array.view(np.int64))
    assert_array_equal(decode_array([[1, 2], [3, 4]]), [[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(
    "damage",
    [
        {"base64": "!"}, {"base64": "AAAA"}, {"shape": [5, 5]}, {"shape": [float("inf"), 3]}, {"dtype": "object"},
        {"shape": None},
    ],  # fmt: skip
)
def test_damaged_arrays_are_refused(damage):
    with pytest.raises(ModelFileError):
        decode_array({**encode_array(np.zeros((2, 3))), **damage})


def test_hash_tells_data_apart():
    a, b = np.zeros((2, 3)), np.zeros((3, 2))
    assert data_hash(a) == data_hash(a.copy()) != data_hash(b)
    assert len(data_hash(a)) == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "not a model of this plugin"),
        ("{", "not JSON"),
        ('{"format": "else", "version": 1}', "'else'"),
        ("[]", "'list'"),
        ('{"format": "hybridgeo-model", "version": 7}', "version 7.*up to version 1"),
        ('{"format": "hybridgeo-model", "version": "1"}', "version number"),
        ('{"format": "hybridgeo-model"}', "version number"),
    ],
)
def test_foreign_damaged_and_newer_contracts_are_refused(text, message):
    with pytest.raises(ModelFileError, match=message):
        parse_contract(text, "m.onnx")
