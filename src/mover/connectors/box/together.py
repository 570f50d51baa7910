"""Small files that many tasks want to read at once, fetched as one zip archive: two calls for all instead of two for each.

A listing tells of each file its SHA-1, and that is how it is found in the archive, whatever it is called there: what is not
there with just that content (it was changed, it may not be downloaded) is read on its own, which tells why. The same if there
is no archive at all: at most so many are given out at once to one user and to one enterprise.

Source: Box Platform API 2024.0, "Create zip download", "Download zip archive".
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from mover.connectors.bounded import Bounded
from mover.connectors.box.addresses import API, FILE, its_own, number
from mover.connectors.box.api import BoxApi, Doing
from mover.connectors.gathering import Gathering, Work
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import MoverError, ProtocolViolation, SignInFailed, Throttled

LARGEST = 256 * 1024
"""Bytes of a file that is fetched so: all of an archive is held in memory."""

_MOST = 100  # files of an archive
_HEAVIEST = 4 * 1024 * 1024  # bytes of its files
_LONGEST = _HEAVIEST + LARGEST + _MOST * 2048  # what does not shrink, with names and headers
_AT_ONCE = 3  # of the five that a user may have
_MOST_LISTED = 20_000
_MOST_VAIN = 3
_OK = 200
_FORMS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})


class _Zip(msgspec.Struct, frozen=True):
    download_url: str


class Small(msgspec.Struct, frozen=True):
    """A small file as a listing told of it.

    Attributes:
        id: Box's number.
        version: As `Entry.version`.
        size: In bytes.
        sha1: In hexadecimal.
    """

    id: str
    version: str
    size: int
    sha1: str


class SmallReads:
    """Reads small files of one connection.

    Args:
        api: The calls.
    """

    def __init__(self, api: BoxApi) -> None:
        self._api = api
        self._listed: Bounded[str, Small] = Bounded(_MOST_LISTED)
        self._rounds: dict[str | None, Gathering[Small, bytes | None]] = {}
        self._in_vain = 0

    def listed(self, entries: Sequence[Entry]) -> None:
        """Take note of what a listing tells, while there is room: files are read in the order in which they were listed."""
        for entry in entries:
            sha1 = entry.hashes.get(HashName.SHA1)
            if entry.kind is not EntryKind.FILE or None in {entry.id, entry.version, entry.size, sha1}:
                continue
            assert entry.id is not None and entry.version is not None  # noqa: PT018 - for the types
            assert entry.size is not None and sha1 is not None  # noqa: PT018 - likewise
            if 0 < entry.size <= LARGEST and len(self._listed) < _MOST_LISTED:
                its_id = entry.id.removeprefix(f"{FILE}-")
                self._listed.put(entry.id, Small(its_id, entry.version, entry.size, sha1))

    async def read(self, file: EntryRef, version: str | None, user: str | None) -> bytes | None:
        """Return the content of a file with those that others want; None: it has to be read on its own.

        Each file is offered once, so that a second attempt is on its own, but for one that is told to come later. Raises
        Throttled, SignInFailed.
        """
        small = self._listed.pop(file.id or "")
        if small is None or small.version != version or self._in_vain >= _MOST_VAIN:
            return None
        if user not in self._rounds:
            self._rounds[user] = Gathering(
                self._work(user),
                most=_MOST,
                weight=lambda one: one.size,
                heaviest=_HEAVIEST,
                rounds=_AT_ONCE,
            )
        try:
            return await self._rounds[user].do(small)
        except Throttled:
            self._listed.put(file.id or "", small)
            raise

    async def close(self) -> None:
        """End what is under way."""
        for gathering in self._rounds.values():
            await gathering.close()

    def _work(self, user: str | None) -> Work[Small, bytes | None]:
        async def fetch(wanted: Sequence[Small]) -> Sequence[bytes | None]:
            if len(wanted) == 1:
                return [None]
            try:
                found = await self._fetched(wanted, Doing(user=user, operation="read", path=""))
            except (Throttled, SignInFailed):
                raise
            except MoverError:
                self._in_vain += 1
                return [None] * len(wanted)
            self._in_vain = 0
            return [found.get(one.sha1) for one in wanted]

        return fetch

    async def _fetched(self, wanted: Sequence[Small], doing: Doing) -> Mapping[str, bytes]:
        items = [{"type": FILE, "id": number(one.id)} for one in wanted]
        asked = {"items": items, "download_file_name": "files"}
        made = await self._api.done("POST", f"{API}/zip_downloads", doing, _Zip, asked=asked)
        request = self._api.session.unsigned.request("GET", its_own(made.download_url), operation="read")
        async with request as answer:
            if answer.status != _OK:
                raise ProtocolViolation(f"the service gives out no archive (HTTP {answer.status})")
            data = await answer.read(_LONGEST)
        return await asyncio.to_thread(unpacked, data, {one.sha1: one.size for one in wanted})


def unpacked(archive: bytes, wanted: Mapping[str, int]) -> Mapping[str, bytes]:
    """Return those files of an archive that are wanted, by their SHA-1; of each the size is known. Raises ProtocolViolation."""
    found: dict[str, bytes] = {}
    sizes = set(wanted.values())
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            for told in opened.infolist()[: 2 * _MOST]:
                if told.file_size not in sizes or told.compress_type not in _FORMS:
                    continue
                with opened.open(told) as file:
                    content = file.read(told.file_size)
                sha1 = hashlib.sha1(content, usedforsecurity=False).hexdigest()
                if wanted.get(sha1) == len(content):
                    found[sha1] = content
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise ProtocolViolation("the service's archive cannot be read") from error
    return found
