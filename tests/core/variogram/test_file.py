"""Variogram files as people write them by hand. Truth: the format's own words, and a kriging that needs numbers."""

import json
from math import inf, nan

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError, ModelFileError
from hybrid_geostatistics.core.variogram.file import VariogramFile
from hybrid_geostatistics.core.variogram.models import Structure

WRITTEN = {
    "format": "hybridgeo-variogram", "version": 1, "nugget": 0.1,
    "structures": [{"model": "spherical", "psill": 0.9, "effective_range": 30.0}],
}  # fmt: skip


def read(structure=None, **changes):
    """Read a file by hand with some entries changed, through JSON, which Python's lets hold NaN and Infinity."""
    content = {**WRITTEN, **changes}
    content["structures"] = [{**WRITTEN["structures"][0], **(structure or {})}]
    return VariogramFile.from_dict(json.loads(json.dumps(content)))


@pytest.mark.parametrize("angle", ["azimuth", "dip", "plunge"])
@pytest.mark.parametrize("number", [nan, inf])
def test_angles_are_numbers(angle, number):
    with pytest.raises(ModelFileError, match="Expected angles in degrees"):
        read({angle: number})
    with pytest.raises(InputError, match="Expected angles in degrees"):
        Structure("spherical", 1.0, 10.0, **{angle: number})


def test_null_stands_for_what_is_not_known():
    nulls = dict.fromkeys(("field", "transform", "crs", "unit", "experimental", "fit", "measurement_error"))
    assert read(**nulls).to_dict() == read().to_dict()
    assert read(note=None).extra == {"note": None}  # not ours: kept as it came


@pytest.mark.parametrize("key", ["fit", "experimental"])
def test_what_a_fit_leaves_is_an_object(key):
    with pytest.raises(ModelFileError, match=f"expected an object as {key}"):
        read(**{key: [1.0, 2.0]})


@pytest.mark.parametrize("version", [0, -3, True, "1", 1.5, 2])
def test_versions_there_are_not_are_refused(version):
    with pytest.raises(ModelFileError, match=f"version {version!r}"):
        read(version=version)


def test_a_table_of_normal_scores_is_finite():
    with pytest.raises(ModelFileError, match="finite"):
        read(transform={"kind": "normal_score", "values": [1.0, inf], "scores": [-1.0, 1.0]})
    table = {"kind": "normal_score", "values": [1.0, 3.0], "scores": [-1.0, 1.0]}
    assert read(transform=table).transform.inverse(np.zeros(1)).tolist() == [2.0]
