"""Earlier versions of a file: brought before the current one, the oldest first, each verified as it arrives.

At the destination a version comes to be by uploading over the file. What stands there tells how far it came, in an earlier
run or before an interruption: the versions up to that one are not sent again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import msgspec

from mover.connectors.contract import Capabilities, FileVersion, Setting, Target
from mover.connectors.contract import Versions as SourceVersions
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import NotFound, PermissionDenied, Unsupported
from mover.ledger.records import Arrival, Item
from mover.transfer.bandwidth import Bandwidth
from mover.transfer.evidence import altered_kind, compare_hashes, same_time
from mover.transfer.progress import Progress
from mover.transfer.reading import FileReader
from mover.transfer.sending import Sent
from mover.transfer.side import Side

_LARGE_FROM = 8 << 20  # bytes, as of files
_NOT_TO_BE_HAD = (NotFound, PermissionDenied, Unsupported)


class Send(Protocol):
    """Sends one version to where the file goes, replacing what stands there."""

    async def __call__(self, item: Item, reader: FileReader, replaces: Entry | None) -> tuple[Target, Sent]:
        """Do it, and prove its arrival."""


class Brought(msgspec.Struct, frozen=True):
    """What came of the earlier versions of a file: what the current one replaces now, and bytes that were sent."""

    replaces: Entry | None
    sent_bytes: int = 0
    message: str = ""


class VersionReader(FileReader):
    """Reads an earlier version of a file, which never changes."""

    def __init__(
        self,
        side: Side,
        versions: SourceVersions,
        ref: EntryRef,
        version: FileVersion,
        entry: Entry,
        *,
        path: str,
        progress: Progress,
        bandwidth: Bandwidth,
    ) -> None:
        super().__init__(side, ref, entry, path=path, progress=progress, bandwidth=bandwidth)
        self._versions = versions
        self._version = version

    def _open(self, offset: int, length: int | None) -> AsyncGenerator[bytes, None]:
        return self._versions.read(self.ref, self._version, offset=offset, length=length)

    async def learn_time(self) -> None:
        """It is known, or not at all."""

    async def still_the_same(self) -> None:
        """It is."""


class EarlierVersions:
    """Brings earlier versions for one run.

    Args:
        source: Where they are.
        destination: What it can do.
        most: So many of each file, the newest.
        progress: For the display.
        bandwidth: Shared with all that reads the source.
    """

    def __init__(
        self, source: Side, destination: Side, most: int, progress: Progress, bandwidth: Bandwidth
    ) -> None:
        self._source = source
        self._can: Capabilities = destination.connector.capabilities
        self._most = most if destination.connector.versions is not None else 0
        self._progress = progress
        self._bandwidth = bandwidth

    async def of(self, item: Item, entry: Entry) -> Sequence[FileVersion]:
        """The earlier versions that are to be moved with a file, the oldest first; none where there are no such things."""
        versions = self._source.connector.versions
        if not self._most or versions is None or entry.kind is not EntryKind.FILE:
            return ()
        found = await versions.of(self._source.ref(item.path, entry.id))
        return [one for one in found[:-1] if one.id != entry.version][-self._most :]

    def is_one(self, standing: Entry, versions: Sequence[FileVersion]) -> bool:
        """Whether what stands at the destination is one of these versions."""
        return any(self._is(standing, one) for one in versions)

    async def bring(
        self,
        item: Item,
        entry: Entry,
        versions: Sequence[FileVersion],
        standing: Entry | None,
        arrival: Arrival | None,
        send: Send,
    ) -> Brought:
        """Send those that are not at the destination yet.

        Args:
            item: The file.
            entry: As it is now.
            versions: What `of` returned.
            standing: What of ours stands at the destination.
            arrival: What an earlier run left there.
            send: Sends one.

        Raises what sending raises; a version that the source does not hand out is told, and passed over.
        """
        reading = self._source.connector.versions
        assert reading is not None
        sent_bytes, count, lost = 0, 0, ""
        for version in self._missing(versions, standing, arrival):
            one = Entry(
                name=entry.name,
                kind=EntryKind.FILE,
                id=entry.id,
                size=version.size,
                modified_ns=version.modified_ns,
                version=version.id,
                hashes=version.hashes,
                media_type=entry.media_type,
            )
            part = msgspec.structs.replace(
                item,
                source_key=f"{item.source_key}@{version.id}",
                entry=one,
                large=version.size is None or version.size >= _LARGE_FROM,
            )
            reader = VersionReader(
                self._source,
                reading,
                self._source.ref(item.path, entry.id),
                version,
                one,
                path=item.path,
                progress=self._progress,
                bandwidth=self._bandwidth,
            )
            try:
                target, sent = await send(part, reader, standing)
            except _NOT_TO_BE_HAD as error:
                if reader.trouble is not error:
                    raise
                lost = lost or str(error)
                continue
            standing = msgspec.structs.replace(sent.written, name=target.name)
            sent_bytes += sent.sent_bytes
            count += 1
        told = [
            f"with {count} earlier versions" if count else "",
            lost and f"not all earlier versions: {lost}",
        ]
        return Brought(standing, sent_bytes, "; ".join(filter(None, told)))

    def _missing(
        self, versions: Sequence[FileVersion], standing: Entry | None, arrival: Arrival | None
    ) -> Sequence[FileVersion]:
        """Those that are newer than what stands at the destination."""
        if standing is None:
            return versions
        for number in range(len(versions), 0, -1):
            version = versions[number - 1]
            arrived = arrival is not None and arrival.version is not None and arrival.version == version.id
            if arrived or self._is(standing, version):
                return versions[number:]
        return versions if arrival is None else self._since(versions, arrival)

    def _since(self, versions: Sequence[FileVersion], arrival: Arrival) -> Sequence[FileVersion]:
        """Those made after what arrived, where it is not among them itself."""
        if arrival.modified_ns is None:
            return ()
        return [
            one for one in versions if one.modified_ns is not None and one.modified_ns > arrival.modified_ns
        ]

    def _is(self, standing: Entry, version: FileVersion) -> bool:
        alters = altered_kind(standing.name, self._can.alters)
        same = compare_hashes(standing.hashes, version.hashes)
        if same or (same is False and not alters):
            return bool(same)
        if self._can.modified is not Setting.AT_UPLOAD or self._can.modified_resolution_ns is None:
            return False
        grain = max(self._can.modified_resolution_ns, self._source_grain)
        return (alters or standing.size == version.size) and same_time(
            standing.modified_ns, version.modified_ns, grain
        )

    @property
    def _source_grain(self) -> int:
        return self._source.connector.capabilities.modified_resolution_ns or 1
