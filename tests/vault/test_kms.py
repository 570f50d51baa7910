from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import botocore.auth  # type: ignore[import-untyped]  # it has no types
import msgspec
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # likewise
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # likewise
from tests.servers.kms import ACCESS_KEY, REGION, SECRET_KEY, KmsServer

from mover.errors import (
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    Throttled,
)
from mover.settings import PrivateAddresses
from mover.transport.egress import Egress
from mover.transport.key_services import KeyServices
from mover.vault.aws_signature import AwsCredentials, signed_headers
from mover.vault.door import Answer
from mover.vault.envelope import UnsealError
from mover.vault.kms import KmsKeyProvider
from mover.vault.secret import Secret
from mover.vault.sources import KmsSource

KEY = b"a person's key, 32 bytes long..."
NOW_S = 1_700_000_000.0
ARN = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture
async def door() -> AsyncIterator[KeyServices]:
    services = KeyServices(Egress(allowed=PrivateAddresses(every=True)))
    yield services
    await services.close()


@pytest.fixture
def key(kms_server: KmsServer) -> str:
    made: str = kms_server.client().create_key()["KeyMetadata"]["Arn"]
    return made


def provider(server: KmsServer, door: KeyServices, key: str, **fields: Any) -> KmsKeyProvider:
    return KmsKeyProvider(
        KmsSource(
            key=key,
            region=REGION,
            endpoint=server.url,
            access_key=ACCESS_KEY,
            secret_key=Secret(SECRET_KEY),
            **fields,
        ),
        door,
    )


async def test_a_key_is_wrapped_in_the_service_and_opens_at_its_place_alone(
    kms_server: KmsServer, door: KeyServices, key: str
) -> None:
    keys = provider(kms_server, door, key)

    wrapped = await keys.wrap(KEY, b"here")

    assert KEY not in wrapped
    assert await keys.unwrap(wrapped, b"here") == KEY
    with pytest.raises(UnsealError):
        await keys.unwrap(wrapped, b"there")
    with pytest.raises(UnsealError):
        await keys.unwrap(wrapped[:-1] + bytes([wrapped[-1] ^ 1]), b"here")


async def test_an_alias_is_the_key_that_it_stood_for_at_first(
    kms_server: KmsServer, door: KeyServices, key: str
) -> None:
    client = kms_server.client()
    other = client.create_key()["KeyMetadata"]["Arn"]
    client.create_alias(AliasName="alias/mover", TargetKeyId=key)
    keys = provider(kms_server, door, "alias/mover")
    try:
        wrapped = await keys.wrap(KEY, b"here")
        client.update_alias(AliasName="alias/mover", TargetKeyId=other)

        assert await keys.key_id() == await provider(kms_server, door, key).key_id()
        assert await keys.unwrap(wrapped, b"here") == KEY
        assert await keys.unwrap(await keys.wrap(KEY, b"there"), b"there") == KEY
        restarted = provider(kms_server, door, "alias/mover")
        assert await restarted.key_id() == await provider(kms_server, door, other).key_id()
    finally:
        client.delete_alias(AliasName="alias/mover")


async def test_a_key_that_is_not_there_is_named(kms_server: KmsServer, door: KeyServices) -> None:
    with pytest.raises(InvalidConfiguration, match="no key"):
        await provider(kms_server, door, ARN).wrap(KEY, b"here")


# without a server


