from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from mover.errors import InvalidConfiguration
from mover.settings import PrivateAddresses, Settings
from mover.vault.secret import Secret
from mover.vault.sources import FileSource, GivenSource, HashicorpSource, KmsSource, Pkcs11Source

CANARY = "canary-77b2"


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("MOVER_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))


def write_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "user" / ".config" / "mover" / "settings.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_any_variable_everything_has_a_safe_default(tmp_path: Path) -> None:
    settings = Settings()

    assert settings.home == tmp_path / "user" / ".local" / "share" / "mover"
    assert settings.allow_private_addresses == PrivateAddresses()
    assert (settings.proxy, settings.ca_file, settings.global_key) == (None, None, None)
    assert (settings.staging_memory_bytes, settings.staging_disk_bytes) == (96 * 2**20, 8 * 2**30)
    assert (settings.connect_timeout_s, settings.read_timeout_s) == (15, 60)


def test_all_folders_stand_in_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOVER_HOME", str(tmp_path / "state"))

    settings = Settings()

    assert settings.staging_path == tmp_path / "state" / "staging"
    assert settings.keys_path == tmp_path / "state" / "keys"
    assert settings.global_key_path == tmp_path / "state" / "keys" / "global.key"
    assert make_url(settings.database_url.reveal()).database == str(tmp_path / "state" / "mover.db")


@pytest.mark.parametrize("name", ["with blank", "50%25", "a?b=c", "a#b", "ü", "a:b@c", "a+b"])
def test_any_folder_name_survives_in_the_databases_url(name: str, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / name)

    assert make_url(settings.database_url.reveal()).database == str(tmp_path / name / "mover.db")


def test_the_xdg_folder_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    assert Settings().home == tmp_path / "data" / "mover"


def test_variables_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    for name, value in {
        "HOME": "~/m",
        "ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8, ::1",
        "PROXY": f"http://alice:{CANARY}@proxy:3128",
        "CA_FILE": str(tmp_path / "ca.pem"),
        "GLOBAL_KEY": CANARY,
        "STAGING_DIR": str(tmp_path / "parts"),
        "STAGING_MEMORY_BYTES": "16MiB",
        "STAGING_DISK_BYTES": "1073741824",
        "CONNECT_TIMEOUT_S": "2.5",
    }.items():
        monkeypatch.setenv(f"MOVER_{name}", value)

    settings = Settings()

    assert settings.home == tmp_path / "user" / "m"
    assert settings.allow_private_addresses.permits(ip_address("127.0.0.1"))
    assert settings.allow_private_addresses.permits(ip_address("::1"))
    assert not settings.allow_private_addresses.permits(ip_address("10.0.0.1"))
    assert settings.proxy == Secret(f"http://alice:{CANARY}@proxy:3128")
    assert settings.ca_file == tmp_path / "ca.pem"
    assert settings.global_key == Secret(CANARY)
    assert settings.staging_path == tmp_path / "parts"
    assert (settings.staging_memory_bytes, settings.staging_disk_bytes) == (16 * 2**20, 2**30)
    assert settings.connect_timeout_s == 2.5
    assert CANARY not in repr(settings) + str(settings.model_dump()) + settings.model_dump_json()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVER_PROXY", "")
    monkeypatch.setenv("MOVER_ALLOW_PRIVATE_ADDRESSES", "")

    assert Settings().proxy is None
    assert Settings().allow_private_addresses == PrivateAddresses()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOW_PRIVATE_ADDRESSES", "some"),
        ("ALLOW_PRIVATE_ADDRESSES", "10.0.0.1/8"),
        ("ALLOW_PRIVATE_ADDRESSES", "10.0.0.0/8;::1"),
        ("PROXY", f"ftp://alice:{CANARY}@proxy:21"),
        ("PROXY", f"http://alice:{CANARY}@proxy"),
        ("PROXY", f"http://alice:{CANARY}@proxy:99999"),
        ("PROXY", f"http://[{CANARY}"),
        ("PROXY", f"alice:{CANARY}@proxy:3128"),
        ("PROXY", f"http://proxy:3128/{CANARY}"),
        ("CA_FILE", "/nowhere/ca.pem"),
        ("CA_FILE", "/"),
        ("STAGING_MEMORY_BYTES", "lots"),
        ("STAGING_MEMORY_BYTES", "1"),
        ("STAGING_DISK_BYTES", "-1"),
        ("CONNECT_TIMEOUT_S", "0"),
        ("CONNECT_TIMEOUT_S", "nan"),
        ("READ_TIMEOUT_S", "forever"),
        ("STAGING_MEMORY_BYTES", "0"),
        ("HOME", "~nobody-of-this-name/x"),
    ],
)
def test_rubbish_is_named_in_one_line_without_repeating_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MOVER_{name}", value)

    with pytest.raises(InvalidConfiguration) as caught:
        Settings()

    assert f"MOVER_{name}: " in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.__cause__ is None
    assert len(str(caught.value).splitlines()) == 1


