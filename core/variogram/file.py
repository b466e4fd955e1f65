"""The variogram file: a model as JSON, with what it belongs to."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bounded_files import read_json
from ..errors import ModelFileError
from ..transforms import Transform
from .models import VariogramModel, model_from_dict, model_to_dict

FORMAT = "hybridgeo-variogram"
VERSION = 1


@dataclass(frozen=True)
class VariogramFile:
    """Content of a variogram JSON file: a model with what it belongs to.

    Parameters
    ----------
    model : VariogramModel
    field : str
        Name of the field it was fitted to; "" in a hand-written file.
    transform : Transform
        Scale the variogram lives on.
    crs, unit : str
    experimental : dict
        ``lags``, ``semivariances``, ``pair_counts``, ``estimator``.
    fit : dict
        ``loo_rmse``, ``method``, ``versions``.
    extra : dict
        Unknown keys, kept as they came.
    """

    model: VariogramModel
    field: str = ""
    transform: Transform = dataclasses.field(default_factory=Transform)
    crs: str = ""
    unit: str = ""
    experimental: dict = dataclasses.field(default_factory=dict)
    fit: dict = dataclasses.field(default_factory=dict)
    extra: dict = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict:
        """Return the JSON object of the file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "field": self.field,
            "transform": self.transform.to_dict(),
            "crs": self.crs,
            "unit": self.unit,
            **model_to_dict(self.model),
            "experimental": self.experimental,
            "fit": self.fit,
            **self.extra,
        }

    @classmethod
    def from_dict(cls, content: Any, source: str = "the variogram") -> VariogramFile:
        """Read the JSON object of a variogram file.

        Parameters
        ----------
        content : dict
        source : str
            How to call it in an error.

        Raises
        ------
        ModelFileError
            When it is not a variogram, of a newer version, or a required key is missing.
        """
        if not isinstance(content, Mapping) or content.get("format") != FORMAT:
            raise ModelFileError(
                f'{source} is not a variogram file: expected a JSON object with "format": "{FORMAT}". '
                "Make one with Fit variogram (hybridgeo:fitvariogram)."
            )
        version = content.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= VERSION:
            raise ModelFileError(
                f"{source} is a variogram file of version {version!r}; this plugin reads 1 to {VERSION}. "
                "Update the plugin, or correct the number."
            )
        missing = [key for key in ("nugget", "structures") if key not in content]
        if missing:
            raise ModelFileError(f"{source} lacks {' and '.join(missing)}, which every variogram file needs.")
        # Where nothing is known a file may say null.
        told = {key: value for key, value in content.items() if value is not None}
        for key in ("experimental", "fit"):
            if not isinstance(told.get(key, {}), Mapping):
                raise ModelFileError(f"{source} cannot be read as a variogram: expected an object as {key}.")
        known = {"format", "version", "field", "transform", "crs", "unit", "nugget", "measurement_error",
                 "structures", "experimental", "fit"}  # fmt: skip
        try:
            return cls(
                model=model_from_dict(content),
                field=str(told.get("field", "")),
                transform=Transform.from_dict(told.get("transform", {"kind": "none"})),
                crs=str(told.get("crs", "")),
                unit=str(told.get("unit", "")),
                experimental=told.get("experimental", {}),
                fit=told.get("fit", {}),
                extra={key: value for key, value in content.items() if key not in known},
            )
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise ModelFileError(f"{source} cannot be read as a variogram: {error}") from error

    def write(self, path: str | Path) -> None:
        """Write the file (UTF-8 JSON)."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: str | Path) -> VariogramFile:
        """Read a file.

        Raises
        ------
        ModelFileError
            When it cannot be read, or is not a variogram file of a version known here.
        """
        try:
            content = read_json(Path(path))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise ModelFileError(
                f"{path} cannot be read as a variogram file: {why}. Expected a JSON file made by Fit variogram."
            ) from error
        return cls.from_dict(content, str(path))
