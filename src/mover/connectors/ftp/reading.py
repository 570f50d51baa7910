"""Reading a file or a range of it, so that an end too early or another version is never taken for the file."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from mover.connectors.ftp.facts import Facts
from mover.connectors.ftp.failures import is_absence
from mover.connectors.ftp.looking import Looker
from mover.entries import EntryKind
from mover.errors import Changed, Conflict, IntegrityError, NotFound, PermissionDenied
from mover.transport.curl import FtpWire
from mover.transport.flow import Inflow
from mover.transport.ftp_link import FtpLink
from mover.transport.ftp_replies import Refusal, Reply

_WORTH_ANOTHER_LOOK = 256 * 1024


async def read_file(
    link: FtpLink, looker: Looker, path: bytes, *, offset: int, length: int | None, version: str | None
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file; see `Connector.read`.

    MLST EPSV SIZE RETR: four calls, with REST before RETR from an offset. A file of more than 256 KiB is looked at again
    at the end. A range that ends before the file does costs its connection: FTP has no way to ask for less than the rest,
    and libcurl takes leave of a server that it has to interrupt.
    """
    known = await _look(link, looker, path, version)
    if length == 0:
        return
    if known.size is not None and offset + (length or 0) > known.size:
        raise IntegrityError(f"the file has only {known.size} bytes now")
    to_the_end = length is None or offset + length == known.size
    last = None if to_the_end else offset + (length or 0) - 1
    expected = length if length is not None else None if known.size is None else known.size - offset
    if expected == 0 and offset:
        return
    arrived = 0
    is_long = version is not None and to_the_end and (expected or 0) > _WORTH_ANOTHER_LOOK

    def bring(wire: FtpWire, into: Inflow) -> None:
        after = looker.questions(path) if is_long else ()
        try:
            again = wire.download(path, into, offset=offset, last=last, after=after)
        except Refusal as refusal:
            if is_absence(refusal.reply) and looker.look_for_file(wire, path) is not None:
                raise PermissionDenied("the account may not read it", said=refusal.said) from refusal
            raise
        if is_long:
            _check(looker, again, version)

    async with aclosing(link.receive(bring)) as pieces:
        async for piece in pieces:
            arrived += len(piece)
            if expected is not None and arrived > expected:
                raise Changed("the file is growing")
            yield piece
    if expected is not None and arrived != expected:
        raise IntegrityError(f"the file ended after {arrived} of {expected} bytes")


async def _look(link: FtpLink, looker: Looker, path: bytes, version: str | None) -> Facts:
    found = await link.run(lambda wire: looker.look_for_file(wire, path))
    if found is None:
        raise NotFound("it is not there")
    if found.kind is EntryKind.FOLDER:
        raise Conflict("it is a folder")
    _compare(found, version)
    return found


def _check(looker: Looker, replies: Sequence[Reply], version: str | None) -> None:
    found = looker.answer(replies)
    if found is None:
        raise Changed("the file is gone meanwhile")
    _compare(found, version)


def _compare(found: Facts, version: str | None) -> None:
    if version is not None and found.version != version:
        raise Changed("the file is no longer the one that was listed")
