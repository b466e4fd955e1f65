"""Groups of parameters that several algorithms share.

They come from functions, because QGIS takes ownership of every parameter it is given.
Every parameter carries a help text; it is the tooltip and what ``qgis_process help`` prints.
"""

from __future__ import annotations

from typing import Any, Optional

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterEnum,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from ..core.validation.methods import GLOBAL_LIMIT, LOCAL_NEIGHBORS
from .identity import tr

FOLDS = ("random", "blocks", "all")
FOLDS_COMPARED = ("random", "blocks", "distance_matched", "holes", "all")
TRANSFORMS = ("none", "log", "log1p")
KRIGING_TYPES = ("ordinary", "simple", "universal", "external_drift")
DIMENSIONS = ("auto", "2d", "3d")
SECTORS = ("none", "quadrants", "octants")
DUPLICATES = ("average", "first", "measurement_error")
BLOCK_RULES = ("gauss", "regular")
VARIOGRAM_FILES = "Variogram (*.json *.JSON)"
PCA_FILES = "Principal components (*.json *.JSON)"
MODEL_FILES = "Trained model (*.onnx *.ONNX)"


def with_help(parameter: QgsProcessingParameterDefinition, text: str, advanced: bool = False):
    """Give a parameter its help, and put it among the advanced ones where asked."""
    parameter.setHelp(text)
    if advanced:
        parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


# ---------------------------------------------------------------- inputs


def input_samples():
    """Return INPUT: the point layer."""
    return with_help(
        QgsProcessingParameterFeatureSource(
            "INPUT", tr("Samples"), [QgsProcessing.SourceType.TypeVectorPoint]
        ),
        tr("Point layer of samples in a projected CRS. Where features are selected, only these can be used."),
    )


def input_field():
    """Return FIELD: the one numeric field."""
    return with_help(
        QgsProcessingParameterField(
            "FIELD", tr("Field"), None, "INPUT", QgsProcessingParameterField.DataType.Numeric
        ),
        tr("Numeric field to map. Samples where it is NULL are left out, and counted in the log."),
    )


def input_fields(name: str, label: str, text: str, numeric: bool = True):
    """Return a parameter of one or several fields of INPUT."""
    kind = QgsProcessingParameterField.DataType
    return with_help(
        QgsProcessingParameterField(
            name, label, None, "INPUT", kind.Numeric if numeric else kind.Any, allowMultiple=True
        ),
        text,
    )


def input_targets():
    """Return TARGETS: the numeric fields to learn."""
    return input_fields(
        "TARGETS",
        tr("Targets"),
        tr("Numeric fields to map, one or several. Samples where one of them is NULL are left out, and counted."),
    )


def input_covariates():
    """Return what is known everywhere: rasters, polygons, columns, the elevation; and which are classes."""
    return [
        with_help(
            QgsProcessingParameterMultipleLayers(
                "COVARIATES", tr("Covariate rasters"), QgsProcessing.SourceType.TypeRaster, None, True
            ),
            tr(
                "Rasters known everywhere on the map, in any CRS; their order does not matter. A covariate is known by "
                "its layer name, and by layer name and band where a raster has several bands. Quantities are read at "
                "the samples by bilinear interpolation, classes from the cell the sample lies in."
            ),
        ),
        with_help(
            QgsProcessingParameterString("CATEGORICAL", tr("Categorical covariates"), None, False, True),
            tr(
                "Names of the covariates that hold class codes, separated by commas. Empty: those with whole numbers "
                "only and at most 20 different ones. none: not a single one."
            ),
        ),
        with_help(
            QgsProcessingParameterMultipleLayers(
                "SPECTRA", tr("Spectra"), QgsProcessing.SourceType.TypeRaster, None, True
            ),
            tr(
                "Rasters with many bands, such as hyperspectral reflectance, of which the first principal components "
                "are covariates. The model holds them, and maps from the raw rasters, given among the covariates."
            ),
            advanced=True,
        ),
        with_help(
            whole_number("COMPONENTS", tr("Components of spectra"), 3, 0, 100),
            tr(
                "How many components of each raster. 0: from 1 to 8, as many as predict best when blocks of the "
                "training samples are left out; chosen anew in every fold."
            ),
            advanced=True,
        ),
        polygon_layers(),
        with_help(
            optional_text("POLYGON_FIELDS", tr("Fields of the polygons")),
            tr(
                "Names of the fields of polygon layers that are covariates, separated by commas, such as a rock unit. "
                "Texts are classes. Empty where the layers have one field only."
            ),
            advanced=True,
        ),
        with_help(
            QgsProcessingParameterField(
                "COVARIATE_FIELDS",
                tr("Covariates in the table"),
                None,
                "INPUT",
                QgsProcessingParameterField.DataType.Numeric,
                allowMultiple=True,
                optional=True,
            ),
            tr(
                "Numeric fields of the samples that are covariates. To map with the model, a raster of the same name "
                "is needed for each."
            ),
            advanced=True,
        ),
        with_help(
            check_box("ELEVATION_COVARIATE", tr("Elevation as a covariate"), False),
            tr("Samples with elevations (PointZ): the elevation itself, or depth as a negative one, is a covariate."),
            advanced=True,
        ),
    ]


