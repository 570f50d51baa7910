"""What can go wrong between here and the server, and on the server's disk."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path

import asyncssh
import pytest
from tests.connectors.sftp.surroundings import (
    Connect,
    Serve,
    contents,
    entries,
    new_place,
    target,
)
from tests.contents import GivenContent
from tests.servers.jail import can_jail
from tests.servers.processes import free_port, tool
from tests.servers.ssh import SftpServer, sshd

from mover.entries import ROOT
from mover.errors import (
    MoverError,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    TimedOut,
    Transient,
    Unreachable,
)

_LARGE = os.urandom(60_000_000)

needs_root = pytest.mark.skipif(not can_jail(), reason="only root can give a server a view of its own")


@pytest.mark.servers
@needs_root
async def test_server_killed_during_a_read_is_unreachable_and_comes_back(
    connect: Connect, tmp_path: Path
) -> None:
    port = free_port()
    with ExitStack() as running:
        server = running.enter_context(sshd(tmp_path / "server", port=port))
        place = new_place(server)
        place.write("file", _LARGE)
        connector = await connect(server)
        async with aclosing(connector.read(place.ref.child("file"))) as pieces:
            await anext(pieces)
            running.close()
            with pytest.raises(Unreachable) as caught:
                async for _ in pieces:
                    pass
    assert caught.value.path == place.ref.child("file").path
    with pytest.raises(Unreachable):
        await connector.look_up("/")

    with sshd(tmp_path / "server", port=port):
        assert await contents(connector, place.ref.child("file")) == _LARGE


@pytest.mark.servers
@needs_root
async def test_server_killed_during_an_upload_never_shows_half_a_file(
    connect: Connect, tmp_path: Path
) -> None:
    port = free_port()
    with ExitStack() as running:
        server = running.enter_context(sshd(tmp_path / "server", port=port))
        place = new_place(server)
        connector = await connect(server)

        class Deadly(GivenContent):
            async def chunks(self) -> AsyncGenerator[bytes, None]:
                async for chunk in super().chunks():
                    yield chunk
                    if len(place.names()) == 1:
                        running.close()

        with pytest.raises(Unreachable):
            await connector.upload(target(place.ref, "file"), Deadly(_LARGE))
    assert "file" not in place.names()

    with sshd(tmp_path / "server", port=port):
        await connector.upload(target(place.ref, "file"), GivenContent(_LARGE))
    assert (place.disk / "file").read_bytes() == _LARGE
    assert place.names() == {"file"}


@pytest.mark.servers
@needs_root
async def test_all_operations_of_a_killed_server_fail_each_with_its_own_path(
    connect: Connect, tmp_path: Path
) -> None:
    with ExitStack() as running:
        server = running.enter_context(sshd(tmp_path / "server"))
        place = new_place(server)
        for number in range(8):
            place.write(f"{number}", _LARGE)
        connector = await connect(server)

        async def read(number: int) -> None:
            async with aclosing(connector.read(place.ref.child(f"{number}"))) as pieces:
                await anext(pieces)
                running.close()
                async for _ in pieces:
                    pass

        failures = await asyncio.gather(*(read(number) for number in range(8)), return_exceptions=True)

    assert all(isinstance(failure, Unreachable) for failure in failures)
    paths = {failure.path for failure in failures if isinstance(failure, MoverError)}
    assert len(paths) == 8


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run([tool("mount"), "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run([tool("umount"), "--lazy", folder], check=True)


@pytest.mark.servers
@needs_root
async def test_full_disk_is_told_as_such_and_leaves_nothing_behind(
    connect: Connect, small_disk: Path
) -> None:
    with sshd(small_disk) as server:
        place = new_place(server)
        connector = await connect(server)

        with pytest.raises(QuotaExceeded):
            await connector.upload(target(place.ref, "file"), GivenContent(_LARGE))
        assert place.names() == set()

        goal = target(place.ref, "parts")
        token = await connector.part_uploads.begin(goal, 1_000_000, 1_000_000)
        with pytest.raises(QuotaExceeded):
            await connector.part_uploads.send(token, 1, 0, GivenContent(_LARGE))
        await connector.part_uploads.abort(token)
        await connector.upload(target(place.ref, "small"), GivenContent(b"fits"))
        assert place.names() == {"small"}


class _Deaf(asyncssh.SFTPServer):
    """Never says whether it made a folder."""

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002
        await asyncio.Event().wait()


async def test_server_that_falls_silent_is_timed_out_and_called_anew(serve: Serve, connect: Connect) -> None:
    server = await serve(_Deaf)
    (server.root / "file").write_bytes(b"x")
    connector = await connect(server, silence_s=0.3)

    with pytest.raises(TimedOut):
        await connector.create_folder(ROOT, "folder")
    assert set(await entries(connector, ROOT)) == {"file"}


async def test_server_that_lets_us_in_and_opens_no_session_is_timed_out(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncssh.SSHServer, "session_requested", lambda _: asyncio.Event().wait())
    server = await serve(None)

    async with asyncio.timeout(10):
        with pytest.raises(TimedOut, match="session"):
            await connect(server, silence_s=0.3)


async def test_idle_connection_is_not_timed_out(serve: Serve, connect: Connect) -> None:
    server = await serve()
    connector = await connect(server, silence_s=0.05)
    async with connector._pool.link() as before:
        pass
    done, _ = await asyncio.wait([asyncio.ensure_future(asyncio.Event().wait())], timeout=0.2)
    assert not done
    await entries(connector, ROOT)
    async with connector._pool.link() as after:
        assert after is before


async def _answering(words: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()
        await reader.read()
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize(
    "words",
    [
        b"220 smtp.example.org ESMTP\r\n" * 3000,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-1.5-ancient\r\n",
        b"SSH-2.0-\xff\xfe\r\n" + bytes(5000),
        b"SSH-2.0-rubbish\r\n" + os.urandom(5000),
        b"",
    ],
    ids=["mail", "web", "ssh1", "not-ascii", "rubbish", "silence"],
)
async def test_what_is_no_ssh_server_is_told_in_time(serve: Serve, connect: Connect, words: bytes) -> None:
    server = await serve()
    async with await _answering(words) as other:
        with pytest.raises((Transient, ProtocolViolation)) as caught:
            await connect(server, port=other.sockets[0].getsockname()[1], silence_s=0.5)
    assert caught.value.operation == "sign_in"


async def test_server_without_sftp_is_told(connect: Connect, serve: Serve) -> None:
    server = await serve(None)
    with pytest.raises(ServiceFault, match="SFTP session"):
        await connect(server)


async def test_closed_connector_says_so(serve: Serve, connect: Connect) -> None:
    connector = await connect(await serve())
    await connector.close()
    await connector.close()
    with pytest.raises(Unreachable, match="closed"):
        await connector.look_up("/")


@pytest.mark.slow
async def test_more_connections_are_made_under_load_and_one_refused_is_no_failure(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server: SftpServer = await serve()
    (server.root / "file").write_bytes(_LARGE[:3_000_000])
    connector = await connect(server)
    dialled: list[str] = []
    dial = connector._dialler.dial

    async def second_only() -> object:
        if dialled:
            dialled.append("refused")
            raise Unreachable("no more connections")
        dialled.append("made")
        return await dial()

    monkeypatch.setattr(connector._pool, "_dial", second_only)

    for _ in range(2):
        read = await asyncio.gather(*(contents(connector, ROOT.child("file")) for _ in range(60)))
        assert set(read) == {_LARGE[:3_000_000]}
    assert dialled == ["made", "refused"]
