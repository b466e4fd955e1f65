"""Compositions to log-ratios."""

from __future__ import annotations

import numpy as np

from ...core.errors import InputError
from ...core.geochemistry.compositions import KINDS, log_ratios, ratio_names
from ...core.geochemistry.units import UNITS
from ..assays import BY_NAME, in_ppm
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..layers import require_fields
from ..parameters.kinds import static_enum, with_help
from ..parameters.outputs import numbers, points_output, texts
from ..parameters.samples import censored, input_fields, input_samples

PPM_OF_WHOLE = 1e6
REMAINDER = "rest"


class LogRatios(Algorithm):
    """Log-ratios of parts as fields of a new layer, to be mapped one by one."""

    spec = AlgorithmSpec(
        "logratios",
        lambda: tr("Log-ratios of a composition"),
        Group.SAMPLES,
        lambda: tr("Turns parts of a whole into log-ratios (clr, ilr) that can be mapped without breaking the whole."),
        inputs=lambda: [
            input_samples(),
            input_fields(
                "FIELDS", tr("Parts"), tr("Concentrations of the parts, two or more, in one unit or by name."),
                numeric=False,
            ),
            with_help(
                static_enum("KIND", tr("Log-ratios"), KINDS, "ilr"),
                tr("ilr: isometric, one less than parts, to be mapped. clr: centred, one a part, to be looked at."),
            ),
            with_help(
                static_enum("REST", tr("The rest of the whole"), ("leave_out", "as_part"), "leave_out"),
                tr(
                    "as_part: what is missing to 100 % is a part of its own (rest), so that concentrations come back "
                    "instead of shares of the chosen parts."
                ),
            ),
            with_help(
                static_enum("UNIT", tr("Unit of the fields"), (BY_NAME, *UNITS), BY_NAME),
                tr("by_name: as the fields' names end (Fe_pct, Cu_ppm); ppm where they say nothing."),
            ),
            censored(),
        ],
        outputs=lambda: [
            points_output("OUTPUT", tr("Samples with log-ratios"), tr(
                "Copy of the samples with a field for each log-ratio; NULL where a part is unknown."
            ), by_default=True),
            *numbers(N_CENSORED=tr("Censored values")),
            *texts(PARTS=tr("Parts, in order"), RATIOS=tr("Log-ratios, in order")),
        ],
        tags=("clr", "ilr", "compositional data", "closure", "Aitchison", "geochemistry"),
        projected=False,
    )  # fmt: skip

    def compute(self, read, progress, is_cancelled):
        """Convert to one unit, close, take log-ratios."""
        names = read.fields("FIELDS")
        points = read.points()
        require_fields(points.fields, names)
        unit, columns, n_censored = read.choice("UNIT"), [], 0
        for name in names:
            values, own, n_below = in_ppm(name, points.columns[name], unit, read.choice("CENSORED"))
            columns.append(values)
            n_censored += n_below
            read.feedback.pushInfo(tr("{field} in {unit}.").format(field=name, unit=own))
        parts = np.column_stack(columns)
        if read.choice("REST") == "as_part":
            parts, names = np.column_stack([parts, _rest(parts, names)]), [*names, REMAINDER]
        known = np.isfinite(parts).all(axis=1)
        if not known.any():
            raise InputError(tr("No sample has a number in all of {}.").format(", ".join(names)))
        kind = read.choice("KIND")
        fields = ratio_names(tuple(names), kind)
        ratios = np.full((len(parts), len(fields)), np.nan)
        ratios[known] = log_ratios(parts[known], kind)
        if not known.all():
            read.feedback.pushWarning(
                tr("{n} of {total} samples lack a part; their log-ratios are NULL.").format(
                    n=int((~known).sum()), total=len(known)
                )
            )
        return {
            "OUTPUT": points.with_numbers(dict(zip(fields, ratios.T))),
            "N_CENSORED": n_censored,
            "PARTS": ", ".join(names),
            "RATIOS": ", ".join(fields),
        }


def _rest(parts: np.ndarray, names) -> np.ndarray:
    """Return what is missing to the whole."""
    rest = PPM_OF_WHOLE - parts.sum(axis=1)
    over = np.flatnonzero(rest <= 0)
    if len(over):
        raise InputError(
            tr(
                "Expected {names} to add up to less than 100 %, got {total:g} % in row {row} ({n} such rows). Check "
                "the units, or leave out the rest."
            ).format(
                names=", ".join(names), total=parts[over[0]].sum() / 1e4, row=over[0] + 1, n=len(over)
            )
        )
    return rest
