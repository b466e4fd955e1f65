"""Networks by name: their layers, and how each is trained.

* ``gcnn_rnn``: Conv1D and BiLSTM over the neighbours, with the covariances as features (Anvari et al. 2025, on inputs
  that hold no value of the sample itself), sized for hundreds of samples. It starts as the kriging among its inputs
  and learns what that leaves, as ``feedforward`` does.
* ``afg_pms``: LSTM, LSTM, dense, dense, linear outputs, one a target; 128, 128, 64 and 32 wide when there are
  thousands of samples, narrower in proportion to the root of their number below that.
* ``feedforward``: the same inputs, dense layers: what sequence and recurrence add is seen beside it.
* ``as_published``: the layers, rates and schedule of Anvari et al. (2025); only the inputs differ. With more than some
  330 samples, where their patience of 30 epochs is more than 1,000 steps, it waits for so many only, in a third of the
  time (1,000 samples of a simulated field: 73 s of a processor instead of 219, errors at samples left out 0.374 and
  0.753 instead of 0.374 and 0.760 at random and in blocks).

References
----------
Anvari, K., Benndorf, J., Gerber, Alisch (2025). Hybrid geostatistical and deep learning framework for geochemical
characterization in historical mine tailings. Scientific Reports 15:35004.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Callable

from ..errors import InputError
from .layers import Layer, LayeredNetwork

FULL_WIDTH_SAMPLES = 4000
"""From so many samples on, afg_pms has its full widths."""

NARROWEST = 8

FEWEST_PATIENCE = 6
"""Epochs that are waited for a better error at least."""


@dataclass(frozen=True)
class Schedule:
    """How a network is trained.

    Parameters
    ----------
    optimizer : str
        adam or sgd (momentum 0.9).
    learning_rate : float
        At the start.
    weight_decay : float
        Decoupled shrinkage of the kernels.
    batch_size : int
    max_epochs : int
    stopping_patience : int
        Epochs without a better held-out error after which training stops.
    reduction_patience : int
        The same after which the learning rate is halved.
    least_rate : float
        The learning rate never falls below this.
    patience_steps : int or None
        Steps after which that much patience is enough, too, but not before `FEWEST_PATIENCE` epochs: of many samples an
        epoch has many steps. None: epochs alone count.

    Raises
    ------
    InputError
        For a number out of its range.
    """

    optimizer: str = "adam"
    learning_rate: float = 0.005
    weight_decay: float = 0.05
    batch_size: int = 32
    max_epochs: int = 120
    stopping_patience: int = 25
    reduction_patience: int = 8
    least_rate: float = 1e-4
    patience_steps: int | None = None

    def __post_init__(self) -> None:
        if not (self.learning_rate > 0 and 0 < self.least_rate <= self.learning_rate and self.weight_decay >= 0):
            raise InputError(
                "Expected a learning rate above 0, not below its least, and a weight decay of 0 or above, got "
                f"{self.learning_rate:g}, {self.least_rate:g} and {self.weight_decay:g}."
            )
        numbers = (self.batch_size, self.max_epochs, self.stopping_patience, self.reduction_patience)
        if min(*numbers, self.patience_steps or 1) < 1:
            raise InputError("Expected a batch size, epochs and patience of at least 1.")

    def patience(self, steps: int) -> int:
        """Return the epochs without a better held-out error after which training stops, of so many steps each.

        Examples
        --------
        >>> [Schedule(stopping_patience=25, patience_steps=250).patience(steps) for steps in (5, 18, 200)]
        [25, 14, 6]
        """
        if self.patience_steps is None:
            return self.stopping_patience
        return min(self.stopping_patience, max(FEWEST_PATIENCE, -(-self.patience_steps // steps)))

    def to_dict(self) -> dict:
        """Return the JSON object of the schedule."""
        return asdict(self)


@dataclass(frozen=True)
class Sizes:
    """What may be changed about an architecture; None leaves it as it is.

    Parameters
    ----------
    width : float or None
        Factor of all widths.
    dropout : float or None
        Rate of every dropout.

    Raises
    ------
    InputError
        For a number out of its range.
    """

    width: float | None = None
    dropout: float | None = None

    def __post_init__(self) -> None:
        if (self.width is not None and not self.width > 0) or (
            self.dropout is not None and not 0 <= self.dropout < 1
        ):
            raise InputError(
                f"Expected a factor of widths above 0 and a dropout of 0 to below 1, got {self.width} and "
                f"{self.dropout}."
            )


@dataclass(frozen=True)
class Architecture:
    """A network by name.

    Parameters
    ----------
    layers : callable
        From the number of samples to the layers.
    schedule : Schedule
    context_joins, skip
        See `LayeredNetwork`.
    use_coordinates : bool or None
        Whether the location itself is read; None: only without covariates.
    standard_rounds : int
        Rounds of self-evaluation when nothing is asked for.
    """

    layers: Callable[[int], tuple[Layer, ...]]
    schedule: Schedule
    context_joins: str
    skip: bool
    use_coordinates: bool | None = None
    standard_rounds: int = 0


def _gcnn_rnn(n_samples: int) -> tuple[Layer, ...]:
    return (
        Layer("conv", 12, kernel=3, activation="leaky_relu"),
        Layer("dropout", rate=0.3),
        Layer("bilstm", 12),
        Layer("dropout", rate=0.3),
        Layer("dense", 12, activation="relu"),
    )


def _afg_pms(n_samples: int) -> tuple[Layer, ...]:
    share = min(1.0, (n_samples / FULL_WIDTH_SAMPLES) ** 0.5)

    def wide(full: int) -> int:
        return max(NARROWEST, int(round(share * full / NARROWEST)) * NARROWEST)

    return (
        Layer("lstm", wide(128), returns_sequence=True),
        Layer("lstm", wide(128)),
        Layer("dense", wide(64), activation="relu"),
        Layer("dense", wide(32), activation="relu"),
    )


def _feedforward(n_samples: int) -> tuple[Layer, ...]:
    return (
        Layer("flatten"),
        Layer("dense", 24, activation="relu"),
        Layer("dropout", rate=0.3),
        Layer("dense", 12, activation="relu"),
    )


def _as_published(n_samples: int) -> tuple[Layer, ...]:
    return (
        Layer("conv", 32, kernel=1, activation="leaky_relu"),
        Layer("dropout", rate=0.2),
        Layer("bilstm", 32),
        Layer("dropout", rate=0.2),
        Layer("dense", 32, activation="relu"),
    )


ARCHITECTURES: dict[str, Architecture] = {
    "gcnn_rnn": Architecture(_gcnn_rnn, Schedule(), "state", True),
    "afg_pms": Architecture(
        _afg_pms,
        Schedule(learning_rate=1e-3, weight_decay=0.01, max_epochs=200, least_rate=1e-5, patience_steps=150),
        "tokens", False, standard_rounds=2,
    ),
    "feedforward": Architecture(_feedforward, Schedule(), "state", True),
    "as_published": Architecture(
        _as_published,
        Schedule(learning_rate=1e-4, weight_decay=0.0, batch_size=8, max_epochs=200, stopping_patience=30,
                 reduction_patience=10, least_rate=1e-6, patience_steps=1000),
        "tokens", False, use_coordinates=True,
    ),
}  # fmt: skip
"""All networks by name."""


def architecture_of(name: str) -> Architecture:
    """Return an architecture by name.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    if name not in ARCHITECTURES:
        raise InputError(f"Expected a network out of {', '.join(ARCHITECTURES)}, got {name!r}.")
    return ARCHITECTURES[name]


