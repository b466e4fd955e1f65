"""The algorithms, one short declarative file each, in the order of the work."""

from .ordinarykriging import OrdinaryKriging

ALGORITHMS = (OrdinaryKriging,)
