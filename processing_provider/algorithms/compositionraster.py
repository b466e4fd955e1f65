"""Maps of log-ratios back to maps of parts."""

from __future__ import annotations

import re

import numpy as np
from qgis.core import QgsProcessingParameterString

from ...core.errors import InputError
from ...core.geochemistry.compositions import KINDS, mean_parts_from_ilr, parts_from_log_ratios
from ..base import Algorithm, AlgorithmSpec, Group
from ..covariates.stack import CovariateStack
from ..identity import tr
from ..outputs import Maps
from ..parameters.kinds import rasters_input, real_number, static_enum, with_help
from ..parameters.outputs import raster_output, texts


class CompositionRaster(Algorithm):
    """Turns rasters of log-ratios into a raster of parts that are positive and add up."""

    spec = AlgorithmSpec(
        "compositionraster",
        lambda: tr("Composition from log-ratios"),
        Group.KRIGING,
        lambda: tr("Turns maps of log-ratios back into maps of parts that add up to the whole."),
        inputs=lambda: [
            rasters_input(
                "RATIOS",
                tr("Log-ratios"),
                tr(
                    "Maps of all log-ratios, as one raster or several. Bands or layers named ilr_1, ilr_2, ... are put "
                    "in order by their numbers; others are taken in the order given."
                ),
            ),
            with_help(
                QgsProcessingParameterString("PARTS", tr("Parts")),
                tr("Names of the parts, separated by commas, as Log-ratios of a composition gave them."),
            ),
            with_help(
                static_enum("KIND", tr("Kind of log-ratios"), KINDS, "ilr"),
                tr("As Log-ratios of a composition made them."),
            ),
            rasters_input(
                "VARIANCES",
                tr("Kriging variances"),
                tr(
                    "For ilr: maps of their kriging variances, in the same order. With these, parts are arithmetic "
                    "means; else the centre of the distribution, which is lower for rare parts."
                ),
                optional=True,
            ),
            with_help(
                real_number("TOTAL", tr("The whole"), 100.0, minimum=1e-12),
                tr("What the parts add up to: 100 for per cent, 1000000 for ppm with the rest among the parts."),
            ),
        ],
        outputs=lambda: [
            raster_output("OUTPUT", tr("Parts"), tr("GeoTIFF with a band a part, on the grid of the first raster.")),
            *texts(NAMES=tr("Parts, in the order of the bands")),
        ],
        tags=("clr", "ilr", "compositional data", "back-transform", "geochemistry"),
    )

    def compute(self, read, progress, is_cancelled):
        """Go back block by block."""
        parts = [name.strip() for name in read.text("PARTS").split(",") if name.strip()]
        kind, total = read.choice("KIND"), read.number("TOTAL")
        n_ratios = len(parts) - (kind == "ilr")
        ratios = _in_order(CovariateStack.of_sources(read.rasters("RATIOS")))
        variances = _in_order(CovariateStack.of_sources(read.rasters("VARIANCES")))
        _require(len(parts) >= 2, tr("Expected at least 2 parts, got {}.").format(", ".join(parts) or tr("none")))
        _require(
            len(ratios.members) == n_ratios,
            tr("Expected {n} log-ratios ({kind}) for {m} parts, got {found}: {names}.").format(
                n=n_ratios, kind=kind, m=len(parts), found=len(ratios.members), names=", ".join(ratios.names)
            ),
        )
        _require(
            not variances.members or (kind == "ilr" and len(variances.members) == n_ratios),
            tr("Expected no variances, or {n} of ilr, got {found}.").format(n=n_ratios, found=len(variances.members)),
        )
        grid = ratios.members[0].source.grid()
        on_grid = ratios.on(grid)
        spread = variances.on(grid) if variances.members else None

        def predict(block):
            values = on_grid.block(block).values
            known = np.isfinite(values).all(axis=1)
            found = np.full((len(values), len(parts)), np.nan)
            if spread is None:
                found[known] = parts_from_log_ratios(values[known], kind, total)
            else:
                own = spread.block(block).values
                known &= np.isfinite(own).all(axis=1)
                found[known] = mean_parts_from_ilr(values[known], own[known], total)
            return {"OUTPUT": found}

        return {"OUTPUT": Maps(grid, {"OUTPUT": parts}, predict), "NAMES": ", ".join(parts)}


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InputError(otherwise)


def _in_order(rasters: CovariateStack) -> CovariateStack:
    """Put bands named ilr_1, ilr_2, ... in the order of their numbers; leave others as they are."""
    numbered = [re.search(r"ilr_(\d+)", band.name) for band in rasters.members]
    if not rasters.members or not all(numbered):
        return rasters
    order = np.argsort([int(found.group(1)) for found in numbered if found], kind="stable")
    return CovariateStack(tuple(rasters.members[index] for index in order))
