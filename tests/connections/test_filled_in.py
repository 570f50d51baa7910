from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.connections.fake_service import FakeConfig

from mover.connections.filled_in import LONGEST_VALUE, filled_in
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

CANARY = "canary-90a1"


def test_what_was_typed_is_taken_apart_into_plain_and_secret() -> None:
    taken = filled_in(FakeConfig, {"host": "nas", "port": "2222", "password": CANARY})

    assert taken.plain == {"host": "nas", "port": 2222}
    assert taken.secret == {"password": Secret(CANARY)}
    assert taken.config == FakeConfig(host="nas", port=2222, password=Secret(CANARY))


def test_a_secret_given_for_a_plain_key_is_a_plain_value() -> None:
    assert filled_in(FakeConfig, {"host": Secret("nas"), "password": CANARY}).plain == {"host": "nas"}


def test_a_path_becomes_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    taken = filled_in(FakeConfig, {"host": "nas", "password": CANARY, "ca_file": "ca.pem"})

    assert taken.plain["ca_file"] == str(tmp_path / "ca.pem")
    assert taken.config.ca_file == tmp_path / "ca.pem"  # type: ignore[attr-defined] # it is a FakeConfig


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"password": CANARY}, "'host' is missing"),
        ({"host": "nas", "pasword": CANARY, "token": "tok-1"}, "unknown key 'pasword'"),
        ({"host": "nas", "port": "many", "password": CANARY}, "'port': "),
        ({"host": "nas", "port": "70000", "password": CANARY}, "'port': "),
        ({"host": "nas"}, "give password or token"),
        ({"host": "nas", "token": CANARY}, "'token': … does not look like a token"),
        ({"host": "nas", "password": CANARY, "a\nb" * 90: "x"}, "unknown key 'a ba ba"),
        ({"host": "nas", "password": CANARY * LONGEST_VALUE}, "'password' is longer than"),
        ({"host": "nas", "password": f"{CANARY}\udcff"}, "'password' is not text"),
    ],
)
def test_what_is_wrong_is_named_in_one_line_with_the_known_keys_and_without_secrets(
    values: dict[str, str], said: str
) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        filled_in(FakeConfig, values)

    message = str(caught.value)
    assert said in message
    assert CANARY not in message
    assert len(message.splitlines()) == 1
    assert caught.value.__cause__ is None
    assert (
        "longer than" in said
        or "not text" in said
        or "(known keys: host, port, username, password, token, ca_file)" in message
    )


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=4))
def test_rubbish_is_refused_with_the_one_error_for_it(values: dict[str, str]) -> None:
    with pytest.raises(InvalidConfiguration):
        filled_in(FakeConfig, {**values, "port": "rubbish"})
