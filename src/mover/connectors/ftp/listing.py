"""Listing a folder in pages: by MLSD, or by LIST at servers without it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from mover.connectors.contract import Page
from mover.connectors.ftp import facts, lines
from mover.connectors.ftp.facts import Facts, read_time
from mover.connectors.ftp.failures import is_absence
from mover.connectors.ftp.features import Traits
from mover.connectors.ftp.looking import Looker
from mover.connectors.ftp.pool import Pool
from mover.connectors.ftp.tree import Tree
from mover.entries import Entry, EntryKind
from mover.errors import MoverError, NameRejected, NotFound, PermissionDenied, ProtocolViolation, Throttled
from mover.transport.curl import FtpWire
from mover.transport.flow import Inflow
from mover.transport.ftp_link import FtpLink
from mover.transport.ftp_replies import Refusal

PAGE: Final = 1000
_MOST_WAITING = 100_000  # entries
_LONGEST_LINE = 64 * 1024
_NO_FILES = b"no files"  # how some servers refuse to list an empty folder

_Named = tuple[bytes, Facts]


class Lister:
    """Lists folders.

    Args:
        pool: Of connections.
        tree: Of the connection.
        traits: Of the server.
        exact_times: Ask for each file's time where LIST tells only minutes or days.
        clock: Nanoseconds since 1970.
    """

    def __init__(
        self, pool: Pool, tree: Tree, traits: Traits, *, exact_times: bool, clock: Callable[[], int]
    ) -> None:
        self._pool = pool
        self._tree = tree
        self._traits = traits
        self._asks_times = exact_times and traits.has_mdtm and not traits.has_mlst
        self._clock = clock

    async def pages(self, path: str) -> AsyncGenerator[Page, None]:
        """Yield the entries of a folder; one transfer, and a call for each file at servers that list no exact times.

        Those calls take a second connection. Where there is none to be had, they wait for the end of the listing.
        """
        folder = self._tree.locate(path)
        named: list[_Named] = []
        seen = 0
        waits = self._asks_times and self._pool.bears_one
        async with self._pool.link(read=True) as link, aclosing(self._lines(link, folder)) as found:
            try:
                async for entry in found:
                    seen += 1
                    if entry[1].is_itself or entry[0] in {b".", b".."}:
                        continue
                    named.append(entry)
                    if len(named) > _MOST_WAITING:
                        raise Throttled("the server lets in too few connections to list so large a folder")
                    if len(named) < PAGE or waits:
                        continue
                    try:
                        page = Page(await self._described(folder, named))
                    except Throttled:
                        waits = True
                        continue
                    yield page
                    named = []
            except Refusal as refusal:
                raise await self._why_not_listed(link, folder, refusal) from refusal
            if not seen:
                await self._check_is_folder(link, folder)
        for start in range(0, len(named), PAGE):
            yield Page(await self._described(folder, named[start : start + PAGE]))

    async def find(self, link: FtpLink, folder: bytes, name: bytes) -> Facts | None:
        """Look for an entry in the listing of its folder, at servers that tell nothing about a single one."""
        found = None
        async with aclosing(self._lines(link, folder)) as entries:
            async for listed, told in entries:
                if listed == name:
                    found = told
        return found

    async def _lines(self, link: FtpLink, folder: bytes) -> AsyncGenerator[_Named, None]:
        is_mlsd = self._traits.has_mlst
        command = b"MLSD" if is_mlsd else self._traits.list_command

        def bring(wire: FtpWire, into: Inflow) -> None:
            try:
                closing = wire.list_folder(command, folder, into, by_entering=not is_mlsd)
            except Refusal as refusal:
                closing = refusal.reply
            said = b" ".join(closing.lines).lower()
            if (
                closing.is_refusal and _NO_FILES not in said
            ):  # libcurl takes 450 for the end of an empty folder
                raise Refusal(closing)
            if b"truncated" in said:  # Pure-FTPd beyond its LimitRecursion
                raise ProtocolViolation("the server tells only a part of the folder", said=closing.said)
            if b"failed to open directory" in said:  # vsftpd, with the code of a success
                raise PermissionDenied("the account may not list the folder", said=closing.said)

        receiving = link.receive(bring)
        now_ns = self._clock()
        async with aclosing(receiving) as pieces:
            async for line in _split(pieces):
                if is_mlsd:
                    if line:
                        yield facts.read_line(line)
                elif (entry := lines.read_line(line, now_ns)) is not None:
                    yield entry

    async def _described(self, folder: bytes, named: list[_Named]) -> list[Entry]:
        if self._asks_times:
            named = await self._with_times(folder, named)
        return [self._entry(name, told) for name, told in named]

    def _entry(self, raw: bytes, told: Facts) -> Entry:
        target = None if told.target is None else self._tree.spelling.decode(told.target)
        return told.entry(self._tree.name_from_server(raw), target)

    async def _with_times(self, folder: bytes, named: list[_Named]) -> list[_Named]:
        """Replace the times of LIST by those of MDTM; what is no file, or cannot be asked about, has none."""
        asked: dict[bytes, bytes] = {}
        for name, told in named:
            if told.kind is EntryKind.FILE:
                try:
                    path = folder.rstrip(b"/") + b"/" + self._tree.fit_for_command(name, "")
                except NameRejected:
                    continue  # it cannot be read either, which is said when that is tried
                asked[name] = b"MDTM " + path
        async with self._pool.link() as link:
            replies = await link.run(lambda wire: wire.commands(*asked.values())) if asked else []
        times = {
            name: None if reply.is_refusal else read_time(reply.text.strip())
            for name, reply in zip(asked, replies, strict=True)
        }
        return [(name, replace(told, modified_ns=times.get(name), is_exact=True)) for name, told in named]

    async def _check_is_folder(self, link: FtpLink, folder: bytes) -> None:
        """Tell an empty folder from one that is not there: some servers list both alike."""
        found = await link.run(lambda wire: Looker(self._traits).look(wire, folder))
        if found is None or found.kind is not EntryKind.FOLDER:
            raise NotFound("it is not a folder")

    async def _why_not_listed(self, link: FtpLink, folder: bytes, refusal: Refusal) -> Refusal | MoverError:
        found = await link.run(lambda wire: Looker(self._traits).look(wire, folder))
        if found is None or found.kind is not EntryKind.FOLDER:
            return NotFound("it is not a folder", said=refusal.said)
        if is_absence(refusal.reply):
            return PermissionDenied("the account may not list the folder", said=refusal.said)
        return refusal


async def shows_hidden(link: FtpLink, folder: bytes) -> bool:
    """Find out whether `LIST -a` shows what begins with a dot: then it shows the folder itself."""

    def bring(wire: FtpWire, into: Inflow) -> None:
        wire.list_folder(b"LIST -a", folder, into, by_entering=True)

    receiving = link.receive(bring)
    found = False
    try:
        async with aclosing(receiving) as pieces:
            async for line in _split(pieces):
                found = found or line.endswith((b" .", b" .."))
    except Refusal:
        return False
    return found


async def _split(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield lines without their ends. Raises ProtocolViolation for an endless one."""
    rest = b""
    async for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.removesuffix(b"\r")
        if len(rest) > _LONGEST_LINE:
            raise ProtocolViolation("the server lists a line without an end")
    if rest:
        yield rest.removesuffix(b"\r")
