"""What real servers do oddly: Apache mod_dav, WsgiDAV and rclone's server. The contract suite shows the rest."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.contents import GivenContent
from tests.servers.processes import accepts_connections, free_port, running, tool
from tests.servers.webdav import WebdavServer, apache

from mover.connectors.contract import Setting, Target, is_temporary_name
from mover.connectors.webdav import WebDavConfig, WebDavConnector
from mover.entries import ROOT, Entry, EntryKind, EntryRef
from mover.errors import Conflict, MoverError, NameRejected, SignInFailed, Unreachable, UntrustedServer
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.vault.secret import Secret

LARGE = bytes(range(256)) * 4096 * 3
WHEN_NS = 1_234_567_890 * 10**9
pytestmark = pytest.mark.servers


@contextlib.asynccontextmanager
async def signed_in(**values: object) -> AsyncIterator[WebDavConnector]:
    connector = WebDavConnector(
        WebDavConfig.model_validate(values), Egress(allowed=PrivateAddresses.parse("127.0.0.0/8"))
    )
    try:
        await connector.sign_in()
        yield connector
    finally:
        await connector.close()
        await _closed_connections()


async def _closed_connections() -> None:
    """Wait until connections that were broken off have said their TLS goodbye: the event loop ends with the test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    async with asyncio.timeout(10):
        while len(loop._selector.get_map()) > 1:  # type: ignore[attr-defined] # noqa: ASYNC110 - the loop tells nobody
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def in_folder(
    server: WebdavServer, url: str, name: str
) -> AsyncIterator[tuple[WebDavConnector, EntryRef, Path]]:
    async with signed_in(
        url=url, username=server.username, password=Secret(server.password), ca_file=server.ca_file
    ) as connector:
        await connector.create_folder(ROOT, name)
        yield connector, ROOT.child(name), server.root / name


@pytest.fixture(params=["basic", "digest"])
def apache_url(request: pytest.FixtureRequest, apache_server: WebdavServer) -> str:
    return apache_server.url if request.param == "basic" else apache_server.digest_url


@pytest.fixture
async def on_apache(
    apache_server: WebdavServer, apache_url: str, tmp_path: Path
) -> AsyncIterator[tuple[WebDavConnector, EntryRef, Path]]:
    async with in_folder(apache_server, apache_url, tmp_path.name) as made:
        yield made


@pytest.fixture
async def on_wsgidav(
    wsgidav_server: WebdavServer, tmp_path: Path
) -> AsyncIterator[tuple[WebDavConnector, EntryRef, Path]]:
    async with in_folder(wsgidav_server, wsgidav_server.url, tmp_path.name) as made:
        yield made


@pytest.fixture(scope="module")
def rclone_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    folder, port = tmp_path_factory.mktemp("rclone"), free_port()
    (folder / "files").mkdir()
    command: list[str | Path] = [
        tool("rclone"), "serve", "webdav", "--addr", f"127.0.0.1:{port}", "--user", "alice", "--pass", "pw",
        "--config", "", folder / "files",
    ]  # fmt: skip
    with running(command, log=folder / "log", ready=lambda: accepts_connections(port)):
        yield port, folder / "files"


@pytest.fixture
async def on_rclone(
    rclone_server: tuple[int, Path], tmp_path: Path
) -> AsyncIterator[tuple[WebDavConnector, EntryRef, Path]]:
    port, root = rclone_server
    async with signed_in(
        url=f"http://127.0.0.1:{port}/", username="alice", password=Secret("pw"), plain=True
    ) as connector:
        await connector.create_folder(ROOT, tmp_path.name)
        yield connector, ROOT.child(tmp_path.name), root / tmp_path.name


Place = tuple[WebDavConnector, EntryRef, Path]


def to(folder: EntryRef, name: str, replaces: Entry | None = None) -> Target:
    return Target(
        folder=folder,
        name=name,
        key=f"key-of-{name.encode().hex()[:20]}",
        replaces=replaces,
        modified_ns=WHEN_NS,
    )


async def test_apache_takes_a_file_of_any_size_in_one_call(on_apache: Place) -> None:
    connector, folder, disk = on_apache
    before = connector.calls
    await connector.upload(to(folder, "large"), GivenContent(LARGE))
    assert connector.calls - before == 1
    assert (disk / "large").read_bytes() == LARGE


