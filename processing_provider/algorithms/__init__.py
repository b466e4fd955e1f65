"""The algorithms, one short declarative file each, in the order of the work."""

from .checkbackend import CheckBackend
from .checksamples import CheckSamples
from .ordinarykriging import OrdinaryKriging
from .predictraster import PredictRaster
from .setupbackend import SetUpBackend

ALGORITHMS = (CheckSamples, OrdinaryKriging, PredictRaster, SetUpBackend, CheckBackend)
