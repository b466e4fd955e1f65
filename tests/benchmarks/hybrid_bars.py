"""The hybrid against the better of ordinary and external-drift kriging, on fixed folds of real data.

Usage: OMP_NUM_THREADS=1 python tests/benchmarks/hybrid_bars.py --data FOLDER [--only TEXT ...] [--noise N]
       [--every-fold] [--elevation] [--no-rfsi] [--out CSV]

FOLDER holds CSV files and a manifest.json: an object by name of set with ``file``, ``x``, ``y``, ``z`` (or null),
``targets``, ``covariates``, ``categorical``, ``group`` (column of drill holes or sites) and ``transform`` (the word
log, alone or with targets in brackets, asks for logarithms of positive targets). Folds are the columns that start
with cv_ and do not end with _leaky, ten of them merged pairwise to five. TEXT selects runs whose ``set target
folds`` contains every one of its words.

``--noise N`` replaces each selected target by N targets of white noise: there the ratio has to stay near 1 and R2
near 0. Everything is refitted in each fold. Ratios are those of RMSE in data units and, in brackets, on the scale of
kriging; the interval is a bootstrap over spatial clusters. Run it with the backend's Python.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = (
    "set", "target", "folds", "n", "r2_kriging", "ok", "ked", "rfsi", "hybrid", "ratio", "ratio_low", "ratio_high",
    "ratio_scaled", "rfsi_ratio", "r2_hybrid", "coverage90", "width_ratio", "verdict", "weights", "seconds",
)  # fmt: skip


def package() -> Any:
    """Import the plugin's package under its name, whatever the checkout's folder is called."""
    import importlib.util

    if "hybrid_geostatistics" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "hybrid_geostatistics", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
        )
        module = importlib.util.module_from_spec(spec)
        sys.modules["hybrid_geostatistics"] = module
        spec.loader.exec_module(module)
    return sys.modules["hybrid_geostatistics"]


def number(text: str) -> float:
    """Read a number; NaN for what is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def read(
    folder: Path, entry: dict, target: str, with_elevation: bool = False, merge: bool = True
) -> tuple[Any, dict[str, np.ndarray]]:
    """Return the samples of one target with all covariates known, and the folds, merged or not, by column."""
    package()
    from hybrid_geostatistics.core.coincident import coincident_samples
    from hybrid_geostatistics.core.samples import Covariates, Samples

    with open(folder / entry["file"], encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    axes = [entry["x"], entry["y"], *([entry["z"]] if entry.get("z") else [])]
    names = entry.get("covariates") or []
    flags = tuple(name in (entry.get("categorical") or []) for name in names)
    columns = []
    for name, flag in zip(names, flags):
        words = [row[name] for row in rows]
        numbers = np.array([number(word) for word in words])
        if flag and not np.isfinite(numbers).any():
            numbers = np.unique(words, return_inverse=True)[1].astype(float)
        columns.append(numbers)
    places = np.array([[number(row[axis]) for axis in axes] for row in rows])
    if "depth" in (entry.get("z") or ""):
        places[:, 2] *= -0.01 if entry["z"].endswith("_cm") else -1.0  # depth to metres of elevation
    if with_elevation and places.shape[1] == 3:
        names, flags = [*names, "elevation"], (*flags, False)
        columns.append(places[:, 2].copy())
    values = np.array([number(row[target]) for row in rows])
    usable = np.isfinite(np.column_stack([places, values, *columns])).all(axis=1)
    for same in coincident_samples(np.where(usable[:, None], places, np.arange(len(rows))[:, None] + 0.5)):
        values[same[0]] = values[same].mean()
        usable[same[1:]] = False
    keep = np.flatnonzero(usable)
    covariates = Covariates(tuple(names), np.column_stack(columns)[keep], flags) if names else None
    group = entry.get("group")
    holes = np.array([rows[i][group] for i in keep]) if group else None
    folds = {}
    for column in rows[0]:
        if column.startswith("cv_") and not column.endswith("_leaky"):
            labels = np.unique([rows[i][column] for i in keep], return_inverse=True)[1].reshape(-1)
            folds[column] = labels // 2 if merge and labels.max() >= 9 else labels
    return Samples(places[keep], values[keep, None], (target,), "", covariates, holes), folds


def transform_for(entry: dict, target: str, values: np.ndarray) -> str:
    """Return the kind of transform that the manifest asks for."""
    words = str(entry.get("transform", ""))
    listed = words[words.index("log") :].partition("(")[2] if "log" in words else ""
    if "log" not in words or (listed and target not in listed.rstrip(")").split(",")) or values.min() <= 0:
        return "none"
    return "log"


def run(name: str, samples: Any, kind: str, scheme: str, fold: np.ndarray, with_forest: bool) -> dict:
    """Compare on one set of folds and return a row of the table."""
    package()
    from hybrid_geostatistics.core.backend.adapters.learned import architecture_for
    from hybrid_geostatistics.core.coincident import average_coincident
    from hybrid_geostatistics.core.learning.hybrid import fit_hybrid, predictor_of
    from hybrid_geostatistics.core.learning.hybrid_settings import HybridSettings
    from hybrid_geostatistics.core.learning.pretrained import PretrainedSettings, fit_pretrained, shipped_network
    from hybrid_geostatistics.core.transforms import Transform
    from hybrid_geostatistics.core.validation.comparison import compare_methods
    from hybrid_geostatistics.core.validation.methods import make_methods

    transform = Transform(kind)
    names = ["ordinary_kriging"]
    if samples.covariates is not None:
        names.append("external_drift_kriging")
    if with_forest:
        names.append("random_forest")
    methods = make_methods(names, transform)
    weights: list[dict[str, float]] = []

    def hybrid(training: Any, seed: int, *told: Any) -> Any:
        training, _ = average_coincident(training)
        if architecture_for("hybrid", training) == "pretrained":
            plain = fit_pretrained(training, PretrainedSettings(transforms=transform, seed=seed), *told)
            weights.append(next(iter(plain.weights.values())))
            return lambda places, covariates: plain.model.distribution(places, shipped_network())
        fitted = fit_hybrid(training, HybridSettings(transforms=transform, seed=seed), *told)
        weights.append(next(iter(fitted.weights.values())))
        return predictor_of(fitted)

    methods["hybrid"] = hybrid
    target = samples.targets[0]
    started = time.perf_counter()
    comparison = compare_methods(samples, methods, {scheme: fold})
    rows = {method: comparison.row(target, scheme, method) for method in methods}
    reference = comparison.reference(target, scheme)
    fitted = transform.fitted(samples.values[:, 0], target)
    scaled = {
        method: np.sqrt(np.mean((
            fitted.forward(samples.values[:, 0], target)
            - fitted.forward(comparison.predictions[scheme, method].median[:, 0], target)
        ) ** 2))
        for method in (*names[:2], "hybrid")
        if method != "random_forest"
    }  # fmt: skip
    own = rows["hybrid"]
    verdict = next(v for v in comparison.verdicts if v.method == "hybrid")
    return {
        "set": name,
        "target": target,
        "folds": scheme,
        "n": len(samples),
        "r2_kriging": rows[reference]["r2"],
        "ok": rows["ordinary_kriging"]["rmse"],
        "ked": rows.get("external_drift_kriging", {}).get("rmse", float("nan")),
        "rfsi": rows.get("random_forest", {}).get("rmse", float("nan")),
        "hybrid": own["rmse"],
        "ratio": own["rmse_ratio"],
        "ratio_low": own["rmse_ratio_low"],
        "ratio_high": own["rmse_ratio_high"],
        "ratio_scaled": scaled["hybrid"] / min(value for method, value in scaled.items() if method != "hybrid"),
        "rfsi_ratio": rows.get("random_forest", {}).get("rmse", float("nan")) / rows[reference]["rmse"],
        "r2_hybrid": own["r2"],
        "coverage90": own["coverage90"],
        "width_ratio": own["width90"] / rows[reference]["width90"],
        "verdict": verdict.outcome,
        "weights": " ".join(
            f"{base.replace('_kriging', '')} {np.mean([one.get(base, 0.0) for one in weights]):.2f}"
            for base in dict.fromkeys(name for one in weights for name in one)
        ),
        "seconds": time.perf_counter() - started,
    }


def line(row: dict) -> str:
    """Return a row as a line of a Markdown table."""
    return (
        f"| {row['set']} {row['target']} {row['folds']} | {row['n']} | {row['r2_kriging']:.3f} | {row['ok']:.4g} | "
        f"{row['ked']:.4g} | {row['rfsi_ratio']:.3f} | {row['ratio']:.3f} [{row['ratio_low']:.3f}, "
        f"{row['ratio_high']:.3f}] ({row['ratio_scaled']:.3f}) | {row['r2_hybrid']:.3f} | {row['coverage90']:.3f} | "
        f"{row['width_ratio']:.2f} | {row['weights']} | {row['seconds']:.0f} |"
    )


def main() -> None:
    """Run what is selected and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[], help="words that a run's name has to contain")
    parser.add_argument("--noise", type=int, default=0, help="white-noise targets instead of each selected one")
    parser.add_argument("--no-rfsi", action="store_true", help="leave out the random forest on neighbours")
    parser.add_argument("--no-covariates", action="store_true", help="leave out all covariates")
    parser.add_argument("--elevation", action="store_true", help="the elevation as a covariate, too")
    parser.add_argument("--every-fold", action="store_true", help="leave out every fold by itself, ten of them, too")
    parser.add_argument("--out", type=Path, help="CSV file to which rows are appended; runs in it are not repeated")
    given = parser.parse_args()
    manifest = json.loads((given.data / "manifest.json").read_text(encoding="utf-8"))
    done = set()
    if given.out and given.out.exists():
        with open(given.out, encoding="utf-8", newline="") as file:
            done = {(row["set"], row["target"], row["folds"]) for row in csv.DictReader(file)}
    print(
        "| run | n | R2 kriging | OK | KED | RFSI ratio | hybrid ratio [95 %] (scaled) | R2 | covers | width "
        "| weights | s |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    ratios = []
    for name, entry in manifest.items():
        for target in entry["targets"]:
            samples, folds = None, {}
            for scheme in ("cv_block10", "cv_random10", "cv_hole10"):
                title = f"{name} {target} {scheme}"
                if given.only and not any(all(word in title for word in text.split()) for text in given.only):
                    continue
                if samples is None:
                    samples, folds = read(given.data, entry, target, given.elevation, not given.every_fold)
                    if given.no_covariates:
                        samples = replace(samples, covariates=None)
                if scheme not in folds:
                    continue
                for seed in range(max(given.noise, 1)):
                    own, kind, label = samples, transform_for(entry, target, samples.values), target
                    if given.noise:
                        label, kind = f"noise{seed}", "none"
                        noise = np.random.default_rng(seed).normal(size=samples.values.shape)
                        own = replace(samples, values=noise, targets=(label,))
                    if (name, label, scheme) in done:
                        continue
                    row = run(name, own, kind, scheme, folds[scheme], not given.no_rfsi)
                    print(line(row), flush=True)
                    ratios.append(row["ratio"])
                    if given.out:
                        new = not given.out.exists()
                        with open(given.out, "a", encoding="utf-8", newline="") as file:
                            writer = csv.DictWriter(file, COLUMNS)
                            if new:
                                writer.writeheader()
                            writer.writerow(row)
    if ratios:
        print(f"\nGeometric mean {np.exp(np.mean(np.log(ratios))):.4f}, largest {max(ratios):.4f}, {len(ratios)} runs")


if __name__ == "__main__":
    main()
