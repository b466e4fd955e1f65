"""Principal components of rasters with many bands, out of core.

Means and covariances are gathered block by block in float64 and merged by the formulas of Chan et
al., which lose no digits however large the mean is; memory is that of one block and of one matrix of
bands by bands. Pixels without a value in one of the bands take no part. A component is found up to
its sign, so the sign is fixed: the band with the largest loading has a positive one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..bounded_files import read_json
from ..errors import InputError
from .covariate_origins import PROJECTION

FORMAT = "hybridgeo-pca"
VERSION = 1
MADE_BY = "Choose a file made by Principal components (hybridgeo:spectralpca)."
_ROWS = 8192
"""Rows whose matrix product is taken at once: in the processor's cache, and as accurate as pairwise sums."""


@dataclass(frozen=True)
class BandMoments:
    """Number, means and sums of products of deviations of the bands' values, which can be merged.

    Parameters
    ----------
    n : int
        Pixels with a value in every band.
    mean : ndarray, shape (n_bands,)
    scatter : ndarray, shape (n_bands, n_bands)
        Sum over the pixels of (x - mean)(x - mean)'.

    Examples
    --------
    >>> values = np.array([[1.0, 5.0], [3.0, 1.0], [2.0, 3.0]])
    >>> parts = BandMoments.of(values[:1]).merged(BandMoments.of(values[1:]))
    >>> parts.n, parts.mean.tolist(), (parts.scatter / 2).round(12).tolist()
    (3, [2.0, 3.0], [[1.0, -2.0], [-2.0, 4.0]])
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def none(cls, n_bands: int) -> BandMoments:
        """Return the moments of no pixel."""
        return cls(0, np.zeros(n_bands), np.zeros((n_bands, n_bands)))

    @classmethod
    def of(cls, values: np.ndarray) -> BandMoments:
        """Return the moments of some pixels, shape (n_pixels, n_bands); those with a NaN are left out."""
        moments = cls.none(values.shape[1])
        for first in range(0, len(values), _ROWS):
            rows = np.asarray(values[first : first + _ROWS], dtype=float)
            rows = rows[np.isfinite(rows).all(axis=1)]
            if len(rows):
                mean = rows.mean(axis=0)
                deviations = rows - mean
                moments = moments.merged(cls(len(rows), mean, deviations.T @ deviations))
        return moments

    def merged(self, other: BandMoments) -> BandMoments:
        """Return the moments of both sets of pixels together.

        References
        ----------
        Chan, T. F., Golub, G. H. & LeVeque, R. J. (1983). Algorithms for computing the sample
        variance. Am. Stat. 37(3), 242-247.
        """
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        shift = other.mean - self.mean
        return BandMoments(
            n,
            self.mean + shift * (other.n / n),
            self.scatter + other.scatter + np.outer(shift, shift) * (self.n * other.n / n),
        )


@dataclass(frozen=True)
class PrincipalComponents:
    """Components of the bands of a raster; made by `principal_components`.

    Parameters
    ----------
    raster : str
        Name of the raster.
    bands : tuple of str
        Names of its bands, in order.
    mean : ndarray, shape (n_bands,)
    scale : ndarray, shape (n_bands,)
        What the deviations are divided by: 1, or the standard deviations.
    loadings : ndarray, shape (n_bands, n_components)
        Orthonormal columns; in each the largest number by size is positive.
    variances : ndarray, shape (n_bands,)
        Of all components, descending.
    n_pixels : int
        Pixels they rest on.
    """

    raster: str
    bands: tuple[str, ...]
    mean: np.ndarray
    scale: np.ndarray
    loadings: np.ndarray
    variances: np.ndarray
    n_pixels: int

    @property
    def n_components(self) -> int:
        """Number of components kept."""
        return self.loadings.shape[1]

    @property
    def explained(self) -> np.ndarray:
        """Share of the variance that each component kept explains, shape (n_components,)."""
        return self.variances[: self.n_components] / self.variances.sum()

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Return the components' scores at some pixels.

        Parameters
        ----------
        values : ndarray, shape (n_pixels, n_bands)

        Returns
        -------
        ndarray, shape (n_pixels, n_components)
            NaN where a band has no value.

        Raises
        ------
        InputError
            For another number of bands.
        """
        self.require_bands(values.shape[1])
        return ((values - self.mean) / self.scale) @ self.loadings

    def require_bands(self, n_bands: int) -> None:
        """Refuse another number of bands.

        Raises
        ------
        InputError
            Saying both numbers.
        """
        if n_bands != len(self.bands):
            raise InputError(
                f"The components are those of {len(self.bands)} bands, got {n_bands}. Choose the raster they were made "
                f"for ({self.raster}), or one with the same bands."
            )

    def first(self, n_components: int) -> PrincipalComponents:
        """Return the same with fewer components."""
        return PrincipalComponents(
            self.raster, self.bands, self.mean, self.scale, self.loadings[:, :n_components], self.variances,
            self.n_pixels,
        )  # fmt: skip

    def origin(self, component: int) -> dict[str, Any]:
        """Return what a covariate that is one component (from 0) says about where it comes from."""
        return {
            "kind": PROJECTION,
            "raster": self.raster,
            "component": component + 1,
            "mean": self.mean.tolist(),
            "loadings": (self.loadings[:, component] / self.scale).tolist(),
            "explained": float(self.explained[component]),
        }

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "raster": self.raster,
            "bands": list(self.bands),
            "n_pixels": self.n_pixels,
            "mean": self.mean.tolist(),
            "scale": self.scale.tolist(),
            "loadings": self.loadings.T.tolist(),
            "variances": self.variances.tolist(),
            "explained": self.explained.tolist(),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any], source: str = "the file") -> PrincipalComponents:
        """Read what `to_dict` wrote.

        Raises
        ------
        InputError
            When it is something else, damaged, or of a newer version.
        """
        if not isinstance(content, Mapping) or content.get("format") != FORMAT:
            raise InputError(f"{source} holds no principal components. {MADE_BY}")
        version = content.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise InputError(f"{source} is of version {version}; this plugin reads up to {VERSION}. Update the plugin.")
        try:
            found = cls(
                str(content["raster"]),
                tuple(str(name) for name in content["bands"]),
                np.array(content["mean"], dtype=float),
                np.array(content["scale"], dtype=float),
                np.array(content["loadings"], dtype=float).T,
                np.array(content["variances"], dtype=float),
                int(content["n_pixels"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{source} is damaged: {error}. {MADE_BY}") from error
        n = len(found.bands)
        shapes = found.mean.shape, found.scale.shape, found.variances.shape, found.loadings.shape[:1]
        if set(shapes) != {(n,)} or found.loadings.ndim != 2:
            raise InputError(f"{source} is damaged: its parts differ in the number of bands. Make it anew.")
        return found

    def write(self, path: str | Path) -> None:
        """Write the file (JSON, UTF-8)."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> PrincipalComponents:
        """Read a file.

        Raises
        ------
        InputError
            When it cannot be read, or as `from_dict`.
        """
        try:
            content = read_json(Path(path))
        except OSError as error:
            raise InputError(
                f"{path} cannot be read: {error.strerror or error}. {MADE_BY}"
            ) from error
        except ValueError as error:
            raise InputError(f"{path} is no JSON file ({error}). {MADE_BY}") from error
        return cls.from_dict(content, str(path))


def principal_components(
    moments: BandMoments, bands: Sequence[str], n_components: int, standardize: bool = False, raster: str = ""
) -> PrincipalComponents:
    """Find the directions in which the bands vary most.

    Parameters
    ----------
    moments : BandMoments
    bands : sequence of str
        Names of the bands.
    n_components : int
    standardize : bool
        Divide each band by its standard deviation, so that all count alike whatever their units.
    raster : str
        Name of the raster.

    Returns
    -------
    PrincipalComponents

    Raises
    ------
    InputError
        For too few pixels, more components than bands, or bands that do not vary.

    References
    ----------
    Jolliffe, I. T. & Cadima, J. (2016). Principal component analysis: a review and recent
    developments. Phil. Trans. R. Soc. A 374, 20150202.
    """
    n_bands = len(bands)
    if not 1 <= n_components <= n_bands:
        raise InputError(
            f"Expected 1 to {n_bands} components of a raster with {n_bands} bands, got {n_components}. Choose fewer."
        )
    if moments.n < 2:
        raise InputError(
            f"Expected at least 2 pixels with a value in every one of {n_bands} bands, got {moments.n}. Check nodata "
            "and the mask."
        )
    covariance = moments.scatter / (moments.n - 1)
    deviations = np.sqrt(np.diag(covariance))
    # Rounding of a constant band is no variation.
    constant = deviations <= 1e-12 * np.maximum(np.abs(moments.mean), 1e-300)
    if constant.all():
        raise InputError(f"None of the {n_bands} bands varies: there are no components. Check the raster.")
    scale = np.ones(n_bands)
    if standardize:
        scale = np.where(constant, 1.0, deviations)
        covariance = covariance / np.outer(scale, scale)
    variances, loadings = np.linalg.eigh(covariance)
    variances, loadings = np.maximum(variances[::-1], 0.0), loadings[:, ::-1][:, :n_components]
    largest = loadings[np.argmax(np.abs(loadings), axis=0), np.arange(n_components)]
    return PrincipalComponents(
        raster, tuple(bands), moments.mean, scale, loadings * np.where(largest < 0, -1.0, 1.0), variances, moments.n
    )


def component_names(components: PrincipalComponents) -> list[str]:
    """Return PC1, PC2, ..."""
    return [f"PC{i + 1}" for i in range(components.n_components)]
