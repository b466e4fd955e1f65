"""How a variogram is to be fitted: what may be tried, and how the best is found."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from .anisotropy import Anisotropy
from .models import NAMES, VariogramModel

MODELS = ("spherical", "exponential", "gaussian", "cubic")
"""Models that "auto" tries. Matern and stable, whose shape is fitted too, are fitted when asked for."""

STRUCTURES = ("one", "two", "auto")
"""How many structures a model has; auto: two where they are clearly better."""

METHODS = ("least_squares", "reml")
"""How parameters are found: from the experimental variogram, or from there by likelihood."""


@dataclass(frozen=True)
class FitOptions:
    """How a variogram is to be fitted.

    Parameters
    ----------
    model : str
        One of `models.NAMES`, or "auto": exponential, unless another out of `MODELS` is clearly
        better - its log likelihood higher by more than `choice.CLEAR_GAIN` ("reml"), or its exact
        leave-one-out error lower by more than `choice.CLEAR_ERROR` ("least_squares"; of errors that
        differ by less than half a percent, the model that fits best).
    method : str
        "least_squares" (scikit-gstat, lags weighted by pairs / lag^2), or "reml", which starts
        there and uses every sample.
    structures : str
        Out of `STRUCTURES`. Two structures are of the same kind and have the same anisotropy; "auto"
        keeps the second one where it is clearly better, as another model would have to be.
    anisotropic : bool or None
        Also try geometric anisotropy, kept where the likelihood demands it ("reml"), or where it
        lowers the leave-one-out error by more than `choice.CLEAR_ANISOTROPY` ("least_squares").
        None: yes with "reml", but of columns of samples (drill holes, profiles) the vertical ratio only.
    anisotropy : Anisotropy or None
        A given one, which is kept: only nugget, psill, range and shape are fitted.
    n_lags, max_lag, estimator
        See `experimental_variogram`.
    search_lags : bool
        Choose number of lags and largest lag out of `least_squares_candidates.LAG_CHOICES` by the
        leave-one-out error of the least-squares fit; others than the first are taken only where they
        lower it by `CLEAR_LAGS` there.
    start : VariogramModel or None
        With "reml": climb from here, and keep this kind of model. No other is tried, and nothing is
        fitted by least squares.
    by_direction : bool
        Also compute variograms by direction, for a report.
    seed : int
        Of the draws made for large numbers of samples.

    Raises
    ------
    InputError
        For a name that is not on its list, or a start that the method cannot take.

    Examples
    --------
    >>> FitOptions(method="reml").kinds
    ('spherical', 'exponential', 'gaussian', 'cubic')
    >>> FitOptions(model="matern", method="reml").tries_anisotropy
    True
    """

    model: str = "auto"
    method: str = "least_squares"
    structures: str = "one"
    anisotropic: bool | None = None
    anisotropy: Anisotropy | None = None
    n_lags: int = 15
    max_lag: float | None = None
    estimator: str = "matheron"
    search_lags: bool = False
    start: VariogramModel | None = None
    by_direction: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.model not in ("auto", *NAMES):
            raise InputError(f"Expected a variogram model out of auto, {', '.join(NAMES)}, got {self.model!r}.")
        if self.structures not in STRUCTURES:
            raise InputError(f"Expected structures out of {', '.join(STRUCTURES)}, got {self.structures!r}.")
        if self.start is not None and (self.method != "reml" or len(self.start.structures) != 1):
            raise InputError('A start needs the method "reml" and a model of one structure.')
        if self.method not in METHODS:
            raise InputError(f"Expected a fitting method out of {', '.join(METHODS)}, got {self.method!r}.")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the models that are tried."""
        return MODELS if self.model == "auto" else (self.model,)

    @property
    def frame(self) -> Anisotropy:
        """The given anisotropy, or none."""
        return self.anisotropy or Anisotropy()

    @property
    def tries_anisotropy(self) -> bool:
        """Whether an anisotropy is looked for; a given one is not fitted."""
        if self.anisotropy is not None:
            return False
        return self.method == "reml" if self.anisotropic is None else self.anisotropic

    @property
    def asks_for_anisotropy(self) -> bool:
        """Whether it is looked for because somebody said so, also among columns of samples."""
        return self.tries_anisotropy and self.anisotropic is True
