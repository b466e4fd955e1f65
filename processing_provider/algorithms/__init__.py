"""The algorithms, one short declarative file each, in the order of the work."""

from .checkbackend import CheckBackend
from .checksamples import CheckSamples
from .comparemethods import CompareMethods
from .compositedrillholes import CompositeDrillHoles
from .compositionraster import CompositionRaster
from .exampledeposit import ExampleDeposit
from .experimentalvariogram import ExperimentalVariogram
from .exportblockmodel import ExportBlockModel
from .fitvariogram import FitVariogram
from .kriginggradient import KrigingGradient
from .logratios import LogRatios
from .ordinarykriging import OrdinaryKriging
from .predictraster import PredictRaster
from .rareearths import RareEarths
from .setupbackend import SetUpBackend
from .spectralpca import SpectralPca
from .trainhybridmodel import TrainHybridModel
from .updatemodel import UpdateModel

ALGORITHMS = (
    ExampleDeposit,
    CheckSamples,
    CompositeDrillHoles,
    RareEarths,
    LogRatios,
    SpectralPca,
    ExperimentalVariogram,
    FitVariogram,
    OrdinaryKriging,
    KrigingGradient,
    CompositionRaster,
    ExportBlockModel,
    TrainHybridModel,
    PredictRaster,
    UpdateModel,
    CompareMethods,
    SetUpBackend,
    CheckBackend,
)
