"""Rare earths. Truth: published tables."""

import numpy as np
import pytest
from hybrid_geostatistics.core.errors import InputError
from hybrid_geostatistics.core.geochemistry.rare_earths import (
    CHONDRITE,
    DERIVED,
    OXIDE_FACTORS,
    RARE_EARTHS,
    derive,
    element_of_name,
)
from hybrid_geostatistics.core.geochemistry.units import factor, unit_of_name

# Post-Archean Australian shale (Taylor & McLennan 1985), mg/kg.
SHALE = dict(
    zip(RARE_EARTHS, [38.2, 79.6, 8.83, 33.9, 5.55, 1.08, 4.66, 0.774, 4.68, 0.991, 2.85, 0.405, 2.82, 0.433, 27.0])
)


@pytest.mark.parametrize("element, published", [("La", 1.1728), ("Ce", 1.2284), ("Pr", 1.2082), ("Nd", 1.1664),
                                                ("Tb", 1.1762), ("Dy", 1.1477), ("Lu", 1.1371), ("Y", 1.2699)])
def test_oxide_factors_are_the_published_ones(element, published):
    """Conversion table of rare-earth assays to oxides as printed in exploration reports."""
    assert OXIDE_FACTORS[element] == pytest.approx(published, abs=1e-4)


def test_shale_has_its_known_europium_anomaly():
    """Taylor & McLennan (1985): Eu/Eu* of shale is about 0.65, and there is no cerium anomaly to speak of."""
    derived, lacking = derive({name: np.array([value]) for name, value in SHALE.items()})
    assert not lacking and set(derived) == set(DERIVED)
    assert derived["Eu_anomaly"][0] == pytest.approx(0.65, abs=0.02)
    assert derived["Ce_anomaly"][0] == pytest.approx(1.0, abs=0.05)
    assert derived["REE"][0] == pytest.approx(184.8, abs=0.1)  # the sum printed there
    assert derived["LREE"][0] + derived["HREE"][0] == pytest.approx(derived["REE"][0])


@pytest.mark.parametrize(
    ("sample", "europium", "cerium"),
    [({"La": 21.67, "Ce": 71.78, "Pr": 6.94, "Sm": 6.24, "Eu": 1.5, "Gd": 6.09, "Yb": 2.88}, 0.744, 1.409),
     ({"La": 20.76, "Ce": 42.02, "Pr": 4.96, "Sm": 3.76, "Eu": 1.77, "Gd": 3.76, "Yb": 1.52}, 1.439, 0.997),
     ({"La": 11.56, "Ce": 17.99, "Pr": 1.76, "Sm": 1.4, "Eu": 1.29, "Gd": 1.12, "Yb": 0.51}, 3.150, 0.960)],
    ids=["Sa-4", "Sa-7", "Po-1"],
)  # fmt: skip
def test_anomalies_of_the_sazava_suite_by_another_chondrite(sample, europium, cerium):
    """Two roads: normalised to Boynton's (1984) chondrite, as petrologists do, anomalies move by less than 1 %.

    Quartz diorite, tonalite and trondhjemite of the Sazava suite (Janousek et al. 2000, J. Petrology 41, 511-543).
    """
    boynton = {"La": 0.31, "Ce": 0.808, "Pr": 0.122, "Sm": 0.195, "Eu": 0.0735, "Gd": 0.259, "Yb": 0.209}
    normal = {name: value / boynton[name] for name, value in sample.items()}
    assert normal["Eu"] / np.sqrt(normal["Sm"] * normal["Gd"]) == pytest.approx(europium, abs=1e-3)
    assert normal["Ce"] / np.sqrt(normal["La"] * normal["Pr"]) == pytest.approx(cerium, abs=1e-3)
    derived, _ = derive({name: np.array([value]) for name, value in sample.items()})
    assert derived["Eu_anomaly"][0] == pytest.approx(europium, rel=0.01)
    assert derived["Ce_anomaly"][0] == pytest.approx(cerium, rel=0.01)
    assert derived["La_Yb_N"][0] == pytest.approx(normal["La"] / normal["Yb"], rel=0.01)


def test_chondrite_itself_is_flat():
    derived, _ = derive({name: np.array([7 * value]) for name, value in CHONDRITE.items()})
    for name in ("Eu_anomaly", "Ce_anomaly", "La_Yb_N"):
        assert derived[name][0] == pytest.approx(1.0)


def test_missing_elements_are_named_and_unknown_values_stay_unknown():
    derived, lacking = derive({"La": np.array([1.0, np.nan]), "Yb": np.array([0.0, 1.0])})
    assert set(derived) == {"La_Yb_N"} and np.isnan(derived["La_Yb_N"]).all()
    assert lacking["Ce_anomaly"] == ("Ce", "Pr")
    with pytest.raises(InputError, match="Pm"):
        derive({"Pm": np.array([1.0])})


def test_names_of_fields():
    names = ("Y", "Y_ppm", "YB", "Lu2O3", "lanthanum")  # an oxide is not the element
    assert [element_of_name(name) for name in names] == ["Y", "Y", "Yb", None, None]


def test_units():
    assert factor("percent", "ppb") == 1e7 and factor("mg/kg", "g/t") == 1
    names = ("Cu mg/kg", "S (%)", "ppm", "Al_wt%")
    assert [unit_of_name(name) for name in names] == ["ppm", "percent", None, "percent"]
    with pytest.raises(InputError, match="oz"):
        factor("oz")
