"""A synthetic deposit of rare earths in a banded iron formation, known in every place.

Everything here is invented to try methods on; it is no model of any real deposit. A folded, steeply dipping band of
iron formation (bands of iron oxide and chert) lies between shale and quartzite. A steep fault crosses it. Fluids
along the fault leached rare earths from the shale and the quartzite and dropped them in the iron formation: what
alteration does depends on the rock, which no drift that is a sum of effects can follow. What is measured at the
surface (magnetics, chargeability, reflectance) sees iron, alteration and minerals, each blurred and noisy; what drill
holes measure is the rock itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..geochemistry.rare_earths import CHONDRITE, LANTHANIDES
from .fields import SmoothField

WEST, SOUTH = 400_000.0, 7_200_000.0
SIZE = 2000.0, 1500.0
"""Metres to the east and to the north."""
DEEPEST = 240.0
"""Metres below the surface, down to which the deposit is described."""
MAJORS = ("Fe", "Si", "Al", "Ti")
"""Major elements, in per cent."""

_CENTRE = WEST + SIZE[0] / 2, SOUTH + SIZE[1] / 2
_STRIKE, _DIP = np.radians(78.0), np.radians(86.0)
_FAULT_STRIKE, _FAULT_DIP = np.radians(20.0), np.radians(87.0)


@dataclass(frozen=True)
class Rock:
    """The rock at places.

    Parameters
    ----------
    iron, chert, shale, quartzite, alteration : ndarray, shape (n,)
        Shares of the rock, adding up to 1 without alteration; alteration from 0 to 1 on top.
    majors : dict of str to ndarray, shape (n,)
        Per cent.
    rare_earths : dict of str to ndarray, shape (n,)
        mg/kg.
    """

    iron: np.ndarray
    chert: np.ndarray
    shale: np.ndarray
    quartzite: np.ndarray
    alteration: np.ndarray
    majors: dict[str, np.ndarray] = field(default_factory=dict)
    rare_earths: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def total_rare_earths(self) -> np.ndarray:
        """Sum of the lanthanides, mg/kg."""
        return np.sum(list(self.rare_earths.values()), axis=0)


class Deposit:
    """The deposit of a seed.

    Parameters
    ----------
    seed : int
        The same seed, the same deposit.
    """

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, 20])
        self.seed = seed
        self._relief = SmoothField.draw(rng, (900.0, 900.0, 1e9))
        self._fold = SmoothField.draw(rng, (700.0, 700.0, 1500.0))
        self._width = SmoothField.draw(rng, (500.0, 500.0, 1000.0))
        self._bands = SmoothField.draw(rng, (500.0, 500.0, 1000.0))
        self._flow = SmoothField.draw(rng, (420.0, 420.0, 1200.0))
        self._grade = SmoothField.draw(rng, (150.0, 120.0, 120.0))
        self._scatter = SmoothField.draw(rng, (90.0, 90.0, 90.0))
        self._pattern = SmoothField.draw(rng, (600.0, 600.0, 400.0))

    def surface(self, easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
        """Return the elevation of the ground, shape (n,)."""
        places = np.column_stack([easting, northing, np.zeros(len(easting))])
        return 1250.0 + 18.0 * self._relief.at(places)

    def rock(self, places: np.ndarray) -> Rock:
        """Return the rock at places.

        Parameters
        ----------
        places : ndarray, shape (n, 3)
            Easting, northing, elevation.
        """
        places = np.asarray(places, dtype=float)
        east, north, up = places[:, 0] - _CENTRE[0], places[:, 1] - _CENTRE[1], places[:, 2] - 1250.0
        along = east * np.sin(_STRIKE) + north * np.cos(_STRIKE)
        across = (north * np.sin(_STRIKE) - east * np.cos(_STRIKE)) * np.sin(_DIP) + up * np.cos(_DIP)
        across = across + 110.0 * np.sin(2.0 * np.pi * along / 900.0) + 50.0 * self._fold.at(places)
        width = 190.0 + 60.0 * self._width.at(places)
        formation = _step((width - np.abs(across)) / 15.0)
        hanging = _step(across / 15.0)
        banding = _step(3.0 * np.sin(2.0 * np.pi * across / 95.0 + 1.2 * self._bands.at(places)))
        iron, chert = formation * (0.2 + 0.65 * banding), formation * (0.8 - 0.65 * banding)
        shale, quartzite = (1.0 - formation) * hanging, (1.0 - formation) * (1.0 - hanging)
        from_fault = (
            (east * np.cos(_FAULT_STRIKE) - (north - 60.0) * np.sin(_FAULT_STRIKE)) * np.sin(_FAULT_DIP)
            + up * np.cos(_FAULT_DIP) + 30.0 * self._fold.at(places)
        )  # fmt: skip
        flow = _step(1.8 * self._flow.at(places))
        alteration = np.exp(-0.5 * (from_fault / 220.0) ** 2) * flow
        rock = Rock(iron, chert, shale, quartzite, alteration)
        rock.majors.update(self._majors(rock))
        rock.rare_earths.update(self._rare_earths(rock, places))
        return rock

    def _majors(self, rock: Rock) -> dict[str, np.ndarray]:
        fresh = 1.0 - 0.25 * rock.alteration
        return {
            "Fe": 62.0 * rock.iron + 6.0 * rock.chert + 5.0 * rock.shale + 0.8 * rock.quartzite,
            "Si": fresh * (3.0 * rock.iron + 41.0 * rock.chert + 28.0 * rock.shale + 44.0 * rock.quartzite),
            "Al": 0.4 * rock.iron + 0.3 * rock.chert + 9.0 * rock.shale + 1.5 * rock.quartzite + 1.5 * rock.alteration,
            "Ti": 0.03 * rock.iron + 0.02 * rock.chert + 0.55 * rock.shale + 0.08 * rock.quartzite,
        }

    def _rare_earths(self, rock: Rock, places: np.ndarray) -> dict[str, np.ndarray]:
        """Background, leached where altered, and ore where alteration meets the iron formation."""
        background = 30.0 + 400.0 * rock.shale + 250.0 * rock.quartzite
        background *= np.exp(0.25 * self._scatter.at(places) - 1.8 * rock.alteration)
        trap = rock.iron + 0.4 * rock.chert
        ore = 6000.0 * rock.alteration**1.5 * trap * np.exp(0.3 * self._grade.at(places))
        steepness = 0.13 + 0.03 * self._pattern.at(places)
        number = np.arange(len(LANTHANIDES), dtype=float)
        found = {}
        pattern_ore = np.exp(-steepness[:, None] * number) * [CHONDRITE[name] for name in LANTHANIDES]
        pattern_rock = np.exp(-0.09 * number) * [CHONDRITE[name] for name in LANTHANIDES]
        europium = LANTHANIDES.index("Eu")
        pattern_ore[:, europium] *= 1.0 + 0.8 * rock.alteration  # hydrothermal: a positive anomaly
        pattern_rock[europium] *= 0.65
        pattern_ore /= pattern_ore.sum(axis=1, keepdims=True)
        pattern_rock = pattern_rock / pattern_rock.sum()
        for index, name in enumerate(LANTHANIDES):
            found[name] = ore * pattern_ore[:, index] + background * pattern_rock[index]
        return found


def _step(values: np.ndarray) -> np.ndarray:
    """Rise smoothly from 0 to 1 around 0."""
    return 0.5 * (1.0 + np.tanh(values))
