"""A passkey authenticator in software, with everything about it that a hostile one could change."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One passkey. Its counter goes up with each use unless `counts` is false."""

    origin: str = "https://mover.example.org"
    rp_id: str = "mover.example.org"
    flags: int = PRESENT | VERIFIED
    counts: bool = True
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    user_handle: str = ""

    def register(self, options: str, **changed: Any) -> str:
        """Answer `navigator.credentials.create()`."""
        asked = json.loads(options)
        self.user_handle = asked["user"]["id"]
        client_data = self._client_data("webauthn.create", asked["challenge"], changed)
        data = self._authenticator_data(ATTESTED) + self._attested()
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {
                "clientDataJSON": bytes_to_base64url(client_data),
                "attestationObject": bytes_to_base64url(attestation),
                "transports": ["internal", "smoke-signal"],
            }
        )

    def sign_in(self, options: str, **changed: Any) -> str:
        """Answer `navigator.credentials.get()`."""
        asked = json.loads(options)
        client_data = self._client_data("webauthn.get", asked["challenge"], changed)
        data = self._authenticator_data(0)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": bytes_to_base64url(client_data),
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(signature),
                "userHandle": self.user_handle,
            }
        )

    def _client_data(self, kind: str, challenge: str, changed: dict[str, Any]) -> bytes:
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False, **changed}
        ).encode()

    def _authenticator_data(self, more_flags: int) -> bytes:
        self.count += self.counts
        rp_hash = hashlib.sha256(self.rp_id.encode()).digest()
        return rp_hash + bytes([self.flags | more_flags]) + self.count.to_bytes(4, "big")

    def _attested(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        return bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(cose)

    def _answer(self, response: dict[str, Any]) -> str:
        spelled = bytes_to_base64url(self.credential_id)
        assert base64url_to_bytes(spelled) == self.credential_id
        return json.dumps(
            {
                "id": spelled,
                "rawId": spelled,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )
