"""Principal components of a raster with many bands."""

from __future__ import annotations

import numpy as np

from ...core.errors import InputError
from ...core.features.spectra import BandMoments, PrincipalComponents, principal_components
from ...core.features.spectra_report import component_names, components_page, loadings_table
from ...core.grid import Block
from ...core.progress import stop_if
from ..base import Algorithm, AlgorithmSpec, Group
from ..covariates import CovariateStack, Projected
from ..identity import tr
from ..outputs import Maps, require_room, small_cache
from ..parameters import (
    PCA_FILES,
    check_box,
    file_input,
    file_output,
    numbers,
    raster_input,
    raster_output,
    report_output,
    texts,
    whole_number,
    with_help,
)
from ..provenance import provenance
from ..rasters import WarpedBands

NUMBERS_AT_ONCE = 2**23
"""Most numbers of all bands that are held while moments are gathered."""


class SpectralPca(Algorithm):
    """Turns the bands of a raster into few components that hold most of their variance."""

    spec = AlgorithmSpec(
        "spectralpca",
        lambda: tr("Principal components"),
        Group.COVARIATES,
        lambda: tr("Principal components of a raster with many bands, such as hyperspectral reflectance."),
        inputs=lambda: [
            raster_input("RASTER", tr("Raster"), tr("Raster with many bands, of any size.")),
            with_help(
                whole_number("COMPONENTS", tr("Number of components"), 3, 1, 1000),
                tr("Components to write, those that explain most first."),
            ),
            with_help(
                check_box("STANDARDIZE", tr("Standardise the bands"), False),
                tr("Divide each band by its standard deviation: for bands in different units."),
            ),
            raster_input(
                "MASK",
                tr("Mask"),
                tr(
                    "Raster in any CRS and resolution: pixels where it is 0 or has no value do not take part in "
                    "finding the components."
                ),
                optional=True,
                advanced=True,
            ),
            with_help(
                file_input("APPLY", tr("Components to apply"), PCA_FILES),
                tr(
                    "File written by an earlier run: its components are applied to this raster, which must have the "
                    "same bands, and none are found anew."
                ),
                advanced=True,
            ),
        ],
        outputs=lambda: [
            raster_output("OUTPUT", tr("Components"), tr("GeoTIFF with a band a component.")),
            file_output(
                "PCA",
                tr("Components as a file"),
                PCA_FILES,
                tr("JSON file with means and loadings, to apply the same components to another raster."),
                optional=True,
            ),
            file_output(
                "LOADINGS",
                tr("Table of loadings"),
                "CSV (*.csv *.CSV)",
                tr("CSV file, one row a band."),
                optional=True,
            ),
            report_output(tr("Page with the explained variance and the loadings, as tables and plots.")),
            *numbers(
                EXPLAINED=tr("Share of the variance that the components explain"),
                N=tr("Number of pixels the components rest on"),
            ),
            *texts(SHARES=tr("Share of each component, separated by commas")),
        ],
        tags=("hyperspectral", "pca", "principal components", "dimension", "reflectance", "imagery"),
    )

    def compute(self, read, progress, is_cancelled):
        """Gather moments block by block, then project block by block."""
        (source,) = read.rasters("RASTER")
        grid = source.grid()
        n_components = read.whole("COMPONENTS")
        require_room(grid, {path: n_components for path in read.raster_paths.values()})
        stored = read.path("APPLY")
        if stored is None:
            mask = CovariateStack.of_sources(read.rasters("MASK"))
            bands = source.band_names()
            moments = gather(source, grid, len(bands), mask, progress, is_cancelled)
            components = principal_components(moments, bands, n_components, read.is_checked("STANDARDIZE"), source.name)
        else:
            components = PrincipalComponents.read(stored)
            if n_components > components.n_components:
                raise InputError(
                    tr("Expected at most {there} components, those of {file}, got {asked}.").format(
                        there=components.n_components, file=stored.name, asked=n_components
                    )
                )
            components = components.first(n_components)
        names = component_names(components)
        stack = CovariateStack(tuple(Projected(n, source, components.origin(i)) for i, n in enumerate(names)))
        components.require_bands(len(source.band_names()))
        shares = ", ".join(f"{100 * share:.1f} %" for share in components.explained)
        read.feedback.pushInfo(tr("Shares of the variance: {}.").format(shares))
        scores = stack.on(grid)
        return {
            "OUTPUT": Maps(grid, {"OUTPUT": names}, lambda block: {"OUTPUT": scores.block(block).values}),
            "PCA": components.write,
            "LOADINGS": loadings_table(components),
            "OUTPUT_HTML": components_page(components, source.name, provenance(raster=source.name)),
            "EXPLAINED": float(components.explained.sum()),
            "N": components.n_pixels,
            "SHARES": ", ".join(f"{share:.6g}" for share in components.explained),
        }


def gather(source, grid, n_bands, mask, progress, is_cancelled) -> BandMoments:
    """Return the moments of all bands over a raster, read once."""
    bands = WarpedBands(source, range(1, n_bands + 1), grid, nearest=False)
    wanted = mask.with_categorical(mask.names[:1]).on(grid) if mask.members else None
    moments, done = BandMoments.none(n_bands), 0
    with small_cache():
        for piece in bands.parts(Block(0, 0, *grid.shape), max(1, NUMBERS_AT_ONCE // n_bands)):
            stop_if(is_cancelled)
            values = bands.read(piece, np.float32 if bands.is_float32 else np.float64)
            if wanted is not None:
                chosen = wanted.block(piece).values[:, 0]
                values = values[np.isfinite(chosen) & (chosen != 0)]
            moments = moments.merged(BandMoments.of(values))
            done += piece.n_rows * piece.n_columns
            progress(done / grid.n_cells, tr("Reading the bands"))
    return moments
