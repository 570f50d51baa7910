from __future__ import annotations

import asyncio
import dataclasses
import os
from collections.abc import AsyncGenerator, Awaitable

import asyncssh
import pytest
from tests.connectors.sftp.surroundings import Connect, Place, Serve, contents, entries, target
from tests.contents import GivenContent

from mover.connectors.contract import is_temporary_name
from mover.connectors.sftp.api import HARDLINK, POSIX_RENAME
from mover.connectors.sftp.connector import SftpConnector
from mover.entries import ROOT
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    NameRejected,
    NotFound,
    PermissionDenied,
    QuotaExceeded,
)

_HOUR_NS = 3600 * 1_000_000_000
_LARGE = os.urandom(5_000_003)


@pytest.mark.parametrize("size", [0, 1, 32768, 261_120, 261_121, 1 << 20, len(_LARGE)])
async def test_file_arrives_whole_with_its_time_to_the_second(
    connector: SftpConnector, place: Place, size: int
) -> None:
    entry = await connector.upload(
        target(place.ref, "file", modified_ns=5 * _HOUR_NS + 987_654_321), GivenContent(_LARGE[:size])
    )

    path = place.disk / "file"
    assert path.read_bytes() == _LARGE[:size]
    assert path.stat().st_mtime_ns == 5 * _HOUR_NS
    assert (entry.name, entry.size, entry.modified_ns) == ("file", size, 5 * _HOUR_NS)
    assert entry == (await entries(connector, place.ref))["file"]
    assert place.names() == {"file"}


async def test_content_of_unknown_size_is_taken(connector: SftpConnector, place: Place) -> None:
    entry = await connector.upload(target(place.ref, "file"), GivenContent(_LARGE, told_size=None))
    assert entry.size == len(_LARGE)


async def test_small_file_costs_at_most_eight_requests(connector: SftpConnector, place: Place) -> None:
    before = connector.calls
    await connector.upload(target(place.ref, "file", modified_ns=_HOUR_NS), GivenContent(bytes(16_000)))
    assert connector.calls - before <= (6 if "OpenSSH" in await _server(connector) else 7)


async def _server(connector: SftpConnector) -> str:
    return (await connector.sign_in()).description


async def test_new_file_never_replaces_one_that_is_there(connector: SftpConnector, place: Place) -> None:
    place.write("file", b"there before")
    (place.disk / "folder").mkdir()

    for name in ("file", "folder"):
        for content in (b"small", _LARGE):
            with pytest.raises(Conflict):
                await connector.upload(target(place.ref, name), GivenContent(content))

    assert (place.disk / "file").read_bytes() == b"there before"
    assert place.names() == {"file", "folder"}


async def test_of_two_uploads_to_one_name_exactly_one_wins(connector: SftpConnector, place: Place) -> None:
    assert connector.capabilities.exclusive_create
    targets = [dataclasses.replace(target(place.ref, "file"), key=f"key-{number}") for number in range(8)]

    results = await asyncio.gather(
        *(connector.upload(each, GivenContent(each.key.encode())) for each in targets), return_exceptions=True
    )

    assert sum(isinstance(result, Conflict) for result in results) == 7
    assert place.names() == {"file"}


async def test_file_is_replaced_in_one_step_and_keeps_its_permissions(
    connector: SftpConnector, place: Place
) -> None:
    place.write("file", b"old", mode=0o600)
    old = (await entries(connector, place.ref))["file"]

    await connector.upload(target(place.ref, "file", replaces=old), GivenContent(b"new one"))

    path = place.disk / "file"
    assert path.read_bytes() == b"new one"
    assert path.stat().st_mode & 0o777 == 0o600
    assert place.names() == {"file"}


async def test_new_content_of_a_private_file_is_private_while_it_arrives(
    connector: SftpConnector, place: Place
) -> None:
    modes: set[int] = set()

    class Watching(GivenContent):
        async def chunks(self) -> AsyncGenerator[bytes, None]:
            async for chunk in super().chunks():
                yield chunk
            # What was written so much earlier has been answered, and so has all that was asked before it.
            modes.update(path.stat().st_mode & 0o777 for path in place.disk.iterdir())

    place.write("file", b"old", mode=0o600)
    old = (await entries(connector, place.ref))["file"]
    await connector.upload(target(place.ref, "file", replaces=old), Watching(_LARGE))

    assert modes == {0o600}
    assert (place.disk / "file").read_bytes() == _LARGE


