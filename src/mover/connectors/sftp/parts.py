"""Uploads in parts: one temporary file, written at each part's offset."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from mover.connectors.contract import Content, PartRules, SentPart, Target, temporary_name
from mover.connectors.sftp.api import FSYNC, STATVFS, abandon, unless_absent
from mover.connectors.sftp.failures import SERVICE, Refusal, Status, reported
from mover.connectors.sftp.placing import Creating, check
from mover.connectors.sftp.pool import Pool
from mover.connectors.sftp.tree import Tree, entry, seconds
from mover.connectors.sftp.uploads import close_to_others, confirmed, place, to_be_set
from mover.connectors.sftp.wire import Attributes, Opening
from mover.connectors.sftp.writing import Writes, why_not_written
from mover.connectors.temporary import PartFile, Places
from mover.entries import Entry, HashName
from mover.errors import IntegrityError, NotFound, QuotaExceeded

RULES: Final = PartRules(
    smallest=1,
    largest=4 << 30,
    most=10_000,
    preferred=16 << 20,
    parallel=True,
    worthwhile_from=32 << 20,
)

_FLUSH_PATIENCE_S = 300


class SftpPartUploads:
    """See `PartUploads`.

    Each part is flushed to the server's disk before it counts as sent, where the server offers that: its receipt must
    hold even if the server crashes before the upload goes on.
    """

    def __init__(self, pool: Pool, tree: Tree, way: Creating) -> None:
        self._pool = pool
        self._tree = tree
        self._way = way

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """Make the temporary file, empty. Raises Conflict, Changed, and QuotaExceeded if the disk has less room."""
        with reported("begin", target.ref.path):
            places = Places.of(self._tree, target)
            async with self._pool.link() as link:
                sftp = link.sftp
                looked = sftp.look_at(places.final)
                abandon(looked)
                if sftp.offers(STATVFS):
                    room = await sftp.room(places.folder)
                    if size is not None and room.free_bytes < size:
                        raise QuotaExceeded(
                            f"the server's disk has room for {room.free_bytes} bytes of {size}"
                        )
                standing = await unless_absent(looked)
                check(target, standing)
                handle = await sftp.open(places.temporary, Opening.WRITE | Opening.CREATE | Opening.TRUNCATE)
                close_to_others(sftp, handle, standing)
                await sftp.close(handle)
        temporary = target.folder.child(temporary_name(target.key)).path
        return PartFile(temporary, size, part_size).token

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """Write one part. Raises NotFound if the temporary file is gone, QuotaExceeded, IntegrityError."""
        upload = PartFile.from_token(token, service=SERVICE)
        with reported("send", upload.temporary):
            path = self._tree.locate(upload.temporary)
            async with self._pool.link() as link:
                sftp = link.sftp
                handle = await sftp.open(path, Opening.WRITE)
                writes = Writes(sftp, handle, offset)
                try:
                    await writes.send(content)
                    flushed = [sftp.flush(handle, patience_s=_FLUSH_PATIENCE_S)] if sftp.offers(FSYNC) else []
                    await writes.answered(*flushed)
                except Refusal as refusal:
                    explanation = await why_not_written(sftp, path, refusal)
                    if explanation is not None:
                        raise explanation from refusal
                    raise
                finally:
                    writes.forget()
                    closed = sftp.close(handle)
                    abandon(closed)
                await closed
        return SentPart(number=number, size=writes.written, receipt="")

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart]:
        """Tell which parts lie within the file as it is. Raises NotFound if the upload is gone.

        A part for which there is a receipt is whole if it is among them. The reverse does not hold: parts come in any
        order, and a file's size does not tell what was written before its end.
        """
        upload = PartFile.from_token(token, service=SERVICE)
        with reported("received", upload.temporary):
            async with self._pool.link() as link:
                attributes = await link.sftp.look_at(self._tree.locate(upload.temporary))
        return upload.parts_within(attributes.size or 0, most=RULES.most)

    async def finish(
        self,
        token: str,
        target: Target,
        parts: Sequence[SentPart],
        hashes: Mapping[HashName, str],  # noqa: ARG002 - SFTP has no use for them; the engine verifies afterwards
    ) -> Entry:
        """Check the size, set the time, and rename. Raises IntegrityError, Conflict, Changed, NotFound."""
        upload = PartFile.from_token(token, service=SERVICE)
        with reported("finish", target.ref.path):
            size = sum(part.size for part in parts)
            if upload.size not in {None, size}:
                raise IntegrityError(f"the parts are not the whole of {upload.size} bytes")
            places = Places.of(self._tree, target)
            async with self._pool.link() as link:
                sftp = link.sftp
                temporary, standing = await asyncio.gather(
                    unless_absent(sftp.look_at(places.temporary)), unless_absent(sftp.look_at(places.final))
                )
                if temporary is None:
                    return _finished_before(target, standing, size)
                if temporary.size != size:
                    raise IntegrityError(f"the server has {temporary.size} bytes of {size}")
                check(target, standing)
                wanted = to_be_set(target, standing)
                if wanted != Attributes():
                    abandon(sftp.set(places.temporary, wanted))  # if it is refused, the last look shows it
                seen = await place(sftp, self._way, places, target)
                return await confirmed(sftp, places, target, seen, size)

    async def abort(self, token: str) -> None:
        """Remove the temporary file, if it is there."""
        upload = PartFile.from_token(token, service=SERVICE)
        with reported("abort", upload.temporary):
            async with self._pool.link() as link:
                try:
                    await link.sftp.remove(self._tree.locate(upload.temporary))
                except Refusal as refusal:
                    if refusal.code != Status.NO_SUCH_FILE:
                        raise


def _finished_before(target: Target, standing: Attributes | None, size: int) -> Entry:
    """Return the finished file if an earlier `finish` whose answer was lost has made it. Raises NotFound."""
    wanted_s = seconds(target.modified_ns)
    # Without a time any other file of that size would do, and be taken for a damaged copy of ours.
    if standing is None or standing.size != size or wanted_s is None or wanted_s != standing.modified_s:
        raise NotFound("the upload is gone")
    return entry(target.name, standing)
