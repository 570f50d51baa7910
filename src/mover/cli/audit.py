"""What `mover audit` does."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.keys import AuditKeys
from mover.audit.reading import NotAnAuditLog, copies_of_file, lines, parts, parts_of_file
from mover.audit.recording import Recorder
from mover.audit.records import Stream
from mover.audit.sealing import Sealer
from mover.audit.verifying import Copied, Report
from mover.audit.verifying import verify as verified
from mover.cli.codes import ALL_WELL, SOME_FAILED
from mover.cli.faults import say
from mover.cli.screen import err, out, print_json, words
from mover.cli.workplace import workplace
from mover.database.database import Database
from mover.errors import InvalidConfiguration
from mover.vault.signing import read_public_key

_NS = 1_000_000_000
_LATE_S = 600
"""What happened longer ago and is not sealed, or not copied, tells that something is wrong."""


async def verify(
    file: Path | None, key: str | None, copies: Path | None, organisation: str | None, *, machine: bool
) -> int:
    """Verify the database or a file, and say what came of it. Returns 0 or 1.

    Raises InvalidConfiguration: a file cannot be read or is none, or the key is none.
    """
    try:
        expected = read_public_key(key) if key is not None else None
    except ValueError as error:
        raise InvalidConfiguration(f"--key: {error}") from None
    copied = _copies(copies) if copies else ()
    if file is not None:
        if organisation is not None:
            raise InvalidConfiguration(
                "--organisation goes with the database; a file says itself whose log it is"
            )
        report = _of_file(file, expected, copied)
        what = str(file)
    else:
        async with workplace() as place:
            report = await place.database.read(
                lambda transaction: verified(parts(transaction, organisation), expected, copied)
            )
        what = "the audit log"
    if machine:
        print_json(_object(report, pinned=expected is not None))
    else:
        _tell(what, report, pinned=expected is not None)
    return ALL_WELL if report.intact else SOME_FAILED


async def export(output: Path | None, organisation: str | None) -> int:
    """Write the sealed log. Raises InvalidConfiguration: the file is there already, or cannot be written."""
    async with workplace() as place:
        await Sealer(place.database, place.vault).seal_due()
        try:
            with _opened(output) as stream:
                await _write(place.database, stream, organisation)
        except OSError as error:
            raise InvalidConfiguration(f"{output} cannot be written: {error.strerror}") from None
    return ALL_WELL


@contextmanager
def _opened(output: Path | None) -> Iterator[BinaryIO]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        yield stream


async def _write(database: Database, stream: BinaryIO, organisation: str | None) -> None:
    """Write it from one snapshot, in the thread that reads; no further than the snapshot should the line break."""
    begun = False

    def work(transaction: Connection) -> None:
        nonlocal begun
        if begun:  # a database that went away in the middle
            raise InvalidConfiguration("the connection to the database broke; what was written is not whole")
        begun = True
        stream.writelines(lines(parts(transaction, organisation)))

    await database.read(work)


async def status(*, machine: bool) -> int:
    """Tell how it stands. Returns 1 if something is late."""
    now_ns = time.time_ns()
    async with workplace() as place:
        keys = AuditKeys(place.database, place.vault, Recorder())

        def look(
            transaction: Connection,
        ) -> tuple[int, int | None, list[tuple[Stream, int, int | None]]]:
            count, oldest = queries.pending_figures(transaction)
            streams = [
                (one, *queries.sealed_count_after(transaction, one.position))
                for one in queries.streams(transaction)
            ]
            return count, oldest, streams

        pending, oldest_ns, streams = await place.database.read(look)
        known = await keys.all()
    public = known[0].public_key if known else ""
    late = _late(oldest_ns, now_ns) or any(_late(oldest, now_ns) for _, _, oldest in streams)
    if machine:
        print_json(
            {
                "public_key": public or None,
                "pending": pending,
                "oldest_pending_ns": oldest_ns,
                "late": late,
                "copies": [
                    {
                        "receiver": one.name,
                        "lag_events": lag,
                        "oldest_ns": oldest,
                        "sent_ns": one.sent_ns,
                        "trouble": one.trouble or None,
                    }
                    for one, lag, oldest in streams
                ],
            }
        )
        return SOME_FAILED if late else ALL_WELL
    out().print(words(f"public key: {public}" if public else "nothing was sealed yet, so there is no key"))
    out().print(words(f"not sealed yet: {pending:,} events" + _since(oldest_ns, now_ns)))
    for one, lag, oldest in streams:
        trouble = f"; {one.trouble}" if one.trouble else ""
        out().print(words(f"copies to {one.name}: {lag:,} events behind{_since(oldest, now_ns)}{trouble}"))
    if late:
        say("something is late: see whether a runner is running, and its log", style="bold yellow")
    return SOME_FAILED if late else ALL_WELL


async def seal() -> int:
    """Seal what is due, and say how much it was."""
    async with workplace() as place:
        count = await Sealer(place.database, place.vault).seal_due()
    out().print(f"{count:,} events were sealed.")
    return ALL_WELL


async def rotate_key(*, machine: bool) -> int:
    """Make a new key, and say its public half."""
    async with workplace() as place:
        key = await AuditKeys(place.database, place.vault, Recorder()).rotate()
        await Sealer(place.database, place.vault).seal_due()
    if machine:
        print_json({"key_id": key.id, "public_key": key.public_key})
    else:
        out().print(words(f"New public key: {key.public_key}"))
    return ALL_WELL


def _late(oldest_ns: int | None, now_ns: int) -> bool:
    return oldest_ns is not None and now_ns - oldest_ns > _LATE_S * _NS


def _since(oldest_ns: int | None, now_ns: int) -> str:
    return "" if oldest_ns is None else f", the oldest {max(0, now_ns - oldest_ns) // _NS:,} s old"


def _of_file(file: Path, expected: bytes | None, copied: tuple[Copied, ...]) -> Report:
    try:
        with file.open("rb") as stream:
            return verified(parts_of_file(stream), expected, copied)
    except OSError as error:
        raise InvalidConfiguration(f"{file} cannot be read: {error.strerror}") from None
    except NotAnAuditLog as error:
        raise InvalidConfiguration(f"{file}: {error}") from None


def _copies(file: Path) -> tuple[Copied, ...]:
    try:
        with file.open("rb") as stream:
            return tuple(copies_of_file(stream))
    except OSError as error:
        raise InvalidConfiguration(f"{file} cannot be read: {error.strerror}") from None
    except NotAnAuditLog as error:
        raise InvalidConfiguration(f"{file}: {error}") from None


def _object(report: Report, *, pinned: bool) -> dict[str, object]:
    return {
        "intact": report.intact,
        "problems": [
            {
                "organisation_id": one.organisation_id,
                "number": one.number,
                "event_id": one.event_id,
                "what": one.what,
            }
            for one in report.problems
        ],
        "more_problems": report.more,
        "chains": report.chains,
        "events": report.events,
        "cut": report.cut,
        "redacted": report.redacted,
        "pending": report.pending,
        "compared": report.compared,
        "key_id": report.key_id or None,
        "public_key": report.public_key or None,
        "key_was_given": pinned,
    }


def _tell(what: str, report: Report, *, pinned: bool) -> None:
    for problem in report.problems:
        err().print(words(str(problem), "bold red"))
    if report.more:
        err().print(words(f"and {report.more:,} more", "bold red"))
    if report.intact:
        out().print(
            words(
                f"{what} is as it was sealed: {report.events:,} events in {report.chains:,} chains", "green"
            )
        )
    told = (
        (report.cut, "events were removed earlier, as they were old; that is signed"),
        (report.redacted, "events name a deleted person no longer; that is signed"),
        (report.pending, "events are not sealed yet; nothing can be said of them"),
        (report.compared, "events were compared with copies"),
    )
    for count, sentence in told:
        if count:
            out().print(words(f"  {count:,} {sentence}"))
    if report.key_id:
        out().print(words(f"  key: {report.key_id}"))
    if report.key_id and not pinned:
        out().print(
            words(
                f"  public key: {report.public_key}; compare it with the one that you noted, or give it as --key"
            )
        )
