from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.database_url import on_sqlite

from mover.cli.connecting import fingerprint
from mover.cli.values import ask_for_missing, read_values, visible_secrets
from mover.connectors.s3.config import S3Config
from mover.connectors.sftp.config import SftpConfig
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

pytestmark = pytest.mark.usefixtures("tree")


def test_services_and_their_keys_are_listed(mover):
    assert [service["service"] for service in mover("connect", "--json").json] == [
        "box",
        "box-enterprise",
        "dropbox",
        "dropbox-business",
        "egnyte",
        "ftp",
        "ftps",
        "google",
        "google-admin",
        "local",
        "mysql",
        "office365",
        "onedrive",
        "s3",
        "sftp",
        "sharepoint",
        "swift",
        "webdav",
    ]
    keys = {key["name"]: key for key in mover("connect", "sftp", "--json").json["keys"]}
    assert keys["host"]["required"]
    assert keys["password"]["secret"]
    assert "host_key" not in keys
    assert "needed" in mover("connect", "sftp").out


def test_a_folder_is_connected_listed_tested_used_and_forgotten(mover, tree):
    said = mover("connect", "local", "shelf", "path=./tree")
    assert (said.code, said.err) == (0, "")
    (saved,) = mover("connections", "--json").json
    assert saved["config"]["path"] == str(tree)
    assert "shelf" in mover("connections").out

    told = mover("test", "shelf", "--json").json
    assert told["secure"] is True
    assert told["free_bytes"] > 0
    assert "free room" in mover("test", "shelf").out

    assert mover("copy", "shelf:/sub", "./there", "--json").json["copied"] == 2
    assert "removed" in mover("disconnect", "shelf", "--json").out
    assert mover("connections", "--json").json == []


def test_a_connection_that_cannot_be_signed_in_to_is_not_saved(mover):
    said = mover("connect", "local", "shelf", "path=./missing")
    assert said.code == 2
    assert len(said.err.splitlines()) == 2
    assert mover("connections", "--json").json == []


def test_it_is_saved_untested_if_that_is_asked_for(mover):
    assert mover("connect", "local", "shelf", "path=./missing", "--no-test").code == 0
    assert len(mover("connections", "--json").json) == 1


def test_a_name_is_taken_once_and_can_be_replaced(mover, tree):
    mover("connect", "local", "shelf", "path=./tree")
    assert mover("connect", "local", "shelf", "path=./tree/sub").code == 2
    before = mover("connections", "--json").json[0]["id"]
    assert mover("connect", "local", "shelf", "path=./tree/sub", "--replace").code == 0
    (saved,) = mover("connections", "--json").json
    assert (saved["id"], saved["config"]["path"]) == (before, str(tree / "sub"))


def test_a_failed_replacement_leaves_the_old_connection_as_it_was(mover, tree):
    mover("connect", "local", "shelf", "path=./tree")
    assert mover("connect", "local", "shelf", "path=./missing", "--replace").code == 2
    assert mover("connections", "--json").json[0]["config"]["path"] == str(tree)


def test_two_connections_to_one_account_are_the_same_place(mover):
    for name, username in (("one", "alice"), ("two", "alice"), ("other", "bob")):
        assert mover(
            "connect", "sftp", name, "host=nas.invalid", f"username={username}", "password=x", "--no-test"
        ).code == 0  # fmt: skip

    nested = mover("copy", "one:/", "two:/backup")
    apart = mover("copy", "one:/", "other:/backup")

    assert (nested.code, apart.code) == (2, 2)
    assert "lies inside the source" in nested.err
    assert "lies inside" not in apart.err


def test_a_connection_to_a_folder_and_that_folder_are_the_same_place(mover):
    mover("connect", "local", "shelf", "path=./tree")
    for arguments in (("shelf:/", "./tree"), ("./tree/sub", "shelf:/"), ("shelf:/", "./tree/sub")):
        said = mover("copy", *arguments)
        assert said.code == 2, arguments
        assert "same" in said.err or "inside" in said.err


