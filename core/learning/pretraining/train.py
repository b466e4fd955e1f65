"""Train the network that comes with the plugin; a module to run in the backend's Python.

    python -m hybrid_geostatistics.core.learning.pretraining.train --rows rows.npz --sites 2100 --card

simulates the sites (about 0.2 s each on one core), keeps their rows in the file given, or reads them from there,
trains, and writes ``resources/pretrained/kriging_correction.onnx`` and, with ``--card``, its card beside it. More
``--sites``, ``--width`` and ``--epochs`` make a larger network, on a GPU where TensorFlow finds one.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from ...prediction.pretrained import GRAPH_OUTPUT, NETWORK_FILE
from ...provenance import data_hash, versions
from ..export import check_same, to_onnx
from ..pretrained import fit_gate
from .fields import FIELDS, simulate_site
from .network import PretrainingSettings, mean_of, train
from .rows import DROPPED, Rows, site_rows

VALIDATION_SEED = 0
"""Seed of the first site that is validated on."""

TRAINING_SEED = 1000
"""Seed of the first site that is trained on."""


def simulated_rows(first_seed: int, n_sites: int) -> Rows:
    """Return the rows of sites of consecutive seeds, and tell on stderr how far it is."""
    parts, started = [], time.perf_counter()
    for index in range(n_sites):
        rows = site_rows(simulate_site(first_seed + index), first_seed + index)
        if rows is not None:
            parts.append(rows)
        if (index + 1) % 100 == 0:
            sys.stderr.write(f"{index + 1} of {n_sites} sites, {time.perf_counter() - started:.0f} s\n")
    return Rows.join(parts)


def read_rows(path: Path) -> Rows:
    """Read what `write_rows` wrote."""
    with np.load(path, allow_pickle=False) as content:
        return Rows(*(content[field.name] for field in fields(Rows)))


def write_rows(rows: Rows, path: Path) -> None:
    """Write rows as one .npz file."""
    np.savez(path, **{field.name: getattr(rows, field.name) for field in fields(Rows)})


def validate(correction: np.ndarray, rows: Rows) -> dict[str, dict[str, float]]:
    """Judge corrections on held-out places, the gate learned from left-out samples of the same site.

    Parameters
    ----------
    correction : ndarray, shape (n,)
        The network's output at the rows.
    rows : Rows

    Returns
    -------
    dict
        By kind of field, and ``all``: number of sites, geometric mean of the RMSE ratio to kriging with the gate and
        without, its largest value with the gate, and the mean gate.
    """
    found: dict[str, list[tuple[float, float, float]]] = {"all": []}
    for site in np.unique(rows.site):
        own = rows.take(rows.site == site)
        size = np.sqrt(own.weight)
        errors, shifts = size * own.residual, size * correction[rows.site == site]
        ways = [(errors[own.dropped == d], shifts[own.dropped == d]) for d in DROPPED]
        n = min(len(way[0]) for way in ways)
        gate = fit_gate(np.stack([way[0][:n] for way in ways]), np.stack([way[1][:n] for way in ways])).share
        here = own.dropped < 0
        kriging = np.mean(errors[here] ** 2)
        ratios = [np.sqrt(np.mean((errors[here] - share * shifts[here]) ** 2) / kriging) for share in (gate, 1.0)]
        entry = (float(ratios[0]), float(ratios[1]), gate)
        kind = simulate_site(int(site)).description.split(",")[0]
        found["all"].append(entry)
        found.setdefault(kind, []).append(entry)
    return {
        kind: {
            "sites": len(entries),
            "ratio": float(np.exp(np.mean(np.log([entry[0] for entry in entries])))),
            "ratio_ungated": float(np.exp(np.mean(np.log([entry[1] for entry in entries])))),
            "worst": max(entry[0] for entry in entries),
            "gate": float(np.mean([entry[2] for entry in entries])),
        }
        for kind, entries in sorted(found.items())
    }


def card(
    settings: PretrainingSettings, n_members: int, rows: Rows, scores: dict, n_weights: int, seconds: float
) -> str:
    """Return the card of the network, in markdown."""
    lines = [
        "# Pre-trained correction of ordinary kriging",
        "",
        "`kriging_correction.onnx` expects, from the samples around a place, by how many kriging standard deviations",
        "ordinary kriging is wrong there. Kriging with a share of this correction (the gate, learned on the user's own",
        "left-out samples, 0 where it does not help) is the model `pretrained`. For data in the plane, without",
        "covariates.",
        "",
        "**Data.** Simulated only, no field data: "
        f"{len(np.unique(rows.site))} sites (seeds {rows.site.min()} to {rows.site.max()}), {len(rows)} rows, by",
        "`core/learning/pretraining`: kinds of fields " + ", ".join(FIELDS) + ";",
        "50 to 600 samples, random, regular, clustered, infilled at high values or along lines; errors of measurement,",
        "detection limits, rounding; variograms fitted to the samples as the plugin does.",
        "",
        f"**Network.** {'One network' if n_members == 1 else f'The mean of {n_members} networks with seeds in turn'}, "
        f"{n_weights} weights: attention with four heads over the 16 nearest samples. Settings: "
        + ", ".join(f"{name} {value:g}" for name, value in asdict(settings).items())
        + f". Trained in {seconds / 60:.0f} minutes on a CPU.",
        "",
        "**Versions.** " + ", ".join(f"{name} {version}" for name, version in versions().items()) + ".",
        "",
        f"**Fingerprint of the rows** (sha256): `{data_hash(rows.tokens, rows.context, rows.residual)}`.",
        "",
        "## Simulated sites it was not trained on",
        "",
        "RMSE at held-out places over that of ordinary kriging: geometric mean with the gate, the worst site with the",
        "gate, geometric mean of the whole correction, mean gate.",
        "",
        "| field | sites | ratio | worst | ungated | gate |",
        "|---|---|---|---|---|---|",
        *(
            f"| {kind} | {one['sites']} | {one['ratio']:.3f} | {one['worst']:.3f} | {one['ratio_ungated']:.3f} "
            f"| {one['gate']:.2f} |"
            for kind, one in scores.items()
        ),
        "",
        "## Limits",
        "",
        "Trained in the plane on sites of 50 to 600 samples with one structure and a nugget. The gate guards against",
        "fields unlike the simulated ones, not fully so with few samples. Where samples were placed by their values,",
        "left-out samples judge it more kindly than places nobody sampled.",
        "",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Run from the command line."""
    standard = PretrainingSettings()
    parser = argparse.ArgumentParser(description="Train the network for data without covariates.")
    parser.add_argument("--rows", type=Path, help="rows of the training sites: read where the file is there")
    parser.add_argument("--sites", type=int, default=2100, help="simulated sites to train on")
    parser.add_argument("--validation-sites", type=int, default=120)
    parser.add_argument("--members", type=int, default=1, help="networks of other seeds, whose mean is taken")
    parser.add_argument("--width", type=int, default=standard.width)
    parser.add_argument("--epochs", type=int, default=standard.epochs)
    parser.add_argument("--batch-size", type=int, default=standard.batch_size)
    parser.add_argument("--seed", type=int, default=standard.seed)
    parser.add_argument("--card", action="store_true", help="write the card as well")
    parser.add_argument("--output", type=Path, default=NETWORK_FILE)
    given = parser.parse_args(arguments)
    settings = replace(
        standard, width=given.width, epochs=given.epochs, batch_size=given.batch_size, seed=given.seed
    )
    if given.rows is not None and given.rows.exists():
        rows = read_rows(given.rows)
    else:
        rows = simulated_rows(TRAINING_SEED, given.sites)
        if given.rows is not None:
            write_rows(rows, given.rows)
    rows = rows.to_learn_from()
    started = time.perf_counter()
    network = mean_of([train(rows, replace(settings, seed=given.seed + i), _tell) for i in range(given.members)])
    seconds = time.perf_counter() - started
    model = to_onnx(network, 0, GRAPH_OUTPUT)
    check_same(network, model)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_bytes(model.SerializeToString())
    if given.card:
        held_out = simulated_rows(VALIDATION_SEED, given.validation_sites)
        scores = validate(_evaluate(network, held_out), held_out)
        text = card(settings, given.members, rows, scores, int(network.count_params()), seconds)
        given.output.with_suffix(".md").write_text(text, encoding="utf-8")


def _tell(share: float, message: str) -> None:
    """Write progress to stderr."""
    sys.stderr.write(f"{100 * share:.0f} % {message}\n")


def _evaluate(network: Any, rows: Rows) -> np.ndarray:
    """Return the network's output at rows."""
    step = 4096
    parts = [
        np.asarray(network([rows.tokens[i : i + step], rows.context[i : i + step]], training=False))[:, 0]
        for i in range(0, len(rows), step)
    ]
    return np.concatenate(parts).astype(float)


if __name__ == "__main__":
    main()
