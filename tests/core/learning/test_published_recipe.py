"""The audit's copy of the published recipe, run small. Truth: white noise holds nothing to learn."""

import importlib.util
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")
pytestmark = [pytest.mark.backend, pytest.mark.slow]


def test_the_published_recipe_copies_its_input():
    """Already after 40 epochs it is told far more on noise than there is to know, and fails at unsampled points."""
    path = Path(__file__).resolve().parents[3] / "tools" / "audit.py"
    spec = importlib.util.spec_from_file_location("audit", path)
    audit = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = audit
    spec.loader.exec_module(audit)
    told, truth = audit.published(audit.make_site("white noise", 1), 1, max_epochs=40)
    assert told > 0.5 and truth < -0.5
