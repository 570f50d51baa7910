"""Encrypts all that Temporal is given to keep: arguments, results, heartbeats, messages of errors.

They hold ids and numbers only, to begin with. AES-256-GCM with a random nonce; the id of the key is authenticated, and
stands in the payload's metadata, so that keys can be changed while workflows are under way.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes, PayloadCodec

from mover.errors import UntrustedServer
from mover.runner.payload_keys import PayloadKeys

_ENCODING = b"binary/mover-aes-256-gcm"
_NONCE = 12  # bytes, NIST SP 800-38D


class UnreadablePayload(UntrustedServer):
    """Temporal has something that Mover did not write, or wrote under a key that is not here."""

    advice = (
        "Give all runners and the API the same payload keys; a key that was replaced has to stay in the list."
    )


class EncryptedPayloads(PayloadCodec):
    """The codec. What is not encrypted is refused: nobody but Mover may tell runners what to do."""

    def __init__(self, keys: PayloadKeys) -> None:
        self._ciphers = {name: AESGCM(base64.b64decode(key.reveal())) for name, key in keys.keys.items()}
        self._newest = keys.newest[0]

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt."""
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt. Raises UnreadablePayload."""
        return [self._decrypted(payload) for payload in payloads]

    def _encrypted(self, payload: Payload) -> Payload:
        nonce = os.urandom(_NONCE)
        name = self._newest.encode()
        sealed = self._ciphers[self._newest].encrypt(nonce, payload.SerializeToString(), _ENCODING + name)
        return Payload(metadata={"encoding": _ENCODING, "key": name}, data=nonce + sealed)

    def _decrypted(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != _ENCODING:
            raise UnreadablePayload(
                "Temporal holds a payload that is not encrypted, so Mover did not write it"
            )
        name = payload.metadata.get("key", b"")
        cipher = self._ciphers.get(name.decode("ascii", "replace"))
        if cipher is None:
            raise UnreadablePayload("Temporal holds a payload that was encrypted with a key that is not here")
        try:
            raw = cipher.decrypt(payload.data[:_NONCE], payload.data[_NONCE:], _ENCODING + name)
        except (InvalidTag, ValueError):
            raise UnreadablePayload("Temporal holds a payload that was altered") from None
        found = Payload()
        found.ParseFromString(raw)
        return found


def data_converter(keys: PayloadKeys) -> DataConverter:
    """The converter for clients and workers: JSON, encrypted; messages and stack traces of failures too."""
    return DataConverter(
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
        payload_codec=EncryptedPayloads(keys),
    )
