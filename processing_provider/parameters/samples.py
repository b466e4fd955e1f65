"""Samples: the layer, its fields, places and drill holes, and the scale to work on."""

from __future__ import annotations

from qgis.core import QgsProcessing, QgsProcessingParameterFeatureSource, QgsProcessingParameterField

from ...core.sample_check.columns import CENSORED
from ...core.transforms import KINDS as TRANSFORMS
from ..identity import tr
from .kinds import static_enum, with_help

DIMENSIONS = ("auto", "2d", "3d")
DUPLICATES = ("average", "first", "measurement_error")


def input_samples():
    """Return INPUT: the point layer."""
    return with_help(
        QgsProcessingParameterFeatureSource("INPUT", tr("Samples"), [QgsProcessing.SourceType.TypeVectorPoint]),
        tr("Point layer of samples in a projected CRS. Where features are selected, only these can be used."),
    )


def input_field():
    """Return FIELD: the one numeric field."""
    return with_help(
        QgsProcessingParameterField("FIELD", tr("Field"), None, "INPUT", QgsProcessingParameterField.DataType.Numeric),
        tr("Numeric field of the samples. Samples where it is NULL are left out, and counted in the log."),
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


def depth():
    """Return DEPTH: how far down its hole each sample lies."""
    return with_help(
        QgsProcessingParameterField(
            "DEPTH", tr("Depth down the hole"), None, "INPUT", QgsProcessingParameterField.DataType.Numeric, False, True
        ),
        tr(
            "Field with the depth of each sample down its drill hole. Networks by name then read their nearest samples "
            "hole by hole, the nearest hole last, each hole from its collar down. At a place without a hole, as on a "
            "map, these are the nearest holes around it; a sample never reads its own hole in training."
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


def censored():
    """Return CENSORED: what values below detection count as."""
    return with_help(
        static_enum("CENSORED", tr("Censored values"), CENSORED, "half_limit"),
        tr(
            "What becomes of values below the limit of detection, like <0.5 and -0.5. report: NULL. half_limit: half "
            "of the limit. limit: the limit itself."
        ),
    )


def transform(estimates: bool = True):
    """Return TRANSFORM; where there are no estimates, nothing is said of their way back."""
    text = tr(
        "Scale to work on. log suits skewed concentrations above 0, log1p those with zeros. boxcox lies between log "
        "and none, as the samples ask for it. normal_score makes any distribution normal by its ranks."
    )
    if estimates:
        text += " " + tr("Estimates come back in data units, as the mean (not the median) of the distribution.")
    return with_help(static_enum("TRANSFORM", tr("Transform"), TRANSFORMS, "none"), text)


def transform_without_variogram(estimates: bool = True):
    """Return TRANSFORM where a variogram file may bring its own."""
    parameter = transform(estimates)
    parameter.setHelp(
        tr("Without a variogram file: the scale on which one is fitted. A file has its own, which is used.")
        + " "
        + parameter.help()
    )
    return parameter
