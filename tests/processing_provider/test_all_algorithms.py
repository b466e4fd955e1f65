"""Identity and manners of every registered algorithm: names, help, flags, parameters."""

import re

import pytest

pytest.importorskip("qgis.core", reason="needs QGIS")

from qgis.core import (
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingParameterEnum,
)

# interface.md of the project: ids and names other people's models depend on.
PROMISED = {
    "checksamples": (
        {"INPUT", "FIELDS", "DUPLICATES", "CENSORED", "TRANSFORM"},
        {"OUTPUT", "OUTPUT_HTML", "N", "N_DUPLICATES", "N_CENSORED"},
    ),
    "compositedrillholes": (
        {"COLLARS", "SURVEYS", "ASSAYS", "LENGTH"},
        {"OUTPUT", "OUTPUT_HTML", "N_HOLES", "N_COMPOSITES", "N_PROBLEMS", "N_CENSORED"},
    ),
    "exampledeposit": (
        {"SEED"},
        {"COLLARS", "SURVEYS", "ASSAYS", "MAGNETICS", "CHARGEABILITY", "REFLECTANCE", "TRUTH", "N_HOLES", "N_ASSAYS"},
    ),
    "rareearths": ({"INPUT", "FIELDS", "UNIT", "CENSORED"}, {"OUTPUT", "N_ELEMENTS", "N_CENSORED", "DERIVED"}),
    "logratios": ({"INPUT", "FIELDS", "KIND", "REST", "UNIT", "CENSORED"}, {"OUTPUT", "N_CENSORED", "PARTS", "RATIOS"}),
    "compositionraster": ({"RATIOS", "PARTS", "KIND", "VARIANCES", "TOTAL"}, {"OUTPUT", "NAMES"}),
    "experimentalvariogram": (
        {"INPUT", "FIELD", "TRANSFORM", "N_LAGS", "MAX_LAG", "ESTIMATOR", "AZIMUTH", "DIP", "TOLERANCE"},
        {"OUTPUT", "OUTPUT_HTML"},
    ),
    "fitvariogram": (
        {"INPUT", "FIELD", "TRANSFORM", "MODEL"},
        {"VARIOGRAM", "OUTPUT_HTML", "NUGGET", "PSILL", "EFFECTIVE_RANGE", "LOO_RMSE"},
    ),
    "ordinarykriging": (
        {"INPUT", "FIELD", "VARIOGRAM", "EXTENT", "CELL_SIZE", "TEMPLATE", "MIN_NEIGHBORS", "MAX_NEIGHBORS",
         "SEARCH_RADIUS", "DRIFT", "KRIGING_TYPE", "BLOCK", "ELEVATIONS"},
        {"ESTIMATE", "KRIGING_VARIANCE"},
    ),
    "kriginggradient": (
        {"INPUT", "FIELDS", "VARIOGRAM", "EXTENT", "CELL_SIZE", "TEMPLATE", "MIN_NEIGHBORS", "MAX_NEIGHBORS",
         "SEARCH_RADIUS", "ELEVATIONS"},
        {"GRADIENT", "GRADIENT_VARIANCE"},
    ),
    "exportblockmodel": ({"RASTERS"}, {"OUTPUT", "POINTS", "VTK", "N"}),
    "spectralpca": ({"RASTER", "COMPONENTS"}, {"OUTPUT", "PCA", "EXPLAINED"}),
    "trainhybridmodel": (
        {"INPUT", "TARGETS", "COVARIATES", "ARCHITECTURE", "TRANSFORM", "VARIOGRAM", "HOLE", "DEPTH", "SEED"},
        {"MODEL", "OUTPUT_HTML", "RMSE", "R2", "KRIGING_RMSE", "RMSE_RATIO", "WEIGHTS", "COVERAGE"},
    ),
    "updatemodel": ({"MODEL", "INPUT", "MODE"}, {"UPDATED_MODEL", "OUTPUT_HTML"}),
    "predictraster": (
        {"MODEL", "COVARIATES", "EXTENT", "CELL_SIZE", "TEMPLATE", "ELEVATIONS", "COVERAGE"},
        {"PREDICTION", "LOWER", "UPPER", "APPLICABILITY"},
    ),
    "comparemethods": (
        {"INPUT", "TARGETS", "COVARIATES", "METHODS", "FOLDS", "CLASS_BREAKS", "SEED"},
        {"OUTPUT", "RESIDUALS", "OUTPUT_HTML", "BEST_METHOD"},
    ),
    "setupbackend": ({"PYTHON", "WHEELS"}, {"OUTPUT", "READY"}),
    "checkbackend": (set(), {"OUTPUT", "READY"}),
}  # fmt: skip


