"""Servers that lie, break off, loop, or are after the password."""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest
from tests.connectors.webdav.scripted import (
    FILE,
    FOLDER,
    Script,
    answers,
    hangs_up,
    lists,
    multistatus,
    response,
    scripted,
)
from tests.contents import GivenContent
from tests.transport.scripted_server import Client, Request

from mover.connectors.contract import Setting, Target
from mover.connectors.webdav import WebDavConnector
from mover.entries import ROOT, SLASH_IN_NAME, Entry, EntryKind, EntryRef
from mover.errors import (
    Changed,
    Conflict,
    IntegrityError,
    Locked,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    Throttled,
    Transient,
    Unreachable,
)

BASIC = 'WWW-Authenticate: Basic realm="x"\r\n'
FORBIDDEN = "401 Unauthorized"


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Script, WebDavConnector]]:
    async with scripted() as (script, connector):
        await connector.sign_in()
        script.requests.clear()
        yield script, connector


Pair = tuple[Script, WebDavConnector]


async def listed(connector: WebDavConnector, path: str = "/") -> list[Entry]:
    return [entry async for page in connector.list_folder(EntryRef(path)) for entry in page.entries]


async def read(connector: WebDavConnector, **wanted: object) -> bytes:
    return b"".join([piece async for piece in connector.read(EntryRef("/a"), **wanted)])  # type: ignore[arg-type] # offsets and versions as each test has them


def new(name: str = "a", *, replaces: Entry | None = None) -> Target:
    return Target(folder=ROOT, name=name, key="k", replaces=replaces)


# Listings.


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>',
    ],
)
async def test_document_type_ends_the_listing(pair: Pair, prologue: str) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(response("/dav/", FOLDER), response("/dav/&c;"), prologue=prologue))
    with pytest.raises(ProtocolViolation, match="document type"):
        await listed(connector)


@pytest.mark.parametrize(
    "href",
    [
        "/elsewhere/a",
        "/dav/sub/a",
        "/dav/../a",
        "/dav/%2e%2e",
        "/dav/%2E%2E/",
        "/dav/.",
        "/dav/a%00b",
        "/",
        "",
        "a",
        "http://127.0.0.1",
        "/dav/" + "x" * 40_000,
    ],
)
async def test_entry_that_is_none_of_the_folder_ends_the_listing(pair: Pair, href: str) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(response("/dav/", FOLDER), response("/dav/first"), response(href)))
    with pytest.raises(ProtocolViolation):
        await listed(connector)


@pytest.mark.parametrize(
    ("href", "name"),
    [
        ("/dav/a%20b", "a b"),
        ("/dav/a b", "a b"),
        ("/%64av/a", "a"),
        ("//dav//a", "a"),
        ("https://inner.example/dav/a", "a"),
        ("/dav/%C3%A9", "é"),
        ("/dav/é", "é"),
        ("/dav/100%", "100%"),
        ("/dav/a%2Bb+c", "a+b+c"),
        ("\n /dav/a \n", "a"),
        ("/dav/..a", "..a"),
    ],
)
async def test_every_spelling_of_an_entry_is_understood(pair: Pair, href: str, name: str) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(response("/dav/", FOLDER), response(href)))
    assert [entry.name for entry in await listed(connector)] == [name]


async def test_name_with_a_slash_is_reported_as_nothing_that_could_be_moved(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(response("/dav/", FOLDER), response("/dav/..%2F..%2Fetc%2Fpasswd")))
    [entry] = await listed(connector)
    assert (entry.kind, entry.name) == (
        EntryKind.SPECIAL,
        f"..{SLASH_IN_NAME}..{SLASH_IN_NAME}etc{SLASH_IN_NAME}passwd",
    )


async def test_entry_that_may_not_be_looked_at_is_reported_and_one_that_vanished_is_not(pair: Pair) -> None:
    script, connector = pair
    refused = "<d:response><d:href>/dav/{}</d:href><d:status>HTTP/1.1 {}</d:status></d:response>"
    script.on(
        "PROPFIND",
        lists(
            response("/dav/", FOLDER),
            refused.format("a", "403 Forbidden"),
            refused.format("b", "404 Not Found"),
        ),
    )
    assert [(entry.name, entry.kind) for entry in await listed(connector)] == [("a", EntryKind.SPECIAL)]


