"""Block models as files. Truth: numbers read back; the XML of the image, block by block."""

import io
import re
import struct

import numpy as np
import pytest
from hybrid_geostatistics.core.block_model import BlockTable, common_step, write_vtk_image
from hybrid_geostatistics.core.errors import InputError


def test_table():
    text = io.StringIO()
    table = BlockTable(text, ["zinc", 'lead "total"'])
    places = np.array([[1e6 + 0.5, 7e6, -5.0], [1e6, 7e6, -5.0], [2.0, 3.0, 100.25]])
    table.add(places, np.array([[0.1, np.nan], [np.nan, np.nan], [1e-7, -2.0]], dtype=np.float32))
    assert text.getvalue() == (
        'x,y,z,zinc,"lead ""total"""\n1000000.5,7000000,-5,0.1,\n2,3,100.25,1e-07,-2\n'
    )
    assert table.n_written == 2
    with pytest.raises(InputError, match="called z"):
        BlockTable(text, ["z"])


def test_image(tmp_path):
    pytest.importorskip("pyevtk", reason="needs pyevtk")
    values = np.arange(24, dtype=np.float32).reshape(2, 3, 4)  # level, row, column
    write_vtk_image(tmp_path / "m.vti", {"zinc": values}, (100.0, 200.0, -15.0), (30.0, 20.0, 10.0))
    content = (tmp_path / "m.vti").read_bytes()
    head = content.split(b"<AppendedData")[0].decode()
    assert 'WholeExtent="0 4 0 3 0 2"' in head and 'NumberOfComponents="1"' in head
    assert [float(n) for n in re.search('Origin="([^"]+)"', head)[1].split()] == [100.0, 200.0, -15.0]
    assert [float(n) for n in re.search('Spacing="([^"]+)"', head)[1].split()] == [30.0, 20.0, 10.0]
    raw = content.split(b"<AppendedData")[1].split(b"_", 1)[1]
    (size,) = struct.unpack("<Q", raw[:8])
    # x fastest, from the south-west corner of the lowest level
    np.testing.assert_array_equal(
        np.frombuffer(raw[8 : 8 + size], "<f4").reshape(2, 3, 4), values[::-1, ::-1, :]
    )


def test_steps():
    assert common_step([350.0, 340.0, 330.0]) == 10.0
    with pytest.raises(InputError, match="steps of 5, 10"):
        common_step([20.0, 10.0, 5.0])
    with pytest.raises(InputError, match="got one"):
        common_step([20.0])
