"""Drill-hole tables to samples."""

from __future__ import annotations

from qgis.core import (
    QgsProcessing,
    QgsProcessingParameterCrs,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsUnitTypes,
)

from ...core.drillholes.desurveyed import composite_holes
from ...core.drillholes.report import drill_hole_page
from ...core.drillholes.tables import Assays, Collars, Surveys, read_drill_holes
from ...core.errors import InputError
from ...core.sample_check.columns import parse_column
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import require_projected
from ..identity import tr
from ..layers import PointTable, new_field
from ..parameters.kinds import check_box, real_number, with_help
from ..parameters.outputs import numbers, points_output, report_output
from ..parameters.samples import censored
from ..provenance import provenance

USUAL = {
    "hole": ("hole", "holeid", "bhid", "dhid", "drillhole", "name", "id"),
    "easting": ("easting", "east", "x", "xcollar", "xutm"),
    "northing": ("northing", "north", "y", "ycollar", "yutm"),
    "elevation": ("elevation", "elev", "z", "zcollar", "rl"),
    "depth": ("depth", "at", "md", "distance"),
    "final depth": ("depth", "finaldepth", "maxdepth", "enddepth", "eoh", "length", "totaldepth"),
    "azimuth": ("azimuth", "azim", "azi", "bearing", "brg"),
    "dip": ("dip", "inclination", "plunge"),
    "from": ("from", "depthfrom", "fromm", "top"),
    "to": ("to", "depthto", "tom", "bottom"),
}
"""Names that columns of drill-hole tables usually have, in lower case without other characters."""
LOGGED_PROBLEMS = 20


def _table(name: str, label: str, text: str, optional: bool = False):
    return with_help(
        QgsProcessingParameterFeatureSource(name, label, [QgsProcessing.SourceType.TypeVector], optional=optional),
        text,
    )


def _column(name: str, label: str, table: str, meaning: str):
    return with_help(
        QgsProcessingParameterField(name, label, None, table, optional=True),
        tr("Empty: the one named {}.").format(", ".join(USUAL[meaning][:4])),
        advanced=True,
    )


class CompositeDrillHoles(Algorithm):
    """Collar, survey and assay tables to composites of equal length, placed in space."""

    spec = AlgorithmSpec(
        "compositedrillholes",
        lambda: tr("Composite drill holes"),
        Group.SAMPLES,
        lambda: tr("Joins collar, survey and assay tables into desurveyed composites of equal length."),
        inputs=lambda: [
            _table("COLLARS", tr("Collars"), tr(
                "Points, or a table with coordinates, of the places where the holes begin, in a projected CRS."
            )),
            _table("SURVEYS", tr("Surveys"), tr(
                "Table of depth, azimuth and dip down each hole. Empty: the collars' azimuth and dip, else vertical."
            ), optional=True),
            _table("ASSAYS", tr("Assays"), tr("Table of intervals: hole, from, to, and what was measured.")),
            with_help(
                QgsProcessingParameterField("FIELDS", tr("Assayed fields"), None, "ASSAYS", allowMultiple=True),
                tr("Fields to composite, of any type: texts like <0.5 and negative numbers are below detection."),
            ),
            with_help(
                real_number("LENGTH", tr("Length of composites"), 2.0, minimum=1e-6),
                tr("Along the hole, in map units."),
            ),
            with_help(
                QgsProcessingParameterField("DOMAIN", tr("Domain"), None, "ASSAYS", optional=True),
                tr("Field of the assays that composites must not mix, such as a lithology. Empty: none."),
            ),
            censored(),
            with_help(
                real_number("LEAST_SHARE", tr("Least assayed share"), 0.5, minimum=0.01, maximum=1.0),
                tr(
                    "Share of the length that a composite must have at least, and share of it that must be assayed for "
                    "a value."
                ),
                advanced=True,
            ),
            with_help(
                check_box("DIP_DOWN", tr("Dips are positive downward"), False),
                tr("Whether the tables write a vertical hole as 90. Otherwise it is -90."),
                advanced=True,
            ),
            with_help(
                QgsProcessingParameterCrs("CRS", tr("CRS of the collars"), optional=True),
                tr("Where the collars are a table, the projected CRS of their coordinates. Empty: unknown."),
                advanced=True,
            ),
            _column("COLLAR_HOLE", tr("Hole (collars)"), "COLLARS", "hole"),
            _column("EASTING", tr("Easting (collars)"), "COLLARS", "easting"),
            _column("NORTHING", tr("Northing (collars)"), "COLLARS", "northing"),
            _column("ELEVATION", tr("Elevation (collars)"), "COLLARS", "elevation"),
            _column("SURVEY_HOLE", tr("Hole (surveys)"), "SURVEYS", "hole"),
            _column("SURVEY_DEPTH", tr("Depth (surveys)"), "SURVEYS", "depth"),
            _column("AZIMUTH", tr("Azimuth (surveys)"), "SURVEYS", "azimuth"),
            _column("DIP", tr("Dip (surveys)"), "SURVEYS", "dip"),
            _column("ASSAY_HOLE", tr("Hole (assays)"), "ASSAYS", "hole"),
            _column("FROM", tr("From (assays)"), "ASSAYS", "from"),
            _column("TO", tr("To (assays)"), "ASSAYS", "to"),
        ],
        outputs=lambda: [
            points_output("OUTPUT", tr("Composites"), tr(
                "Points with elevation in the middle of each composite: hole, from, to, depth, azimuth and dip of the "
                "hole there, assayed share, domain, and the fields."
            ), by_default=True),
            report_output(
                tr("Drill hole report"),
                tr("Page with every row that could not be used, and statistics before and after."),
            ),
            *numbers(
                N_HOLES=tr("Number of holes"),
                N_COMPOSITES=tr("Number of composites"),
                N_PROBLEMS=tr("Rows with a problem"),
                N_CENSORED=tr("Censored values"),
            ),
        ],
        tags=("drill hole", "borehole", "desurvey", "composite", "collar", "survey", "assay", "minimum curvature"),
        projected=False,
    )  # fmt: skip

    def compute(self, read, progress, is_cancelled):
        """Join, report, composite."""
        collars, surveys, assays = (read.table(name) for name in ("COLLARS", "SURVEYS", "ASSAYS"))
        crs = collars.crs if collars.crs.isValid() else read.crs("CRS")
        require_projected(crs, tr("the collars"))
        fields = read.fields("FIELDS")
        for name in fields:
            assays.find(name, ())

        def column(table, parameter, meaning):
            return table.columns[table.column(read.text(parameter), USUAL[meaning], meaning)]

        domain = assays.find(read.text("DOMAIN"), ())
        drilled = read_drill_holes(
            _collars(collars, read, column),
            None if surveys is None else Surveys(
                column(surveys, "SURVEY_HOLE", "hole"), column(surveys, "SURVEY_DEPTH", "depth"),
                column(surveys, "AZIMUTH", "azimuth"), column(surveys, "DIP", "dip"),
            ),
            Assays(
                column(assays, "ASSAY_HOLE", "hole"), column(assays, "FROM", "from"), column(assays, "TO", "to"),
                {name: assays.columns[name] for name in fields}, None if domain is None else assays.columns[domain],
            ),
            read.choice("CENSORED"),
            read.is_checked("DIP_DOWN"),
        )  # fmt: skip
        progress(0.5, tr("{} holes").format(len(drilled.holes)))
        length = read.number("LENGTH")
        table = composite_holes(drilled, length, read.number("LEAST_SHARE"))
        if not len(table):
            raise InputError(
                tr("No composite of {length:g} is assayed to a share of {share:g}. Lower one of the two.").format(
                    length=length, share=read.number("LEAST_SHARE")
                )
            )
        _tell(read.feedback, drilled)
        unit = QgsUnitTypes.toString(crs.mapUnits()) if crs.isValid() else tr("map units")
        origin = provenance(collars=collars.name, assays=assays.name, fields=", ".join(fields))
        return {
            "OUTPUT": _points(table, crs),
            "OUTPUT_HTML": drill_hole_page(drilled, table, length, unit, origin),
            "N_HOLES": len(drilled.holes),
            "N_COMPOSITES": len(table),
            "N_PROBLEMS": len(drilled.problems),
            "N_CENSORED": sum(drilled.n_censored.values()),
        }


