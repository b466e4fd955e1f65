"""Rare-earth assays to sums, ratios and anomalies."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingParameterField

from ...core.errors import InputError
from ...core.geochemistry.rare_earths import DERIVED, RARE_EARTHS, derive, element_of_name
from ...core.geochemistry.units import UNITS
from ..assays import BY_NAME, in_ppm
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters.kinds import static_enum, with_help
from ..parameters.outputs import numbers, points_output, texts
from ..parameters.samples import censored, input_samples


class RareEarths(Algorithm):
    """Sums, ratios and anomalies as fields of a new layer, to be mapped like any other."""

    spec = AlgorithmSpec(
        "rareearths",
        lambda: tr("Rare earth indices"),
        Group.SAMPLES,
        lambda: tr("Derives sums of rare earths, LREE and HREE, oxides, and Eu and Ce anomalies from assays."),
        inputs=lambda: [
            input_samples(),
            with_help(
                QgsProcessingParameterField(
                    "FIELDS", tr("Rare earths"), None, "INPUT", allowMultiple=True, optional=True
                ),
                tr(
                    "Fields of single elements, La to Lu and Y, known by how their names begin (La, la_ppm). Empty: "
                    "all of them."
                ),
            ),
            with_help(
                static_enum("UNIT", tr("Unit of the fields"), (BY_NAME, *UNITS), BY_NAME),
                tr("by_name: as the fields' names end (La_ppm, Ce_pct, Eu_ppb); ppm where they say nothing."),
            ),
            censored(),
        ],
        outputs=lambda: [
            points_output("OUTPUT", tr("Samples with indices"), tr(
                "Copy of the samples with a field for each index whose elements were assayed; sums in ppm."
            ), by_default=True),
            *numbers(N_ELEMENTS=tr("Number of rare earths found"), N_CENSORED=tr("Censored values")),
            *texts(DERIVED=tr("Indices derived")),
        ],
        tags=("REE", "TREO", "lanthanides", "europium anomaly", "cerium anomaly", "chondrite", "geochemistry"),
        projected=False,
    )  # fmt: skip

    def compute(self, read, progress, is_cancelled):
        """Find the elements, convert, derive."""
        points = read.points()
        chosen = read.fields("FIELDS") or [name for name in points.columns if element_of_name(name)]
        elements = _elements(chosen)
        unit, treatment = read.choice("UNIT"), read.choice("CENSORED")
        values, n_censored = {}, 0
        for element, name in elements.items():
            values[element], own, n_below = in_ppm(name, points.columns[name], unit, treatment)
            n_censored += n_below
            read.feedback.pushInfo(
                tr("{element}: field {field} in {unit}, {n} values, {censored} censored.").format(
                    element=element, field=name, unit=own, n=int(np.isfinite(values[element]).sum()),
                    censored=n_below,
                )  # fmt: skip
            )
        derived, lacking = derive(values)
        for name, missing in lacking.items():
            read.feedback.pushInfo(tr("{} is left out; it also needs {}.").format(name, ", ".join(missing)))
        if not derived:
            raise InputError(
                tr("Expected the elements of at least one index, got {}. Choose more fields.").format(
                    ", ".join(elements)
                )
            )
        return {
            "OUTPUT": points.with_numbers(derived, without=DERIVED),
            "N_ELEMENTS": len(elements),
            "N_CENSORED": n_censored,
            "DERIVED": ", ".join(derived),
        }


def _elements(names) -> dict[str, str]:
    """Return the field of each element, by atomic number."""
    found: dict[str, str] = {}
    for name in names:
        element = element_of_name(name)
        if element is None:
            raise InputError(
                tr("Expected fields named after a rare earth ({}), got {}. Rename it or leave it out.").format(
                    ", ".join(RARE_EARTHS), name
                )
            )
        if element in found:
            raise InputError(
                tr("{} is both in field {} and in {}. Choose one of them.").format(element, found[element], name)
            )
        found[element] = name
    if not found:
        raise InputError(
            tr("Expected fields named after rare earths ({}), got none. Choose them.").format(", ".join(RARE_EARTHS))
        )
    return {element: found[element] for element in RARE_EARTHS if element in found}
