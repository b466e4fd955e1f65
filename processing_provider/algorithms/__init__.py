"""The algorithms, one short declarative file each, in the order of the work."""

from .checkbackend import CheckBackend
from .checksamples import CheckSamples
from .comparemethods import CompareMethods
from .compositedrillholes import CompositeDrillHoles
from .experimentalvariogram import ExperimentalVariogram
from .fitvariogram import FitVariogram
from .kriginggradient import KrigingGradient
from .ordinarykriging import OrdinaryKriging
from .predictraster import PredictRaster
from .setupbackend import SetUpBackend
from .trainhybridmodel import TrainHybridModel

ALGORITHMS = (
    CheckSamples,
    CompositeDrillHoles,
    ExperimentalVariogram,
    FitVariogram,
    OrdinaryKriging,
    KrigingGradient,
    TrainHybridModel,
    PredictRaster,
    CompareMethods,
    SetUpBackend,
    CheckBackend,
)
