"""Documents of a service's own: exported once for each change; and what else comes with files."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.memory.connector import MemoryConnector
from tests.memory.contents import Exported
from tests.memory.service import DRIVE, EPOCH_NS, SECOND_NS, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.connectors.contract import Setting
from mover.entries import EntryRef
from mover.errors import Reason, Unsupported
from mover.ledger.states import Code, ItemState


def edit(service: MemoryService, path: str, text: bytes) -> None:
    node = service.nodes.at(path)
    assert node is not None
    service.store(node, Exported(lambda: text), None)


@pytest.mark.parametrize("full", [True, False])
async def test_a_document_is_exported_again_only_when_it_changed(bench: Workbench, *, full: bool) -> None:
    bench.source.add_native("/plan.docx", lambda: b"one")
    bench.source.add_native("/other.docx", lambda: b"other")
    await bench.run()
    exported = bench.source.calls["read"]

    unchanged = await bench.run(full=full)
    again = bench.source.calls["read"]
    edit(bench.source, "/plan.docx", b"two")
    changed = await bench.run(full=full)

    assert unchanged.code is Code.NOTHING_TO_COPY
    assert again == exported == 2
    assert bench.source.calls["read"] == 3
    assert await bench.files(changed.run) == {
        "/plan.docx": ItemState.REPLACED,
        "/other.docx": ItemState.UNCHANGED,
    }
    assert bench.destination.tree()["/plan.docx"] == b"two"


@pytest.mark.parametrize("full", [True, False])
async def test_a_document_that_was_renamed_is_renamed_and_not_exported(
    bench: Workbench, *, full: bool
) -> None:
    bench.source.add_native("/plan.docx", lambda: b"one")
    await bench.run()
    bench.source.move("/plan.docx", "/final.docx")

    result = await bench.run(full=full)

    assert await bench.files(result.run) == {"/final.docx": ItemState.RENAMED}
    assert bench.destination.tree() == {"/final.docx": b"one"}
    assert bench.source.calls["read"] == 1


async def test_a_document_that_was_renamed_and_changed_arrives_as_it_is_now(bench: Workbench) -> None:
    bench.source.add_native("/plan.docx", lambda: b"one")
    await bench.run()
    bench.source.move("/plan.docx", "/final.docx")
    edit(bench.source, "/final.docx", b"two")

    await bench.run()
    last = await bench.run()

    assert bench.destination.tree()["/final.docx"] == b"two"
    assert last.code is Code.NOTHING_TO_COPY


class Forms(MemoryConnector):
    """Documents without an export among others."""

    async def read(self, file: EntryRef, **how: Any) -> AsyncGenerator[bytes, None]:
        if file.name.endswith(".form"):
            async with self.operation("read", file.path):
                raise Unsupported("forms have no export", path=file.path)
        async for piece in super().read(file, **how):
            yield piece


class FormService(MemoryService):
    def connector(self) -> MemoryConnector:
        return Forms(self)


async def test_a_document_that_has_no_export_is_told_and_nothing_is_lost_of_it(tmp_path: Path) -> None:
    async with workbench(tmp_path, FormService()) as bench:
        bench.source.add_native("/survey.form", lambda: b"")
        bench.source.add_native("/plan.docx", lambda: b"one")

        first = await bench.run()
        second = await bench.run()

        for result in (first, second):
            row = (await bench.rows(result.run))["/survey.form"]
            assert (row["state"], row["reason"], row["side"]) == (
                ItemState.UNSUPPORTED,
                Reason.UNSUPPORTED_TYPE,
                "source",
            )
            assert "forms have no export" in str(row["message"])
            assert result.code is Code.UNSUPPORTED_NOT_MOVED
        assert bench.source.calls["read"] == 2  # one for each document: the second run does not try again
        assert bench.destination.tree() == {"/plan.docx": b"one"}


@pytest.mark.parametrize("size", [10, 9 << 20])
async def test_times_of_creation_come_along_where_the_destination_keeps_them(
    tmp_path: Path, size: int
) -> None:
    destination = MemoryService(replace(DRIVE, created=Setting.AT_UPLOAD))
    async with workbench(tmp_path, destination=destination) as bench:
        bench.source.add_file("/a", b"x" * size)
        node = bench.source.nodes.at("/a")
        assert node is not None
        node.created_ns = EPOCH_NS - 86_400 * SECOND_NS

        await bench.run()

        assert destination.entry("/a").created_ns == node.created_ns


async def test_a_file_without_a_hash_that_was_renamed_and_changed_is_sent(tmp_path: Path) -> None:
    source = MemoryService(replace(DRIVE, listed_hashes=frozenset(), returned_hashes=frozenset()))
    async with workbench(tmp_path, source) as bench:
        bench.source.add_file("/a", b"one")
        bench.source.add_file("/b", b"same")
        await bench.run()
        bench.source.move("/a", "/c")
        bench.source.change_file("/c", b"two")
        bench.source.move("/b", "/d")

        result = await bench.run()

        assert await bench.files(result.run) == {"/c": ItemState.COPIED, "/d": ItemState.RENAMED}
        assert bench.destination.tree() == {"/a": b"one", "/c": b"two", "/d": b"same"}
