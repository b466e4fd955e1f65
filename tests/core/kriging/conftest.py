"""Samples the kriging tests share: asymmetric, at unequal coordinates, in map-sized numbers."""

import numpy as np
import pytest
from hybrid_geostatistics.core.kriging.neighborhood import Neighborhood
from hybrid_geostatistics.core.variogram.models import Structure, VariogramModel

MODELS = {
    "spherical": VariogramModel(0.1, (Structure("spherical", 0.9, 310.0),)),
    "exponential": VariogramModel(0.0, (Structure("exponential", 2.0, 500.0),)),
    "gaussian": VariogramModel(0.05, (Structure("gaussian", 0.7, 250.0),)),
    "cubic": VariogramModel(0.2, (Structure("cubic", 1.3, 400.0),)),
    "nested": VariogramModel(0.1, (Structure("spherical", 0.4, 120.0), Structure("exponential", 0.6, 900.0))),
    "anisotropic": VariogramModel(
        0.1, (Structure("spherical", 0.9, 500.0, azimuth=35.0, dip=10.0, ratio_minor=0.4, ratio_vertical=0.2),)
    ),
    "two frames": VariogramModel(
        0.05, (Structure("spherical", 0.5, 200.0), Structure("cubic", 0.5, 700.0, azimuth=120.0, ratio_minor=0.5))
    ),
}

NEIGHBORHOODS = {
    "all": Neighborhood(),
    "nearest": Neighborhood(max_neighbors=9),
    "radius": Neighborhood(search_radius=330.0),
    "both": Neighborhood(max_neighbors=6, search_radius=260.0),
}


@pytest.fixture(params=list(MODELS), scope="module")
def model(request):
    return MODELS[request.param]


@pytest.fixture(params=list(NEIGHBORHOODS), scope="module")
def neighborhood(request):
    return NEIGHBORHOODS[request.param]


@pytest.fixture(params=[2, 3], ids=["2-D", "3-D"], scope="module")
def samples(request):
    """40 samples and 13 targets, none on a sample, over 1200 x 700 (x 90) map units."""
    random = np.random.default_rng(7)
    size = np.array([1200.0, 700.0, 90.0])[: request.param]
    origin = np.array([431_000.0, 5_812_000.0, -40.0])[: request.param]
    coordinates = origin + size * random.random((40, request.param))
    targets = origin + size * random.random((13, request.param))
    coordinates = np.vstack([coordinates, targets])
    drift = np.column_stack([random.normal(50.0, 3.0, 53), coordinates[:, 0]])
    values = 7.0 + 0.4 * (drift[:, 0] - 50.0) + random.normal(size=53)
    return coordinates[:40], values[:40], drift[:40], coordinates[40:], drift[40:]