@pytest.fixture(scope="module", params=sorted(PROMISED))
def algorithm(request, provider):
    found = provider.algorithm(request.param)
    assert found is not None, f"{request.param} is not registered"
    return found


def test_nothing_else_is_registered(provider):
    assert {algorithm.name() for algorithm in provider.algorithms()} == set(PROMISED)


def test_identity(algorithm):
    assert re.fullmatch("[a-z0-9]+", algorithm.name())
    assert re.fullmatch("[a-z]+", algorithm.groupId())
    assert algorithm.id() == f"hybridgeo:{algorithm.name()}"
    assert algorithm.group() and 1 <= len(algorithm.displayName().split()) <= 4
    assert algorithm.displayName()[0].isupper() and algorithm.displayName()[1:].lower() == algorithm.displayName()[1:]
    assert algorithm.shortDescription().endswith(".") and algorithm.tags()
    assert not algorithm.icon().isNull()
    assert algorithm.helpUrl().startswith("https://")


def test_help_is_rendered(algorithm):
    text = algorithm.shortHelpString()
    assert text.startswith("<style>") and "</style><p>" in text and len(text) > 300
    assert "**" not in text and "\n#" not in text


def test_names_that_were_promised(algorithm):
    inputs, outputs = PROMISED[algorithm.name()]
    destinations = {definition.name() for definition in algorithm.destinationParameterDefinitions()}
    assert inputs <= {definition.name() for definition in algorithm.parameterDefinitions()} - destinations
    assert outputs <= {definition.name() for definition in algorithm.outputDefinitions()}


def test_every_parameter_is_explained(algorithm):
    for definition in algorithm.parameterDefinitions():
        assert re.fullmatch("[A-Z][A-Z0-9_]*", definition.name())
        assert definition.description() and len(definition.help()) > 20, definition.name()
    for definition in algorithm.outputDefinitions():
        assert definition.description(), definition.name()


def test_choices_are_words(algorithm):
    for definition in algorithm.parameterDefinitions():
        if isinstance(definition, QgsProcessingParameterEnum):
            assert definition.usesStaticStrings(), definition.name()
            defaults = definition.defaultValue()
            for default in defaults if isinstance(defaults, list) else [defaults]:
                assert default in definition.options()


def test_works_from_input_and_field_alone(algorithm):
    """What has no default is a layer, its fields, a model, or what is written."""
    needed = {
        definition.name()
        for definition in algorithm.parameterDefinitions()
        if not definition.flags() & definition.Flag.FlagOptional
        and definition.defaultValue() is None
        and not definition.isDestination()
    }
    layers = {"INPUT", "COLLARS", "ASSAYS", "RASTER", "RASTERS", "RATIOS"}
    assert needed <= layers | {"FIELD", "FIELDS", "TARGETS", "PARTS", "MODEL"}


def test_a_dialog_writes_what_the_algorithm_is_for(algorithm):
    """Without a change a run gives its first output, and nothing that needs the backend beyond it."""
    first = next(iter(algorithm.destinationParameterDefinitions()), None)
    asks_first = algorithm.name() == "checksamples"  # it changes nothing unless asked
    assert first is None or asks_first or first.createByDefault()
    assert algorithm.name() != "exportblockmodel" or not algorithm.parameterDefinition("VTK").createByDefault()


