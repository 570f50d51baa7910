"""Large objects on real Swift: written as segments with a manifest, and read whatever wrote them."""

from __future__ import annotations

import hashlib
import json

import pytest
from tests.connectors.swift.acts import MIB, connected, content, entries, put, put_in_parts, read, target_of
from tests.contents import hashes_of
from tests.servers.openstack import SwiftServer

from mover.entries import EntryRef, HashName
from mover.errors import Conflict, IntegrityError, NotFound

PARTS = [b"a" * MIB, b"b" * MIB, b"c" * 100]
WHOLE = b"".join(PARTS)


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def slo_etag(*parts: bytes) -> str:
    return md5("".join(map(md5, parts)).encode())


def put_slo(server: SwiftServer, container: str, name: str, *parts: bytes) -> None:
    """Write a static large object as any other client would."""
    account = server.account()
    account.put(f"{container}_segments")
    manifest = []
    for number, part in enumerate(parts):
        place = f"{container}_segments/{name}/{number}"
        account.put(place, part)
        manifest.append({"path": f"/{place}", "etag": md5(part), "size_bytes": len(part)})
    account.put(
        f"{container}/{name}",
        json.dumps(manifest).encode(),
        query="multipart-manifest=put",
        Content_Type="text/x",
    )


async def test_what_is_sent_in_parts_is_a_static_large_object_with_its_segments_beside(
    swift_node: SwiftServer, container: str
) -> None:
    target = target_of("/d/file", modified_ns=1_600_000_000_123_456_789, media_type="video/x")
    async with connected(swift_node, container=container) as connector:
        _, _, entry = await put_in_parts(connector, target, PARTS)
        (listed,) = (await entries(connector, "/d")).values()
        seen = await connector.refresh(EntryRef("/d/file"))

    account = swift_node.account()
    head = account.call("HEAD", f"{container}/d/file")
    assert head.headers["x-static-large-object"] == "True"
    assert head.headers["etag"] == f'"{slo_etag(*PARTS)}"'
    assert head.headers["content-length"] == str(len(WHOLE))
    assert head.headers["x-object-meta-mtime"] == "1600000000.123456789"
    assert head.headers["content-type"] == "video/x"
    assert account.get(f"{container}/d/file") == WHOLE
    assert len(account.names(f"{container}_segments")) == len(PARTS)  # and no mark of the upload
    assert entry.hashes == hashes_of(WHOLE, {HashName.S3_ETAG}, s3_part_size=MIB)
    assert entry.version == listed.version == seen.version == slo_etag(*PARTS)
    assert (listed.size, listed.hashes, seen.hashes) == (len(WHOLE), {}, {})


RANGES = [(0, None), (MIB - 2, 4), (MIB, MIB), (2 * MIB + 99, None), (1, 1), (len(WHOLE), None)]


async def test_ranges_of_large_objects_are_read_across_segments(
    swift_node: SwiftServer, container: str
) -> None:
    account = swift_node.account()
    put_slo(swift_node, container, "static", *PARTS)
    for number, part in enumerate(PARTS):
        account.put(f"{container}/elsewhere/{number}", part)
    account.put(f"{container}/dynamic", X_Object_Manifest=f"{container}/elsewhere/")
    async with connected(swift_node, container=container) as connector:
        listed = await entries(connector)
        for name in ("static", "dynamic"):
            for offset, length in RANGES:
                expected = WHOLE[offset:] if length is None else WHOLE[offset : offset + length]
                version = listed[name].version
                got = await read(connector, f"/{name}", offset=offset, length=length, version=version)
                assert got == expected


