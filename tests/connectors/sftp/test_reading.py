from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing

import asyncssh
import pytest
from tests.connectors.sftp.surroundings import Connect, Place, Serve, contents, entries

from mover.connectors.sftp.connector import SftpConnector
from mover.entries import ROOT
from mover.errors import Changed, Conflict, IntegrityError, NotFound, PermissionDenied, ProtocolViolation

_LARGE = os.urandom(5_000_003)


async def _rest(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 261_120, 261_121, 1 << 20, len(_LARGE)])
async def test_whole_file_is_read_in_pieces_of_at_most_1_mib(
    connector: SftpConnector, place: Place, size: int
) -> None:
    place.write("file", _LARGE[:size])

    pieces = [piece async for piece in connector.read(place.ref.child("file"))]

    assert b"".join(pieces) == _LARGE[:size]
    assert all(0 < len(piece) <= 1 << 20 for piece in pieces)


@pytest.mark.parametrize(
    ("offset", "length"),
    [(0, 0), (0, 1), (1, 261_120), (4_999_999, None), (3, 4_000_000), (5_000_003, None), (5_000_003, 0)],
)
async def test_range_is_read(connector: SftpConnector, place: Place, offset: int, length: int | None) -> None:
    place.write("file", _LARGE)
    end = None if length is None else offset + length

    read = await contents(connector, place.ref.child("file"), offset=offset, length=length)
    assert read == _LARGE[offset:end]


@pytest.mark.parametrize(("offset", "length"), [(0, 101), (100, 1), (50, 51), (101, None)])
async def test_fewer_bytes_than_asked_for_are_an_error(
    connector: SftpConnector, place: Place, offset: int, length: int | None
) -> None:
    place.write("file", bytes(100))
    with pytest.raises(IntegrityError):
        await contents(connector, place.ref.child("file"), offset=offset, length=length)


async def test_small_file_costs_four_requests(connector: SftpConnector, place: Place) -> None:
    place.write("file", bytes(16_000))
    before = connector.calls
    await contents(connector, place.ref.child("file"))
    assert connector.calls - before == 4


async def test_listed_version_is_read_and_another_one_is_changed(
    connector: SftpConnector, place: Place
) -> None:
    path = place.write("file", b"first")
    listed = (await entries(connector, place.ref))["file"].version

    assert await contents(connector, place.ref.child("file"), version=listed) == b"first"
    os.utime(path, (1, 1))
    with pytest.raises(Changed):
        await contents(connector, place.ref.child("file"), version=listed)


async def test_change_while_a_large_file_is_read_is_noticed(connector: SftpConnector, place: Place) -> None:
    path = place.write("file", _LARGE)
    listed = (await entries(connector, place.ref))["file"].version

    async with aclosing(connector.read(place.ref.child("file"), version=listed)) as pieces:
        await anext(pieces)
        os.utime(path, (1, 1))
        with pytest.raises(Changed):
            await _rest(pieces)


async def test_file_that_shrinks_while_it_is_read_never_looks_whole(
    connector: SftpConnector, place: Place
) -> None:
    large = bytes(30_000_000)
    path = place.write("file", large)

    async with aclosing(connector.read(place.ref.child("file"))) as pieces:
        await anext(pieces)
        os.truncate(path, 6_000_000)
        with pytest.raises(IntegrityError):
            await _rest(pieces)


async def test_missing_file_is_not_found_and_a_closed_one_denied(
    connector: SftpConnector, place: Place
) -> None:
    path = place.write("closed", b"secret", mode=0o600)
    os.chown(path, 0, 0)

    with pytest.raises(NotFound):
        await contents(connector, place.ref.child("missing"))
    with pytest.raises(PermissionDenied) as caught:
        await contents(connector, place.ref.child("closed"))
    assert (caught.value.operation, caught.value.path) == ("read", place.ref.child("closed").path)


async def test_folder_is_not_read_as_a_file(connector: SftpConnector, place: Place) -> None:
    (place.disk / "folder").mkdir()
    with pytest.raises((Conflict, PermissionDenied)):
        await contents(connector, place.ref.child("folder"))


async def test_abandoned_read_leaves_the_connection_usable(connector: SftpConnector, place: Place) -> None:
    place.write("file", _LARGE)
    for _ in range(20):
        async with aclosing(connector.read(place.ref.child("file"))) as pieces:
            await anext(pieces)

    assert await contents(connector, place.ref.child("file")) == _LARGE


async def test_server_that_hands_out_less_than_asked_for_is_asked_again(
    serve: Serve, connect: Connect
) -> None:
    class Stingy(asyncssh.SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> bytes | Awaitable[bytes]:
            return super().read(file_obj, offset, min(size, 10_000))

    server = await serve(Stingy)
    (server.root / "file").write_bytes(_LARGE)
    connector = await connect(server)

    assert await contents(connector, ROOT.child("file")) == _LARGE


async def test_stream_that_ends_early_never_looks_like_the_end(serve: Serve, connect: Connect) -> None:
    class Short(asyncssh.SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> bytes | Awaitable[bytes]:
            return super().read(file_obj, offset, size) if offset < 2_000_000 else b""

    server = await serve(Short)
    (server.root / "file").write_bytes(_LARGE)
    connector = await connect(server)

    with pytest.raises(IntegrityError):
        await contents(connector, ROOT.child("file"))


async def test_server_that_hands_out_more_than_asked_for_violates_the_protocol(
    serve: Serve, connect: Connect
) -> None:
    class Lavish(asyncssh.SFTPServer):
        def read(self, file_obj: object, offset: int, size: int) -> bytes | Awaitable[bytes]:  # noqa: ARG002
            return bytes(size + 1)

    server = await serve(Lavish)
    (server.root / "file").write_bytes(b"x")
    connector = await connect(server)

    with pytest.raises(ProtocolViolation):
        await contents(connector, ROOT.child("file"))


async def test_server_that_does_not_tell_sizes_is_read_to_the_end(serve: Serve, connect: Connect) -> None:
    class Sizeless(asyncssh.SFTPServer):
        def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:  # noqa: ARG002
            return asyncssh.SFTPAttrs(permissions=0o100644)

    server = await serve(Sizeless)
    (server.root / "file").write_bytes(_LARGE)
    connector = await connect(server)

    assert await contents(connector, ROOT.child("file")) == _LARGE
    assert await contents(connector, ROOT.child("file"), offset=5, length=1_000_000) == _LARGE[5:1_000_005]
    with pytest.raises(IntegrityError):
        await contents(connector, ROOT.child("file"), length=len(_LARGE) + 1)