@pytest.mark.parametrize("content", [b"new", _LARGE], ids=["small", "large"])
async def test_file_that_changed_since_it_was_seen_is_not_replaced(
    connector: SftpConnector, place: Place, content: bytes
) -> None:
    path = place.write("file", b"old")
    old = (await entries(connector, place.ref))["file"]
    path.write_bytes(b"edited")

    with pytest.raises(Changed):
        await connector.upload(target(place.ref, "file", replaces=old), GivenContent(content))
    path.unlink()
    with pytest.raises(Changed):
        await connector.upload(target(place.ref, "file", replaces=old), GivenContent(content))

    assert place.names() == set()


async def test_change_during_a_long_upload_is_noticed(connector: SftpConnector, place: Place) -> None:
    path = place.write("file", b"old")
    old = (await entries(connector, place.ref))["file"]

    class Meddling(GivenContent):
        async def chunks(self) -> AsyncGenerator[bytes, None]:
            async for chunk in super().chunks():
                yield chunk
            path.write_bytes(b"edited")

    with pytest.raises(Changed):
        await connector.upload(target(place.ref, "file", replaces=old), Meddling(_LARGE))
    assert path.read_bytes() == b"edited"
    assert place.names() == {"file"}


async def test_repetition_overwrites_its_own_leftover(connector: SftpConnector, place: Place) -> None:
    goal = target(place.ref, "file")
    leftover = f".mover-{goal.key}.part"
    place.write(leftover, bytes(10_000_000))

    await connector.upload(goal, GivenContent(b"whole"))

    assert (place.disk / "file").read_bytes() == b"whole"
    assert place.names() == {"file"}
    assert is_temporary_name(leftover)


@pytest.mark.parametrize("fails_after", [0, 1000, 4_000_000])
async def test_failure_of_the_source_leaves_nothing_behind(
    connector: SftpConnector, place: Place, fails_after: int
) -> None:
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.upload(target(place.ref, "file"), GivenContent(_LARGE, fails_after=fails_after))
    assert place.names() == set()


@pytest.mark.parametrize("told", [len(_LARGE) - 1, len(_LARGE) + 1])
async def test_content_of_another_size_than_told_is_not_placed(
    connector: SftpConnector, place: Place, told: int
) -> None:
    with pytest.raises(IntegrityError):
        await connector.upload(target(place.ref, "file"), GivenContent(_LARGE, told_size=told))
    assert place.names() == set()


async def test_cancelled_upload_leaves_nothing_behind(connector: SftpConnector, place: Place) -> None:
    reached = asyncio.Event()

    class Endless(GivenContent):
        async def chunks(self) -> AsyncGenerator[bytes, None]:
            yield self.data
            reached.set()
            await asyncio.Event().wait()

    uploading = asyncio.create_task(
        connector.upload(target(place.ref, "file"), Endless(_LARGE[: 1 << 20], told_size=None))
    )
    await reached.wait()
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await uploading

    assert await entries(connector, place.ref) == {}


async def test_folder_that_is_missing_or_closed_is_told(connector: SftpConnector, place: Place) -> None:
    (place.disk / "closed").mkdir(mode=0o755)
    with pytest.raises(NotFound):
        await connector.upload(target(place.ref.child("missing"), "file"), GivenContent(b"x"))
    with pytest.raises(PermissionDenied):
        await connector.upload(target(place.ref.child("closed"), "file"), GivenContent(b"x"))


async def test_name_that_is_too_long_is_rejected(connector: SftpConnector, place: Place) -> None:
    with pytest.raises(NameRejected):
        await connector.upload(target(place.ref, "x" * 256), GivenContent(b"x"))
    assert place.names() == set()


async def test_name_that_leads_elsewhere_is_rejected(connector: SftpConnector, place: Place) -> None:
    for name in ("..", ".", "", "a/b", "../up", "nul\0"):
        with pytest.raises(NameRejected):
            await connector.upload(target(place.ref, name), GivenContent(b"x"))


async def test_time_that_cannot_be_set_is_not_invented(connector: SftpConnector, place: Place) -> None:
    entry = await connector.upload(target(place.ref, "file", modified_ns=-_HOUR_NS), GivenContent(b"x"))
    assert entry.modified_ns is not None
    assert entry.modified_ns > 0


async def _without(connector: SftpConnector, *extensions: bytes) -> None:
    """Sign in once more, as if the server lacked these extensions."""
    async with connector._pool.link() as link:
        session = link.sftp.session
        session.extensions = {
            name: data for name, data in session.extensions.items() if name not in extensions
        }
    await connector.sign_in()


async def test_server_without_posix_rename_replaces_without_a_moment_of_loss(
    connector: SftpConnector, place: Place
) -> None:
    await _without(connector, POSIX_RENAME)
    place.write("file", b"old")
    old = (await entries(connector, place.ref))["file"]

    await connector.upload(target(place.ref, "file", replaces=old), GivenContent(b"new one"))

    assert await contents(connector, place.ref.child("file")) == b"new one"
    assert place.names() == {"file"}


