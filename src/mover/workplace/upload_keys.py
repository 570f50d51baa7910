"""Keys that tokens of uploads are sealed with: one for each pair, in the vault while the pair has uploads that are half done.

The vault is asked once a run, not once a file. Whoever has the database alone has neither the key nor the tokens; and with
the organisation's key, or the person's, all of them are gone.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable

from sqlalchemy import Connection

from mover.vault import envelope
from mover.vault.secret import Secret
from mover.vault.vault import Vault
from mover.workplace.seeds import USED_FIELD, destroy_unused

OWNER = "uploads:"  # how the owners of these keys begin; the pair's number in the ledger follows
_KEY_FIELD = "key"


class VaultUploadKeys:
    """Satisfies `UploadKeys`.

    Args:
        vault: Where the keys are.
        person: Whose key protects them.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, vault: Vault, person: str, *, now: Callable[[], float] = time.time) -> None:
        self._vault = vault
        self._person = person
        self._now = now

    async def cipher(self, pair_id: int, *, along: Callable[[Connection], object]) -> VaultCipher:
        """See `UploadKeys`. Raises what the vault raises."""
        owner = f"{OWNER}{pair_id}"
        found = (await self._vault.fetch_all(self._person, owner)).get(_KEY_FIELD)
        key = found or Secret(base64.b64encode(envelope.new_key()).decode())
        used = Secret(str(int(self._now())))
        await self._vault.replace(self._person, owner, {_KEY_FIELD: key, USED_FIELD: used}, along=along)
        return VaultCipher(key, owner)

    async def destroy(self, pair_id: int, *, along: Callable[[Connection], object]) -> None:
        """See `UploadKeys`."""
        await self._vault.destroy(f"{OWNER}{pair_id}", along=along)


class VaultCipher:
    """Satisfies `TokenCipher`: AES-256-GCM, bound to pair and entry."""

    def __init__(self, key: Secret, owner: str) -> None:
        self._key = key
        self._owner = owner

    def seal(self, token: Secret, place: str) -> bytes:
        """See `TokenCipher`."""
        plain = token.reveal().encode("utf-8", "surrogatepass")
        return envelope.seal(base64.b64decode(self._key.reveal()), plain, self._where(place))

    def unseal(self, sealed: bytes, place: str) -> Secret | None:
        """See `TokenCipher`."""
        try:
            plain = envelope.unseal(base64.b64decode(self._key.reveal()), sealed, self._where(place))
        except envelope.UnsealError:
            return None  # sent from its beginning then, as if nothing had been begun
        return Secret(plain.decode("utf-8", "surrogatepass"))

    def _where(self, place: str) -> bytes:
        return envelope.place("upload", self._owner, place)


async def destroy_old_upload_keys(vault: Vault, *, now: float) -> int:
    """Destroy keys that no run has used for long; returns how many. What they sealed is sent from its beginning."""
    return await destroy_unused(vault, OWNER, now=now)
