"""Listings as real servers write them, in pieces of any size."""

from __future__ import annotations

import tracemalloc

import pytest
from tests.connectors.webdav.scripted import FOLDER, multistatus, response

from mover.connectors.webdav.listing import child_entry
from mover.connectors.webdav.multistatus import MultistatusReader, Resource, status_code
from mover.connectors.webdav.urls import FolderHrefs, Root
from mover.entries import Entry, EntryKind, HashName

APACHE = b"""<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/" xmlns:g0="DAV:">
<D:href>/dav/</D:href>
<D:propstat>
<D:prop>
<lp1:getlastmodified>Mon, 23 Nov 2026 22:33:07 GMT</lp1:getlastmodified>
<lp1:getetag>W/"1000-660f92d8bc36a"</lp1:getetag>
<lp1:resourcetype><D:collection/></lp1:resourcetype>
</D:prop>
<D:status>HTTP/1.1 200 OK</D:status>
</D:propstat>
<D:propstat>
<D:prop>
<g0:getcontentlength/>
</D:prop>
<D:status>HTTP/1.1 404 Not Found</D:status>
</D:propstat>
</D:response>
<D:response xmlns:lp1="DAV:" xmlns:lp2="http://apache.org/dav/props/" xmlns:g0="DAV:">
<D:href>/dav/f%20%25.txt</D:href>
<D:propstat>
<D:prop>
<lp1:getcontentlength>6</lp1:getcontentlength>
<lp1:getlastmodified>Mon, 23 Nov 2026 22:33:07 GMT</lp1:getlastmodified>
<lp1:getetag>W/"6-660f92d8b948a"</lp1:getetag>
<lp1:resourcetype/>
</D:prop>
<D:status>HTTP/1.1 200 OK</D:status>
</D:propstat>
</D:response>
</D:multistatus>
"""
WSGIDAV = (
    b"<?xml version='1.0' encoding='UTF-8'?>\n<D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>/dav/</D:href><D:propstat>"
    b"<D:prop><D:getcontentlength/><D:getetag/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat><D:propstat>"
    b"<D:prop><D:getlastmodified>Mon, 23 Nov 2026 22:33:07 GMT</D:getlastmodified><D:resourcetype><D:collection/>"
    b"</D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response><D:response>"
    b"<D:href>/dav/f%20%25.txt</D:href><D:propstat><D:prop><D:getcontentlength>6</D:getcontentlength><D:getlastmodified>"
    b"Mon, 23 Nov 2026 22:33:07 GMT</D:getlastmodified><D:getetag>6-660f92d8b948a</D:getetag><D:resourcetype>"
    b"</D:resourcetype></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
)
WHEN_NS = 1_795_473_187 * 10**9


def resources(document: bytes, piece: int) -> list[Resource]:
    reader = MultistatusReader()
    found = [
        one
        for start in range(0, len(document), piece)
        for one in reader.feed(document[start : start + piece])
    ]
    reader.end()
    return found


def entries(document: bytes, piece: int = 1 << 20) -> list[Entry]:
    root = Root.at("https://nas.example/dav/")
    hrefs = FolderHrefs(root.folder_url("/"))
    described = [child_entry(resource, hrefs, root) for resource in resources(document, piece)]
    return [entry for entry in described if entry is not None]


@pytest.mark.parametrize("document", [APACHE, WSGIDAV], ids=["apache", "wsgidav"])
@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_servers_that_write_differently_say_the_same(document: bytes, piece: int) -> None:
    assert entries(document, piece) == [
        Entry(name="f %.txt", kind=EntryKind.FILE, size=6, modified_ns=WHEN_NS, version="6-660f92d8b948a")
    ]


def test_properties_that_were_not_found_do_not_count() -> None:
    refused = "<d:propstat><d:prop><d:getetag>no</d:getetag></d:prop><d:status>HTTP/1.1 403 Forbidden</d:status></d:propstat>"
    one = response("/dav/a").replace("<d:propstat>", refused + "<d:propstat>", 1)
    assert [entry.version for entry in entries(multistatus(response("/dav/", FOLDER), one))] == ["one"]


def test_checksums_are_hashes_where_they_are_well_formed() -> None:
    checksums = f"SHA1:{'AB' * 20} MD5:{'12' * 16} ADLER32:1 SHA256:xyz MD5:"
    one = response(
        "/dav/a",
        f'<o:checksums xmlns:o="http://owncloud.org/ns"><o:checksum>{checksums}</o:checksum></o:checksums>',
    )
    [entry] = entries(multistatus(response("/dav/", FOLDER), one))
    assert entry.hashes == {HashName.SHA1: "ab" * 20, HashName.MD5: "12" * 16}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("HTTP/1.1 200 OK", 200),
        ("HTTP/1.1 404", 404),
        ("HTTP/1.1 409 (status)", 409),
        ("", None),
        ("200", None),
        ("HTTP/1.1 ²00", None),
    ],
)
def test_status_lines(line: str, code: int | None) -> None:
    assert status_code(line) == code


@pytest.mark.slow
def test_memory_does_not_grow_with_the_listing() -> None:
    start = multistatus(response("/dav/", FOLDER)).removesuffix(b"</d:multistatus>")
    reader = MultistatusReader()
    reader.feed(start)

    def feed(first: int) -> None:
        for thousand in range(20):
            numbers = range(first + thousand * 1000, first + thousand * 1000 + 1000)
            assert len(reader.feed("".join(response(f"/dav/{n}") for n in numbers).encode())) == 1000

    feed(0)
    tracemalloc.start()
    feed(100_000)
    before = tracemalloc.get_traced_memory()[0]
    feed(200_000)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 100_000
