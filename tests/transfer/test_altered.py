from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.memory.service import CASELESS_DRIVE, MIB, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.errors import Reason, Unreachable
from mover.ledger.states import Code, ItemState, RunMode, Verification
from mover.transfer.options import VerifyLevel
from mover.transfer.packages import parts_of, same_document

pytestmark = pytest.mark.promise("P3")

OFFICE = replace(CASELESS_DRIVE, alters=frozenset({".docx", ".doc"}))
WORDS = b"<w:document>words</w:document>"


def document(
    words: bytes = WORDS, *, properties: bytes = b"", padding: int = 0, stored: bool = False
) -> bytes:
    """An Office file, as far as packages go."""
    made = io.BytesIO()
    kind = zipfile.ZIP_STORED if stored or padding else zipfile.ZIP_DEFLATED
    parts = {
        "[Content_Types].xml": b"<Types/>" + properties,
        "word/document.xml": words,
        "word/media/picture.png": b"\x89" * padding,
    }
    if properties:
        parts["docProps/custom.xml"] = properties
    with zipfile.ZipFile(made, "w") as package:
        for name, data in parts.items():  # of a fixed time, so that the same parts make the same file
            package.writestr(zipfile.ZipInfo(name), data, compress_type=kind)
    return made.getvalue()


def promote(data: bytes) -> bytes:
    """Write properties into an Office file, as SharePoint does; any other file gets a few bytes more."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            return document(
                package.read("word/document.xml"),
                properties=b"<Properties/>",
                padding=len(package.read("word/media/picture.png")),
            )
    except zipfile.BadZipFile:
        return data + b"altered"


def altering(how: Callable[[bytes], bytes] | None = promote) -> MemoryService:
    return MemoryService(OFFICE, alter=how)


async def row(bench: Workbench, run: int, path: str) -> dict[str, object]:
    return (await bench.rows(run))[path]


@pytest.mark.parametrize("padding", [0, 9 * MIB])
async def test_an_office_file_that_is_altered_at_once_counts_as_arrived_and_is_not_sent_again(
    tmp_path: Path, padding: int
) -> None:
    async with workbench(tmp_path, destination=altering()) as bench:
        bench.source.add_file("/a.docx", document(padding=padding))

        first = await bench.run()
        second = await bench.run(full=True)
        third = await bench.run()

        item = await row(bench, first.run, "/a.docx")
        assert (item["state"], item["verification"]) == (ItemState.COPIED, Verification.ALTERED)
        assert "its content is what was sent" in str(item["message"])
        assert (first.code, second.code, third.code) == (Code.SUCCESS, *[Code.NOTHING_TO_COPY] * 2)
        assert bench.source.calls["read"] == (1 if padding == 0 else bench.source.calls["read"])


async def test_a_file_that_is_no_package_says_that_its_content_could_not_be_compared(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=altering()) as bench:
        bench.source.add_file("/old.doc", b"\xd0\xcf\x11\xe0 of old")

        result = await bench.run()

        item = await row(bench, result.run, "/old.doc")
        assert (item["state"], item["verification"]) == (ItemState.COPIED, Verification.ALTERED)
        assert "could not be compared" in str(item["message"])


@pytest.mark.parametrize(
    "damage",
    [lambda _: promote(document(b"other words")), lambda data: data[:-20], lambda _: b""],
    ids=["other words", "cut", "nothing"],
)
async def test_what_the_service_does_not_do_by_itself_is_damage(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    async with workbench(tmp_path, destination=altering(damage)) as bench:
        bench.source.add_file("/a.docx", document())

        result = await bench.run()

        item = await row(bench, result.run, "/a.docx")
        assert (item["state"], item["reason"]) == (ItemState.FAILED, Reason.HASH_MISMATCH)


@pytest.mark.parametrize("level", [VerifyLevel.HASH, VerifyLevel.READBACK])
async def test_who_asks_for_proof_gets_it_or_a_failure(tmp_path: Path, level: VerifyLevel) -> None:
    async with workbench(tmp_path, destination=altering()) as bench:
        bench.source.add_file("/a.docx", document())
        bench.source.add_file("/old.doc", b"of old")

        result = await bench.run(verify=level)

        states = await bench.files(result.run)
        assert states["/old.doc"] is ItemState.FAILED
        assert states["/a.docx"] is (ItemState.COPIED if level is VerifyLevel.READBACK else ItemState.FAILED)


@pytest.mark.parametrize("full", [True, False])
async def test_a_file_that_is_altered_later_is_neither_sent_again_nor_an_edit(
    tmp_path: Path, *, full: bool
) -> None:
    async with workbench(tmp_path, destination=altering(None)) as bench:
        bench.source.add_file("/a.docx", document())
        await bench.run()
        bench.destination.alter_later("/a.docx", promote(document()))

        second = await bench.run(full=full)
        verified = await bench.run(RunMode.VERIFY)
        bench.source.change_file("/a.docx", document(b"new words"))
        third = await bench.run(full=full)

        assert second.code is Code.NOTHING_TO_COPY
        assert (await bench.files(second.run)) == {"/a.docx": ItemState.UNCHANGED}
        item = await row(bench, verified.run, "/a.docx")
        assert (item["state"], item["verification"]) == (ItemState.ALREADY_THERE, Verification.ALTERED)
        assert (await bench.files(third.run)) == {"/a.docx": ItemState.REPLACED}
        assert bench.destination.tree() == bench.source.tree()


@pytest.mark.parametrize("full", [True, False])
async def test_what_a_person_edits_after_that_is_an_edit(tmp_path: Path, *, full: bool) -> None:
    async with workbench(tmp_path, destination=altering()) as bench:
        bench.source.add_file("/a.docx", document())
        await bench.run()
        await bench.run()
        bench.destination.change_file("/a.docx", document(b"edited there"))

        left = await bench.run(full=full)
        bench.source.change_file("/a.docx", document(b"edited here"))
        both = await bench.run(full=full)

        assert await bench.files(left.run) == {"/a.docx": ItemState.LEFT_ALONE}
        assert await bench.files(both.run) == {"/a.docx": ItemState.CONFLICT}
        assert bench.destination.tree() == {"/a.docx": document(b"edited there")}


async def test_a_file_whose_answer_was_lost_is_known_again_though_it_was_altered(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=altering()) as bench:
        bench.source.add_file("/a.docx", document())
        bench.destination.faults.add("upload", "/a.docx", error=Unreachable("reset"), lose_answer=True)

        result = await bench.run()

        assert await bench.files(result.run) == {"/a.docx": ItemState.COPIED}
        assert bench.destination.calls["upload"] == 1


@pytest.mark.parametrize("rubbish", [b"", b"PK\x05\x06", b"PK\x05\x06" + b"\xff" * 18, b"\0" * 100])
def test_rubbish_is_no_package(rubbish: bytes) -> None:
    assert parts_of(rubbish, len(rubbish) + 5) is None


def test_a_package_is_known_by_its_end() -> None:
    data = document(padding=3 * MIB)

    parts = parts_of(data[-MIB:], len(data))

    assert parts is not None
    assert parts == parts_of(data, len(data))
    assert same_document(parts, parts_of(promote(data), len(promote(data))) or {})
    assert not same_document(parts, parts_of(document(b"x"), len(document(b"x"))) or {})
