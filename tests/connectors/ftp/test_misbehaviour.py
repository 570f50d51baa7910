"""Servers that are crowded, hang up, answer late or lie: an error that says so, and nothing lost or mistaken."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

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

from mover.connectors.contract import Setting
from mover.entries import ROOT, EntryKind
from mover.errors import (
    AddressRefused,
    Changed,
    IntegrityError,
    MoverError,
    NameRejected,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    SignInFailed,
    Throttled,
    TimedOut,
    Transient,
    Unreachable,
    Unsupported,
)

FILE = ROOT.child("file")
KEPT_NS = 1_577_880_000_000_000_000  # the time that the scripted server tells of everything


@pytest.mark.parametrize(
    "refusal",
    [
        "421 Too many connections from your address",
        "421 Service not available",
        "530 Sorry, the maximum number of clients (3) from your host are already connected.",
        "530 Too many connections for this user",
    ],
)
async def test_server_that_is_full_wants_fewer_connections(refusal: str) -> None:
    script = Script(greeting=[refusal]) if refusal.startswith("421") else Script()
    script.on("PASS", says(refusal))
    async with scripted(script, signs_in=False) as (_, connector):
        with pytest.raises(Throttled) as caught:
            await connector.sign_in()
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(
    "refusal", ["530 Login incorrect.", "530 Too many failed attempts", "430 Invalid user name or password"]
)
async def test_wrong_password_is_not_taken_for_a_full_server(refusal: str) -> None:
    script = Script()
    script.on("PASS", says(refusal))
    async with scripted(script, signs_in=False) as (_, connector):
        with pytest.raises(SignInFailed):
            await connector.sign_in()


async def test_connections_beyond_the_servers_limit_wait_for_those_it_allows() -> None:
    files = {f"/{number}": b"content" for number in range(8)}
    script = Script(files=files)
    script.greeting = ["220 One", "220 Two", "421 Too many connections"]
    async with scripted(script) as (_, connector):
        first = await asyncio.gather(
            *(read(connector, ROOT.child(name[1:])) for name in files), return_exceptions=True
        )
        later = await asyncio.gather(*(read(connector, ROOT.child(name[1:])) for name in files))
    assert all(found == b"content" or isinstance(found, Throttled) for found in first)
    assert any(isinstance(found, Throttled) for found in first)
    assert later == [b"content"] * len(files)


async def test_server_that_hangs_up_after_each_error_costs_sign_ins_and_no_files() -> None:
    script = Script()
    absent = says_and_hangs_up("550 No such file")

    async def look(session: Session, path: str) -> None:
        await (usual if path in session.script.files or path in session.script.folders else absent)(
            session, path
        )

    script.on("MLST", look)
    async with scripted(script) as (_, connector):
        for number in range(3):
            await put(connector, ROOT, f"file {number}", b"content")
        assert [entry.name for entry in await listed(connector, ROOT)] == ["file 0", "file 1", "file 2"]
    assert script.connections > 3


async def test_connection_that_the_server_has_closed_meanwhile_is_made_anew() -> None:
    script = Script(files={"/file": b"content"})
    script.on("MLST", says_and_hangs_up("421 Idle for too long"), usual)
    async with scripted(script) as (_, connector):
        with pytest.raises(Unreachable):
            await connector.refresh(FILE)
        assert await read(connector, FILE) == b"content"


@pytest.mark.parametrize("closing", ["426 Broken off", "451 Local error", None])
async def test_download_that_is_broken_off_is_no_file_that_ends(closing: str | None) -> None:
    script = Script(files={"/file": bytes(300_000)})

    async def breaks_off(session: Session, _path: str) -> None:
        await session.give(bytes(100_000), closing=closing)
        if closing is None:
            session.hang_up()

    script.on("RETR", breaks_off)
    async with scripted(script) as (_, connector):
        with pytest.raises(Transient):
            await read(connector, FILE)


async def test_file_of_another_length_than_announced_is_an_error() -> None:
    script = Script(files={"/file": bytes(1000)})

    async def too_much(session: Session, _path: str) -> None:
        await session.give(bytes(2000))

    script.on("SIZE", says("500 Unknown command"))
    script.on("RETR", too_much)
    async with scripted(script) as (_, connector):
        with pytest.raises((Changed, IntegrityError)):
            await read(connector, FILE)


async def test_upload_that_is_broken_off_leaves_nothing_visible() -> None:
    script = Script()

    async def breaks_off(session: Session, _path: str) -> None:
        await session.say("150 Go on")
        session.hang_up()
        (await session.data())[1].transport.abort()

    script.on("STOR", breaks_off, usual)
    async with scripted(script) as (_, connector):
        with pytest.raises(Transient):
            await put(connector, ROOT, "file", bytes(3_000_000))
        assert "/file" not in script.files
        await put(connector, ROOT, "file", b"content")
    assert script.files == {"/file": b"content"}


async def test_server_that_stored_fewer_bytes_than_were_sent_is_found_out() -> None:
    script = Script()

    async def loses_some(session: Session, path: str) -> None:
        session.script.files[path] = (await session.take())[:-1]
        await session.say("226 Stored")

    script.on("STOR", loses_some)
    async with scripted(script) as (_, connector):
        with pytest.raises(IntegrityError):
            await put(connector, ROOT, "file", bytes(1000))


async def test_late_end_of_one_transfer_does_not_hold_up_the_others() -> None:
    script = Script(files={"/file": b"content"})
    stored, release = asyncio.Event(), asyncio.Event()

    async def late(session: Session, path: str) -> None:
        session.script.files[path] = await session.take()
        stored.set()
        await release.wait()
        await session.say("226 Stored")

    script.on("STOR", late)
    async with scripted(script) as (_, connector):
        uploading = asyncio.create_task(put(connector, ROOT, "late", b"late"))
        await stored.wait()
        assert await read(connector, FILE) == b"content"
        assert not uploading.done()
        release.set()
        assert (await uploading).size == 4


async def test_upload_that_the_server_never_confirms_counts_when_it_is_there() -> None:
    script = Script()

    async def takes_and_is_silent(session: Session, path: str) -> None:
        before = session.script.files.get(path, b"")[: session.offset]
        session.script.files[path] = before + await session.take()

    async with scripted(script, silence_s=1) as (_, connector):
        script.on("STOR", takes_and_is_silent)
        assert (await put(connector, ROOT, "file", b"content")).size == 7
    assert script.files == {"/file": b"content"}


async def test_upload_that_the_server_never_confirms_is_none_when_it_is_not_there() -> None:
    script = Script()

    async def loses_all(session: Session, _path: str) -> None:
        await session.take()

    async with scripted(script, silence_s=1) as (_, connector):
        script.on("STOR", loses_all)
        with pytest.raises(TimedOut):
            await put(connector, ROOT, "file", b"content")


async def test_silence_in_the_middle_of_a_transfer_ends_it() -> None:
    script = Script(files={"/file": bytes(300_000)})

    async def stalls(session: Session, _path: str) -> None:
        await session.say("150 Here it comes")
        _, writer = await session.data()
        writer.write(bytes(1000))
        await writer.drain()
        await asyncio.Event().wait()

    script.on("RETR", stalls)
    async with scripted(script, silence_s=1) as (_, connector):
        with pytest.raises(TimedOut):
            await read(connector, FILE)


async def test_server_that_does_not_answer_a_command_is_given_up() -> None:
    async def nothing(_session: Session, _path: str) -> None:
        return

    script = Script()
    script.on("MLST", nothing)
    async with scripted(script, silence_s=1) as (_, connector):
        with pytest.raises(TimedOut):
            await connector.refresh(FILE)


@pytest.mark.parametrize("extended", [True, False])
async def test_data_connections_go_to_the_server_whatever_it_says(extended: bool) -> None:  # noqa: FBT001 - a parameter
    script = Script(files={"/file": b"content"})

    async def elsewhere(session: Session, _argument: str) -> None:
        port = await session.listen()
        await session.say(f"227 Over there (10,0,0,1,{port // 256},{port % 256})")

    script.on("EPSV", says("500 Unknown command"))
    script.on("PASV", elsewhere)
    async with scripted(script, extended_passive=extended) as (_, connector):
        assert await read(connector, FILE) == b"content"
    assert bool(script.sent("EPSV")) == extended


async def test_address_that_is_not_allowed_is_never_called() -> None:
    async with scripted(signs_in=False, host="127.0.0.2") as (script, connector):
        with pytest.raises(AddressRefused):
            await connector.sign_in()
    assert script.connections == 0


@pytest.mark.parametrize(
    "reply", ["227 no numbers", "227 Here (999,0,0,1,1,1)", "200 What", "227 Here (127,0,0,1,0,1)"]
)
async def test_nonsense_instead_of_a_data_connection_is_an_error(reply: str) -> None:
    script = Script(files={"/file": b"content"})
    script.on("PASV", says(reply))
    async with scripted(script, extended_passive=False) as (_, connector):
        with pytest.raises((ProtocolViolation, Unreachable)):
            await read(connector, FILE)


async def test_reply_without_an_end_is_given_up() -> None:
    async def endless(session: Session, _argument: str) -> None:
        while True:
            await session.say(*["250-more and more and more"] * 1000)

    script = Script()
    script.on("MLST", endless)
    async with scripted(script) as (_, connector):
        with pytest.raises(MoverError):
            await connector.refresh(FILE)


@pytest.mark.parametrize(("features", "verb"), [(MODERN, "MLSD"), (POOR, "LIST")])
@pytest.mark.parametrize(
    "lines",
    [
        b"x" * 200_000,
        b"what is this\r\n",
        b"type=file;size=5; ../up\r\n-rw-r--r-- 1 a b 5 Jan  1  2020 ../up\r\n",
    ],
)
async def test_hostile_listings_are_refused(features: tuple[str, ...], verb: str, lines: bytes) -> None:
    script = Script(features=features)

    async def lists(session: Session, _argument: str) -> None:
        await session.give(lines)

    async with scripted(script) as (_, connector):
        script.on(verb, lists)
        with pytest.raises(ProtocolViolation):
            await listed(connector, ROOT)


async def test_name_with_a_line_end_is_no_command() -> None:
    async with scripted() as (script, connector):
        before = len(script.commands)
        for name in ("a\r\nDELE b", "a\nb", "nul\0", "tab\t"):
            for tried in (
                put(connector, ROOT, name, b""),
                connector.create_folder(ROOT, name),
                connector.refresh(ROOT.child(name)),
            ):
                with pytest.raises(NameRejected):
                    await tried
        assert len(script.commands) == before


async def test_listed_name_with_a_control_character_is_shown_and_cannot_be_read() -> None:
    script = Script(files={"/be\x07ll": b"x", "/good": b"y"})
    async with scripted(script) as (_, connector):
        names = sorted(entry.name for entry in await listed(connector, ROOT))
        assert names == ["be\x07ll", "good"]
        with pytest.raises(NameRejected):
            await read(connector, ROOT.child("be\x07ll"))


@pytest.mark.parametrize("closing", ["426 Broken off", "226 Output truncated to 1 matches"])
async def test_listing_that_breaks_off_is_no_end_of_a_folder(closing: str) -> None:
    script = Script()

    async def half(session: Session, _argument: str) -> None:
        await session.give(b"type=file;size=5;modify=20200101000000; a\r\n", closing=closing)

    script.on("MLSD", half)
    async with scripted(script) as (_, connector):
        with pytest.raises((Transient, ProtocolViolation)):
            await listed(connector, ROOT)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("552 Quota exceeded", QuotaExceeded),
        ("452 No space left on device", QuotaExceeded),
        ("553 Permission denied", PermissionDenied),
        ("550 File name too long", NameRejected),
    ],
)
async def test_refused_upload_says_why(reply: str, kind: type[MoverError]) -> None:
    script = Script()
    script.on("STOR", says(reply))
    async with scripted(script) as (_, connector):
        with pytest.raises(kind) as caught:
            await put(connector, ROOT, "file", b"x")
    assert reply in str(caught.value)


async def test_server_that_does_not_rename_over_a_file_is_led_round_it() -> None:
    script = Script(files={"/file": b"old"})

    async def refuses_taken(session: Session, path: str) -> None:
        if path in session.script.files:
            await session.say("550 File exists")
        else:
            await usual(session, path)

    script.on("RNTO", refuses_taken)
    async with scripted(script) as (_, connector):
        seen = await connector.refresh(FILE)
        await connector.upload(target(ROOT, "file", replaces=seen), GivenContent(b"new!"))
    assert script.files == {"/file": b"new!"}


async def test_server_that_does_not_go_on_with_files_says_so_before_anything_is_sent() -> None:
    script = Script()

    async def no_restart(session: Session, path: str) -> None:
        if session.offset:
            session.offset = 0
            await session.say("451 Append/Restart not permitted")
        else:
            await usual(session, path)

    script.on("STOR", no_restart)
    async with scripted(script) as (_, connector):
        assert connector.part_uploads is not None
        with pytest.raises(Unsupported):
            await connector.part_uploads.begin(target(ROOT, "file"), 100, 50)
    assert script.files == {}


async def test_names_on_windows_are_those_that_windows_takes() -> None:
    script = Script(features=POOR)
    script.on("SYST", says("215 Windows_NT"))
    async with scripted(script) as (_, connector):
        rules = connector.capabilities.names
        assert not rules.case_sensitive
        assert rules.accepted("CON.txt") != "CON.txt"
        assert rules.original(rules.accepted('a?"b. ')) == 'a?"b. '
        assert not set('"*:<>?|\\') & set(rules.accepted('"*:<>?|\\'))


async def test_server_without_a_way_to_set_times_claims_none() -> None:
    async with scripted(Script(features=POOR)) as (_, connector):
        assert connector.capabilities.modified is Setting.NEVER
        assert connector.times is None


async def test_old_server_that_knows_neither_features_nor_times_is_listed_all_the_same() -> None:
    script = Script(features=None, files={"/file": b"content", "/.hidden": b""}, folders={"/", "/inner"})
    for verb in ("MDTM", "FEAT"):
        script.on(verb, says("502 Not implemented"))
    async with scripted(script) as (_, connector):
        found = {entry.name: (entry.kind, entry.size) for entry in await listed(connector, ROOT)}
        looked = await connector.look_up("/file")
        assert (looked.size, looked.modified_ns) == (7, 1_577_836_800_000_000_000)
        assert (await connector.look_up("/inner")).kind is EntryKind.FOLDER
        with pytest.raises(NotFound):
            await connector.look_up("/missing")
        assert connector.capabilities.modified_resolution_ns == 2 * 86_400 * 10**9
        assert await read(connector, FILE) == b"content"
    assert found == {
        "file": (EntryKind.FILE, 7),
        ".hidden": (EntryKind.FILE, 0),
        "inner": (EntryKind.FOLDER, None),
    }


@pytest.mark.parametrize("features", [MODERN, POOR])
async def test_names_in_a_legacy_encoding(features: tuple[str, ...]) -> None:
    script = Script(encoding="cp1252", features=features)
    async with scripted(script, encoding="cp1252") as (_, connector):
        await put(connector, ROOT, "café €", b"content")
        assert [entry.name for entry in await listed(connector, ROOT)] == ["café €"]
        assert await read(connector, ROOT.child("café €")) == b"content"
        with pytest.raises(NameRejected):
            await put(connector, ROOT, "日本", b"")
    assert script.files == {"/café €": b"content"}
    assert not script.sent("OPTS") or "UTF8 ON" not in script.sent("OPTS")


async def test_small_file_costs_no_more_than_eight_commands() -> None:
    async with scripted() as (script, connector):
        await put(connector, ROOT, "first", b"x")
        before = connector.calls
        await connector.upload(target(ROOT, "file", modified_ns=KEPT_NS), GivenContent(b"content"))
        up = connector.calls - before
        await read(connector, FILE)
        down = connector.calls - before - up
    assert (up, down) == (8, 4)
    assert script.connections == 1


async def test_reading_that_is_given_up_leaves_no_thread_behind() -> None:
    script = Script(files={"/file": bytes(20 << 20)})
    async with scripted(script) as (_, connector):
        for _ in range(3):
            async with aclosing(connector.read(FILE)) as pieces:
                await anext(pieces)
        assert await read(connector, FILE, offset=(20 << 20) - 5) == bytes(5)
