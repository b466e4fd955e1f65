"""Errors a user can act on: each says what was expected, what came and what to do."""

from __future__ import annotations


class InputError(ValueError):
    """Data or a setting that cannot be used as given.

    The message is shown to the user as it stands, so it says what was
    expected, what came instead and what to do.
    """


class KrigingSystemError(InputError):
    """A kriging system that has no unique solution.

    Parameters
    ----------
    message : str
        What was expected, what came, what to do.
    n_samples : int
        Number of samples in the system.
    """

    def __init__(self, message: str, n_samples: int) -> None:
        super().__init__(message)
        self.n_samples = n_samples


class ModelFileError(InputError):
    """A file that is not one of ours, is damaged, or is of a newer version."""


class BackendMissing(RuntimeError):
    """No backend environment is ready; the message names ``setupbackend``."""


class BackendFailed(RuntimeError):
    """The backend process ended without an answer, or answered with a failure.

    Parameters
    ----------
    message : str
        One readable sentence.
    details : str
        The traceback or the last lines of standard error, for the log.
    """

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class Cancelled(Exception):
    """The user asked to stop; nothing has been written."""
