"""Any tree, changed in any way while it is read: runs that take it whole end as those that list folder by folder."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.memory.service import CASELESS_DRIVE, DRIVE, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Capabilities
from mover.entries import EntryKind

FOLDERS = ("/a", "/A", "/b", "/a/in", "/b/in", "/a/in/deep")
NAMES = ("x", "X", "y")

folder = st.sampled_from(FOLDERS)
path = st.builds("{}/{}".format, folder, st.sampled_from(NAMES))
content = st.sampled_from([b"", b"one", b"two"])
step = (
    st.tuples(st.just("write"), path | folder, content)
    | st.tuples(st.just("move"), path | folder, path | folder)
    | st.tuples(st.just("remove"), path | folder, st.none())
    | st.tuples(st.just("folder"), folder, st.none())
)
steps = st.lists(step, max_size=12)
during = st.lists(st.tuples(st.integers(0, 6), step), max_size=8)


def act(service: MemoryService, what: str, one: str, two: Any) -> None:
    """Do it, if it can be done."""
    nodes = service.nodes
    above = nodes.at((two if what == "move" else one).rpartition("/")[0] or "/")
    if above is None or above.kind is not EntryKind.FOLDER:
        return
    standing = nodes.at(one)
    match what:
        case "write" if standing is None:
            service.add_file(one, two)
        case "write" if standing is not None and standing.kind is EntryKind.FILE:
            service.change_file(one, two)
        case "move" if (
            standing is not None and nodes.at(two) in (None, standing) and not is_below(service, two, one)
        ):
            service.move(one, two)
        case "remove" if standing is not None:
            service.remove(one)
        case "folder" if standing is None:
            service.add_folder(one)


def is_below(service: MemoryService, path: str, above: str) -> bool:
    """Tell whether a path leads into a folder, or to it in another spelling of more than its own name."""
    key = service.capabilities.names.path_key
    return f"{key(path)}/".startswith(f"{key(above)}/") and key(path) != key(above)


def disturbed(service: MemoryService, changes: list[tuple[int, Any]]) -> None:
    """Have changes come with calls that list."""
    for when, (what, one, two) in changes:
        for operation in ("list_tree", "list_folder"):
            service.faults.add(
                operation,
                skip=when,
                action=lambda what=what, one=one, two=two: act(service, what, one, two),  # type: ignore[misc]
            )


async def ended(bench: Workbench) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Run until nothing is to be done; what then stands on both sides."""
    await bench.run()
    bench.source.faults.clear()
    await bench.run()
    return dict(bench.source.files()), dict(bench.destination.files())


async def live(can: Capabilities, page: int, before: list[Any], changes: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as place:
        async with workbench(Path(place), MemoryService(can, tree_page=page)) as bench:
            for what, one, two in before:
                act(bench.source, what, one, two)
            disturbed(bench.source, changes)
            there, here = await ended(bench)
            assert there == here
            if not changes:
                assert bench.source.calls["list_folder"] == 0


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([DRIVE, CASELESS_DRIVE]), st.integers(1, 5), steps, during)
def test_nothing_is_missing_after_a_tree_that_changed_while_it_was_read(
    can: Capabilities, page: int, before: list[Any], changes: list[Any]
) -> None:
    asyncio.run(live(can, page, before, changes))