class Playing:
    """A door that answers as it is told, and remembers what it was given."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, Mapping[str, str], bytes]] = []

    async def post(
        self,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        ca_file: Path | None = None,
        allow_plain: bool = False,
    ) -> Answer:
        assert not ca_file
        assert not allow_plain
        self.asked.append((url, headers, body))
        return self.answers.pop(0)


def failed(status: int, kind: str, message: str = "") -> Answer:
    return Answer(status, msgspec.json.encode({"__type": kind, "message": message}))


def alone(door: Playing, environment: Mapping[str, str] | None = None, **fields: Any) -> KmsKeyProvider:
    given = {"key": ARN, "access_key": ACCESS_KEY, "secret_key": Secret(SECRET_KEY), **fields}
    return KmsKeyProvider(KmsSource(**given), door, now=lambda: NOW_S, environment=environment or {})


@pytest.mark.parametrize("token", [None, "session-token"])
def test_signatures_are_those_of_botocore(token: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    body, url = b'{"KeyId": "x"}', "https://kms.eu-central-1.amazonaws.com/"
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.Encrypt"}
    request = AWSRequest("POST", url, headers=headers, data=body)

    ours = signed_headers(
        url,
        headers,
        body,
        credentials=AwsCredentials(ACCESS_KEY, Secret(SECRET_KEY), Secret(token) if token else None),
        region="eu-central-1",
        service="kms",
        at_s=NOW_S,
    )

    monkeypatch.setattr(
        botocore.auth,
        "get_current_datetime",
        lambda: dt.datetime.fromtimestamp(NOW_S, dt.UTC).replace(tzinfo=None),
    )
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY, token), "kms", "eu-central-1").add_auth(request)

    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
    assert ours.get("x-amz-security-token") == token


async def test_the_place_goes_to_the_service_as_a_digest_only() -> None:
    door = Playing(Answer(200, msgspec.json.encode({"KeyId": ARN, "CiphertextBlob": "AAAA"})))

    await alone(door).wrap(KEY, b"person:alice")

    url, headers, body = door.asked[0]
    assert url == f"https://kms.{REGION}.amazonaws.com/"
    assert headers["x-amz-target"] == "TrentService.Encrypt"
    assert set(msgspec.json.decode(body)["EncryptionContext"]) == {"application", "place"}
    assert b"alice" not in body


async def test_replicas_of_a_multi_region_key_have_one_id() -> None:
    ids = {
        await alone(Playing(), key=f"arn:aws:kms:{region}:111122223333:key/mrk-1234", region=region).key_id()
        for region in ("eu-central-1", "us-east-1")
    }
    assert len(ids) == 1
    assert await alone(Playing()).key_id() not in ids


async def test_credentials_come_from_the_standard_environment_if_none_are_given() -> None:
    ok = Answer(200, msgspec.json.encode({"KeyId": ARN, "CiphertextBlob": "AAAA"}))
    environment = {"AWS_ACCESS_KEY_ID": "FROMENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"}
    door = Playing(ok)
    await alone(door, environment, access_key=None, secret_key=None).wrap(KEY, b"here")
    assert "Credential=FROMENV/" in door.asked[0][1]["authorization"]
    assert door.asked[0][1]["x-amz-security-token"] == "t"

    with pytest.raises(InvalidConfiguration, match="needs credentials"):
        await alone(Playing(), access_key=None, secret_key=None).wrap(KEY, b"here")
    with pytest.raises(InvalidConfiguration, match="needs a region"):
        alone(Playing(), key="alias/mover")
    alone(Playing(), {"AWS_REGION": "eu-west-1"}, key="alias/mover")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (failed(400, "AccessDeniedException"), PermissionDenied, "kms:Decrypt"),
        (failed(400, "com.amazonaws.kms#KMSInvalidStateException"), InvalidConfiguration, "deletion"),
        (failed(400, "DisabledException"), InvalidConfiguration, "enable it"),
        (failed(400, "InvalidSignatureException", "Signature expired"), SignInFailed, "clock"),
        (failed(400, "UnrecognizedClientException"), SignInFailed, "credentials"),
        (failed(400, "ThrottlingException"), Throttled, "fewer"),
        (failed(500, "KMSInternalException"), ServiceFault, "fault"),
        (Answer(502, b"<html>"), ServiceFault, "fault"),
        (Answer(418, b""), ProtocolViolation, "418"),
        (Answer(200, b"<html>"), ProtocolViolation, "unexpected"),
        (Answer(200, b"{}"), ProtocolViolation, "which key"),
        (
            Answer(200, msgspec.json.encode({"KeyId": ARN, "CiphertextBlob": 7})),
            ProtocolViolation,
            "CiphertextBlob",
        ),
    ],
)
async def test_what_the_service_answers_is_explained(
    answer: Answer, kind: type[MoverError], words: str
) -> None:
    with pytest.raises(kind, match=words):
        await alone(Playing(answer)).wrap(KEY, b"here")


async def test_a_ciphertext_of_another_key_does_not_open() -> None:
    with pytest.raises(UnsealError):
        await alone(Playing(failed(400, "IncorrectKeyException"))).unwrap(b"x", b"here")
