"""Uploads in parts: a session whose file is made by an explicit request (`deferCommit`), so that nothing shows before.

Parts go one after the other, and what the service has it does not take again (416). A part that is sent once more is
compared with what was sent: if it is the same there is nothing to do; the first part of an upload can be replaced by
beginning anew; in all other cases the upload is gone, and the engine begins it again.

The token holds the upload URL, which is a right to write this one file until the session ends: there is no other way to
go on after a restart.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any

import msgspec

from mover.connectors.contract import Content, PartRules, SentPart, Target
from mover.connectors.microsoft.addressing import Address
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.listing import Lister, hashes_of
from mover.connectors.microsoft.model import Item
from mover.connectors.microsoft.sessions import (
    LARGEST_FRAGMENT,
    UNIT,
    Grain,
    RepeatedError,
    UploadUrl,
    commit_body,
    create,
    place_of,
)
from mover.connectors.microsoft.territory import Territory, in_drive
from mover.connectors.microsoft.uploads import changed
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import IntegrityError, NotFound, Unsupported

RULES = PartRules(
    # The service takes single units; a commit of its own and parts of this size cost no more than fragments of 10 MiB.
    smallest=40 * UNIT,
    largest=LARGEST_FRAGMENT,
    most=1_000_000,
    multiple=UNIT,
    preferred=128 * UNIT,  # 40 MiB: a quarter of the calls that fragments of 10 MiB cost
    parallel=False,
    worthwhile_from=128 * UNIT,  # 40 MiB: smaller files go whole in two calls
    rationed=True,
)
_MOST_SENT = 10_000


class _Upload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a token holds."""

    url: str
    drive: str
    item: str
    below: str
    name: str
    path: str
    size: Annotated[int, msgspec.Meta(gt=0)]
    part_size: Annotated[int, msgspec.Meta(gt=0)]
    body: dict[str, Any]

    @property
    def place(self) -> Address:
        return Address(self.drive, self.item, self.below)


