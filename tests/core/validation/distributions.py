"""Distributions for tests of scores: normal, and spread from an interval."""

import numpy as np
from hybrid_geostatistics.core.validation.predictive import LEVELS, PredictiveDistribution
from scipy.special import ndtri


def normal(mean, std):
    """Return normal distributions of one target from arrays of shape (n,)."""
    mean, std = np.asarray(mean, float)[:, None], np.asarray(std, float)[:, None]
    return PredictiveDistribution(mean, mean[..., None] + std[..., None] * ndtri(LEVELS))


def within(estimate, lower, upper):
    """Return one half of a normal distribution on each side, whose 90 % interval ends at `lower` and `upper`."""
    estimate, lower, upper = (np.asarray(a, float)[..., None] for a in (estimate, lower, upper))
    share = ndtri(LEVELS) / ndtri(0.95)
    quantiles = estimate + np.where(share < 0, estimate - lower, upper - estimate) * share
    return PredictiveDistribution(estimate[..., 0], quantiles)
