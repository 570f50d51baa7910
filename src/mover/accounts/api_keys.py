"""API keys: made by people, never more than their maker may, for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mover.accounts.actor import Actor, Permission
from mover.accounts.records import ApiKey, KeyUse
from mover.settings import IPAddress
from mover.vault.secret import Secret


@dataclass(frozen=True)
class MadeKey:
    """A new or rotated key and its text, shown once."""

    key: ApiKey
    text: Secret


class ApiKeys:
    """An organisation's API keys."""

    async def make(
        self,
        actor: Actor,
        name: str,
        scopes: frozenset[Permission],
        *,
        expires_ns: int | None = None,
        networks: Sequence[str] = (),
        calls_per_minute: int = 600,
        burst: int = 100,
    ) -> MadeKey:
        """Make a key. Needs ADMINISTER and every scope that is asked for; keys make no keys.

        Raises PermissionDenied, InvalidConfiguration (name, scopes, networks, a time that has passed).
        """
        raise NotImplementedError

    async def all(self, actor: Actor) -> list[ApiKey]:
        """List the organisation's keys, the newest first. Needs ADMINISTER."""
        raise NotImplementedError

    async def get(self, actor: Actor, key_id: str) -> ApiKey:
        """Find a key. Needs ADMINISTER. Raises NotFound."""
        raise NotImplementedError

    async def rotate(self, actor: Actor, key_id: str, *, overlap_s: float = 24 * 3600) -> MadeKey:
        """Give a key a new text; the one before works for `overlap_s` more (at most seven days).

        Needs ADMINISTER and every scope of the key. Raises NotFound, Conflict (revoked or expired), PermissionDenied.
        """
        raise NotImplementedError

    async def revoke(self, actor: Actor, key_id: str) -> None:
        """End a key at once. Needs ADMINISTER. Idempotent. Raises NotFound."""
        raise NotImplementedError

    async def authenticate(self, presented: Secret, address: IPAddress) -> KeyUse:
        """Let a call in. What it may do is what both its scopes and its maker's present role allow.

        Raises SignInFailed (unknown, expired, revoked, from elsewhere, nothing left that it may do), Throttled with
        `retry_after_s` (the key's rate, or too many wrong keys from this address).
        """
        raise NotImplementedError
