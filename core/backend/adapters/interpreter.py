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
    """Train, export and predict something tiny.

    Outputs: ``versions`` by package, ``seconds``, ``difference``, the largest between the trained network and its
    file, relative to the spread of the values.

    Raises
    ------
    RuntimeError
        When that difference is 1e-4 or more: the environment does not compute what it should.
    """
    from ...learning.hybrid import train_hybrid
    from ...learning.hybrid_settings import HybridSettings
    from ...learning.training import NetworkSettings
    from ...prediction.trained_model import TrainedModel

    started = time.perf_counter()
    rng = np.random.default_rng(7)
    coordinates = rng.uniform(0.0, 100.0, (40, 2))
    covariates = Covariates(("slope",), coordinates[:, :1] + rng.normal(0.0, 5.0, (40, 1)), (False,))
    values = np.sin(coordinates[:, :1] / 20.0) + 0.01 * coordinates[:, 1:] + rng.normal(0.0, 0.1, (40, 1))
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
        Samples(coordinates, values, ("test",), covariates=covariates),
        settings,
        path,
        schemes=(),
        progress=part(job.progress, 0.0, 0.9),
        is_cancelled=job.is_cancelled,
    )
    places = coordinates + 1.0
    from_file = TrainedModel.read(path).predict(places, covariates).estimate
    difference = float(np.abs(trained.fitted.predict(places, covariates).estimate - from_file).max() / np.ptp(values))
    if not difference < 1e-4:
        raise RuntimeError(f"The trained network and its file differ by {difference:g} of the spread of the values.")
    return TaskResult({"versions": versions(), "seconds": time.perf_counter() - started, "difference": difference})
