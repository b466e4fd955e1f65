"""Polynomials of the coordinates as drift: universal kriging."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from ..errors import InputError
from .functionals import PointSum

MAX_ORDER = 2


def check_order(order: int) -> None:
    """Refuse an order that is not offered.

    Raises
    ------
    InputError
        For anything but 0, 1 and 2.
    """
    if order not in range(MAX_ORDER + 1):
        raise InputError(f"Expected a trend of order 0, 1 or 2 in the coordinates, got {order!r}.")


def trend_columns(points: np.ndarray, order: int, block: PointSum | None = None) -> np.ndarray:
    """Return the monomials of the coordinates up to an order, without the constant.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_dimensions)
        Centred, so that the columns keep their digits.
    order : int
        0 gives no columns, 1 a plane, 2 a quadratic surface.
    block : PointSum or None
        Take the mean over a block around each point.

    Returns
    -------
    ndarray, shape (n_points, n_columns)

    Examples
    --------
    >>> trend_columns(np.array([[2.0, 3.0]]), 2)
    array([[2., 3., 4., 6., 9.]])
    """
    if block is not None:
        parts = (
            weight * trend_columns(points + offset, order) for offset, weight in zip(block.offsets, block.point_weights)
        )
        return np.sum(list(parts), axis=0)
    monomials = [
        np.prod(points[:, axes], axis=1)
        for degree in range(1, order + 1)
        for axes in (list(chosen) for chosen in combinations_with_replacement(range(points.shape[1]), degree))
    ]
    return np.column_stack(monomials) if monomials else np.empty((len(points), 0))


def trend_slopes(points: np.ndarray, order: int) -> np.ndarray:
    """Return the gradients of `trend_columns`: also their slopes over any baseline centred on the point.

    Parameters
    ----------
    points : ndarray, shape (n_points, n_dimensions)
    order : int

    Returns
    -------
    ndarray, shape (n_points, n_columns, n_dimensions)

    Examples
    --------
    >>> trend_slopes(np.array([[2.0, 3.0]]), 2)[0].T
    array([[1., 0., 4., 3., 0.],
           [0., 1., 0., 2., 6.]])
    """
    n_dimensions = points.shape[1]
    slopes = []
    for degree in range(1, order + 1):
        for axes in combinations_with_replacement(range(n_dimensions), degree):
            # By the product rule: each factor in turn gives 1 along its own axis, times the others.
            one = np.zeros(points.shape)
            for place, axis in enumerate(axes):
                one[:, axis] += np.prod(points[:, [*axes[:place], *axes[place + 1 :]]], axis=1)
            slopes.append(one)
    return np.stack(slopes, axis=1) if slopes else np.empty((len(points), 0, n_dimensions))
