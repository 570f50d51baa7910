"""What can be filled in, and what is refused before anything is sent."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mover.connectors.ftp.config import FtpConfig, FtpsConfig
from mover.connectors.registry import connector_type
from mover.vault.secret import Secret

GIVEN = {"host": "nas.example.org", "username": "alice", "password": Secret("s3cret")}


def test_ftp_in_the_clear_asks_for_consent() -> None:
    with pytest.raises(ValidationError, match="plain_ftp=true"):
        FtpConfig.model_validate(GIVEN)
    assert FtpConfig.model_validate(GIVEN | {"plain_ftp": True}).plain_ftp
    assert "plain_ftp" not in FtpsConfig.model_fields


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("username", "alice\r\nDELE /x"),
        ("password", Secret("pass\nword")),
        ("path", "/a\r\nb"),
        ("host", "a b"),
        ("encoding", "utf-16"),
        ("encoding", "utf-7"),
        ("encoding", "rot13"),
        ("encoding", "no such"),
        ("client_key", "/key.pem"),
    ],
)
def test_what_could_not_work_is_refused_and_no_secret_is_shown(key: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        FtpsConfig.model_validate(GIVEN | {key: value})
    assert "s3cret" not in str(caught.value)
    assert "word" not in str(caught.value).replace("password", "")


def test_password_must_be_one_that_the_encoding_has() -> None:
    with pytest.raises(ValidationError, match="cannot be spelled"):
        FtpsConfig.model_validate(GIVEN | {"password": Secret("日本"), "encoding": "cp1252"})


@pytest.mark.parametrize("name", ["ftp", "ftps"])
def test_both_services_are_known(name: str) -> None:
    assert connector_type(name).name == name
