"""Uploads in parts at the in-memory service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tests.memory.contents import Contents, Forgotten, Held, pieces
from tests.memory.service import PendingUpload
from tests.memory.writing import check_target, commit

from mover.connectors.contract import Content, PartRules, SentPart, Target
from mover.entries import Entry, HashName
from mover.errors import Conflict, IntegrityError, NotFound, TooLarge
from mover.hashing import MultiHasher

if TYPE_CHECKING:
    from tests.memory.connector import MemoryConnector


class MemoryPartUploads:
    """Takes parts in any order, or only one after the other if the rules say so."""

    def __init__(self, connector: MemoryConnector) -> None:
        self._connector = connector
        self._account = connector.account

    @property
    def _rules(self) -> PartRules:
        rules = self._connector.capabilities.parts
        assert rules is not None, "only accounts with rules for parts have part uploads"
        return rules

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """Start an upload; an unfinished one of the same key is used again, emptied."""
        async with self._connector.operation("begin", target.ref.path):
            check_target(self._account, target, size)
            rules = self._rules
            assert rules.smallest <= part_size <= rules.largest, "parts must be as large as the rules say"
            assert part_size % rules.multiple == 0, "parts must be a multiple of what the rules say"
            if size is not None and size > part_size * rules.most:
                raise TooLarge("the file has too many parts")
            token = f"upload-{target.key}"
            while token in self._account.uploads and self._account.uploads[token].finished_id is not None:
                token += "-again"
            self._account.uploads[token] = PendingUpload(target.ref.path, size, part_size)
            return token

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """Take a part."""
        upload = self._account.uploads.get(token)
        async with self._connector.operation("send", upload.path if upload else "") as fault:
            pending = self._pending(token)
            assert 1 <= number <= self._rules.most, "there are not so many parts"
            assert offset == (number - 1) * pending.part_size, "parts stand where their number says"
            if not self._rules.parallel and any(other not in pending.parts for other in range(1, number)):
                raise Conflict("parts must be sent one after the other")
            data = b"".join([chunk async for chunk in fault.spoil(content.chunks())])
            if content.size != len(data) and fault.truncate_to is None:
                raise IntegrityError("the part has not the size that was announced")
            pending = self._pending(token)  # it may have been aborted meanwhile
            pending.parts[number] = (offset, data)
            return SentPart(number, len(data), _receipt(data))

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart]:
        """Tell which parts are there."""
        upload = self._account.uploads.get(token)
        async with self._connector.operation("received", upload.path if upload else ""):
            parts = self._pending(token).parts
            return [
                SentPart(number, len(data), _receipt(data)) for number, (_, data) in sorted(parts.items())
            ]

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """Put the parts together. Once more: return the finished file."""
        async with self._connector.operation("finish", target.ref.path):
            upload = self._account.uploads.get(token)
            if upload is not None and upload.finished_id is not None:
                node = self._account.nodes.node(upload.finished_id)
                if node is None:
                    raise NotFound("the finished file is gone")
                return self._connector.finished(node)
            pending = self._pending(token)
            assert pending.path == target.ref.path, "an upload is finished where it was begun"
            sent = [(part.number, part.receipt) for part in parts]
            if sent != [(number, _receipt(data)) for number, (_, data) in sorted(pending.parts.items())]:
                raise IntegrityError("the parts are not those that were received")
            contents = self._joined([data for _, (_, data) in sorted(pending.parts.items())], hashes)
            if pending.size is not None and contents.size != pending.size:
                raise IntegrityError("the parts do not add up to the size that was announced")
            node = commit(self._account, target, contents, self._connector.kept_time(target))
            pending.finished_id = node.id
            pending.parts.clear()
            return self._connector.finished(node)

    async def abort(self, token: str) -> None:
        """Drop the upload."""
        upload = self._account.uploads.get(token)
        async with self._connector.operation("abort", upload.path if upload else ""):
            if upload is not None and upload.finished_id is None:
                del self._account.uploads[token]

    def _pending(self, token: str) -> PendingUpload:
        upload = self._account.uploads.get(token)
        if upload is None or upload.finished_id is not None:
            raise NotFound("the upload is gone")
        return upload

    def _joined(self, data: list[bytes], hashes: Mapping[HashName, str]) -> Contents:
        can = self._connector.capabilities
        whole = Held(b"".join(data))
        hasher = MultiHasher((can.listed_hashes | can.returned_hashes | hashes.keys()) - {HashName.S3_ETAG})
        for piece in pieces(whole):
            hasher.update(piece)
        return whole if self._account.keeps_content else Forgotten(whole.size, hasher.hexdigests())


def _receipt(data: bytes) -> str:
    hasher = MultiHasher([HashName.CRC32C])
    hasher.update(data)
    return hasher.hexdigests()[HashName.CRC32C]
