"""Pack the plugin by an allow-list: what is not named here is not in the zip.

``tools/package`` runs this; only the standard library is needed. The same files give
the same bytes: names are sorted and times are fixed.
"""

from __future__ import annotations

import configparser
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "hybrid_geostatistics"
FILES = ("__init__.py", "plugin.py", "metadata.txt", "LICENSE", "README.md", "CHANGELOG.md", ".flake8")
FOLDERS = {
    "core": {".py", ".txt"},
    "processing_provider": {".py"},
    "ui": {".py"},
    "docs": {".md"},
    "resources": {".svg", ".png", ".qml", ".md", ".model3", ".gpkg", ".tif", ".onnx"},
}
MAX_BYTES = 25 * 1024 * 1024  # the plugin site refuses more
TIME = (2024, 1, 1, 0, 0, 0)


def version() -> str:
    """Return the version, which is written in metadata.txt only."""
    metadata = configparser.ConfigParser(interpolation=None)
    metadata.read(ROOT / "metadata.txt", encoding="utf-8")
    return metadata["general"]["version"]


def files() -> list[Path]:
    """List what goes into the zip, relative to the repository root."""
    chosen = [Path(name) for name in FILES]
    for folder, suffixes in FOLDERS.items():
        chosen += [
            path.relative_to(ROOT)
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and path.suffix in suffixes and not any(part.startswith(".") for part in path.parts[-3:])
        ]
    return sorted(chosen)


def pack(folder: Path) -> Path:
    """Write the zip into a folder and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{NAME}-{version()}.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for path in files():
            entry = zipfile.ZipInfo(f"{NAME}/{path.as_posix()}", TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, (ROOT / path).read_bytes())
    if target.stat().st_size > MAX_BYTES:
        sys.exit(f"error: {target} has {target.stat().st_size} bytes; the plugin site takes at most {MAX_BYTES}.")
    return target


if __name__ == "__main__":
    print(pack(Path(sys.argv[1])))
