"""What is particular to files on a disk: modes, pipes, leftovers, and changes while they are read."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.contents import GivenContent
from tests.contract.acts import listed, read, target
from tests.folders import names_in

from mover.connectors.contract import Target, temporary_name
from mover.connectors.local.config import LocalConfig
from mover.connectors.local.connector import LocalConnector
from mover.entries import ROOT, EntryKind, EntryRef
from mover.errors import Changed, InvalidConfiguration, NameRejected, NotFound, Unsupported

MIB = 1024 * 1024


async def test_pipe_and_socket_are_special_and_reading_one_does_not_wait(
    connector: LocalConnector, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)  # a socket's path may have 107 bytes only
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        assert {entry.kind for entry in await listed(connector, ROOT)} == {EntryKind.SPECIAL}
        for name in ("pipe", "socket"):
            async with asyncio.timeout(10):
                with pytest.raises((NotFound, Unsupported)):
                    await read(connector, EntryRef(f"/{name}"))


@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
async def test_new_file_has_the_mode_that_the_umask_leaves(
    connector: LocalConnector, folder: Path, umask: int, expected: int
) -> None:
    before = os.umask(umask)
    try:
        await connector.upload(target(ROOT, "file"), GivenContent(b"x"))
        await connector.create_folder(ROOT, "inner")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "file").stat().st_mode) == expected
    assert stat.S_IMODE((folder / "inner").stat().st_mode) == 0o777 & ~umask


async def test_replaced_file_keeps_its_mode_and_its_draft_is_never_wider(
    connector: LocalConnector, folder: Path
) -> None:
    (folder / "file").write_text("old")
    (folder / "file").chmod(0o640)
    seen = await connector.look_up("/file")
    modes: set[int] = set()

    class Watching(GivenContent):
        async def chunks(self) -> AsyncGenerator[bytes, None]:
            async for chunk in super().chunks():
                modes.update(stat.S_IMODE(file.stat().st_mode) for file in folder.glob(".mover-*"))
                yield chunk

    await connector.upload(target(ROOT, "file", replaces=seen), Watching(bytes(3 * MIB)))
    assert modes == {0o600}
    assert stat.S_IMODE((folder / "file").stat().st_mode) == 0o640


@pytest.mark.parametrize("size", [100, 3 * MIB])
async def test_leftover_of_a_killed_upload_is_used_up_by_the_next_try(
    connector: LocalConnector, folder: Path, size: int
) -> None:
    place = target(ROOT, "file")
    (folder / temporary_name(place.key)).write_bytes(b"half of an upload that was killed" * 1000)
    await connector.upload(place, GivenContent(bytes(size)))
    assert names_in(folder) == ["file"]
    assert (folder / "file").read_bytes() == bytes(size)


@pytest.mark.parametrize("size", [10, 3 * MIB])
async def test_failed_upload_leaves_no_temporary_file(
    connector: LocalConnector, folder: Path, size: int
) -> None:
    content = GivenContent(bytes(size), fails_after=size // 2 + 1)
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.upload(target(ROOT, "file"), content)
    assert names_in(folder) == []


async def test_change_in_the_middle_of_reading_is_noticed(connector: LocalConnector, folder: Path) -> None:
    (folder / "file").write_bytes(bytes(3 * MIB))
    entry = await connector.look_up("/file")
    status = (folder / "file").stat()
    async with aclosing(connector.read(EntryRef("/file"), version=entry.version)) as pieces:
        await anext(pieces)
        with (folder / "file").open("r+b") as file:
            file.write(b"changed")
        os.utime(folder / "file", ns=(status.st_atime_ns, status.st_mtime_ns))  # as if nothing had happened
        with pytest.raises(Changed):
            await read_rest(pieces)


async def test_file_that_shrinks_while_it_is_read_does_not_look_complete(
    connector: LocalConnector, folder: Path
) -> None:
    (folder / "file").write_bytes(bytes(3 * MIB))
    async with aclosing(connector.read(EntryRef("/file"))) as pieces:
        await anext(pieces)
        os.truncate(folder / "file", MIB + 5)
        with pytest.raises(Changed):
            await read_rest(pieces)


async def test_file_that_grows_while_it_is_read_without_a_version_ends_where_it_ended(
    connector: LocalConnector, folder: Path
) -> None:
    (folder / "log").write_bytes(bytes(2 * MIB))
    async with aclosing(connector.read(EntryRef("/log"))) as pieces:
        first = await anext(pieces)
        with (folder / "log").open("ab") as file:
            file.write(b"another line")
        assert len(first) + len(await read_rest(pieces)) == 2 * MIB


async def test_version_does_not_change_with_permissions_or_place(
    connector: LocalConnector, folder: Path
) -> None:
    (folder / "file").write_bytes(b"x")
    before = await connector.look_up("/file")
    (folder / "file").chmod(0o600)
    (folder / "file").rename(folder / "moved")
    assert (await connector.look_up("/moved")).version == before.version


async def test_two_listings_of_the_root_at_once_do_not_disturb_each_other(
    connector: LocalConnector, folder: Path
) -> None:
    for number in range(1500):
        (folder / f"file-{number}").touch()
    both = await asyncio.gather(listed(connector, ROOT), listed(connector, ROOT))
    assert [len({entry.name for entry in entries}) for entries in both] == [1500, 1500]


async def test_cancelled_operations_leave_no_file_open(connector: LocalConnector, folder: Path) -> None:
    (folder / "file").write_bytes(bytes(3 * MIB))
    before = _open_files()
    for turns in range(40):
        for act in (
            read(connector, EntryRef("/file")),
            listed(connector, ROOT),
            connector.upload(target(ROOT, "new"), GivenContent(bytes(2 * MIB))),
        ):
            task = asyncio.ensure_future(act)
            for _ in range(turns % 8):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            if not task.cancelled() and task.exception() is None and (folder / "new").exists():
                (folder / "new").unlink()
    assert _open_files() == before
    assert names_in(folder) == ["file"]


async def test_root_that_is_missing_or_no_folder_is_a_wrong_setting(folder: Path) -> None:
    (folder / "file").touch()
    for name in ("missing", "file"):
        connector = LocalConnector(LocalConfig(path=folder / name))
        with pytest.raises(InvalidConfiguration):
            await connector.sign_in()
        await connector.close()


async def test_root_itself_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    (folder / "file").touch()
    (tmp_path / "link").symlink_to(folder)
    connector = LocalConnector(LocalConfig(path=tmp_path / "link"))
    await connector.sign_in()
    assert [entry.name for entry in await listed(connector, ROOT)] == ["file"]
    await connector.close()


async def test_name_that_would_lead_elsewhere_is_refused(connector: LocalConnector) -> None:
    for name in ("..", ".", "a/b", "a\0b"):
        with pytest.raises(NameRejected):
            await connector.upload(Target(folder=ROOT, name=name, key="k"), GivenContent(b"x"))


@pytest.mark.parametrize("given", ["relative/folder", "./here", "with\0nul"])
def test_configuration_wants_a_whole_path(given: str) -> None:
    with pytest.raises(ValueError, match="path"):
        LocalConfig.model_validate({"path": given})


def test_configuration_knows_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert LocalConfig.model_validate({"path": "~/files"}).path == Path("/home/somebody/files")


async def read_rest(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("modified_ns", [None, 3600 * 10**9])
async def test_file_of_another_that_happens_to_have_the_size_is_not_taken_for_the_finished_one(
    connector: LocalConnector, folder: Path, modified_ns: int | None
) -> None:
    uploads = connector.part_uploads
    assert uploads is not None
    goal = target(ROOT, "file", modified_ns=modified_ns)
    token = await uploads.begin(goal, 4, 4)
    part = await uploads.send(token, 1, 0, GivenContent(b"ours"))
    await uploads.abort(token)
    (folder / "file").write_bytes(b"his!")
    with pytest.raises(NotFound):
        await uploads.finish(token, goal, [part], {})


async def test_finish_whose_answer_was_lost_finds_the_file(connector: LocalConnector) -> None:
    uploads = connector.part_uploads
    assert uploads is not None
    goal = target(ROOT, "file", modified_ns=3600 * 10**9)
    token = await uploads.begin(goal, 4, 4)
    part = await uploads.send(token, 1, 0, GivenContent(b"ours"))
    first = await uploads.finish(token, goal, [part], {})
    assert await uploads.finish(token, goal, [part], {}) == first


@dataclass
class HaltingContent(GivenContent):
    """Content whose end comes when the test lets it."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        yield self.data[:MIB]
        yield self.data[MIB : 2 * MIB]
        self.begun.set()
        await self.released.wait()
        yield self.data[2 * MIB :]


@pytest.mark.parametrize("cancelled", [False, True])
async def test_who_sends_a_file_again_is_not_hindered_by_the_one_who_sent_it_before(
    connector: LocalConnector, folder: Path, *, cancelled: bool
) -> None:
    """Both give the temporary file the same name: that of the earlier one is gone when the later one has begun."""
    data = os.urandom(3 * MIB)
    contents = [HaltingContent(data), HaltingContent(data)]
    same = target(ROOT, "file")
    uploads = []
    for content in contents:
        uploads.append(asyncio.create_task(connector.upload(same, content)))
        await content.begun.wait()
    earlier, later = uploads
    if cancelled:
        earlier.cancel()
        await asyncio.wait({earlier})
    else:
        contents[0].released.set()
        with pytest.raises(Changed, match="another process"):
            await earlier
        assert names_in(folder) == [temporary_name(same.key)]  # nothing half-written has the name
    contents[1].released.set()

    await later

    assert (folder / "file").read_bytes() == data
    assert names_in(folder) == ["file"]
