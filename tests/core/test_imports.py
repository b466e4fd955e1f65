"""Core imports with numpy and scipy alone, and its arrows point one way.

Truth: the rules of the architecture, written as a test. Heavy libraries are imported inside the one
function that needs them, so every module of core imports where none of them exists.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hybrid_geostatistics import core

FOLDER = Path(core.__file__).parent
MODULES = sorted(path.relative_to(FOLDER.parent) for path in FOLDER.rglob("*.py"))

ABSENT = (
    "qgis osgeo PyQt5 PyQt6 tensorflow keras tf2onnx onnx onnxruntime skgstat sklearn pandas matplotlib numba "
    "pyevtk"
).split()

IMPORT_ALL = """
import importlib, sys
absent = set(sys.argv[1].split(","))

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in absent:
            raise ModuleNotFoundError(f"{name} is absent in this test", name=name)

sys.meta_path.insert(0, Refuse())
for name in sys.argv[2].split(","):
    importlib.import_module(name)
# scipy is imported in the functions that use it: it would be half of the plugin's start.
loaded = (absent | {"scipy"}) & {name.split(".")[0] for name in sys.modules}
assert not loaded, loaded
print("ok")
"""

# What may import what, lower to higher; a package imports only what stands before it (and itself).
LAYERS = (
    ("errors",),
    ("progress", "whole_files", "bounded_files"),
    ("samples", "coincident", "grid", "transforms", "box_cox", "normal_score", "provenance", "declustering"),
    ("blockwise", "block_model", "regression_forests", "geochemistry"),
    ("variogram", "kriging", "report"),  # a variogram is chosen by kriging; kriging reads a variogram's model
    ("features", "sample_check", "drillholes"),
    ("examples",),
    ("validation",),
    ("prediction",),
    ("learning",),
    ("backend",),
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_core_imports_where_nothing_heavy_exists():
    # A file named after a library is imported only where that library is there.
    names = ",".join(dotted(path) for path in MODULES if not path.stem.endswith(tuple(ABSENT)))
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, ",".join(ABSENT), names],
        cwd=FOLDER.parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "ok"


ONE_FILE = {
    "pyevtk": "core/block_model.py",
    "skgstat": "core/variogram/least_squares.py",
    "sklearn": "core/regression_forests.py",
}
"""Heavy libraries with one file each."""


@pytest.mark.parametrize(("library", "home"), ONE_FILE.items())
def test_a_library_is_imported_in_one_file(library, home):
    found = set()
    for path in MODULES:
        for node in ast.walk(ast.parse((FOLDER.parent / path).read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found |= {path.as_posix() for name in names if name.split(".")[0] == library}
    assert found == {home}


def imported_parts(path: Path) -> set:
    """Return the parts of core that a file imports, at the top or inside its functions."""
    package = path.parts[:-1]
    found = set()
    for node in ast.walk(ast.parse((FOLDER.parent / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            target = [*base, *(node.module.split(".") if node.module else [])]
            names = [target] if len(target) > 1 else [[*target, alias.name] for alias in node.names]
            found |= {name[1] for name in names if name[0] == "core" and len(name) > 1}
        elif isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] == "core" for alias in node.names), f"{path}: relative imports only"
    return found


@pytest.mark.parametrize("path", [path for path in MODULES if len(path.parts) > 1], ids=str)
def test_arrows_point_one_way(path):
    part = path.with_suffix("").parts[1]
    if part == "__init__":
        return
    assert part in LEVEL, f"{part} has no place among the layers of {Path(__file__).name}"
    for other in imported_parts(path):
        assert LEVEL[other] <= LEVEL[part], f"{path} imports {other}, which stands above it"


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem == "__init__"], ids=str)
def test_a_package_names_what_is_in_it(path):
    folder = (FOLDER.parent / path).parent
    there = {found.stem for found in folder.glob("*.py")} | {found.name for found in folder.iterdir() if found.is_dir()}
    named = re.findall(r"``(\w+)``", ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))))
    assert set(named) <= there


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_core_neither_prints_nor_swallows_errors(path):
    for node in ast.walk(ast.parse((FOLDER.parent / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            to_file = any(keyword.arg == "file" for keyword in node.keywords)
            assert node.func.id != "print" or to_file, f"{path}:{node.lineno} prints"
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{path}:{node.lineno} catches everything"
        if isinstance(node, ast.Assert):
            raise AssertionError(f"{path}:{node.lineno} asserts: python -O removes it, and the site's scan refuses it")
