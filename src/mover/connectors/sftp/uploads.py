"""Uploads of whole files: into a temporary file beside the target, which gets its name when it is complete."""

from __future__ import annotations

import asyncio

from mover.connectors.contract import Content, Target
from mover.connectors.sftp.api import Handle, Sftp, abandon, unless_absent
from mover.connectors.sftp.failures import Refusal
from mover.connectors.sftp.placing import Creating, check, create, replace
from mover.connectors.sftp.tree import entry, seconds
from mover.connectors.sftp.wire import Attributes, Opening
from mover.connectors.sftp.writing import Writes, why_not_written
from mover.connectors.temporary import Places
from mover.entries import Entry
from mover.errors import IntegrityError

_PERMISSIONS = 0o777
_READABLE = 0o044  # by group and others
_OWNER_ONLY = 0o600


async def upload_file(sftp: Sftp, way: Creating, places: Places, target: Target, content: Content) -> Entry:
    """See `Connector.upload`.

    A file of up to one block costs three round trips: OPEN, with LSTAT of the target where that is needed; WRITE,
    FSETSTAT and CLOSE together; RENAME with LSTAT. The file is not flushed to the server's disk, as parts are: that
    halves the rate of small files even where flushing is cheap (measured: 700 instead of 1,400 a second). What a server
    loses in a crash just afterwards has another size in the next listing, and is copied again.
    """
    is_small = content.size is not None and content.size <= sftp.write_size
    handle: Handle | None = None
    writes: Writes | None = None
    try:
        opened = sftp.open(places.temporary, Opening.WRITE | Opening.CREATE | Opening.TRUNCATE)
        standing = None
        if target.replaces is not None or not is_small:
            looked = sftp.look_at(places.final)
            abandon(looked)
            handle = await opened
            standing = await unless_absent(looked)
            check(target, standing)
            close_to_others(sftp, handle, standing)
        else:
            handle = await opened
        writes = Writes(sftp, handle)
        await writes.send(content)
        closed = _close(sftp, handle, target, standing)
        handle = None
        await writes.answered(closed)
        if target.replaces is not None and not is_small:  # it took a while
            check(target, await unless_absent(sftp.look_at(places.final)))
        seen = await place(sftp, way, places, target)
    except BaseException as error:
        if writes is not None:
            writes.forget()
        explanation = (
            await why_not_written(sftp, places.folder, error) if isinstance(error, Refusal) else None
        )
        await _clear_away(sftp, places, handle, waits=not isinstance(error, asyncio.CancelledError))
        if explanation is not None:
            raise explanation from error
        raise
    return await confirmed(sftp, places, target, seen, writes.written)


async def place(sftp: Sftp, way: Creating, places: Places, target: Target) -> Attributes:
    """Give the finished temporary file its name. Raises Conflict, Changed, Refusal."""
    if target.replaces is not None:
        return await replace(sftp, target, places.temporary, places.final, places.aside)
    return await create(sftp, way, places.temporary, places.final)


async def confirmed(sftp: Sftp, places: Places, target: Target, seen: Attributes, size: int) -> Entry:
    """Describe the file as it stands, once it has the right size and, if the server lets it be set, the right time.

    Raises IntegrityError.
    """
    if seen.size != size:
        raise IntegrityError(f"the server has {seen.size} bytes of {size}")
    wanted_s = seconds(target.modified_ns)
    if wanted_s is not None and seen.modified_s != wanted_s:
        # Some servers set the time again when a file is closed.
        answer = sftp.set(places.final, Attributes(modified_s=wanted_s))
        looked = sftp.look_at(places.final)
        abandon(answer)  # if it is refused, the look shows the time as it is
        seen = await looked
    return entry(target.name, seen)


def to_be_set(target: Target, replaced: Attributes | None) -> Attributes:
    """Return what belongs to the new file. One that replaces another is open to the same people as that."""
    return Attributes(
        permissions=replaced.permissions & _PERMISSIONS if replaced and replaced.permissions else None,
        modified_s=seconds(target.modified_ns),
    )


def close_to_others(sftp: Sftp, handle: Handle, replaced: Attributes | None) -> None:
    """Keep from a file's new content, while it arrives, whoever could not read the old one."""
    if replaced and replaced.permissions and replaced.permissions & _READABLE != _READABLE:
        # If it is refused, nothing can be done: servers without permissions have none to respect either.
        abandon(sftp.set_open(handle, Attributes(permissions=_OWNER_ONLY)))


def _close(sftp: Sftp, handle: Handle, target: Target, replaced: Attributes | None) -> asyncio.Future[None]:
    wanted = to_be_set(target, replaced)
    if wanted != Attributes():
        abandon(sftp.set_open(handle, wanted))  # if it is refused, the look after the rename shows it
    return sftp.close(handle)


async def _clear_away(sftp: Sftp, places: Places, handle: Handle | None, *, waits: bool) -> None:
    """Remove the temporary file, as far as the connection still allows."""
    leaving = [sftp.close(handle)] if handle is not None else []
    leaving.append(sftp.remove(places.temporary))
    abandon(*leaving)
    if waits:
        await asyncio.wait(leaving)
