"""The models that ship, as QGIS understands them. Truth: which steps read which outputs, as the models say."""

import pytest

pytest.importorskip("qgis.core", reason="needs QGIS")

from qgis.core import QgsProcessingModelAlgorithm, QgsProcessingParameterDefinition


@pytest.mark.parametrize("name", ["kriging_chain", "hybrid_chain", "fusion_chain"])
def test_no_output_that_a_later_step_reads_can_be_skipped(provider, root, name):
    """Else the model fails where it is skipped, as the dialog does by default with some."""
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(root / "resources" / "models" / f"{name}.model3"))
    children = model.childAlgorithms()
    read = {
        (source.outputChildId(), source.outputName())
        for child in children.values()
        for sources in child.parameterSources().values()
        for source in sources
        if source.outputChildId()
    }
    offered = [
        (child_id, output.childOutputName(), f"{child_id}:{label}")
        for child_id, child in children.items()
        for label, output in child.modelOutputs().items()
    ]
    assert read and offered
    optional = QgsProcessingParameterDefinition.Flag.FlagOptional
    skippable = [
        parameter
        for child_id, output, parameter in offered
        if (child_id, output) in read and model.parameterDefinition(parameter).flags() & optional
    ]
    assert not skippable
