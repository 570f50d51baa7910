"""What the contract suite does not ask for, on real Swift."""

from __future__ import annotations

import uuid

import pytest
from tests.connectors.swift.acts import MIB, connected, content, entries, put, put_in_parts, read, target_of
from tests.contents import GivenContent, hashes_of
from tests.servers.openstack import SwiftServer

from mover.entries import ROOT, Entry, EntryKind, EntryRef, HashName
from mover.errors import (
    Conflict,
    IntegrityError,
    NameRejected,
    NotFound,
    PathTooLong,
    PermissionDenied,
    QuotaExceeded,
    Unsupported,
)


async def test_without_a_container_the_top_folders_are_containers_that_come_with_their_first_file(
    swift_node: SwiftServer,
) -> None:
    new, empty = (f"{uuid.uuid4().hex[:12]} ä%/".rstrip("/") for _ in range(2))
    async with connected(swift_node) as connector:
        await put(connector, f"/{new}/d/file", b"x")
        await connector.create_folder(ROOT, empty)
        await connector.create_folder(ROOT, empty)
        found = await entries(connector)
        assert found[new].kind is found[empty].kind is EntryKind.FOLDER
        assert list(await entries(connector, f"/{new}")) == ["d"]
        assert await read(connector, f"/{new}/d/file") == b"x"
        assert await entries(connector, f"/{empty}") == {}
        assert (await connector.look_up(f"/{empty}")).kind is EntryKind.FOLDER
        with pytest.raises(NotFound):
            await connector.look_up("/no such container")
        with pytest.raises(NotFound):
            await entries(connector, "/no such container")
        with pytest.raises(NameRejected):
            await put(connector, "/file", b"x")
        with pytest.raises(PathTooLong):
            await connector.create_folder(ROOT, "x" * 257)


async def test_containers_of_segments_are_marked_where_the_container_that_they_serve_is_there(
    swift_node: SwiftServer, container: str
) -> None:
    lone = f"lone-{uuid.uuid4().hex[:12]}_segments"
    swift_node.account().put(lone)
    swift_node.account().put(f"{container}+segments")
    async with connected(swift_node, how={"page": 3}) as connector:  # so that the two are seldom on one page
        await put_in_parts(connector, target_of(f"/{container}/file"), [b"x" * MIB, b"y"])
        found = await entries(connector)
    internal = {name for name, entry in found.items() if entry.internal}
    assert internal >= {f"{container}_segments", f"{container}+segments"}
    assert not internal & {container, lone}


async def test_markers_of_folders_that_others_write_are_folders_and_no_files(
    swift_node: SwiftServer, container: str
) -> None:
    account = swift_node.account()
    account.put(f"{container}/plain", Content_Type="application/directory")
    account.put(f"{container}/plain/inside", b"x")
    account.put(f"{container}/plain-between", b"x")
    account.put(f"{container}/empty", Content_Type="application/directory")
    account.put(f"{container}/slash/", Content_Type="application/pseudo-folder")
    account.put(f"{container}/content", b"not empty", Content_Type="application/directory")
    account.put(f"{container}/file", b"x")
    account.put(f"{container}/file/inside", b"x")
    async with connected(swift_node, container=container, how={"page": 2}) as connector:
        found = await entries(connector)
        folders = {name for name, entry in found.items() if entry.kind is EntryKind.FOLDER}
        assert await entries(connector, "/empty") == await entries(connector, "/slash") == {}
        assert list(await entries(connector, "/plain")) == ["inside"]
        for name, entry in found.items():
            assert (await connector.look_up(f"/{name}")).kind is entry.kind
        with pytest.raises(NotFound):
            await read(connector, "/empty")
        await connector.create_folder(ROOT, "empty")
        with pytest.raises(Conflict):
            await connector.create_folder(ROOT, "file")
    beside = next(name for name in folders if name.startswith("file"))
    assert folders == {"plain", "empty", "slash", beside}
    assert set(found) - folders == {"plain-between", "content", "file"}


async def test_a_file_of_a_folder_s_type_stays_a_file(swift_node: SwiftServer, container: str) -> None:
    async with connected(swift_node, container=container) as connector:
        for number, media_type in enumerate(["application/directory", "text/x;swift_bytes=5", "a\nb", ""]):
            await put(connector, f"/{number}", media_type=media_type)
        found = await entries(connector)
    assert {(entry.kind, entry.size) for entry in found.values()} == {(EntryKind.FILE, 0)}
    assert len(found) == 4


async def test_links_inside_swift_are_not_followed(swift_node: SwiftServer, container: str) -> None:
    account = swift_node.account()
    account.put(f"{container}/file", b"x")
    account.put(f"{container}/link", X_Symlink_Target=f"{container}/file")
    async with connected(swift_node, container=container) as connector:
        listed = (await entries(connector))["link"]
        seen = await connector.look_up("/link")
    assert listed.kind is seen.kind is EntryKind.SHORTCUT
    assert listed.target == seen.target
    assert (listed.target or "").endswith(f"/{container}/file")


