"""Self-evaluation (AFG-PMS) and ablation: what each group of inputs is worth, by errors at samples left out.

The source writes ``w(n+1) = w(n) + alpha (RMSE(n) - RMSE(n-1))``. Read with its sign: RMSE(n-1) is the error of the
trained network at samples left out, RMSE(n) the same with one group of inputs permuted. A group whose permutation
hurts gets more weight, one whose permutation helps less; the network is trained again with its inputs multiplied by
the weights. The first round, with all weights 1, stays in the choice, so that on inner validation the loop cannot hurt.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ..errors import InputError
from ..progress import IsCancelled, Progress, never, part, silent, stop_if
from ..validation.ablation import Ablation
from ..validation.bootstrap import ClusterBootstrap
from .architectures import Schedule, Sizes
from .ensembles import NetworkEnsemble
from .inner_problem import InnerProblem
from .layers import Weights

SIGNIFICANT = 2.0
"""A change of the error below so many standard errors counts as none."""


@dataclass(frozen=True)
class SelfEvaluation:
    """How the loop runs.

    Parameters
    ----------
    rounds : int
        Trainings after the first; 0 switches it off.
    step : float
        alpha: change of the weight for a relative increase of the error of 1.
    largest : float
        Bound of a weight before they are scaled to a mean of 1.
    repeats : int
        Permutations a group, at least 5.

    Raises
    ------
    InputError
        For a number out of its range.
    """

    rounds: int = 0
    step: float = 2.0
    largest: float = 4.0
    repeats: int = 5

    def __post_init__(self) -> None:
        if self.rounds < 0 or self.repeats < 5 or not (self.step > 0 and self.largest > 1):
            raise InputError(
                "Expected 0 or more rounds, at least 5 repeats, a step above 0 and a largest weight above 1, got "
                f"{self.rounds}, {self.repeats}, {self.step:g} and {self.largest:g}."
            )


@dataclass(frozen=True)
class Importance:
    """What permuting one group does.

    Parameters
    ----------
    group : str
    weight : float
        Of the group in this round.
    increase : float
        Relative increase of the inner RMSE with the group permuted.
    error : float
        Its standard error between spatial blocks.
    """

    group: str
    weight: float
    increase: float
    error: float

    @property
    def is_significant(self) -> bool:
        """Whether the increase is more than noise."""
        return abs(self.increase) >= SIGNIFICANT * self.error


@dataclass(frozen=True)
class Round:
    """One round: the weights it was trained with, its inner RMSE, and what each group was worth.

    Parameters
    ----------
    rmse : float
        At samples left out, in standard deviations of the transformed targets.
    importances : tuple of Importance
        Empty for the last round, whose groups no later round needs.
    """

    weights: dict[str, float]
    rmse: float
    importances: tuple[Importance, ...]

    def to_dict(self) -> dict:
        """Return the JSON object of the round."""
        return asdict(self)


@dataclass(frozen=True)
class Evaluated:
    """The network that the loop chose, and its history.

    Parameters
    ----------
    ensemble : NetworkEnsemble
    weights : dict of str to float
        Of the groups, in the chosen round; mean 1.
    rounds : tuple of Round
        Round 0 has all weights 1.
    chosen : int
        Number of the chosen round.
    """

    ensemble: NetworkEnsemble
    weights: dict[str, float]
    rounds: tuple[Round, ...]
    chosen: int


def self_evaluate(
    problem: InnerProblem,
    sizes: Sizes,
    schedule: Schedule,
    how: SelfEvaluation,
    start: Weights | None = None,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Evaluated:
    """Train, weigh the groups by what their permutation costs, train again, and keep the best round.

    Parameters
    ----------
    problem : InnerProblem
    sizes, schedule
        See `InnerProblem.train`.
    how : SelfEvaluation
    start : dict of ndarray or None
        Weights to start every training from.
    progress, is_cancelled
        See `core.progress`.

    Raises
    ------
    InputError
        For no round.
    """
    weights = dict.fromkeys(problem.groups, 1.0)
    rounds: list[Round] = []
    best: tuple[float, int, NetworkEnsemble] | None = None
    for number in range(how.rounds + 1):
        where = part(progress, number / (how.rounds + 1), (number + 1) / (how.rounds + 1))
        ensemble = problem.train(sizes, schedule, weights, start, where, is_cancelled)
        rmse = problem.rmse(ensemble.out_of_fold)
        if best is None or rmse < best[0]:
            best = rmse, number, ensemble
        if number == how.rounds:
            rounds.append(Round(weights, rmse, ()))
            break
        found = permuted_importances(problem, ensemble, weights, how.repeats, is_cancelled)
        rounds.append(Round(weights, rmse, found))
        weights = next_weights(found, how)
    if best is None:
        raise InputError("Expected at least one round.")
    return Evaluated(best[2], rounds[best[1]].weights, tuple(rounds), best[1])


def next_weights(found: tuple[Importance, ...], how: SelfEvaluation) -> dict[str, float]:
    """Move the weights by the significant increases, clip them, and scale them to a mean of 1.

    Examples
    --------
    >>> found = (Importance("a", 1.0, 0.5, 0.1), Importance("b", 1.0, 0.1, 0.1))
    >>> next_weights(found, SelfEvaluation(rounds=1, step=2.0))  # b is within its noise
    {'a': 1.3333333333333333, 'b': 0.6666666666666666}
    """
    moved = {
        one.group: float(np.clip(one.weight + how.step * one.increase * one.is_significant, 0.0, how.largest))
        for one in found
    }
    mean = sum(moved.values()) / len(moved)
    return {group: weight / mean for group, weight in moved.items()} if mean > 0 else dict.fromkeys(moved, 1.0)


def permuted_importances(
    problem: InnerProblem,
    ensemble: NetworkEnsemble,
    weights: dict[str, float],
    repeats: int,
    is_cancelled: IsCancelled = never,
) -> tuple[Importance, ...]:
    """Permute each group among the samples a member left out, whole spatial blocks at a time.

    The error of the increase is between blocks: permuting again and again makes it no smaller than the samples allow.
    """
    rows, values = problem.rows, problem.values
    plain = problem.squared(ensemble.out_of_fold)
    mse = float(plain.mean())
    rng = np.random.default_rng([problem.seed, 7])
    tokens, context = np.array(problem.token_groups), np.array(problem.context_groups)
    _, cluster = np.unique(problem.clusters, return_inverse=True)
    left_out, padded = rows.left_out()
    members = np.arange(rows.n_members)[:, None]
    sources = (rows.sequences[members, padded], rows.context[members, padded])
    found = []
    for group in problem.groups:
        permuted = np.zeros(len(values))
        for _ in range(repeats):
            stop_if(is_cancelled)
            changed = tuple(source.copy() for source in sources)
            for member, own in enumerate(left_out):
                other = blockwise_permutation(own, problem.clusters, rng)
                for array, whole, columns in zip(
                    changed, (rows.sequences, rows.context), (tokens == group, context == group)
                ):
                    array[member, : len(own)][..., columns] = whole[member, other][..., columns]
            predicted = ensemble.members(*changed)
            out_of_fold = np.zeros_like(ensemble.out_of_fold)
            for which, own, prediction in zip(rows.member_set, left_out, predicted):
                out_of_fold[which, own] = prediction[: len(own)]
            permuted += problem.squared(out_of_fold) / repeats
        # RMSE ratio - 1, and its error by the delta method on the differences of squared errors.
        increase = float(np.sqrt(permuted.mean() / mse) - 1.0)
        difference = permuted - plain
        totals = np.bincount(cluster, difference - difference.mean())
        n = len(totals)
        error = float(np.sqrt(n / max(n - 1, 1) * np.sum(totals**2)) / len(values))
        found.append(Importance(group, weights[group], increase, error / (2.0 * mse * (1.0 + increase))))
    return tuple(found)


def blockwise_permutation(own: np.ndarray, clusters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return for each of some rows the row whose inputs it gets: those of another block, as they stand together there.

    Neighbours are alike, so permuting rows one by one would break up more than the link between a group of inputs and
    the values. Where all rows lie in one block, they are permuted one by one.

    Parameters
    ----------
    own : ndarray of int, shape (n,)
        Rows that a member left out.
    clusters : ndarray of int, shape (n_samples,)
    rng : Generator

    Returns
    -------
    ndarray of int, shape (n,)

    Examples
    --------
    >>> blockwise_permutation(np.arange(6), np.array([0, 1, 0, 1, 0, 1]), np.random.default_rng(0)).tolist()
    [1, 0, 3, 2, 5, 4]
    """
    names = rng.permutation(np.unique(clusters[own]))
    if len(names) == 1:
        return rng.permutation(own)
    places = [np.flatnonzero(clusters[own] == name) for name in names]
    other = np.empty_like(own)
    # Each block gets the next one's rows; blocks of other sizes run over into the one after it.
    other[np.concatenate(places)] = own[np.concatenate([*places[1:], places[0]])]
    return other


def ablate(
    problem: InnerProblem,
    evaluated: Evaluated,
    sizes: Sizes,
    schedule: Schedule,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> tuple[Ablation, ...]:
    """Train once more without each group, on the same inner folds.

    Returns
    -------
    tuple of Ablation
        Intervals from resampling whole spatial blocks, the same ones for both sides of a ratio.
    """
    bootstrap = ClusterBootstrap.draw(problem.clusters, problem.seed)
    whole = problem.squared(evaluated.ensemble.out_of_fold)
    found = []
    groups = problem.groups
    for number, group in enumerate(groups):
        where = part(progress, number / len(groups), (number + 1) / len(groups))
        where(0.0, f"Training without {group}")
        ensemble = problem.train(
            sizes, schedule, {**evaluated.weights, group: 0.0}, None, where, is_cancelled
        )
        without = problem.squared(ensemble.out_of_fold)
        low, high = bootstrap.ratio_interval(np.sqrt(without), np.sqrt(whole))
        rmse = float(np.sqrt(without.mean()))
        found.append(Ablation(group, rmse, rmse / float(np.sqrt(whole.mean())), low, high))
    return tuple(found)
