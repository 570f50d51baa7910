"""How files and folders come into being, with as few calls and as few writes as Dropbox allows.

Each call that writes takes the lock of a whole folder tree ("namespace"), and several at once refuse one another
(too_many_write_operations). So all writes of one account wait for their turn here, and those that wait share calls:

    a file alone           files/upload
    many small files       their contents in one append_batch, then one finish_batch
    larger ones            a session of its own each, all at once; then one finish_batch for those that are ready
    many folders           one create_folder_batch: see folders.py

Source: Dropbox's "Performance guide" and "Data ingress guide", which recommend finish_batch for this reason.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from mover.connectors.dropbox.answers import Commit, Finish, Metadata, Piece
from mover.connectors.dropbox.api import MOST_BATCHED, FilesApi
from mover.connectors.dropbox.calls import Body, Purpose, Who
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.folders import Folders
from mover.connectors.gathering import Gathering
from mover.hashing.blocks import DropboxHash

_FEW = 2  # one after the other costs no more calls than together
_SENDING_ROUNDS = (
    3  # contents need no lock; so many are on their way at once that the next round need not wait long
)
_HEAVIEST_ROUND = 8 * 1024 * 1024
_LONGEST_TURN = 48 * 1024 * 1024  # bytes that one file may keep others waiting for
_SESSIONS_AT_ONCE = 100
_SESSION_LASTS_S = 6 * 86_400.0  # Dropbox keeps one for 7 days


class Small(msgspec.Struct, frozen=True):
    """A small file that is to be stored."""

    commit: Commit
    content: bytes
    content_hash: str


@dataclass(frozen=True)
class Sent:
    """The content is there, in a session."""

    session_id: str
    size: int


class Store:
    """Stores the files of one account, or of one tree of a team.

    Args:
        api: The calls.
        who: In whose name.
    """

    def __init__(self, api: FilesApi, who: Who) -> None:
        self.turn = asyncio.Lock()
        self._api = api
        self._who = who
        self._beginning = asyncio.Lock()
        self._sessions: deque[tuple[str, float]] = deque()
        self._small: Gathering[Small, Metadata | Fault | Sent] = Gathering(
            self._send,
            most=MOST_BATCHED,
            weight=lambda one: len(one.content),
            heaviest=_HEAVIEST_ROUND,
            rounds=_SENDING_ROUNDS,
        )
        self._finishes: Gathering[Finish, Metadata | Fault] = Gathering(self._finish, most=MOST_BATCHED)
        self.folders = Folders(api, who, self.turn)

    async def small(self, small: Small) -> Metadata | Fault:
        """Store a small file. Raises what the calls raise."""
        result = await self._small.do(small)
        if isinstance(result, Sent):
            result = await self.finish(Finish(result.session_id, result.size, small.commit))
        if isinstance(result, Fault) and result.is_lost_session:
            self._sessions.clear()  # those that were begun with it will be gone, too
        return result

    async def larger(
        self, purpose: Purpose, commit: Commit, body: Body, size: int, known: str | None, *, repeatable: bool
    ) -> Metadata | Fault:
        """Store a file whose content is sent as it comes. Raises what the calls raise.

        In one call if nobody else writes and nobody has to wait for long; else in two, of which the first keeps nobody
        waiting and the second is shared.
        """
        if size <= _LONGEST_TURN and self._is_quiet and not self._small.under_way:
            async with self.turn:
                return await self._api.upload(purpose, commit, body, size, known, repeatable=repeatable)
        begun = await self._api.start_session(purpose, body, size, known, close=True, repeatable=repeatable)
        if isinstance(begun, Fault):
            return begun
        return await self.finish(Finish(begun.session_id, size, commit))

    async def finish(self, finish: Finish) -> Metadata | Fault:
        """Make a file of a session whose content is complete. Raises what the call raises."""
        return await self._finishes.do(finish)

    async def close(self) -> None:
        """End what is under way."""
        await self._small.close()
        await self._finishes.close()
        await self.folders.close()

    @property
    def _is_quiet(self) -> bool:
        """Nobody writes, but for small files whose content is on its way."""
        return not (self._finishes.under_way or self.folders.under_way or self.turn.locked())

    @property
    def _purpose(self) -> Purpose:
        return Purpose(who=self._who, operation="upload", path="")

    async def _finish(self, finishes: Sequence[Finish]) -> Sequence[Metadata | Fault]:
        async with self.turn:
            return await self._api.finish_batch(self._purpose, finishes)

    async def _send(self, batch: Sequence[Small]) -> Sequence[Metadata | Fault | Sent]:
        is_alone = self._small.under_way == 1 and self._is_quiet
        if len(batch) > _FEW or not is_alone:
            return await self._send_together(batch)
        results: list[Metadata | Fault | Sent] = []
        for small in batch:
            async with self.turn:
                results.append(
                    await self._api.upload(
                        self._purpose,
                        small.commit,
                        small.content,
                        len(small.content),
                        small.content_hash,
                        repeatable=True,
                    )
                )
        return results

    async def _send_together(self, batch: Sequence[Small]) -> Sequence[Fault | Sent]:
        session_ids = await self._take_sessions(len(batch))
        pieces = [Piece(session, one.content) for session, one in zip(session_ids, batch, strict=True)]
        whole = DropboxHash()
        for piece in pieces:
            whole.update(piece.content)
        failures = await self._api.append_batch(self._purpose, pieces, whole.hexdigest())
        return [
            failure or Sent(piece.session_id, len(piece.content))
            for failure, piece in zip(failures, pieces, strict=True)
        ]

    async def _take_sessions(self, number: int) -> list[str]:
        """Take so many sessions that nothing was sent to yet."""
        async with self._beginning:
            return await self._sessions_at_hand(number)

    async def _sessions_at_hand(self, number: int) -> list[str]:
        now = self._api.caller.now()
        while self._sessions and self._sessions[0][1] < now:
            self._sessions.popleft()
        if len(self._sessions) < number:
            wanted = min(MOST_BATCHED, max(_SESSIONS_AT_ONCE, number))
            made = await self._api.start_sessions(self._purpose, wanted)
            self._sessions.extend((session_id, now + _SESSION_LASTS_S) for session_id in made)
        if len(self._sessions) < number:
            raise self._api.caller.strange(
                self._purpose, "Dropbox began fewer upload sessions than were asked for"
            )
        return [self._sessions.popleft()[0] for _ in range(number)]


class Stores:
    """The stores of a connection: one for each in whose name files are stored."""

    def __init__(self, api: FilesApi) -> None:
        self._api = api
        self._stores: dict[Who, Store] = {}

    def of(self, who: Who) -> Store:
        """Return the store of one."""
        if who not in self._stores:
            self._stores[who] = Store(self._api, who)
        return self._stores[who]

    async def close(self) -> None:
        """End what is under way."""
        for store in self._stores.values():
            await store.close()