async def test_sizes_of_dynamic_large_objects_are_true_and_cost_calls_only_where_nothing_is_listed(
    swift_node: SwiftServer, container: str
) -> None:
    account = swift_node.account()
    for number, part in enumerate(PARTS):
        account.put(f"{container}/parts/{number}", part)
    account.put(f"{container}/dynamic", X_Object_Manifest=f"{container}/parts/", X_Object_Meta_Mtime="1.5")
    account.put(f"{container}/empty")
    for number in range(5):
        account.put(f"{container}/ordinary {number}", b"x")
    async with connected(swift_node, container=container) as connector:
        before = connector.calls
        found = await entries(connector)
        calls = connector.calls - before
        assert await read(connector, "/dynamic", version=found["dynamic"].version) == WHOLE

    assert calls == 3  # the listing, and two objects without bytes
    assert (found["dynamic"].size, found["dynamic"].hashes) == (len(WHOLE), {})
    assert found["dynamic"].version == slo_etag(*PARTS)
    assert found["dynamic"].modified_ns == 1_500_000_000
    assert (found["empty"].size, found["empty"].hashes) == (0, hashes_of(b"", {HashName.MD5}))
    assert found["ordinary 1"].hashes == hashes_of(b"x", {HashName.MD5})


async def test_where_listings_do_not_tell_large_objects_those_that_may_be_are_looked_at(
    swift_node: SwiftServer, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_slo(swift_node, container, "static", *PARTS)
    swift_node.account().put(f"{container}/large", b"x" * MIB)
    swift_node.account().put(f"{container}/small", b"x")
    monkeypatch.setattr("mover.connectors.swift.info._SLO_ETAGS_SINCE", (9, 0))
    monkeypatch.setattr("mover.connectors.swift.api.ListedObject.slo_etag", None)
    async with connected(swift_node, container=container) as connector:
        before = connector.calls
        found = await entries(connector)
        calls = connector.calls - before

    assert calls == 3
    assert (found["static"].version, found["static"].hashes) == (slo_etag(*PARTS), {})
    assert found["large"].hashes == hashes_of(b"x" * MIB, {HashName.MD5})


async def test_a_large_object_of_which_a_segment_is_gone_or_changed_is_no_file_that_ends_early(
    swift_node: SwiftServer, container: str
) -> None:
    account = swift_node.account()
    put_slo(swift_node, container, "gone", *PARTS)
    put_slo(swift_node, container, "changed", *PARTS)
    account.call("DELETE", f"{container}_segments/gone/0")
    account.put(f"{container}_segments/changed/1", b"B" * MIB)
    async with connected(swift_node, container=container) as connector:
        with pytest.raises(IntegrityError):
            await read(connector, "/gone")
        with pytest.raises(Exception, match=r"broke off|closed|missing"):
            await read(connector, "/changed")


async def test_missing_segments_alone_are_sent_again(swift_node: SwiftServer, container: str) -> None:
    target = target_of("/file")
    async with connected(swift_node, container=container) as connector:
        assert connector.part_uploads is not None
        token = await connector.part_uploads.begin(target, len(WHOLE), MIB)
        kept = await connector.part_uploads.send(token, 1, 0, content(PARTS[0]))
        await connector.part_uploads.send(token, 2, 0, content(PARTS[1]))
    account = swift_node.account()
    (lost,) = (name for name in account.names(f"{container}_segments") if name.endswith("00000002"))
    account.call("DELETE", f"{container}_segments/{lost}")

    async with connected(swift_node, container=container) as again:
        uploads = again.part_uploads
        assert uploads is not None
        assert await uploads.received(token) == [kept]
        rest = [await uploads.send(token, number, 0, content(PARTS[number - 1])) for number in (2, 3)]
        await uploads.finish(token, target, [kept, *rest], {})
        assert await read(again, "/file") == WHOLE


async def test_a_segment_that_is_not_what_was_sent_makes_no_file(
    swift_node: SwiftServer, container: str
) -> None:
    target = target_of("/file")
    account = swift_node.account()
    async with connected(swift_node, container=container) as connector:
        uploads = connector.part_uploads
        assert uploads is not None
        token = await uploads.begin(target, 2 * MIB, MIB)
        sent = [await uploads.send(token, number, 0, content(PARTS[number - 1])) for number in (1, 2)]
        (second,) = (name for name in account.names(f"{container}_segments") if name.endswith("00000002"))
        account.put(f"{container}_segments/{second}", b"B" * MIB)
        with pytest.raises(NotFound, match=r"sent again.*Etag Mismatch"):
            await uploads.finish(token, target, sent, {})
        assert await entries(connector) == {}
        await uploads.abort(token)
    assert account.names(f"{container}_segments") == []


@pytest.mark.parametrize("bulk", [True, False])
async def test_aborting_removes_the_upload_s_own_segments_and_no_others(
    swift_node: SwiftServer, container: str, monkeypatch: pytest.MonkeyPatch, *, bulk: bool
) -> None:
    put_slo(swift_node, container, "file", *PARTS)
    before = swift_node.account().names(f"{container}_segments")
    if not bulk:
        monkeypatch.setattr("mover.connectors.swift.info.Info.bulk_delete", None)
    async with connected(swift_node, container=container) as connector:
        uploads = connector.part_uploads
        assert uploads is not None
        seen = await connector.refresh(EntryRef("/file"))
        token = await uploads.begin(target_of("/file", replaces=seen), 2 * MIB, MIB)
        for number in (1, 2):
            await uploads.send(token, number, 0, content(PARTS[number - 1]))
        await uploads.abort(token)
        assert swift_node.account().names(f"{container}_segments") == before
        assert await read(connector, "/file") == WHOLE


async def test_aborting_an_upload_whose_end_was_not_heard_of_leaves_the_file_whole(
    swift_node: SwiftServer, container: str
) -> None:
    async with connected(swift_node, container=container) as connector:
        token, _, _ = await put_in_parts(connector, target_of("/file"), PARTS)
        assert connector.part_uploads is not None
        await connector.part_uploads.abort(token)
        assert await read(connector, "/file") == WHOLE


async def test_segments_that_nobody_knows_any_more_are_removed_by_the_next_attempt(
    swift_node: SwiftServer, container: str
) -> None:
    target = target_of("/file")
    async with connected(swift_node, container=container) as connector:
        assert connector.part_uploads is not None
        token = await connector.part_uploads.begin(target, len(WHOLE), MIB)
        await connector.part_uploads.send(token, 1, 0, content(PARTS[0]))
    async with connected(swift_node, container=container) as again:
        await put_in_parts(again, target, PARTS)
        assert again.part_uploads is not None
        with pytest.raises(NotFound):
            await again.part_uploads.received(token)
    assert len(swift_node.account().names(f"{container}_segments")) == len(PARTS)


async def test_the_longest_key_has_room_for_its_segments(swift_node: SwiftServer, container: str) -> None:
    name = "é" * 512
    async with connected(swift_node, container=container) as connector:
        await put_in_parts(connector, target_of(f"/{name}"), PARTS[2:])
        assert await read(connector, f"/{name}") == PARTS[2]
        assert list(await entries(connector)) == [name]


async def test_a_file_of_unknown_size_may_turn_out_to_be_empty(
    swift_node: SwiftServer, container: str
) -> None:
    target = target_of("/file")
    async with connected(swift_node, container=container) as connector:
        uploads = connector.part_uploads
        assert uploads is not None
        token = await uploads.begin(target, None, MIB)
        sent = [await uploads.send(token, 1, 0, content(b""))]
        assert (await uploads.finish(token, target, sent, {})).size == 0
        assert (await entries(connector))["file"].size == 0
        assert await read(connector, "/file") == b""


async def test_a_conflict_shows_before_anything_is_sent(swift_node: SwiftServer, container: str) -> None:
    async with connected(swift_node, container=container) as connector:
        await put(connector, "/file", b"kept")
        assert connector.part_uploads is not None
        with pytest.raises(Conflict):
            await connector.part_uploads.begin(target_of("/file"), len(WHOLE), MIB)
    assert swift_node.account().names(f"{container}_segments") == []
