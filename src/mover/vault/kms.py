"""A global key in AWS KMS: it encrypts and decrypts there, and never leaves the service.

Source: "AWS Key Management Service API Reference": Encrypt, Decrypt, common errors. A new version of the key's material
("rotation") needs nothing here: KMS finds the one that a ciphertext was made with.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mover.errors import (
    InvalidConfiguration,
    MoverError,
    PermissionDenied,
    ProtocolViolation,
    ServiceFault,
    SignInFailed,
    Throttled,
)
from mover.vault.aws_signature import AwsCredentials, signed_headers
from mover.vault.door import Answer, KeyServiceDoor
from mover.vault.envelope import UnsealError
from mover.vault.secret import Secret
from mover.vault.secret_files import read_secret
from mover.vault.sources import KmsSource

_SERVICE = "AWS KMS"
_OK = 200
_FIRST_FAULT = 500
_ARN_PARTS = 6

_NOT_OURS = {"InvalidCiphertextException", "IncorrectKeyException"}
_STATE = (
    InvalidConfiguration,
    "the key {key} cannot be used in its state; if its deletion is scheduled, cancel that: all secrets go with it",
)
_USE = InvalidConfiguration, "{key} does not name a symmetric key for encryption"
_SIGNATURE = (
    SignInFailed,
    "the signature is not accepted; check the secret key, the region, and this machine's clock",
)
_CREDENTIALS = SignInFailed, "the credentials are not accepted"
_RATE = Throttled, "the service asks for fewer calls"
_MEANINGS: Mapping[str, tuple[type[MoverError], str]] = {
    "NotFoundException": (InvalidConfiguration, "there is no key {key} in {region}"),
    "DisabledException": (InvalidConfiguration, "the key {key} is disabled; enable it"),
    "KMSInvalidStateException": _STATE,
    "InvalidKeyUsageException": _USE,
    "ValidationException": _USE,
    "AccessDeniedException": (
        PermissionDenied,
        "the account may not use the key {key}; allow it kms:Encrypt and kms:Decrypt",
    ),
    "InvalidSignatureException": _SIGNATURE,
    "SignatureDoesNotMatch": _SIGNATURE,
    "RequestExpired": _SIGNATURE,
    "UnrecognizedClientException": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "MissingAuthenticationTokenException": _CREDENTIALS,
    "IncompleteSignatureException": _CREDENTIALS,
    "ThrottlingException": _RATE,
    "LimitExceededException": _RATE,
}


class KmsKeyProvider:
    """See `KeyProvider`. Which key an alias stands for is found out once; from then on that very key is used.

    All methods raise what the door raises; SignInFailed, PermissionDenied, Throttled, ServiceFault, ProtocolViolation;
    InvalidConfiguration if the key is not there, disabled, or about to be deleted, or region or credentials are missing.

    Args:
        source: Which key, and with which credentials.
        door: The way out.
        now: Seconds since 1970; signatures are good for five minutes around it.
        environment: Where the standard variables (AWS_...) are looked for.
    """

    def __init__(
        self,
        source: KmsSource,
        door: KeyServiceDoor,
        *,
        now: Callable[[], float] = time.time,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        region = (
            source.region_of_key or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
        )
        if not region:
            raise InvalidConfiguration(
                f"{_SERVICE} needs a region: give one, the key's ARN, or set AWS_REGION", service=_SERVICE
            )
        domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        self._source = source
        self._door = door
        self._now = now
        self._environment = environment
        self._region = region
        self._url = (source.endpoint or f"https://kms.{region}.{domain}") + "/"
        self._arn = source.key if ":key/" in source.key else None

    @property
    def title(self) -> str:
        """See `KeyProvider`."""
        return f"the key {self._source.key!r} of {_SERVICE} in {self._region}"

    async def key_id(self) -> str:
        """See `KeyProvider`. Made of the key's ARN; the replicas of a multi-region key have one id."""
        if self._arn is None:
            # Asking for the ARN by Encrypt needs no right that is not needed anyway, unlike DescribeKey.
            await self._encrypt(b"which key is this?", _context(b""))
        arn = self._arn or ""
        parts = arn.split(":")
        if len(parts) == _ARN_PARTS and parts[5].startswith("key/mrk-"):
            parts[3] = ""
            arn = ":".join(parts)
        return "aws-kms-" + hashlib.sha256(arn.encode()).hexdigest()[:32]

    async def wrap(self, key: bytes, where: bytes) -> bytes:
        """See `KeyProvider`."""
        return await self._encrypt(key, _context(where))

    async def unwrap(self, wrapped: bytes, where: bytes) -> bytes:
        """See `KeyProvider`. Only this key is used, whatever key the ciphertext names."""
        await self.key_id()
        answer = await self._call(
            "Decrypt",
            {
                "KeyId": self._arn,
                "CiphertextBlob": base64.b64encode(wrapped).decode(),
                "EncryptionContext": _context(where),
            },
        )
        return _bytes(answer, "Plaintext")

    async def _encrypt(self, plain: bytes, context: dict[str, str]) -> bytes:
        answer = await self._call(
            "Encrypt",
            {
                "KeyId": self._arn or self._source.key,
                "Plaintext": base64.b64encode(plain).decode(),
                "EncryptionContext": context,
            },
        )
        match answer.get("KeyId"):
            case str(arn) if ":key/" in arn:
                self._arn = self._arn or arn
            case _:
                raise ProtocolViolation(f"{_SERVICE} did not say which key it used", service=_SERVICE)
        return _bytes(answer, "CiphertextBlob")

    async def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        body = msgspec.json.encode(request)
        headers = signed_headers(
            self._url,
            {
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"TrentService.{operation}",
            },
            body,
            credentials=await self._credentials(),
            region=self._region,
            service="kms",
            at_s=self._now(),
        )
        answer = await self._door.post(
            self._url,
            headers,
            body,
            ca_file=self._source.ca_file,
            allow_plain=self._url.startswith("http:"),
        )
        decoded = _decoded(answer)
        if answer.status != _OK:
            raise self._failure(answer.status, decoded, operation)
        return decoded

    async def _credentials(self) -> AwsCredentials:
        source = self._source
        if source.access_key is not None:
            secret_key = await asyncio.to_thread(
                read_secret, source.secret_key, source.secret_key_file, f"the secret key for {_SERVICE}"
            )
            return AwsCredentials(source.access_key, secret_key, source.session_token)
        access_key = self._environment.get("AWS_ACCESS_KEY_ID")
        secret = self._environment.get("AWS_SECRET_ACCESS_KEY")
        token = self._environment.get("AWS_SESSION_TOKEN")
        if not access_key or not secret:
            raise InvalidConfiguration(
                f"{_SERVICE} needs credentials: access_key and secret_key, or AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY",
                service=_SERVICE,
            )
        return AwsCredentials(access_key, Secret(secret), Secret(token) if token else None)

    def _failure(self, status: int, answer: dict[str, Any], operation: str) -> Exception:
        kind = str(answer.get("__type", "")).rpartition("#")[2].partition(":")[0]
        if kind in _NOT_OURS:
            return UnsealError()
        make, message = _MEANINGS.get(kind) or (
            (ServiceFault, "the service reports a fault of its own")
            if status >= _FIRST_FAULT
            else (ProtocolViolation, f"unexpected answer (HTTP {status})")
        )
        said = str(answer.get("message") or answer.get("Message") or kind)
        return make(
            message.format(key=repr(self._source.key), region=self._region),
            service=_SERVICE,
            operation=operation,
            said=said,
        )


def _context(where: bytes) -> dict[str, str]:
    """The place as KMS takes it. It is written to CloudTrail in the clear, so whose key it is stays a digest."""
    return {"application": "mover", "place": hashlib.sha256(where).hexdigest()}


def _decoded(answer: Answer) -> dict[str, Any]:
    try:
        decoded = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        decoded = None
    if isinstance(decoded, dict):
        return decoded
    if answer.status != _OK:
        return {}
    raise ProtocolViolation(f"{_SERVICE} answered with something unexpected", service=_SERVICE)


def _bytes(answer: dict[str, Any], name: str) -> bytes:
    try:
        return base64.b64decode(answer[name], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise ProtocolViolation(f"{_SERVICE} answered without a {name}", service=_SERVICE) from None
