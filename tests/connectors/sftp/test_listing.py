from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import TypeVar, cast

import asyncssh
import pytest
from tests.connectors.sftp.surroundings import Connect, Place, Serve, contents, entries, new_place, target
from tests.contents import GivenContent
from tests.servers.ssh import SftpServer

from mover.connectors.sftp.api import Sftp
from mover.connectors.sftp.connector import SftpConnector
from mover.connectors.sftp.listing import PAGE, list_folder
from mover.connectors.sftp.wire import Attributes, Name
from mover.entries import ROOT, EntryKind
from mover.errors import Conflict, NameRejected, NotFound, PermissionDenied, ProtocolViolation

T = TypeVar("T")
_HOUR_NS = 3600 * 1_000_000_000
_HOSTILE = [
    "plain",
    " leading and trailing ",
    "new\nline",
    "tab\tand\x1bescape",
    "quotes ' \" ` $(reboot) ; & | > <",
    "back\\slash",
    "per%20cent%",
    "...",
    "-rf",
    "~",
    "*?[a]",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{PILE OF POO}",
    "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}FF",
    "Case",
    "case",
    "x" * 255,
]
_NOT_UTF8 = [b"latin1-\xe9", b"\xff\xfe", b"half-\xe2\x80"]


async def test_files_folders_links_and_devices_are_told_apart(connector: SftpConnector, place: Place) -> None:
    place.write("file", b"123")
    os.utime(place.disk / "file", ns=(0, 5 * _HOUR_NS))
    (place.disk / "folder").mkdir()
    (place.disk / "link").symlink_to("file")
    os.mkfifo(place.disk / "pipe")

    found = await entries(connector, place.ref)

    assert {name: entry.kind for name, entry in found.items()} == {
        "file": EntryKind.FILE,
        "folder": EntryKind.FOLDER,
        "link": EntryKind.SHORTCUT,
        "pipe": EntryKind.SPECIAL,
    }
    assert (found["file"].size, found["file"].modified_ns) == (3, 5 * _HOUR_NS)
    assert (found["folder"].size, found["folder"].version) == (None, None)
    assert found["link"].target is not None
    assert found["link"].target.endswith("file")  # ProFTPD makes it absolute


async def test_looking_up_says_what_the_listing_says(connector: SftpConnector, place: Place) -> None:
    place.write("file", b"123")
    (place.disk / "folder").mkdir()

    for name, entry in (await entries(connector, place.ref)).items():
        assert await connector.look_up(place.ref.child(name).path) == entry
        assert await connector.refresh(place.ref.child(name)) == entry


async def test_link_is_looked_up_itself(sshd_server: SftpServer, connect: Connect) -> None:
    # Not on ProFTPD 1.3.8, whose LSTAT follows links.
    place = new_place(sshd_server)
    (place.disk / "link").symlink_to("nowhere")
    connector = await connect(sshd_server)

    found = await connector.look_up(place.ref.child("link").path)

    assert (found.kind, found.target) == (EntryKind.SHORTCUT, "nowhere")


async def test_root_is_a_folder(connector: SftpConnector) -> None:
    assert (await connector.look_up("/")).kind is EntryKind.FOLDER
    assert await entries(connector, ROOT)


async def test_large_folder_comes_in_pages_with_each_entry_once(
    connector: SftpConnector, place: Place
) -> None:
    for number in range(2 * PAGE + 500):
        (place.disk / f"{number}").touch()

    pages = [page async for page in connector.list_folder(place.ref)]

    names = [entry.name for page in pages for entry in page.entries]
    assert sorted(names, key=int) == [str(number) for number in range(2 * PAGE + 500)]
    assert len(pages) == 3
    assert all(page.cursor is None for page in pages)


async def test_hostile_names_are_listed_read_and_written(connector: SftpConnector, place: Place) -> None:
    for name in _HOSTILE:
        await connector.upload(target(place.ref, name), GivenContent(name.encode()))

    found = await entries(connector, place.ref)

    assert set(found) == set(_HOSTILE)
    for name in found:
        assert await contents(connector, place.ref.child(name)) == name.encode()


async def test_names_that_are_not_utf8_survive(connector: SftpConnector, place: Place) -> None:
    for raw in _NOT_UTF8:
        place.write(raw, raw)

    found = await entries(connector, place.ref)

    assert len(found) == len(_NOT_UTF8)
    assert all(name.isprintable() for name in found)
    for name in found:
        content = await contents(connector, place.ref.child(name))
        assert content in _NOT_UTF8
        await connector.upload(target(place.ref, f"copy-{name}"), GivenContent(content))
    assert {os.fsencode(name) for name in place.names()} >= {b"copy-" + raw for raw in _NOT_UTF8}


async def test_listing_what_is_not_there_or_not_a_folder_is_not_found(
    connector: SftpConnector, place: Place
) -> None:
    place.write("file", b"")
    for name in ("file", "missing"):
        with pytest.raises(NotFound) as caught:
            await entries(connector, place.ref.child(name))
        assert (caught.value.service, caught.value.operation) == ("sftp", "list_folder")
        assert caught.value.path.endswith(name)


async def test_folder_that_may_not_be_read_is_denied(connector: SftpConnector, place: Place) -> None:
    (place.disk / "closed").mkdir(mode=0o700)
    with pytest.raises(PermissionDenied):
        await entries(connector, place.ref.child("closed"))


async def test_abandoned_listing_leaves_the_connection_usable(connector: SftpConnector, place: Place) -> None:
    for number in range(PAGE + 500):
        (place.disk / f"{number}").touch()
    pages = connector.list_folder(place.ref)
    await anext(pages)
    await pages.aclose()

    assert len(await entries(connector, place.ref)) == PAGE + 500


