from __future__ import annotations

import stat

import pytest

from mover.cli.remote.choice import Options, checked_address, choose
from mover.cli.remote.profiles import Profile, Profiles
from mover.errors import InvalidConfiguration, MoverError, NotFound
from mover.vault.secret import Secret

KEY = "mvr_canarycanary"


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "config" / "profiles.json"
    monkeypatch.setenv("MOVER_PROFILES_FILE", str(path))
    for name in ("MOVER_API_KEY", "MOVER_SERVER"):
        monkeypatch.delenv(name, raising=False)
    return path


def profile(name: str = "work", server: str = "https://mover.example.org") -> Profile:
    return Profile(name=name, server=server, key=Secret(KEY))


def test_a_profile_is_saved_for_its_owner_alone_and_found_again(file):
    Profiles(file).save(profile())
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert Profiles(file).get("work").key == Secret(KEY)
    assert Profiles(file).used() == "work"


def test_the_first_one_is_used_until_another_is_chosen(file):
    known = Profiles(file)
    known.save(profile())
    known.save(profile("home", "https://home.example.org"))
    assert known.used() == "work"
    known.use("home")
    assert choose(Options()).url == "https://home.example.org"
    known.remove("home")
    assert known.used() is None
    assert [each.name for each in known.all()] == ["work"]


def test_a_file_that_others_can_read_is_refused(file):
    Profiles(file).save(profile())
    file.chmod(0o640)
    with pytest.raises(InvalidConfiguration, match="chmod 600"):
        Profiles(file).all()


@pytest.mark.parametrize("content", [b"rubbish", b"[]", b'{"profiles": [{"name": 1}]}', b"\xff"])
def test_a_file_that_holds_something_else_is_named(file, content):
    file.parent.mkdir()
    file.touch(mode=0o600)
    file.write_bytes(content)
    with pytest.raises(InvalidConfiguration, match="holds no profiles"):
        Profiles(file).all()


def test_names_that_could_be_mistaken_are_refused(file):
    with pytest.raises(InvalidConfiguration):
        Profiles(file).save(profile("--server"))
    with pytest.raises(NotFound):
        Profiles(file).use("nobody")


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("https://Mover.example.org/", "https://mover.example.org"),
        ("https://mover.example.org:8443", "https://mover.example.org:8443"),
        ("localhost:8443", "https://localhost:8443"),
    ],
)
def test_an_address_is_brought_into_one_form(given, url):
    assert checked_address(given) == url


@pytest.mark.parametrize(
    "given",
    [
        "http://mover.example.org",
        "https://u:canary@h",
        "https://h/path",
        "https://h?x",
        "ftp://h",
        "https://h:0",
        "",
        "https://h:x",
    ],
)
def test_addresses_that_cannot_be_right_are_refused(given):
    with pytest.raises(InvalidConfiguration, match="--server") as refused:
        checked_address(given)
    assert "canary" not in str(refused.value)


def test_a_saved_key_goes_to_its_own_server_only(file, monkeypatch):
    Profiles(file).save(profile())
    with pytest.raises(InvalidConfiguration, match="no API key"):
        choose(Options(server="https://elsewhere.example.org"))
    with pytest.raises(InvalidConfiguration, match="is for https://mover"):
        choose(Options(server="https://elsewhere.example.org", profile="work"))
    monkeypatch.setenv("MOVER_SERVER", "https://elsewhere.example.org")
    with pytest.raises(InvalidConfiguration, match="no API key"):
        choose(Options())
    assert choose(Options(profile="work")).url == "https://mover.example.org"


@pytest.mark.usefixtures("file")
def test_a_key_in_the_command_line_is_warned_of(capsys):
    found = choose(Options(server="https://h", api_key=KEY))
    assert found.key == Secret(KEY)
    assert "where others on this machine can see it" in capsys.readouterr().err


@pytest.mark.usefixtures("file")
def test_a_key_from_a_variable_or_a_file_is_not(monkeypatch, tmp_path, capsys):
    (tmp_path / "key").write_text(KEY + "\n")
    monkeypatch.setenv("SOME_KEY", KEY)
    for given in ("@env:SOME_KEY", f"@file:{tmp_path / 'key'}"):
        assert choose(Options(server="https://h", api_key=given)).key == Secret(KEY)
    monkeypatch.setenv("MOVER_API_KEY", KEY)
    assert choose(Options(server="https://h")).key == Secret(KEY)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("file")
@pytest.mark.parametrize("key", ["", "two words", "line\nbreak-canary", "ä" * 20, "x" * 600])
def test_what_cannot_be_a_key_is_refused_and_not_shown(monkeypatch, key):
    monkeypatch.setenv("MOVER_API_KEY", key)
    with pytest.raises(MoverError) as refused:
        choose(Options(server="https://h"))
    assert "canary" not in str(refused.value)


def test_profiles_are_managed_by_commands(file, mover, monkeypatch):
    monkeypatch.setenv("MOVER_API_KEY", KEY)
    monkeypatch.setenv("MOVER_PROFILES_FILE", str(file))
    assert mover("profile", "add", "work", "--server", "https://h:1", "--json").json["used"]
    assert mover("profile", "add", "other", "--server", "https://o").out.startswith(
        "other is saved; to use it"
    )
    assert mover("profile", "use", "other").code == 0
    listed = mover("profile", "list")
    assert KEY not in listed.out
    assert [each["used"] for each in mover("profile", "list", "--json").json] == [True, False]
    assert mover("profile", "remove", "other").code == 0
    assert mover("profile", "remove", "other").code == 2
    monkeypatch.delenv("MOVER_API_KEY")
    said = mover("profile", "add", "third", "--server", "https://h")
    assert (said.code, "no API key" in said.err) == (2, True)
