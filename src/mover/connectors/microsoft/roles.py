"""What an app is permitted in its tenant: the claim `roles` of its access token ("Access token claims reference")."""

from __future__ import annotations

import base64

import msgspec

from mover.transport.unreadable import UNREADABLE
from mover.vault.secret import Secret

FULL_CONTROL = "Sites.FullControl.All"
_PARTS = 3  # of a JWT


class _Claims(msgspec.Struct, frozen=True):
    roles: list[str] = []


def roles_of(token: Secret) -> frozenset[str]:
    """Read them. Microsoft promises nobody but Graph that a token can be read: where it cannot, there are none.

    The signature is not checked: nothing is permitted by this, it only tells what may be asked for.
    """
    parts = token.reveal().split(".")
    if len(parts) != _PARTS:
        return frozenset()
    try:
        raw = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        return frozenset(msgspec.json.decode(raw, type=_Claims).roles)
    except (*UNREADABLE, ValueError):
        return frozenset()
