"""Signature Version 4 for a POST with a JSON body to the root of an AWS service.

Source: "Create a signed AWS API request" (AWS Identity and Access Management User Guide). The S3 connector has its own
(`connectors/s3/signing.py`), which is made for paths, queries and unsigned bodies, and for thousands of calls a second.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from mover.vault.secret import Secret

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class AwsCredentials:
    """An access key, and for temporary ones the session token that belongs to it."""

    access_key: str
    secret_key: Secret
    session_token: Secret | None = None


def signed_headers(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    credentials: AwsCredentials,
    region: str,
    service: str,
    at_s: float,
) -> dict[str, str]:
    """Return the headers to send with a POST: those given (lower-case names) and those that prove who sends them."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_s))
    parts = urlsplit(url)
    signed = {**headers, "host": parts.netloc, "x-amz-date": moment}
    if credentials.session_token is not None:
        signed["x-amz-security-token"] = credentials.session_token.reveal()
    names = sorted(signed)
    lines = "".join(f"{name}:{signed[name].strip()}\n" for name in names)
    joined = ";".join(names)
    request = f"POST\n{parts.path or '/'}\n\n{lines}\n{joined}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = f"{_ALGORITHM}\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = ("AWS4" + credentials.secret_key.reveal()).encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    del signed["host"]  # the transport writes it
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key}/{scope}, SignedHeaders={joined}, Signature={signature}"
    )
    return signed
