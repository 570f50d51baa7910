"""Reading: the content of files, ranges of it, and exports of documents; noticing when a file is no longer what it was."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing
from urllib.parse import urljoin, urlsplit

from mover.connectors.bounded import Bounded
from mover.connectors.google.acting import Acting
from mover.connectors.google.addresses import Address
from mover.connectors.google.answers import File
from mover.connectors.google.api import DriveApi
from mover.connectors.google.calls import DRIVE, address
from mover.connectors.google.describing import (
    FIELDS,
    document_type,
    kind_of,
    revision_and_md5,
    version_of,
)
from mover.connectors.google.documents import EXPORTS, Export
from mover.connectors.ranges import check_range, exactly, range_header
from mover.entries import EntryKind
from mover.errors import (
    Changed,
    IntegrityError,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    TooLarge,
    Unsupported,
)
from mover.transport.http import HttpResponse

_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,19})")
_NOT_SATISFIABLE = 416
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_MOST_REMEMBERED = 1_000
_GOOGLE = re.compile(r"(?:[a-z0-9-]+\.)*google(?:apis|usercontent)?\.com")
_SIGNED = re.compile(r"(?:docs|drive|www)\.(?:google|googleapis)\.com")


class Reading:
    """Reads.

    Args:
        api: For the calls.
        acting: In whose name.
        service: The connector's name, for errors.
    """

    def __init__(self, api: DriveApi, acting: Acting, service: str) -> None:
        self._api = api
        self._acting = acting
        self._service = service
        self._without_revisions: Bounded[str, None] = Bounded(_MOST_REMEMBERED)

    async def read(
        self, file: Address, path: str, *, offset: int, length: int | None, version: str | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes, or an export of a document; one call.

        A whole file's MD5 is compared with that of the version. A range is read from the revision itself, which may not be
        given to those who can only view the file: then the file is described once more after the range.
        """
        if length == 0:
            return
        subject = await self._acting.subject(file, "read", path)
        kind = document_type(version)
        if kind is not None:
            pieces = self._export(file, kind, subject, path, offset=offset, length=length)
        elif version is not None and (offset or length is not None):
            pieces = self._range_of(file, version, subject, path, offset=offset, length=length)
        else:
            pieces = self._file(file, subject, path, offset=offset, length=length, version=version)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _file(
        self,
        file: Address,
        subject: str | None,
        path: str,
        *,
        offset: int,
        length: int | None,
        version: str | None,
    ) -> AsyncGenerator[bytes, None]:
        url = address(DRIVE, "files", file.item, alt="media", supportsAllDrives="true")
        md5 = revision_and_md5(version)[1] if version is not None else ""
        digest = hashlib.md5(usedforsecurity=False) if md5 else None
        try:
            async with aclosing(self._media(url, subject, path, offset=offset, length=length)) as pieces:
                async for piece in pieces:
                    if digest is not None:
                        digest.update(piece)
                    yield piece
        except Unsupported:
            found = await self._described(file, subject, path)
            if kind_of(found) is not EntryKind.NATIVE:
                raise
            exported = self._export(file, found.mime_type, subject, path, offset=offset, length=length)
            async with aclosing(exported):
                async for piece in exported:
                    yield piece
            return
        if digest is not None and digest.hexdigest() != md5:
            found = await self._described(file, subject, path)
            if version_of(found) != version:
                raise Changed("the file is no longer the version that was listed")
            raise IntegrityError("the bytes that arrived are not those that Google has a hash of")

    async def _range_of(
        self,
        file: Address,
        version: str,
        subject: str | None,
        path: str,
        *,
        offset: int,
        length: int | None,
    ) -> AsyncGenerator[bytes, None]:
        revision, _ = revision_and_md5(version)
        if revision and file.text not in self._without_revisions:
            url = address(DRIVE, "files", file.item, "revisions", revision, alt="media")
            began = False
            try:
                async with aclosing(self._media(url, subject, path, offset=offset, length=length)) as pieces:
                    async for piece in pieces:
                        began = True
                        yield piece
                return
            except (NotFound, PermissionDenied, Unsupported):
                if began:
                    raise
                self._without_revisions.put(file.text, None)
        plain = self._file(file, subject, path, offset=offset, length=length, version=None)
        async with aclosing(plain):
            async for piece in plain:
                yield piece
        if version_of(await self._described(file, subject, path)) != version:
            raise Changed("the file is no longer the version that was listed")

    async def revision(
        self, file: Address, revision: str, path: str, *, offset: int, length: int | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an earlier version; one call."""
        if length == 0:
            return
        subject = await self._acting.subject(file, "read", path)
        url = address(DRIVE, "files", file.item, "revisions", revision, alt="media")
        async with aclosing(self._media(url, subject, path, offset=offset, length=length)) as pieces:
            async for piece in pieces:
                yield piece

    async def _described(self, file: Address, subject: str | None, path: str) -> File:
        return await self._api.get(file.item, subject=subject, fields=FIELDS, operation="read", path=path)

    async def _media(
        self, url: str, subject: str | None, path: str, *, offset: int, length: int | None
    ) -> AsyncGenerator[bytes, None]:
        headers = range_header(offset, length)
        async with self._api.calls.request(
            "GET",
            url,
            subject=subject,
            headers=headers,
            also=(_NOT_SATISFIABLE,),
            operation="read",
            path=path,
        ) as answer:
            if answer.status == _NOT_SATISFIABLE:
                _check_nothing_left(answer, offset, length)
                return
            expected = answer.size
            if headers:
                check_range(
                    answer, offset, length, to_the_end=length is None, service=self._service, path=path
                )
                expected = length if length is not None else answer.size
            async with aclosing(exactly(answer, expected, service=self._service, path=path)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _export(
        self,
        file: Address,
        kind: str,
        subject: str | None,
        path: str,
        *,
        offset: int,
        length: int | None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield an export, always from its beginning to its end: the next one would be other bytes."""
        export = EXPORTS.get(kind)
        if export is None:
            raise Unsupported(
                f"documents of this kind ({kind.rpartition('.')[2]}) cannot be exported by Google"
            )
        if offset or length is not None:
            raise Unsupported("an export cannot be read in pieces, since each one is made anew")
        url = address(DRIVE, "files", file.item, "export", mimeType=export.media_type)
        try:
            async with aclosing(self._media(url, subject, path, offset=0, length=None)) as pieces:
                async for piece in pieces:
                    yield piece
        except TooLarge:
            async with aclosing(self._by_link(file, export, subject, path)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _by_link(
        self, file: Address, export: Export, subject: str | None, path: str
    ) -> AsyncGenerator[bytes, None]:
        """Yield an export of more than 10 MB; three calls or more."""
        found = await self._api.get(
            file.item, subject=subject, fields="id,exportLinks", operation="read", path=path
        )
        link = (found.export_links or {}).get(export.media_type)
        if link is None:
            raise TooLarge("the document is too large to be exported")
        async with aclosing(self.follow(link, subject, path)) as pieces:
            async for piece in pieces:
                yield piece

    async def follow(self, link: str, subject: str | None, path: str) -> AsyncGenerator[bytes, None]:
        """Yield what an export link leads to. The token is shown to Google's own hosts only, not where they lead on to."""
        for _ in range(_MOST_REDIRECTS):
            host = _host(link)
            request: AbstractAsyncContextManager[HttpResponse]
            if _SIGNED.fullmatch(host):
                request = self._api.calls.request(
                    "GET", link, subject=subject, also=_REDIRECTS, operation="read", path=path
                )
            else:
                request = self._api.calls.session.unsigned.request("GET", link, operation="read", path=path)
            async with request as answer:
                if answer.status in _REDIRECTS:
                    link = urljoin(link, answer.headers.get("Location", ""))
                    continue
                if answer.status != 200:  # noqa: PLR2004 - HTTP statuses are best known as numbers
                    raise await self._api.calls.refusal(answer, operation="read", path=path)
                if "text/html" in answer.headers.get("Content-Type", ""):
                    raise PermissionDenied("Google asks for a sign-in instead of giving the export")
                async with aclosing(exactly(answer, answer.size, service=self._service, path=path)) as pieces:
                    async for piece in pieces:
                        yield piece
                return
        raise ProtocolViolation("Google leads from one address to the next without end")


def _host(link: str) -> str:
    parts = urlsplit(link)
    host = parts.hostname or ""
    if parts.scheme != "https" or not _GOOGLE.fullmatch(host) or parts.username is not None:
        raise ProtocolViolation("Google leads to an address that is not Google's", said=host)
    return host


def _check_nothing_left(answer: HttpResponse, offset: int, length: int | None) -> None:
    found = _UNSATISFIED.fullmatch(answer.headers.get("Content-Range", ""))
    if length is not None or found is None or int(found[1]) != offset:
        raise IntegrityError("the file is shorter than it was")
