"""What a result depends on: versions of libraries and a fingerprint of the data."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

import numpy as np

_PACKAGES = (
    "scipy", "scikit-gstat", "onnxruntime", "tensorflow", "tensorflow-cpu", "keras", "tf2onnx", "skl2onnx",
    "scikit-learn", "onnx", "optuna",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Python and of the installed packages that results depend on, importing none."""
    found = {"python": platform.python_version(), "numpy": np.__version__}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def data_hash(*arrays: np.ndarray) -> str:
    """Return the sha256 of arrays, which tells whether two results rest on the same data."""
    digest = hashlib.sha256()
    for array in arrays:
        numbers = np.ascontiguousarray(array, dtype="<f8")
        digest.update(str(numbers.shape).encode())
        digest.update(numbers.tobytes())
    return digest.hexdigest()
