from __future__ import annotations

import fcntl
import json
import os

import pytest
from sqlalchemy import select
from tests.cli.conftest import in_database
from tests.servers.hashicorp import hashicorp

from mover.audit.tables import audit_events
from mover.vault.vault import Vault

KEY, NEXT = "11" * 32, "22" * 32


@pytest.fixture
def connected(mover, monkeypatch):
    """A connection with a secret."""
    monkeypatch.setenv("THE_KEY", "hunter2")

    def connect() -> None:
        mover(
            "connect", "s3", "cold", "endpoint=https://x.example.org", "access_key=a", "secret_key=@env:THE_KEY", "--no-test"
        )  # fmt: skip

    return connect


def can_open(mover) -> bool:
    """Whether the stored secret can be read: then only the network is in the way."""
    return "global key" not in mover("test", "cold").err


@pytest.mark.promise("audit")
def test_keys_in_a_file_are_renewed_and_open_the_secrets(mover, connected, home):
    connected()
    before = (home / "keys" / "global.key").read_text()
    assert mover("keys", "rotate", "--json").json == {"rotated": True}
    assert (home / "keys" / "global.key").read_text() != before
    assert [path.name for path in (home / "keys").iterdir()] == ["global.key"]
    assert can_open(mover)
    events = select(audit_events.c.action, audit_events.c.actor_name)
    told = in_database(home, lambda connection: [tuple(row) for row in connection.execute(events)])
    assert ("vault.keys_rotated", "the operator") in told


def test_a_rotation_that_was_killed_halfway_is_finished_by_the_next(mover, connected, home, monkeypatch):
    connected()
    rotate = Vault.rotate_global

    async def killed(self, new):
        await rotate(self, new)
        raise RuntimeError  # the new key has wrapped all, and lies beside the old one

    with monkeypatch.context() as patched:
        patched.setattr(Vault, "rotate_global", killed)
        assert mover("keys", "rotate").code == 2
    assert can_open(mover)
    assert (home / "keys" / "global.key.new").exists()
    assert mover("keys", "rotate").code == 0
    assert can_open(mover)
    assert [path.name for path in (home / "keys").iterdir()] == ["global.key"]


def test_two_rotations_at_once_do_not_lose_each_other_s_new_key(mover, connected, home):
    connected()
    new = home / "keys" / "global.key.new"
    new.write_text(NEXT)  # as the other one has it while it wraps the secrets with it
    new.chmod(0o600)
    other = os.open(home / "keys", os.O_RDONLY)
    try:
        fcntl.flock(other, fcntl.LOCK_EX)
        refused = mover("keys", "rotate")
    finally:
        os.close(other)
    assert refused.code == 2
    assert "another process" in refused.err
    assert new.read_text() == NEXT


def test_a_key_left_over_by_a_rotation_that_did_nothing_is_not_used(mover, connected, home):
    connected()
    left = home / "keys" / "global.key.new"
    left.write_text(NEXT)
    left.chmod(0o600)
    assert mover("keys", "rotate").code == 0
    assert (home / "keys" / "global.key").read_text() != NEXT
    assert can_open(mover)


def test_a_key_in_the_environment_is_changed_to_one_that_the_operator_made(mover, connected, monkeypatch):
    monkeypatch.setenv("MOVER_GLOBAL_KEY", KEY)
    connected()
    assert mover("keys", "rotate").code == 2
    monkeypatch.setenv("NEXT_KEY", NEXT)
    said = mover("keys", "rotate", "--new-key", "@env:NEXT_KEY")
    assert said.code == 0
    assert "set MOVER_GLOBAL_KEY" in said.err
    assert not can_open(mover)
    monkeypatch.setenv("MOVER_GLOBAL_KEY", NEXT)
    assert can_open(mover)


def test_without_secrets_there_is_nothing_to_rotate(mover):
    assert mover("keys", "rotate", "--json").json == {"rotated": False}


def keys_of(mover) -> list[tuple[str, bool, int]]:
    return [
        (key["where"], key["current"], key["persons"])
        for key in mover("keys", "status", "--json").json["keys"]
    ]


def test_the_status_says_which_key_is_needed(mover, connected, home):
    file = f"the file {str(home / 'keys' / 'global.key')!r}"
    connected()
    said = mover("keys", "status")
    assert said.code == 0
    assert file in said.out
    assert "wraps new keys, and those of 1" in said.out
    assert keys_of(mover) == [(file, True, 1)]


def test_the_status_of_a_lost_key_says_what_is_missing_and_makes_no_other(mover, connected, home):
    connected()
    (home / "keys" / "global.key").unlink()
    said = mover("keys", "status")
    assert said.code == 2
    assert "is missing; put it back" in said.out
    assert mover("keys", "rotate").code == 2
    assert list((home / "keys").iterdir()) == []


def test_a_key_in_the_environment_is_changed_while_both_are_given(mover, connected, monkeypatch):
    monkeypatch.setenv("MOVER_GLOBAL_KEY", KEY)
    connected()
    monkeypatch.setenv("MOVER_GLOBAL_KEY", NEXT)
    assert not can_open(mover)
    assert mover("keys", "rotate").code == 2  # the old one is not known
    monkeypatch.setenv("MOVER_GLOBAL_KEY_PREVIOUS", KEY)
    assert can_open(mover)
    first, second = mover("keys", "status").out.splitlines()
    assert "`mover keys rotate` moves everything there" in first
    assert "wraps new keys, and those of 1" in second
    assert mover("keys", "rotate").code == 0
    first, second = mover("keys", "status").out.splitlines()
    assert "wraps new keys, and those of 1" in first
    assert "it can go" in second
    monkeypatch.delenv("MOVER_GLOBAL_KEY_PREVIOUS")
    assert can_open(mover)


def test_keys_move_from_the_file_to_the_environment_and_back(mover, connected, home, monkeypatch):
    connected()
    file = home / "keys" / "global.key"
    monkeypatch.setenv("MOVER_GLOBAL_KEY", KEY)
    monkeypatch.setenv("MOVER_PREVIOUS_GLOBAL_KEYS", f'[{{"kind": "file", "path": "{file}"}}]')
    assert mover("keys", "rotate").code == 0
    file.unlink()
    monkeypatch.delenv("MOVER_PREVIOUS_GLOBAL_KEYS")
    assert can_open(mover)

    monkeypatch.delenv("MOVER_GLOBAL_KEY")
    monkeypatch.setenv("MOVER_GLOBAL_KEY_PREVIOUS", KEY)
    assert mover("keys", "rotate").code == 0
    assert file.exists()
    monkeypatch.delenv("MOVER_GLOBAL_KEY_PREVIOUS")
    assert can_open(mover)


def test_the_command_uses_a_key_service(mover, connected, home, monkeypatch, tmp_path):
    with hashicorp(tmp_path / "hashicorp") as server:
        server.make_key("mover")
        source = {
            "kind": "hashicorp",
            "address": server.url,
            "key": "mover",
            "token": server.make_token(),
            "ca_file": str(server.ca_file),
        }
        monkeypatch.setenv("MOVER_GLOBAL_KEY_SOURCE", json.dumps(source))
        connected()
        assert can_open(mover)
        server.keys["", "transit", "mover"].rotate()
        assert mover("keys", "rotate", "--json").json == {"rotated": True}
        server.keys["", "transit", "mover"].min_decryption_version = 2
        assert can_open(mover)
        server.sealed = True
        sealed = mover("test", "cold")
        assert sealed.code == 2
        assert "is sealed; unseal it" in sealed.err
        assert source["token"] not in sealed.err + sealed.out
    assert not (home / "keys").exists()
