"""Signatures of webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`, spelled `v1,<base64>`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Sequence

from mover.vault.secret import Secret

_PREFIX = "whsec_"
_BYTES = 32


def new_secret(random: Callable[[int], bytes] = os.urandom) -> Secret:
    """Make a secret: `whsec_` and 32 random bytes in base64."""
    return Secret(_PREFIX + base64.b64encode(random(_BYTES)).decode())


def signed_headers(
    secrets: Sequence[Secret], message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """Headers of a message, signed by each of these secrets; a receiver accepts it if one of the signatures is right."""
    content = f"{message_id}.{timestamp_s}.".encode() + body
    signatures = [
        hmac.new(base64.b64decode(secret.reveal().removeprefix(_PREFIX)), content, hashlib.sha256).digest()
        for secret in secrets
    ]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }
