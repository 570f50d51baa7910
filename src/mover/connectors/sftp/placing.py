"""How a finished temporary file gets its name: never over something unforeseen, never in two halves."""

from __future__ import annotations

import enum

from mover.connectors.contract import Target
from mover.connectors.sftp.api import HARDLINK, POSIX_RENAME, Sftp, abandon, settled, unless_absent
from mover.connectors.sftp.failures import Refusal, Status
from mover.connectors.sftp.tree import kind_of, version
from mover.connectors.sftp.wire import Attributes
from mover.entries import Entry
from mover.errors import Changed, Conflict


class Creating(enum.Enum):
    """How a server gives a file a name that must be free."""

    BY_RENAME = enum.auto()
    """Its rename never replaces. OpenSSH links and unlinks, so that the file system itself decides; only where that has
    no hard links does it look first."""

    BY_LINK = enum.auto()
    """A second name is made, then the first removed."""

    BY_LOOKING = enum.auto()
    """Nothing is exclusive: it is looked first, and a file that appears just then may be replaced."""


def way_of_creating(sftp: Sftp, server: str) -> Creating:
    """Choose by what the server is and offers."""
    if server.startswith("OpenSSH_"):
        return Creating.BY_RENAME
    return Creating.BY_LINK if sftp.offers(HARDLINK) else Creating.BY_LOOKING


def check(target: Target, standing: Attributes | None) -> None:
    """Compare what stands at the target with what should. Raises Conflict, Changed."""
    if target.replaces is None:
        if standing is not None:
            raise Conflict("something of that name is there already")
    elif standing is None or not _is(target.replaces, standing):
        raise Changed("the file to be replaced is no longer the one that was seen")


async def create(sftp: Sftp, way: Creating, temporary: bytes, final: bytes) -> Attributes:
    """Rename to a name that must be free, and return what stands there then. Raises Conflict, Refusal."""
    match way:
        case Creating.BY_RENAME:
            return await _rename(sftp, temporary, final)
        case Creating.BY_LINK:
            linked = await _link(sftp, temporary, final)
            if linked is not None:
                return linked
        case Creating.BY_LOOKING:
            pass
    if await unless_absent(sftp.look_at(final)) is not None:
        raise Conflict("something of that name is there already")
    return await _rename(sftp, temporary, final)


async def replace(sftp: Sftp, target: Target, temporary: bytes, final: bytes, aside: bytes) -> Attributes:
    """Rename over the file at `final`, and return what stands there then. Raises Changed.

    Where the server cannot do that in one step, the old file steps aside first and is removed at the very end: at every
    moment one of the two is there, whatever is interrupted. What stepped aside is looked at before, lest it be another
    file that came there at the last moment.
    """
    if sftp.offers(POSIX_RENAME):
        replaced, seen = sftp.replace(temporary, final), sftp.look_at(final)
        await settled([replaced, seen])
        return seen.result()
    try:
        return await _rename(sftp, temporary, final)
    except Conflict:
        await _remove_if_there(sftp, aside)
        moved, seen = sftp.rename(final, aside), sftp.look_at(aside)
        await settled([moved, seen])
    try:
        check(target, seen.result())
        seen_after = await _rename(sftp, temporary, final)
    except BaseException:
        abandon(sftp.rename(aside, final))
        raise
    await sftp.remove(aside)
    return seen_after


async def _rename(sftp: Sftp, temporary: bytes, final: bytes) -> Attributes:
    renamed, seen = sftp.rename(temporary, final), sftp.look_at(final)
    abandon(seen)
    try:
        await renamed
    except Refusal as refusal:
        if await unless_absent(seen) is not None:
            raise Conflict("something of that name is there already", said=refusal.said) from refusal
        raise
    return await seen


async def _link(sftp: Sftp, temporary: bytes, final: bytes) -> Attributes | None:
    """Move by way of a hard link; None if the file system has none."""
    linked, seen = sftp.link(temporary, final), sftp.look_at(final)
    abandon(seen)
    try:
        await linked
    except Refusal as refusal:
        if await unless_absent(seen) is not None:
            raise Conflict("something of that name is there already", said=refusal.said) from refusal
        return None
    await sftp.remove(temporary)
    return await seen


async def _remove_if_there(sftp: Sftp, path: bytes) -> None:
    try:
        await sftp.remove(path)
    except Refusal as refusal:
        if refusal.code != Status.NO_SUCH_FILE:
            raise


def _is(replaces: Entry, standing: Attributes) -> bool:
    if replaces.kind is not kind_of(standing):
        return False
    return replaces.version is None or replaces.version == version(standing)