def test_all_that_is_wrong_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVER_READ_TIMEOUT_S", "x")
    monkeypatch.setenv("MOVER_CA_FILE", "/nowhere")

    with pytest.raises(InvalidConfiguration, match=r"MOVER_CA_FILE.*MOVER_READ_TIMEOUT_S"):
        Settings()


def test_two_global_keys_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVER_GLOBAL_KEY", CANARY)
    monkeypatch.setenv("MOVER_GLOBAL_KEY_FILE", "/x")

    with pytest.raises(InvalidConfiguration, match="MOVER_GLOBAL_KEY and MOVER_GLOBAL_KEY_FILE") as caught:
        Settings()

    assert CANARY not in str(caught.value)


def test_the_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_file(
        tmp_path, 'allow_private_addresses = ["10.0.0.0/8", "::1"]\nconnect_timeout_s = 2\nread_timeout_s = 5'
    )
    monkeypatch.setenv("MOVER_CONNECT_TIMEOUT_S", "3")

    settings = Settings()

    assert settings.allow_private_addresses == PrivateAddresses.parse("10.0.0.0/8,::1")
    assert (settings.connect_timeout_s, settings.read_timeout_s) == (3, 5)


def test_an_argument_wins_over_both(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_file(tmp_path, "connect_timeout_s = 2")
    monkeypatch.setenv("MOVER_CONNECT_TIMEOUT_S", "3")

    assert Settings(connect_timeout_s=4).connect_timeout_s == 4


def test_another_file_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("allow_private_addresses = true")
    monkeypatch.setenv("MOVER_SETTINGS_FILE", str(tmp_path / "mine.toml"))

    assert Settings().allow_private_addresses.every


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f'proxi = "{CANARY}"', r"unknown keys: proxi \(is proxy meant\?\)"),
        (f'log_level = "info"\nproxy = "{CANARY}', r"not a TOML file \(at .+\)"),
        (f'proxy = "{CANARY}', "not a TOML file"),
        ('proxy = ["http://proxy:1"]', "MOVER_PROXY"),
        ("\0", "not a TOML file"),
        (f'global_key = {{ secret = "{CANARY}" }}', "MOVER_GLOBAL_KEY"),
    ],
)
def test_a_wrong_file_is_said_without_repeating_secrets(tmp_path: Path, text: str, said: str) -> None:
    write_file(tmp_path, text)

    with pytest.raises(InvalidConfiguration, match=said) as caught:
        Settings()

    assert CANARY not in str(caught.value)


def test_a_file_with_a_secret_must_not_be_readable_by_others(tmp_path: Path) -> None:
    path = write_file(tmp_path, f'global_key = "{CANARY}"', mode=0o640)

    with pytest.raises(InvalidConfiguration, match="chmod 600"):
        Settings()
    path.chmod(0o600)
    assert Settings().global_key == Secret(CANARY)


def test_a_named_file_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOVER_SETTINGS_FILE", str(tmp_path / "none.toml"))

    with pytest.raises(InvalidConfiguration, match="MOVER_SETTINGS_FILE"):
        Settings()


def test_a_folder_in_the_files_place_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOVER_SETTINGS_FILE", str(tmp_path))

    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        Settings()


def test_settings_do_not_change() -> None:
    settings = Settings()

    with pytest.raises(ValueError, match="frozen"):
        settings.connect_timeout_s = 7  # type: ignore[misc]  # the mistake under test


@pytest.mark.parametrize("yes", [True, "true", "TRUE", " yes ", "on", "1"])
def test_true_permits_every_address(yes: object) -> None:
    assert PrivateAddresses.parse(yes).permits(ip_address("169.254.169.254"))


@given(st.ip_addresses(), st.sampled_from([False, "false", "no", "off", "0", "", [], ()]))
def test_false_permits_none(address, no: object) -> None:
    assert not PrivateAddresses.parse(no).permits(address)


@given(st.ip_addresses(), st.ip_addresses())
def test_a_single_address_permits_itself_only(one, other) -> None:
    allowed = PrivateAddresses.parse(str(one))

    assert allowed.permits(one)
    assert allowed.permits(other) == (one == other)


def test_the_global_key_is_in_a_file_unless_something_else_is_said(tmp_path: Path) -> None:
    assert Settings(home=tmp_path).preferred_global_key == FileSource(path=tmp_path / "keys" / "global.key")
    given = Settings(global_key=Secret("11"), global_key_previous=Secret("22"))
    assert given.preferred_global_key == GivenSource(key=Secret("11"))
    assert given.earlier_global_keys == (GivenSource(key=Secret("22")),)


