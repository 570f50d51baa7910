"""The codes themselves: TOTP (RFC 6238, as every authenticator app makes them) and recovery codes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from io import BytesIO

import pyotp
import segno

from mover.accounts.records import TotpSetup
from mover.vault.secret import Secret

STEP_S = 30
"""For how long a code is shown."""

RECOVERY_CODES = 10

_WINDOW = 1  # steps before and after: clocks differ, and people type slowly (RFC 6238 section 5.2)
_SECRET_CHARACTERS = 32  # 160 bits, as RFC 4226 section 4 recommends
_TOTP_CODE = re.compile(r"[0-9]{6}")
_RECOVERY_BYTES = 10
_RECOVERY_CODE = re.compile(r"[a-z2-7]{16}")
_BLANKS = re.compile(r"[\s-]+")


def new_totp(email: str, issuer: str) -> TotpSetup:
    """Make a secret, its `otpauth:` address and a picture of that."""
    secret = pyotp.random_base32(_SECRET_CHARACTERS)
    return shown_totp(Secret(secret), email, issuer)


def shown_totp(secret: Secret, email: str, issuer: str) -> TotpSetup:
    """Make the address of a secret and its QR code as an SVG element without styles of its own."""
    uri = pyotp.TOTP(secret.reveal()).provisioning_uri(name=email, issuer_name=issuer)
    picture = BytesIO()
    segno.make(uri, error="m", micro=False).save(
        picture, kind="svg", scale=4, border=4, xmldecl=False, svgns=True, nl=False, omitsize=False
    )
    return TotpSetup(secret, Secret(uri), Secret(picture.getvalue().decode("utf-8")))


def matching_step(secret: Secret, code: str, now_s: float) -> int | None:
    """Find the step of 30 s whose code this is, from the one before now to the one after; None if it is none of them."""
    typed = _BLANKS.sub("", code)
    if not _TOTP_CODE.fullmatch(typed):
        return None
    totp = pyotp.TOTP(secret.reveal())
    current = int(now_s) // STEP_S
    found = None
    for step in range(current - _WINDOW, current + _WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step), typed):
            found = step
    return found


def new_recovery_codes() -> list[Secret]:
    """Make recovery codes of 80 random bits, in groups that can be written down."""
    codes = []
    for _ in range(RECOVERY_CODES):
        text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode("ascii").lower()
        codes.append(Secret("-".join(text[start : start + 4] for start in range(0, len(text), 4))))
    return codes


def recovery_code_hash(person_id: str, code: str) -> str | None:
    """Return what is kept of a recovery code; None for what cannot be one.

    80 random bits, ever only looked at behind a counter of attempts, need no slow hash; the person's id is in it, so that
    one guess is not good for everybody.
    """
    typed = _BLANKS.sub("", code).lower()
    if not _RECOVERY_CODE.fullmatch(typed):
        return None
    return hashlib.sha256(f"mover recovery code\0{person_id}\0{typed}".encode()).hexdigest()