def connect_s3(mover, *arguments: str):
    return mover(
        "connect", "s3", "cold", "endpoint=https://s3.example.org", "access_key=AK", *arguments, "--no-test"
    )


def test_a_literal_secret_is_taken_with_a_warning_that_does_not_repeat_it(mover):
    said = connect_s3(mover, "secret_key=hunter2")
    assert said.code == 0
    assert "secret_key stands in the command line" in said.err
    assert "hunter2" not in said.err + said.out


def test_secrets_come_from_variables_and_files_without_a_warning(mover, monkeypatch):
    monkeypatch.setenv("THE_KEY", "hunter2")
    Path("token").write_text("hunter3\n")
    said = connect_s3(mover, "secret_key=@env:THE_KEY", "session_token=@file:token")
    assert (said.code, said.err) == (0, "")


@on_sqlite
def test_secrets_are_nowhere_in_the_home_folder(mover, home, monkeypatch):
    monkeypatch.setenv("THE_KEY", "hunter2-canary")
    connect_s3(mover, "secret_key=@env:THE_KEY")
    with sqlite3.connect(home / "mover.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    content = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"hunter2-canary" not in content
    assert b"s3.example.org" in content


def test_without_a_terminal_nothing_is_asked(mover):
    said = mover("connect", "s3", "cold")
    assert said.code == 2
    assert "missing: access_key, secret_key" in said.err
    assert "known keys: endpoint" in said.err


def test_one_final_line_end_of_a_file_is_not_part_of_the_value(tmp_path):
    (tmp_path / "secret").write_bytes(b" two\nlines \r\n")
    values = read_values(S3Config, [f"secret_key=@file:{tmp_path}/secret"])
    assert values == {"secret_key": Secret(" two\nlines ")}


def test_a_file_that_is_too_large_or_no_text_is_refused(tmp_path):
    (tmp_path / "large").write_bytes(b"x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name in ("large", "binary"):
        with pytest.raises(InvalidConfiguration):
            read_values(S3Config, [f"secret_key=@file:{tmp_path}/{name}"])


def test_values_keep_their_equals_signs():
    assert read_values(S3Config, ["access_key=a=b="]) == {"access_key": "a=b="}


def test_a_key_file_given_by_its_path_is_found_from_everywhere_and_is_no_visible_secret(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    arguments = ["private_key=id_ed25519", "ca_file=x"]
    assert read_values(SftpConfig, arguments[:1]) == {"private_key": Secret(f"{tmp_path}/id_ed25519")}
    assert read_values(S3Config, arguments[1:]) == {"ca_file": f"{tmp_path}/x"}
    assert visible_secrets(SftpConfig, arguments) == []
    assert visible_secrets(SftpConfig, ["password=x"]) == ["password"]


def test_a_person_is_asked_for_what_is_missing_until_what_is_needed_is_there():
    answers = {"host": ["", "nas"], "username": ["alice"], "password": ["hunter2"]}
    asked: list[tuple[str, bool]] = []

    def ask(key):
        asked.append((key.name, key.secret))
        return answers[key.name].pop(0)

    values = ask_for_missing(SftpConfig, {}, ask)
    assert values == {"host": "nas", "username": "alice", "password": Secret("hunter2")}
    assert asked == [("host", False), ("host", False), ("username", False), ("password", True)]


def test_no_password_is_asked_for_where_a_key_was_given():
    given: dict[str, str | Secret] = {"host": "nas", "username": "alice", "private_key": Secret("/key")}
    assert ask_for_missing(SftpConfig, given, lambda key: pytest.fail(key.name)) == given


def test_the_fingerprint_is_the_one_that_ssh_keygen_prints():
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    assert fingerprint(key) == "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    assert fingerprint("nonsense") == "not readable"


def test_json_of_a_connection_holds_no_secret(mover):
    said = connect_s3(mover, "secret_key=hunter2", "--json")
    assert "hunter2" not in json.dumps(said.json)
