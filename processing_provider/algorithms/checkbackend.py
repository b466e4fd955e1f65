"""A look at the backend environment."""

from __future__ import annotations

from ...core.backend import environment
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters.outputs import backend_outputs


class CheckBackend(Algorithm):
    """Says whether the environment is there and fits, in a text fit for an issue."""

    spec = AlgorithmSpec(
        "checkbackend",
        lambda: tr("Check backend"),
        Group.ENVIRONMENT,
        lambda: tr("Describes the Python environment that training runs in, and what to do if it is not ready."),
        inputs=list,
        outputs=backend_outputs,
        tags=("diagnostics", "tensorflow", "dependencies", "environment"),
        projected=False,
    )

    def compute(self, read, progress, is_cancelled):
        """Describe what there is."""
        description = environment.describe()
        read.feedback.pushInfo(description)
        return {"OUTPUT": description, "READY": environment.check().trains}
