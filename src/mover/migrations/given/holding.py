"""A runner's own key, in its memory alone: publishes the public half, opens what was given, seals anew for newcomers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy import Connection

from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.migrations.given import queries
from mover.migrations.given.authority import find_authority
from mover.migrations.given.boxes import (
    NotOpened,
    RunnerKey,
    box_up,
    is_proven,
    key_id_of,
    open_for_run,
    prove,
    unbox,
)
from mover.migrations.given.handing import place_of
from mover.migrations.given.wanted import GivenKeys, Wanted, words_for
from mover.migrations.records import PairRun
from mover.vault.vault import Vault

_AT_ONCE = 200  # boxes made for newcomers in one look
_KNOWN_NS = 60 * 10**9  # so long the secret of API and runners is remembered: a key service is asked for it
_FORGOTTEN_NS = 3_600 * 10**9  # so long after a runner was last heard of its key is removed


class KeysMissing(InvalidConfiguration):
    """The run needs keys that no runner has, or can open."""

    advice = "Give the key again: on the page of the pair, with the API, or with `mover remote give-key`."


class KeysElsewhere(Exception):
    """Another runner has them. It takes the run, or seals them for this one in a moment."""


class Holding:
    """The key of one runner process.

    Args:
        database: Where public keys and sealed ones are.
        vault: Has the secret that API and runners know one another by.
        runner: What it is called.
        queue: Whose runs it works on.
        lives_s: So long after it was last heard of it counts as alive.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        runner: str,
        queue: str,
        lives_s: float,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._vault = vault
        self._lives_ns = int(lives_s * 1e9)
        self._now_ns = now_ns
        self._authority: bytes | None = None
        self._known_until_ns = 0
        self._private = X25519PrivateKey.generate()
        public = self._private.public_key().public_bytes_raw()
        self._key = RunnerKey(
            id=key_id_of(public), runner=runner[:200], queue=queue, public=public, until_ns=0
        )

    @property
    def every_s(self) -> float:
        """How often `look` is to be called, in seconds."""
        return self._lives_ns / 4e9

    async def look(self) -> None:
        """Say that this runner lives, and seal what it has for runners that came later."""
        authority = await self._find_authority()
        if authority is None:
            return  # nobody has given anything yet, and no API has begun
        now_ns = self._now_ns()
        key = replace(self._key, until_ns=now_ns + self._lives_ns)
        key = replace(key, proof=prove(authority, key))

        def work(connection: Connection) -> None:
            queries.withdraw_silent(connection, now_ns - _FORGOTTEN_NS)
            queries.publish(connection, key)
            queries.remove_left_over(connection, key.id)
            self._share(connection, authority, now_ns)

        await self._database.write(work)

    async def leave(self) -> None:
        """Seal for others what this runner has, and take its key back. Then nothing opens what was sealed for it."""
        authority = await self._find_authority()

        def work(connection: Connection) -> None:
            if authority is not None:
                self._share(connection, authority, self._now_ns())
            queries.withdraw(connection, self._key.id)

        await self._database.write(work)

    async def open(self, run: PairRun, wanted: frozenset[Wanted]) -> GivenKeys:
        """What was given for a run. Raises KeysMissing, KeysElsewhere."""
        if not wanted:
            return GivenKeys()
        authority = await self._find_authority()
        found = await self._database.read(
            lambda connection: queries.given_for(connection, run.id, self._key.id)
        )
        if authority is None or found is None:
            raise KeysMissing(f"the run needs {words_for(wanted)}, which is given for each run")
        again = f"{words_for(wanted)} has to be given again"
        if found.box is None:
            now_ns = self._now_ns()
            others = await self._database.read(
                lambda connection: queries.holders(connection, found.giving_id, now_ns)
            )
            if any(is_proven(authority, other) for other in others):
                raise KeysElsewhere
            raise KeysMissing(f"{again}: the runners that had it in their memory have ended")
        try:
            key = unbox(authority, self._private, found.giving_id, run.organisation_id, found.box)
            given = GivenKeys.unpacked(open_for_run(key, place_of(run, found.giving_id), found.sealed))
        except NotOpened:
            raise KeysMissing(
                f"{again}: what is kept of it was changed, or was not meant for this run"
            ) from None
        if not wanted <= given.given:
            raise KeysMissing(f"{again}: the run needs more than was given")
        return given

    async def _find_authority(self) -> bytes | None:
        now_ns = self._now_ns()
        if self._authority is None or now_ns >= self._known_until_ns:
            self._authority = await find_authority(self._vault)
            self._known_until_ns = now_ns + _KNOWN_NS
        return self._authority

    def _share(self, connection: Connection, authority: bytes, now_ns: int) -> None:
        rows = []
        for giving_id, organisation_id, box, newcomer in queries.unshared(
            connection, self._key.id, now_ns, _AT_ONCE
        ):
            if not is_proven(authority, newcomer):
                continue
            try:
                key = unbox(authority, self._private, giving_id, organisation_id, box)
            except NotOpened:
                continue  # whoever works on the run says so
            rows.append(
                {
                    "giving_id": giving_id,
                    "runner_key_id": newcomer.id,
                    "organisation_id": organisation_id,
                    "queue": newcomer.queue,
                    "box": box_up(authority, newcomer.public, giving_id, organisation_id, key),
                }
            )
        queries.put_boxes(connection, rows)
