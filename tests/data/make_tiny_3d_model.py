"""Make tiny_3d.onnx: a hybrid in three dimensions with every kind of covariate, read in tests without TensorFlow.

Run in the backend environment from the repository root: ``python tests/data/make_tiny_3d_model.py``.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
LEFT, TOP = 400_000.0, 5_600_300.0
"""Corner of the small world of tests/processing_provider/world.py."""
MEAN = [30.0, 50.0, 10.0, 20.0]
LOADINGS = [[0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]]
"""Of two components of a raster with four bands."""


def main() -> None:
    """Train on holes of four samples each, above ground that rises to the east and changes its rock half way."""
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

    rng = np.random.default_rng(2)
    plan = np.column_stack([LEFT + rng.uniform(1, 209, 16), TOP - rng.uniform(1, 179, 16)]).round(1)
    places = np.column_stack([np.repeat(plan, 4, axis=0), np.tile([-1.0, -3.0, -5.0, -7.0], 16)])
    east = places[:, 0] - LEFT
    slope, rock = 0.05 * east, np.where(east < 105, 2.0, 1.0)
    spectra = np.repeat(rng.normal(0, 1, (16, 2)), 4, axis=0)
    covariates = Covariates(
        ("slope", "rock", "elevation", "cube PC1", "cube PC2"),
        np.column_stack([slope, rock, places[:, 2], spectra]),
        (False, True, False, False, False),
        (
            None,
            {"kind": "polygons", "field": "unit", "classes": ["basalt", "tuff"]},
            {"kind": "elevation"},
            *(
                {"kind": "projection", "raster": "cube", "component": i + 1, "mean": MEAN, "loadings": LOADINGS[i]}
                for i in range(2)
            ),
        ),
    )
    values = 10 + slope + 1.5 * places[:, 2] + rock + 0.5 * spectra[:, 0] + rng.normal(0, 0.3, 64)
    holes = np.array([f"H{i // 4}" for i in range(64)])
    samples = Samples(places, values[:, None].round(3), ("zinc",), "EPSG:25833", covariates, holes)
    network = NetworkSettings(conv_width=3, recurrent_width=3, dense_width=3, min_steps=40, max_steps=40, dropout=0.0)
    settings = HybridSettings(
        variogram_model="spherical", n_neighbors=4, n_inner_folds=2, n_seeds=2, network=network, forest=None,
        ridge=0.0, seed=1,
    )  # fmt: skip
    print(train_hybrid(samples, settings, FOLDER / "tiny_3d.onnx", schemes=()).fitted.weights)


if __name__ == "__main__":
    main()
