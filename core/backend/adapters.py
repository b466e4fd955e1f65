"""The tasks one by one: from the plain inputs and arrays of a job to a call of the core, and back.

Every task runs unchanged in QGIS's Python and in the backend. ``inputs["samples"]`` and the arrays that
belong to it come from `exchange.pack_samples`; transforms, variograms and neighbourhoods are the objects
of the files, as dicts. The heavy parts of the core are imported by the task that needs them.
"""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import numpy as np

from ..errors import InputError
from ..kriging.neighborhood import Neighborhood
from ..progress import part
from ..provenance import versions
from ..samples import Covariates, Samples
from ..transforms import Transform
from ..variogram.models import VariogramFile, model_from_dict
from . import exchange
from .job import Job, TaskResult

if TYPE_CHECKING:
    from ..learning.hybrid import HybridSettings
    from ..learning.network import FittedNetwork, NetworkByName
    from ..learning.outer import Trained
    from ..learning.pretrained import PretrainedSettings
    from ..prediction.trained_model import TrainedModel
    from ..report.page import Section
    from ..validation.comparison import Comparison
    from ..validation.predictive import Method, Transforms

TRAINING = ("tensorflow", "tf2onnx", "onnxruntime", "skgstat")
"""Modules that training and checking a network needs."""


@dataclass(frozen=True)
class LearnedMethod:
    """A method of comparisons that is not among `core.validation.methods.METHODS`.

    Parameters
    ----------
    make : callable
        From the ``settings`` of the job to the method; it imports what it needs when called.
    modules : tuple of str
        Modules outside numpy and scipy that fitting and predicting import.
    """

    make: Callable[[Mapping[str, Any]], Method]
    modules: tuple[str, ...]


def _hybrid(settings: Mapping[str, Any]) -> Method:
    from ..learning.hybrid import hybrid_method

    return hybrid_method(hybrid_settings(settings))


def _network_by_name(architecture: str) -> LearnedMethod:
    """Return a network of `core.learning.architectures` as a method of comparisons."""

    def make(settings: Mapping[str, Any]) -> Method:
        from ..learning.network import network_method

        return network_method(network_settings(architecture, settings))

    return LearnedMethod(make, TRAINING)


def _pretrained(settings: Mapping[str, Any]) -> Method:
    from ..learning.pretrained import pretrained_method

    return pretrained_method(pretrained_settings(settings))


PRETRAINED = ("onnxruntime", "skgstat")
"""Modules that kriging with the pre-trained correction needs: nothing is trained."""

NETWORKS = ("gcnn_rnn", "afg_pms", "feedforward", "as_published")
"""Networks by name, see `core.learning.architectures`."""

LEARNED_METHODS: dict[str, LearnedMethod] = {
    "hybrid": LearnedMethod(_hybrid, TRAINING),
    "pretrained": LearnedMethod(_pretrained, PRETRAINED),
    **{name: _network_by_name(name) for name in NETWORKS},
}
"""Methods with a network, by the names used in tables; one line each."""


def modules_of_methods(names: Sequence[str]) -> tuple[str, ...]:
    """Return the modules that a comparison of these methods needs."""
    from ..validation.methods import MODULES

    needed = [MODULES.get(name, ("skgstat",)) for name in names if name not in LEARNED_METHODS]
    needed += [LEARNED_METHODS[name].modules for name in names if name in LEARNED_METHODS]
    return tuple(dict.fromkeys(module for modules in needed for module in modules))