def test_flags_and_instances(algorithm):
    flags = algorithm.flags()
    assert flags & QgsProcessingAlgorithm.Flag.FlagCanCancel and flags & QgsProcessingAlgorithm.Flag.FlagSupportsBatch
    assert not flags & QgsProcessingAlgorithm.Flag.FlagNoThreading
    assert algorithm.canExecute()[0]
    copy = algorithm.create()
    assert type(copy) is type(algorithm) and copy is not algorithm
    assert len(copy.parameterDefinitions()) == len(algorithm.parameterDefinitions())


def test_missing_parameters_are_refused(algorithm):
    if algorithm.parameterDefinition("INPUT") is not None:
        ok, message = algorithm.checkParameterValues({}, QgsProcessingContext())
        assert not ok and message


@pytest.mark.parametrize(
    ("given", "message"),
    [({"ARCHITECTURE": 2}, "Expected ARCHITECTURE out of hybrid, pretrained, gcnn_rnn"),
     ({"TRANSFORM": "logs"}, "Expected TRANSFORM out of none, log, log1p, boxcox, normal_score, got logs."),
     ({"N_FOLDS": 1}, "Expected a number of at least 2 and at most"),
     ({"CELL_SIZE": -5}, "")],
)  # fmt: skip
def test_wrong_choices_and_numbers_are_named(provider, given, message):
    """QGIS says no more than which parameter has an incorrect value."""
    algorithm = provider.algorithm("trainhybridmodel")
    is_right, said = algorithm.checkParameterValues(given, QgsProcessingContext())
    assert not is_right and message in said


def test_wrong_kinds_of_file_are_named(provider):
    algorithm = provider.algorithm("predictraster")
    is_right, said = algorithm.checkParameterValues({"MODEL": "map.tif"}, QgsProcessingContext())
    assert not is_right and "Expected a file of the kind Trained model (*.onnx *.ONNX) in MODEL, got map.tif." in said


def test_provider(provider, root):
    assert provider.id() == "hybridgeo" and provider.name() == "Hybrid Geostatistics"
    assert f"version={provider.versionInfo()}" in (root / "metadata.txt").read_text(encoding="utf-8").splitlines()
    assert not provider.icon().isNull()
    assert provider.defaultRasterFileExtension() == "tif"


@pytest.mark.parametrize("name", ["kriging_chain", "hybrid_chain", "fusion_chain"])
def test_shipped_models_are_whole(provider, root, name):
    """The designer shows a step red, and warns before it runs, where a mandatory parameter has no source."""
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(root / "resources" / "models" / f"{name}.model3"))
    steps = model.childAlgorithms().values()
    assert len(steps) >= 2 and all(step.algorithmId().startswith("hybridgeo:") for step in steps)
    complete, problems = model.validate()
    assert complete, f"run tools/make_models: {problems}"


@pytest.mark.parametrize("name", ["kriging_chain", "hybrid_chain", "fusion_chain"])
def test_shipped_models_keep_their_defaults_in_qgis_process(provider, root, name):
    """qgis_process hands a model only what is given: a step that takes a parameter as it is would get nothing."""
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(root / "resources" / "models" / f"{name}.model3"))
    with_default = {
        one.name(): one.defaultValue()
        for one in model.parameterDefinitions()
        if not one.isDestination() and one.defaultValue() is not None
    }
    sources = [
        (key, source)
        for step in model.childAlgorithms().values()
        for key, given in step.parameterSources().items()
        for source in given
    ]
    assert with_default
    assert not [source.parameterName() for _, source in sources if source.parameterName() in with_default]
    taken = {source.expression() for _, source in sources if source.expression()}
    assert taken == {f"coalesce(@{key}, {default!r})" for key, default in with_default.items()}
