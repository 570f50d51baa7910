"""Answers that invite a wrong conclusion: that nothing is there, that a folder is empty, that a file is complete."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from tests.connectors.ftp.scripted import (
    MODERN,
    POOR,
    Script,
    Session,
    says,
    says_and_hangs_up,
    scripted,
    usual,
)
from tests.contents import GivenContent
from tests.contract.acts import listed, put, read, target

from mover.entries import ROOT
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    Locked,
    MoverError,
    NotFound,
    ProtocolViolation,
    QuotaExceeded,
    Transient,
)

FILE = ROOT.child("file")


@pytest.mark.parametrize("features", [MODERN, POOR])
async def test_server_that_hangs_up_after_every_error_takes_files(features: tuple[str, ...]) -> None:
    script = Script(features=features)

    async def look(session: Session, path: str) -> None:
        is_there = path in script.files or path in script.folders
        await (usual if is_there else says_and_hangs_up("550 No such file"))(session, path)

    for verb in ("SIZE", "MDTM", "MLST"):
        script.on(verb, look)
    async with scripted(script) as (_, connector):
        await put(connector, ROOT, "file", b"content")
        await put(connector, ROOT, "large", bytes(2_000_000))
        with pytest.raises(NotFound):
            await connector.look_up("/missing")
    assert script.files == {"/file": b"content", "/large": bytes(2_000_000)}


async def test_connection_lost_among_the_questions_about_times_is_no_missing_folder() -> None:
    script = Script(features=POOR, files={"/a": b"", "/b": b""})
    async with scripted(script) as (_, connector):
        script.on("MDTM", says("550 Not for you"), says_and_hangs_up())
        with pytest.raises(Transient):
            await listed(connector, ROOT)


async def _size_in_binary_only(session: Session, path: str) -> None:
    if session.binary:
        await usual(session, path)
    else:
        await session.say("550 SIZE not allowed in ASCII mode")


async def test_file_is_seen_on_a_new_connection_too_where_sizes_are_told_in_binary_only() -> None:
    script = Script(features=POOR, files={"/file": b"a stranger's"})
    script.on("SIZE", _size_in_binary_only)

    async with scripted(script) as (_, connector):
        await put(connector, ROOT, "ours", b"ours")  # from now on the type is set
        script.on("SIZE", says_and_hangs_up(), _size_in_binary_only)
        assert connector.renames is not None
        with pytest.raises(Conflict):
            await connector.renames.rename(ROOT.child("ours"), ROOT, "file")
    assert script.files["/file"] == b"a stranger's"


@pytest.mark.parametrize(("features", "verb"), [(MODERN, "MLSD"), (POOR, "LIST")])
async def test_listing_that_is_refused_for_now_is_no_empty_folder(
    features: tuple[str, ...], verb: str
) -> None:
    script = Script(features=features, files={"/file": b"content"})
    async with scripted(script) as (_, connector):
        script.on(verb, says("450 The folder is in use"))
        with pytest.raises(Locked):
            await listed(connector, ROOT)


@pytest.mark.parametrize("refusal", ["450 No files found", "550 No files found."])
async def test_refusal_that_says_that_there_are_no_files_is_an_empty_folder(refusal: str) -> None:
    script = Script(features=POOR)
    async with scripted(script) as (_, connector):
        script.on("LIST", says(refusal))
        assert await listed(connector, ROOT) == []


async def test_folder_that_is_gone_is_noticed_on_the_connection_that_is_in_it() -> None:
    script = Script(features=POOR, folders={"/", "/inner"})
    async with scripted(script) as (_, connector):
        assert await listed(connector, ROOT.child("inner")) == []
        script.folders.remove("/inner")
        with pytest.raises(NotFound):
            await listed(connector, ROOT.child("inner"))
        with pytest.raises(NotFound):
            await connector.look_up("/inner")


async def test_truncated_upload_leaves_what_it_was_to_replace() -> None:
    script = Script(files={"/file": b"old"})

    async def loses_some(session: Session, path: str) -> None:
        session.script.files[path] = (await session.take())[:-1]
        await session.say("226 Stored")

    script.on("STOR", loses_some)
    async with scripted(script) as (_, connector):
        seen = await connector.refresh(FILE)
        with pytest.raises(MoverError):
            await connector.upload(target(ROOT, "file", replaces=seen), GivenContent(b"new!"))
        with pytest.raises(MoverError):
            await put(connector, ROOT, "another", b"new!")
    assert script.files == {"/file": b"old"}


async def test_strangers_file_of_the_same_size_is_not_taken_for_a_finished_upload() -> None:
    async with scripted() as (script, connector):
        uploads = connector.part_uploads
        assert uploads is not None
        place = target(ROOT, "file", modified_ns=1_500_000_000_000_000_000)
        token = await uploads.begin(place, 7, 7)
        part = await uploads.send(token, 1, 0, GivenContent(b"content"))
        script.files = {"/file": b"another"}
        with pytest.raises(NotFound):
            await uploads.finish(token, place, [part], {})


@pytest.mark.parametrize("offset", [1, 1000, 900_000])
async def test_server_that_begins_at_the_start_whatever_it_promised_is_found_out(offset: int) -> None:
    script = Script(files={"/file": bytes(1_000_000)})

    async def from_the_start(session: Session, path: str) -> None:
        await session.give(script.files[path])

    script.on("RETR", from_the_start)
    async with scripted(script) as (_, connector):
        with pytest.raises((Changed, IntegrityError)):
            await read(connector, FILE, offset=offset)


async def test_name_that_would_lead_to_another_file_is_not_listed() -> None:
    script = Script(encoding="cp932", files={"/≒": b"the one that 81 E0 leads to"})

    async def lists(session: Session, _argument: str) -> None:
        await session.give(b"type=file;size=5; \x87\x90\r\n")  # another spelling of the same letter

    async with scripted(script, encoding="cp932") as (_, connector):
        assert [entry.name for entry in await listed(connector, ROOT)] == ["≒"]
        script.on("MLSD", lists)
        with pytest.raises(ProtocolViolation):
            await listed(connector, ROOT)


async def test_large_folder_is_listed_with_its_times_over_the_only_connection() -> None:
    script = Script(features=POOR, files={f"/{number}": b"" for number in range(1500)})
    script.greeting = ["220 One", "421 Too many connections"]
    async with scripted(script) as (_, connector):
        for _ in range(2):  # the second time the limit is known
            found = await asyncio.wait_for(listed(connector, ROOT), 60)
            assert len(found) == 1500
            assert all(entry.modified_ns for entry in found)


async def test_server_that_hangs_up_when_it_is_interrupted_gives_a_range_all_the_same() -> None:
    script = Script(files={"/file": bytes(20 << 20)})

    async def hangs_up(session: Session, path: str) -> None:
        with contextlib.suppress(ConnectionError):
            await session.give(script.files[path][session.offset :], closing=None)
        session.hang_up()

    script.on("RETR", hangs_up)
    async with scripted(script) as (_, connector):
        assert await read(connector, FILE, offset=10, length=1000) == bytes(1000)
        with pytest.raises(Transient):
            await read(connector, FILE)


@pytest.mark.parametrize("reply", ["552 Quota exceeded", "452 No space left on device"])
async def test_server_whose_disk_is_full_in_mid_upload_is_heard_out(reply: str) -> None:
    script = Script()

    async def is_full(session: Session, _path: str) -> None:
        await session.say("150 Go on")
        reader, writer = await session.data()
        await reader.read(100_000)
        writer.transport.abort()
        await session.say(reply)

    script.on("STOR", is_full)
    async with scripted(script) as (_, connector):
        with pytest.raises(QuotaExceeded):
            await put(connector, ROOT, "file", bytes(30_000_000))
    assert script.files == {}
