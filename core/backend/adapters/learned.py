"""What can be trained, and compared with kriging: one class a kind of model, one line a name.

Each says how its settings are read, how it is trained and as which method it is compared, and what a report and the
outputs of its training hold besides what all have. They import what they need when they are called.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...samples import Samples
from ...validation.wording import written
from .settings import hybrid_settings, network_settings, pretrained_settings

if TYPE_CHECKING:
    from ...learning.outer import Trained
    from ...validation.ablation import Ablations
    from ...validation.predictive import Method, Transforms
    from ...validation.training_report import Makeup

TRAINING = ("tensorflow", "tf2onnx", "onnxruntime", "skgstat")
"""Modules outside numpy and scipy that training and checking a network needs."""

PRETRAINED = ("onnxruntime", "skgstat")
"""Modules that kriging with the pre-trained correction needs: nothing is trained."""

INNER = "inner"
"""Name of the inner folds among ablations."""

NETWORKS = ("gcnn_rnn", "afg_pms", "feedforward", "as_published")
"""Networks by name, see `core.learning.architectures`."""


class Learned(ABC):
    """A kind of model that is learned from samples."""

    modules: tuple[str, ...] = TRAINING

    @abstractmethod
    def settings(self, content: Mapping[str, Any]) -> Any:
        """Read settings from plain values, see `core.backend.adapters.settings`."""

    @abstractmethod
    def method(self, settings: Any) -> Method:
        """Return it as a method of comparisons."""

    @abstractmethod
    def train(self, samples: Samples, settings: Any, path: Path, **options: Any) -> Trained:
        """Cross-validate, train on all samples and write the model file; see `core.learning.outer`."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Key of `LEARNED`, and name in tables."""

    @abstractmethod
    def outputs(self, fitted: Any) -> dict:
        """Return what it found, as plain values."""

    def ablations(self, fitted: Any) -> Ablations:
        """Return what its own training found by leaving groups of inputs out; empty where it did not."""
        return {}

    @abstractmethod
    def title(self, targets: Sequence[str]) -> str:
        """Return the title of its report."""

    @abstractmethod
    def makeup(self, samples: Samples, fitted: Any) -> Makeup:
        """Return what its report says of what it is made of."""


class Hybrid(Learned):
    """Kriging and kriging with learned drifts, stacked."""

    def settings(self, content: Mapping[str, Any]) -> Any:
        """Read `HybridSettings`."""
        return hybrid_settings(content)

    def method(self, settings: Any) -> Method:
        """Return `hybrid_method`."""
        from ...learning.hybrid import hybrid_method

        return hybrid_method(settings)

    def train(self, samples: Samples, settings: Any, path: Path, **options: Any) -> Trained:
        """Call `train_hybrid`."""
        from ...learning.hybrid import train_hybrid

        return train_hybrid(samples, settings, path, **options)

    @property
    def name(self) -> str:
        """Return hybrid."""
        return "hybrid"

    def outputs(self, fitted: Any) -> dict:
        """Return weights of the stack and scores at inner folds."""
        return {"weights": fitted.weights, "inner_scores": fitted.inner_scores}

    def title(self, targets: Sequence[str]) -> str:
        """Name the targets."""
        return f"Hybrid model of {', '.join(targets)}"

    def makeup(self, samples: Samples, fitted: Any) -> Makeup:
        """Tell of the stack, the network's losses and its size."""
        from ...validation.training_report import LearningCurve, Makeup

        settings, ensemble = fitted.settings, fitted.ensemble
        network = settings.network
        widths = f"{network.conv_width}, {network.recurrent_width}, {network.dense_width}"
        return Makeup(
            self.name,
            fitted.weights,
            curves=[LearningCurve("all members", ensemble.losses, ())],
            inputs=[
                *what_went_in(samples, settings),
                ("Neighbours a sequence", settings.n_neighbors),
                ("Networks", ensemble.n_members),
                ("Widths (convolution, LSTM, dense)", widths),
            ],
        )


class Pretrained(Learned):
    """A mixture of krigings with the pre-trained correction."""

    modules = PRETRAINED

    def settings(self, content: Mapping[str, Any]) -> Any:
        """Read `PretrainedSettings`."""
        return pretrained_settings(content)

    def method(self, settings: Any) -> Method:
        """Return `pretrained_method`."""
        from ...learning.pretrained import pretrained_method

        return pretrained_method(settings)

    def train(self, samples: Samples, settings: Any, path: Path, **options: Any) -> Trained:
        """Call `train_pretrained`."""
        from ...learning.pretrained import train_pretrained

        return train_pretrained(samples, settings, path, **options)

    @property
    def name(self) -> str:
        """Return pretrained."""
        return "pretrained"

    def outputs(self, fitted: Any) -> dict:
        """Return the shares of the krigings, and of their mixture with the correction."""
        return {"weights": fitted.weights}

    def title(self, targets: Sequence[str]) -> str:
        """Name the targets."""
        return f"Kriging with the pre-trained correction of {', '.join(targets)}"

    def makeup(self, samples: Samples, fitted: Any) -> Makeup:
        """Tell of the shares."""
        from ...validation.training_report import Makeup

        return Makeup(self.name, fitted.weights, inputs=what_went_in(samples, fitted.settings))


