"""What is known everywhere on the map: rasters, polygons, fields."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterField,
    QgsProcessingParameterMultipleLayers,
)

from ...core.features.gradients import PARTS
from ..identity import tr
from .kinds import check_box, optional_text, rasters_input, static_enum, whole_number, with_help


def input_covariates():
    """Return what is known everywhere: rasters, polygons, columns, the elevation; and which are classes."""
    return [
        rasters_input(
            "COVARIATES",
            tr("Covariate rasters"),
            tr(
                "Rasters known everywhere on the map, in any CRS; their order does not matter. A covariate is known by "
                "its layer name, and by layer name and band where a raster has several bands. Quantities are read at "
                "the samples by bilinear interpolation, classes from the cell the sample lies in."
            ),
            optional=True,
        ),
        with_help(
            optional_text("CATEGORICAL", tr("Categorical covariates")),
            tr(
                "Names of the covariates that hold class codes, separated by commas. Empty: those with whole numbers "
                "only and at most 20 different ones. none: not a single one."
            ),
        ),
        rasters_input(
            "SPECTRA",
            tr("Spectra"),
            tr(
                "Rasters with many bands, such as hyperspectral reflectance, of which the first principal components "
                "are covariates. The model holds them, and maps from the raw rasters, given among the covariates."
            ),
            optional=True,
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
        with_help(
            QgsProcessingParameterField(
                "GRADIENT_FIELDS",
                tr("Fields whose gradients are covariates"),
                None,
                "INPUT",
                QgsProcessingParameterField.DataType.Numeric,
                allowMultiple=True,
                optional=True,
            ),
            tr(
                "Numeric fields of the samples, such as Fe, Si, Al, Ti. How steeply each, kriged, rises is a covariate "
                "that needs no raster: the model holds the samples and finds the gradient on the map by itself. At a "
                "sample it is taken without the sample and its hole, and in every fold from the training samples "
                "alone; a target may be among them."
            ),
            advanced=True,
        ),
        with_help(
            static_enum("GRADIENT_PARTS", tr("Parts of the gradients"), PARTS, PARTS[0]),
            tr(
                "magnitude: one covariate a field, how steeply it rises. components: its rise toward the east and the "
                "north, and up in 3-D. both: all of these."
            ),
            advanced=True,
        ),
    ]


def covariates_of_model():
    """Return COVARIATES and POLYGONS as a trained model asks for them."""
    return [
        rasters_input(
            "COVARIATES",
            tr("Covariate rasters"),
            tr(
                "The rasters the model was trained with, matched by name (layer name, and band where there are "
                "several), in any CRS; the order does not matter and others are ignored. They are resampled to the "
                "grid where theirs differs."
            ),
            optional=True,
        ),
        polygon_layers(),
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


def drift_rasters(text: str):
    """Return DRIFT, optional rasters with what they are for, and DRIFT_CLASSES."""
    return [
        rasters_input("DRIFT", tr("Drift rasters"), text, optional=True, advanced=True),
        with_help(
            optional_text("DRIFT_CLASSES", tr("Classes among the drift rasters")),
            tr(
                "Names of the drift rasters that hold class codes, such as rock units, separated by commas: each class "
                "then has a level of its own. The others are quantities: the field changes with them in proportion."
            ),
            advanced=True,
        ),
    ]
