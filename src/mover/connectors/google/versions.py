"""Earlier versions: revisions ("Manage file revisions" of the Drive guides)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from mover.connectors.contract import FileVersion
from mover.connectors.google import times
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import Address
from mover.connectors.google.answers import Revision
from mover.connectors.google.api import DriveApi
from mover.connectors.google.calls import DRIVE, address
from mover.connectors.google.describing import bytes_from, md5_of
from mover.connectors.google.documents import EXPORTS, is_document
from mover.connectors.google.reading import Reading
from mover.entries import EntryRef, HashName
from mover.errors import NotFound, Unsupported

_DOCUMENT = "document:"


class Revisions:
    """Satisfies `Versions`. Drive keeps those of files for 30 days, or a hundred of them, unless somebody wants more."""

    def __init__(self, api: DriveApi, acting: Acting, reading: Reading) -> None:
        self._api = api
        self._acting = acting
        self._reading = reading

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        """Return the revisions, the oldest first; a call for each thousand."""
        where = _address(file)
        subject = await self._acting.subject(where, "versions", file.path)
        found: list[FileVersion] = []
        token = None
        while True:
            page = await self._api.revisions(
                where.item, subject=subject, token=token, operation="versions", path=file.path
            )
            found += [_version(revision) for revision in page.revisions]
            token = page.next_page_token
            if token is None:
                return found

    async def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a revision; of one of a document, an export."""
        where = _address(file)
        revision, _, _ = version.id.rpartition(":")
        if version.id.startswith(_DOCUMENT):
            pieces = self._export(file, where, version.id.removeprefix(_DOCUMENT), offset, length)
        else:
            pieces = self._reading.revision(
                where, revision or version.id, file.path, offset=offset, length=length
            )
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _export(
        self, file: EntryRef, where: Address, revision: str, offset: int, length: int | None
    ) -> AsyncGenerator[bytes, None]:
        if offset or length is not None:
            raise Unsupported("an export cannot be read in pieces, since each one is made anew")
        subject = await self._acting.subject(where, "versions", file.path)
        url = address(DRIVE, "files", where.item, "revisions", revision, fields="id,mimeType,exportLinks")
        found = await self._api.calls.json(
            "GET", url, Revision, subject=subject, operation="versions", path=file.path
        )
        export = EXPORTS.get(found.mime_type)
        link = (found.export_links or {}).get(export.media_type) if export else None
        if link is None:
            raise Unsupported("this version cannot be exported")
        async with aclosing(self._reading.follow(link, subject, file.path)) as pieces:
            async for piece in pieces:
                yield piece


def _address(file: EntryRef) -> Address:
    if file.id is None:
        raise NotFound("there is no such entry")
    return Address.parse(file.id)


def _version(revision: Revision) -> FileVersion:
    author = revision.last_modifying_user
    email = author.email_address if author else None
    md5 = md5_of(revision)
    return FileVersion(
        id=f"{_DOCUMENT}{revision.id}" if is_document(revision.mime_type) else f"{revision.id}:{md5 or ''}",
        size=bytes_from(revision.size),
        modified_ns=times.read(revision.modified_time),
        hashes={HashName.MD5: md5} if md5 else {},
        author=email.lower() if email else (author.display_name if author else None),
    )
