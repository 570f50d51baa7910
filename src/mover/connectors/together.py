"""Small files that are fetched together: what waits for an archive, and what of one waits to be asked for.

An archive may bring more than was asked for so far. What nobody has asked for yet is kept in memory, within a bound, and
given out once. Whatever an archive lacks is read on its own by who asked for it, which tells why; so is everything where
there is no archive.

All of an archive is held in memory: the directory of a zip archive stands at its end, Python's `zipfile` reads no
stream, and nothing of a file may lie on a disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from mover.connectors.archives import Small, longest
from mover.connectors.gathering import told_to_one
from mover.errors import Canceled, MoverError, SignInFailed, Throttled

ROOM = 32 * 1024 * 1024
"""Bytes of all archives that are being fetched, counted twice since they are unpacked, and of contents that wait."""

_MOST_VAIN = 3
_ROUNDS = 8  # of the event loop
_LONG_AGO = 400  # files asked for or passed over, after which earlier ones count half

Fetch = Callable[[int], Awaitable[bytes]]
"""Fetch an archive of at most so many bytes. Raises MoverError."""


class Asked(msgspec.Struct):
    """How many files are asked for, of those listed up to there.

    Files are read in the order in which they were listed, and those that have not changed since the last run are passed over.
    So this tells how likely the next ones will be asked for.

    Attributes:
        files: That were asked for.
        passed_over: Those in front of them that were not.
        reached: The furthest place in the listing that was asked for, or comes along.
    """

    files: int = 0
    passed_over: int = 0
    reached: int = -1

    def count_at(self, place: int) -> int:
        """Note that the file at a place of the listing is asked for; returns what `count` is told."""
        passed_over = place - self.reached - 1 if place > self.reached else -1
        self.reached = max(self.reached, place)
        self.count(passed_over)
        return passed_over

    def count(self, passed_over: int) -> None:
        """Note that a file is asked for, so many behind the one before it; a negative one stands among them."""
        self.files += 1
        self.passed_over = max(0, self.passed_over + passed_over)
        if self.files + self.passed_over >= _LONG_AGO:
            self.files //= 2
            self.passed_over //= 2

    @property
    def share(self) -> float:
        """Of what stands there, how much is asked for."""
        return self.files / (self.files + self.passed_over) if self.files else 0.0


class _Archive(msgspec.Struct, eq=False):
    """One that is being fetched, or was.

    Attributes:
        files: What it is to bring, by id.
        whole: All that comes with it, in bytes.
        size: What it takes in memory, in bytes.
        contents: What it brought and nobody has asked for yet, by id.
        used: Bytes that were asked for.
        arrived: It has been fetched, or cannot be.
        error: Why all that wait for it have to come again.
    """

    files: dict[str, Small]
    whole: int
    size: int
    contents: dict[str, bytes] = {}
    used: int = 0
    arrived: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    error: MoverError | None = None


class Archives:
    """The archives of one connection.

    Args:
        hash_of: Hashes a content as the service's listings do, in hexadecimal.
        room: Most bytes that they take.
    """

    def __init__(self, hash_of: Callable[[bytes], str], *, room: int = ROOM) -> None:
        self._hash_of = hash_of
        self._room = room
        self._by_file: dict[str, _Archive] = {}
        self._archives: list[_Archive] = []  # that take room, oldest first
        self._tasks: set[asyncio.Task[None]] = set()
        self._freed = asyncio.Event()
        self._arrivals = 0
        self._in_vain = 0  # archives in a row that brought nothing
        self._unasked = 0  # likewise, of which hardly anything was asked for
        self._closed = False

    def __contains__(self, file_id: str) -> bool:
        return file_id in self._by_file

    def __len__(self) -> int:
        """Files that are being fetched, or wait to be asked for."""
        return len(self._by_file)

    @property
    def are_given_out(self) -> bool:
        """Archives have not been fetched in vain again and again."""
        return max(self._in_vain, self._unasked) < _MOST_VAIN and not self._closed

    @property
    def under_way(self) -> int:
        """So many are being fetched."""
        return len(self._tasks)

    async def let_others_ask(self) -> None:
        """Wait, while others come who are ready to ask, but not for time to pass."""
        self._arrivals += 1
        for _ in range(_ROUNDS):
            seen = self._arrivals
            await asyncio.sleep(0)
            if seen == self._arrivals:
                break

    async def until_one_has_come(self) -> None:
        """Wait for the next one that is being fetched."""
        self._freed.clear()
        await self._freed.wait()

    def begin(
        self,
        files: Sequence[Small],
        fetch: Fetch,
        *,
        entries: int,
        size: int,
        give_back: Callable[[Small], None],
    ) -> None:
        """Begin to fetch an archive.

        Args:
            files: Those of it that may be asked for. They are not in another one.
            fetch: Fetches it.
            entries: Files and folders in it, these among them.
            size: Of all files in it, in bytes.
            give_back: Told each file when all have to come again later.
        """
        archive = _Archive({small.id: small for small in files}, size, 2 * size)
        self._by_file.update(dict.fromkeys(archive.files, archive))
        task = asyncio.create_task(
            self._run(archive, fetch, entries, give_back), name="an archive of small files"
        )
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def take(self, file_id: str, version: str | None) -> bytes | None:
        """Wait for the archive with a file, and return its content; None: it has to be read on its own.

        Raises Throttled, SignInFailed, Canceled.
        """
        archive = self._by_file.get(file_id)
        if archive is None or archive.files[file_id].version != version:
            return None
        await archive.arrived.wait()
        if archive.error is not None:
            raise told_to_one(archive.error)
        content = archive.contents.pop(file_id, None)
        if content is not None:
            archive.used += len(content)
            archive.size -= len(content)
            if not archive.contents:
                self._unasked = 0
                self._let_go(archive)
        return content

    async def close(self) -> None:
        """End what is under way, and forget what waits. Idempotent."""
        self._closed = True
        under_way = list(self._tasks)
        for task in under_way:
            task.cancel()
        if under_way:
            await asyncio.wait(under_way)
        for archive in list(self._archives):
            self._let_go(archive)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._freed.set()

    async def _run(
        self, archive: _Archive, fetch: Fetch, entries: int, give_back: Callable[[Small], None]
    ) -> None:
        error: MoverError | None = Canceled("the connection was closed")
        try:
            await self._make_room(archive)
            archive.contents = await self._unpacked(archive, fetch, entries)
            self._in_vain = 0 if archive.contents else self._in_vain + 1
            error = None
        except (Throttled, SignInFailed) as refusal:
            error = refusal
            for small in archive.files.values():
                give_back(small)
        except MoverError:
            self._in_vain += 1
            error = None
        finally:
            archive.error = error
            archive.size = sum(map(len, archive.contents.values()))
            if not archive.contents:
                self._let_go(archive)
            archive.arrived.set()
            self._freed.set()

    async def _unpacked(self, archive: _Archive, fetch: Fetch, entries: int) -> dict[str, bytes]:
        from mover.connectors.unpacking import unpacked  # noqa: PLC0415 - most commands fetch no archive, and start without

        data = await fetch(longest(entries, archive.whole))
        wanted = {small.digest: small.size for small in archive.files.values()}
        found = await asyncio.to_thread(unpacked, data, wanted, self._hash_of, entries=entries)
        return {small.id: found[small.digest] for small in archive.files.values() if small.digest in found}

    async def _make_room(self, archive: _Archive) -> None:
        """Wait until there is room for an archive, and let go of contents that nobody asked for, the oldest first."""
        while self._archives and sum(one.size for one in self._archives) + archive.size > self._room:
            oldest = next((one for one in self._archives if one.arrived.is_set()), None)
            if oldest is None:
                await self.until_one_has_come()
            else:
                self._unasked += 2 * oldest.used < oldest.whole
                self._let_go(oldest)
        self._archives.append(archive)

    def _let_go(self, archive: _Archive) -> None:
        archive.contents.clear()
        for file_id in archive.files:
            if self._by_file.get(file_id) is archive:
                del self._by_file[file_id]
        if archive in self._archives:
            self._archives.remove(archive)
        self._freed.set()