def fit_variogram(job: Job) -> TaskResult:
    """Fit a variogram to one field.

    Inputs: ``samples``, whose covariates are a drift; ``trend_order`` of a drift in the coordinates (default 0);
    ``field``; ``transform`` (default none); ``options``, keyword arguments of
    `core.variogram.fitting.fit_variogram`, ``anisotropy`` as a dict; ``unit``, ``map_unit`` and ``provenance`` for the
    report. Outputs: ``variogram`` (content of the file), ``nugget``, ``psill``, ``effective_range``, ``loo_rmse``,
    ``loo_msdr``, ``mean_rmse``, ``log_likelihood``, ``structure``, ``account``, ``warnings``. Files: ``variogram``
    (JSON), ``report`` (HTML).
    """
    from ..kriging.trend import check_order, trend_columns
    from ..variogram.anisotropy import Anisotropy
    from ..variogram.fitting import fit_variogram as fit
    from ..variogram.report import variogram_page

    inputs = job.inputs
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    field = inputs["field"]
    transform = Transform.from_dict(inputs.get("transform") or {}).fitted(samples.target(field), field)
    options = dict(inputs.get("options", {}))
    if options.get("anisotropy") is not None:
        options["anisotropy"] = Anisotropy(**options["anisotropy"])
    order = inputs.get("trend_order", 0)
    check_order(order)
    drift = [trend_columns(samples.coordinates - samples.coordinates.mean(axis=0), order)]
    names = [] if order == 0 else [("a plane" if order == 1 else "a quadratic surface") + " in the coordinates"]
    if samples.covariates is not None:
        drift.append(samples.covariates.values)
        names += samples.covariates.names
    fitted = fit(
        samples.coordinates,
        transform.forward(samples.target(field), field),
        drift=np.column_stack(drift),
        by_direction=True,
        **options,
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    unit = inputs.get("unit", "")
    scale = "" if transform.kind == "none" else transform.kind.replace("_", "-")
    file = VariogramFile(
        fitted.model,
        field=field,
        transform=transform,
        crs=samples.crs,
        unit=f"{scale} {unit}".strip() if unit else "",
        experimental=fitted.experimental.to_dict(),
        fit={**fitted.fit_to_dict(), "drift": names},
    )
    file.write(job.folder / "variogram.json")
    page = variogram_page(
        fitted,
        field=field,
        n_samples=len(samples),
        scale=scale,
        unit=unit,
        map_unit=inputs.get("map_unit", "map units"),
        drift=", ".join(names),
        provenance=inputs.get("provenance"),
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    outputs = {
        "variogram": file.to_dict(),
        "nugget": fitted.model.nugget,
        "psill": fitted.model.psill,
        "effective_range": fitted.model.effective_range,
        "loo_rmse": fitted.loo_rmse,
        "loo_msdr": fitted.loo_msdr,
        "mean_rmse": fitted.mean_rmse,
        "log_likelihood": fitted.log_likelihood,
        "structure": fitted.structure,
        "account": fitted.account,
        "warnings": fitted.warnings,
    }
    files = {"variogram": job.folder / "variogram.json", "report": job.folder / "report.html"}
    return TaskResult(outputs, files=files)


def train_model(job: Job) -> TaskResult:
    """Cross-validate and train a model of one architecture, and write its model file.

    Inputs: ``architecture``, a key of `ARCHITECTURES` (default hybrid); ``samples``; ``settings`` of the
    architecture; ``schemes`` of outer folds (default random and blocks, empty for none) and ``n_folds``; ``title``,
    ``created`` and ``provenance`` for the report. Outputs: ``weights`` by target; ``scores``
    (`core.learning.hybrid.cross_validated_scores`), ``notes``, ``seconds``, and with outer folds the outputs of
    `compare_methods`. Files: ``model`` (ONNX), ``report`` (HTML).
    """
    return trainer_of(job.inputs).train(job)


def trainer_of(inputs: Mapping[str, Any]) -> Trainer:
    """Return the trainer of the architecture that inputs ask for.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    name = inputs.get("architecture", "hybrid")
    if name not in ARCHITECTURES:
        raise InputError(f"Expected an architecture out of {', '.join(ARCHITECTURES)}, got {name!r}.")
    return ARCHITECTURES[name]


def _train_hybrid(job: Job) -> TaskResult:
    """Train the hybrid; see `train_model`, and `hybrid_settings` for its settings.

    Besides, its outputs hold ``inner_scores``.
    """
    from ..learning.hybrid import train_hybrid as train
    from ..validation.report import LearningCurve, training_page

    inputs = job.inputs
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    settings = hybrid_settings(inputs.get("settings", {}))
    trained = train(
        samples,
        settings,
        job.folder / "model.onnx",
        **_outer_folds(job),
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    outputs = {
        "weights": trained.fitted.weights,
        "inner_scores": trained.fitted.inner_scores,
        "scores": trained.scores,
        "notes": trained.fitted.notes,
        "seconds": trained.fitted.seconds,
    }
    if trained.comparison is not None:
        outputs.update(_verdict(trained.comparison))
    page = training_page(
        title=inputs.get("title") or f"Hybrid model of {', '.join(samples.targets)}",
        targets=samples.targets,
        weights=trained.fitted.weights,
        comparison=trained.comparison,
        curves=[LearningCurve("all members", trained.fitted.ensemble.losses, ())],
        inputs=_hybrid_went_in(samples, settings, trained.fitted.ensemble.n_members),
        warnings=trained.fitted.notes,
        units=settings.units,
        created=inputs.get("created", ""),
        provenance=inputs.get("provenance"),
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    files = {"model": job.folder / "model.onnx", "report": job.folder / "report.html"}
    return TaskResult(outputs, files=files)


def _outer_folds(job: Job) -> dict[str, Any]:
    """Return which outer folds a training is asked for."""
    return {"schemes": tuple(job.inputs.get("schemes", ("random", "blocks"))), "n_folds": job.inputs.get("n_folds", 5)}


def _train_network(job: Job) -> TaskResult:
    """Train a network by name; see `train_model`, and `network_settings` for its settings.

    Besides, its outputs hold ``inner_scores`` and ``group_weights``; ``weights`` is empty.
    """
    from ..learning.network import train_network

    inputs = job.inputs
    architecture = inputs["architecture"]
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    settings = network_settings(architecture, inputs.get("settings", {}))
    trained = train_network(
        samples,
        settings,
        job.folder / "model.onnx",
        **_outer_folds(job),
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    fitted = trained.fitted
    outputs = {
        "weights": {},
        "group_weights": fitted.evaluated.weights,
        "inner_scores": fitted.inner_scores,
        "scores": trained.scores,
        "notes": fitted.notes,
        "seconds": fitted.seconds,
    }
    if trained.comparison is not None:
        outputs.update(_verdict(trained.comparison))
    title = inputs.get("title") or f"{architecture.replace('_', ' ')} of {', '.join(samples.targets)}"
    return TaskResult(outputs, files=_network_files(job, trained, title))


def _network_files(
    job: Job,
    trained: Trained[FittedNetwork],
    title: str,
    before: Sequence[Section] = (),
    lines: Sequence[tuple[str, object]] = (),
) -> dict[str, Path]:
    """Write the report of a trained network, and return the files of the job.

    Parameters
    ----------
    before, lines
        Sections before those about the network, and further lines about what went in.
    """
    from ..learning.network_report import network_sections
    from ..validation.report import LearningCurve, training_page

    fitted = trained.fitted
    settings, ensemble, samples = fitted.settings, fitted.ensemble, fitted.model.samples
    page = training_page(
        title=title,
        targets=samples.targets,
        weights={},
        comparison=trained.comparison,
        method=settings.architecture,
        curves=[LearningCurve("mean of the networks", ensemble.training_losses, ensemble.held_out_losses)],
        inputs=[*_what_went_in(samples, settings.transforms, settings.variograms, settings.seed), *lines],
        warnings=fitted.notes,
        more=[*before, *network_sections(fitted)],
        units=settings.units,
        created=job.inputs.get("created", ""),
        provenance=job.inputs.get("provenance"),
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    return {"model": job.folder / "model.onnx", "report": job.folder / "report.html"}


def _train_pretrained(job: Job) -> TaskResult:
    """Fit kriging with the pre-trained correction; see `train_model`, and `pretrained_settings` for its settings."""
    from ..learning.pretrained import METHOD, train_pretrained
    from ..validation.report import training_page

    inputs = job.inputs
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    settings = pretrained_settings(inputs.get("settings", {}))
    trained = train_pretrained(
        samples,
        settings,
        job.folder / "model.onnx",
        **_outer_folds(job),
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    fitted = trained.fitted
    outputs = {
        "weights": fitted.weights, "scores": trained.scores, "notes": fitted.notes, "seconds": fitted.seconds,
    }  # fmt: skip
    if trained.comparison is not None:
        outputs.update(_verdict(trained.comparison))
    page = training_page(
        title=inputs.get("title") or f"Kriging with the pre-trained correction of {', '.join(samples.targets)}",
        targets=samples.targets,
        weights=fitted.weights,
        comparison=trained.comparison,
        method=METHOD,
        inputs=_what_went_in(samples, settings.transforms, settings.variograms, settings.seed),
        warnings=fitted.notes,
        units=settings.units,
        created=inputs.get("created", ""),
        provenance=inputs.get("provenance"),
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    return TaskResult(outputs, files={"model": job.folder / "model.onnx", "report": job.folder / "report.html"})


def update_model(job: Job) -> TaskResult:
    """Train a network by name with new samples, and say how well it foresaw them.

    Inputs: ``model``, its path; ``samples``, the new ones; ``mode``, out of `core.learning.updating.MODES`;
    ``created`` and ``provenance`` for the report. Outputs: ``drifts`` by target, ``n_new``, ``n_replaced``, ``n``,
    ``notes``, ``inner_scores``. Files: ``model`` (ONNX), ``report`` (HTML).
    """
    from ..learning.network_report import drift_section
    from ..learning.updating import update_model as update

    inputs = job.inputs
    new = exchange.unpack_samples(inputs["samples"], job.arrays)
    updated = update(
        inputs["model"], new, inputs["mode"], job.folder / "model.onnx", job.progress, job.is_cancelled
    )  # fmt: skip
    fitted = updated.trained.fitted
    samples = fitted.model.samples
    outputs = {
        "drifts": [one.to_dict() for one in updated.drifts],
        "n_new": updated.n_new,
        "n_replaced": updated.n_replaced,
        "n": len(samples),
        "notes": fitted.notes,
        "inner_scores": fitted.inner_scores,
    }
    architecture = fitted.settings.architecture.replace("_", " ")
    title = f"{architecture} of {', '.join(samples.targets)}, with new samples"
    lines = [
        ("New samples", updated.n_new), ("Old samples replaced", updated.n_replaced), ("Mode", inputs["mode"]),
    ]  # fmt: skip
    return TaskResult(outputs, files=_network_files(job, updated.trained, title, [drift_section(updated)], lines))


@dataclass(frozen=True)
class Trainer:
    """How a model of one architecture is trained.

    Parameters
    ----------
    train : callable
        From `Job` to `TaskResult`, see `train_model`; it imports what it needs when called.
    modules : tuple of str
        Modules outside numpy and scipy that training imports.
    """

    train: Callable[[Job], TaskResult]
    modules: tuple[str, ...]


ARCHITECTURES: dict[str, Trainer] = {
    "hybrid": Trainer(_train_hybrid, TRAINING),
    "pretrained": Trainer(_train_pretrained, PRETRAINED),
    **{name: Trainer(_train_network, TRAINING) for name in NETWORKS},
}
"""What can be trained, by the names users choose from; one line each."""


def compare_methods(job: Job) -> TaskResult:
    """Cross-validate methods on the same folds.

    Inputs: ``samples``; ``methods`` by name (`core.validation.methods.METHODS`, `LEARNED_METHODS`); ``schemes`` and
    ``n_folds``; ``settings``, see `hybrid_settings`, of which kriging takes transforms and neighbourhood, and the
    report ``units``; ``seed``; ``class_breaks`` by target; ``title``, ``created`` and ``provenance`` for the report.
    Arrays besides those of the samples: ``places``, what is to be predicted; ``measured_coordinates`` and
    ``measured_values``, the samples before duplicates were averaged. Outputs: ``rows`` of the table, ``summaries``
    (target, folds, text), ``best_method``, ``best_text``, ``warnings``, ``mismatches`` by scheme. Result arrays: the
    columns of `Comparison.residual_columns`. Files: ``table`` and ``details`` (CSV), ``report`` (HTML).
    """
    from ..validation.comparison import compare_methods as compare
    from ..validation.folds import make_folds
    from ..validation.methods import make_methods
    from ..validation.noise import noise_ceilings
    from ..validation.report import comparison_page

    inputs = job.inputs
    samples = exchange.unpack_samples(inputs["samples"], job.arrays)
    given = inputs.get("settings", {})
    names = list(inputs["methods"])
    methods = make_methods(
        [name for name in names if name not in LEARNED_METHODS], _transforms(given.get("transforms")),
        _neighborhood(given),
    )  # fmt: skip
    methods.update({name: LEARNED_METHODS[name].make(given) for name in names if name in LEARNED_METHODS})
    seed = inputs.get("seed", 0)
    schemes = tuple(inputs.get("schemes", ("random", "blocks")))
    places = job.arrays.get("places")
    ceilings = None
    if "measured_values" in job.arrays:
        measured = Samples(job.arrays["measured_coordinates"], job.arrays["measured_values"], samples.targets)
        ceilings = noise_ceilings(measured)
    comparison = compare(
        samples,
        {name: methods[name] for name in names},
        make_folds(samples, schemes, inputs.get("n_folds", 5), seed, places=places),
        seed=seed,
        class_breaks={target: tuple(breaks) for target, breaks in inputs.get("class_breaks", {}).items()},
        places=places,
        ceilings=ceilings,
        progress=job.progress,
        is_cancelled=job.is_cancelled,
    )
    comparison.write_csv(job.folder / "table.csv")
    comparison.write_details(job.folder / "details.csv")
    page = comparison_page(
        comparison,
        title=inputs.get("title") or "Comparison of methods",
        units=given.get("units"),
        created=inputs.get("created", ""),
        provenance=inputs.get("provenance"),
    )
    (job.folder / "report.html").write_text(page, encoding="utf-8")
    names_of_files = {"table": "table.csv", "details": "details.csv", "report": "report.html"}
    files = {name: job.folder / file for name, file in names_of_files.items()}
    outputs = {**_verdict(comparison), "mismatches": comparison.mismatches}
    return TaskResult(outputs, comparison.residual_columns(), files)


def read_model(job: Job) -> TaskResult:
    """Read the contract of a model file.

    Inputs: ``model``, its path. Outputs: ``contract``.
    """
    return TaskResult({"contract": _open_model(*_identity(job.inputs["model"])).contract})


def predict_points(job: Job) -> TaskResult:
    """Predict at locations with a model file.

    Inputs: ``model``, its path; ``covariates``, as `exchange.pack_covariates` gives them, or None; ``coverage``.
    Arrays: ``coordinates`` and ``covariates``. Result arrays: ``estimate``, ``lower``, ``upper`` and
    ``kriging_variance``, each of shape (n, n_targets), in data units.
    """
    model = _open_model(*_identity(job.inputs["model"]))
    covariates = exchange.unpack_covariates(job.inputs.get("covariates"), job.arrays)
    prediction = model.predict(job.arrays["coordinates"], covariates, job.inputs.get("coverage", 0.9))
    keys = ("estimate", "lower", "upper", "kriging_variance")
    return TaskResult(arrays={key: getattr(prediction, key) for key in keys})


def write_vtk(job: Job) -> TaskResult:
    """Write a block model as a VTK image.

    Inputs: ``names`` of the quantities; ``corner`` and ``sides``, see `core.block_model.write_vtk_image`. Arrays: the
    quantities as ``0``, ``1``, ... Files: ``vtk`` (.vti).
    """
    from ..block_model import write_vtk_image

    quantities = {name: job.arrays[str(index)] for index, name in enumerate(job.inputs["names"])}
    path = job.folder / "model.vti"
    write_vtk_image(path, quantities, tuple(job.inputs["corner"]), tuple(job.inputs["sides"]))
    return TaskResult(files={"vtk": path})


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
    """
    from ..learning.hybrid import HybridSettings, train_hybrid
    from ..learning.training import NetworkSettings
    from ..prediction.trained_model import TrainedModel

    started = time.perf_counter()
    rng = np.random.default_rng(7)
    coordinates = rng.uniform(0.0, 100.0, (40, 2))
    covariates = Covariates(("slope",), coordinates[:, :1] + rng.normal(0.0, 5.0, (40, 1)), (False,))
    values = np.sin(coordinates[:, :1] / 20.0) + 0.01 * coordinates[:, 1:] + rng.normal(0.0, 0.1, (40, 1))
    network = NetworkSettings(conv_width=4, recurrent_width=4, dense_width=4, min_steps=4, max_steps=4)
    settings = HybridSettings(
        variogram_model="spherical", variogram_method="least_squares", n_neighbors=4, n_inner_folds=2, network=network
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


def hybrid_settings(content: Mapping[str, Any]) -> HybridSettings:
    """Read the settings of a hybrid from plain values.

    Parameters
    ----------
    content : mapping
        ``transforms``: one transform's dict, or one by target; ``variograms``: content of a variogram file (or its
        nugget and structures) by target; ``neighborhood``: arguments of `Neighborhood`; ``network``: arguments of
        `NetworkSettings`; ``forest``: arguments of `ForestSettings`, or None for none; other arguments of
        `HybridSettings` by name.

    Raises
    ------
    InputError
        For a name that is no setting.
    """
    from ..learning.forests import ForestSettings
    from ..learning.hybrid import HybridSettings
    from ..learning.training import NetworkSettings

    converted = {key: value for key, value in content.items() if key not in ("transforms", "neighborhood")}
    variograms = content.get("variograms") or {}
    converted["variograms"] = {target: model_from_dict(variogram) for target, variogram in variograms.items()}
    try:
        if "network" in content:
            converted["network"] = NetworkSettings(**content["network"])
        if content.get("forest") is not None:
            converted["forest"] = ForestSettings(**content["forest"])
        return HybridSettings(
            transforms=_transforms(content.get("transforms")), neighborhood=_neighborhood(content), **converted
        )
    except TypeError as error:
        raise InputError(f"Unknown setting of the hybrid: {error}.") from error


def network_settings(architecture: str, content: Mapping[str, Any]) -> NetworkByName:
    """Read the settings of a network by name from plain values.

    Parameters
    ----------
    architecture : str
    content : mapping
        ``transforms``, ``variograms`` and ``neighborhood`` as in `hybrid_settings`; ``n_seeds``, the sets of inner
        folds; ``schedule``: arguments of `Schedule` that replace the architecture's; ``sizes`` and
        ``self_evaluation``: arguments of `Sizes` and `SelfEvaluation`; other arguments of `NetworkByName` by name.

    Raises
    ------
    InputError
        For a name that is no setting.
    """
    from ..learning.architectures import Sizes, architecture_of
    from ..learning.network import NetworkByName
    from ..learning.self_evaluation import SelfEvaluation

    schedule = architecture_of(architecture).schedule
    own = ("transforms", "neighborhood", "n_seeds", "schedule", "sizes", "self_evaluation", "variograms", "groups")
    converted = {key: value for key, value in content.items() if key not in own}
    variograms = content.get("variograms") or {}
    if "n_seeds" in content:
        converted["n_sets"] = content["n_seeds"]
    try:
        if "schedule" in content:
            converted["schedule"] = replace(schedule, **content["schedule"])
        if "self_evaluation" in content:
            converted["self_evaluation"] = SelfEvaluation(**content["self_evaluation"])
        return NetworkByName(
            architecture,
            transforms=_transforms(content.get("transforms")),
            neighborhood=_neighborhood(content),
            variograms={target: model_from_dict(variogram) for target, variogram in variograms.items()},
            sizes=Sizes(**content.get("sizes", {})),
            groups={name: tuple(members) for name, members in content.get("groups", {}).items()},
            **converted,
        )
    except TypeError as error:
        raise InputError(f"Unknown setting of the network: {error}.") from error


def pretrained_settings(content: Mapping[str, Any]) -> PretrainedSettings:
    """Read the settings of kriging with the pre-trained correction from plain values.

    Parameters
    ----------
    content : mapping
        ``transforms``, ``variograms`` and ``neighborhood`` as in `hybrid_settings`, ``units`` and ``seed``; what else
        concerns the training of networks and is not looked at.
    """
    from ..learning.pretrained import PretrainedSettings

    variograms = content.get("variograms") or {}
    return PretrainedSettings(
        transforms=_transforms(content.get("transforms")),
        variograms={target: model_from_dict(variogram) for target, variogram in variograms.items()},
        neighborhood=_neighborhood(content),
        **{key: content[key] for key in ("units", "seed") if key in content},
    )


def _transforms(content: Mapping[str, Any] | None) -> Transform | dict[str, Transform]:
    """Read one transform, or one by target."""
    if content and "kind" not in content:
        return {target: Transform.from_dict(entry) for target, entry in content.items()}
    return Transform.from_dict(dict(content or {}))


def _neighborhood(content: Mapping[str, Any]) -> Neighborhood | None:
    given = content.get("neighborhood")
    return None if given is None else Neighborhood(**given)


def neighborhood_to_dict(neighborhood: Neighborhood | None) -> dict | None:
    """Return a neighbourhood as `hybrid_settings` reads it."""
    return None if neighborhood is None else asdict(neighborhood)


def _what_went_in(
    samples: Samples, chosen: Transforms, variograms: Mapping[str, Any], seed: int
) -> list[tuple[str, object]]:
    """Return the lines of a report that say what a model was trained from."""
    from ..validation.predictive import transform_of

    transforms = {target: transform_of(chosen, samples, target).kind for target in samples.targets}
    covariates = samples.covariates.names if samples.covariates is not None else ()
    return [
        ("Samples", len(samples)),
        ("CRS", samples.crs or "unknown"),
        ("Covariates", ", ".join(covariates) or "none"),
        ("Transforms", ", ".join(f"{target}: {kind}" for target, kind in transforms.items())),
        ("Variograms given", ", ".join(variograms) or "none, all fitted"),
        ("Seed", seed),
    ]


def _hybrid_went_in(samples: Samples, settings: HybridSettings, n_members: int) -> list[tuple[str, object]]:
    """Return the same for a hybrid, with its network."""
    network = settings.network
    return [
        *_what_went_in(samples, settings.transforms, settings.variograms, settings.seed),
        ("Neighbours a sequence", settings.n_neighbors),
        ("Networks", n_members),
        ("Widths (convolution, LSTM, dense)",
         f"{network.conv_width}, {network.recurrent_width}, {network.dense_width}"),
    ]  # fmt: skip


def _verdict(comparison: Comparison) -> dict:
    """Return what a comparison found, as plain values."""
    return {
        "rows": comparison.rows,
        "summaries": [
            {"target": target, "folds": scheme, "text": text} for (target, scheme), text in comparison.summaries.items()
        ],
        "best_method": comparison.best_method,
        "best_text": comparison.best_text,
        "warnings": comparison.warnings,
    }


def _identity(path: str) -> tuple[str, int]:
    """Return a path with the time of its last change, so that a model trained anew is read anew."""
    try:
        return path, Path(path).stat().st_mtime_ns
    except OSError:
        return path, 0  # reading it says what is wrong


@lru_cache(maxsize=2)
def _open_model(path: str, changed: int) -> TrainedModel:
    from ..prediction.trained_model import TrainedModel

    return TrainedModel.read(path)
