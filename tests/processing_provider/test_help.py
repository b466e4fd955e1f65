"""Help texts. Truth: two roads - what they name is what the algorithms and the program have - and small Markdown."""

import re

import pytest

pytest.importorskip("qgis.core", reason="needs QGIS")

NO_PARAMETERS = {"HYBRIDGEO_BACKEND_DIR", "HYBRIDGEO_BACKEND_PYTHON", "CSV", "JSON", "VTK", "MSDR", "REE", "RFSI"}
"""Capitals that name environment variables, formats, a score, a sum and a method."""


@pytest.fixture(scope="module")
def algorithms(provider):
    return {algorithm.name(): algorithm for algorithm in provider.algorithms()}


@pytest.fixture(scope="module")
def sources(root):
    """Return program and models in lower case, in which every word on the screen stands between quotes."""
    paths = [path for folder in ("core", "processing_provider") for path in (root / folder).rglob("*.py")]
    paths += (root / "resources" / "models").glob("*.model3")
    return "\n".join(path.read_text(encoding="utf-8") for path in paths).lower()


def definitions(algorithm):
    return [*algorithm.parameterDefinitions(), *algorithm.outputDefinitions()]


def test_every_text_belongs_to_an_algorithm(algorithms, root):
    assert {path.stem for path in (root / "resources" / "help").glob("*.md")} == set(algorithms)


def test_names_in_capitals_are_parameters_or_outputs(algorithms, root):
    names = {definition.name() for algorithm in algorithms.values() for definition in definitions(algorithm)}
    for name in algorithms:
        text = (root / "resources" / "help" / f"{name}.md").read_text(encoding="utf-8")
        told = {*re.findall(r"\b[A-Z0-9]+(?:_[A-Z0-9]+)+\b", text), *re.findall(r"\(([A-Z]{3,})\)", text)}
        assert told <= names | NO_PARAMETERS, name


def test_what_is_emphasised_stands_on_the_screen(algorithms, sources, root):
    for name, algorithm in algorithms.items():
        text = (root / "resources" / "help" / f"{name}.md").read_text(encoding="utf-8")
        told = {term.lower() for term in re.findall(r"(?<![*\w])\*([a-zA-Z][^*\n]+)\*(?!\*)", text)}
        shown = {other.displayName().lower() for other in algorithms.values()}
        shown |= {definition.description().lower() for definition in definitions(algorithm)}
        unknown = {term for term in told - shown if f'"{term}"' not in sources}
        assert not unknown, name


def test_the_readme_lists_every_algorithm_by_its_name(algorithms, root):
    text = (root / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"\[([^\]]+)\]\(resources/help/(\w+)\.md\)", text))
    assert listed == {algorithm.displayName(): name for name, algorithm in algorithms.items()}


def test_lists_are_rendered():
    from hybrid_geostatistics.processing_provider.help import render

    assert render("1. *Fit*\n2. Krige\n   slowly") == "<ol><li><p><i>Fit</i></p></li><li><p>Krige slowly</p></li></ol>"
    assert render("- a\n- b\n  c") == "<ul><li><p>a</p></li><li><p>b c</p></li></ul>"
