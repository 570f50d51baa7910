"""What Box may answer: nulls, strange numbers, rubbish, hostile names."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from simulators.faults import Answer
from tests.contract.acts import listed

from mover.connectors.box import BoxConnector
from mover.connectors.box.addresses import its_own, read_id
from mover.connectors.box.answers import time_ns, whole
from mover.connectors.box.faults import Fault, _read
from mover.connectors.times import spell_rfc3339
from mover.entries import ROOT, EntryKind
from mover.errors import Conflict, MoverError, NotFound, ProtocolViolation, ServiceFault, Throttled
from simulators.box import Box

ITEM = {"type": "file", "id": "1", "name": "file"}


def answer(body: object, status: int = 200) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answer(status, {"Content-Type": "application/json"}, text)


@pytest.mark.servers
async def test_nulls_everywhere_are_nothing_known(box: Box, connector: BoxConnector) -> None:
    names = "etag sha1 file_version size content_created_at content_modified_at owned_by shared_link has_collaborations"
    nulls = dict.fromkeys(names.split())
    box.faults.add(answer({"entries": [{**ITEM, **nulls}], "next_marker": ""}), path="/items")
    [entry] = await listed(connector, ROOT)
    assert (entry.kind, entry.id, entry.name) == (EntryKind.FILE, "file-1", "file")
    assert (entry.size, entry.version, entry.owner, entry.shared, entry.modified_ns) == (None,) * 5


@pytest.mark.servers
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        {"entries": [{"type": "file"}]},
        {"entries": [{"type": "file", "id": "../users", "name": "x"}]},
        {"entries": [{"type": "hub", "id": "1", "name": "x"}]},
        {"entries": [{"type": "file", "id": "1", "name": None}]},
    ],
    ids=["html", "no text", "deep", "no id", "an id that is a path", "unknown kind", "no name"],
)
async def test_rubbish_is_a_violation_of_the_protocol(
    box: Box, connector: BoxConnector, body: object
) -> None:
    box.faults.add(answer(body), path="/items")
    with pytest.raises(ProtocolViolation) as caught:
        await listed(connector, ROOT)
    assert (caught.value.service, caught.value.operation, caught.value.path) == ("box", "list_folder", "/")


@pytest.mark.servers
async def test_a_page_that_comes_again_for_ever_ends(box: Box, connector: BoxConnector) -> None:
    box.faults.add(answer({"entries": [], "next_marker": "again"}), path="/items", times=100)
    with pytest.raises(ProtocolViolation):
        await listed(connector, ROOT)
    assert box.tally.total < 4


@pytest.mark.servers
@pytest.mark.parametrize("oddity", ["pages are short", "next marker is empty"])
async def test_pages_may_be_short_and_end_in_two_ways(box: Box, connector: BoxConnector, oddity: str) -> None:
    drive = box.organisation.drive("ann@example.org")
    for number in range(7):
        drive.folder(f"/folder {number}")
    box.faults.switch(oddity)
    connector._page = 3
    assert len(await listed(connector, ROOT)) == 7


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, b"", Throttled),
        (502, b"<html>Bad Gateway</html>", ServiceFault),
        (404, b'{"code":"trashed"}', NotFound),
        (409, b'{"code":"item_name_in_use","context_info":null}', Conflict),
        (418, b'{"code":"teapot","message":"\\ud800 no"}', ProtocolViolation),
        (400, b'{"code":7}', ProtocolViolation),
    ],
)
def test_refusals_without_sense_are_judged_by_their_status(
    status: int, body: bytes, kind: type[MoverError]
) -> None:
    error = _read(status, {}, body).error(service="box", operation="x", path="/")
    assert isinstance(error, kind)


@pytest.mark.parametrize("spell", [lambda item: item, lambda item: [item]])
def test_what_is_in_the_way_is_told_as_one_or_as_a_list(spell: Callable[[object], object]) -> None:
    body = {"code": "item_name_in_use", "context_info": {"conflicts": spell(ITEM)}}
    found = _read(409, {}, json.dumps(body).encode())
    assert found.conflict is not None
    assert found.conflict.id == "1"
    assert _read(409, {}, b'{"context_info":{"conflicts":[]}}').conflict is None
    assert Fault(status=409).conflict is None


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("2012-12-12T10:53:43-08:00", 1_355_338_423 * 10**9),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59+00:00", -(10**9)),
        ("0001-01-01T00:00:00+00:00", -62_135_596_800 * 10**9),
        ("yesterday", None),
        ("", None),
        (None, None),
        ("2" * 100, None),
    ],
)
def test_times(text: str | None, ns: int | None) -> None:
    assert time_ns(text) == ns


def test_times_are_spelled_in_whole_seconds() -> None:
    assert spell_rfc3339(1_355_338_423_999_999_999) == "2012-12-12T18:53:43Z"
    assert spell_rfc3339(-1) == "1969-12-31T23:59:59Z"


def test_large_sizes_may_come_in_exponential_notation() -> None:
    assert whole(1.5e13) == 15_000_000_000_000
    assert whole(float("inf")) is None
    assert whole(float("nan")) is None


@pytest.mark.parametrize(
    "text", ["", "file-", "file-x", "folder-1/../2", "hub-1", "file-1\n", "file-" + "1" * 30]
)
def test_ids_that_are_none_lead_nowhere(text: str) -> None:
    with pytest.raises(NotFound):
        read_id(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://upload.box.com/x",
        "https://upload.box.com.evil.example/x",
        "https://evil.example/.box.com",
        "https://evilbox.com/",
        "https://upload.box.com@evil.example/",
        "https://user@upload.box.com/",
        "https://upload.box.com:8443/",
        "//upload.box.com/",
        "https://[",
    ],
)
def test_addresses_that_are_not_boxs(url: str) -> None:
    with pytest.raises(ProtocolViolation):
        its_own(url)


def test_addresses_that_are_boxs() -> None:
    for url in ("https://upload-las.app.box.com/api/2.0/x", "https://dl.boxcloud.com/d/1"):
        assert its_own(url) == url
