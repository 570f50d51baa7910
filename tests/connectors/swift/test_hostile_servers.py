"""Servers that fail, lie or want to lead astray; and what Swift's own refusals mean."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from tests.connectors.s3.scripted import Reply, Request
from tests.connectors.swift.acts import content, entries, put, read, scripted, signed_in, target_of
from tests.contents import GivenContent

from mover.connectors.contract import SentPart
from mover.connectors.swift.connector import SwiftConnector
from mover.entries import Entry, EntryKind
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    InvalidConfiguration,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    Throttled,
    TooLarge,
    Transient,
    Unreachable,
)

MIB = 1024 * 1024
INFO = json.dumps(
    {
        "swift": {"version": "2.38.0", "max_object_name_length": 1024},
        "slo": {"max_manifest_segments": 10},
        "bulk_delete": {"max_deletes_per_request": 2},
    }
).encode()
MD5_OF_X = hashlib.md5(b"x", usedforsecurity=False).hexdigest()


def listing(*lines: dict[str, Any]) -> Reply:
    return Reply(200, json.dumps(lines).encode())


def line(name: str, **other: Any) -> dict[str, Any]:
    told = {"bytes": 1, "hash": MD5_OF_X, "content_type": "text/x", "last_modified": "2026-01-01T00:00:00.0"}
    return {"name": name} | told | other


async def signed(connector: SwiftConnector) -> SwiftConnector:
    await connector.sign_in()
    return connector


@pytest.mark.parametrize(
    ("reply", "kind", "pause_s"),
    [
        (Reply(413, b"Upload exceeds quota."), QuotaExceeded, None),
        (Reply(413, b'{"overLimit": {"message": "OverLimit Retry..."}}', {"Retry-After": "7"}), Throttled, 7),
        (Reply(413, b"", {"Retry-After": "2"}), Throttled, 2),
        (Reply(413, b"<html><h1>Request Entity Too Large</h1></html>"), TooLarge, None),
        (Reply(429, b"", {"Retry-After": "3"}), Throttled, 3),
        (Reply(498, b"Slow down"), Throttled, None),
        (Reply(503, b"", {"Retry-After": "5"}), Throttled, 5),
        (Reply(503), ServiceFault, None),
        (Reply(507), QuotaExceeded, None),
        (Reply(497, b"Your account has been blacklisted"), PermissionDenied, None),
        (Reply(499), Unreachable, None),
        (Reply(403), PermissionDenied, None),
        (Reply(404), NotFound, None),
        (Reply(412), Conflict, None),
        (Reply(202), ServiceFault, None),  # Swift, where something newer is there or was removed there
        (Reply(422), IntegrityError, None),
        (Reply(301, headers={"Location": "https://elsewhere.invalid/"}), InvalidConfiguration, None),
    ],
)
async def test_refusals_of_an_upload_mean_what_swift_and_rackspace_mean(
    reply: Reply, kind: type[MoverError], pause_s: float | None
) -> None:
    def answer(request: Request) -> Reply:
        return reply if request.method == "PUT" else Reply(200, b"[]")

    async with scripted(signed_in(answer, info=INFO)) as (connector, server):
        with pytest.raises(kind) as caught:
            await put(await signed(connector), "/file", b"x")
    error = caught.value
    assert (error.service, error.operation, error.path) == ("swift", "upload", "/file")
    assert type(error) is kind
    if isinstance(error, Transient):
        assert error.retry_after_s == pause_s
    assert [request.method for request in server.requests].count("PUT") == 1  # one try


async def test_a_stream_that_cannot_be_repeated_is_not_sent_again_with_a_new_token() -> None:
    tokens = iter(["AUTH_tk1", "AUTH_tk2"])

    def answer(request: Request) -> Reply:
        if request.path == "/auth/v1.0":
            url = f"http://{request.headers['host']}/v1/a"
            return Reply(200, headers={"X-Auth-Token": next(tokens), "X-Storage-Url": url})
        if request.path == "/info":
            return Reply(200, INFO)
        return Reply(401) if request.method == "PUT" else Reply(200, b"[]")

    async with scripted(answer) as (connector, _):
        await connector.sign_in()
        with pytest.raises(ServiceFault, match="renewed"):
            await connector.upload(target_of("/file"), GivenContent(b"x" * MIB, repeatable=False))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html/>"),
        Reply(200, b"{}"),
        Reply(200, b'[{"name": 7}]'),
        Reply(200, b'[{"name": "a", "bytes": -1}]'),
        Reply(200, b'[{"name": "\xff"}]'),
        Reply(200, b'[{"x": ' + b"[" * 100_000),
        listing(line("elsewhere/a")),
        listing(line("d/b"), line("d/a")),
        listing(line("d/a"), line("d/a")),
        listing({"subdir": "d/"}),
        listing({"subdir": "d/a"}),
        listing({"subdir": "d/a/b/"}),
    ],
)
async def test_a_listing_that_cannot_be_one_is_an_error(reply: Reply) -> None:
    def answer(request: Request) -> Reply:
        return reply if request.query.get("prefix") == "d/" else Reply(200, b"[]")

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        with pytest.raises(ProtocolViolation):
            await entries(await signed(connector), "/d")


async def test_a_listing_that_begins_again_and_again_ends_in_an_error() -> None:
    async with scripted(signed_in(lambda _: listing(line("a"), line("b"))), how={"page": 2}) as (
        connector,
        _,
    ):
        with pytest.raises(ProtocolViolation):
            await entries(await signed(connector))


@pytest.mark.parametrize("container", ["c", None])
async def test_where_pages_have_gaps_only_an_empty_one_is_the_end(container: str | None) -> None:
    names = ["a", "b", "c"]

    def answer(request: Request) -> Reply:  # as Ceph does: fewer than it was asked for, though there are more
        left = [name for name in names if name > request.query.get("marker", "")]
        return listing(*map(line, left[:1]))

    async with scripted(signed_in(answer), container=container) as (connector, _):
        assert list(await entries(await signed(connector))) == names


@pytest.mark.parametrize("again", [["d/"], ["a", "b", "d/"]])
async def test_a_server_that_repeats_the_end_of_a_short_page_has_no_more(again: list[str]) -> None:
    def answer(request: Request) -> Reply:
        names = again if "marker" in request.query else ["a", "b", "d/"]
        return listing(*({"subdir": name} if name.endswith("/") else line(name) for name in names))

    async with scripted(signed_in(answer)) as (connector, _):
        assert list(await entries(await signed(connector))) == ["a", "b", "d"]


async def test_segments_are_listed_in_pages_of_a_size_that_the_cluster_allows() -> None:
    def special(request: Request) -> Reply | None:
        return Reply(412) if int(request.query.get("limit", "0")) > 2 else None

    info = json.loads(INFO)
    info["swift"]["container_listing_limit"] = 2
    store = Store(special)
    async with scripted(signed_in(store, info=json.dumps(info).encode())) as (connector, _):
        token, sent = await _begun(connector, store, 3)
        assert connector.part_uploads is not None
        assert await connector.part_uploads.received(token) == sent


async def test_a_list_of_containers_that_begins_again_ends_in_an_error() -> None:
    answer = signed_in(lambda _: Reply(200, b'[{"name": "a"}, {"name": "b"}]'))
    async with scripted(answer, container=None, how={"page": 2}) as (connector, _):
        with pytest.raises(ProtocolViolation):
            await entries(await signed(connector))


async def test_names_that_no_client_could_use_are_listed_as_what_cannot_be_moved() -> None:
    lines = listing({"subdir": "/"}, line("a\0b"), {"subdir": "c\0d/"}, line("ok"))
    async with scripted(signed_in(lambda _: lines, info=INFO)) as (connector, _):
        found = await entries(await signed(connector))
    kinds = [EntryKind.FOLDER, EntryKind.SPECIAL, EntryKind.SPECIAL, EntryKind.FILE]
    assert [entry.kind for entry in found.values()] == kinds


@pytest.mark.parametrize(
    ("reply", "how", "kind"),
    [
        (Reply(200, b"damaged", {"ETag": MD5_OF_X}), {}, IntegrityError),
        (Reply(200, b"whole", {"ETag": MD5_OF_X}), {"version": "0" * 32}, Changed),
        (Reply(412), {"version": "0" * 32}, Changed),
        (Reply(200, b"whole"), {"offset": 1}, ProtocolViolation),
        (Reply(206, b"hole", {"Content-Range": "bytes 0-3/5"}), {"offset": 1}, ProtocolViolation),
        (Reply(206, b"ho", {"Content-Range": "bytes 1-2/3"}), {"offset": 1, "length": 4}, IntegrityError),
        (Reply(206, b"ol", {"Content-Range": "bytes 1-2/5"}), {"offset": 1}, IntegrityError),
        (Reply(416), {"offset": 1, "length": 4}, IntegrityError),
        (Reply(409), {}, IntegrityError),
        (Reply(200, b"short", announce=100), {}, Unreachable),
        (Reply(200, b"", {"Content-Type": "application/directory"}), {}, NotFound),
    ],
)
async def test_what_is_not_the_file_is_never_taken_for_it(
    reply: Reply, how: dict[str, Any], kind: type[MoverError]
) -> None:
    def answer(request: Request) -> Reply:
        return reply if request.path.endswith("/file") else Reply(200, b"[]")

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        with pytest.raises(kind):
            await read(await signed(connector), "/file", **how)


async def test_what_is_replaced_is_looked_at_in_its_newest_copy() -> None:
    seen = Entry(name="file", kind=EntryKind.FILE, version=MD5_OF_X)

    def answer(request: Request) -> Reply:
        if request.method == "HEAD" and request.path.endswith("/file"):
            newest = request.headers.get("x-newest") == "true"
            return Reply(200, headers={"ETag": "0" * 32 if newest else MD5_OF_X})
        return Reply(200, b"[]" if request.method == "GET" else b"")

    async with scripted(signed_in(answer, info=INFO)) as (connector, server):
        with pytest.raises(Changed):
            await put(await signed(connector), "/file", b"x", replaces=seen)
    assert "PUT" not in [request.method for request in server.requests]


async def test_where_the_cluster_hides_what_it_can_do_nothing_is_sent_in_parts_and_places_are_looked_at() -> (
    None
):
    def answer(request: Request) -> Reply:
        if request.method == "HEAD" and request.path.endswith("/file"):
            return Reply(200, headers={"ETag": MD5_OF_X})
        return Reply(200, b"[]" if request.method == "GET" else b"")

    async with scripted(signed_in(answer)) as (connector, server):
        await connector.sign_in()
        assert connector.part_uploads is None
        assert not connector.capabilities.exclusive_create
        with pytest.raises(Conflict):
            await put(connector, "/file", b"x")
    assert "PUT" not in [request.method for request in server.requests]


async def test_no_file_gets_more_segments_than_its_manifest_has_room_for() -> None:
    most, size = 100_000, 8 * MIB
    slo = {"max_manifest_segments": most, "max_manifest_size": size}
    info = json.dumps({"swift": {"version": "2.38.0"}, "slo": slo}).encode()
    async with scripted(signed_in(lambda _: Reply(200, b"[]"), info=info)) as (connector, _):
        await connector.sign_in()
    rules = connector.capabilities.parts
    assert rules is not None
    place = f"/{'c' * 256}/{'k' * 1024}"
    longest = json.dumps({"path": place, "etag": MD5_OF_X, "size_bytes": rules.largest})
    assert rules.most * len(longest) < size


@pytest.mark.parametrize("info", [b"rubbish", b'{"swift": {"max_file_size": -1}}', b'{"slo": []}', b"[]"])
async def test_a_cluster_that_describes_itself_in_rubbish_is_an_unknown_one(info: bytes) -> None:
    async with scripted(signed_in(lambda _: Reply(200, b"[]"), info=info)) as (connector, _):
        await connector.sign_in()
        assert connector.part_uploads is None


class Store:
    """Takes segments, and answers the rest as a test says."""

    def __init__(self, special: Callable[[Request], Reply | None]) -> None:
        self.objects: dict[str, bytes] = {}
        self.special = special

    def __call__(self, request: Request) -> Reply:
        if (found := self.special(request)) is not None:
            return found
        name = request.path.removeprefix("/v1/AUTH_a/")
        if request.method == "PUT":
            self.objects[name] = request.body
            return Reply(201, headers={"ETag": hashlib.md5(request.body, usedforsecurity=False).hexdigest()})
        if request.method == "GET" and "format" in request.query:
            container = name.partition("/")[0]
            below = sorted(key for key in self.objects if key.startswith(f"{container}/"))
            names = [key.removeprefix(f"{container}/") for key in below]
            prefix, marker = request.query.get("prefix", ""), request.query.get("marker", "")
            lines = [line(key) for key in names if key.startswith(prefix) and key > marker]
            return listing(*lines[: int(request.query["limit"])])
        if request.method == "GET" and name in self.objects:
            return Reply(200, self.objects[name])
        if name.count("/") == 0:
            return Reply(204, headers={"X-Storage-Policy": "gold"})
        return Reply(404)


async def _begun(connector: SwiftConnector, store: Store, parts: int) -> tuple[str, list[SentPart]]:
    await connector.sign_in()
    uploads = connector.part_uploads
    assert uploads is not None
    token = await uploads.begin(target_of("/file"), parts, 1)
    sent = [await uploads.send(token, number, 0, content(b"x")) for number in range(1, parts + 1)]
    assert len(store.objects) == parts + 1
    return token, sent


async def test_errors_inside_a_bulk_answer_of_success_are_errors() -> None:
    answers: Sequence[tuple[bytes, type[MoverError] | None]] = [
        (
            b'  \r\n{"Response Status": "400 Bad Request", "Errors": [["c_segments/x", "403 Forbidden"]]}',
            PermissionDenied,
        ),
        (b'{"Response Status": "502 Bad Gateway", "Response Body": "it broke", "Errors": []}', ServiceFault),
        (
            b'{"Response Status": "400 Bad Request", "Errors": [["c_segments/x", "498 Rate Limited"]]}',
            Throttled,
        ),
        (b'{"Response Status": "what?", "Errors": []}', ServiceFault),
        (b"not json", ProtocolViolation),
        (b'{"Response Status": "200 OK", "Number Deleted": 2, "Errors": []}', None),
    ]
    bodies = [body for body, _ in answers]
    deleted: list[bytes] = []

    def special(request: Request) -> Reply | None:
        if "bulk-delete" in request.query:
            deleted.append(request.body)
            return Reply(200, bodies[0])
        return None

    store = Store(special)
    async with scripted(signed_in(store, info=INFO)) as (connector, _):
        token, _ = await _begun(connector, store, 3)
        uploads = connector.part_uploads
        assert uploads is not None
        for _, kind in answers:
            if kind is not None:
                with pytest.raises(kind):
                    await uploads.abort(token)
            else:
                await uploads.abort(token)
            bodies = bodies[1:] or bodies
    assert [len(body.split(b"\n")) for body in deleted[-2:]] == [2, 1]  # as many as the cluster takes at once
    assert all(b"/file/" in place for place in deleted[0].split(b"\n"))


@pytest.mark.parametrize(
    "spelling", ['[{"path": "%s"}]', '[{"name": "%s", "bytes": 1}]', '[{"x": "%s"}]', ""]
)
async def test_the_segments_of_a_finished_object_stay_however_its_manifest_is_told(spelling: str) -> None:
    def special(request: Request) -> Reply | None:
        if request.path == "/v1/AUTH_a/c/file" and finished:
            if request.method == "HEAD":
                return Reply(200, headers={"X-Static-Large-Object": "True"})
            return Reply(200, (spelling % finished[0] if spelling else "").encode())
        return Reply(200, b"{}") if "bulk-delete" in request.query else None

    finished: list[str] = []
    store = Store(special)
    async with scripted(signed_in(store, info=INFO)) as (connector, server):
        token, _ = await _begun(connector, store, 1)
        finished += [f"/{name}" for name in store.objects if name.endswith("/00000001")]
        assert connector.part_uploads is not None
        await connector.part_uploads.abort(token)
    assert not any("bulk-delete" in request.query for request in server.requests)


@pytest.mark.parametrize("in_parts", [False, True])
async def test_a_container_that_was_removed_meanwhile_is_made_again_for_the_next_file(
    *, in_parts: bool
) -> None:
    there = {"c"}

    def special(request: Request) -> Reply | None:
        container, _, key = request.path.removeprefix("/v1/AUTH_a/").partition("/")
        if not request.path.startswith("/v1/AUTH_a/"):
            return None
        if request.method == "PUT" and not key:
            there.add(container)
            return Reply(201)
        return None if container in there else Reply(404)

    async def send(connector: SwiftConnector, name: str) -> None:
        if in_parts:
            assert connector.part_uploads is not None
            token = await connector.part_uploads.begin(target_of(f"/c/{name}"), 1, 1)
            await connector.part_uploads.send(token, 1, 0, content(b"x"))
        else:
            await put(connector, f"/c/{name}", b"x")

    async with scripted(signed_in(Store(special), info=INFO), container=None) as (connector, _):
        await connector.sign_in()
        await send(connector, "a")
        there.discard("c_segments" if in_parts else "c")
        with pytest.raises(NotFound):
            await send(connector, "b")
        await send(connector, "c")


async def test_segments_get_a_container_under_the_same_policy() -> None:
    def special(request: Request) -> Reply | None:
        missing = request.method == "HEAD" and request.path.endswith("c_segments")
        return Reply(404) if missing else None

    store = Store(special)
    async with scripted(signed_in(store, info=INFO)) as (connector, server):
        await connector.sign_in()
        assert connector.part_uploads is not None
        await connector.part_uploads.begin(target_of("/file"), 1, 1)
    (made,) = [
        request
        for request in server.requests
        if request.path.endswith("/c_segments") and request.method == "PUT"
    ]
    assert made.headers["x-storage-policy"] == "gold"


@pytest.mark.parametrize(
    ("etag", "size"),
    [("0" * 32, 2), (hashlib.md5((MD5_OF_X * 2).encode(), usedforsecurity=False).hexdigest(), 1)],
)
async def test_a_large_object_that_came_out_otherwise_is_no_arrival(etag: str, size: int) -> None:
    def special(request: Request) -> Reply | None:
        if "multipart-manifest" in request.query:
            return Reply(201, headers={"ETag": f'"{etag}"'})
        if request.method == "HEAD" and request.path == "/v1/AUTH_a/c/file" and written:
            headers = {"ETag": f'"{etag}"', "X-Static-Large-Object": "True"}
            return Reply(200, b"", headers, announce=size)
        return None

    written: list[SentPart] = []
    store = Store(special)
    async with scripted(signed_in(store, info=INFO)) as (connector, _):
        token, sent = await _begun(connector, store, 2)
        written += sent
        assert connector.part_uploads is not None
        with pytest.raises(IntegrityError):
            await connector.part_uploads.finish(token, target_of("/file"), sent, {})


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        ("503 Service Unavailable", ServiceFault),
        ("401 Unauthorized", ServiceFault),
        ("404 Not Found", NotFound),
        ("Etag Mismatch", NotFound),
    ],
)
async def test_a_file_is_sent_again_only_if_its_segments_are_at_fault(
    found: str, kind: type[MoverError]
) -> None:
    def special(request: Request) -> Reply | None:
        if "multipart-manifest" in request.query:
            (place,) = (segment["path"] for segment in json.loads(request.body))
            return Reply(400, json.dumps({"Errors": [[place, found]]}).encode())
        return None

    store = Store(special)
    async with scripted(signed_in(store, info=INFO)) as (connector, _):
        token, sent = await _begun(connector, store, 1)
        assert connector.part_uploads is not None
        with pytest.raises(kind, match=found):
            await connector.part_uploads.finish(token, target_of("/file"), sent, {})


async def test_a_segment_of_which_the_service_tells_another_md5_is_refused() -> None:
    def special(request: Request) -> Reply | None:
        wrong = request.method == "PUT" and request.path.endswith("/00000001")
        return Reply(201, headers={"ETag": "0" * 32}) if wrong else None

    store = Store(special)
    async with scripted(signed_in(store, info=INFO)) as (connector, _):
        with pytest.raises(IntegrityError):
            await _begun(connector, store, 1)


@pytest.mark.parametrize("token", ["", "{}", "[]", '["c"]'])
async def test_a_token_that_cannot_be_read_is_an_upload_that_is_gone(token: str) -> None:
    async with scripted(signed_in(lambda _: Reply(200, b"[]"), info=INFO)) as (connector, _):
        await connector.sign_in()
        assert connector.part_uploads is not None
        with pytest.raises(NotFound):
            await connector.part_uploads.received(token)


async def test_a_zero_sized_look_that_is_throttled_fails_the_page_and_leaves_nothing_running() -> None:
    def answer(request: Request) -> Reply:
        if request.method == "HEAD" and request.path.startswith("/v1/AUTH_a/c/"):
            return Reply(498)
        return listing(*(line(f"{number:02}", bytes=0) for number in range(20)))

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        await connector.sign_in()
        with pytest.raises(Throttled):
            await entries(connector)


async def test_an_object_that_went_away_between_listing_and_look_stays_as_listed() -> None:
    def answer(request: Request) -> Reply:
        return Reply(404) if request.method == "HEAD" else listing(line("gone", bytes=0))

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        found = await entries(await signed(connector))
    assert found["gone"].size == 0


@pytest.mark.parametrize("status", [403, 409])
async def test_an_object_that_may_not_be_looked_at_hides_no_others_and_is_not_taken_for_empty(
    status: int,
) -> None:
    def answer(request: Request) -> Reply:
        if request.method == "HEAD" and request.path == "/v1/AUTH_a/c/dynamic":
            return Reply(status)
        empty = hashlib.md5(usedforsecurity=False).hexdigest()
        return listing(line("dynamic", bytes=0, hash=empty), line("file"))

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        found = await entries(await signed(connector))
    assert (found["dynamic"].size, found["dynamic"].version, found["dynamic"].hashes) == (None, None, {})
    assert found["file"].size == 1


async def test_a_dynamic_large_object_with_too_many_segments_to_be_counted_is_not_taken_for_empty() -> None:
    headers = {"X-Object-Manifest": "c/parts/", "ETag": hashlib.md5(usedforsecurity=False).hexdigest()}

    def answer(request: Request) -> Reply:  # as Swift does from 10,000 segments on
        if request.path == "/v1/AUTH_a/c/dynamic":
            return Reply(200, b"" if request.method == "HEAD" else b"content", headers)
        return listing(line("dynamic", bytes=0, hash=headers["ETag"]))

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        found = (await entries(await signed(connector)))["dynamic"]
        assert await read(connector, "/dynamic", version=found.version) == b"content"
    assert (found.size, found.version, found.hashes) == (None, None, {})


async def test_what_a_service_says_of_the_token_is_not_passed_on() -> None:
    def answer(request: Request) -> Reply:
        return Reply(403, f"AUTH_tk1 may not {request.method}".encode())

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        with pytest.raises(PermissionDenied) as caught:
            await connector.sign_in()
    assert "AUTH_tk1" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize(
    ("account", "container", "free"),
    [
        ({"X-Account-Meta-Quota-Bytes": "100", "X-Account-Bytes-Used": "30"}, {}, 70),
        ({"X-Account-Quota-Bytes": "100", "X-Account-Bytes-Used": "130"}, {}, 0),
        (
            {"X-Account-Quota-Bytes": "100"},
            {"X-Container-Meta-Quota-Bytes": "10", "X-Container-Bytes-Used": "4"},
            6,
        ),
        ({"X-Account-Meta-Quota-Bytes": "-1"}, {"X-Container-Meta-Quota-Bytes": "much"}, None),
        (None, {"X-Container-Meta-Quota-Bytes": "10"}, 10),
        ({}, {}, None),
    ],
)
async def test_the_room_that_is_left_is_the_least_of_all_limits(
    account: dict[str, str] | None, container: dict[str, str], free: int | None
) -> None:
    def answer(request: Request) -> Reply:
        if request.method != "HEAD":
            return Reply(200, b"[]")
        if request.path == "/v1/AUTH_a":
            return Reply(403) if account is None else Reply(204, headers=account)
        return Reply(204, headers=container)

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        await connector.sign_in()
        assert await connector.quota.free_bytes() == free


async def test_objects_from_before_listings_told_large_ones_are_looked_at_if_they_may_be_one() -> None:
    manifests = {"a": "0" * 32, "b": MD5_OF_X}
    old = {"last_modified": "2016-01-01T00:00:00.0"}

    def answer(request: Request) -> Reply:
        key = request.path[-1]
        if request.method == "HEAD" and key in manifests:
            static = {"X-Static-Large-Object": "True"} if key == "a" else {}
            return Reply(200, b"", {"ETag": manifests[key], **static}, announce=MIB)
        return listing(
            line("a", bytes=MIB, **old),
            line("b", bytes=MIB, **old),
            line("c", bytes=MIB - 1, **old),
            line("d", bytes=MIB),
        )

    async with scripted(signed_in(answer, info=INFO)) as (connector, server):
        await connector.sign_in()
        before = len(server.requests)
        found = await entries(connector)
    assert [request.path[-1] for request in server.requests[before + 1 :]] == ["a", "b"]
    assert (found["a"].version, found["a"].hashes) == ("0" * 32, {})
    assert [len(found[name].hashes) for name in "bcd"] == [1, 1, 1]


async def test_segments_that_rclone_keeps_inside_a_container_are_marked_at_its_top_only() -> None:
    def answer(request: Request) -> Reply:
        return listing({"subdir": request.query.get("prefix", "") + ".file-segments/"})

    async with scripted(signed_in(answer, info=INFO)) as (connector, _):
        await connector.sign_in()
        (at_the_top,) = (await entries(connector)).values()
        (below,) = (await entries(connector, "/d")).values()
    assert at_the_top.internal
    assert below.internal is None