def polygon_layers():
    """Return POLYGONS: polygon layers with covariates."""
    return with_help(
        QgsProcessingParameterMultipleLayers(
            "POLYGONS", tr("Covariate polygons"), QgsProcessing.SourceType.TypeVectorPolygon, None, True
        ),
        tr(
            "Polygon layers known everywhere on the map, such as geology or land use, in any CRS. A covariate is known "
            "by its layer name, and by layer name and field where a layer gives several."
        ),
        advanced=True,
    )


def covariates_of_model():
    """Return COVARIATES and POLYGONS as a trained model asks for them."""
    return [
        with_help(
            QgsProcessingParameterMultipleLayers(
                "COVARIATES", tr("Covariate rasters"), QgsProcessing.SourceType.TypeRaster, None, True
            ),
            tr(
                "The rasters the model was trained with, matched by name (layer name, and band where there are "
                "several), in any CRS; the order does not matter and others are ignored. They are resampled to the "
                "grid where theirs differs."
            ),
        ),
        polygon_layers(),
    ]


def transform(default: str = "none", normal_score: bool = False):
    """Return TRANSFORM, with normal scores where they are understood."""
    text = tr(
        "Scale to work on. log suits skewed concentrations above 0, log1p those with zeros. Estimates come back "
        "in data units, as the mean (not the median) of the distribution."
    )
    if normal_score:
        text += " " + tr("normal_score makes any distribution normal by its ranks.")
    options = (*TRANSFORMS, "normal_score") if normal_score else TRANSFORMS
    return with_help(static_enum("TRANSFORM", tr("Transform"), options, default), text)


def transform_without_variogram():
    """Return TRANSFORM where a variogram file may bring its own."""
    parameter = transform(normal_score=True)
    parameter.setHelp(
        tr("Without a variogram file: the scale on which one is fitted. A file has its own, which is used.")
        + " "
        + parameter.help()
    )
    return parameter


def quantiles():
    """Return QUANTILE_LEVELS."""
    return with_help(
        QgsProcessingParameterString("QUANTILE_LEVELS", tr("Quantiles"), "0.05, 0.5, 0.95", False, True),
        tr(
            "Levels between 0 and 1, separated by commas, of the bands of the quantile raster: 0.05 and 0.95 hold the "
            "value in 9 of 10 cells, 0.5 is the median."
        ),
        advanced=True,
    )


def cross_validation():
    """Return CV_FOLDS."""
    return with_help(
        whole_number("CV_FOLDS", tr("Folds of the cross-validation"), 0, minimum=0),
        tr(
            "0: each sample is estimated from all others. 2 or more: the samples are parted at random into so many "
            "folds (drill holes stay whole), and each is estimated from the other folds. The variogram stays as it is."
        ),
        advanced=True,
    )


def variogram_file(text: str):
    """Return VARIOGRAM: an optional variogram file."""
    return with_help(
        QgsProcessingParameterFile(
            "VARIOGRAM", tr("Variogram"), defaultValue=None, optional=True, fileFilter=VARIOGRAM_FILES
        ),
        text,
    )


def model_file():
    """Return MODEL: a trained model to read."""
    return with_help(
        QgsProcessingParameterFile("MODEL", tr("Trained model"), defaultValue=None, fileFilter=MODEL_FILES),
        tr("ONNX file made by Train hybrid model."),
    )