async def test_listing_without_the_folder_itself_is_no_empty_folder(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPFIND", lists())
    with pytest.raises(ProtocolViolation):
        await listed(connector)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("403 Forbidden", PermissionDenied), ("423 Locked", Locked), ("503 Service Unavailable", ServiceFault)],
)
async def test_folder_that_may_not_be_listed_is_not_called_gone(
    pair: Pair, status: str, kind: type[MoverError]
) -> None:
    script, connector = pair
    script.on(
        "PROPFIND",
        lists(
            f"<d:response><d:href>/dav/folder/</d:href><d:status>HTTP/1.1 {status}</d:status></d:response>"
        ),
    )
    with pytest.raises(kind):
        await listed(connector, "/folder")


async def test_listing_of_a_file_is_not_found(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(response("/dav/a")))
    with pytest.raises(NotFound):
        await listed(connector, "/a")


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Welcome!</body></html>",
        b"not XML at all",
        b'<?xml version="1.0" encoding="nonsense"?><d:multistatus xmlns:d="DAV:"/>',
        b'<?xml version="1.0" encoding="Shift_JIS"?><d:multistatus xmlns:d="DAV:"/>',
        b'<d:multistatus xmlns:d="DAV:"><d:response></d:response></d:multistatus>',
        b'<d:multistatus xmlns:d="DAV:"><d:response><d:href>/dav/</d:href></d:wrong></d:multistatus>',
        multistatus(
            response("/dav/", FOLDER), response("/dav/a", "<d:getcontentlength>-1</d:getcontentlength>")
        ),
        multistatus(
            response("/dav/", FOLDER), response("/dav/a", "<d:getcontentlength>1e9</d:getcontentlength>")
        ),
        multistatus(response("/dav/", FOLDER), response("/dav/a", f"<d:getetag>{'x' * 100_000}</d:getetag>")),
        multistatus(response("/dav/", FOLDER), "<!--" + "x" * 3_000_000 + "-->"),
        multistatus(response("/dav/", FOLDER), f'<d:x y="{"x" * 3_000_000}"/>'),
        multistatus(response("/dav/", FOLDER), "<d:prop>" * 100 + "</d:prop>" * 100),
        multistatus(response("/dav/", FOLDER), "".join(f"<d:x{n}/>" for n in range(2_000))),
        multistatus(response("/dav/", FOLDER), "&undefined;"),
    ],
)
async def test_what_is_no_listing_is_refused(pair: Pair, body: bytes) -> None:
    script, connector = pair
    script.on("PROPFIND", answers(body, status="207 Multi-Status"))
    with pytest.raises(ProtocolViolation):
        await listed(connector)


async def test_listing_that_breaks_off_is_tried_again(pair: Pair) -> None:
    script, connector = pair
    whole = multistatus(response("/dav/", FOLDER), response("/dav/a"), response("/dav/b"))
    script.on("PROPFIND", answers(whole[:-40], status="207 Multi-Status"))
    with pytest.raises(Unreachable):
        await listed(connector)


async def test_listing_whose_connection_breaks_is_tried_again(pair: Pair) -> None:
    script, connector = pair
    whole = multistatus(response("/dav/", FOLDER), response("/dav/a"))

    async def act(client: Client, request: Request) -> None:
        await client.body(request)
        head = f"HTTP/1.1 207 Multi-Status\r\nContent-Length: {len(whole)}\r\n\r\n"
        await client.send(head.encode() + whole[:-40])
        client.reset()

    script.on("PROPFIND", act)
    with pytest.raises(Unreachable):
        await listed(connector)


async def test_endless_listing_comes_in_pages_and_is_left_at_will(pair: Pair) -> None:
    script, connector = pair

    async def act(client: Client, request: Request) -> None:
        await client.body(request)
        await client.send(b"HTTP/1.1 207 Multi-Status\r\nConnection: close\r\n\r\n")
        await client.send(multistatus(response("/dav/", FOLDER)).removesuffix(b"</d:multistatus>"))
        number = 0
        while True:
            number += 100
            await client.send("".join(response(f"/dav/{number + n}") for n in range(100)).encode())

    script.on("PROPFIND", act)
    pages = connector.list_folder(ROOT)
    sizes = [len((await anext(pages)).entries) for _ in range(5)]
    await pages.aclose()
    assert sizes == [1_000] * 5


