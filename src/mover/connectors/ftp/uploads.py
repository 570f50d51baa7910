"""Uploads of whole files: into a temporary file beside the target, which gets its name when it is complete.

| step                                    | with MLST      | without              |
| --------------------------------------- | -------------- | -------------------- |
| transfer                                | EPSV STOR      | EPSV STOR            |
| time, then whether all of it arrived    | MFMT MLST      | MDTM SIZE            |
| what stands at the target               | MLST           | SIZE (MDTM)          |
| rename, then look                       | RNFR RNTO MLST | RNFR RNTO SIZE MDTM  |

That is eight or ten calls a file, and two steps for the thread; one look more before a large file, or one that replaces.
"""

from __future__ import annotations

import asyncio

from mover.connectors.contract import Content, Target
from mover.connectors.ftp.facts import SECOND_NS, Facts, write_time
from mover.connectors.ftp.failures import is_absence
from mover.connectors.ftp.features import SetTime, Traits
from mover.connectors.ftp.looking import Looker, is_folder
from mover.connectors.ftp.placing import check, place
from mover.connectors.temporary import Places
from mover.entries import Entry
from mover.errors import IntegrityError, MoverError, NotFound, PermissionDenied, TimedOut
from mover.transport.curl import FtpWire
from mover.transport.flow import Outflow
from mover.transport.ftp_link import FtpLink
from mover.transport.ftp_replies import Refusal, Reply

_SMALL = 1 << 20
_CLEARING_S = 5.0
_ANOTHER_TRY = {450, 550, 553}


async def upload_file(
    link: FtpLink, traits: Traits, places: Places, target: Target, content: Content
) -> Entry:
    """See `Connector.upload`."""
    looker = Looker(traits)
    try:
        if target.replaces is not None or content.size is None or content.size > _SMALL:
            check(target, await link.run(lambda wire: looker.look(wire, places.final)))
        (arrived, standing), sent = await link.send(
            content.chunks(), lambda wire, source: _transfer(wire, traits, looker, places, target, source)
        )
        check_size(content, sent)
        _check_arrived(arrived, sent)
        check(target, standing)
        return await link.run(lambda wire: finish(wire, traits, places, target, sent))
    except BaseException:
        await clear_away(link, places.temporary)
        raise


def check_size(content: Content, sent: int) -> None:
    """Raise IntegrityError if the content had not the size that it was announced with."""
    if content.size is not None and sent != content.size:
        raise IntegrityError(f"{sent} bytes came where {content.size} were announced")


def _check_arrived(there: int | None, size: int) -> None:
    if there != size:
        raise IntegrityError(f"the server has {'none' if there is None else there} of {size} bytes")


def finish(wire: FtpWire, traits: Traits, places: Places, target: Target, size: int) -> Entry:
    """Rename the complete temporary file and check what stands there then. Raises Conflict, IntegrityError, Refusal."""
    looker = Looker(traits)
    seen = place(wire, looker, target, places)
    return confirmed(wire, traits, places.final, target, seen, size)


def confirmed(
    wire: FtpWire, traits: Traits, path: bytes, target: Target, seen: Facts | None, size: int
) -> Entry:
    """Describe the file as it stands, once it has the right size and, if the server lets it be set, the right time."""
    _check_arrived(seen.size if seen else None, size)
    assert seen is not None
    setting = time_command(traits, path, target.modified_ns)
    wanted_ns = None if target.modified_ns is None else target.modified_ns // SECOND_NS * SECOND_NS
    if setting and seen.modified_ns != wanted_ns:
        # Some servers set the time again when the file is closed, or after the reply to that.
        looker = Looker(traits)
        seen = looker.answer(wire.commands(setting, *looker.questions(path))[1:]) or seen
    return seen.entry(target.name)


def time_command(traits: Traits, path: bytes, modified_ns: int | None) -> bytes:
    """Return the command that sets a time; empty if there is none."""
    written = None if modified_ns is None else write_time(modified_ns)
    if written is None or traits.set_time is SetTime.NOT:
        return b""
    return f"{traits.set_time.value} ".encode() + written + b" " + path


async def clear_away(link: FtpLink, temporary: bytes) -> None:
    """Remove a temporary file, as far as the connection still allows and within seconds.

    What stays is found and overwritten by a repetition of the upload.
    """
    if not link.wire.is_connected:
        return
    removing = asyncio.ensure_future(link.run(lambda wire: wire.commands(b"DELE " + temporary)))
    await asyncio.wait([removing], timeout=_CLEARING_S)
    if not removing.done():
        removing.cancel()
        await asyncio.wait([removing])
    if not removing.cancelled():
        removing.exception()  # the first error is the one to be told


def store(
    wire: FtpWire, folder: bytes, temporary: bytes, source: Outflow, after: tuple[bytes, ...]
) -> list[Reply]:
    """Send a whole file under its temporary name, and return the replies to the commands `after`. Raises Refusal."""
    try:
        return wire.upload(temporary, source, after=after)
    except Refusal as refusal:
        if refusal.reply.code not in _ANOTHER_TRY or source.taken:
            raise
        if not is_folder(wire, folder):
            raise NotFound("the folder is not there", said=refusal.said) from refusal
        # A leftover of an earlier try, where files cannot be written over.
        if wire.commands(b"DELE " + temporary)[0].is_refusal:
            raise _refused_in_a_folder(refusal) from refusal
        return wire.upload(temporary, source, after=after)


def arrived_all_the_same(wire: FtpWire, looker: Looker, path: bytes, source: Outflow, offset: int) -> bool:
    """Whether all that was sent is there, after a server took its time to say so.

    libcurl waits a minute for the reply that ends a transfer, whatever it is told; servers that scan or replicate what
    they take may need longer. What arrived is verified like anything else.
    """
    if not source.is_drained:
        return False
    found = looker.look_for_file(wire, path)
    return found is not None and found.size == offset + source.taken


def _transfer(
    wire: FtpWire, traits: Traits, looker: Looker, places: Places, target: Target, source: Outflow
) -> tuple[int | None, Facts | None]:
    """Send the file; returns its size as the server has it, and what stands at the target."""
    setting = time_command(traits, places.temporary, target.modified_ns)
    first = (setting,) if setting else ()
    after = (*first, looker.size_question(places.temporary), *looker.questions(places.final))
    try:
        replies = store(wire, places.folder, places.temporary, source, after)
    except TimedOut:
        if not arrived_all_the_same(wire, looker, places.temporary, source, 0):
            raise
        replies = wire.commands(*after)
    arrived, *standing = replies[len(first) :]
    return looker.size_answer(arrived), looker.answer(standing)


def _refused_in_a_folder(refusal: Refusal) -> MoverError | Refusal:
    if is_absence(refusal.reply):
        return PermissionDenied("the account may not write there", said=refusal.said)
    return refusal
