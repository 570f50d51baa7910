"""A database as the contract suite's store of files: each file is a table, its bytes are the rows.

A database takes nothing but dumps, and the suite knows nothing but bytes. So what the suite uploads is written as the
dump of a table that holds these bytes, and what it reads is taken out of such a dump again. In between everything is
the connector's own: names, statements, snapshots, conflicts, errors.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any, cast

import msgspec
from tests.contents import GivenContent

from mover.connectors.contract import Capabilities, Connector, Content, Page, Target, is_temporary_name
from mover.connectors.mysql.form import END, head
from mover.connectors.mysql.names import Kind, Thing, file_name, thing_of
from mover.connectors.mysql.sql import name_bytes, text_literal
from mover.entries import NO_HASHES, Entry, EntryKind, EntryRef
from mover.errors import MoverError
from mover.naming import LengthUnit, NameRules

_PIECE = 100_000
_COLUMNS = b""" (
  `n` int(11) NOT NULL,
  `piece` mediumblob NOT NULL,
  PRIMARY KEY (`n`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
"""
_ROW = re.compile(rb"\([0-9]+,_binary '((?:[^'\\]|\\.)*+)'\)", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_MEANING = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"Z": b"\x1a"}
_SURROGATES, _PRIVATE = 0xD800, 0xE000  # identifiers have no characters beyond U+FFFF; the suite's names do


def as_files(connector: Connector) -> Connector:
    """Return what looks like a store of files, with a database behind it."""
    return cast("Connector", _AsFiles(connector))


class _AsFiles:
    def __init__(self, inner: Connector) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def capabilities(self) -> Capabilities:
        real = self._inner.capabilities
        names = NameRules(
            trailing=(" \N{SYMBOL FOR SPACE}",),
            unit=LengthUnit.UTF16_UNITS,
            longest_name=64,
            case_sensitive=real.names.case_sensitive,
        )
        return replace(real, names=names, own_kind=None)

    async def look_up(self, path: str) -> Entry:
        with _translated(path):
            return _shown(await self._inner.look_up(_path(path)))

    async def refresh(self, ref: EntryRef) -> Entry:
        with _translated(ref.path):
            return _shown(await self._inner.refresh(EntryRef(_path(ref.path))))

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        with _translated(folder.path):
            async with aclosing(self._inner.list_folder(EntryRef(_path(folder.path)), cursor)) as pages:
                async for page in pages:
                    yield Page([_shown(entry) for entry in page.entries], page.cursor)

    async def read(self, file: EntryRef, **asked: Any) -> AsyncGenerator[bytes, None]:
        with _translated(file.path):
            async with aclosing(self._inner.read(EntryRef(_path(file.path)), **asked)) as pieces:
                left = b""
                async for piece in pieces:
                    left += piece
                    end = 0
                    for row in _ROW.finditer(left):
                        yield _ESCAPED.sub(lambda found: _MEANING.get(found[1], found[1]), row[1])
                        end = row.end()
                    left = left[end:]
                assert left.endswith(END)

    async def upload(self, target: Target, content: Content) -> Entry:
        table = _table(target.name)
        replaces = target.replaces and msgspec.structs.replace(target.replaces, name=file_name(table))
        place = replace(target, name=file_name(table), replaces=replaces)
        with _translated(target.ref.path):
            return _shown(await self._inner.upload(place, _Dump(table, content)))


class _Dump:
    """The dump of a table that holds some content; satisfies `Content`."""

    hashes = NO_HASHES

    def __init__(self, table: Thing, content: Content) -> None:
        assert isinstance(content, GivenContent)
        self._name = name_bytes(table.name)
        self._content = content
        self.repeatable = content.repeatable

    @property
    def size(self) -> int | None:
        """As far off the truth as the content's own."""
        told = self._content.size
        if told is None:
            return None
        pieces = range(0, len(self._content.data), _PIECE)
        rows = [self._row(n, self._content.data[start : start + _PIECE]) for n, start in enumerate(pieces)]
        true = len(self._begin()) + sum(map(len, rows)) + len(END)
        return true + told - len(self._content.data)

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._begin()
        number, left = 0, b""
        async for piece in self._content.chunks():
            left += piece
            while len(left) >= _PIECE:
                yield self._row(number, left[:_PIECE])
                number, left = number + 1, left[_PIECE:]
        yield (self._row(number, left) if left else b"") + END

    def _begin(self) -> bytes:
        return head(Kind.TABLE) + b"CREATE TABLE " + self._name + _COLUMNS

    def _row(self, number: int, piece: bytes) -> bytes:
        value = b"(%d,_binary %b);\n" % (number, text_literal(piece))
        return b"INSERT INTO " + self._name + b" (`n`,`piece`) VALUES\n" + value


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except MoverError as error:
        error.path = path
        raise


def _table(name: str) -> Thing:
    units = name.encode("utf-16-le")
    codes = [int.from_bytes(units[at : at + 2], "little") for at in range(0, len(units), 2)]
    moved = [code + _PRIVATE - _SURROGATES if _SURROGATES <= code < _PRIVATE else code for code in codes]
    return Thing(Kind.TABLE, "".join(map(chr, moved)))


def _shown(entry: Entry) -> Entry:
    if entry.kind is EntryKind.FOLDER or is_temporary_name(entry.name):
        return entry
    codes = [ord(c) for c in thing_of(entry.name).name]
    moved = [code + _SURROGATES - _PRIVATE if _PRIVATE <= code < _PRIVATE + 0x800 else code for code in codes]
    units = b"".join(code.to_bytes(2, "little") for code in moved)
    return msgspec.structs.replace(entry, name=units.decode("utf-16-le"))


def _path(path: str) -> str:
    """The suite's files stand in folders, which are databases."""
    parts = path.split("/")
    if len(parts) > 2 and not is_temporary_name(parts[2]):
        parts[2] = file_name(_table(parts[2]))
    return "/".join(parts)
