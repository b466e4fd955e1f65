"""Samples the variogram tests share: fields with a known variogram."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def simulate():
    """Return a function that draws a Gaussian field with a given variogram at random locations."""

    def draw(model, n=200, seed=0, size=(1400.0, 900.0)):
        random = np.random.default_rng(seed)
        origin = np.array([431_000.0, 5_812_000.0, -300.0])[: len(size)]
        offsets = np.array(size) * random.random((n, len(size)))
        factor = np.linalg.cholesky(model.covariance(offsets, offsets) + 1e-10 * model.sill * np.eye(n))
        return origin + offsets, 5.0 + factor @ random.normal(size=n)

    return draw
