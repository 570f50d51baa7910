"""Rubbish in every argument: one clear line, a line of advice at most, exit code 2, and never a traceback."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.database_url import on_sqlite

pytestmark = pytest.mark.usefixtures("tree")

HUGE = "9" * 30
COPY = ("copy", "./tree", "./there")

ARGUMENTS = [
    ("frobnicate",),
    ("--nonsense",),
    ("copy",),
    ("copy", "./tree"),
    ("copy", "./tree", "./there", "./third"),
    ("copy", "tree", "./there"),
    ("copy", "./tree", "there"),
    ("copy", "", "./there"),
    ("copy", "./tree", ""),
    ("copy", "./missing", "./there"),
    ("copy", "./tree/a.txt/below", "./there"),
    ("copy", "./tree", "./tree"),
    ("copy", "./tree", "./tree/sub"),
    ("copy", "./tree/sub", "./tree"),
    ("copy", "./tree", "./tree/a.txt"),
    ("copy", "./tree", "/dev/null"),
    ("copy", "./tree", "/proc/new"),
    ("copy", "/dev/zero", "./there"),
    ("copy", "./tr\0ee", "./there"),
    ("copy", "nas:/a", "./there"),
    ("copy", "./tree", "nas:/a"),
    ("copy", "nas:/../a", "./there"),
    ("copy", "https://host/x", "./there"),
    ("copy", "./" + "x" * 40_000, "./there"),
    ("copy", "./" + "x/" * 4_000, "./there"),
    (*COPY, "--bwlimit", "fast"),
    (*COPY, "--bwlimit", "-1"),
    (*COPY, "--bwlimit", "0.1"),
    (*COPY, "--bwlimit", HUGE + "T"),
    (*COPY, "--bwlimit"),
    (*COPY, "--min-size", "big"),
    (*COPY, "--min-size", "-5"),
    (*COPY, "--min-size", "2M", "--max-size", "1M"),
    (*COPY, "--max-size", HUGE),
    (*COPY, "--max-size", ""),
    (*COPY, "--newer-than", "yesterday"),
    (*COPY, "--newer-than", "2024-02-30"),
    (*COPY, "--older-than", "-3d"),
    (*COPY, "--older-than", "99999-01-01"),
    (*COPY, "--newer-than", "2024-01-02", "--older-than", "2024-01-01"),
    (*COPY, "--verify", "maybe"),
    (*COPY, "--conflict", "delete"),
    (*COPY, "--include", "a//b"),
    (*COPY, "--include", "[z-a]"),
    (*COPY, "--exclude", "../x"),
    (*COPY, "--exclude", "\udc80"),
    (*COPY, "--filter-from", "missing"),
    (*COPY, "--filter-from", "."),
    (*COPY, "--filter-from", "fi\0le"),
    (*COPY, "--files-from", "missing"),
    (*COPY, "--files-from", "bad-list"),
    ("copy", "./tree/a.txt", "./there", "--files-from", "list"),
    ("copy", "./tree", "./there", "--report", "/dev/null/report"),
    ("scan",),
    ("scan", "tree"),
    ("scan", "./missing"),
    ("scan", "./tree", "there"),
    ("verify", "./tree"),
    ("verify", "./tree", "./there", "--verify", "never"),
    ("verify", "./tree", "./there", "--dry-run"),
    ("ls",),
    ("ls", "tree"),
    ("ls", "./missing"),
    ("ls", "nas:/"),
    ("runs", "--limit", "0"),
    ("runs", "--limit", "-1"),
    ("runs", "--limit", "many"),
    ("runs", "--limit", HUGE),
    ("report",),
    ("report", "0"),
    ("report", "-1"),
    ("report", "1"),
    ("report", "one"),
    ("report", HUGE),
    ("report", "1", "--format", "pdf"),
    ("connect", "gopher"),
    ("connect", "gopher", "g", "x=1"),
    ("connect", "local", "file", "path=/"),
    ("connect", "local", "a b", "path=/"),
    ("connect", "local", "a:b", "path=/"),
    ("connect", "local", "", "path=/"),
    ("connect", "local", "x" * 200, "path=/"),
    ("connect", "local", "ok"),
    ("connect", "local", "ok", "path"),
    ("connect", "local", "ok", "=x"),
    ("connect", "local", "ok", "path=/", "path=/tmp"),
    ("connect", "local", "ok", "path=/", "colour=red"),
    ("connect", "local", "ok", "path=./missing"),
    ("connect", "local", "ok", "path=pa\0th"),
    ("connect", "local", "ok", "path=@env:NO_SUCH_VARIABLE"),
    ("connect", "local", "ok", "path=@file:missing"),
    ("connect", "local", "ok", "path=@file:."),
    ("connect", "local", "ok", "path=@file:\0"),
    ("connect", "sftp", "nas", "host=x", "port=99999", "username=u", "password=@file:list"),
    ("connect", "sftp", "nas", "host=x", "port=" + HUGE, "username=u", "password=@file:list"),
    ("connect", "sftp", "nas", "host=a b", "username=u", "password=@file:list"),
    ("connect", "sftp", "nas", "host=127.0.0.1", "username=u", "password=@file:list"),
    ("connect", "s3", "cold", "endpoint=ftp://x", "access_key=a", "secret_key=@file:list"),
    ("connect", "webdav", "dav", "url=not a url"),
    ("test",),
    ("test", "nobody"),
    ("disconnect", "nobody"),
    ("disconnect", "\0"),
    ("keys", "burn"),
    ("keys", "rotate", "--new-key", "literal"),
    ("keys", "rotate", "--new-key", "@env:NO_SUCH_VARIABLE"),
    ("keys", "rotate", "--new-key", "@file:list"),
]


def name_of(arguments: tuple[str, ...]) -> str:
    return " ".join(argument[:20] for argument in arguments).encode("ascii", "backslashreplace").decode()


def assert_refused(said) -> None:
    assert said.code == 2, said
    lines = said.err.splitlines()
    assert lines, said
    assert len(lines) <= 2, said.err
    assert lines[0].startswith("mover: ")
    assert len(lines[0]) < 1_500
    assert not lines[0].startswith("mover: unexpected")
    assert "Traceback" not in said.err
    assert "\0" not in said.err


@pytest.fixture(autouse=True)
def lists(home: Path) -> None:  # noqa: ARG001 - whose fixture changes the current folder
    Path("bad-list").write_text("../outside\n")
    Path("list").write_text("a.txt\n")


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=name_of)
def test_rubbish_gets_one_line_and_exit_code_2(mover, arguments):
    said = mover(*arguments)
    assert_refused(said)
    assert said.out == ""
    assert not Path("there").exists() or "--report" in arguments


@pytest.mark.parametrize(
    "arguments",
    [
        ("copy", "tree", "./there"),
        ("copy", "./missing", "./there"),
        ("ls", "nas:/"),
        ("report", "7"),
        ("copy",),
    ],
    ids=name_of,
)
def test_machines_get_an_object_with_the_reason(mover, arguments):
    said = mover(*arguments, "--json")
    assert said.code == 2
    (line,) = said.out.splitlines()
    found = json.loads(line)
    assert (found["status"], found["run"], found["copied"]) == ("Failed", None, 0)
    assert found["error"]["message"]
    assert found["error"]["reason"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOVER_ALLOW_PRIVATE_ADDRESSES", "perhaps"),
        ("MOVER_PROXY", "nowhere"),
        ("MOVER_CA_FILE", "/missing.pem"),
        ("MOVER_GLOBAL_KEY", "short"),
        ("MOVER_STAGING_MEMORY_BYTES", "-1"),
        ("MOVER_STAGING_DISK_BYTES", "lots"),
        ("MOVER_CONNECT_TIMEOUT_S", "nan"),
        ("MOVER_READ_TIMEOUT_S", "0"),
        ("MOVER_HOME", "/dev/null"),
        ("MOVER_HOME", "/proc/mover"),
        ("MOVER_HOME", "/dev/null/below"),
        ("MOVER_STAGING_DIR", "/dev/null/below"),
        ("MOVER_SETTINGS_FILE", "/missing.toml"),
    ],
)
def test_rubbish_in_settings_gets_one_line_that_names_it(mover, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    said = mover(*COPY)
    assert_refused(said)
    assert name in said.err or value in said.err


def test_a_secret_in_settings_is_not_repeated(mover, monkeypatch):
    monkeypatch.setenv("MOVER_PROXY", "ftp://user:hunter2@host:1")
    assert "hunter2" not in mover("runs").err


@on_sqlite
def test_a_database_that_is_none_is_named(mover, home):
    home.mkdir()
    (home / "mover.db").write_bytes(b"this is not a database" * 100)
    said = mover("runs")
    assert_refused(said)
    assert "mover.db" in said.err


@on_sqlite
def test_a_damaged_database_is_named(mover, home):
    mover(*COPY)
    database = home / "mover.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    raw = bytearray(database.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    database.write_bytes(raw)
    assert_refused(mover("runs"))


@on_sqlite
def test_the_database_of_another_program_is_left_alone(mover, home):
    home.mkdir()
    with sqlite3.connect(home / "mover.db") as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()
    assert_refused(mover("runs"))


def test_a_value_that_is_wrong_is_not_repeated_if_it_is_secret(mover):
    said = mover("connect", "s3", "cold", "endpoint=https://x", "access_key=bad key", "secret_key=hunter2")
    assert said.code == 2
    assert "hunter2" not in said.err + said.out