def raster_input(name: str, label: str, text: str, optional: bool = False, advanced: bool = False):
    """Return one raster layer."""
    return with_help(QgsProcessingParameterRasterLayer(name, label, None, optional), text, advanced)


def rasters_input(name: str, label: str, text: str):
    """Return one or several raster layers."""
    return with_help(
        QgsProcessingParameterMultipleLayers(name, label, QgsProcessing.SourceType.TypeRaster), text
    )


def file_input(name: str, label: str, file_filter: str) -> QgsProcessingParameterFile:
    """Return an optional file to read."""
    return QgsProcessingParameterFile(name, label, defaultValue=None, optional=True, fileFilter=file_filter)


def neighborhood_inputs():
    """Return who is a neighbour: numbers and radius, sectors, drill holes."""
    return [
        with_help(
            whole_number("MAX_NEIGHBORS", tr("Most neighbours"), None, minimum=0),
            tr(
                "Each cell is estimated from this many nearest samples; 0: from all of them. Empty: all samples up to "
                "{limit}, else the nearest {nearest}, as in the comparison of methods."
            ).format(limit=GLOBAL_LIMIT, nearest=LOCAL_NEIGHBORS),
        ),
        with_help(
            whole_number("MIN_NEIGHBORS", tr("Fewest neighbours"), 1, minimum=1),
            tr("Cells with fewer samples within the search radius become nodata."),
            advanced=True,
        ),
        with_help(
            distance("SEARCH_RADIUS", tr("Search radius"), "INPUT"),
            tr(
                "Samples farther away than this, in map units, are not used. Where the variogram is anisotropic it is "
                "measured along the azimuth of its first structure and shrinks across with its ratio. Empty: no limit."
            ),
            advanced=True,
        ),
        with_help(
            static_enum("SECTORS", tr("Sectors"), SECTORS, "none"),
            tr(
                "Divides the surroundings of each cell, in the frame of the anisotropy, so that samples can be taken "
                "from all sides: 4 quadrants, or 8 half quadrants."
            ),
            advanced=True,
        ),
        with_help(
            whole_number("MAX_PER_SECTOR", tr("Most neighbours in a sector"), None, minimum=1),
            tr("Of each sector at most this many nearest samples are used. Empty: no limit."),
            advanced=True,
        ),
        with_help(
            whole_number("MIN_PER_SECTOR", tr("Fewest neighbours in a sector"), 0, minimum=0),
            tr("Cells with fewer samples in one of the sectors become nodata."),
            advanced=True,
        ),
        hole(),
        with_help(
            whole_number("MAX_PER_HOLE", tr("Most neighbours in a drill hole"), None, minimum=1),
            tr("Of each drill hole at most this many nearest samples are used. Empty: no limit."),
            advanced=True,
        ),
    ]


def duplicates():
    """Return DUPLICATES: what becomes of samples at one location."""
    return with_help(
        static_enum("DUPLICATES", tr("Samples at one location"), DUPLICATES, "average"),
        tr(
            "average: their mean counts as one sample. first: the first in the table counts. measurement_error: all "
            "count, and what they differ by is measurement error, which is filtered: the map is that of the field "
            "without it and no longer equals the samples."
        ),
        advanced=True,
    )


def measurement_error():
    """Return MEASUREMENT_ERROR: the part of the nugget that is error."""
    return with_help(
        real_number("MEASUREMENT_ERROR", tr("Variance of the measurement error"), None, minimum=0.0),
        tr(
            "The part of the nugget that is error of the measurements, in squared units of the variogram's scale; at "
            "most the nugget. It is filtered: the map is that of the field without it and no longer equals the "
            "samples. Empty: what the variogram file says, or what repeated measurements show where they count as such."
        ),
        advanced=True,
    )


def kriging_type_inputs():
    """Return KRIGING_TYPE, MEAN, TREND_ORDER and DRIFT."""
    return [
        with_help(
            static_enum("KRIGING_TYPE", tr("Kind of kriging"), KRIGING_TYPES, "ordinary"),
            tr(
                "ordinary: the mean is unknown and estimated from the neighbours. simple: the mean is known. "
                "universal: the mean is a plane or a quadratic surface in the coordinates. external_drift: the mean "
                "follows rasters."
            ),
        ),
        with_help(
            real_number("MEAN", tr("Known mean"), None),
            tr("For simple kriging: the mean of the field, on the scale of the variogram's transform."),
            advanced=True,
        ),
        with_help(
            whole_number("TREND_ORDER", tr("Order of the trend"), 1, minimum=1, maximum=2),
            tr("For universal kriging: 1 is a plane, 2 a quadratic surface."),
            advanced=True,
        ),
        drift_rasters(
            tr(
                "For external drift: rasters of quantities that the field follows, in any CRS, known at the "
                "samples and everywhere on the map. They are resampled to the grid where theirs differs; cells "
                "without a value become nodata."
            )
        ),
    ]


