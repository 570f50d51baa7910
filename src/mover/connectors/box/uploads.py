"""Uploads in one call, and folders."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from mover.connectors.bodies import body_of
from mover.connectors.box.addresses import FILE, FOLDER, number
from mover.connectors.box.answers import Item, Items
from mover.connectors.box.api import BoxApi, Doing, FaultError, upload_url
from mover.connectors.box.describing import Descriptions, etag_of
from mover.connectors.box.faults import NAME_IN_USE, Fault, fault_in
from mover.connectors.box.spots import Spot, Spots, doing_at, find
from mover.connectors.contract import Content, Target
from mover.connectors.times import spell_rfc3339
from mover.entries import Entry, EntryRef, HashName
from mover.errors import Changed, Conflict, IntegrityError, NotFound, ProtocolViolation

_LONGEST_ANSWER = 1024 * 1024


class Uploads:
    """Makes files and folders.

    Args:
        api: The calls.
        spots: Finds folders.
        descriptions: Describes what was made.
        new_id: Returns 32 random hexadecimal digits.
    """

    def __init__(
        self, api: BoxApi, spots: Spots, descriptions: Descriptions, *, new_id: Callable[[], str]
    ) -> None:
        self._api = api
        self._spots = spots
        self._descriptions = descriptions
        self._new_id = new_id

    async def upload(self, target: Target, content: Content) -> Entry:
        """As `Connector.upload`. One call.

        A repetition after a lost answer finds its own file in the way: the refusal tells its SHA-1, so that no call is
        needed to recognise it.
        """
        path = target.ref.path
        folder = await self._spots.of(target.folder, "upload")
        file = await replaced(self._spots, target)
        doing = doing_at(folder, "upload", path)
        sha1 = content.hashes.get(HashName.SHA1)
        attributes = {"name": target.name, **times_of(target, replaces=file is not None)}
        if file is None:
            attributes["parent"] = {"id": number(folder.id)}
        headers = {"Content-MD5": sha1} if sha1 else {}  # Box's name for it, though it is a SHA-1
        form = _Form(self._new_id(), attributes)
        body = await form.around(content)
        async with self._api.request(
            "POST",
            upload_url(file),
            doing,
            headers={**headers, **if_match(target), "Content-Type": form.media_type},
            body=body,
            size=form.size(content.size),
        ) as answer:
            fault = await fault_in(answer)
            if fault is None:
                found = self._api.read(await answer.read(_LONGEST_ANSWER), Items, doing)
                return self.written(found, target, doing)
        return await self.or_own(fault, target, sha1, content.size, doing)

    def written(self, found: Items, target: Target, doing: Doing) -> Entry:
        """Describe the file that an upload made. Raises ProtocolViolation."""
        entries = found.entries or ()
        if len(entries) != 1 or entries[0].type != FILE:
            raise ProtocolViolation(
                "the service does not say what it made of the upload",
                service=self._api.service,
                operation=doing.operation,
                path=doing.path,
            )
        return self._descriptions.entry(entries[0], in_folder=target.folder.id)

    async def or_own(
        self, fault: Fault, target: Target, sha1: str | None, size: int | None, doing: Doing
    ) -> Entry:
        """Return the file in the way of an upload if it is what the upload was to make. Raises what the refusal means."""
        item = fault.conflict
        if (
            fault.code == NAME_IN_USE
            and item is not None
            and target.replaces is None
            and sha1 is not None
            and (item.type, item.name, (item.sha1 or "").lower()) == (FILE, target.name, sha1)
        ):
            return self._descriptions.entry(item, in_folder=target.folder.id, size=size)
        raise await self._api.refusal(fault, doing)

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """As `Connector.create_folder`. One call."""
        ref = parent.child(name)
        folder = await self._spots.of(parent, "create_folder")
        doing = doing_at(folder, "create_folder", ref.path)
        if folder.kind != FOLDER:
            raise NotFound("this is no folder")
        try:
            made = await self._api.create_folder(folder.id, name, doing)
        except FaultError as error:
            if error.fault.code != NAME_IN_USE:
                raise await self._api.refusal(error.fault, doing) from None
            made = error.fault.conflict or await self._standing(folder, name, doing)
            if made.type != FOLDER:
                raise Conflict("a file of that name is there", said=error.fault.message) from None
        return self._descriptions.entry(made, in_folder=folder.entry_id)

    async def _standing(self, folder: Spot, name: str, doing: Doing) -> Item:
        found = await find(self._api, folder, name, doing)
        if found is None:
            raise Conflict("something of that name is there, and it is not told what")
        return found


async def replaced(spots: Spots, target: Target) -> str | None:
    """Box's id of the file that an upload replaces; None if it makes a new one. Raises NotFound."""
    if target.replaces is None:
        return None
    spot = await spots.of(EntryRef(target.ref.path, target.replaces.id), "upload")
    if spot.kind != FILE:
        raise Changed("it is no longer a file")
    return spot.id


def times_of(target: Target, *, replaces: bool) -> dict[str, Any]:
    """The times that go with an upload; that of creation is a file's own, and stays over its versions."""
    times = {}
    if target.modified_ns is not None:
        times["content_modified_at"] = spell_rfc3339(target.modified_ns)
    if target.created_ns is not None and not replaces:
        times["content_created_at"] = spell_rfc3339(target.created_ns)
    return times


def if_match(target: Target) -> dict[str, str]:
    """Let nothing but the version that was seen be replaced."""
    etag = etag_of(target.replaces.version) if target.replaces is not None else None
    return {"If-Match": etag} if etag is not None else {}


class _Form:
    """A multipart form (RFC 7578): the attributes first, else Box refuses it, then the content."""

    def __init__(self, boundary: str, attributes: dict[str, Any]) -> None:
        self.media_type = f"multipart/form-data; boundary={boundary}"
        text = json.dumps(attributes)
        self._before = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="attributes"\r\n\r\n{text}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="content"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        self._after = f"\r\n--{boundary}--\r\n".encode()

    def size(self, content: int | None) -> int | None:
        """Of the whole form."""
        return None if content is None else len(self._before) + content + len(self._after)

    async def around(self, content: Content) -> bytes | AsyncIterator[bytes]:
        """The whole form: in one piece if the content is small. Raises IntegrityError if that has another size than it says."""
        if content.size is None:
            return self._streamed(content.chunks)
        body = await body_of(content, content.size)
        if isinstance(body, bytes):
            return self._before + body + self._after
        return self._streamed(body, content.size)

    async def _streamed(
        self, chunks: Callable[[], AsyncIterator[bytes]], size: int | None = None
    ) -> AsyncIterator[bytes]:
        yield self._before
        left = size
        async for chunk in chunks():
            if left is not None:
                left -= len(chunk)
                if left < 0:
                    break
            yield chunk
        if left:
            raise IntegrityError(f"the content has not the {size} bytes that were announced")
        yield self._after
