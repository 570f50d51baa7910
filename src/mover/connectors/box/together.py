"""Small files that are asked for at once, and what is likely to be asked for next, fetched as one zip archive: two calls for all.

Box puts any files into an archive. So whatever is asked for at the same time shares one, in whatever folders it stands; and
where all files are read in the order in which they were listed, the next ones come along. The same if there is no archive at
all: at most so many are given out at once to one user and to one enterprise.

Source: Box Platform API 2024.0, "Create zip download", "Download zip archive".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from mover.connectors.archives import Small, small_of
from mover.connectors.box.addresses import API, FILE, its_own, number
from mover.connectors.box.api import BoxApi, Doing
from mover.connectors.together import Archives, Asked, Fetch
from mover.entries import Entry, EntryRef, HashName
from mover.errors import ProtocolViolation, Throttled
from mover.transport.status import error_from_status

LARGEST = 256 * 1024
"""Bytes of a file that is fetched so."""

_MOST = 100  # files of an archive
_HEAVIEST = 4 * 1024 * 1024  # bytes of its files
_AT_ONCE = 4  # of the five that a user may have
_AHEAD = 100  # files that are fetched or being fetched before they are asked for,
_ENOUGH_AHEAD = 16  # if there are so many
MOST_LISTED = 30_000
_LIKELY = 0.75  # share of files asked for, from which the next ones are fetched along
_ENOUGH = 8  # files asked for, that say so
_OK = 200
_TOO_MANY = 429


class _Zip(msgspec.Struct, frozen=True):
    download_url: str


class _Reads:
    """What one user's listings told, and what is asked for of it."""

    def __init__(self) -> None:
        self.places: dict[str, int] = {}
        self.listed: dict[int, Small] = {}  # files that nobody has read yet, in the order of listings
        self.next = 0
        self.asked = Asked()
        self.waiting: dict[str, Small] = {}

    def put(self, small: Small) -> None:
        """Offer a file, behind all others; one that is listed anew in its place."""
        place = self.places.setdefault(small.id, self.next)
        self.next = max(self.next, place + 1)
        self.listed[place] = small

    def give_back(self, place: int, small: Small) -> None:
        """Offer a file in its place again."""
        if small.id not in self.places:
            self.places[small.id] = place
            self.listed[place] = small

    def pop(self, file_id: str) -> int:
        """Offer a file no more; returns its place."""
        place = self.places.pop(file_id)
        del self.listed[place]
        return place

    def ask(self, file_id: str, version: str | None) -> bool:
        """Note that a file is asked for; tells whether it is known in that version."""
        place = self.places.get(file_id)
        if place is None or self.listed[place].version != version:
            return False
        self.asked.count_at(place)
        self.waiting[file_id] = self.listed[place]
        return True

    def following(self) -> Iterator[Small]:
        """What was listed behind all that was asked for, if it is likely to be asked for, too."""
        if self.asked.files >= _ENOUGH and self.asked.share >= _LIKELY:
            after = self.asked.reached + 1
            places = range(after, min(self.next, after + 2 * _MOST))
            yield from (self.listed[place] for place in places if place in self.listed)


