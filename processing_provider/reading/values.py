"""Plain values of parameters: numbers, words, fields, paths."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from ..crs import crs_from_code


class Values:
    """The parameters of one run by name.

    Parameters
    ----------
    algorithm : QgsProcessingAlgorithm
    parameters : dict
    context : QgsProcessingContext
    feedback : QgsProcessingFeedback
        Told what was left out, merged or assumed.
    """

    def __init__(self, algorithm, parameters: Mapping[str, Any], context, feedback) -> None:
        self._algorithm = algorithm
        self._parameters = parameters
        self._context = context
        self.feedback = feedback

    def has(self, name: str) -> bool:
        """Whether the algorithm has such a parameter."""
        return self._algorithm.parameterDefinition(name) is not None

    def given(self, name: str) -> bool:
        """Whether an optional parameter has a value."""
        return self._parameters.get(name) not in (None, "")

    def number(self, name: str) -> Optional[float]:
        """Return a number, None where an optional one is empty."""
        if self._default(name) is None and not self.given(name):
            return None
        return self._algorithm.parameterAsDouble(self._parameters, name, self._context)

    def whole(self, name: str) -> Optional[int]:
        """Return a whole number, None where an optional one is empty."""
        if self._default(name) is None and not self.given(name):
            return None
        return self._algorithm.parameterAsInt(self._parameters, name, self._context)

    def text(self, name: str) -> str:
        """Return a text."""
        return self._algorithm.parameterAsString(self._parameters, name, self._context)

    def is_checked(self, name: str) -> bool:
        """Return whether a box is checked."""
        return self._algorithm.parameterAsBool(self._parameters, name, self._context)

    def crs(self, name: str):
        """Return a chosen CRS, an invalid one where an optional one is empty."""
        return self._algorithm.parameterAsCrs(self._parameters, name, self._context)

    def choice(self, name: str) -> str:
        """Return the chosen word."""
        return self._algorithm.parameterAsEnumString(self._parameters, name, self._context)

    def choices(self, name: str) -> list[str]:
        """Return the chosen words."""
        return list(self._algorithm.parameterAsEnumStrings(self._parameters, name, self._context))

    def fields(self, name: str) -> list[str]:
        """Return names of fields."""
        # QGIS 3.40 renamed parameterAsFields.
        read = getattr(self._algorithm, "parameterAsStrings", None) or self._algorithm.parameterAsFields
        return list(read(self._parameters, name, self._context))

    def path(self, name: str) -> Optional[Path]:
        """Return the path of a file to read, None where an optional one is empty."""
        path = self._algorithm.parameterAsFile(self._parameters, name, self._context)
        # The backend's working folder is not ours.
        return Path(path).absolute() if path else None

    def extent(self, crs: str) -> Optional[tuple[float, float, float, float]]:
        """Return EXTENT as least easting and northing, most easting and northing in a CRS; None where it is empty."""
        if not self.given("EXTENT"):
            return None
        rectangle = self._algorithm.parameterAsExtent(self._parameters, "EXTENT", self._context, crs_from_code(crs))
        return rectangle.xMinimum(), rectangle.yMinimum(), rectangle.xMaximum(), rectangle.yMaximum()

    def _default(self, name: str) -> Any:
        return self._algorithm.parameterDefinition(name).defaultValue()
