"""Files of users. Truth: what was written comes back; limits of size and depth."""

import json

import pytest
from hybrid_geostatistics.core.bounded_files import read_bounded, read_json
from hybrid_geostatistics.core.errors import InputError, ModelFileError
from hybrid_geostatistics.core.features.spectra import PrincipalComponents
from hybrid_geostatistics.core.prediction.contract import parse_contract
from hybrid_geostatistics.core.variogram.file import VariogramFile
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel


def test_a_file_is_read_up_to_the_bound_and_refused_beyond(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"x" * 100)
    assert read_bounded(path, 100) == b"x" * 100
    with pytest.raises(ValueError, match="larger than"):
        read_bounded(path, 99)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_json_comes_back_whatever_an_editor_puts_before_it(tmp_path, encoding):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"unit": "µg/kg"}, ensure_ascii=False), encoding=encoding)
    assert read_json(path) == {"unit": "µg/kg"}


def test_a_variogram_of_notepad_is_read(tmp_path):
    path = tmp_path / "variogram.json"
    model = VariogramModel(0.1, (Structure("spherical", 0.9, 310.0),))
    path.write_text(json.dumps(VariogramFile(model).to_dict()), encoding="utf-8-sig")
    assert VariogramFile.read(path).model == model


@pytest.mark.parametrize("read", [VariogramFile.read, PrincipalComponents.read])
@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"{", b"[" * 100_000], ids=["not UTF-8", "cut off", "nested deeply"]
)
def test_what_is_no_file_of_ours_is_refused(tmp_path, read, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match="a.json .* made by"):
        read(path)


def test_a_contract_nested_deeply_is_refused():
    with pytest.raises(ModelFileError, match="damaged"):
        parse_contract("[" * 100_000, "a.onnx")
