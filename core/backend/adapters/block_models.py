"""The task that writes block models."""

from __future__ import annotations

from ...block_model import write_vtk_image
from ..job import Job, TaskResult


def write_vtk(job: Job) -> TaskResult:
    """Write a block model as a VTK image.

    Inputs: ``names`` of the quantities; ``corner`` and ``sides``, see `core.block_model.write_vtk_image`. Arrays: the
    quantities as ``0``, ``1``, ... Files: ``vtk`` (.vti).
    """
    quantities = {name: job.arrays[str(index)] for index, name in enumerate(job.inputs["names"])}
    path = job.folder / "model.vti"
    write_vtk_image(path, quantities, tuple(job.inputs["corner"]), tuple(job.inputs["sides"]))
    return TaskResult(files={"vtk": path})