async def test_answer_about_one_entry_that_never_ends_is_refused(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(*(response(f"/dav/{n}") for n in range(2_000))))
    with pytest.raises(ProtocolViolation):
        await connector.look_up("/a")


async def test_answer_to_setting_one_time_that_never_ends_is_refused(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPPATCH", lists(*(response(f"/dav/{n}") for n in range(2_000))))
    assert connector.times is not None
    with pytest.raises(ProtocolViolation):
        await connector.times.set_modified(EntryRef("/a"), 10**18)


# Reading.


async def reading(script: Script, body: bytes, *, status: str = "200 OK", headers: str = "") -> None:
    script.on("GET", answers(body, status=status, headers=headers))
    script.on("PROPFIND", lists(response("/dav/a")))


async def test_range_that_the_server_ignores_is_cut_out(pair: Pair) -> None:
    script, connector = pair
    await reading(script, b"0123456789")
    assert await read(connector, offset=3, length=4) == b"3456"
    assert await read(connector, offset=7) == b"789"


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ("", ProtocolViolation),
        ("Content-Range: bytes 4-7/10\r\n", ProtocolViolation),
        ("Content-Range: bytes 3-9/10\r\n", ProtocolViolation),
        ("Content-Range: bytes 3-5/10\r\n", ProtocolViolation),
        ("Content-Range: bytes 3-99999999999999999999/10\r\n", ProtocolViolation),
    ],
)
async def test_wrong_range_is_refused(pair: Pair, headers: str, error: type[MoverError]) -> None:
    script, connector = pair
    await reading(script, b"3456", status="206 Partial Content", headers=headers)
    with pytest.raises(error):
        await read(connector, offset=3, length=4)


async def test_range_shorter_than_asked_for_never_looks_complete(pair: Pair) -> None:
    script, connector = pair
    await reading(script, b"34", status="206 Partial Content", headers="Content-Range: bytes 3-4/5\r\n")
    with pytest.raises(IntegrityError):
        await read(connector, offset=3, length=4)


async def test_file_shorter_than_the_range_never_looks_complete(pair: Pair) -> None:
    script, connector = pair
    await reading(script, b"01234")
    with pytest.raises(IntegrityError):
        await read(connector, offset=3, length=4)


async def test_body_shorter_than_announced_never_looks_complete(pair: Pair) -> None:
    script, connector = pair

    async def act(client: Client, _: Request) -> None:
        await client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234")
        client.writer.close()

    script.on("GET", act)
    with pytest.raises(Unreachable):
        await read(connector)


async def test_body_without_a_length_is_measured_by_the_listing(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(response("/dav/a")))  # of five bytes

    def closing(body: bytes) -> None:
        async def act(client: Client, _: Request) -> None:
            await client.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + body)
            client.writer.close()

        script.on("GET", act)

    closing(b"01234")
    assert await read(connector) == b"01234"
    closing(b"012")
    with pytest.raises(IntegrityError):
        await read(connector)


async def test_other_version_is_noticed(pair: Pair) -> None:
    script, connector = pair
    script.on("GET", answers(b"01234", headers='ETag: "two"\r\n'))
    script.on("PROPFIND", lists(response("/dav/a", FILE.replace("one", "two"))))
    with pytest.raises(Changed):
        await read(connector, version="one")


@pytest.mark.parametrize("etag", ['ETag: "one"\r\n', 'ETag: W/"one"\r\n', "ETag: one\r\n"])
async def test_same_version_is_one_call_however_it_is_quoted(pair: Pair, etag: str) -> None:
    script, connector = pair
    script.on("GET", answers(b"01234", headers=etag))
    assert await read(connector, version="one") == b"01234"
    assert len(script.requests) == 1


@pytest.mark.parametrize("etag", ['ETag: "of another kind"\r\n', ""])
async def test_server_whose_headers_know_other_versions_is_asked_again(pair: Pair, etag: str) -> None:
    script, connector = pair
    await reading(script, b"01234", headers=etag)
    assert await read(connector, version="one") == b"01234"


async def test_compression_against_our_will_is_refused(pair: Pair) -> None:
    script, connector = pair
    await reading(script, b"012", headers="Content-Encoding: gzip\r\n")
    with pytest.raises(ProtocolViolation):
        await read(connector)


