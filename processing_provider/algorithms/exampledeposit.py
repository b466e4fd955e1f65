"""A synthetic deposit to try everything on."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
from qgis.core import QgsProcessing, QgsProcessingParameterFeatureSink

from ...core.examples import surveys
from ...core.examples.deposit import DEEPEST, Deposit
from ...core.grid import Levels
from ..base import Algorithm, AlgorithmSpec, Group
from ..crs import crs_from_code
from ..identity import tr
from ..layers import PointTable, new_field
from ..outputs import Maps
from ..parameters.kinds import with_help
from ..parameters.outputs import file_output, numbers, raster_output
from ..parameters.validation import seed

TRUTH_CELL, TRUTH_STEP = 20.0, 20.0
CSV = "CSV (*.csv *.CSV)"


class ExampleDeposit(Algorithm):
    """Makes drill holes, geophysics and spectra of a deposit whose truth is known."""

    spec = AlgorithmSpec(
        "exampledeposit",
        lambda: tr("Synthetic deposit"),
        Group.SAMPLES,
        lambda: tr("Makes a synthetic rare-earth deposit: drill holes, geophysics, spectra, and the truth."),
        inputs=lambda: [seed(tr("The same seed makes the same deposit, another one another deposit."))],
        outputs=lambda: [
            with_help(
                QgsProcessingParameterFeatureSink(
                    "COLLARS", tr("Collars"), QgsProcessing.SourceType.TypeVectorPoint
                ),
                tr("Points with elevation where the 90 holes begin."),
            ),
            file_output("SURVEYS", tr("Surveys"), CSV, tr("Table of depth, azimuth and dip down the holes.")),
            file_output("ASSAYS", tr("Assays"), CSV, tr(
                "Table of intervals with Fe, Si, Al and Ti in per cent and 14 rare earths in ppm; negative numbers are "
                "below detection."
            )),
            raster_output("MAGNETICS", tr("Magnetics"), tr("GeoTIFF of the magnetic anomaly, nanotesla.")),
            raster_output("CHARGEABILITY", tr("Chargeability"), tr("GeoTIFF of chargeability, millivolt a volt.")),
            raster_output("REFLECTANCE", tr("Reflectance"), tr(
                "GeoTIFF of the reflectance of the ground in 60 bands from 0.45 to 2.45 micrometres."
            )),
            raster_output("TRUTH", tr("Truth"), tr(
                "GeoTIFF of the true sum of rare earths, ppm, a band for each elevation."
            ), optional=True),
            *numbers(N_HOLES=tr("Number of holes"), N_ASSAYS=tr("Number of assayed intervals")),
        ],
        tags=("example", "tutorial", "drill hole", "hyperspectral", "geophysics", "rare earths", "simulation"),
        projected=False,
    )  # fmt: skip

    def compute(self, read, progress, is_cancelled):
        """Draw the deposit and measure it."""
        deposit = Deposit(read.whole("SEED"))
        tables = surveys.drill(deposit)
        progress(0.3, tr("Geophysics and spectra"))
        magnetics, chargeability = surveys.geophysics(deposit)
        cube = surveys.reflectance(deposit)
        bands = [f"{wavelength:.3f} um" for wavelength in surveys.WAVELENGTHS]
        grid = surveys.surface_grid()
        results = {
            "COLLARS": _points(tables.collars),
            "SURVEYS": _csv(tables.surveys),
            "ASSAYS": _csv(tables.assays),
            "MAGNETICS": _map(grid, "MAGNETICS", ["magnetics"], magnetics[None]),
            "CHARGEABILITY": _map(grid, "CHARGEABILITY", ["chargeability"], chargeability[None]),
            "REFLECTANCE": _map(grid, "REFLECTANCE", bands, cube),
            "N_HOLES": len(tables.collars["hole"]),
            "N_ASSAYS": len(tables.assays["hole"]),
        }
        top = TRUTH_STEP * np.floor(max(tables.collars["elevation"]) / TRUTH_STEP)
        coarse = replace(surveys.surface_grid(TRUTH_CELL), levels=Levels(top, top - DEEPEST, TRUTH_STEP))

        def known(block):
            return {"TRUTH": surveys.total_rare_earths(deposit, coarse.centers(block))}

        def in_ground(block):
            return surveys.is_known(deposit, coarse.centers(block))

        results["TRUTH"] = Maps(coarse, {"TRUTH": ["REE"]}, known, mask=in_ground)
        return results


def _map(grid, name: str, bands: list[str], values: np.ndarray) -> Maps:
    def part(block):
        rows, columns = slice(block.row, block.row + block.n_rows), slice(block.column, block.column + block.n_columns)
        return {name: values[:, rows, columns].reshape(len(bands), -1).T}

    return Maps(grid, {name: bands}, part)


def _points(collars) -> PointTable:
    names = [name for name in collars if name not in ("easting", "northing", "elevation")]
    return PointTable(
        np.column_stack([collars["easting"], collars["northing"], collars["elevation"]]),
        [new_field(name, str if name == "hole" else float) for name in names],
        [collars[name] for name in names],
        crs_from_code(surveys.CRS),
    )


def _csv(columns) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values()))
    return text.getvalue()
