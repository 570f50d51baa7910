"""A connector that keeps to its account's pace and tries again what may succeed the second time.

Wrapped around any connector; itself one. Small operations and the pages of listings are repeated here. Those that move
content (`read`, `upload`, `send`) are not: only the engine knows where the content comes from, and repeats the file.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeVar

from mover.connectors.contract import (
    Account,
    Capabilities,
    Change,
    Changes,
    Connector,
    Content,
    DescribedReads,
    FileVersion,
    MakesShortcuts,
    Page,
    PartUploads,
    Permissions,
    Place,
    Places,
    Quota,
    Remarks,
    Renames,
    SentPart,
    ServiceHashes,
    Target,
    Times,
    TreePage,
    Trees,
    Versions,
)
from mover.entries import ROOT, Entry, EntryRef, HashName, Permission
from mover.errors import Throttled, Transient, Unsupported
from mover.transport.pacing import Pacer
from mover.transport.retries import Retries, RetryPolicy

T = TypeVar("T")
Cursor = TypeVar("Cursor")
DEFAULT_POLICY = RetryPolicy()


class _Pace:
    """How the operations of one account are run: in slots of its pacer, repeated as the policy says."""

    def __init__(
        self,
        pacer: Pacer,
        policy: RetryPolicy,
        sleep: Callable[[float], Awaitable[None]],
        clock: Callable[[], float],
        rng: random.Random,
    ) -> None:
        self.pacer = pacer
        self._policy = policy
        self._sleep = sleep
        self._clock = clock
        self._rng = rng

    def retries(self) -> Retries:
        """Begin the tries of one operation."""
        return Retries(self._policy, sleep=self._sleep, clock=self._clock, rng=self._rng)

    async def once(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run an operation in a slot."""
        async with self.pacer.slot():
            return await work()

    async def repeated(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run an operation in a slot, again after Transient errors; the slot is free while it waits.

        A throttled try counts only if the account served nothing else meanwhile: who is unlucky while others are served
        is not refused, his turn comes.
        """
        retries: Retries | None = None
        served = self.pacer.successes
        while True:
            try:
                async with self.pacer.slot():
                    return await work()
            except Transient as error:
                retries = retries or self.retries()
                if isinstance(error, Throttled) and self.pacer.successes > served:
                    served = self.pacer.successes
                    retries.progressed()
                await retries.wait_or_raise(error)

    async def pages(
        self,
        begin: Callable[[Cursor], AsyncGenerator[T, None]],
        cursor: Cursor,
        behind: Callable[[T], Cursor],
    ) -> AsyncGenerator[T, None]:
        """Yield pages, a slot each; after a Transient error goes on behind the last one, or raises it where no cursor is.

        Args:
            begin: Gives the pages from a cursor on.
            cursor: Of the first page.
            behind: The cursor behind a page; None where there is none.
        """
        retries = self.retries()
        resumable = True
        while True:
            async with aclosing(begin(cursor)) as pages:
                try:
                    while page := await self.once(lambda: anext(pages, None)):
                        cursor = behind(page)
                        resumable = cursor is not None
                        yield page
                        retries.progressed()
                    return
                except Transient as error:
                    if not resumable:
                        raise
                    await retries.wait_or_raise(error)


class Paced:
    """A connector at the pace of its account. Satisfies `contract.Connector`; what the service lacks is None here too.

    Args:
        connector: Any connector; signed in already or not.
        pacer: The account's, made as `Pacer(*capabilities.concurrency)`.
        policy: For what is repeated.
        sleep: Waits so many seconds.
        clock: Monotonic seconds.
        rng: For jitter.
    """

    def __init__(
        self,
        connector: Connector,
        pacer: Pacer,
        policy: RetryPolicy = DEFAULT_POLICY,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._connector = connector
        self._pace = _Pace(pacer, policy, sleep, clock, rng or random.Random())  # noqa: S311 - spreads load, guards nothing

    @property
    def pacer(self) -> Pacer:
        """For progress: how many operations run, and how long the service wants to be left alone."""
        return self._pace.pacer

    @property
    def service(self) -> str:
        """See `contract.Connector`, as for all that follows."""
        return self._connector.service

    @property
    def capabilities(self) -> Capabilities:
        """What the service can do."""
        return self._connector.capabilities

    @property
    def calls(self) -> int:
        """Requests so far, repetitions included."""
        return self._connector.calls

    @property
    def part_uploads(self) -> PartUploads | None:
        """Uploads in parts: all but `send` are repeated."""
        inner = self._connector.part_uploads
        return _PacedPartUploads(inner, self._pace) if inner else None

    @property
    def described_reads(self) -> DescribedReads | None:
        """Reading that tells more than listings do, if the service has it."""
        return self if self._connector.described_reads is not None else None

    @property
    def hashes(self) -> ServiceHashes | None:
        """Hashes on demand."""
        inner = self._connector.hashes
        return _PacedHashes(inner, self._pace) if inner else None

    @property
    def times(self) -> Times | None:
        """Setting times."""
        inner = self._connector.times
        return _PacedTimes(inner, self._pace) if inner else None

    @property
    def renames(self) -> Renames | None:
        """Renaming and moving."""
        inner = self._connector.renames
        return _PacedRenames(inner, self._pace) if inner else None

    @property
    def quota(self) -> Quota | None:
        """Room in the account."""
        inner = self._connector.quota
        return _PacedQuota(inner, self._pace) if inner else None

    @property
    def changes(self) -> Changes | None:
        """The change feed."""
        return _paced_changes(self._connector.changes, self._pace)

    @property
    def sharing_changes(self) -> Changes | None:
        """The change feed that tells of permissions, too."""
        return _paced_changes(self._connector.sharing_changes, self._pace)

    @property
    def permissions(self) -> Permissions | None:
        """Who may do what."""
        inner = self._connector.permissions
        return _PacedPermissions(inner, self._pace) if inner else None

    @property
    def versions(self) -> Versions | None:
        """Earlier versions of files; reading them is not repeated."""
        inner = self._connector.versions
        return _PacedVersions(inner, self._pace) if inner else None

    @property
    def places(self) -> Places | None:
        """People and sites."""
        inner = self._connector.places
        return _PacedPlaces(inner, self._pace) if inner else None

    @property
    def remarks(self) -> Sequence[str]:
        """What the connector noticed, if it is one that says so."""
        return self._connector.remarks if isinstance(self._connector, Remarks) else ()

    @property
    def makes_shortcuts(self) -> bool:
        """Whether it is a connector that makes shortcuts, and is to."""
        inner = self._connector
        return isinstance(inner, MakesShortcuts) and inner.makes_shortcuts

    async def make_shortcut(self, folder: EntryRef, name: str, target: EntryRef) -> bool:
        """Make a shortcut, or find it. Raises Unsupported where the connector makes none."""
        inner = self._connector
        if not isinstance(inner, MakesShortcuts):
            raise Unsupported("no shortcuts are made here", service=self.service, operation="make_shortcut")
        return await self._pace.repeated(lambda: inner.make_shortcut(folder, name, target))

    async def sign_in(self) -> Account:
        """Sign in; a refusal of the credentials is not repeated, it might lock the account."""
        return await self._pace.repeated(self._connector.sign_in)

    async def close(self) -> None:
        """Let go of connections, at once."""
        await self._connector.close()

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path."""
        return await self._pace.repeated(lambda: self._connector.look_up(path))

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe one known entry afresh."""
        return await self._pace.repeated(lambda: self._connector.refresh(ref))

    def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield pages; after an error goes on behind the last page, or raises it where there is no cursor for that."""
        return self._pace.pages(
            lambda after: self._connector.list_folder(folder, after), cursor, lambda page: page.cursor
        )

    async def read(
        self,
        file: EntryRef,
        *,
        offset: int = 0,
        length: int | None = None,
        version: str | None = None,
        found: Callable[[Entry], None] | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes, in a slot until the iterator ends or is closed; not repeated.

        `found` is for `described_reads`.
        """
        described = self._connector.described_reads
        if found is not None and described is not None:
            reading = described.read(file, offset=offset, length=length, version=version, found=found)
        else:
            reading = self._connector.read(file, offset=offset, length=length, version=version)
        async with self._pace.pacer.slot(read=True), aclosing(reading) as pieces:
            async for piece in pieces:
                yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder or find it there."""
        return await self._pace.repeated(lambda: self._connector.create_folder(parent, name))

    async def upload(self, target: Target, content: Content) -> Entry:
        """Send a whole file; not repeated."""
        return await self._pace.once(lambda: self._connector.upload(target, content))


class _PacedPartUploads:
    def __init__(self, inner: PartUploads, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        return await self._pace.repeated(lambda: self._inner.begin(target, size, part_size))

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        return await self._pace.once(lambda: self._inner.send(token, number, offset, content))

    async def received(self, token: str, kept: Sequence[SentPart] = ()) -> Sequence[SentPart] | None:
        return await self._pace.repeated(lambda: self._inner.received(token, kept))

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        return await self._pace.repeated(lambda: self._inner.finish(token, target, parts, hashes))

    async def abort(self, token: str) -> None:
        await self._pace.repeated(lambda: self._inner.abort(token))


class _PacedHashes:
    def __init__(self, inner: ServiceHashes, pace: _Pace) -> None:
        self.names = inner.names
        self._inner = inner
        self._pace = pace

    async def compute(self, file: EntryRef, wanted: frozenset[HashName]) -> Mapping[HashName, str]:
        return await self._pace.repeated(lambda: self._inner.compute(file, wanted))


class _PacedTimes:
    def __init__(self, inner: Times, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        return await self._pace.repeated(lambda: self._inner.set_modified(entry, modified_ns))


class _PacedRenames:
    def __init__(self, inner: Renames, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        return await self._pace.repeated(lambda: self._inner.rename(entry, folder, name))


class _PacedQuota:
    def __init__(self, inner: Quota, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        return await self._pace.repeated(lambda: self._inner.free_bytes(folder))


class _PacedChanges:
    def __init__(self, inner: Changes, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        return await self._pace.repeated(lambda: self._inner.cursor(folder))

    def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        return self._pace.pages(self._inner.since, cursor, lambda page: page[1])


class _PacedTrees(_PacedChanges):
    def __init__(self, inner: Changes, trees: Trees, pace: _Pace) -> None:
        super().__init__(inner, pace)
        self._trees = trees

    def below(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[TreePage, None]:
        return self._pace.pages(
            lambda after: self._trees.below(folder, after), cursor, lambda page: page.cursor
        )

    async def taken_up(self, folder: EntryRef, entries: Sequence[Entry], *, begins: bool, ends: bool) -> None:
        await self._trees.taken_up(folder, entries, begins=begins, ends=ends)


def _paced_changes(inner: Changes | None, pace: _Pace) -> Changes | None:
    if inner is None:
        return None
    return _PacedTrees(inner, inner, pace) if isinstance(inner, Trees) else _PacedChanges(inner, pace)


class _PacedPermissions:
    def __init__(self, inner: Permissions, pace: _Pace) -> None:
        self.kinds = inner.kinds
        self.inherited = inner.inherited
        self.roles = inner.roles
        self.on_files = inner.on_files
        self.tells_links_above = inner.tells_links_above
        self._inner = inner
        self._pace = pace

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        return await self._pace.repeated(lambda: self._inner.of(entries))

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        await self._pace.repeated(lambda: self._inner.grant(entry, grantee))

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        await self._pace.repeated(lambda: self._inner.revoke(entry, grantee))


class _PacedVersions:
    def __init__(self, inner: Versions, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        return await self._pace.repeated(lambda: self._inner.of(file))

    async def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        reading = self._inner.read(file, version, offset=offset, length=length)
        async with self._pace.pacer.slot(read=True), aclosing(reading) as pieces:
            async for piece in pieces:
                yield piece


class _PacedPlaces:
    def __init__(self, inner: Places, pace: _Pace) -> None:
        self._inner = inner
        self._pace = pace

    async def all(self) -> AsyncGenerator[Sequence[Place], None]:
        async with aclosing(self._inner.all()) as pages:
            while page := await self._pace.once(lambda: anext(pages, None)):
                yield page
