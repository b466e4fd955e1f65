"""Attribute tables, with or without geometry, and their columns found by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingFeatureSource

from ..core.errors import InputError
from .crs import stated
from .identity import tr
from .layers import place_of, plain


@dataclass(frozen=True)
class Table:
    """A table as it stands.

    Parameters
    ----------
    name : str
        Of the layer.
    columns : dict of str to list
        None where NULL.
    places : ndarray, shape (n_rows, 3)
        Easting, northing, elevation of point geometries, NaN where there is none.
    crs : QgsCoordinateReferenceSystem
        Invalid for a table without geometry.
    """

    name: str
    columns: Mapping[str, list]
    places: np.ndarray
    crs: QgsCoordinateReferenceSystem

    def __len__(self) -> int:
        return len(self.places)

    def column(self, given: str, usual: Sequence[str], meaning: str) -> str:
        """Return the name of a column: the one given, else the first of the usual names there is.

        Raises
        ------
        InputError
            When there is none; the columns there are are named.
        """
        found = self.find(given, usual)
        if found is None:
            raise InputError(
                tr("Expected a field with {meaning} in {table}, got {fields}. Choose it, or name it {usual}.").format(
                    meaning=meaning, table=self.name, fields=", ".join(self.columns), usual=usual[0]
                )
            )
        return found

    def find(self, given: str, usual: Sequence[str]) -> str | None:
        """Return the name of a column, None where none was given and none of the usual names is there.

        Raises
        ------
        InputError
            When the given one is not there.
        """
        by_word = {_word(name): name for name in reversed(list(self.columns))}
        if given:
            if given not in self.columns:
                raise InputError(
                    tr("{table} has no field {given}. Fields there are: {fields}.").format(
                        table=self.name, given=given, fields=", ".join(self.columns)
                    )
                )
            return given
        return next((by_word[word] for word in usual if word in by_word), None)


def read_table(source: QgsProcessingFeatureSource) -> Table:
    """Read all rows; only the selected ones where the user chose so.

    Raises
    ------
    InputError
        For a table without rows, or several points in one feature.
    """
    names = [field.name() for field in source.fields()]
    rows: list[list[Any]] = []
    places = []
    for feature in source.getFeatures():
        place = place_of(feature)
        places.append((np.nan, np.nan, np.nan) if place is None else place)
        rows.append([plain(value) for value in feature.attributes()])
    if not rows:
        raise InputError(tr("Expected rows in {}, got none. Check the layer and the selection.").format(
            source.sourceName()
        ))  # fmt: skip
    return Table(
        source.sourceName(),
        {name: [row[index] for row in rows] for index, name in enumerate(names)},
        np.array(places, dtype=float),
        stated(source.sourceCrs()),
    )


def _word(name: str) -> str:
    """Return a name as it is compared: Hole_ID, hole id and HOLEID are one."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