def drift_rasters(text: str):
    """Return DRIFT: optional rasters, with what they are for."""
    rasters = QgsProcessingParameterMultipleLayers(
        "DRIFT", tr("Drift rasters"), QgsProcessing.SourceType.TypeRaster, None, True
    )
    return with_help(rasters, text, advanced=True)


def block_inputs():
    """Return BLOCK, BLOCK_POINTS and BLOCK_RULE."""
    return [
        with_help(
            distance("BLOCK", tr("Side of blocks"), "INPUT"),
            tr(
                "Estimate the mean of a square block around each cell centre, with this side in map units; 0: of the "
                "cell itself. Empty: the value at the cell centre. The mean has neither the nugget nor the sample's "
                "value where a sample lies in it, and needs a variogram without transform."
            ),
            advanced=True,
        ),
        with_help(
            whole_number("BLOCK_POINTS", tr("Points along a block's side"), 4, minimum=1, maximum=20),
            tr("The mean of a block is taken over this many by this many points."),
            advanced=True,
        ),
        with_help(
            static_enum("BLOCK_RULE", tr("Arrangement of a block's points"), BLOCK_RULES, "gauss"),
            tr("gauss: Gauss-Legendre points and weights, more exact. regular: centres of equal parts."),
            advanced=True,
        ),
    ]


def grid_inputs(parent: str = "INPUT", around: Optional[str] = None):
    """Return EXTENT, CELL_SIZE, TEMPLATE and TEMPLATE_MASK.

    Parameters
    ----------
    parent : str
        Parameter whose CRS gives the unit of the cell size.
    around : str, optional
        What is covered when there is neither extent nor template.
    """
    around = around or tr("the samples")
    return [
        with_help(
            QgsProcessingParameterExtent("EXTENT", tr("Extent"), None, True),
            tr("Area to map, covered by whole cells from its top-left corner. Empty: the area of {}.").format(around),
        ),
        with_help(
            distance("CELL_SIZE", tr("Cell size"), parent),
            tr("Side of the square cells, in map units. Empty: a round number, about 100 cells along the longer side."),
        ),
        with_help(
            QgsProcessingParameterRasterLayer("TEMPLATE", tr("Template raster"), None, True),
            tr(
                "A raster whose grid is taken exactly (cells, extent and CRS), so that the maps lie on it cell by "
                "cell. Takes the place of extent and cell size."
            ),
        ),
        with_help(
            check_box("TEMPLATE_MASK", tr("Leave cells empty where the template is"), False),
            tr("Cells in which the template raster has no value (band 1) become nodata."),
        ),
    ]


def elevations():
    """Return ELEVATIONS: the levels of a block model."""
    return with_help(
        optional_text("ELEVATIONS", tr("Elevations")),
        tr(
            "For samples with elevations (PointZ): the levels to map, as top, bottom and step in map units, for "
            "instance 350, 250, 10. Each level is a band of the raster, from the top down. Elevations rise upwards, so "
            "depths are negative. Empty: a 2-D map."
        ),
    )


def hole():
    """Return HOLE: the drill hole of each sample."""
    return with_help(
        QgsProcessingParameterField(
            "HOLE", tr("Drill hole"), None, "INPUT", QgsProcessingParameterField.DataType.Any, False, True
        ),
        tr(
            "Field with the name of the drill hole or profile that each sample belongs to; samples without a name "
            "belong to none. Samples of one hole are never parted in cross-validation."
        ),
        advanced=True,
    )


def dimensions():
    """Return DIMENSIONS: whether elevations of samples count."""
    return with_help(
        static_enum("DIMENSIONS", tr("Dimensions"), DIMENSIONS, "auto"),
        tr(
            "3d: the samples' elevations (PointZ) count. 2d: they do not, and samples above one another are averaged. "
            "auto: 3d where samples lie above one another, as in drill holes."
        ),
        advanced=True,
    )


