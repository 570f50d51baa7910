"""Upload sessions: what is sent to an upload URL, which carries its own right and takes no token."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from mover.connectors.contract import Target
from mover.connectors.microsoft.addressing import Address
from mover.connectors.microsoft.api import CONFLICT, SOURCE_URL, GraphApi
from mover.connectors.microsoft.calls import Caller
from mover.connectors.microsoft.links import https_link
from mover.connectors.microsoft.model import Item, UploadSession
from mover.connectors.microsoft.times import spell_time
from mover.errors import NotFound, ProtocolViolation

UNIT = 320 * 1024
"""Fragments are multiples of this, but the last."""
LARGEST_FRAGMENT = 191 * UNIT
"""Just less than 60 MiB."""

_RANGE = re.compile(r"(\d{1,18})-(\d{1,18})?")
_NOT_FOUND = 404
_REPEATED = 416
_LONGEST_ANSWER = 1024 * 1024


class UploadGone(NotFound):
    """The upload itself is gone, and nothing else."""


class RepeatedError(Exception):
    """The service has a fragment already, or awaits another one first."""


@dataclass(frozen=True, kw_only=True)
class Grain:
    """How a drive keeps times and replaces files.

    Attributes:
        resolution_ns: Of times.
        personal: Of a Microsoft account.
    """

    resolution_ns: int
    personal: bool


def place_of(folder: Address, target: Target) -> tuple[Address, str | None]:
    """Where an upload goes: a new name in a folder, or the item that is replaced with the tag that it must have."""
    if target.replaces is None:
        return folder.child(target.name), None
    item = target.replaces.id
    if item is None:
        return folder.child(target.name), target.replaces.version
    return Address(folder.drive, item.rpartition("/")[2]), target.replaces.version


def file_times(target: Target, grain: Grain) -> dict[str, str]:
    """What a target says of times, as far as it can be said."""
    told = (("lastModifiedDateTime", target.modified_ns), ("createdDateTime", target.created_ns))
    spelled = {key: spell_time(at_ns, grain.resolution_ns) for key, at_ns in told if at_ns is not None}
    return {key: text for key, text in spelled.items() if text is not None}


async def create(
    api: GraphApi,
    place: Address,
    target: Target,
    size: int | None,
    grain: Grain,
    *,
    if_match: str | None,
    deferred: bool,
    operation: str,
) -> str:
    """Begin an upload and return its URL. Raises Conflict, Changed, QuotaExceeded, NameRejected.

    Times come with the content, since a later change of them would make another version.
    """
    item: dict[str, Any] = {CONFLICT: "fail" if target.replaces is None else "replace"}
    if times := file_times(target, grain):
        item["fileSystemInfo"] = times
    if place.below:
        item["name"] = target.name
    if size is not None and grain.personal:
        item["fileSize"] = size  # "Only on OneDrive Personal": refused at once where there is no room
    body: dict[str, Any] = {"item": item}
    if deferred:
        body["deferCommit"] = True
    session = await api.create_session(
        place, body, if_match=if_match, operation=operation, path=target.ref.path
    )
    if session.upload_url is None:
        raise ProtocolViolation("the service names no address to upload to", operation=operation)
    return https_link(session.upload_url)


class UploadUrl:
    """One upload on its way."""

    def __init__(self, caller: Caller, url: str, *, operation: str, path: str) -> None:
        self._caller = caller
        self._url = https_link(url)
        self._operation = operation
        self._path = path

    async def send(
        self, offset: int, length: int, total: int, body: bytes | AsyncIterator[bytes]
    ) -> Item | None:
        """Send a fragment; returns the file where it was the last one, and is made by it. Raises RepeatedError, UploadGone."""
        headers = {
            "Content-Range": f"bytes {offset}-{offset + length - 1}/{total}",
            "Content-Type": "application/octet-stream",
        }
        async with self._caller.unsigned(
            "PUT",
            self._url,
            headers=headers,
            body=body,
            size=length,
            operation=self._operation,
            path=self._path,
        ) as answer:
            match answer.status:
                case 200 | 201:
                    data = await answer.read(_LONGEST_ANSWER)
                    return self._caller.read(data, Item, operation=self._operation, path=self._path)
                case 202:
                    return None
                case 416:
                    raise RepeatedError
                case 404 | 410:
                    error = await self._caller.refusal(answer, operation=self._operation, path=self._path)
                    raise UploadGone(
                        "the upload is gone", operation=self._operation, path=self._path, said=error.said
                    )
                case _:
                    raise await self._caller.refusal(answer, operation=self._operation, path=self._path)

    async def next_offset(self, total: int | None) -> int:
        """Where the service goes on: all bytes before that it has. Raises NotFound if the upload is gone."""
        async with self._caller.unsigned(
            "GET", self._url, operation=self._operation, path=self._path
        ) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP statuses are best known as numbers
                raise await self._refusal(answer)
            data = await answer.read(_LONGEST_ANSWER)
        state = self._caller.read(data, UploadSession, operation=self._operation, path=self._path)
        if not state.next_expected_ranges:
            return total or 0
        starts = [_RANGE.fullmatch(text) for text in state.next_expected_ranges]
        if None in starts:
            raise ProtocolViolation(
                "the service tells ranges that are none", operation=self._operation, path=self._path
            )
        return min(int(found[1]) for found in starts if found is not None)

    async def commit(self) -> Item:
        """Make the file of a deferred upload, at OneDrive for Business and SharePoint."""
        async with self._caller.unsigned(
            "POST", self._url, body=b"", operation=self._operation, path=self._path
        ) as answer:
            if answer.status not in {200, 201}:
                raise await self._refusal(answer)
            data = await answer.read(_LONGEST_ANSWER)
        return self._caller.read(data, Item, operation=self._operation, path=self._path)

    async def cancel(self) -> None:
        """Drop the upload; one that is gone is no error."""
        async with self._caller.unsigned(
            "DELETE", self._url, operation=self._operation, path=self._path
        ) as answer:
            if answer.status >= 300 and answer.status != _NOT_FOUND:  # noqa: PLR2004 - as above
                raise await self._refusal(answer)

    async def _refusal(self, answer: Any) -> Exception:
        error = await self._caller.refusal(answer, operation=self._operation, path=self._path)
        if answer.status == _NOT_FOUND and not isinstance(error, NotFound):
            return NotFound("the upload is gone", operation=self._operation, path=self._path, said=error.said)
        return error


def commit_body(target: Target, grain: Grain, url: str) -> Mapping[str, Any]:
    """What makes the file of a deferred upload, at a personal drive."""
    body: dict[str, Any] = {
        "name": target.name,
        CONFLICT: "fail",
        SOURCE_URL: url,
    }
    if times := file_times(target, grain):
        body["fileSystemInfo"] = times
    return body