async def test_compressed_file_labelled_as_such_is_read_as_it_is(pair: Pair) -> None:
    script, connector = pair
    await reading(script, b"01234", headers="Content-Encoding: x-gzip\r\n")
    assert await read(connector) == b"01234"


# Sign-in.


async def test_wrong_password_is_tried_once() -> None:
    async with scripted() as (script, connector):
        script.on("PROPFIND", answers(status=FORBIDDEN, headers=BASIC))
        with pytest.raises(SignInFailed) as caught:
            await connector.sign_in()
        assert ["authorization" in request.headers for request in script.requests] == [False, True]
        assert "secret-word" not in str(caught.value)


async def test_endless_challenges_of_digest_end() -> None:
    async with scripted() as (script, connector):
        challenges = [
            answers(
                status=FORBIDDEN,
                headers=f'WWW-Authenticate: Digest realm="r", nonce="{n}", qop="auth", stale=true\r\n',
            )
            for n in range(10)
        ]
        script.on("PROPFIND", *challenges)
        with pytest.raises(SignInFailed):
            await connector.sign_in()
        assert len(script.requests) == 2


@pytest.mark.parametrize(
    "challenge",
    [
        "Negotiate",
        'Digest realm="r", nonce="n", algorithm=SHA-512-256',
        'Digest realm="r", nonce="n", qop="auth-int"',
        "%%%",
    ],
)
async def test_challenge_that_we_cannot_answer_is_a_failed_sign_in(challenge: str) -> None:
    async with scripted() as (script, connector):
        script.on("PROPFIND", answers(status=FORBIDDEN, headers=f"WWW-Authenticate: {challenge}\r\n"))
        with pytest.raises(SignInFailed):
            await connector.sign_in()
        assert len(script.requests) == 1


async def test_password_is_not_shown_to_who_asks_for_it_in_the_clear_when_digest_was_chosen() -> None:
    async with scripted(auth="digest") as (script, connector):
        script.on("PROPFIND", answers(status=FORBIDDEN, headers=BASIC))
        with pytest.raises(SignInFailed):
            await connector.sign_in()
        assert not any("authorization" in request.headers for request in script.requests)


async def test_without_tls_digest_is_preferred_to_basic() -> None:
    async with scripted() as (script, connector):
        both = f'{BASIC}WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
        script.on("PROPFIND", answers(status=FORBIDDEN, headers=both), lists(response("/dav/", FOLDER)))
        await connector.sign_in()
        assert script.requests[1].headers["authorization"].startswith("Digest ")
        assert not any("Basic" in request.headers.get("authorization", "") for request in script.requests)


async def test_token_goes_with_every_request() -> None:
    async with scripted(username=None, password=None, token="a-token") as (script, connector):
        await connector.sign_in()
        assert {request.headers["authorization"] for request in script.requests} == {"Bearer a-token"}


@pytest.mark.parametrize("method", ["PROPFIND", "GET"])
async def test_password_does_not_follow_to_another_server(method: str) -> None:
    async with scripted() as (other, _), scripted(auth="basic") as (script, connector):
        await connector.sign_in()
        script.on(method, answers(status="302 Found", headers=f"Location: {other.url}/dav/\r\n"))
        with pytest.raises(ProtocolViolation, match="another server"):
            await (listed(connector) if method == "PROPFIND" else read(connector))
        assert other.requests == []


@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.1/dav/",
        "//evil.example/dav/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1:1@evil.example/",
        "http://127.0.0.1:99999/dav/",
        "http://[127.0.0.1/dav/",
        "http://{authority}",
        "http://{authority}?to=/dav/",
        "/dav/#fragment",
        "/dav/ blank",
        "",
    ],
)
async def test_redirects_that_lead_away_or_nowhere_are_refused(location: str) -> None:
    async with scripted() as (script, connector):
        address = location.format(authority=script.url.removeprefix("http://"))
        script.on("PROPFIND", answers(status="301 Moved", headers=f"Location: {address}\r\n"))
        with pytest.raises(ProtocolViolation):
            await connector.sign_in()


async def test_redirect_within_the_server_is_followed(pair: Pair) -> None:
    script, connector = pair
    script.on("GET /dav/a", answers(status="307 Temporary Redirect", headers="Location: /other/a?x=1\r\n"))
    script.on("GET /other/a?x=1", answers(b"01234"))
    assert await read(connector) == b"01234"


