"""What is typed about encryption is looked at before anything is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mover.cli.sealing import read_sealing
from mover.errors import InvalidConfiguration
from mover.workplace.sealing import SealingChoice

KEY = "age1g4gegvpwsrfcze5ctzz3nym32lfwz92weaslezaesgks543nw3hqwe2qfv"


def read(**typed: Any) -> SealingChoice:
    nothing = {"seal_to": (), "seal_names": False, "open_with": (), "crypt_to": None, "crypt_from": None}
    return read_sealing(**{**nothing, "versions": 0, **typed})


@pytest.mark.promise("P11")
@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"open_with": ("AGE-SECRET-KEY-1ABC",)}, "@file:PATH.*or ask"),
        ({"seal_to": ("AGE-SECRET-KEY-1ABC",)}, "private key"),
        ({"crypt_to": "1ABC"}, "@file:PATH"),
        ({"crypt_from": "@env:NO_SUCH_VARIABLE"}, "no environment variable"),
        ({"seal_to": ("age1nonsense",)}, "age1nonsense"),
        ({"seal_to": ("@file:/no/such/file",)}, "cannot be read"),
        ({"seal_names": True}, "public keys"),
        ({"open_with": ("ask",)}, "no terminal"),
        ({"seal_to": (KEY,), "versions": 3}, "earlier versions"),
    ],
)
def test_what_cannot_be_is_refused_and_no_secret_repeated(typed: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidConfiguration, match=why) as caught:
        read(**typed)
    assert "1ABC" not in str(caught.value)


def test_keys_come_from_the_command_line_files_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text(f"# mine\n{KEY}\n")
    monkeypatch.setenv("PASSWORD", "secret")

    both = read(seal_to=(KEY, f"@file:{tmp_path / 'keys'}"), seal_names=True)
    crypt = read(crypt_to="@env:PASSWORD", crypt_from="@env:PASSWORD")

    assert both.seals
    assert not both.opens
    assert crypt.crypt_to is not None
    assert crypt.crypt_to.reveal() == "secret"
    assert "secret" not in repr(crypt)
