"""One code for Qt 5 and Qt 6. Truth: the rules of QGIS 4 - Qt through qgis.PyQt, enums by their full names."""

import ast
import importlib

import pytest

pytest.importorskip("qgis.core", reason="needs QGIS")

NO_ENUMS = {"QGIS_VERSION_INT"}


def files(root):
    folders = [path for folder in ("processing_provider", "ui") for path in sorted((root / folder).rglob("*.py"))]
    return [root / "plugin.py", root / "__init__.py", *folders]


def test_qt_comes_through_qgis_and_enums_have_their_full_names(root):
    """What Qt 5 still takes, such as QgsFeatureSink.FastInsert, is a number there and gone with Qt 6."""
    n_looked_at = 0
    for path in files(root):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {}
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names.append(node.module)
                if node.module.startswith("qgis."):
                    imported.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
            assert not any(name.startswith("PyQt") for name in names), path
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported):
                continue
            module, name = imported[node.value.id]
            found = getattr(getattr(importlib.import_module(module), name), node.attr)
            n_looked_at += 1
            assert not isinstance(found, int) or node.attr in NO_ENUMS, f"{path}:{node.lineno} {name}.{node.attr}"
            assert node.attr != "exec_", path
    assert n_looked_at > 50