class MicrosoftPartUploads:
    """See `contract.PartUploads`."""

    def __init__(self, api: GraphApi, territory: Territory, lister: Lister, grain: Grain) -> None:
        self._api = api
        self._territory = territory
        self._lister = lister
        self._grain = grain
        self._sent: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._moved: dict[str, str] = {}

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """See the contract."""
        path = target.ref.path
        if not size:
            raise Unsupported("the service must know the size in advance", operation="begin", path=path)
        if target.replaces is not None and self._grain.personal:
            # "Name conflict behavior: replace is not valid for this operation" answers a personal drive to that.
            raise Unsupported(
                "a personal OneDrive replaces no file by an upload in parts", operation="begin", path=path
            )
        folder = await in_drive(self._territory, target.folder, operation="begin")
        place, tag = place_of(folder, target)
        url = await create(
            self._api, place, target, size, self._grain, if_match=tag, deferred=True, operation="begin"
        )
        token = _Upload(
            url,
            place.drive,
            place.item,
            place.below,
            target.name,
            path,
            size,
            part_size,
            {"modified_ns": target.modified_ns, "created_ns": target.created_ns, "version": tag},
        )
        return msgspec.json.encode(token).decode()

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """See the contract."""
        upload = self._read(token, "send")
        size = content.size
        if size is None:
            raise Unsupported("the service must know the size of a part", operation="send", path=upload.path)
        session = self._session(upload, "send")
        checksum = _Checksum(content.chunks())
        try:
            await session.send(offset, size, upload.size, checksum.pieces())
        except RepeatedError:
            receipt = await self._sent_again(upload, number, offset, content)
        else:
            receipt = checksum.text
        sent = SentPart(number=number, size=size, receipt=receipt)
        self._remember(upload, sent)
        return sent

    async def received(self, token: str, kept: Sequence[SentPart] = (), /) -> Sequence[SentPart]:
        """See the contract."""
        upload = self._read(token, "received")
        for part in kept:
            self._remember(upload, part)
        have = await self._session(upload, "received").next_offset(upload.size)
        parts: list[SentPart] = []
        for number, offset in enumerate(range(0, upload.size, upload.part_size), start=1):
            length = min(upload.part_size, upload.size - offset)
            if offset + length > have:
                break
            parts.append(SentPart(number, length, self._sent.get((upload.url, number), "")))
        return parts

    async def finish(
        self,
        token: str,
        target: Target,
        parts: Sequence[SentPart],  # noqa: ARG002 - the service knows them
        hashes: Mapping[HashName, str],
    ) -> Entry:
        """See the contract."""
        upload = self._read(token, "finish")
        path = target.ref.path
        try:
            if target.replaces is not None:
                await self._check_unchanged(upload, target)
            if self._grain.personal:
                body = commit_body(target, self._grain, self._url(upload))
                item = await self._api.commit_session(upload.place, body, operation="finish", path=path)
            else:
                item = await self._session(upload, "finish").commit()
        except NotFound:
            item = await self._finished(upload, target, hashes)
        self._api.caller.fresh.add(upload.drive, item.id)
        return self._lister.entry(upload.drive, item)

    async def abort(self, token: str) -> None:
        """See the contract."""
        try:
            upload = self._read(token, "abort")
        except NotFound:
            return
        await self._session(upload, "abort").cancel()
        self._moved.pop(upload.url, None)

    async def _check_unchanged(self, upload: _Upload, target: Target) -> None:
        """The tag is held against the file when the upload begins; that may be long ago."""
        assert target.replaces is not None
        item = await self._api.item(upload.place, operation="finish", path=target.ref.path)
        expected = target.replaces.version
        if expected is not None and expected not in {item.c_tag, item.e_tag}:
            session_is_there = True
            try:
                await self._session(upload, "finish").next_offset(upload.size)
            except NotFound:
                session_is_there = False
            if session_is_there:
                raise changed(target.ref.path)

    async def _finished(self, upload: _Upload, target: Target, hashes: Mapping[HashName, str]) -> Item:
        """Find the file that an earlier try has made. Raises NotFound."""
        item = await self._api.item(upload.place, operation="finish", path=target.ref.path)
        known, told = hashes.get(HashName.QUICKXOR), hashes_of(item).get(HashName.QUICKXOR)
        same = item.size == upload.size and (known is None or told is None or known == told)
        if not same or (target.replaces is not None and item.c_tag == target.replaces.version):
            raise NotFound("the upload is gone", operation="finish", path=target.ref.path)
        return item

    async def _sent_again(self, upload: _Upload, number: int, offset: int, content: Content) -> str:
        """Deal with a part that the service does not take: it has it, has a piece of it, or lacks one before it."""
        session = self._session(upload, "send")
        assert content.size is not None
        have = await session.next_offset(upload.size)
        if have < offset:
            raise IntegrityError(
                "an earlier part of the file did not arrive", operation="send", path=upload.path
            )
        if not content.repeatable:
            raise NotFound("the upload has to begin again", operation="send", path=upload.path)
        checksum = _Checksum(content.chunks())
        if have < offset + content.size:
            body = checksum.pieces(skip=have - offset)
            with suppress(RepeatedError):
                await session.send(have, offset + content.size - have, upload.size, body)
                return checksum.text
        checksum = _Checksum(content.chunks())
        async for _ in checksum.pieces():
            pass
        before = self._sent.get((upload.url, number))
        if not before or before == checksum.text:
            return checksum.text  # the whole file's hash tells whether it is the same
        if number != 1 or have > content.size:
            await session.cancel()
            raise NotFound("the upload has to begin again", operation="send", path=upload.path)
        return await self._begin_anew(upload, content)

    async def _begin_anew(self, upload: _Upload, content: Content) -> str:
        """Replace the first part, the only one so far: by another session in the place of this one."""
        await self._session(upload, "send").cancel()
        folder, _, _ = upload.path.rpartition("/")
        is_new = bool(upload.below)
        target = Target(
            folder=EntryRef(folder or "/"),
            name=upload.name,
            key="again",
            replaces=None if is_new else _replaced(upload),
            modified_ns=upload.body.get("modified_ns"),
            created_ns=upload.body.get("created_ns"),
        )
        self._moved[upload.url] = await create(
            self._api,
            upload.place,
            target,
            upload.size,
            self._grain,
            if_match=upload.body.get("version"),
            deferred=True,
            operation="send",
        )
        checksum = _Checksum(content.chunks())
        assert content.size is not None
        try:
            await self._session(upload, "send").send(0, content.size, upload.size, checksum.pieces())
        except RepeatedError:
            raise IntegrityError(
                "the service does not take the first part", operation="send", path=upload.path
            ) from None
        return checksum.text

    def _remember(self, upload: _Upload, part: SentPart) -> None:
        self._sent[upload.url, part.number] = part.receipt
        if len(self._sent) > _MOST_SENT:
            self._sent.popitem(last=False)

    def _url(self, upload: _Upload) -> str:
        return self._moved.get(upload.url, upload.url)

    def _session(self, upload: _Upload, operation: str) -> UploadUrl:
        return UploadUrl(self._api.caller, self._url(upload), operation=operation, path=upload.path)

    def _read(self, token: str, operation: str) -> _Upload:
        try:
            return msgspec.json.decode(token, type=_Upload)
        except msgspec.DecodeError:
            raise NotFound(
                "the upload is not known", service=self._api.caller.service, operation=operation
            ) from None


def _replaced(upload: _Upload) -> Entry:
    return Entry(name=upload.name, kind=EntryKind.FILE, id=upload.item, version=upload.body.get("version"))


class _Checksum:
    """Sums up a content as it passes."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._sum = 0

    @property
    def text(self) -> str:
        """Of all that has passed."""
        return f"{self._sum:08x}"

    async def pieces(self, skip: int = 0) -> AsyncGenerator[bytes, None]:
        """Yield all but the first `skip` bytes; those count too."""
        async for piece in self._chunks:
            self._sum = zlib.crc32(piece, self._sum)
            if skip >= len(piece):
                skip -= len(piece)
                continue
            yield piece[skip:]
            skip = 0
