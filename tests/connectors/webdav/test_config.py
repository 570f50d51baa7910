"""What a person may fill in."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mover.connectors.registry import connector_type
from mover.connectors.webdav import WebDavConfig
from mover.vault.secret import Secret

GOOD = {"url": "https://nas.example/dav/", "username": "alice", "password": Secret("p")}


@pytest.mark.parametrize(
    "values",
    [
        {"url": "nas.example"},
        {"url": "ftp://nas.example/"},
        {"url": "https:///dav"},
        {"url": "https://alice:p@nas.example/"},
        {"url": "https://nas.example/?a=b"},
        {"url": "https://nas.example/#a"},
        {"url": "https://nas.example:99999/"},
        {"url": "https://nas.example/a b"},
        {"url": "https://nas.example/a\r\nX: y"},
        {"url": "http://nas.example/"},
        {"token": Secret("t")},
        {"username": "a:b"},
        {"auth": "ntlm"},
        {"dialect": "sharepoint"},
        {"client_key": "/key.pem"},
        {"nonsense": "x"},
    ],
)
def test_what_cannot_work_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebDavConfig.model_validate(GOOD | values)


def test_plain_http_works_for_who_insists() -> None:
    assert WebDavConfig.model_validate(GOOD | {"url": "http://nas.example/", "plain": "true"}).plain


def test_secrets_are_marked_and_hidden() -> None:
    secret = {key.name for key in connector_type("webdav").config.keys() if key.secret}  # noqa: SIM118 - a method of ours, no mapping
    assert secret == {"password", "token"}
    assert "hunter2" not in repr(WebDavConfig.model_validate(GOOD | {"password": "hunter2"}))
