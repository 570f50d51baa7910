"""Earlier versions of files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from urllib.parse import quote

from mover.connectors.contract import FileVersion
from mover.connectors.microsoft.addressing import Address
from mover.connectors.microsoft.api import GraphApi
from mover.connectors.microsoft.model import VersionLine
from mover.connectors.microsoft.reading import content_link, read_file, read_link
from mover.connectors.microsoft.territory import Territory, in_drive
from mover.connectors.microsoft.times import read_time
from mover.entries import EntryRef
from mover.errors import MoverError, NotFound, ProtocolViolation, Transient


class MicrosoftVersions:
    """See `contract.Versions`."""

    def __init__(self, api: GraphApi, territory: Territory) -> None:
        self._api = api
        self._territory = territory

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        """See the contract."""
        address = await in_drive(self._territory, file, operation="versions")
        lines = await self._api.versions(address, operation="versions", path=file.path)
        return [_version(line) for line in reversed(lines)]

    async def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """See the contract. "Getting the content of the current version is not supported": that is read as the file is."""
        address = await in_drive(self._territory, file, operation="read")
        try:
            url = await content_link(
                self._api.caller, address.url(f"versions/{_segment(version.id)}/content"), file.path
            )
        except (Transient, NotFound):
            raise
        except MoverError as error:
            if not await self._is_current(address, file.path, version.id):
                raise error from None
            reading = read_file(self._api, address, file.path, offset=offset, length=length, version=None)
            async for piece in reading:
                yield piece
            return
        if length == 0 or version.size == 0 or (version.size == offset and length is None):
            return
        async for piece in read_link(self._api.caller, url, file.path, offset=offset, length=length):
            yield piece

    async def _is_current(self, address: Address, path: str, version_id: str) -> bool:
        lines = await self._api.versions(address, operation="read", path=path)
        return bool(lines) and lines[0].id == version_id


def _version(line: VersionLine) -> FileVersion:
    user = line.last_modified_by.user if line.last_modified_by is not None else None
    author = (user.email or user.display_name) if user is not None else None
    return FileVersion(
        id=line.id,
        size=line.size,
        modified_ns=read_time(line.last_modified_date_time),
        author=author.lower() if author and "@" in author else author,
    )


def _segment(version_id: str) -> str:
    if not version_id or version_id in {".", ".."}:
        raise ProtocolViolation("the version has no id")
    return quote(version_id, safe="")
