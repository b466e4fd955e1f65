"""A look at samples before they are mapped."""

from __future__ import annotations

from ...core.sample_check.check import check_samples
from ...core.sample_check.cleaning import DUPLICATES, clean_samples
from ...core.sample_check.columns import CENSORED, negatives_as_limits
from ...core.sample_check.findings import PROBLEM, WARNING
from ...core.sample_check.report import sample_check_page
from ...core.transforms import Transform
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import readable
from ..identity import tr
from ..layers import PointTable, new_field, require_fields
from ..parameters.kinds import static_enum, with_help
from ..parameters.outputs import numbers, points_output, report_output, texts
from ..parameters.samples import input_fields, input_samples
from ..provenance import provenance

REMARKS, MERGED = "remarks", "n_merged"
NEGATIVES = ("values", "limits")
SCALES = ("none", "log", "log1p")
"""What negative numbers are."""


class CheckSamples(Algorithm):
    """Finds what is wrong with samples; changes nothing but a copy, and only where asked."""

    spec = AlgorithmSpec(
        "checksamples",
        lambda: tr("Check samples"),
        Group.SAMPLES,
        lambda: tr("Finds duplicates, censored and non-numeric values, outliers, clusters and unit problems."),
        inputs=lambda: [
            input_samples(),
            input_fields(
                "FIELDS",
                tr("Fields"),
                tr("Fields to look at, of any type: values like <0.5 are understood in text fields."),
                numeric=False,
            ),
            with_help(
                static_enum("DUPLICATES", tr("Samples at one location"), DUPLICATES, "keep"),
                tr(
                    "What becomes of them in the cleaned layer. average: one sample with the mean of the numbers and "
                    "everything else from the first; first: the first one only."
                ),
            ),
            with_help(
                static_enum("CENSORED", tr("Censored values"), CENSORED, "report"),
                tr(
                    "What becomes of values like <0.5 in the cleaned layer. report: NULL; half_limit: half of the "
                    "limit (the limit itself for values above one, like >1000); limit: the limit."
                ),
            ),
            with_help(
                static_enum("NEGATIVES", tr("Negative numbers"), NEGATIVES, NEGATIVES[0]),
                tr(
                    "values: they are what they say. limits: some laboratories write -0.5 for <0.5; such a number is "
                    "then censored, and a code like -999 is missing."
                ),
                advanced=True,
            ),
            with_help(
                static_enum("TRANSFORM", tr("Scale for outliers"), SCALES, "none"),
                tr("Scale on which outliers are judged. log suits right-skewed concentrations above 0."),
                advanced=True,
            ),
        ],
        outputs=lambda: [
            points_output(
                "OUTPUT",
                tr("Cleaned samples"),
                tr(
                    "Copy of the samples with the fields as numbers, duplicates and censored values treated as asked, "
                    "and what was found about each sample in the field remarks. The input is never changed."
                ),
            ),
            report_output(
                tr("Sample report"), tr("Page with everything that was found, statistics, histograms and maps.")
            ),
            *numbers(
                N=tr("Number of samples"),
                N_DUPLICATES=tr("Samples at a location that another one has"),
                N_CENSORED=tr("Censored values"),
            ),
            *texts(VERDICT=tr("Verdict")),
        ],
        tags=("duplicates", "outliers", "censored", "detection limit", "quality", "geochemistry"),
        projected=False,
    )

    def compute(self, read, progress, is_cancelled):
        """Look, tell, and clean a copy."""
        names = read.fields("FIELDS")
        source_name = read.source.sourceName()
        points = read.points()
        require_fields(points.fields, names)
        are_limits = read.choice("NEGATIVES") == "limits"
        raw = {
            name: negatives_as_limits(points.columns[name]) if are_limits else points.columns[name] for name in names
        }
        check = check_samples(
            points.coordinates,
            raw,
            crs_name=readable(points.crs) if points.crs.isValid() else "",
            is_geographic=points.crs.isValid() and points.crs.isGeographic(),
            transform=Transform(read.choice("TRANSFORM")),
        )
        for finding in check.findings:
            tell = read.feedback.pushWarning if finding.level in (PROBLEM, WARNING) else read.feedback.pushInfo
            tell(f"{finding.title}. {finding.detail} {finding.advice}")
        read.feedback.pushInfo(check.verdict)
        duplicates, censored = read.choice("DUPLICATES"), read.choice("CENSORED")
        clean = clean_samples(points.coordinates, raw, duplicates, censored)
        fields, columns = [], []
        for field in points.fields:
            name = field.name()
            if name in (REMARKS, MERGED, "fid"):
                continue
            fields.append(new_field(name, float) if name in clean.values else field)
            column = points.columns[name]
            columns.append(clean.values[name] if name in clean.values else [column[row] for row in clean.rows])
        table = PointTable(
            points.coordinates[clean.rows],
            [*fields, new_field(MERGED, int), new_field(REMARKS, str)],
            [*columns, clean.n_merged, [check.remarks[row] for row in clean.rows]],
            points.crs,
        )
        changes = [
            tr("Duplicates: {treatment} ({before} samples before, {after} after).").format(
                treatment=duplicates, before=check.n, after=len(clean.rows)
            ),
            tr("Censored values: {}.").format(censored),
        ]
        origin = provenance(layer=source_name, fields=", ".join(names))
        return {
            "OUTPUT": table,
            "OUTPUT_HTML": sample_check_page(
                check, points.coordinates, raw, source_name, origin, changes if read.given("OUTPUT") else ()
            ),
            "N": check.n,
            "N_DUPLICATES": check.n_duplicates,
            "N_CENSORED": check.n_censored,
            "VERDICT": check.verdict,
        }
