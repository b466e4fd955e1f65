"""How results look in the list of layers and on the map. Truth: what QGIS draws for which point, and layers' names."""

import numpy as np
import pytest

pytest.importorskip("qgis.core", reason="needs QGIS")

from hybrid_geostatistics.processing_provider.styles import RampStyle, ResidualStyle
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProject,
    QgsRasterLayer,
    QgsRenderContext,
    QgsVectorLayer,
)

METHODS = ["ordinary_kriging", "inverse_distance"]


def loaded_as(world, algorithm, given, output, name):
    """Run an algorithm whose output is to be loaded; return its results and the style of the layer."""
    context = QgsProcessingContext()
    context.setProject(QgsProject.instance())
    details = QgsProcessingContext.LayerDetails(name, QgsProject.instance(), output)
    context.addLayerToLoadOnCompletion(given[output], details)
    found, done = (
        QgsApplication.processingRegistry().algorithmById(f"hybridgeo:{algorithm}").run(given, context, world.Log())
    )
    assert done
    return found, context.layerToLoadOnCompletionDetails(given[output]).postProcessor(), context


def labels_of(layer):
    """Return the label of the class in which each point is drawn, None for one that is not."""
    renderer, context = layer.renderer(), QgsRenderContext()
    labels = []
    for feature in layer.getFeatures():
        context.expressionContext().setFeature(feature)
        symbols = []
        renderer.startRender(context, layer.fields())
        symbols = renderer.legendKeysForFeature(feature, context)
        renderer.stopRender(context)
        items = {item.ruleKey(): item.label() for item in renderer.legendSymbolItems()}
        labels.append(items[next(iter(symbols))] if symbols else None)
    return labels


@pytest.mark.parametrize(
    ("algorithm", "field", "output", "usual", "named"),
    [("ordinarykriging", "FIELD", "ESTIMATE", "Estimate", "zinc: estimate"),
     ("ordinarykriging", "FIELD", "KRIGING_VARIANCE", "Kriging variance", "zinc kriging variance"),
     ("kriginggradient", "FIELDS", "GRADIENT", "Gradient", "Gradient")],
)  # fmt: skip
def test_a_map_is_called_by_its_quantity(
    run, world, samples, variogram, template, tmp_path, algorithm, field, output, usual, named
):
    """But a name that the user gave it (its file's, or a model's) stays."""
    given = {"INPUT": samples, field: "zinc", "VARIOGRAM": variogram, "TEMPLATE": template,
             "ESTIMATE": str(tmp_path / "e.tif")}  # fmt: skip
    given[output] = str(tmp_path / "map.tif")
    _, style, context = loaded_as(world, algorithm, given, output, usual)
    assert isinstance(style, RampStyle)
    for before, after in ((usual, named), ("my map", "my map")):
        layer = QgsRasterLayer(given[output], before)
        style.postProcessLayer(layer, context, world.Log())
        assert layer.name() == after and layer.renderer().type() == "singlebandpseudocolor"


def test_residuals_are_drawn_by_sign_and_size_and_of_one_method_only(run, world, samples, tmp_path):
    """Truth: the residuals in the table, class by class."""
    given = {"INPUT": samples, "TARGETS": "zinc", "METHODS": METHODS, "FOLDS": "random",
             "OUTPUT": str(tmp_path / "c.csv"), "RESIDUALS": str(tmp_path / "r.gpkg")}  # fmt: skip
    found, style, context = loaded_as(world, "comparemethods", given, "RESIDUALS", "Residuals")
    assert isinstance(style, ResidualStyle)
    layer = QgsVectorLayer(given["RESIDUALS"], "Residuals", "ogr")
    style.postProcessLayer(layer, context, world.Log())
    best = found["BEST_METHOD"]
    assert layer.name() == f"Residuals: zinc, {best}, random folds"
    rows = list(layer.getFeatures())
    shown = np.array([row["method"] == best for row in rows])
    residuals = np.array([row["residual"] for row in rows])
    labels = np.array(labels_of(layer), dtype=object)
    assert (labels[~shown] == None).all() and shown.sum() == 40  # noqa: E711 - elementwise
    for label, residual in zip(labels[shown], residuals[shown]):
        assert ("too low" in label and residual > 0) or ("too high" in label and residual < 0) or "within" in label
    sizes = np.abs(residuals[shown])
    small = np.array(["within" in label for label in labels[shown]])
    large = np.array(["more than" in label for label in labels[shown]])
    assert sizes[small].max() <= sizes[~small].min() and sizes[large].min() >= sizes[~large].max()
    assert 0.4 <= small.mean() <= 0.6 and 0.05 <= large.mean() <= 0.15


def test_residuals_that_are_all_the_same_are_left_as_they_are(qgis_app, world):
    layer = QgsVectorLayer("Point?field=residual:double", "mine", "memory")
    kind = layer.renderer().type()
    style = ResidualStyle("theirs", "Residuals", '"residual"', np.zeros(5))
    style.postProcessLayer(layer, QgsProcessingContext(), world.Log())
    assert layer.renderer().type() == kind and layer.name() == "mine"


def test_a_cross_validation_is_drawn_by_its_residuals(run, world, samples, variogram, tmp_path):
    given = {"INPUT": samples, "FIELD": "zinc", "VARIOGRAM": variogram, "CELL_SIZE": 50,
             "ESTIMATE": str(tmp_path / "e.tif"), "CROSS_VALIDATION": str(tmp_path / "cv.gpkg")}  # fmt: skip
    _, style, context = loaded_as(world, "ordinarykriging", given, "CROSS_VALIDATION", "Cross-validation")
    layer = QgsVectorLayer(given["CROSS_VALIDATION"], "Cross-validation", "ogr")
    style.postProcessLayer(layer, context, world.Log())
    residuals = [row["residual"] for row in layer.getFeatures()]
    assert layer.name() == "zinc: cross-validation" and layer.renderer().classAttribute() == '"residual"'
    assert [("too low" in label) for label in labels_of(layer)] == [
        residual > 0 and "within" not in label for residual, label in zip(residuals, labels_of(layer))
    ]
