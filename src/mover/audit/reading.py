"""The audit log as parts, out of the database or out of an exported file; and such a file, line by line.

    {"mover":"audit log","version":1,"organisation_id":null,"keys":[...],"roster":{...}}
    {"checkpoint":{"organisation_id":"...","cut_number":0,...,"signature":"..."}}
    {"event":{"id":1,...,"number":1,"hash":"..."}}
    {"event":...}
    {"checkpoint":...}

Every line is covered by a signature: the first by that of the roster, the others by that of their chain's checkpoint.
Events that are not sealed yet are not exported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection

from mover.audit import queries
from mover.audit.records import Checkpoint, Event, PublicKey, Roster
from mover.audit.verifying import Copied, Damaged, Header, Part

_WHAT = "audit log"
_VERSION = 1
_LONGEST_LINE = 1 << 20


class NotAnAuditLog(Exception):
    """The file is none, so there is nothing to verify."""


class _First(msgspec.Struct, frozen=True, kw_only=True):
    mover: str
    version: int
    organisation_id: str | None
    keys: list[PublicKey]
    roster: Roster | None


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    checkpoint: Checkpoint | None = None
    event: Event | None = None


class _Copy(msgspec.Struct, frozen=True, kw_only=True):
    organisation_id: str
    number: int
    hash: str


def parts(transaction: Connection, organisation_id: str | None = None) -> Iterator[Part]:
    """Read the log, or one chain of it, in one transaction."""
    yield Header(
        organisation_id=organisation_id, keys=queries.keys(transaction), roster=queries.roster(transaction)
    )
    chains = queries.chain_names(transaction) if organisation_id is None else [organisation_id]
    heads = queries.heads(transaction, None if organisation_id is None else chains)
    for chain in chains:
        if (head := heads.get(chain)) is not None:
            yield head
        yield from queries.chain(transaction, chain)
        yield from queries.unsealed(transaction, chain)


def lines(found: Iterable[Part]) -> Iterator[bytes]:
    """Spell parts as the lines of a file; what is not sealed is left out."""
    for part in found:
        line: msgspec.Struct | None = None
        match part:
            case Header():
                line = _First(
                    mover=_WHAT,
                    version=_VERSION,
                    organisation_id=part.organisation_id,
                    keys=part.keys,
                    roster=part.roster,
                )
            case Checkpoint():
                line = _Line(checkpoint=part)
            case Event() if part.number is not None:
                line = _Line(event=part)
            case Event():
                pass
        if line is not None:
            yield msgspec.json.encode(line) + b"\n"


def parts_of_file(stream: Any) -> Iterator[Part]:
    """Read a file that `lines` made. Raises NotAnAuditLog if it does not begin as one."""
    first = stream.readline(_LONGEST_LINE)
    try:
        header = msgspec.json.decode(first, type=_First)
    except (msgspec.MsgspecError, UnicodeError):
        raise NotAnAuditLog("this is no audit log that Mover exported") from None
    if header.mover != _WHAT or not _as_written(header, first):
        raise NotAnAuditLog("this is no audit log that Mover exported")
    if header.version != _VERSION:
        raise NotAnAuditLog(
            f"a newer Mover wrote this (version {header.version} of the form, this one knows {_VERSION})"
        )
    yield Header(organisation_id=header.organisation_id, keys=header.keys, roster=header.roster)
    number = 1
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        read = _read(line)
        part = (read.checkpoint or read.event) if read else None
        if read is None or part is None or (read.checkpoint and read.event) or not _as_written(read, line):
            yield Damaged(number)
        else:
            yield part


def _read(line: bytes) -> _Line | None:
    try:
        return msgspec.json.decode(line, type=_Line)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def _as_written(read: msgspec.Struct, line: bytes) -> bool:
    """Whether a line is, to the byte, what `lines` makes of it: nothing was added that reading passes over."""
    return msgspec.json.encode(read) + b"\n" == line


def copies_of_file(stream: Any) -> Iterator[Copied]:
    """Read what a receiver of the copies wrote down: in each line the JSON of an event, whatever stands before it.

    Lines without one are passed over. Raises NotAnAuditLog if there is none at all.
    """
    found = 0
    while line := stream.readline(_LONGEST_LINE):
        begin = line.find(b'{"')
        if begin < 0:
            continue
        try:
            one = msgspec.json.decode(line[begin:].strip(), type=_Copy)
        except (msgspec.MsgspecError, UnicodeError):
            continue
        found += 1
        yield Copied(organisation_id=one.organisation_id, number=one.number, hash=one.hash)
    if not found:
        raise NotAnAuditLog("there is no copied event in this file")
