from __future__ import annotations

import os
from pathlib import Path

import pytest

from mover.cli.addresses import parse_address
from mover.errors import InvalidConfiguration
from mover.naming import text_from_bytes
from mover.workplace.addresses import LocalAddress, ServiceAddress


@pytest.mark.parametrize(
    "text", ["./x/y", "x/../x/y", "/{here}/x/y", "file:/{here}/x/y", "file:./x/y", "./x//y/"]
)
def test_every_way_to_write_a_local_path_means_the_same_place(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = text.replace("/{here}", str(tmp_path))
    if text.startswith("x/"):
        text = "./" + text
    assert parse_address(text) == LocalAddress(text, f"{tmp_path}/x/y")


def test_a_link_is_known_by_the_folder_it_leads_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    found = parse_address(str(tmp_path / "link" / "below"))
    assert found.path == f"{tmp_path}/real/below"


def test_a_local_name_that_is_not_utf8_is_spelled_as_everywhere(tmp_path):
    raw = os.fsencode(tmp_path) + b"/caf\xe9"
    assert parse_address(os.fsdecode(raw)).path == text_from_bytes(raw)


@pytest.mark.parametrize(
    ("text", "path"),
    [("nas:", "/"), ("nas:/", "/"), ("nas:docs", "/docs"), ("nas:/a/b/", "/a/b"), ("nas:/a:b", "/a:b")],
)
def test_a_connection_and_a_path(text, path):
    assert parse_address(text) == ServiceAddress(text, "nas", path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "docs",
        "docs/sub",
        "~/x",
        "file:x",
        "file:",
        "nas:/../x",
        "nas:/a\0b",
        "./a\0b",
        ":/x",
        "https://host/x",
        "-",
        "\n",
    ],
)
def test_anything_else_is_refused_in_one_line(text):
    with pytest.raises(InvalidConfiguration) as error:
        parse_address(text)
    assert "\n" not in str(error.value)
    assert "\0" not in str(error.value)


def test_a_forgotten_dot_is_pointed_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("docs").mkdir()
    with pytest.raises(InvalidConfiguration, match=r"did you mean \./docs\?"):
        parse_address("docs")


def test_a_path_longer_than_any_service_takes_is_refused():
    with pytest.raises(InvalidConfiguration, match="longer than"):
        parse_address("nas:/" + "x" * 40_000)