@pytest.mark.parametrize("size", [len(LARGE), None])
async def test_broken_upload_leaves_nothing_on_apache(on_apache: Place, size: int | None) -> None:
    connector, folder, disk = on_apache
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.upload(to(folder, "a"), GivenContent(LARGE, told_size=size, fails_after=1_000_000))
    assert [path.name for path in disk.iterdir() if not path.name.startswith(".davfs.tmp")] == []


async def test_broken_replacement_keeps_the_old_file_on_apache(on_apache: Place) -> None:
    connector, folder, disk = on_apache
    (disk / "a").write_bytes(b"the old one")
    os.utime(disk / "a", (1, 1))
    old = await connector.look_up(folder.child("a").path)
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.upload(to(folder, "a", old), GivenContent(LARGE, fails_after=1_000_000))
    assert (disk / "a").read_bytes() == b"the old one"


async def test_broken_upload_leaves_nothing_on_wsgidav(on_wsgidav: Place) -> None:
    connector, folder, disk = on_wsgidav
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.upload(to(folder, "a"), GivenContent(LARGE, fails_after=1_000_000))
    listed = [entry async for page in connector.list_folder(folder) for entry in page.entries]
    # The server may put the temporary file down only after it was told to remove it; a repetition overwrites it.
    assert [entry.name for entry in listed if not is_temporary_name(entry.name)] == []
    await connector.upload(to(folder, "a"), GivenContent(LARGE))
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"a": LARGE}


async def test_broken_replacement_keeps_the_old_file_on_wsgidav(on_wsgidav: Place) -> None:
    connector, folder, disk = on_wsgidav
    (disk / "a").write_bytes(b"the old one")
    old = await connector.look_up(folder.child("a").path)
    with pytest.raises(RuntimeError, match="the source failed"):
        await connector.upload(to(folder, "a", old), GivenContent(LARGE, fails_after=1_000_000))
    left = {path.name: path.read_bytes() for path in disk.iterdir() if not is_temporary_name(path.name)}
    assert left == {"a": b"the old one"}


async def test_small_files_are_one_call_each_on_wsgidav_after_the_first(on_wsgidav: Place) -> None:
    connector, folder, disk = on_wsgidav
    await connector.upload(to(folder, "first"), GivenContent(b"x"))
    before = connector.calls
    await asyncio.gather(*(connector.upload(to(folder, str(n)), GivenContent(b"x" * n)) for n in range(20)))
    assert connector.calls - before == 20
    assert {path.name: path.stat().st_size for path in disk.iterdir()} == {"first": 1} | {
        str(n): n for n in range(20)
    }


@pytest.mark.parametrize("data", [b"small", LARGE], ids=["small", "large"])
async def test_name_that_wsgidav_would_mangle_in_a_move_keeps_its_place(
    on_wsgidav: Place, data: bytes
) -> None:
    connector, folder, disk = on_wsgidav
    (disk / "what").write_bytes(b"another file")
    await connector.upload(to(folder, "what?;x"), GivenContent(data))
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {
        "what": b"another file",
        "what?;x": data,
    }


@pytest.mark.parametrize("failure", [RuntimeError("the source failed"), Unreachable("the source is gone")])
async def test_fragment_that_could_not_be_hidden_is_removed(on_wsgidav: Place, failure: Exception) -> None:
    connector, folder, disk = on_wsgidav
    broken = GivenContent(LARGE, fails_after=1_000_000, failure=failure)
    with pytest.raises(type(failure), match="the source"):
        await connector.upload(to(folder, "what?"), broken)
    await connector.upload(to(folder, "what?"), GivenContent(LARGE))
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"what?": LARGE}


async def test_such_a_file_is_replaced_where_it_stands_or_not_at_all(on_wsgidav: Place) -> None:
    connector, folder, disk = on_wsgidav
    (disk / "what").write_bytes(b"another file")
    (disk / "what?").write_bytes(b"old")
    old = await connector.look_up(folder.child("what?").path)
    await connector.upload(to(folder, "what?", old), GivenContent(b"small"))
    now = await connector.look_up(folder.child("what?").path)
    with pytest.raises(NameRejected):
        await connector.upload(to(folder, "what?", now), GivenContent(LARGE))
    with pytest.raises(NameRejected):
        await connector.rename(folder.child("what"), folder, "what?;")
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {
        "what": b"another file",
        "what?": b"small",
    }


