"""Listing a folder in pages."""

from __future__ import annotations

import asyncio
import stat
from collections import deque
from collections.abc import AsyncGenerator
from typing import Final

from mover.connectors.contract import Page
from mover.connectors.sftp.api import Handle, Sftp, abandon
from mover.connectors.sftp.failures import Refusal, Status
from mover.connectors.sftp.tree import entry, name_from_server
from mover.connectors.sftp.wire import Name
from mover.entries import Entry
from mover.errors import ProtocolViolation
from mover.naming import text_from_bytes

PAGE: Final = 1000
_AHEAD = 4


async def list_folder(sftp: Sftp, folder: bytes) -> AsyncGenerator[Page, None]:
    """Yield what stands in a folder, in pages of about 1,000; a folder of 100 entries costs three round trips."""
    handle = await sftp.open_folder(folder)
    try:
        names: list[Name] = []
        async for more in _batches(sftp, handle):
            names += (name for name in more if name.name not in {b".", b".."})
            if len(names) >= PAGE:
                yield Page(await _entries(sftp, folder, names))
                names = []
        if names:
            yield Page(await _entries(sftp, folder, names))
    finally:
        abandon(sftp.close(handle))


async def _batches(sftp: Sftp, handle: Handle) -> AsyncGenerator[list[Name], None]:
    """Read ahead: the answers come in the order of the requests, and all behind the end say so.

    Some servers say so by an answer without names, which OpenSSH's client takes for the end as well.
    """
    answers: deque[asyncio.Future[list[Name]]] = deque()
    before: list[Name] = []
    try:
        while True:
            while len(answers) < _AHEAD:
                answers.append(sftp.read_folder(handle))
            try:
                batch = await answers.popleft()
            except Refusal as refusal:
                if refusal.code == Status.EOF:
                    return
                raise
            if not batch:
                return
            if batch == before:
                raise ProtocolViolation("the server lists the same names again and again")
            yield batch
            before = batch
    finally:
        for answer in answers:
            answer.cancel()


async def _entries(sftp: Sftp, folder: bytes, names: list[Name]) -> list[Entry]:
    """Describe them; where links lead is asked for all links at once."""
    base = folder.rstrip(b"/") + b"/"
    links = {
        name.name: sftp.read_link(base + name.name)
        for name in names
        if name.attributes.permissions and stat.S_ISLNK(name.attributes.permissions)
    }
    targets = await asyncio.gather(*links.values(), return_exceptions=True)
    leads_to = {
        name: text_from_bytes(target)
        for name, target in zip(links, targets, strict=True)
        if isinstance(target, bytes)
    }
    return [
        entry(
            name_from_server(name.name),
            name.attributes,
            long_name=name.long_name,
            target=leads_to.get(name.name),
        )
        for name in names
    ]
