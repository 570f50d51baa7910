"""Files that a destination changes when it takes them: what can be said of their arrival all the same.

What counts: the file is of a kind that the service says it changes, it took all bytes without an error, and the content of
the document is what was sent, part by part. Where a file is no package of parts (a .doc of old) that cannot be told, and
the item says so. Nor can it where the service made a document of its own of the file, as it was asked to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing

from mover.connectors.contract import Capabilities, Connector
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import IntegrityError
from mover.transfer.evidence import altered_kind
from mover.transfer.options import VerifyLevel
from mover.transfer.packages import TAIL, Parts, ending, parts_at, parts_of, same_document
from mover.transfer.reading import FileReader


async def altered_on_arrival(
    error: IntegrityError,
    destination: Connector,
    ref: EntryRef,
    level: VerifyLevel,
    sent: Callable[[], Awaitable[Parts | None]],
) -> tuple[Entry, str]:
    """What the destination made of a file that is not as it was sent, and in words why that counts as arrived.

    Args:
        error: What verifying it raised.
        destination: Where it is.
        ref: The file there.
        level: What the person asked for.
        sent: Finds out of what parts the document consisted; None if it is no package.

    Raises:
        IntegrityError: It is not of a kind that the destination changes, its content is not what was sent, or that
            cannot be told and the person asked for proof.
    """
    if not altered_kind(ref.name, destination.capabilities.alters):
        raise error
    if level is VerifyLevel.HASH:
        raise IntegrityError(
            "the destination changes files of this kind when it takes them, so its hash is never that of what was sent; "
            "--verify auto compares their content"
        ) from error
    there = await destination.refresh(ref)
    parts = await sent()
    if parts is None:
        if level is VerifyLevel.READBACK:
            raise error
        return there, "the destination changed the file when it took it; its content could not be compared"
    found = await parts_at(destination, ref, there.size)
    if found is None or not same_document(parts, found):
        raise IntegrityError("the content of the document that arrived is not what was sent") from error
    return (
        there,
        "the destination changed the file's properties when it took it; its content is what was sent, part by part",
    )


def converted_on_arrival(written: Entry, destination: Connector, level: VerifyLevel) -> str | None:
    """In words how a file arrived of which the destination made a document of its own; None if it did not.

    What can be had of such a document is made anew each time, of the service's own format.

    Raises IntegrityError if the person asked for proof.
    """
    if not is_converted(written, destination.capabilities):
        return None
    if level not in {VerifyLevel.AUTO, VerifyLevel.SIZE}:
        raise IntegrityError(
            "the destination turns files of this kind into documents of its own, so nothing can prove what they hold; "
            "--verify auto takes them as they are"
        )
    return "the destination turned the file into a document of its own, as its connection asks for; its content cannot be compared"


def is_converted(standing: Entry, can: Capabilities) -> bool:
    """Whether a file at the destination is a document of its own, made of a file as they are moved."""
    return standing.kind is EntryKind.NATIVE and altered_kind(standing.name, can.alters)


async def package_of(reader: FileReader, source: Capabilities) -> Parts | None:
    """The parts of a document at the source, by a read of its end; None if that took reading all of it again."""
    size = reader.entry.size
    if size is None or not source.range_reads:
        return None
    offset = max(size - TAIL, 0)
    async with aclosing(reader.read(offset, size - offset)) as chunks:
        tail, _ = await ending(chunks)
    return parts_of(tail, size)