async def test_wsgidav_keeps_times_of_files_and_folders(on_wsgidav: Place) -> None:
    connector, folder, disk = on_wsgidav
    await connector.upload(to(folder, "a"), GivenContent(b"x"))
    assert connector.times is not None
    for ref in (folder.child("a"), folder):
        assert await connector.times.set_modified(ref, WHEN_NS)
    assert {int((disk / "a").stat().st_mtime), int(disk.stat().st_mtime)} == {WHEN_NS // 10**9}


async def test_apache_is_known_not_to_keep_times(on_apache: Place) -> None:
    connector, _, _ = on_apache
    assert connector.times is None
    assert connector.capabilities.modified is Setting.NEVER


async def test_names_that_are_no_text_survive_on_apache(on_apache: Place) -> None:
    connector, folder, disk = on_apache
    raw = os.fsencode(disk) + b"/latin \xe9 \xff"
    Path(os.fsdecode(raw)).write_bytes(b"latin")
    [entry] = [entry async for page in connector.list_folder(folder) for entry in page.entries]
    assert b"".join([piece async for piece in connector.read(folder.child(entry.name))]) == b"latin"
    await connector.upload(to(folder, entry.name + "2"), GivenContent(b"copy"))
    assert Path(os.fsdecode(raw + b"2")).read_bytes() == b"copy"


async def test_large_folder_is_listed_in_pages_each_entry_once(on_apache: Place) -> None:
    connector, folder, disk = on_apache
    for number in range(2_500):
        (disk / f"file {number}.txt").touch()
    pages = [page async for page in connector.list_folder(folder)]
    names = [entry.name for page in pages for entry in page.entries]
    assert [len(page.entries) for page in pages] == [1_000, 1_000, 500]
    assert sorted(names) == sorted(f"file {number}.txt" for number in range(2_500))


async def test_rclone_keeps_the_time_though_it_does_not_say_so(on_rclone: Place) -> None:
    connector, folder, disk = on_rclone
    assert connector.capabilities.modified is Setting.AT_UPLOAD
    await connector.upload(to(folder, "a?b"), GivenContent(b"x"))
    assert (disk / "a?b").stat().st_mtime == WHEN_NS // 10**9


async def test_server_that_ignores_conditions_still_never_loses_a_file(on_rclone: Place) -> None:
    connector, folder, disk = on_rclone
    (disk / "a").write_bytes(b"mine")
    with pytest.raises(Conflict):
        await connector.upload(to(folder, "a"), GivenContent(b"x"))
    assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"a": b"mine"}


async def test_wrong_password_is_told_for_digest_too(apache_server: WebdavServer) -> None:
    with pytest.raises(SignInFailed):
        async with signed_in(
            url=apache_server.digest_url,
            username=apache_server.username,
            password=Secret("wrong"),
            ca_file=apache_server.ca_file,
        ):
            pass


async def test_client_certificate_opens_the_door(tmp_path: Path, apache_server: WebdavServer) -> None:
    del apache_server  # only to know that Apache can run here
    with apache(tmp_path / "apache", client_certificates=True) as server:
        given = {
            "url": server.url,
            "username": server.username,
            "password": Secret(server.password),
            "ca_file": server.ca_file,
        }
        certificates = server.certificates
        async with signed_in(
            **given, client_certificate=certificates.client_certificate, client_key=certificates.client_key
        ) as connector:
            assert (await connector.look_up("/")).kind is EntryKind.FOLDER
        with pytest.raises((SignInFailed, UntrustedServer)):
            async with signed_in(**given):
                pass


async def test_cancelled_upload_of_a_small_file_leaves_it_whole_or_not_at_all(on_wsgidav: Place) -> None:
    connector, folder, _ = on_wsgidav
    await connector.upload(to(folder, "first"), GivenContent(b"x"))
    data = b"y" * 100_000
    for steps in range(1, 40, 3):
        task = asyncio.create_task(connector.upload(to(folder, f"f{steps}"), GivenContent(data)))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, MoverError):
            await task
    listed = [entry async for page in connector.list_folder(folder) for entry in page.entries]
    assert {entry.size for entry in listed} <= {1, len(data)}
