"""Statuses mean what they mean to a mover of files, and wishes for a pause are read in every form."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.errors import (
    Conflict,
    Locked,
    MoverError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    QuotaExceeded,
    ServiceFault,
    SignInFailed,
    Throttled,
    TimedOut,
    TooLarge,
    Transient,
    Unsupported,
)
from mover.transport.status import error_from_status, parse_retry_after

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def now() -> float:
    return NOW


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ProtocolViolation),
        (401, SignInFailed),
        (403, PermissionDenied),
        (404, NotFound),
        (405, Unsupported),
        (408, TimedOut),
        (409, Conflict),
        (410, NotFound),
        (412, Conflict),
        (413, TooLarge),
        (418, ProtocolViolation),
        (423, Locked),
        (429, Throttled),
        (500, ServiceFault),
        (501, Unsupported),
        (502, ServiceFault),
        (503, ServiceFault),
        (504, TimedOut),
        (507, QuotaExceeded),
        (599, ServiceFault),
        (200, ProtocolViolation),
        (302, ProtocolViolation),
        (999, ProtocolViolation),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[MoverError]) -> None:
    error = error_from_status(
        status, headers={}, said="Oh\r\nno", service="webdav", operation="upload", path="/a", now=now
    )
    assert type(error) is kind
    assert f"(HTTP {status})" in str(error)
    assert (error.service, error.operation, error.path, error.said) == ("webdav", "upload", "/a", "Oh no")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("value", "seconds"), [("30", 30), ("0", 0), ("1.5", 1.5), ("Tue, 14 Nov 2023 22:14:20 GMT", 60)]
)
def test_throttling_carries_the_wish(status: int, value: str, seconds: float) -> None:
    error = error_from_status(status, headers={"Retry-After": value}, now=now)
    assert isinstance(error, Throttled)
    assert error.retry_after_s == seconds


@pytest.mark.parametrize("status", [408, 423, 425, 500, 502, 504, 509])
def test_every_transient_error_carries_the_wish(status: int) -> None:
    error = error_from_status(status, headers={"Retry-After": "9"}, now=now)
    assert isinstance(error, Transient)
    assert error.retry_after_s == 9


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Tue, 14 Nov 2023 22:13:50 GMT", 30),
        ("Tuesday, 14-Nov-23 22:13:50 GMT", 30),  # RFC 850
        ("Tue Nov 14 22:13:50 2023", 30),  # asctime
        ("Tue, 14 Nov 2023 23:13:50 +0100", 30),
        ("Tue, 14 Nov 2023 22:13:19 GMT", 0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (" 120 ", 120),
        ("999999999", 604800),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 604800),
    ],
)
def test_every_form_of_a_wish_is_read(value: str, seconds: float) -> None:
    assert parse_retry_after(value, now=now) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-5",
        "1e9",
        "inf",
        "nan",
        "0x10",
        "١٢",
        "12 s",
        "9" * 400,
        "Tue, 99 Foo 2023",
        "a" * 9999,
    ],
)
def test_an_unreadable_wish_is_none(value: str | None) -> None:
    assert parse_retry_after(value, now=now) is None


@given(st.text(max_size=80))
def test_whatever_a_service_sends_the_wait_is_sensible(value: str) -> None:
    seconds = parse_retry_after(value, now=now)
    assert seconds is None or (math.isfinite(seconds) and 0 <= seconds <= 604800)


@given(st.integers())
def test_any_status_gives_an_error(status: int) -> None:
    assert isinstance(error_from_status(status, headers={}), MoverError)
