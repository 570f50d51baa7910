"""Sessions of the staff are sealed: a row that somebody wrote into the table, or changed there, is nobody's session.

The seal is HMAC-SHA-256 over all that decides whose session it is and for how long, under a key in the vault.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from secrets import token_hex

import msgspec

from mover.staff.records import StaffSession
from mover.vault.secret import Secret
from mover.vault.vault import Vault

_HOLDER, _OWNER = "staff-sessions", "staff-sessions:seal"
_FIELD = "key"
_KEY_BYTES = 32


class SessionSeals:
    """Seals, and looks at seals. The key is fetched once: pages of the staff would ask a key service with each request.

    Args:
        vault: Holds the key.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._key: Secret | None = None

    async def sealed(self, session: StaffSession, token_hash: str) -> StaffSession:
        """Seal a session that is about to begin."""
        return msgspec.structs.replace(session, seal=_seal(await self._fetched(), session, token_hash))

    async def holds(self, session: StaffSession, token_hash: str) -> bool:
        """Tell whether a session is as it began."""
        right = _seal(await self._fetched(), session, token_hash)
        return hmac.compare_digest(right.encode(), session.seal.encode("utf-8", "surrogatepass"))

    async def _fetched(self) -> Secret:
        if self._key is None:
            self._key = await self._vault.fetch_or_make(
                _HOLDER, _OWNER, _FIELD, lambda: Secret(token_hex(_KEY_BYTES))
            )
        return self._key


def _seal(key: Secret, session: StaffSession, token_hash: str) -> str:
    told = [
        "mover staff session 1",
        session.id,
        token_hash,
        session.staff_id,
        session.second_factor_ns,
        session.created_ns,
        session.expires_ns,
    ]
    return hmac.new(bytes.fromhex(key.reveal()), json.dumps(told).encode(), hashlib.sha256).hexdigest()
