"""Build the graphical models that ship with the plugin, each from a short description.

They chain the plugin's algorithms by their fixed ids and parameter names, and are the proof that these
can be chained. ``tools/make_models`` runs this; open the results in QGIS's model designer.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessing,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)
from qgis.PyQt.QtCore import QPointF

ROOT = Path(__file__).resolve().parent.parent
GROUP = "Hybrid Geostatistics"
TRANSFORM = "log"
SOURCE = QgsProcessingModelChildParameterSource


def samples():
    return QgsProcessingParameterFeatureSource("INPUT", "Samples", [QgsProcessing.SourceType.TypeVectorPoint])


def field(name: str, label: str, several: bool = False):
    return QgsProcessingParameterField(
        name, label, None, "INPUT", QgsProcessingParameterField.DataType.Numeric, allowMultiple=several
    )


def transform():
    options = ["none", "log", "log1p"]
    return QgsProcessingParameterEnum("TRANSFORM", "Transform", options, defaultValue=TRANSFORM, usesStaticStrings=True)


def template():
    return QgsProcessingParameterRasterLayer("TEMPLATE", "Template raster")


def covariates():
    return QgsProcessingParameterMultipleLayers("COVARIATES", "Covariate rasters", QgsProcessing.SourceType.TypeRaster)


def parameter_or(name: str, default: str | int) -> SOURCE:
    """Take a value from a parameter of the model, or its default: qgis_process hands over only what is given."""
    return SOURCE.fromExpression(f"coalesce(@{name}, {default!r})")


def parameter(name: str) -> SOURCE:
    """Take a value from a parameter of the model."""
    return SOURCE.fromModelParameter(name)


def output_of(child: str, name: str) -> SOURCE:
    """Take a value from an output of an earlier step."""
    return SOURCE.fromChildOutput(child, name)


def value(what) -> SOURCE:
    """Take a fixed value."""
    return SOURCE.fromStaticValue(what)


def defaults(algorithm: str) -> dict[str, SOURCE]:
    """Take the default of every mandatory parameter that has one."""
    known = QgsApplication.processingRegistry().algorithmById(f"hybridgeo:{algorithm}")
    return {
        definition.name(): value(definition.defaultValue())
        for definition in known.parameterDefinitions()
        if not definition.isDestination()
        and not definition.flags() & definition.Flag.FlagOptional
        and definition.defaultValue() is not None
    }


def build(name: str, title: str, text: str, inputs: list, steps: list) -> None:
    """Write one model; a step is (id in the model, algorithm, description, sources, outputs of the model).

    A parameter of several layers takes a list of sources. What a step does not name gets the algorithm's default:
    the designer shows a step red whose mandatory parameters have no source. An output that a later step reads cannot
    be skipped. Inputs stand left, steps one below the other, their outputs to the right.
    """
    needed = {
        (source.outputChildId(), source.outputName())
        for *_, sources, _ in steps
        for given in sources.values()
        for source in (given if isinstance(given, list) else [given])
    }
    model = QgsProcessingModelAlgorithm(title, GROUP)
    model.setName(title)
    model.setHelpContent({"ALG_DESC": text, "ALG_CREATOR": GROUP})
    for row, definition in enumerate(inputs):
        place = QgsProcessingModelParameter(definition.name())
        place.setPosition(QPointF(140, 120 + 140 * row))
        model.addModelParameter(definition, place)
    model.setParameterOrder([definition.name() for definition in inputs])
    for row, (step, algorithm, description, sources, outputs) in enumerate(steps):
        height = 120 + 140 * row
        child = QgsProcessingModelChildAlgorithm(f"hybridgeo:{algorithm}")
        child.setChildId(step)
        child.setDescription(description)
        child.setPosition(QPointF(440, height))
        for key, source in {**defaults(algorithm), **sources}.items():
            child.addParameterSources(key, source if isinstance(source, list) else [source])
        results = {}
        for column, (key, label) in enumerate(outputs.items()):
            result = QgsProcessingModelOutput(label)
            result.setChildId(step)
            result.setChildOutputName(key)
            result.setDescription(label)
            result.setMandatory((step, key) in needed)
            result.setPosition(QPointF(740 + 230 * column, height + 40))
            results[label] = result
        child.setModelOutputs(results)
        model.addChildAlgorithm(child)
    path = ROOT / "resources" / "models" / f"{name}.model3"
    path.parent.mkdir(exist_ok=True)
    if not model.toFile(str(path)):
        sys.exit(f"error: {path} cannot be written.")
    print(path)


def kriging_chain() -> None:
    build(
        "kriging_chain",
        "Kriging chain",
        "Checks the samples and averages those at one location, fits a variogram and kriges on the grid of a raster.",
        [samples(), field("FIELD", "Field"), transform(), template()],
        [
            (
                "check",
                "checksamples",
                "Check samples",
                {"INPUT": parameter("INPUT"), "FIELDS": parameter("FIELD"), "DUPLICATES": value("average")},
                # Were the cleaned samples an output, the rest would fail where it is skipped.
                {"OUTPUT_HTML": "Sample report"},
            ),
            (
                "fit",
                "fitvariogram",
                "Fit variogram",
                {
                    "INPUT": output_of("check", "OUTPUT"),
                    "FIELD": parameter("FIELD"),
                    "TRANSFORM": parameter_or("TRANSFORM", TRANSFORM),
                },
                {"VARIOGRAM": "Variogram", "OUTPUT_HTML": "Variogram report"},
            ),
            (
                "krige",
                "ordinarykriging",
                "Ordinary kriging",
                {
                    "INPUT": output_of("check", "OUTPUT"),
                    "FIELD": parameter("FIELD"),
                    "VARIOGRAM": output_of("fit", "VARIOGRAM"),
                    "TEMPLATE": parameter("TEMPLATE"),
                },
                {"ESTIMATE": "Estimate", "KRIGING_VARIANCE": "Kriging variance"},
            ),
        ],
    )


def hybrid_chain() -> None:
    build(
        "hybrid_chain",
        "Hybrid chain",
        "Trains a hybrid of kriging and a network in the backend and predicts on the grid of a raster.",
        [samples(), field("TARGETS", "Targets", several=True), covariates(), transform(), template()],
        [
            (
                "train",
                "trainhybridmodel",
                "Train hybrid model",
                {
                    **{name: parameter(name) for name in ("INPUT", "TARGETS", "COVARIATES")},
                    "TRANSFORM": parameter_or("TRANSFORM", TRANSFORM),
                },
                {"MODEL": "Model", "OUTPUT_HTML": "Training report"},
            ),
            (
                "predict",
                "predictraster",
                "Predict raster",
                {
                    "MODEL": output_of("train", "MODEL"),
                    "COVARIATES": parameter("COVARIATES"),
                    "TEMPLATE": parameter("TEMPLATE"),
                },
                {"PREDICTION": "Prediction", "LOWER": "Lower bound", "UPPER": "Upper bound"},
            ),
        ],
    )


def fusion_chain() -> None:
    elevations, steps = "1240, 1120, 40", 400
    majors = ["Fe_pct", "Si_pct", "Al_pct", "Ti_pct"]
    lanthanides = [f"{name}_ppm" for name in "La Ce Pr Nd Sm Eu Gd Tb Dy Ho Er Tm Yb Lu".split()]
    covariates = [
        output_of("deposit", "MAGNETICS"), output_of("deposit", "CHARGEABILITY"), output_of("spectra", "OUTPUT"),
    ]  # fmt: skip
    build(
        "fusion_chain",
        "Rare earth fusion",
        "A synthetic deposit, whole: drill holes to composites, rare earths summed, three components of the spectra, "
        "the AFG-PMS network on the kriged target, two kinds of geophysics, the components and the gradients of Fe, "
        "Si, Al, Ti and the sum of rare earths (eleven inputs), and a block model beside the truth. It takes about ten "
        "minutes of a processor.",
        [
            QgsProcessingParameterNumber("SEED", "Seed of the deposit", defaultValue=0, minValue=0),
            QgsProcessingParameterString("ELEVATIONS", "Elevations", elevations),
            QgsProcessingParameterEnum(
                "ARCHITECTURE", "Architecture", ["afg_pms", "hybrid"], defaultValue="afg_pms", usesStaticStrings=True
            ),
            QgsProcessingParameterNumber("N_STEPS", "Training steps", defaultValue=steps, minValue=1),
        ],
        [
            (
                "deposit", "exampledeposit", "Synthetic deposit", {"SEED": parameter_or("SEED", 0)},
                {"TRUTH": "Truth"},
            ),
            (
                "composite", "compositedrillholes", "Composite drill holes",
                {
                    **{name: output_of("deposit", name) for name in ("COLLARS", "SURVEYS", "ASSAYS")},
                    "FIELDS": value(";".join([*majors, *lanthanides])), "LENGTH": value(10.0),
                },
                {"OUTPUT_HTML": "Drill hole report"},
            ),
            (
                "indices", "rareearths", "Rare earth indices", {"INPUT": output_of("composite", "OUTPUT")},
                {"OUTPUT": "Composites"},
            ),
            (
                "spectra", "spectralpca", "Spectral components",
                {"RASTER": output_of("deposit", "REFLECTANCE"), "COMPONENTS": value(3)}, {"OUTPUT": "Components"},
            ),
            (
                "train", "trainhybridmodel", "Train",
                {
                    "INPUT": output_of("indices", "OUTPUT"), "TARGETS": value("REE"),
                    "COVARIATES": covariates, "GRADIENT_FIELDS": value(";".join([*majors, "REE"])),
                    "HOLE": value("hole"), "DIMENSIONS": value("3d"),
                    "ARCHITECTURE": parameter_or("ARCHITECTURE", "afg_pms"), "TRANSFORM": value("log"),
                    # Holes here and there: parts of the deposit would be further than the map goes, and from half of
                    # its holes the network learns nothing (R2 of logarithms 0.04 at the others, 0.6 from four fifths).
                    "FOLDS": value("random"),
                    "N_FOLDS": value(5), "N_STEPS": parameter_or("N_STEPS", steps),
                },
                {"MODEL": "Model", "OUTPUT_HTML": "Training report"},
            ),
            (
                "predict", "predictraster", "Predict block model",
                {
                    "MODEL": output_of("train", "MODEL"), "COVARIATES": covariates,
                    "TEMPLATE": output_of("deposit", "TRUTH"), "ELEVATIONS": parameter_or("ELEVATIONS", elevations),
                },
                {"PREDICTION": "Prediction", "LOWER": "Lower bound", "UPPER": "Upper bound"},
            ),
        ],
    )  # fmt: skip


def main() -> None:
    application = QgsApplication([], False)
    application.initQgis()
    name = "hybrid_geostatistics"
    spec = importlib.util.spec_from_file_location(name, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    provider = importlib.import_module(f"{name}.processing_provider.provider")
    # The algorithms are looked up while a model is built; without a name for it, QGIS forgets a provider in Python.
    algorithms = provider.HybridGeostatisticsProvider()
    QgsApplication.processingRegistry().addProvider(algorithms)
    kriging_chain()
    hybrid_chain()
    fusion_chain()


main()
