"""Truth: published numbers, of books, of R's gstat and of GSLIB's kt3d (tools/kriging_vectors.py lists them)."""

import importlib.util
import sys
from pathlib import Path

import pytest
from numpy.testing import assert_allclose

TOOL = Path(__file__).resolve().parents[3] / "tools" / "kriging_vectors.py"


def tool():
    name = "kriging_vectors"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, TOOL)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.mark.parametrize("vector", tool().vectors(), ids=lambda vector: vector.name)
def test_published(vector):
    if vector.needs:
        pytest.importorskip(vector.needs)
    ours = vector.compute()
    labels = list(vector.published)
    assert set(labels) == set(ours)
    assert_allclose(
        [ours[label] for label in labels], [vector.published[label] for label in labels],
        # Absolute where 0 was published: the variance on a sample.
        rtol=vector.tolerance, atol=1e-12,
    )  # fmt: skip


def test_the_page_lists_every_vector():
    page = tool().PAGE.read_text(encoding="utf-8")
    missing = [vector.name for vector in tool().vectors() if f"| {vector.name} |" not in page]
    assert not missing, f"Run tools/kriging_vectors.py: the page lacks {missing}."
