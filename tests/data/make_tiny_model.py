"""Make tiny_hybrid.onnx and tiny_hybrid.json, which the QGIS side reads in tests without TensorFlow.

Run in the backend environment from the repository root: ``python tests/data/make_tiny_model.py``. The files are a
record of version 1 of the format: make new ones under new names when the format changes, and keep these readable.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent


def main() -> None:
    """Train on synthetic samples and record predictions at a few places."""
    spec = importlib.util.spec_from_file_location(
        "hybrid_geostatistics", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules["hybrid_geostatistics"] = package
    spec.loader.exec_module(package)
    from hybrid_geostatistics.core.learning.hybrid import train_hybrid
    from hybrid_geostatistics.core.learning.hybrid_settings import HybridSettings
    from hybrid_geostatistics.core.learning.training import NetworkSettings
    from hybrid_geostatistics.core.samples import Covariates, Samples
    from hybrid_geostatistics.core.transforms import Transform

    rng = np.random.default_rng(42)
    coordinates = np.round(rng.uniform(0, 1, (40, 2)) * [900, 500] + [181000, 333000])
    values = np.column_stack([np.round(rng.uniform(size=40), 3), rng.choice([1.0, 2.0], 40)])
    covariates = Covariates(("dist", "soil"), values, (False, True))
    wave = np.sin(8 * covariates.values[:, 0])
    noise = rng.normal(size=(40, 2))
    values = np.round(np.column_stack([np.exp(5 + wave + 0.2 * noise[:, 0]), 20 + 5 * wave + noise[:, 1]]), 3)
    samples = Samples(coordinates, values, ("zinc", "lead"), "EPSG:28992", covariates)
    network = NetworkSettings(conv_width=3, recurrent_width=3, dense_width=3, min_steps=300, dropout=0.0)
    settings = HybridSettings(
        transforms={"zinc": Transform("log"), "lead": Transform("none")}, variogram_model="spherical", n_neighbors=4,
        n_inner_folds=2, n_seeds=2, network=network, units={"zinc": "mg/kg", "lead": "mg/kg"}, ridge=0.0, seed=1,
    )  # fmt: skip
    trained = train_hybrid(samples, settings, FOLDER / "tiny_hybrid.onnx", schemes=("random",), n_folds=3)
    where = coordinates[:6] + [[17.0, -8.0]]
    predicted = trained.fitted.predict(where, covariates.rows(np.arange(6)))
    record = {
        "coordinates": where.tolist(),
        "covariates": covariates.values[:6].tolist(),
        "estimate": predicted.estimate.tolist(),
        "lower": predicted.lower.tolist(),
        "upper": predicted.upper.tolist(),
    }
    (FOLDER / "tiny_hybrid.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(trained.fitted.weights)


if __name__ == "__main__":
    main()
