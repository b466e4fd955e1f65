"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to, and give the file its name when that is done; after an error nothing is left.

    Parameters
    ----------
    path : Path
        Where the file is to appear; what was there is replaced.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.txt")
    >>> with written_whole(path) as unfinished:
    ...     _ = unfinished.write_text("done", encoding="utf-8")
    >>> [found.name for found in path.parent.iterdir()]
    ['a.txt']
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
