"""How a finished temporary file gets its name: never over something unforeseen, never in two halves.

FTP has no way to create exclusively: it is looked first, and a file that appears between the look and the rename is
replaced by servers that rename as POSIX does.
"""

from __future__ import annotations

from mover.connectors.contract import Target
from mover.connectors.ftp.facts import Facts
from mover.connectors.ftp.failures import refuse
from mover.connectors.ftp.looking import Looker
from mover.connectors.temporary import Places
from mover.entries import EntryKind
from mover.errors import Changed, Conflict
from mover.transport.curl import FtpWire
from mover.transport.ftp_replies import Refusal


def check(target: Target, standing: Facts | None) -> None:
    """Compare what stands at the target with what should. Raises Conflict, Changed."""
    if target.replaces is None:
        if standing is not None:
            raise Conflict("something of that name is there already")
    elif standing is None or not _is_the_same(target, standing):
        raise Changed("the file to be replaced is no longer the one that was seen")


def place(wire: FtpWire, looker: Looker, target: Target, places: Places) -> Facts | None:
    """Give the temporary file its name, and return what stands there then. Raises Conflict, Refusal.

    Where the server does not rename over a file, the old one steps aside first and is removed at the very end: at every
    moment one of the two is there, whatever is interrupted.
    """
    try:
        return rename(wire, looker, places.temporary, places.final)
    except Refusal:
        if target.replaces is None or looker.look_for_file(wire, places.temporary) is None:
            raise
    wire.commands(b"DELE " + places.aside)
    rename(wire, looker, places.final, places.aside)
    try:
        seen = rename(wire, looker, places.temporary, places.final)
    except BaseException:
        rename(wire, looker, places.aside, places.final)
        raise
    wire.commands(b"DELE " + places.aside)
    return seen


def rename(wire: FtpWire, looker: Looker, old: bytes, new: bytes) -> Facts | None:
    """Rename, and return what stands at the new place then; the caller has looked whether it is free.

    Raises Refusal, and Conflict for what cannot be renamed because of a folder in the way.
    """
    before, renamed, *seen = wire.commands(b"RNFR " + old, b"RNTO " + new, *looker.questions(new))
    refuse(before)
    if renamed.is_refusal:
        found = looker.look(wire, new)
        if found is not None and found.kind is not EntryKind.FILE:
            raise Conflict("a folder of that name is there already", said=renamed.said)
        raise Refusal(renamed)
    return looker.answer(seen)


def _is_the_same(target: Target, standing: Facts) -> bool:
    replaces = target.replaces
    assert replaces is not None
    if replaces.kind is not standing.kind:
        return False
    if replaces.version is not None and standing.version is not None:
        return replaces.version == standing.version
    return replaces.size is None or replaces.size == standing.size
