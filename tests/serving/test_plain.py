from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.serving.plain import answer

pytestmark = pytest.mark.promise("P8")


def head(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def location(answered: bytes) -> str:
    return next(
        line for line in answered.decode().split("\r\n") if line.startswith("Location: ")
    ).removeprefix("Location: ")


@pytest.mark.parametrize(
    ("host", "https_port", "expected"),
    [
        ("localhost:8443", None, "https://localhost:8443/a?b=c"),
        ("mover.example.org", None, "https://mover.example.org/a?b=c"),
        ("mover.example.org:80", 443, "https://mover.example.org/a?b=c"),
        ("mover.example.org", 8443, "https://mover.example.org:8443/a?b=c"),
        ("[::1]:80", 8443, "https://[::1]:8443/a?b=c"),
    ],
)
def test_a_page_is_redirected(host, https_port, expected):
    answered = answer(head("GET /a?b=c HTTP/1.1", f"Host: {host}"), https_port=https_port)
    assert answered.startswith(b"HTTP/1.1 308 ")
    assert location(answered) == expected


@pytest.mark.parametrize(
    "request_head",
    [
        head("POST /a HTTP/1.1", "Host: localhost"),
        head("GET /a HTTP/1.1", "Host: localhost", "Authorization: Bearer secret"),
        head("GET /a HTTP/1.1", "Host: localhost", "cookie: session=secret"),
        head("GET /a HTTP/1.1"),
        head("GET /a HTTP/1.1", "Host: evil\x00.example"),
        head("GET http://elsewhere/ HTTP/1.1", "Host: localhost"),
        b"GET /a HTTP/1.1\r\nHost: localhost",
        b"rubbish",
        b"",
    ],
)
def test_all_else_is_refused_with_the_reason(request_head):
    answered = answer(request_head, https_port=None)
    assert answered.startswith(b"HTTP/1.1 400 ")
    problem = json.loads(answered.partition(b"\r\n\r\n")[2])
    assert problem["status"] == 400
    assert "https only" in problem["detail"]
    assert b"secret" not in answered


@given(st.binary(max_size=300))
def test_no_request_makes_a_header_of_its_own(rubbish):
    for sent in (
        rubbish,
        b"GET /" + rubbish + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: " + rubbish + b"\r\n\r\n",
    ):
        lines = answer(sent, https_port=None).partition(b"\r\n\r\n")[0].split(b"\r\n")
        assert lines[0][:12] in {b"HTTP/1.1 308", b"HTTP/1.1 400"}
        assert [line.partition(b":")[0] for line in lines[1:]] in (
            [b"Location", b"Content-Length", b"Connection"],
            [b"Content-Type", b"Content-Length", b"Connection"],
        )
        assert not any(b"\n" in line or b"\r" in line for line in lines)
