"""Kriging: its kind, neighbours, blocks, measurement error and quantiles."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterString

from ...core.validation.methods import GLOBAL_LIMIT, LOCAL_NEIGHBORS
from ..identity import tr
from .covariates import drift_rasters
from .kinds import distance, real_number, static_enum, whole_number, with_help
from .samples import hole

KRIGING_TYPES = ("ordinary", "simple", "universal", "external_drift")
SECTORS = ("none", "quadrants", "octants")
BLOCK_RULES = ("gauss", "regular")
DRIFT_COEFFICIENTS = ("all_samples", "neighbours")


def kriging_type_inputs():
    """Return KRIGING_TYPE, MEAN, TREND_ORDER, DRIFT, DRIFT_CLASSES and DRIFT_COEFFICIENTS."""
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
            real_number("MEAN", tr("Known mean"), None, decimals=10),
            tr("For simple kriging: the mean of the field, on the scale of the variogram's transform."),
            advanced=True,
        ),
        with_help(
            whole_number("TREND_ORDER", tr("Order of the trend"), 1, minimum=1, maximum=2),
            tr("For universal kriging: 1 is a plane, 2 a quadratic surface."),
            advanced=True,
        ),
        *drift_rasters(
            tr(
                "For external drift: rasters of quantities that the field follows, in any CRS, known at the "
                "samples and everywhere on the map. They are resampled to the grid where theirs differs; cells "
                "without a value become nodata."
            )
        ),
        with_help(
            static_enum(
                "DRIFT_COEFFICIENTS", tr("Coefficients of the drift"), DRIFT_COEFFICIENTS, DRIFT_COEFFICIENTS[0]
            ),
            tr(
                "For universal kriging and external drift with a limited number of neighbours or a radius. "
                "all_samples: the drift's coefficients are estimated once, which is steadier. neighbours: anew around "
                "every cell, as R's gstat does with nmax; cells whose neighbours do not determine them become nodata."
            ),
            advanced=True,
        ),
    ]


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
                "from all sides. quadrants: 4. octants: 8, with elevations those of space, else half quadrants."
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


def tolerance():
    """Return TOLERANCE: how far maps from all samples may be off."""
    return with_help(
        real_number("TOLERANCE", tr("Tolerance"), 0.0, minimum=0.0, maximum=0.01, decimals=10),
        tr(
            "0: exact to rounding. Above: with all samples as neighbours, estimates may be off by at most this share "
            "of the field's standard deviation, variances of the sill, gradients of the largest one; 1e-7 saves up to "
            "a third of the time. With a limited number of neighbours maps are always exact."
        ),
        advanced=True,
    )


def block_inputs():
    """Return BLOCK, BLOCK_POINTS and BLOCK_RULE."""
    return [
        with_help(
            distance("BLOCK", tr("Side of blocks"), "INPUT"),
            tr(
                "Estimate the mean of a square block around each cell centre, with this side in map units; 0: of the "
                "cell itself. Empty: the value at the cell centre. The mean has neither the nugget nor the sample's "
                "value where a sample lies in it; values on the scales boxcox and normal_score have none."
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


def measurement_error():
    """Return MEASUREMENT_ERROR: the part of the nugget that is error."""
    return with_help(
        real_number("MEASUREMENT_ERROR", tr("Variance of the measurement error"), None, minimum=0.0, decimals=12),
        tr(
            "The part of the nugget that is error of the measurements, in squared units of the variogram's scale; at "
            "most the nugget. It is filtered: the map is that of the field without it and no longer equals the "
            "samples. Empty: what the variogram file says, or what repeated measurements show where they count as such."
        ),
        advanced=True,
    )


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
