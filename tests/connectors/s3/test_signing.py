from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qsl

import botocore.auth  # type: ignore[import-untyped]  # it has no types
import pytest
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # likewise
from botocore.credentials import Credentials as BotocoreCredentials  # type: ignore[import-untyped]  # likewise
from hypothesis import given
from hypothesis import strategies as st

from mover.connectors.s3.signing import (
    EMPTY_SHA256,
    UNSIGNED_PAYLOAD,
    Credentials,
    Signer,
    encode_path,
    encode_query,
)
from mover.vault.secret import Secret

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

text = st.text(st.characters(codec="utf-8"), max_size=30)
header_values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=30)
HOSTILE = [
    "a//b",
    "/lead",
    "./x",
    "a/../b",
    "a b+c%d&e?f#g",
    "~tilde",
    "é",
    "🙂",
    "\x01",
    "\n",
    "a=b;c",
    "'\"()*!",
    "%2F",
]


def signer(token: str | None = None) -> Signer:
    return Signer(
        Credentials(
            access_key=ACCESS_KEY,
            secret_key=Secret(SECRET_KEY),
            session_token=Secret(token) if token else None,
        )
    )


class BotocoreSigning(botocore.auth.S3SigV4Auth):  # type: ignore[misc]  # its base has no types
    """Botocore's signer at a given time with a given payload hash."""

    def __init__(self, credentials: Any, region: str, *, payload: str, at: dt.datetime) -> None:
        super().__init__(credentials, "s3", region)
        self._payload = payload
        self._at = at

    def payload(self, _request: Any) -> str:
        return self._payload

    def authorization(self, request: Any) -> str:
        request.context["timestamp"] = self._at.strftime("%Y%m%dT%H%M%SZ")
        self._modify_request_before_signing(request)
        text = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(text, request))
        return str(request.headers["Authorization"])


def check(
    method: str,
    key: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    payload: str,
    *,
    token: str | None = None,
) -> None:
    at = dt.datetime(2026, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    path, spelled = encode_path("/bucket/" + key), encode_query(query)
    ours = signer(token).sign(
        method,
        authority="s3.example.com:8333",
        path=path,
        query=spelled,
        headers=headers,
        payload=payload,
        region="eu-central-1",
        at_s=at.timestamp(),
    )
    url = f"https://s3.example.com:8333{path}" + (f"?{spelled}" if spelled else "")
    credentials = BotocoreCredentials(ACCESS_KEY, SECRET_KEY, token)
    theirs = BotocoreSigning(credentials, "eu-central-1", payload=payload, at=at)
    assert ours["authorization"] == theirs.authorization(AWSRequest(method, url, headers=headers))


def signed(one: Signer, region: str, at_s: float) -> str:
    headers = one.sign(
        "GET",
        authority="h",
        path="/",
        query="",
        headers={},
        payload=EMPTY_SHA256,
        region=region,
        at_s=at_s,
    )
    return headers["authorization"]


@pytest.mark.parametrize("key", HOSTILE)
def test_signs_hostile_keys_as_botocore_does(key: str) -> None:
    check("GET", key, [("prefix", key)], {}, EMPTY_SHA256)


def test_signs_parameters_one_of_which_begins_with_the_name_of_another() -> None:
    check("GET", "key", [("part-number", "1"), ("part", "2"), ("part=", "3")], {}, EMPTY_SHA256)


@given(
    key=text,
    query=st.lists(st.tuples(text.filter(bool), text), max_size=4, unique_by=lambda pair: pair[0]),
    media_type=header_values,
    token=st.none() | st.text("abcXYZ019/+=", min_size=1, max_size=40),
)
def test_signs_whatever_there_is_as_botocore_does(
    key: str, query: list[tuple[str, str]], media_type: str, token: str | None
) -> None:
    headers = {"content-type": media_type, "x-amz-meta-mtime": "1.5", "if-none-match": "*"}
    check("PUT", key, query, headers, UNSIGNED_PAYLOAD, token=token)


def test_derives_a_key_of_its_own_for_each_day_and_region() -> None:
    one = signer()
    first = signed(one, "a", 0)
    assert signed(one, "b", 0) != first
    assert signed(one, "a", 86400) != first
    assert signed(one, "a", 0) == first


def test_the_query_that_is_signed_is_the_one_that_is_sent() -> None:
    query = [("prefix", "a b+c&d=é"), ("delimiter", "/")]
    assert sorted(parse_qsl(encode_query(query))) == sorted(query)


def test_the_session_token_is_signed_and_sent() -> None:
    headers = signer("token").sign(
        "GET", authority="h", path="/", query="", headers={}, payload=EMPTY_SHA256, region="a", at_s=0
    )
    assert headers["x-amz-security-token"] == "token"
    assert "x-amz-security-token" in headers["authorization"]


def test_neither_signer_nor_credentials_show_the_secret() -> None:
    credentials = Credentials(access_key=ACCESS_KEY, secret_key=Secret(SECRET_KEY))
    assert SECRET_KEY not in repr(credentials)
    assert SECRET_KEY not in repr(vars(Signer(credentials)))
