"""Listing many folders with one call: `'a' in parents or 'b' in parents or ...`.

A scan asks for folders one by one, some at a time. While a call is on its way all others that are asked for gather, and go out
together as the next one; room that is left is filled with folders that listings have shown and that will be asked for soon.
What has come for them is kept until then, but not for long.

    whole(a) ──┐                        ┌► a
    whole(b) ──┼─► one search ──► sort ─┼► b
    (c is known) ┘   by parents          └► c, kept for whole(c)

The pages of a search are read to the end, since folders are mixed on them. Where that takes too many, all its folders are
listed alone, and fewer share the next search.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from mover.connectors.bounded import Bounded
from mover.connectors.google.answers import File, FileList
from mover.errors import NotFound

PAGE_WITH_PARENTS = 460
"""Entries on a page that tells parents, however many are asked for (observed; not documented)."""

_MOST_PAGES = 12
_ROOM = _MOST_PAGES * PAGE_WITH_PARENTS
_WIDEST = 50
_CALLS_AT_ONCE = 2
_FRESH_S = 30.0
_MOST_KNOWN = 20_000
_MOST_KEPT = 400

Found = Sequence[File] | None
Search = Callable[["Corpus", Sequence[str], str | None], Awaitable[FileList]]
"""One page of what stands in some folders, with parents: the first one, or that of a token."""


@dataclass(frozen=True)
class Corpus:
    """What one search can look through: all that a user has, or one shared drive."""

    user: str | None
    drive: str | None


@dataclass
class _Queue:
    """What is asked for in one corpus."""

    width: int = _WIDEST
    running: int = 0
    waiting: dict[str, asyncio.Future[Found]] = field(default_factory=dict)
    coming: dict[str, asyncio.Future[Found]] = field(default_factory=dict)
    known: Bounded[str, None] = field(default_factory=lambda: Bounded(_MOST_KNOWN))


class SharedListings:
    """Lists folders together.

    Args:
        search: Makes the call.
        clock: Monotonic seconds.
    """

    def __init__(self, search: Search, clock: Callable[[], float]) -> None:
        self._search = search
        self._clock = clock
        self._queues: dict[Corpus, _Queue] = {}
        self._kept: Bounded[tuple[Corpus, str], tuple[float, Sequence[File]]] = Bounded(_MOST_KEPT)
        self._tasks: set[asyncio.Task[None]] = set()

    async def whole(self, corpus: Corpus, folder: str) -> Found:
        """Return what stands in a folder, if one call could tell it together with others; None: list it alone.

        Raises what the search raises.
        """
        queue = self._queue(corpus)
        queue.known.pop(folder)
        kept = self._kept.pop((corpus, folder))
        if kept is not None and self._clock() - kept[0] < _FRESH_S:
            return kept[1]
        future = queue.coming.pop(folder, None) or queue.waiting.get(folder)
        if future is None:
            future = queue.waiting[folder] = asyncio.get_running_loop().create_future()
        self._pump(corpus, queue)
        return await asyncio.shield(future)

    def saw(self, corpus: Corpus, folders: Sequence[str]) -> None:
        """Take note of folders that will be asked for."""
        known = self._queue(corpus).known
        for folder in folders:
            known.put(folder, None)

    def came_alone(self, corpus: Corpus, entries: int) -> None:
        """Take note of how much was in a folder that was listed alone: small ones can share calls again."""
        queue = self._queue(corpus)
        if entries * queue.width * 2 <= _ROOM:
            queue.width = min(_WIDEST, queue.width * 2)

    def forget(self, corpus: Corpus, folder: str) -> None:
        """Drop what was kept, or is coming, for a folder in which something was changed."""
        self._kept.pop((corpus, folder))
        self._queue(corpus).coming.pop(folder, None)

    async def close(self) -> None:
        """End calls that nobody waits for any more."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _queue(self, corpus: Corpus) -> _Queue:
        return self._queues.setdefault(corpus, _Queue())

    def _pump(self, corpus: Corpus, queue: _Queue) -> None:
        while queue.waiting and queue.running < _CALLS_AT_ONCE:
            asked = list(queue.waiting)[: max(1, queue.width)]
            futures = {folder: queue.waiting.pop(folder) for folder in asked}
            more = queue.known.oldest(queue.width - len(asked))
            if len(asked) + len(more) == 1:
                _settle(futures[asked[0]], None)
                continue
            for folder in more:
                queue.known.pop(folder)
                queue.coming[folder] = futures[folder] = asyncio.get_running_loop().create_future()
            queue.running += 1
            task = asyncio.get_running_loop().create_task(self._run(corpus, queue, futures))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, corpus: Corpus, queue: _Queue, futures: dict[str, asyncio.Future[Found]]) -> None:
        try:
            files = await self._all(corpus, list(futures))
        except NotFound:  # one of them is gone; the search does not say which
            for future in futures.values():
                _settle(future, None)
        except asyncio.CancelledError:
            for future in futures.values():
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            for future in futures.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # whoever waited may have gone
        else:
            self._share_out(corpus, queue, futures, files)
        finally:
            for folder in futures:
                queue.coming.pop(folder, None)
            queue.running -= 1
            self._pump(corpus, queue)

    async def _all(self, corpus: Corpus, folders: Sequence[str]) -> Sequence[File] | None:
        """Read all pages of a search; None: there are too many."""
        found: dict[str, File] = {}  # a page that comes twice counts once
        token = None
        for _ in range(_MOST_PAGES):
            page = await self._search(corpus, folders, token)
            found.update((file.id, file) for file in page.files)
            token = page.next_page_token
            if token is None:
                return list(found.values())
        return None

    def _share_out(
        self,
        corpus: Corpus,
        queue: _Queue,
        futures: dict[str, asyncio.Future[Found]],
        files: Sequence[File] | None,
    ) -> None:
        if files is None:
            queue.width = max(1, queue.width // 2)
            for future in futures.values():
                _settle(future, None)
            return
        sorted_out: dict[str, list[File]] = {folder: [] for folder in futures}
        for file in files:
            for parent in file.parents:
                if parent in sorted_out:
                    sorted_out[parent].append(file)
        now = self._clock()
        for folder, future in futures.items():
            _settle(future, sorted_out[folder])
            if folder in queue.coming:  # nobody has asked for it yet
                self._kept.put((corpus, folder), (now, sorted_out[folder]))
        if len(files) * 2 <= _ROOM:
            queue.width = min(_WIDEST, queue.width * 2)


def _settle(future: asyncio.Future[Found], found: Found) -> None:
    if not future.done():
        future.set_result(found)
