"""The ledger of one pair's uploads in parts. Part of `RunLedger`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from mover.database.database import Database
from mover.ledger.batching import GroupCommit
from mover.ledger.queries import uploads
from mover.ledger.records import Pair, PartRecord, UploadRecord
from mover.ledger.sharing import InTurn
from mover.ledger.tokens import TokenCipher, UploadKeys
from mover.vault.secret import Secret


class UploadLedger:
    """Uploads that were begun, and the parts that the destination has. Tokens are sealed before they are written.

    The key is asked for once a run, when the first upload needs it.

    Args:
        database: Open.
        pair: Whose uploads.
        write: Writes in this process's turn.
        in_turn: Raises LockLost if it is not this process's turn.
        keys: Where the pair's key is.
    """

    def __init__(
        self,
        database: Database,
        pair: Pair,
        write: InTurn,
        in_turn: Callable[[Connection], None],
        keys: UploadKeys,
    ) -> None:
        self._database = database
        self._pair = pair
        self._write = write
        self._in_turn = in_turn
        self._keys = keys
        self._cipher: TokenCipher | None = None
        self._asking = asyncio.Lock()
        self._parts = GroupCommit[tuple[int, PartRecord]](self._write_parts)

    async def _write_parts(self, sent: Sequence[tuple[int, PartRecord]]) -> None:
        await self._write(lambda connection: uploads.keep_parts(connection, sent))

    async def prepare(self) -> None:
        """See that tokens can be sealed, before an upload is begun that could not be kept.

        Raises what the keeper of keys raises: InvalidConfiguration, Unreachable.
        """
        await self._ready()

    async def find(self, source_key: str) -> UploadRecord | None:
        """The upload in parts that was begun for an entry, in this run or an earlier one. None, too, if its key is gone."""
        found = await self._database.read(
            lambda connection: uploads.upload(connection, self._pair.id, source_key)
        )
        if found is None:
            return None
        token = (await self._ready()).unseal(found.sealed_token, source_key)
        return None if token is None else UploadRecord.of(found, token)

    async def add(self, source_key: str, *, token: Secret, part_size: int, evidence: str) -> UploadRecord:
        """Keep an upload that was just begun."""
        sealed = (await self._ready()).seal(token, source_key)
        await self._parts.flush()  # a part of one that it replaces may be on its way still
        added = await self._write(
            lambda connection: uploads.add_upload(
                connection,
                self._pair.id,
                source_key,
                sealed_token=sealed,
                part_size=part_size,
                evidence=evidence,
            )
        )
        return UploadRecord.of(added, token)

    async def parts_kept(self, source_key: str) -> int:
        """How many parts of an entry's upload the destination has."""
        await self._parts.flush()  # one that has just arrived may be on its way still
        return await self._database.read(
            lambda connection: uploads.parts_kept(connection, self._pair.id, source_key)
        )

    async def was_begun(self, source_key: str) -> bool:
        """Whether an upload in parts was begun for an entry."""
        return await self._database.read(
            lambda connection: uploads.was_begun(connection, self._pair.id, source_key)
        )

    async def keep_part(self, upload: UploadRecord, part: PartRecord) -> None:
        """Keep a part that the destination has."""
        await self._parts.put((upload.id, part))

    async def forget_parts(self, upload: UploadRecord, numbers: Sequence[int]) -> None:
        """Drop parts that the destination turned out not to have."""
        await self._write(lambda connection: uploads.forget_part(connection, upload.id, numbers))

    async def drop(self, source_key: str) -> None:
        """Forget an upload that is finished or gone."""
        await self._parts.flush()  # a part of it may be on its way still
        await self._write(lambda connection: uploads.drop_upload(connection, self._pair.id, source_key))

    async def flush(self) -> None:
        """Return when all that was given is kept."""
        await self._parts.flush()

    async def end(self) -> None:
        """Destroy the key if this run has used it and nothing is left that it seals: the run is about to be finished."""
        if self._cipher is None:
            return
        if not await self._database.read(lambda connection: uploads.has_uploads(connection, self._pair.id)):
            await self._keys.destroy(self._pair.id, along=self._in_turn)
            self._cipher = None

    async def _ready(self) -> TokenCipher:
        async with self._asking:
            if self._cipher is None:
                self._cipher = await self._keys.cipher(self._pair.id, along=self._in_turn)
            return self._cipher
