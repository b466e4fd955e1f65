"""Networks as lists of layers: their sizes, their weights and where these start.

`core.learning.graph` trains them, `core.learning.export` builds them from Keras layers; a test compares the batched
graph, Keras and ONNX.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ..errors import InputError

Weights = dict[str, np.ndarray]
"""Arrays of float32 by name (`LayeredNetwork.weight_shapes`), members along the first axis."""

KINDS = ("conv", "lstm", "bilstm", "attention", "dense", "flatten", "dropout")
CONDENSING = ("bilstm", "attention", "flatten")
"""Kinds that make one vector of a sequence; so does an lstm that does not return it."""

ACTIVATIONS = ("linear", "relu", "leaky_relu")
SLOPE = 0.3
"""Of the leaky rectifier below 0, as in Keras."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Parameters
    ----------
    kind : str
        conv (along the sequence), lstm, bilstm, attention, dense, flatten or dropout. Attention is the mean of values
        (tanh) along the sequence, with weights that are a softmax of one score a step.
    width : int
        Of the output; of each direction for bilstm.
    kernel : int
        Samples a convolution reads; odd.
    activation : str
        Of conv and dense: linear, relu or leaky_relu.
    returns_sequence : bool
        Whether an lstm passes on all steps.
    rate : float
        Of dropout: of this layer's own output, or for the kind dropout of all that comes in, a joined context included.

    Raises
    ------
    InputError
        For an unknown kind or activation, or a number out of its range.

    References
    ----------
    Ilse, M., Tomczak, J. & Welling, M. (2018). Attention-based deep multiple instance learning. ICML 35, 2127-2136.
    """

    kind: str
    width: int = 0
    kernel: int = 1
    activation: str = "linear"
    returns_sequence: bool = False
    rate: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.activation not in ACTIVATIONS:
            raise InputError(
                f"Expected a layer out of {', '.join(KINDS)} with an activation out of {', '.join(ACTIVATIONS)}, got "
                f"{self.kind!r} and {self.activation!r}."
            )
        if self.kind not in ("flatten", "dropout") and self.width < 1:
            raise InputError(f"Expected a width of 1 or above for {self.kind}, got {self.width}.")
        if self.kernel < 1 or self.kernel % 2 == 0 or not 0 <= self.rate < 1:
            raise InputError(
                f"Expected an odd kernel and a dropout of 0 to below 1, got {self.kernel} and {self.rate:g}."
            )

    @property
    def condenses(self) -> bool:
        """Whether it makes one vector of a sequence."""
        return self.kind in CONDENSING or (self.kind == "lstm" and not self.returns_sequence)


@dataclass(frozen=True)
class LayeredNetwork:
    """One member network.

    Parameters
    ----------
    n_neighbors, n_token_columns, n_context_columns, n_targets : int
        Shapes of inputs and output.
    layers : tuple of Layer
        From the sequence to the last hidden layer; a linear layer with one output a target follows.
    context_joins : str
        "tokens": the context is appended to every step of the sequence; "state": to what the sequence is condensed to.
    skip : bool
        Whether a linear function of the context is added to the output. The network then starts as that function.

    Raises
    ------
    InputError
        When a size is not above 0 or the layers do not end in one vector a location.
    """

    n_neighbors: int
    n_token_columns: int
    n_context_columns: int
    n_targets: int
    layers: tuple[Layer, ...]
    context_joins: str = "tokens"
    skip: bool = False

    def __post_init__(self) -> None:
        if self.n_neighbors < 2:
            raise InputError(
                f"A sequence needs at least 2 neighbours, got {self.n_neighbors}: in a sequence of length 1 nothing is "
                "convolved or recurrent."
            )
        if min(self.n_token_columns, self.n_context_columns, self.n_targets) < 1:
            raise InputError("Expected at least one column of sequences, of context, and one target.")
        if self.context_joins not in ("tokens", "state"):
            raise InputError(f"Expected the context to join tokens or state, got {self.context_joins!r}.")
        self.weight_shapes  # noqa: B018  raises where the layers do not fit together

    @property
    def weight_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each weight of one member, in Keras' layout; directions of a bilstm along an axis of 2.

        Raises
        ------
        InputError
            When a layer gets a sequence and needs one vector, or the reverse.
        """
        shapes: dict[str, tuple[int, ...]] = {}
        width = self.n_token_columns + (self.n_context_columns if self.context_joins == "tokens" else 0)
        is_sequence = True
        for index, layer in enumerate(self.layers):
            name = f"{index}_{layer.kind}"
            if layer.kind not in ("dense", "dropout") and not is_sequence:
                raise InputError(f"Layer {index + 1} ({layer.kind}) needs a sequence, but gets one vector.")
            if layer.kind == "dense" and is_sequence:
                raise InputError(f"Layer {index + 1} (dense) needs one vector; put lstm, bilstm or flatten before it.")
            h = layer.width
            if layer.kind == "conv":
                shapes[f"{name}_kernel"], shapes[f"{name}_bias"] = (layer.kernel, width, h), (h,)
            elif layer.kind == "dense":
                shapes[f"{name}_kernel"], shapes[f"{name}_bias"] = (width, h), (h,)
            elif layer.kind in ("lstm", "bilstm"):
                ways = (2,) if layer.kind == "bilstm" else (1,)
                shapes[f"{name}_kernel"] = (*ways, width, 4 * h)
                shapes[f"{name}_recurrent"] = (*ways, h, 4 * h)
                shapes[f"{name}_bias"] = (*ways, 4 * h)
            elif layer.kind == "attention":
                shapes[f"{name}_score_kernel"] = (width, 1)
                shapes[f"{name}_kernel"], shapes[f"{name}_bias"] = (width, h), (h,)
            is_sequence = is_sequence and not layer.condenses
            if layer.kind == "flatten":
                width = width * self.n_neighbors
            elif layer.kind != "dropout":
                width = 2 * h if layer.kind == "bilstm" else h
            if self.joins_after(layer):
                width += self.n_context_columns
        if is_sequence:
            raise InputError("The layers leave a sequence; end them with lstm, bilstm or flatten.")
        shapes["output_kernel"], shapes["output_bias"] = (width, self.n_targets), (self.n_targets,)
        if self.skip:
            shapes["linear_kernel"] = (self.n_context_columns, self.n_targets)
        return shapes

    def joins_after(self, layer: Layer) -> bool:
        """Whether the context joins after a layer: where the sequence becomes one vector."""
        return self.context_joins == "state" and layer.condenses

    @property
    def n_weights(self) -> int:
        """Number of trained numbers of one member."""
        return int(sum(np.prod(shape) for shape in self.weight_shapes.values()))

    @property
    def n_recurrent(self) -> int:
        """Number of recurrent layers of one member."""
        return sum(layer.kind in ("lstm", "bilstm") for layer in self.layers)

    def to_dict(self) -> dict:
        """Return the JSON object of the network."""
        return {**asdict(self), "n_weights": self.n_weights}

    @classmethod
    def from_dict(cls, content: dict) -> LayeredNetwork:
        """Read what `to_dict` wrote."""
        given = {key: value for key, value in content.items() if key != "n_weights"}
        given["layers"] = tuple(Layer(**layer) for layer in given["layers"])
        return cls(**given)


def initial_weights(network: LayeredNetwork, n_members: int, seed: int) -> Weights:
    """Draw starting weights: Glorot uniform kernels, biases 0 (forget gates 1); with a skip, output kernels 0."""
    members = [np.random.default_rng([seed, member]) for member in range(n_members)]
    weights: Weights = {}
    for name, shape in network.weight_shapes.items():
        array = np.zeros((n_members, *shape), dtype=np.float32)
        if is_kernel(name) and not (network.skip and name in ("output_kernel", "linear_kernel")):
            reach = shape[0] if name.endswith("conv_kernel") else 1
            limit = np.sqrt(6.0 / (reach * (shape[-2] + shape[-1])))
            for member, rng in enumerate(members):
                array[member] = rng.uniform(-limit, limit, size=shape)
        if name.endswith("lstm_bias"):
            h = shape[-1] // 4
            array[..., h : 2 * h] = 1.0
        weights[name] = array
    return weights


def is_kernel(name: str) -> bool:
    """Whether a weight is a kernel: those are drawn at random and decay."""
    return name.endswith(("_kernel", "_recurrent"))
