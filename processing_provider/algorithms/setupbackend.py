"""Making the backend environment, on request only."""

from __future__ import annotations

from qgis.core import QgsProcessingParameterFile

from ...core.backend import environment, installation
from ..base import Algorithm, AlgorithmSpec, Group
from ..identity import tr
from ..parameters.kinds import as_optional, file_input, static_enum, with_help
from ..parameters.outputs import backend_outputs


class SetUpBackend(Algorithm):
    """Makes the environment that training runs in, or repairs it."""

    spec = AlgorithmSpec(
        "setupbackend",
        lambda: tr("Set up backend"),
        Group.ENVIRONMENT,
        lambda: tr("Makes or repairs the Python environment that training runs in, about 2 GB."),
        inputs=lambda: [
            *as_optional(
                [
                    with_help(
                        static_enum("PACKAGES", tr("Packages"), environment.PACKAGES, environment.ALL),
                        tr(
                            "all: whatever the plugin can use, with TensorFlow for training; {all} on disk. "
                            "without_training: what fitting variograms, comparing krigings and forests, and predicting "
                            "from models need; {some}. Training can be added later."
                        ).format(
                            all=environment.SIZES[environment.ALL],
                            some=environment.SIZES[environment.WITHOUT_TRAINING],
                        ),
                    )
                ]
            ),
            with_help(
                # QGIS's own filter (*.*) would refuse names without a dot, as programs have them.
                file_input("PYTHON", tr("Python to make it with"), "Programs (*)"),
                tr("A Python 3.10 to 3.13 interpreter. Empty: one is looked for. QGIS's own Python is not changed."),
                advanced=True,
            ),
            with_help(
                QgsProcessingParameterFile(
                    "WHEELS",
                    tr("Folder of wheels"),
                    QgsProcessingParameterFile.Behavior.Folder,
                    defaultValue=None,
                    optional=True,
                ),
                tr("Folder with downloaded packages (*.whl), for a machine without network. Empty: downloaded."),
                advanced=True,
            ),
        ],
        outputs=backend_outputs,
        tags=("install", "tensorflow", "dependencies", "environment"),
        projected=False,
    )

    def compute(self, read, progress, is_cancelled):
        """Make it and test it."""
        packages = read.choice("PACKAGES")
        status = installation.create(
            read.path("PYTHON"), read.path("WHEELS"), progress, is_cancelled, packages=packages
        )
        read.feedback.pushInfo(status.words)
        return {"OUTPUT": environment.describe(), "READY": status.trains}
