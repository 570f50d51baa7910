"""Sessions and API keys of the staff are sealed: a row that somebody wrote into a table, or changed there, is nobody's.

A seal is HMAC-SHA-256 over all that decides whose it is, for how long and from where, under a key in the vault.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from secrets import token_hex

from mover.staff.records import StaffKey, StaffSession
from mover.vault.secret import Secret
from mover.vault.vault import Vault

_HOLDER, _OWNER = "staff-sessions", "staff-sessions:seal"
_FIELD = "key"
_KEY_BYTES = 32

_Told = Sequence[str | int | Sequence[str] | None]


class Seals:
    """Makes seals, and looks at them. The key is fetched once: every request would ask a key service for it.

    Args:
        vault: Holds the key.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._key: Secret | None = None

    async def of_session(self, session: StaffSession, token_hash: str) -> str:
        """Seal a session that is about to begin."""
        return await self._sealed(_told_of_session(session, token_hash))

    async def of_key(self, key: StaffKey, secret_hash: str) -> str:
        """Seal an API key that is about to be kept."""
        return await self._sealed(_told_of_key(key, secret_hash))

    async def holds_session(self, session: StaffSession, token_hash: str) -> bool:
        """Tell whether a session is as it began."""
        return _same(await self.of_session(session, token_hash), session.seal)

    async def holds_key(self, key: StaffKey, secret_hash: str, seal: str) -> bool:
        """Tell whether an API key is as it was made."""
        return _same(await self.of_key(key, secret_hash), seal)

    async def _sealed(self, told: _Told) -> str:
        key = bytes.fromhex((await self._fetched()).reveal())
        return hmac.new(key, json.dumps(told).encode(), hashlib.sha256).hexdigest()

    async def _fetched(self) -> Secret:
        if self._key is None:
            self._key = await self._vault.fetch_or_make(
                _HOLDER, _OWNER, _FIELD, lambda: Secret(token_hex(_KEY_BYTES))
            )
        return self._key


def _same(right: str, seal: str) -> bool:
    return hmac.compare_digest(right.encode(), seal.encode("utf-8", "surrogatepass"))


def _told_of_session(session: StaffSession, token_hash: str) -> _Told:
    return [
        "mover staff session 1",
        session.id,
        token_hash,
        session.staff_id,
        session.second_factor_ns,
        session.created_ns,
        session.expires_ns,
    ]


def _told_of_key(key: StaffKey, secret_hash: str) -> _Told:
    return [
        "mover staff key 1",
        key.id,
        secret_hash,
        key.staff_id,
        key.name,
        key.networks,
        key.created_ns,
        key.expires_ns,
    ]
