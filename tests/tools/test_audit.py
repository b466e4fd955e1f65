"""The audit page. Truth: its own claim, row by row; a field of a known variogram."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "audit.md"


@pytest.fixture(scope="module")
def audit():
    spec = importlib.util.spec_from_file_location("audit", ROOT / "tools" / "audit.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


def rows_of_page():
    """Return what each method was told and what was true, by field."""
    found, field = {}, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        field = line[3:] if line.startswith("## ") else field
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 3 and re.match(r"-?\d", cells[1]):
            found[field, cells[0]] = [[float(number) for number in cell.split(",")] for cell in cells[1:]]
    return found


def test_the_page_shows_what_it_says(audit):
    rows = rows_of_page()
    assert {name for _, name in rows} == set(audit.METHODS) and len(rows) == 2 * len(audit.METHODS)
    for field in ("White noise", "Spherical field"):
        told, truth = rows[field, "the published recipe"]
        assert min(told) > 0.95 and max(truth) < -1
    for name in list(audit.METHODS)[1:]:
        told, truth = rows["White noise", name]
        assert max(told) < 0.05 and max(truth) < 0.05
    plain = rows["Spherical field", "ordinary kriging"][1]
    assert min(plain) > 0.4


def test_the_site_is_what_it_says(audit):
    """Over several seeds the values have the mean and spread told, and neighbours are alike only in a field."""
    ends = {}
    for field in audit.FIELDS:
        sites = [audit.make_site(field, seed) for seed in range(6)]
        values = np.concatenate([site.truth for site in sites])
        assert values.mean() == pytest.approx(audit.MEAN, abs=6)
        assert values.std() == pytest.approx(audit.SPREAD, rel=0.2)
        near = []
        for site in sites:
            lag = np.linalg.norm(site.unsampled[:, None] - site.unsampled[None], axis=2)
            one, other = np.nonzero((lag > 0) & (lag < 20))
            near.append(np.corrcoef(site.truth[one], site.truth[other])[0, 1])
        ends[field] = float(np.mean(near))
    assert abs(ends["white noise"]) < 0.1 and ends["spherical field"] > 0.6
