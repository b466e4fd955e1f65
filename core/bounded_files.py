"""Files that users choose, read only up to the size that files of their kind have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_MIB = 2**20
_MOST_OF_JSON = 256 * _MIB


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """Read a file that has at most so many bytes.

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is larger; nothing is read then.
    """
    if path.stat().st_size > most_bytes:
        raise ValueError(f"it is larger than {most_bytes / _MIB:g} MiB, which no such file is")
    return path.read_bytes()


def read_json(path: Path) -> Any:
    """Read a JSON file (UTF-8, with or without a byte order mark).

    Raises
    ------
    OSError
        When it cannot be read.
    ValueError
        When it is too large, no UTF-8 text or no JSON.
    """
    text = read_bounded(path, _MOST_OF_JSON).decode("utf-8-sig")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
