"""What the keys of a run's sealed files follow from, and how long it is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

from mover.vault.secret import Secret
from mover.vault.vault import Vault

OWNER = "sealing:"  # how the owners of seeds begin
KEPT_S = 30 * 86_400.0  # a run that nobody has gone on with for so long is given up
_SEED = 32  # bytes
_SEED_FIELD, _EDITION_FIELD = "seed", "edition"
USED_FIELD = "used"  # when a run last used it: seconds since 1970 UTC


class RunSeed:
    """The seed of a pair's run, in the vault while the run is not finished.

    Args:
        vault: Where it is kept.
        person: Whose key protects it.
        owner: Of the secrets in the vault: the pair.
        scheme: Which keys and settings it is for: other ones make another edition. May be a secret.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        vault: Vault,
        person: str,
        owner: str,
        scheme: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._vault = vault
        self._person = person
        self._owner = owner
        self._scheme = scheme
        self._seed = b""
        self._edition = ""

    @property
    def edition(self) -> str:
        """Tells this seed, used in this way, from all others, and tells nothing about either."""
        way = hmac.new(self.seed, self._scheme.encode(), hashlib.sha256).hexdigest()[:16]
        return f"{self._edition}:{way}"

    @property
    def scheme(self) -> str:
        """For what it is used."""
        return self._scheme

    @property
    def seed(self) -> bytes:
        """The seed; `begin` must have been called."""
        if not self._seed:
            raise RuntimeError("the run has not begun")
        return self._seed

    async def begin(self) -> None:
        """Have the seed of the run that is gone on with, or a new one. To be called when nobody else can run the pair."""
        found = await self._vault.fetch_all(self._person, self._owner)
        if not {_SEED_FIELD, _EDITION_FIELD} <= set(found):
            found = {
                _SEED_FIELD: Secret(base64.b64encode(secrets.token_bytes(_SEED)).decode()),
                _EDITION_FIELD: Secret(secrets.token_hex(8)),
            }
        found[USED_FIELD] = Secret(str(int(self._now())))
        await self._vault.replace(self._person, self._owner, found)
        self._take(found[_SEED_FIELD].reveal(), found[_EDITION_FIELD].reveal())

    def begin_without_keeping(self) -> None:
        """Have a seed that nothing will be sent with."""
        self._take(base64.b64encode(secrets.token_bytes(_SEED)).decode(), "")

    async def end(self) -> None:
        """Destroy it."""
        await self._vault.destroy(self._owner)

    async def destroy_old(self) -> None:
        """Destroy the seeds of other runs that nobody has gone on with for long."""
        await destroy_old_seeds(self._vault, now=self._now())

    def _take(self, seed: str, edition: str) -> None:
        self._seed, self._edition = base64.b64decode(seed), edition


async def destroy_old_seeds(vault: Vault, *, now: float, kept_s: float = KEPT_S) -> int:
    """Destroy the seeds of runs that nobody has gone on with for long; returns how many there were.

    A run that is gone on with later sends its unfinished files from their beginning.
    """
    return await destroy_unused(vault, OWNER, now=now, kept_s=kept_s)


async def destroy_unused(vault: Vault, prefix: str, *, now: float, kept_s: float = KEPT_S) -> int:
    """Destroy what belongs to owners that begin so and was not used for long; returns how many owners there were."""
    destroyed = 0
    for person, owner in await vault.owners(prefix):
        used = (await vault.fetch_all(person, owner)).get(USED_FIELD)
        if used is not None and now - int(used.reveal()) > kept_s:
            await vault.destroy(owner)
            destroyed += 1
    return destroyed