@dataclass(frozen=True)
class Network(Learned):
    """A network by name.

    Parameters
    ----------
    architecture : str
        Out of `NETWORKS`.
    """

    architecture: str

    def settings(self, content: Mapping[str, Any]) -> Any:
        """Read `NetworkByName`."""
        return network_settings(self.architecture, content)

    def method(self, settings: Any) -> Method:
        """Return `network_method`."""
        from ...learning.network import network_method

        return network_method(settings)

    def train(self, samples: Samples, settings: Any, path: Path, **options: Any) -> Trained:
        """Call `train_network`."""
        from ...learning.network import train_network

        return train_network(samples, settings, path, **options)

    @property
    def name(self) -> str:
        """Return the architecture."""
        return self.architecture

    def ablations(self, fitted: Any) -> Ablations:
        """Return the ablation on inner folds, of all targets together."""
        return {INNER: {", ".join(fitted.model.samples.targets): fitted.ablations}} if fitted.ablations else {}

    def outputs(self, fitted: Any) -> dict:
        """Return the weights of the groups of inputs and scores at inner folds; there is no stack."""
        return {"weights": {}, "group_weights": fitted.evaluated.weights, "inner_scores": fitted.inner_scores}

    def title(self, targets: Sequence[str]) -> str:
        """Name the network and the targets."""
        name = written(self.architecture)
        return f"{name[0].upper()}{name[1:]} of {', '.join(targets)}"

    def makeup(self, samples: Samples, fitted: Any) -> Makeup:
        """Tell of losses, self-evaluation, ablation and search."""
        from ...learning.network_report import network_sections
        from ...validation.training_report import LearningCurve, Makeup

        ensemble = fitted.ensemble
        return Makeup(
            self.name,
            {},
            curves=[LearningCurve("mean of the networks", ensemble.training_losses, ensemble.held_out_losses)],
            inputs=what_went_in(fitted.model.samples, fitted.settings),
            more=network_sections(fitted),
        )


LEARNED: dict[str, Learned] = {
    "hybrid": Hybrid(),
    "pretrained": Pretrained(),
    **{name: Network(name) for name in NETWORKS},
}
"""What can be trained and compared, by the names users choose from; one line each."""


def architecture_for(name: str, samples: Samples) -> str:
    """Return what a name chosen by a user stands for with these samples.

    The hybrid of samples in the plane without covariates is the mixture of krigings with the pre-trained correction:
    without covariates a network trained on the samples has nothing to learn from but the places.
    """
    return "pretrained" if name == "hybrid" and is_in_plane(samples) and not samples.has_covariates else name


def is_in_plane(samples: Samples) -> bool:
    """Return whether samples lie in the plane, outside drill holes, as the pre-trained correction needs them."""
    return samples.n_dimensions == 2 and samples.holes is None


def learned_of(inputs: Mapping[str, Any]) -> Learned:
    """Return what inputs ask to be trained.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    name = inputs.get("architecture", "hybrid")
    if name not in LEARNED:
        raise InputError(f"Expected an architecture out of {', '.join(LEARNED)}, got {name!r}.")
    return LEARNED[name]


def measured_at(samples: Samples) -> str:
    """Return at how many samples each target was measured, in words."""
    counts = zip(samples.targets, samples.known.sum(axis=0).tolist())
    return ", ".join(f"{target}: {count}" for target, count in counts)


def what_went_in(samples: Samples, settings: Any) -> list[tuple[str, object]]:
    """Return the lines of a report that say what a model was trained from."""
    from ...validation.predictive import transform_of

    chosen: Transforms = settings.transforms
    transforms = {target: transform_of(chosen, samples, target).kind for target in samples.targets}
    covariates = samples.covariates.names if samples.covariates is not None else ()
    return [
        ("Samples", len(samples)),
        *([("Samples with", measured_at(samples))] if samples.has_gaps else []),
        ("CRS", samples.crs or "unknown"),
        ("Covariates", ", ".join(covariates) or "none"),
        *([("Gradients of", ", ".join(samples.fields.names))] if samples.fields is not None else []),
        ("Transforms", ", ".join(f"{target}: {kind}" for target, kind in transforms.items())),
        ("Variograms given", ", ".join(settings.variograms) or "none, all fitted"),
        ("Seed", settings.seed),
    ]
