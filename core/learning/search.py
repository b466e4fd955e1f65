"""Search for sizes and rates with optuna, within a time budget, judged on inner folds only."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

from ..errors import BackendMissing, InputError
from ..progress import IsCancelled, Progress, never, silent, stop_if
from .architectures import Schedule, Sizes
from .inner_problem import InnerProblem

WIDTHS = (0.5, 1.0, 1.5, 2.0)
"""Factors of the widths that are tried; each needs a graph of its own."""


@dataclass(frozen=True)
class Trial:
    """One training of the search.

    Parameters
    ----------
    width, dropout, learning_rate, weight_decay : float
        What was tried.
    optimizer : str
    rmse : float
        At samples left out, in standard deviations of the transformed targets.
    seconds : float
    """

    width: float
    dropout: float
    learning_rate: float
    weight_decay: float
    optimizer: str
    rmse: float
    seconds: float


@dataclass(frozen=True)
class Search:
    """What the search chose; the settings it began with are its first trial and stay in the choice.

    Parameters
    ----------
    schedule : Schedule
    sizes : Sizes
    trials : tuple of Trial
        In order.
    """

    schedule: Schedule
    sizes: Sizes
    trials: tuple[Trial, ...]


def search(
    problem: InnerProblem,
    sizes: Sizes,
    schedule: Schedule,
    minutes: float,
    progress: Progress = silent,
    is_cancelled: IsCancelled = never,
) -> Search:
    """Try sizes and rates until the time is over.

    Parameters
    ----------
    problem : InnerProblem
    sizes, schedule
        Where the search begins.
    minutes : float
        Budget; a trial that began before its end is finished.
    progress, is_cancelled
        See `core.progress`.

    Raises
    ------
    BackendMissing
        When optuna is not installed in this Python.
    Cancelled
        When the user asked to stop.

    References
    ----------
    Akiba, T. et al. (2019). Optuna: a next-generation hyperparameter optimization framework. KDD 2019. The sampler is
    the tree-structured Parzen estimator (Bergstra et al. 2011).
    """
    try:
        import optuna
    except ImportError as error:
        raise BackendMissing(
            "The search needs optuna, which is not installed in this Python. Run Set up backend "
            "(hybridgeo:setupbackend) again, or switch the search off (SEARCH_MINUTES 0)."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=problem.seed, n_startup_trials=6))
    rate = schedule.learning_rate
    study.enqueue_trial({
        "width": sizes.width or 1.0, "dropout": 0.3 if sizes.dropout is None else sizes.dropout,
        "learning_rate": rate, "weight_decay": max(schedule.weight_decay, 1e-3), "optimizer": schedule.optimizer,
    })  # fmt: skip
    began = time.monotonic()
    trials: list[Trial] = []
    candidates: list[tuple[Sizes, Schedule]] = []
    while not trials or time.monotonic() - began < 60.0 * minutes:
        stop_if(is_cancelled)
        asked = study.ask()
        own_sizes = Sizes(
            asked.suggest_categorical("width", WIDTHS), asked.suggest_float("dropout", 0.0, 0.6)
        )
        own_rate = asked.suggest_float("learning_rate", 0.1 * rate, 10.0 * rate, log=True)
        own = replace(
            schedule,
            learning_rate=own_rate,
            least_rate=min(schedule.least_rate, own_rate),
            weight_decay=asked.suggest_float("weight_decay", 1e-3, 1.0, log=True),
            optimizer=asked.suggest_categorical("optimizer", ("adam", "sgd")),
        )
        if not trials:  # as it was asked for, without rounding to the bounds of the search
            own_sizes, own = sizes, schedule
        trial_began = time.monotonic()
        rmse = _rmse(problem, own_sizes, own, is_cancelled)
        study.tell(asked, rmse)
        values = asked.params
        trials.append(Trial(
            values["width"], values["dropout"], own.learning_rate, own.weight_decay, own.optimizer, rmse,
            time.monotonic() - trial_began,
        ))  # fmt: skip
        candidates.append((own_sizes, own))
        used = (time.monotonic() - began) / (60.0 * minutes) if minutes > 0 else 1.0
        best = min(trial.rmse for trial in trials)
        progress(min(used, 1.0), f"Search: {len(trials)} trainings, lowest inner RMSE {best:.3f}")
    chosen = min(range(len(trials)), key=lambda index: trials[index].rmse)
    return Search(candidates[chosen][1], candidates[chosen][0], tuple(trials))


def _rmse(problem: InnerProblem, sizes: Sizes, schedule: Schedule, is_cancelled: IsCancelled) -> Any:
    """Train once; a training that diverges is as bad as predicting nothing."""
    try:
        return problem.rmse(problem.train(sizes, schedule, is_cancelled=is_cancelled).out_of_fold)
    except InputError:
        return 10.0