async def test_redirects_in_a_circle_end(pair: Pair) -> None:
    script, connector = pair
    script.on("GET", answers(status="301 Moved", headers="Location: /dav/a\r\n"))
    with pytest.raises(ProtocolViolation):
        await read(connector)
    assert len(script.requests) < 10


async def test_redirect_of_an_upload_is_not_followed(pair: Pair) -> None:
    script, connector = pair
    script.on("MKCOL", answers(status="307 Temporary Redirect", headers="Location: /other/\r\n"))
    script.on("PROPFIND", answers(status="404 Not Found"))
    with pytest.raises(ProtocolViolation):
        await connector.create_folder(ROOT, "a")


async def test_root_that_is_a_file_is_not_found() -> None:
    async with scripted() as (script, connector):
        script.on("PROPFIND", lists(response("/dav/")))
        with pytest.raises(NotFound):
            await connector.sign_in()


async def test_root_under_another_address_is_told() -> None:
    async with scripted() as (script, connector):
        script.on("PROPFIND", lists(response("/webdav/", FOLDER)))
        with pytest.raises(ProtocolViolation, match="/webdav/"):
            await connector.sign_in()


async def test_server_without_proppatch_sets_no_times() -> None:
    async with scripted() as (script, connector):
        script.on("OPTIONS", answers(headers="DAV: 1\r\nAllow: GET, PUT, PROPFIND\r\n"))
        await connector.sign_in()
        assert connector.times is None
        assert connector.capabilities.modified is Setting.NEVER


