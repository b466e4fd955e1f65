"""Nothing is kept that nothing uses. Truth: a name that the code says only where it defines it serves tests at most."""

import ast

import pytest

CALLED_BY_QGIS = {"classFactory", "initGui", "unload"}
"""Besides the methods of classes that derive from QGIS's."""


def definitions(tree):
    """Return the names of functions, classes, methods and constants with their lines."""
    found = [
        (target.id, node.lineno)
        for node in tree.body
        if isinstance(node, (ast.Assign, ast.AnnAssign))
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    of_qgis = {
        method
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(ast.unparse(base).startswith("Qgs") for base in node.bases)
        for method in node.body
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node not in of_qgis:
            found.append((node.name, node.lineno))
    return [(name, line) for name, line in found if not name.startswith("__")]


@pytest.fixture(scope="module")
def trees(root):
    """Return the syntax trees of all that is not a test."""
    folders = ("core", "processing_provider", "ui", "tools")
    paths = [*root.glob("*.py"), *(path for folder in folders for path in (root / folder).rglob("*.py"))]
    return {path.relative_to(root): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def test_every_name_is_used(trees):
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    used = CALLED_BY_QGIS | {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    unused = [
        f"{path}:{line} {name}"
        for path, tree in trees.items()
        for name, line in definitions(tree)
        if name not in used
    ]
    assert not unused, unused
