"""What can be filled in, and what is refused before anything is sent."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mover.connectors.ftp.config import FtpConfig, FtpsConfig
from mover.connectors.registry import connector_type
from mover.transport.curl_library import pycurl
from mover.transport.curl_options import lasting_options
from mover.transport.ftp_access import FtpAccess, FtpRoute, FtpTls
from mover.vault.secret import Secret

GIVEN = {"host": "nas.example.org", "username": "alice", "password": Secret("s3cret")}


def test_ftp_in_the_clear_asks_for_consent() -> None:
    with pytest.raises(ValidationError, match="plain=true"):
        FtpConfig.model_validate(GIVEN)
    assert FtpConfig.model_validate(GIVEN | {"plain": True}).plain
    assert "plain" not in FtpsConfig.model_fields


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


def test_nobody_is_asked_for_the_passphrase_of_a_clients_key() -> None:
    access = FtpAccess(host="a", port=21, username="b", password=Secret(""), tls=FtpTls.EXPLICIT)
    told = lasting_options(access, FtpRoute(host="a", proxy=None, addresses=("127.0.0.1",)))
    assert told[pycurl.KEYPASSWD] == ""  # unset, OpenSSL would ask the terminal and wait