async def test_files_of_a_container_that_keeps_versions_are_files_though_swift_keeps_each_as_a_link(
    swift_node: SwiftServer, container: str
) -> None:
    told: list[Entry] = []
    account = swift_node.account()
    account.call("POST", container, X_Versions_Enabled="true")
    account.put(f"{container}/file", b"old")
    account.put(f"{container}/file", b"new")
    account.put(f"{container}/empty")
    async with connected(swift_node, container=container) as connector:
        _, _, large = await put_in_parts(connector, target_of("/large"), [b"a" * MIB, b"b"])
        listed = await entries(connector)
        seen = await connector.look_up("/file")
        got = await read(connector, "/file", version=listed["file"].version, found=told.append)
        assert len(await read(connector, "/large", version=listed["large"].version)) == MIB + 1
        await put(connector, "/file", b"newer", replaces=listed["file"])
        assert await read(connector, "/file") == b"newer"

    assert got == b"new"
    assert {entry.kind for entry in [*listed.values(), seen, *told]} == {EntryKind.FILE}
    assert [listed[name].size for name in ("file", "empty", "large")] == [3, 0, MIB + 1]
    assert listed["file"].hashes == seen.hashes == hashes_of(b"new", {HashName.MD5})
    assert (listed["large"].version, listed["large"].hashes) == (large.version, {})


@pytest.mark.parametrize("configured", [True, False])
async def test_where_no_container_can_have_the_name_that_segments_need_files_are_sent_whole(
    swift_node: SwiftServer, *, configured: bool
) -> None:
    container = f"{uuid.uuid4().hex:x<250}"
    swift_node.account().put(container)
    path = "/file" if configured else f"/{container}/file"
    async with connected(swift_node, container=container if configured else None) as connector:
        if (uploads := connector.part_uploads) is not None:
            with pytest.raises(Unsupported):
                await uploads.begin(target_of(path), 64 * MIB, 16 * MIB)
        await put(connector, path, b"x")


async def test_a_small_file_costs_one_call_to_write_and_one_to_read(
    swift_node: SwiftServer, container: str
) -> None:
    async with connected(swift_node, container=container) as connector:
        await put(connector, "/first")
        before = connector.calls
        await put(connector, "/file", b"x")
        assert connector.calls - before == 1
        await read(connector, "/file")
        assert connector.calls - before == 2


async def test_reading_tells_the_time_without_a_call_for_it(swift_node: SwiftServer, container: str) -> None:
    told: list[Entry] = []
    async with connected(swift_node, container=container) as connector:
        await put(connector, "/file", b"content", modified_ns=1_500_000_000_000_000_001)
        before = connector.calls
        async for _ in connector.read(EntryRef("/file"), offset=1, length=2, found=told.append):
            pass
        assert connector.calls - before == 1
    assert [(entry.modified_ns, entry.size) for entry in told] == [(1_500_000_000_000_000_001, None)]


async def test_quotas_are_told_and_what_exceeds_them_is_their_fault(
    swift_node: SwiftServer, container: str
) -> None:
    swift_node.account().call("POST", container, X_Container_Meta_Quota_Bytes="1000")
    async with connected(swift_node, container=container) as connector:
        assert connector.part_uploads is not None
        assert await connector.quota.free_bytes() == 1000
        await put(connector, "/fits", b"x" * 1000)
        with pytest.raises(QuotaExceeded):
            await put(connector, "/does not fit", b"x" * 1001)
        assert list(await entries(connector)) == ["fits"]


async def test_an_account_that_may_only_read_a_container_reads_it_and_writes_nothing(
    swift_node: SwiftServer, container: str
) -> None:
    account = swift_node.account()
    account.put(f"{container}/file", b"x")
    account.call("POST", container, X_Container_Read=f"{swift_node.reader},.rlistings")
    async with connected(swift_node, container=container, username=swift_node.reader) as connector:
        assert connector.part_uploads is None  # there is nowhere to put segments
        assert await read(connector, "/file") == b"x"
        assert list(await entries(connector)) == ["file"]
        with pytest.raises(PermissionDenied):
            await put(connector, "/other", b"x")
        with pytest.raises(PermissionDenied):
            await connector.create_folder(ROOT, "folder")
    with pytest.raises(PermissionDenied):
        async with connected(swift_node, username=swift_node.reader):
            pass


async def test_a_token_that_ends_between_two_calls_is_renewed_without_a_word(
    swift_node: SwiftServer, container: str
) -> None:
    async with connected(swift_node, container=container) as connector:
        await put(connector, "/one", b"x")
        swift_node.forget_tokens()
        await put(connector, "/two", b"x" * MIB)
        swift_node.forget_tokens()
        assert await read(connector, "/two") == b"x" * MIB


async def test_damage_on_the_way_is_refused_by_swift(swift_node: SwiftServer, container: str) -> None:
    async with connected(swift_node, container=container) as connector:
        announced = content(b"original").hashes
        with pytest.raises(IntegrityError):
            await connector.upload(target_of("/file"), GivenContent(b"damaged!", hashes=announced))
        assert await entries(connector) == {}