def folds_inputs(text: Optional[str] = None, options: tuple[str, ...] = FOLDS):
    """Return FOLDS and N_FOLDS; `text` explains other options than random and blocks."""
    return [
        with_help(
            static_enum("FOLDS", tr("Folds"), options, "all"),
            text
            or tr(
                "random: samples are left out here and there, as when a map is filled in between samples. blocks: "
                "whole areas are left out, as when unsampled ground is mapped. all: both."
            ),
        ),
        with_help(
            whole_number("N_FOLDS", tr("Number of folds"), 5, 2, 50),
            tr("Everything is fitted anew without each fold in turn."),
            advanced=True,
        ),
    ]


def seed():
    """Return SEED."""
    return with_help(
        whole_number("SEED", tr("Random seed"), 0, minimum=0),
        tr("The same seed on the same data gives the same folds and the same training."),
        advanced=True,
    )


def static_enum(
    name: str, label: str, options: tuple[str, ...], default: Any, several: bool = False
) -> QgsProcessingParameterEnum:
    """Return a choice among words; the words themselves are the values, in models and on the command line."""
    return QgsProcessingParameterEnum(
        name, label, list(options), allowMultiple=several, defaultValue=default, usesStaticStrings=True
    )


def whole_number(
    name: str, label: str, default: Optional[int], minimum: Optional[int] = None, maximum: Optional[int] = None
) -> QgsProcessingParameterNumber:
    """Return a whole number; one without a default is optional."""
    return _number(QgsProcessingParameterNumber.Type.Integer, name, label, default, minimum, maximum)


def real_number(
    name: str, label: str, default: Optional[float], minimum: Optional[float] = None, maximum: Optional[float] = None
) -> QgsProcessingParameterNumber:
    """Return a number; one without a default is optional."""
    return _number(QgsProcessingParameterNumber.Type.Double, name, label, default, minimum, maximum)


def distance(name: str, label: str, parent: str) -> QgsProcessingParameterDistance:
    """Return an optional length in the map units of another parameter."""
    return QgsProcessingParameterDistance(name, label, None, parent, optional=True, minValue=0.0)


def check_box(name: str, label: str, default: bool) -> QgsProcessingParameterBoolean:
    """Return a box to check."""
    return QgsProcessingParameterBoolean(name, label, default)


def optional_text(name: str, label: str) -> QgsProcessingParameterString:
    """Return an optional line of text."""
    return QgsProcessingParameterString(name, label, None, False, True)


def _number(kind, name, label, default, minimum, maximum):
    bounds = {}
    if minimum is not None:
        bounds["minValue"] = minimum
    if maximum is not None:
        bounds["maxValue"] = maximum
    return QgsProcessingParameterNumber(name, label, kind, default, default is None, **bounds)


# ---------------------------------------------------------------- outputs


def raster_output(name: str, label: str, text: str, optional: bool = False, by_default: bool = True):
    """Return a GeoTIFF to write; an optional one may be left out by default."""
    return with_help(QgsProcessingParameterRasterDestination(name, label, None, optional, by_default), text)


def file_output(name: str, label: str, file_filter: str, text: str, optional: bool = False):
    """Return a file to write."""
    return with_help(QgsProcessingParameterFileDestination(name, label, file_filter, None, optional), text)


def report_output(text: str):
    """Return OUTPUT_HTML: the optional report."""
    return file_output("OUTPUT_HTML", tr("Report"), "HTML (*.html *.HTML)", text, optional=True)


def points_output(name: str, label: str, text: str):
    """Return an optional point layer to write."""
    return with_help(
        QgsProcessingParameterFeatureSink(
            name, label, QgsProcessing.SourceType.TypeVectorPoint, None, optional=True, createByDefault=False
        ),
        text,
    )


def numbers(**labels: str) -> list[QgsProcessingOutputNumber]:
    """Return number outputs, a label for each name."""
    return [QgsProcessingOutputNumber(name, label) for name, label in labels.items()]


def texts(**labels: str) -> list[QgsProcessingOutputString]:
    """Return text outputs, a label for each name."""
    return [QgsProcessingOutputString(name, label) for name, label in labels.items()]


def flag(name: str, label: str) -> QgsProcessingOutputBoolean:
    """Return a yes-or-no output."""
    return QgsProcessingOutputBoolean(name, label)
