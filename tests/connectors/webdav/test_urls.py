"""Paths to URLs and back, and HTTP dates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.connectors.times import http_date
from mover.connectors.webdav.dates import modified_ns
from mover.connectors.webdav.urls import FolderHrefs, Root, origin_of, target_of
from mover.naming import text_from_bytes

NAMES = st.binary(min_size=1, max_size=20).filter(
    lambda raw: b"/" not in raw and b"\0" not in raw and raw not in {b".", b".."}
)


@given(NAMES)
def test_every_name_of_bytes_survives_the_way_there_and_back(raw: bytes) -> None:
    root = Root("https://nas.example", "/dav/", byte_names=True)
    name = text_from_bytes(raw)
    href = target_of(root.file_url(f"/folder/{name}"))
    assert FolderHrefs(root.folder_url("/folder")).name(href) == raw
    assert root.text_of(raw) == name


@given(
    st.text(min_size=1).filter(
        lambda name: (
            "/" not in name
            and "\0" not in name
            and name not in {".", ".."}
            and not any("\ud800" <= c <= "\udfff" for c in name)
        )
    )
)
def test_every_name_of_text_survives_the_way_there_and_back(name: str) -> None:
    root = Root("https://nas.example", "/dav/")
    raw = FolderHrefs(root.folder_url("/")).name(target_of(root.file_url(f"/{name}")))
    assert raw is not None
    assert root.text_of(raw) == name


@pytest.mark.parametrize(
    ("typed", "folder"),
    [
        ("https://nas.example", "https://nas.example/"),
        ("https://NAS.example:443/dav", "https://nas.example/dav/"),
        ("https://nas.example:8443//dav//x/", "https://nas.example:8443/dav/x/"),
        ("https://nas.example/a%20b/ä", "https://nas.example/a%20b/%C3%A4/"),
        ("http://[::1]:80/dav/", "http://[::1]/dav/"),
    ],
)
def test_address_is_brought_into_one_form(typed: str, folder: str) -> None:
    assert Root.at(typed).folder_url("/") == folder


def test_folders_end_with_a_slash_and_files_do_not() -> None:
    root = Root.at("https://nas.example/dav")
    assert root.folder_url("/a?b") == "https://nas.example/dav/a%3Fb/"
    assert root.file_url("/a/#;+") == "https://nas.example/dav/a/%23%3B%2B"


def test_equal_origins_are_equal_text() -> None:
    assert origin_of("HTTPS://Nas.Example:443/x") == origin_of("https://nas.example/y")
    assert origin_of("https://nas.example:444/") != origin_of("https://nas.example/")
    assert origin_of("http://nas.example/") != origin_of("https://nas.example/")


@given(st.integers(min_value=-2_000_000_000, max_value=100_000_000_000))
def test_dates_survive_the_way_there_and_back(seconds: int) -> None:
    assert modified_ns(http_date(seconds * 10**9 + 5)) == seconds * 10**9


@pytest.mark.parametrize(
    "text",
    [
        "Monday, 12-Jan-26 10:11:12 GMT",
        "Mon Jan 12 10:11:12 2026",
        "Mon, 12 Jan 2026 11:11:12 +0100",
        "12 Jan 2026 10:11:12 GMT",
    ],
)
def test_older_forms_of_dates_are_read(text: str) -> None:
    assert modified_ns(text) == 1_768_212_672 * 10**9


@pytest.mark.parametrize(
    "text",
    [None, "", "yesterday", "Mon, 12 Foo 2026 10:11:12 GMT", "Mon, 12 Jan 2026 aa:11:12 GMT", "x" * 1000],
)
def test_what_is_no_date_is_none(text: str | None) -> None:
    assert modified_ns(text) is None
