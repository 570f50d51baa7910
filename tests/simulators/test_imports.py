"""A module of a simulator can be read with what it imports, and nothing leads back to it: for types neither."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import simulators

ROOT = Path(next(iter(simulators.__path__)))


def modules() -> dict[str, Path]:
    """All modules, by name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_no_module_imports_what_imports_it() -> None:
    known = modules()
    imports: dict[str, set[str]] = {}
    for name, path in known.items():
        imports[name] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module in known:
                below = {f"{node.module}.{one.name}" for one in node.names} & known.keys()
                imports[name] |= below or {node.module}
    assert sum(map(len, imports.values())) > len(known)
    TopologicalSorter(imports).prepare()  # raises CycleError, which tells the circle
