"""Connectors try once: who of them knows of time is named here, with the reason."""

from __future__ import annotations

import ast
from pathlib import Path

import mover.connectors

ROOT = Path(mover.connectors.__path__[0])
WAITS = {
    "paced.py": "the wrapper that repeats",
    "microsoft/units.py": "calls begin when the service has units left for them",
    "egnyte/pace.py": "calls begin as many a second as the service grants",
    "dropbox/folders.py": "a job is asked about until it has ended",
}
WATCHES = {"sftp/session.py": "a connection on which nothing comes is given up"}
SLEEPING = {"sleep"}
LATER = {"call_later", "call_at"}


def mentioned(path: Path) -> set[str]:
    """What a module says of time, by name; to let others go first (`sleep(0)`) is no waiting."""
    tree = ast.parse(path.read_text())
    passing = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and len(node.args) == 1
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == 0
    }
    named = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and id(node) not in passing
    }
    return named | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def modules_that_mention(names: set[str]) -> set[str]:
    found = {path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py") if mentioned(path) & names}
    assert len(list(ROOT.rglob("*.py"))) > len(found) > 0
    return found


def test_only_named_modules_wait() -> None:
    assert modules_that_mention(SLEEPING) == WAITS.keys()


def test_only_named_modules_do_something_later() -> None:
    assert modules_that_mention(LATER) == WATCHES.keys()


def test_the_contract_names_all_that_wait_for_their_turn() -> None:
    said = (ROOT / "contract.py").read_text().partition("class ")[0]
    for module in [*WAITS.keys() - {"paced.py"}, "gathering.py"]:
        assert f"`{module}`" in said, module