class SmallReads:
    """Reads small files of one connection.

    Args:
        api: The calls.
    """

    def __init__(self, api: BoxApi) -> None:
        self._api = api
        self._archives = Archives(_sha1)
        self._reads: dict[str | None, _Reads] = {}

    def listed(self, entries: Sequence[Entry], user: str | None) -> None:
        """Take note of what a listing tells, while there is room: files are read in the order in which they were listed."""
        known = sum(len(reads.listed) for reads in self._reads.values())
        if not self._archives.are_given_out or known >= MOST_LISTED:
            return
        reads = self._reads.setdefault(user, _Reads())
        for entry in entries:
            small = small_of(entry, HashName.SHA1, LARGEST)
            if small is not None and small.id not in self._archives:
                reads.put(small)

    async def read(self, file: EntryRef, version: str | None, user: str | None) -> bytes | None:
        """Return the content of a file with those that others want; None: it has to be read on its own.

        Each file is offered once, so that a second attempt is on its own, but for one that is told to come later. Raises
        Throttled, SignInFailed.
        """
        reads = self._reads.get(user)
        if reads is None or file.id is None:
            return None
        came_along = file.id in self._archives
        if not came_along:
            await self._consider(reads, file.id, version, user)
        content = await self._archives.take(file.id, version)
        if came_along and content is not None:
            reads.asked.count(0)
            self._go_ahead(reads, user)
        return content

    async def close(self) -> None:
        """End what is under way, and forget what waits. Idempotent."""
        await self._archives.close()

    async def _consider(self, reads: _Reads, file_id: str, version: str | None, user: str | None) -> None:
        """Have an archive fetched that the file is in, where it would not be alone in it."""
        if not self._archives.are_given_out or not reads.ask(file_id, version):
            return
        await self._archives.let_others_ask()
        while file_id in reads.waiting and self._archives.under_way >= _AT_ONCE:
            await self._archives.until_one_has_come()
        if file_id not in reads.waiting:
            return  # it came along with another one
        self._begin(reads, [reads.waiting.pop(file_id), *reads.waiting.values(), *reads.following()], user)
        self._go_ahead(reads, user)

    def _go_ahead(self, reads: _Reads, user: str | None) -> None:
        """Have the next archive fetched while the files of the last one are handed on, so that nobody waits for it."""
        if len(self._archives) < _AHEAD and self._archives.under_way < _AT_ONCE:
            following = list(reads.following())
            if len(following) >= _ENOUGH_AHEAD:
                self._begin(reads, following, user)

    def _begin(self, reads: _Reads, wanted: Sequence[Small], user: str | None) -> None:
        """Have files fetched, as many as fit into one archive. One alone is left to be read on its own."""
        chosen = _chosen(wanted)
        places = {}
        for small in chosen:
            reads.waiting.pop(small.id, None)
            places[small.id] = reads.pop(small.id)
        if len(chosen) <= 1 or not self._archives.are_given_out:
            return

        def give_back(small: Small) -> None:
            reads.give_back(places[small.id], small)

        reads.asked.reached = max(reads.asked.reached, *places.values())
        self._archives.begin(
            chosen,
            self._fetch(chosen, user),
            entries=len(chosen),
            size=sum(small.size for small in chosen),
            give_back=give_back,
        )

    def _fetch(self, files: Sequence[Small], user: str | None) -> Fetch:
        doing = Doing(user=user, operation="read", path="")
        items = [{"type": FILE, "id": number(small.id.removeprefix(f"{FILE}-"))} for small in files]
        asked = {"items": items, "download_file_name": "files"}

        async def fetch(most: int) -> bytes:
            try:
                return await fetched(most)
            except Throttled as error:
                self._api.pause(user, error.retry_after_s or 0.0)
                raise

        async def fetched(most: int) -> bytes:
            made = await self._api.done("POST", f"{API}/zip_downloads", doing, _Zip, asked=asked)
            request = self._api.session.unsigned.request("GET", its_own(made.download_url), operation="read")
            async with request as answer:
                if answer.status == _TOO_MANY and "Retry-After" in answer.headers:
                    raise error_from_status(answer.status, headers=answer.headers, operation="read")
                if answer.status != _OK:
                    raise ProtocolViolation(f"the service gives out no archive (HTTP {answer.status})")
                return await answer.read(most)

        return fetch


def _chosen(wanted: Sequence[Small]) -> list[Small]:
    """Return what fits into one archive, from the first one on, without repetition."""
    chosen: dict[str, Small] = {}
    size = 0
    for small in wanted:
        if len(chosen) >= _MOST or size + small.size > _HEAVIEST:
            break
        if small.id not in chosen:
            chosen[small.id] = small
            size += small.size
    return list(chosen.values())


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
