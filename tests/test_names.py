"""Names of the code. Truth: a name said only where it is defined serves tests at most; what a text names exists."""

import ast
import re
import shutil
import subprocess

import pytest

CALLED_BY_QGIS = {"classFactory", "initGui", "unload"}
"""Besides the methods of classes that derive from QGIS's."""
CALLED_BY_OTHERS = ("Qgs", "event.Listener")
"""How classes begin whose methods QGIS or numba calls."""


def definitions(tree):
    """Return the names of functions, classes, methods and constants with their lines."""
    found = [
        (target.id, node.lineno)
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    of_others = {
        method
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith(CALLED_BY_OTHERS) for base in node.bases)
        for method in node.body
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node not in of_others:
            found.append((node.name, node.lineno))
    return [(name, line) for name, line in found if not name.startswith("__")]


@pytest.fixture(scope="module")
def trees(root):
    """Return the syntax trees of all that is not a test."""
    folders = ("core", "processing_provider", "ui", "tools")
    paths = [*root.glob("*.py"), *(path for folder in folders for path in (root / folder).rglob("*.py"))]
    return {path.relative_to(root): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


@pytest.fixture(scope="module")
def nodes(trees):
    """Return every node of every tree."""
    return [node for tree in trees.values() for node in ast.walk(tree)]


def test_every_name_is_used(trees, nodes):
    used = CALLED_BY_QGIS | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    unused = [
        f"{path}:{line} {name}"
        for path, tree in trees.items()
        for name, line in definitions(tree)
        if name not in used
    ]
    assert not unused, unused


def test_docstrings_name_what_there_is(trees, nodes):
    """In single backticks stand names of the code, dotted or not."""
    known = {part for path in trees for part in path.with_suffix("").parts}
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            known.add(node.name)
        elif isinstance(node, ast.arg):
            known.add(node.arg)
        elif isinstance(node, ast.Name):
            known.add(node.id)
        elif isinstance(node, ast.Attribute):
            known.add(node.attr)
    texts = [
        node.value.value
        for node in nodes
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    named = {name for text in texts for name in re.findall(r"(?<!`)`([A-Za-z_][\w.]*)`(?!`)", text)}
    assert len(named) > 300
    missing = sorted(name for name in named if not set(name.split(".")) <= known)
    assert not missing, missing


def test_texts_name_files_that_are_there(root):
    git = shutil.which("git")
    if git is None:
        pytest.skip("no git")
    done = subprocess.run([git, "ls-files", "*.md", "*.py"], cwd=root, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no git checkout")
    folders = "core|processing_provider|ui|tests|tools|docs|resources"
    path = re.compile(rf"\b(?:{folders})/[\w./-]+\.(?:py|md|csv|json|onnx)\b")
    missing = {
        (source, name)
        for source in done.stdout.split()
        if (root / source).is_file()
        for name in path.findall((root / source).read_text(encoding="utf-8"))
        if not (root / name).exists()
    }
    assert not missing, missing