async def test_file_that_changed_at_the_last_moment_steps_back_into_its_place(
    serve: Serve, connect: Connect
) -> None:
    class Busy(asyncssh.SFTPServer):
        def rename(self, oldpath: bytes, newpath: bytes) -> Awaitable[None] | None:
            if os.path.basename(oldpath) == b"file":  # noqa: PTH119 - of bytes
                (server.root / "file").write_bytes(b"somebody's last word")
            return super().rename(oldpath, newpath)

    server = await serve(Busy)
    (server.root / "file").write_bytes(b"old")
    connector = await connect(server)
    await _without(connector, POSIX_RENAME)
    old = (await entries(connector, ROOT))["file"]

    with pytest.raises(Changed):
        await connector.upload(target(ROOT, "file", replaces=old), GivenContent(b"new one"))

    assert set(await entries(connector, ROOT)) == {"file"}
    assert (server.root / "file").read_bytes() == b"somebody's last word"


async def test_server_without_exclusive_rename_is_looked_at_first(serve: Serve, connect: Connect) -> None:
    class Overwriting(asyncssh.SFTPServer):
        def rename(self, oldpath: bytes, newpath: bytes) -> Awaitable[None] | None:
            return super().posix_rename(oldpath, newpath)

    server = await serve(Overwriting)
    (server.root / "file").write_bytes(b"there before")
    connector = await connect(server)
    await _without(connector, HARDLINK)

    assert not connector.capabilities.exclusive_create
    with pytest.raises(Conflict):
        await connector.upload(target(ROOT, "file"), GivenContent(b"new"))
    await connector.upload(target(ROOT, "other"), GivenContent(b"new"))
    assert {path.name for path in server.root.iterdir()} == {"file", "other"}


async def test_file_system_without_hard_links_is_coped_with(serve: Serve, connect: Connect) -> None:
    class Linkless(asyncssh.SFTPServer):
        def link(self, oldpath: bytes, newpath: bytes) -> None:  # noqa: ARG002
            raise asyncssh.SFTPFailure("Operation not permitted")

    server = await serve(Linkless)
    connector = await connect(server)

    await connector.upload(target(ROOT, "file"), GivenContent(b"new"))
    with pytest.raises(Conflict):
        await connector.upload(target(ROOT, "file"), GivenContent(b"other"))
    assert (server.root / "file").read_bytes() == b"new"
    assert {path.name for path in server.root.iterdir()} == {"file"}


async def test_server_that_sets_the_time_when_a_file_is_closed_is_corrected(
    serve: Serve, connect: Connect
) -> None:
    class Stamping(asyncssh.SFTPServer):
        def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
            pass

    server = await serve(Stamping)
    connector = await connect(server)

    entry = await connector.upload(target(ROOT, "file", modified_ns=_HOUR_NS), GivenContent(b"x"))

    assert entry.modified_ns == _HOUR_NS
    assert (server.root / "file").stat().st_mtime_ns == _HOUR_NS


async def test_server_that_keeps_no_times_says_so_in_the_entry(serve: Serve, connect: Connect) -> None:
    class Timeless(asyncssh.SFTPServer):
        def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002
            raise asyncssh.SFTPOpUnsupported("no times here")

        def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002
            raise asyncssh.SFTPPermissionDenied("no times here")

    connector = await connect(await serve(Timeless))

    entry = await connector.upload(target(ROOT, "file", modified_ns=_HOUR_NS), GivenContent(b"x"))

    assert entry.modified_ns != _HOUR_NS


async def test_server_that_loses_bytes_is_an_integrity_error(serve: Serve, connect: Connect) -> None:
    class Losing(asyncssh.SFTPServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int | Awaitable[int]:
            return super().write(file_obj, offset, data[:-1])

    connector = await connect(await serve(Losing))
    with pytest.raises(IntegrityError):
        await connector.upload(target(ROOT, "file"), GivenContent(b"12345"))


@pytest.mark.parametrize("words", ["No space left on device", "Disk quota exceeded"])
async def test_servers_words_for_a_full_disk_are_understood(
    serve: Serve, connect: Connect, words: str
) -> None:
    class Full(asyncssh.SFTPServer):
        def write(self, file_obj: object, offset: int, data: bytes) -> int | Awaitable[int]:  # noqa: ARG002
            raise asyncssh.SFTPFailure(words)

    server = await serve(Full)
    connector = await connect(server)
    with pytest.raises(QuotaExceeded):
        await connector.upload(target(ROOT, "file"), GivenContent(b"12345"))
    assert list(server.root.iterdir()) == []
