from __future__ import annotations

from mover.cli.completion import complete_address, complete_name, complete_service


def test_services_and_saved_names_are_offered(mover, tree):
    mover("connect", "local", "shelf", f"path={tree}")
    mover("connect", "local", "nas", f"path={tree}")
    assert complete_service("s") == ["s3", "sftp", "sharepoint", "swift"]
    assert complete_name("") == ["nas", "shelf"]
    assert complete_address("sh") == ["shelf:/"]


def test_the_tab_key_makes_no_state(home):
    assert complete_name("") == []
    assert not home.exists()


def test_the_tab_key_never_fails(home, monkeypatch):
    home.mkdir()
    (home / "mover.db").write_bytes(b"nonsense" * 1000)
    assert complete_name("") == []
    monkeypatch.setenv("MOVER_READ_TIMEOUT_S", "many")
    assert complete_address("") == []


def test_the_shell_gets_its_script(start):
    process = start(_MOVER_COMPLETE="source_bash")
    out, _ = process.communicate(timeout=60)
    assert "_MOVER_COMPLETE" in out
