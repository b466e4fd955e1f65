"""The tasks that tell of the interpreter they run in."""

from __future__ import annotations

import platform
import sys
import time

import numpy as np

from ...progress import part
from ...provenance import versions
from ...samples import Covariates, Samples
from ..job import Job, TaskResult


def describe(job: Job) -> TaskResult:
    """Say which Python this is: ``python``, ``executable``, ``prefix``, ``platform``."""
    return TaskResult(
        {
            "python": platform.python_version(),
            "executable": sys.executable,
            "prefix": sys.prefix,
            "platform": platform.platform(),
        }
    )


def self_test(job: Job) -> TaskResult:
    """Train, export and predict something tiny; with the input ``training`` False fit and predict only.

    Outputs: ``versions`` by package, ``seconds``, ``difference``, the largest between the trained network and its
    file, relative to the spread of the values; without training that between samples and what is predicted at them.

    Raises
    ------
    RuntimeError
        When that difference is 1e-4 or more: the environment does not compute what it should.
    """
    started = time.perf_counter()
    rng = np.random.default_rng(7)
    coordinates = rng.uniform(0.0, 100.0, (40, 2))
    covariates = Covariates(("slope",), coordinates[:, :1] + rng.normal(0.0, 5.0, (40, 1)), (False,))
    values = np.sin(coordinates[:, :1] / 20.0) + 0.01 * coordinates[:, 1:] + rng.normal(0.0, 0.1, (40, 1))
    samples = Samples(coordinates, values, ("test",), covariates=covariates)
    test = _train_and_predict if job.inputs.get("training", True) else _fit_and_predict
    difference = test(samples, job) / float(np.ptp(values))
    if not difference < 1e-4:
        raise RuntimeError(f"The test of the environment is off by {difference:g} of the spread of its values.")
    return TaskResult({"versions": versions(), "seconds": time.perf_counter() - started, "difference": difference})


def _fit_and_predict(samples: Samples, job: Job) -> float:
    """Fit variograms and the pre-trained correction; return how far it is from exact at the samples."""
    from ...learning.pretrained import PretrainedSettings, fit_pretrained

    settings = PretrainedSettings(variogram_method="least_squares")
    plain = Samples(samples.coordinates, samples.values, samples.targets)
    fitted = fit_pretrained(plain, settings, job.progress, job.is_cancelled)
    return float(np.abs(fitted.predict(samples.coordinates, None).estimate - samples.values).max())


def _train_and_predict(samples: Samples, job: Job) -> float:
    """Train a hybrid; return the largest difference between the trained one and its file."""
    from ...learning.hybrid import train_hybrid
    from ...learning.hybrid_settings import HybridSettings
    from ...learning.training import NetworkSettings
    from ...prediction.trained_model import TrainedModel

    network = NetworkSettings(conv_width=4, recurrent_width=4, dense_width=4, min_steps=4, max_steps=4)
    settings = HybridSettings(
        variogram_model="spherical",
        variogram_method="least_squares",
        n_neighbors=4,
        n_inner_folds=2,
        n_seeds=2,
        network=network,
    )
    path = job.folder / "model.onnx"
    trained = train_hybrid(
        samples, settings, path, schemes=(), progress=part(job.progress, 0.0, 0.9), is_cancelled=job.is_cancelled
    )
    places = samples.coordinates + 1.0
    from_file = TrainedModel.read(path).predict(places, samples.covariates).estimate
    return float(np.abs(trained.fitted.predict(places, samples.covariates).estimate - from_file).max())