async def test_folder_is_created_once_and_found_again(connector: SftpConnector, place: Place) -> None:
    first = await connector.create_folder(place.ref, "new")
    second = await connector.create_folder(place.ref, "new")

    assert first.kind is second.kind is EntryKind.FOLDER
    assert (place.disk / "new").is_dir()


async def test_folder_is_not_created_over_a_file_or_nowhere(connector: SftpConnector, place: Place) -> None:
    place.write("file", b"")
    with pytest.raises(Conflict):
        await connector.create_folder(place.ref, "file")
    with pytest.raises(NotFound):
        await connector.create_folder(place.ref.child("missing"), "new")


@pytest.mark.parametrize("path", ["/a/../b", "/.", "/a//b", "/a\0b"])
async def test_paths_that_could_lead_elsewhere_are_refused(serve: Serve, connect: Connect, path: str) -> None:
    connector = await connect(await serve())
    with pytest.raises(NameRejected):
        await connector.look_up(path)
    with pytest.raises(NameRejected):
        await connector.create_folder(ROOT, "..")


async def test_server_that_lists_names_with_slashes_violates_the_protocol(
    serve: Serve, connect: Connect
) -> None:
    class Hostile(asyncssh.SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:  # noqa: ARG002
            yield asyncssh.SFTPName(b"../../etc/passwd", attrs=asyncssh.SFTPAttrs(size=1))

    connector = await connect(await serve(Hostile))
    with pytest.raises(ProtocolViolation):
        await entries(connector, ROOT)


class _Reader:
    """Answers READDIR with these batches of names, the last one for ever."""

    def __init__(self, *batches: list[bytes]) -> None:
        self._batches = list(batches)

    def open_folder(self, path: bytes) -> asyncio.Future[bytes]:
        return _answered(path)

    def close(self, handle: bytes) -> asyncio.Future[None]:  # noqa: ARG002
        return _answered(None)

    def read_folder(self, handle: bytes) -> asyncio.Future[list[Name]]:  # noqa: ARG002
        batch = self._batches.pop(0) if len(self._batches) > 1 else self._batches[0]
        return _answered([Name(name, b"", Attributes(size=1, permissions=0o100644)) for name in batch])


def _answered(result: T) -> asyncio.Future[T]:
    async def later() -> T:
        await asyncio.sleep(0)
        return result

    return asyncio.ensure_future(later())


async def _names_listed(reader: _Reader) -> list[str]:
    async with asyncio.timeout(5):
        pages = list_folder(cast("Sftp", reader), b"/folder")
        return [entry.name async for page in pages for entry in page.entries]


async def test_answer_without_names_is_the_end_of_a_listing() -> None:
    assert await _names_listed(_Reader([b".", b"..", b"a"], [b"b"], [])) == ["a", "b"]


async def test_server_that_lists_the_same_names_for_ever_violates_the_protocol() -> None:
    with pytest.raises(ProtocolViolation):
        await _names_listed(_Reader([b"a", b"b"]))


async def test_kind_is_taken_from_the_ls_line_where_the_mode_is_missing(
    serve: Serve, connect: Connect
) -> None:
    class Poor(asyncssh.SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:  # noqa: ARG002
            yield asyncssh.SFTPName(b"file", b"-rw-r--r-- 1 a a 1 Jan 1 file", asyncssh.SFTPAttrs(size=1))
            yield asyncssh.SFTPName(b"folder", b"drwxr-xr-x 1 a a 1 Jan 1 folder", asyncssh.SFTPAttrs())
            yield asyncssh.SFTPName(b"riddle", b"", asyncssh.SFTPAttrs())

    found = await entries(await connect(await serve(Poor)), ROOT)

    assert [entry.kind for entry in found.values()] == [EntryKind.FILE, EntryKind.FOLDER, EntryKind.SPECIAL]
    assert found["file"].version is None


async def test_times_are_set_on_files_and_folders(connector: SftpConnector, place: Place) -> None:
    place.write("file", b"")
    (place.disk / "folder").mkdir()
    os.chown(place.disk / "folder", place.owner, place.owner)
    for name in ("file", "folder"):
        assert await connector.times.set_modified(place.ref.child(name), 7 * _HOUR_NS)
        assert (place.disk / name).stat().st_mtime_ns == 7 * _HOUR_NS


async def test_time_before_1970_is_told_as_not_kept(connector: SftpConnector, place: Place) -> None:
    place.write("file", b"")
    assert not await connector.times.set_modified(place.ref.child("file"), -_HOUR_NS)


async def test_rename_moves_and_never_replaces(connector: SftpConnector, place: Place) -> None:
    place.write("old", b"old")
    place.write("taken", b"taken")
    await connector.create_folder(place.ref, "folder")
    await connector.create_folder(place.ref, "other folder")

    moved = await connector.renames.rename(place.ref.child("old"), place.ref.child("folder"), "new")
    for old, taken in (("folder", "other folder"), ("folder", "taken"), ("taken", "folder")):
        with pytest.raises(Conflict):
            await connector.renames.rename(place.ref.child(old), place.ref, taken)

    assert (moved.name, moved.size) == ("new", 3)
    assert (place.disk / "folder" / "new").read_bytes() == b"old"
    assert (place.disk / "taken").read_bytes() == b"taken"


async def test_rename_of_what_is_not_there_is_not_found(connector: SftpConnector, place: Place) -> None:
    with pytest.raises(NotFound):
        await connector.renames.rename(place.ref.child("missing"), place.ref, "new")


async def test_room_of_the_file_system_is_told(connector: SftpConnector, place: Place) -> None:
    assert connector.quota is not None
    there = os.statvfs(place.disk)
    told = await connector.quota.free_bytes()
    assert told is not None
    assert abs(told - there.f_bavail * there.f_frsize) < 2 << 30
