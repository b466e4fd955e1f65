"""Principal components of a raster with many bands."""

from __future__ import annotations

from ...core.errors import InputError
from ...core.features.spectra import PrincipalComponents, component_names, principal_components
from ...core.features.spectra_report import components_page, loadings_table
from ..base import Algorithm, AlgorithmSpec, Group
from ..covariates.kinds import Projected
from ..covariates.moments import band_moments
from ..covariates.stack import CovariateStack
from ..identity import tr
from ..outputs import Maps, require_room
from ..parameters.files import PCA_FILES
from ..parameters.kinds import check_box, file_input, raster_input, whole_number, with_help
from ..parameters.outputs import file_output, numbers, raster_output, report_output, texts
from ..provenance import provenance


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
            report_output(
                tr("Components report"), tr("Page with the explained variance and the loadings, as tables and plots.")
            ),
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
        require_room(grid, dict.fromkeys(read.raster_paths.values(), n_components))
        stored = read.path("APPLY")
        if stored is None:
            mask = CovariateStack.of_sources(read.rasters("MASK"))
            bands = source.band_names()
            moments = band_moments(source, grid, mask, progress, is_cancelled)
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