async def test_time_that_the_server_took_and_did_not_keep_is_told_and_not_tried_again(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPPATCH", lists(response("/dav/a", "<d:getlastmodified/>")))
    script.on(
        "PROPFIND",
        lists(response("/dav/a", "<d:getlastmodified>Mon, 12 Jan 2026 10:11:12 GMT</d:getlastmodified>")),
    )
    assert connector.times is not None
    assert not await connector.times.set_modified(EntryRef("/a"), 10**18)
    calls = connector.calls
    assert not await connector.times.set_modified(EntryRef("/b"), 10**18)
    assert connector.calls == calls


# Digest.


def _answers_to(request: Request) -> dict[str, str]:
    return {
        name: quoted or plain
        for name, quoted, plain in re.findall(
            r'(\w+)=(?:"([^"]*)"|([^,\s]+))', request.headers["authorization"]
        )
    }


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def test_nonce_is_used_again_and_counted_until_it_is_stale() -> None:
    async with scripted() as (script, connector):
        first = 'WWW-Authenticate: Digest realm="r", nonce="one", qop="auth", opaque="o"\r\n'
        second = 'WWW-Authenticate: Digest realm="r", nonce="two", qop="auth", stale=true\r\n'
        script.on("PROPFIND", answers(status=FORBIDDEN, headers=first), lists(response("/dav/", FOLDER)))
        script.on("GET", answers(b"01234"), answers(status=FORBIDDEN, headers=second), answers(b"01234"))
        await connector.sign_in()
        await read(connector)
        await read(connector)
        used = [_answers_to(request) for request in script.requests if "authorization" in request.headers]
        assert [(one["nonce"], one["nc"]) for one in used] == [
            ("one", "00000001"),
            ("one", "00000002"),
            ("one", "00000003"),
            ("one", "00000004"),
            ("two", "00000001"),
        ]
        for request, one in zip(
            [r for r in script.requests if "authorization" in r.headers], used, strict=True
        ):
            method, path, _ = request.line.split(" ")
            assert one["uri"] == path
            secret = _md5("alice:r:secret-word")
            expected = _md5(
                f"{secret}:{one['nonce']}:{one['nc']}:{one['cnonce']}:auth:{_md5(f'{method}:{path}')}"
            )
            assert one["response"] == expected


async def test_content_that_cannot_be_repeated_is_not_when_the_nonce_expires() -> None:
    async with scripted() as (script, connector):
        first = 'WWW-Authenticate: Digest realm="r", nonce="one", qop="auth"\r\n'
        second = 'WWW-Authenticate: Digest realm="r", nonce="two", qop="auth", stale=true\r\n'
        script.on("PROPFIND", answers(status=FORBIDDEN, headers=first), lists(response("/dav/", FOLDER)))
        await connector.sign_in()
        script.on("PUT", answers(status=FORBIDDEN, headers=second))
        script.on("DELETE", answers(status="204 No Content"))
        content = GivenContent(b"x" * 300_000, repeatable=False)
        with pytest.raises(Transient):
            await connector.upload(new(replaces=Entry(name="a", kind=EntryKind.FILE, version="one")), content)
        assert len(script.sent("PUT")) == 1


# Throttling.


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
async def test_wish_for_a_pause_is_passed_on(pair: Pair, status: str) -> None:
    script, connector = pair
    script.on("PROPFIND", answers(status=status, headers="Retry-After: 17\r\n"))
    with pytest.raises(Throttled) as caught:
        await connector.look_up("/a")
    assert caught.value.retry_after_s == 17
    script.on(
        "PROPFIND",
        answers(status=status, headers=f"Retry-After: {formatdate(time.time() + 60, usegmt=True)}\r\n"),
    )
    with pytest.raises(Throttled) as dated:
        await connector.look_up("/a")
    assert dated.value.retry_after_s is not None
    assert 50 < dated.value.retry_after_s <= 60


async def test_fault_without_a_wish_is_the_services(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPFIND", answers(b"<html><title>Bad \x1b[31mday</title></html>", status="500 Oops"))
    with pytest.raises(ServiceFault) as caught:
        await connector.look_up("/a")
    assert caught.value.said == "Bad [31mday"


# Uploads.


async def conditional(script: Script, *puts: object) -> None:
    """Have the probe find that conditions are honoured, then the uploads go as given."""
    probe = [answers(status="201 Created"), answers(status="412 Precondition Failed")]
    script.on("PUT", *probe, *puts)  # type: ignore[arg-type] # acts
    script.on("DELETE", answers(status="204 No Content"))


async def test_first_upload_finds_out_about_conditions_and_later_ones_know(pair: Pair) -> None:
    script, connector = pair
    await conditional(script, answers(status="201 Created"))
    await connector.upload(new("a"), GivenContent(b"hello"))
    assert [request.line.split(" ")[0] for request in script.requests] == ["PUT", "PUT", "DELETE", "PUT"]
    script.requests.clear()
    await connector.upload(new("b"), GivenContent(b"hello"))
    [request] = script.requests
    assert request.headers["if-none-match"] == "*"
    assert request.headers["content-length"] == "5"


async def test_server_that_ignores_conditions_gets_a_move_that_does_not_overwrite(pair: Pair) -> None:
    script, connector = pair
    script.on("PUT", answers(status="201 Created"))
    script.on("DELETE", answers(status="204 No Content"))
    script.on("MOVE", answers(status="201 Created"))
    await connector.upload(new("a"), GivenContent(b"hello"))
    last = script.requests[-1]
    assert last.line == "MOVE /dav/.mover-k.part HTTP/1.1"
    assert (last.headers["overwrite"], last.headers["destination"]) == ("F", f"{script.url}/dav/a")
    script.on("MOVE", answers(status="412 Precondition Failed"))
    with pytest.raises(Conflict):
        await connector.upload(new("a"), GivenContent(b"hello"))
    assert script.requests[-1].line == "DELETE /dav/.mover-k.part HTTP/1.1"


async def test_concurrent_first_uploads_ask_once(pair: Pair) -> None:
    script, connector = pair
    await conditional(script, answers(status="201 Created"))
    await asyncio.gather(*(connector.upload(new(str(n)), GivenContent(b"hello")) for n in range(5)))
    assert len(script.sent("PUT")) == 2 + 5


async def test_fragment_of_a_broken_upload_is_removed(pair: Pair) -> None:
    script, connector = pair
    await conditional(script, hangs_up)
    script.on("PROPFIND", lists(response("/dav/a", FILE.replace(">5<", ">2<"))))
    script.on("GET", answers(b"he", headers="Content-Range: bytes 0-1/2\r\n", status="206 Partial Content"))
    with pytest.raises(Unreachable):
        await connector.upload(new("a"), GivenContent(b"hello"))
    assert [request.line for request in script.sent("DELETE")][1:] == ["DELETE /dav/a HTTP/1.1"]


async def test_fragment_that_shows_up_late_does_not_stand_in_the_way_of_the_repetition(pair: Pair) -> None:
    script, connector = pair
    await conditional(
        script, hangs_up, answers(status="412 Precondition Failed"), answers(status="201 Created")
    )
    fragment = lists(response("/dav/a", FILE.replace(">5<", ">2<")))
    script.on("PROPFIND", answers(status="404 Not Found"), fragment)
    script.on("GET", answers(b"he", headers="Content-Range: bytes 0-1/2\r\n", status="206 Partial Content"))
    with pytest.raises(Unreachable):
        await connector.upload(new("a"), GivenContent(b"hello"))
    entry = await connector.upload(new("a"), GivenContent(b"hello"))
    assert entry.name == "a"
    assert [request.line for request in script.sent("DELETE")][1:] == ["DELETE /dav/a HTTP/1.1"]


@pytest.mark.parametrize("found", [b"HE", b"hello, everybody"])
async def test_what_somebody_else_put_there_is_not_removed(pair: Pair, found: bytes) -> None:
    script, connector = pair
    await conditional(script, hangs_up)
    script.on("PROPFIND", lists(response("/dav/a", FILE.replace(">5<", f">{len(found)}<"))))
    script.on("GET", answers(found))
    with pytest.raises(Unreachable):
        await connector.upload(new("a"), GivenContent(b"hello"))
    script.on("PUT", answers(status="412 Precondition Failed"))
    with pytest.raises(Conflict):
        await connector.upload(new("a"), GivenContent(b"hello"))
    assert len(script.sent("DELETE")) == 1  # the probe's


async def test_old_file_survives_when_the_move_over_it_fails(pair: Pair) -> None:
    script, connector = pair
    old = Entry(name="a", kind=EntryKind.FILE, version="one", size=5)
    script.on("PROPFIND", lists(response("/dav/a")))
    script.on("PUT", answers(status="201 Created"))
    script.on("MOVE", answers(status="500 Oops"))
    script.on("DELETE", answers(status="204 No Content"))
    with pytest.raises(ServiceFault):
        await connector.upload(new("a", replaces=old), GivenContent(b"hello"))
    assert [request.line for request in script.sent("DELETE")] == ["DELETE /dav/.mover-k.part HTTP/1.1"]


async def test_new_content_is_kept_when_a_failed_move_took_the_old_file_away(pair: Pair) -> None:
    script, connector = pair
    old = Entry(name="a", kind=EntryKind.FILE, version="one", size=5)
    script.on("PROPFIND /dav/a", lists(response("/dav/a")), answers(status="404 Not Found"))
    script.on("PUT", answers(status="201 Created"))
    script.on("MOVE", answers(status="500 Oops"))
    script.on("DELETE", answers(status="204 No Content"))
    with pytest.raises(ServiceFault):
        await connector.upload(new("a", replaces=old), GivenContent(b"hello"))
    assert script.sent("DELETE") == []


async def test_move_whose_answer_was_lost_is_recognised(pair: Pair) -> None:
    script, connector = pair
    script.on("PUT", answers(status="201 Created"))
    script.on("DELETE", answers(status="204 No Content"))
    script.on("MOVE", hangs_up)
    script.on("PROPFIND /dav/.mover-k.part", answers(status="404 Not Found"))
    script.on("PROPFIND /dav/a", lists(response("/dav/a")))
    entry = await connector.upload(new("a"), GivenContent(b"hello"))
    assert entry.name == "a"


async def test_move_that_failed_in_part_is_no_success(pair: Pair) -> None:
    script, connector = pair
    script.on("PROPFIND", lists(response("/dav/a", FOLDER)))
    partly = "<d:response><d:href>/dav/a/x</d:href><d:status>HTTP/1.1 423 Locked</d:status></d:response>"
    script.on("MOVE", lists(partly))
    with pytest.raises(Transient):
        await connector.rename(EntryRef("/a"), ROOT, "b")


async def test_success_before_the_whole_body_was_read_is_none(pair: Pair) -> None:
    script, connector = pair

    async def early(client: Client, _: Request) -> None:
        await client.answer(status="201 Created")
        await client.until_closed()

    script.on("PUT", early)
    script.on("DELETE", answers(status="204 No Content"))
    with pytest.raises(IntegrityError):
        await connector.upload(new("a"), GivenContent(b"x" * 30_000_000))
    assert script.sent("MOVE") == []
