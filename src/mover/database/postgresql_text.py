"""Any Python text, in PostgreSQL's text columns, which cannot hold U+0000, and in their order.

Keys and ids of services may hold U+0000, and whatever came from bytes by surrogates is no Unicode. Such a character is
kept as SUBSTITUTE and a spelling; SUBSTITUTE itself as well, so that nothing is lost and nothing becomes the same.
"""

from __future__ import annotations

import re
from typing import Any

from psycopg import abc
from psycopg.adapt import AdaptersMap
from psycopg.types.string import StrDumperUnknown, TextLoader
from sqlalchemy import Column, Enum, String
from sqlalchemy.dialects.postgresql.base import PGDDLCompiler

_SUBSTITUTE = "\x1a"
_UNFIT = re.compile("[\x00\x1a\ud800-\udfff]")
_SPELLED = re.compile("\x1a([0-9a-f]{4})")


class _TextDumper(StrDumperUnknown):
    def dump(self, obj: str) -> abc.Buffer | None:
        if _UNFIT.search(obj):
            obj = _UNFIT.sub(lambda found: f"{_SUBSTITUTE}{ord(found[0]):04x}", obj)
        return obj.encode()


class _TextLoader(TextLoader):
    def load(self, data: abc.Buffer) -> str:
        text = bytes(data).decode()
        if _SUBSTITUTE in text:
            text = _SPELLED.sub(lambda found: chr(int(found[1], 16)), text)
        return text


def keep_any_text(adapters: AdaptersMap) -> None:
    """Let connections with these adapters take and give any text."""
    adapters.register_dumper(str, _TextDumper)
    for kind in ("text", "varchar"):
        adapters.register_loader(kind, _TextLoader)


class BinaryOrderDDL(PGDDLCompiler):
    """Makes every text column compare by its bytes, as SQLite's do.

    Then both kinds of database sort alike, comparisons are quick, and no index breaks when the server's operating
    system gets new rules for sorting.
    """

    def get_column_specification(self, column: Column[Any], **options: Any) -> str:
        """Spell a column."""
        spelled: str = super().get_column_specification(column, **options)  # type: ignore[no-untyped-call]  # SQLAlchemy's own
        kind = column.type
        if not isinstance(kind, String) or isinstance(kind, Enum) or kind.collation is not None:
            return spelled
        type_name = self.dialect.type_compiler_instance.process(
            kind, type_expression=column, identifier_preparer=self.preparer
        )
        head = f"{self.preparer.format_column(column)} {type_name}"
        return f'{head} COLLATE "C"{spelled.removeprefix(head)}'