def _collars(table, read, column) -> Collars:
    """Take coordinates from columns where they are chosen, from points where there are any, else by name."""
    places = table.places.copy()
    for index, (parameter, meaning) in enumerate(
        [("EASTING", "easting"), ("NORTHING", "northing"), ("ELEVATION", "elevation")]
    ):
        given = read.text(parameter)
        if given or not (places[:, index] == places[:, index]).any():
            values = column(table, parameter, meaning)
            places[:, index] = parse_column(values).values
    optional = {meaning: table.find("", USUAL[meaning]) for meaning in ("azimuth", "dip", "final depth")}
    azimuths, dips, depths = (None if name is None else table.columns[name] for name in optional.values())
    return Collars(column(table, "COLLAR_HOLE", "hole"), places, azimuths, dips, depths)


def _points(table, crs) -> PointTable:
    columns = {
        "hole": (str, table.holes), "from": (float, table.tops), "to": (float, table.bottoms),
        "depth": (float, 0.5 * (table.tops + table.bottoms)), "azimuth": (float, table.azimuths),
        "dip": (float, table.dips), "assayed": (float, table.assayed),
    }  # fmt: skip
    if table.domains is not None:
        columns["domain"] = (str, [None if domain is None else str(domain) for domain in table.domains])
    columns.update({name: (float, values) for name, values in table.values.items()})
    return PointTable(
        table.coordinates,
        [new_field(name, kind) for name, (kind, _) in columns.items()],
        [values for _, values in columns.values()],
        crs,
    )


def _tell(feedback, drilled) -> None:
    for problem in drilled.problems[:LOGGED_PROBLEMS]:
        where = tr("row {}").format(problem.row) if problem.row else tr("whole hole")
        feedback.pushWarning(f"{problem.table}, {where}, {problem.hole}: {problem.what}")
    left = len(drilled.problems) - LOGGED_PROBLEMS
    if left > 0:
        feedback.pushWarning(tr("{} more rows with a problem; the report lists them.").format(left))
    if drilled.n_gaps:
        feedback.pushInfo(
            tr("{n} stretches, {length:g} long in all, were not assayed.").format(
                n=drilled.n_gaps, length=drilled.gap_length
            )
        )
