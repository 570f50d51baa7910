"""Answers in XML, read without trusting them: no DTD, no entities, bounded depth, one pass.

Everything S3 says fits one shape: a root, some fields of its own, and a list of records with fields. The size of an
answer is bounded where it is received.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from xml.parsers import expat

from mover.errors import ProtocolViolation

_DEEPEST = 12


@dataclass
class Document:
    """An answer.

    Attributes:
        root: Name of the root element.
        fields: Text of the elements directly in the root.
        records: The elements that were asked for, wherever they stand, in order: name and fields.
    """

    root: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    records: list[tuple[str, dict[str, str]]] = field(default_factory=list)


class _Malformed(Exception):
    """The document has what no answer has."""


def read_document(body: bytes, records: Collection[str] = ()) -> Document:
    """Read an answer. Attributes are passed over; no service puts prefixes before its names.

    Raises:
        ProtocolViolation: It is not well-formed, has a DTD, or is nested too deeply.
    """
    found = Document()
    texts: list[str] = []
    current: dict[str, str] | None = None
    depth = 0

    def start(name: str, _attributes: object) -> None:
        nonlocal current, depth
        depth += 1
        if depth == 1:
            found.root = name
        elif name in records:
            current = {}
            found.records.append((name, current))
        elif depth > _DEEPEST:
            raise _Malformed
        texts.clear()

    def end(name: str) -> None:
        nonlocal current, depth
        depth -= 1
        if current is not None:
            if name in records:
                current = None
            else:
                current[name] = "".join(texts)
        elif depth == 1:
            found.fields[name] = "".join(texts)
        texts.clear()

    def doctype(*_: object) -> None:
        raise _Malformed

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = texts.append
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body.lstrip(), True)
    except (
        expat.ExpatError,
        _Malformed,
        LookupError,
        ValueError,
    ) as error:  # the last two: strange encodings
        raise ProtocolViolation("the answer is not the XML that S3 sends") from error
    return found


def write_document(root: str, children: str) -> bytes:
    """Spell a request's body; `children` is XML already."""
    return f'<{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{children}</{root}>'.encode()
