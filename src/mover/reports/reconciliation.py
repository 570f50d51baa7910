"""Reconciliations: source against destination, item by item, in a file that proves by itself that nobody changed it.

A file of JSON lines. Each line carries its `number` and, as `previous`, the SHA-256 of the line before with its line end;
the first describes the run and holds the public key; the last one, the trailer, counts the items and is signed with
Ed25519 (RFC 8032). The signature covers the trailer without its own field, so by the chain every byte of the file:

    {"number":0,"previous":"","mover":"reconciliation","version":1,"key_id":...,"public_key":...,"run":{...}}
    {"number":1,"previous":"<sha256 of line 0>","path":...,...}
    {"number":2,"previous":"<sha256 of line 1>","trailer":{"items":1,"signed":"2024-..."},"signature":"<base64>"}

Whoever holds the file can check that it is whole; that it was this Mover who signed it shows only by comparing the key
with the one that was published.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from mover.vault.signing import SigningKey, is_signed, key_id_of, read_public_key

_VERSION = 1
_WHAT = "reconciliation"
_SIGNED_FOR = b"mover reconciliation 1\n"
_SIGNATURE = re.compile(rb',"signature":"([A-Za-z0-9+/]{86}==)"\}\n')
_LONGEST_LINE = 1 << 20
_PIECE_LINES = 256


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What checking a file came to.

    Attributes:
        intact: It is whole and as it was signed (and by the key that was asked for).
        problem: What is wrong; empty if nothing is.
        line: Where, counted from 1.
        items: How many items it tells about, as far as it was read.
        key_id: Of the key that the file names.
        public_key: That key, in base64.
        signed: When it was signed, as the file says.
        run: What it says about the run.
    """

    intact: bool
    problem: str = ""
    line: int = 0
    items: int = 0
    key_id: str = ""
    public_key: str = ""
    signed: str = ""
    run: Mapping[str, Any] = field(default_factory=dict)


class NotAReconciliation(Exception):
    """The file is none, so there is nothing to check."""


async def signed_lines(
    key: SigningKey, run: Mapping[str, Any], rows: AsyncIterable[Mapping[str, Any]], signed: str
) -> AsyncIterator[bytes]:
    """Yield a whole file, some lines at a time.

    Args:
        key: That signs.
        run: What the first line says about the run.
        rows: The items; no key of theirs may be `number`, `previous` or `trailer`.
        signed: The moment of signing, for people.
    """
    chain = _Chain()
    head = {"mover": _WHAT, "version": _VERSION, "key_id": key.id}
    head["public_key"] = base64.b64encode(key.public).decode()
    waiting = [chain.line({**head, "run": run})]
    async for row in rows:
        waiting.append(chain.line(row))
        if len(waiting) == _PIECE_LINES:
            yield b"".join(waiting)
            waiting = []
    body = chain.body({"trailer": {"items": chain.number - 1, "signed": signed}})
    signature = key.sign(_SIGNED_FOR + body).encode()
    waiting.append(body[:-1] + b',"signature":"' + signature + b'"}\n')
    yield b"".join(waiting)


class _Chain:
    """Numbers lines, and gives each the hash of the one before."""

    def __init__(self) -> None:
        self.number = 0
        self.previous = ""

    def body(self, content: Mapping[str, Any]) -> bytes:
        return msgspec.json.encode({"number": self.number, "previous": self.previous, **content})

    def line(self, content: Mapping[str, Any]) -> bytes:
        line = self.body(content) + b"\n"
        self.previous = hashlib.sha256(line).hexdigest()
        self.number += 1
        return line


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    previous: str
    mover: str
    version: int
    key_id: str
    public_key: str
    run: dict[str, Any]


class _TrailerContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    items: int
    signed: str


class _Line(msgspec.Struct, frozen=True):
    number: int
    previous: str
    trailer: _TrailerContent | None = None


def check(lines: Iterable[bytes], expected_key: bytes | None = None) -> Verdict:
    """Check a file, without any database.

    Args:
        lines: With their line ends, none longer than 1 MiB (`read_lines`).
        expected_key: The public key that has to have signed it; None: whichever the file names.

    Raises NotAReconciliation: it does not begin as one.
    """
    found = iter(lines)
    first = next(found, b"")
    header = _header(first)
    public = read_public_key(header.public_key)
    told = Verdict(intact=False, key_id=header.key_id, public_key=header.public_key, run=header.run)
    if expected_key is not None and public != expected_key:
        return replace(told, problem="it was signed with another key", line=1)
    if header.key_id != key_id_of(public) or header.number != 0 or header.previous:
        return replace(told, problem="its first line was changed", line=1)
    previous, number = hashlib.sha256(first).hexdigest(), 0
    trailer: _TrailerContent | None = None
    for line in found:
        number += 1
        told = replace(told, line=number + 1, items=number - 1)
        if trailer is not None:
            return replace(told, problem="lines were appended")
        read = _line(line)
        if read is None:
            return replace(told, problem="this line was changed or cut off")
        if read.number != number or read.previous != previous:
            return replace(told, problem="this line or the one before was changed, removed, added or moved")
        previous, trailer = hashlib.sha256(line).hexdigest(), read.trailer
        if trailer is not None and (problem := _unsigned(line, trailer, number, public)):
            return replace(told, problem=problem)
    if trailer is None:
        return replace(told, problem="its end is missing: it was cut off", line=number + 1, items=number)
    return replace(told, intact=True, line=0, items=trailer.items, signed=trailer.signed)


def _header(line: bytes) -> _Header:
    try:
        header = msgspec.json.decode(line, type=_Header)
        read_public_key(header.public_key)
    except (msgspec.MsgspecError, ValueError):
        raise NotAReconciliation("this is no reconciliation that Mover wrote") from None
    if header.mover != _WHAT or not line.endswith(b"\n"):
        raise NotAReconciliation("this is no reconciliation that Mover wrote")
    if header.version != _VERSION:
        raise NotAReconciliation(
            f"a newer Mover wrote this (version {header.version} of the form, this one knows {_VERSION})"
        )
    return header


def _line(line: bytes) -> _Line | None:
    if not line.endswith(b"\n"):
        return None
    try:
        return msgspec.json.decode(line, type=_Line)
    except (msgspec.MsgspecError, ValueError):
        return None


def _unsigned(line: bytes, trailer: _TrailerContent, number: int, public: bytes) -> str:
    """Say what is wrong with a trailer; empty if nothing is."""
    match = _SIGNATURE.search(line)
    if match is None or match.end() != len(line):
        return "its last line was changed"
    if not is_signed(public, _SIGNED_FOR + line[: match.start()] + b"}", match[1].decode()):
        return "the signature is not right"
    return "" if trailer.items == number - 1 else "lines are missing"


def read_lines(stream: Any) -> Iterable[bytes]:
    """Yield lines of a binary stream; one that is too long is cut, so that it counts as changed."""
    while line := stream.readline(_LONGEST_LINE):
        yield line