def test_a_key_service_can_be_named_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "KIND": "hashicorp",
        "ADDRESS": "https://vault.example.org:8200/",
        "KEY": "mover",
        "ROLE_ID": "r",
        "SECRET_ID": CANARY,
    }
    for name, value in given.items():
        monkeypatch.setenv(f"MOVER_GLOBAL_KEY_SOURCE__{name}", value)
    monkeypatch.setenv("MOVER_PREVIOUS_GLOBAL_KEYS", '[{"kind": "file", "path": "/old.key"}]')

    settings = Settings()

    assert isinstance(settings.preferred_global_key, HashicorpSource)
    assert settings.preferred_global_key.address == "https://vault.example.org:8200"
    assert settings.preferred_global_key.secret_id == Secret(CANARY)
    assert settings.earlier_global_keys == (FileSource(path=Path("/old.key")),)
    assert CANARY not in repr(settings) + settings.model_dump_json()


def test_a_key_service_can_be_named_in_the_file(tmp_path: Path) -> None:
    write_file(
        tmp_path,
        """
[global_key_source]
kind = "aws-kms"
key = "arn:aws:kms:eu-central-1:111122223333:key/1234"
[[previous_global_keys]]
kind = "pkcs11"
module = "/usr/lib/softhsm/libsofthsm2.so"
token = "vault"
key = "mover"
pin_file = "/run/secrets/pin"
""",
        mode=0o644,  # it holds no secret
    )

    settings = Settings()

    assert isinstance(settings.preferred_global_key, KmsSource)
    assert settings.preferred_global_key.region_of_key == "eu-central-1"
    assert isinstance(settings.earlier_global_keys[0], Pkcs11Source)


@pytest.mark.parametrize(
    "text",
    [
        f'global_key_previous = "{CANARY}"',
        f'[global_key_source]\nkind = "given"\nkey = "{CANARY}"',
        f'[[previous_global_keys]]\nkind = "pkcs11"\nmodule = "/m"\ntoken = "t"\nkey = "k"\npin = "{CANARY}"',
        f'[global_key_source]\nkind = "hashicorp"\naddress = "https://x"\nkey = "k"\ntoken = "{CANARY}"',
        f'[global_key_source]\nkind = "aws-kms"\nkey = "k"\naccess_key = "a"\nsecret_key = "{CANARY}"',
    ],
)
def test_a_file_with_a_secret_of_a_key_service_must_not_be_read_by_others(tmp_path: Path, text: str) -> None:
    path = write_file(tmp_path, text, mode=0o640)

    with pytest.raises(InvalidConfiguration, match="chmod 600"):
        Settings()

    path.chmod(0o600)
    Settings()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("MOVER_GLOBAL_KEY_SOURCE", f'{{"kind": "{CANARY}"}}', "MOVER_GLOBAL_KEY_SOURCE"),
        ("MOVER_GLOBAL_KEY_SOURCE", f'{{"kind": "given", "key": "{CANARY}", "x": 1}}', r"given\.x"),
        (
            "MOVER_GLOBAL_KEY_SOURCE",
            f'{{"kind": "hashicorp", "key": "k", "token": "{CANARY}", "address": "http://far"}}',
            r"hashicorp\.address.*https",
        ),
        (
            "MOVER_PREVIOUS_GLOBAL_KEYS",
            f'[{{"kind": "given", "key": ["{CANARY}"]}}]',
            "MOVER_PREVIOUS_GLOBAL_KEYS",
        ),
    ],
)
def test_a_key_service_that_cannot_work_is_named_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(InvalidConfiguration, match=words) as caught:
        Settings()

    assert CANARY not in str(caught.value)


def test_the_database_is_where_the_operator_says_and_its_password_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"postgresql://mover:{CANARY}@db.example.org/mover?sslmode=verify-full"
    monkeypatch.setenv("MOVER_DATABASE_URL", url)
    monkeypatch.setenv("MOVER_DATABASE_CONNECTIONS", "20")

    settings = Settings()

    assert settings.database_url.reveal() == url
    assert settings.database_connections == 20
    assert CANARY not in repr(settings) + settings.model_dump_json()


def test_a_file_with_the_databases_url_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_file(tmp_path, f'database_url = "postgresql://mover:{CANARY}@db/mover"', mode=0o644)

    with pytest.raises(InvalidConfiguration, match="can be read by others") as caught:
        Settings()

    assert CANARY not in str(caught.value)


def test_two_holders_of_the_global_key_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOVER_GLOBAL_KEY", "11" * 32)
    monkeypatch.setenv("MOVER_GLOBAL_KEY_SOURCE", '{"kind": "file", "path": "/x"}')

    with pytest.raises(
        InvalidConfiguration, match="MOVER_GLOBAL_KEY and MOVER_GLOBAL_KEY_SOURCE are both set"
    ):
        Settings()


def test_a_home_that_cannot_be_is_said_although_the_database_stands_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOVER_HOME", "~nobody-of-that-name/x")

    with pytest.raises(InvalidConfiguration, match="MOVER_HOME"):
        Settings()