def layers_of(name: str, n_samples: int, sizes: Sizes) -> tuple[Layer, ...]:
    """Return the layers of an architecture for a number of samples.

    Parameters
    ----------
    name : str
        Key of `ARCHITECTURES`.
    n_samples : int
    sizes : Sizes

    Examples
    --------
    >>> [layer.width for layer in layers_of("afg_pms", 4000, Sizes())]
    [128, 128, 64, 32]
    >>> [layer.width for layer in layers_of("afg_pms", 155, Sizes())]
    [24, 24, 16, 8]
    """
    layers = architecture_of(name).layers(n_samples)
    if sizes.dropout is not None:
        layers = tuple(replace(one, rate=sizes.dropout) if one.kind == "dropout" else one for one in layers)
    if sizes.width is not None:
        factor = sizes.width
        layers = tuple(replace(one, width=max(1, round(one.width * factor))) if one.width else one for one in layers)
    return layers


def network_for(
    name: str, n_samples: int, sizes: Sizes, n_neighbors: int, n_columns: tuple[int, int], n_targets: int
) -> LayeredNetwork:
    """Return the network of an architecture for inputs of some width.

    Parameters
    ----------
    name, n_samples, sizes
        See `layers_of`.
    n_neighbors : int
    n_columns : tuple of int
        Columns of sequences and of context.
    n_targets : int
    """
    of = architecture_of(name)
    return LayeredNetwork(
        n_neighbors, *n_columns, n_targets, layers_of(name, n_samples, sizes), of.context_joins, of.skip
    )
