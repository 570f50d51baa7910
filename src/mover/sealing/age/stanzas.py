"""The header of an age file: for whom it is sealed, and a seal over that (C2SP age, "Header")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"age-encryption.org/v1\n"
FILE_KEY = 16  # bytes
LARGEST_HEADER = 65_536  # bytes that are read at most to find its end
_LINE = 64  # characters of a body's full line
_ARGUMENT = re.compile(rb"[\x21-\x7e]+")
_MAC_LINE = re.compile(rb"--- ([A-Za-z0-9+/]{43})")


class NotAge(Exception):
    """The bytes are no age file; what is wrong stands in the message."""


class Incomplete(NotAge):
    """The header goes on behind the bytes that were given."""


@dataclass(frozen=True)
class Stanza:
    """The file's key, wrapped for one recipient in the way that `kind` says."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes


@dataclass(frozen=True)
class Header:
    """A header that was read.

    Attributes:
        stanzas: At least one.
        length: Of the header, in bytes.
        signed: What the MAC is of.
        mac: The MAC.
    """

    stanzas: Sequence[Stanza]
    length: int
    signed: bytes
    mac: bytes

    def fits(self, file_key: bytes) -> bool:
        """Whether that is the key of this file, and nobody changed the header."""
        return hmac.compare_digest(_mac(file_key, self.signed), self.mac)


def derived(key: bytes, *, info: bytes, salt: bytes | None = None, length: int = 32) -> bytes:
    """HKDF-SHA-256."""
    return HKDF(SHA256(), length, salt, info).derive(key)


def spell(data: bytes) -> str:
    """Base64 as age writes it: without padding."""
    return base64.b64encode(data).rstrip(b"=").decode()


def unspell(text: str) -> bytes:
    """Read what `spell` wrote, and nothing else. Raises ValueError."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if spell(data) != text:
        raise ValueError("not the one spelling of these bytes")
    return data


def header_bytes(stanzas: Sequence[Stanza], file_key: bytes) -> bytes:
    """Write a header."""
    lines = [MAGIC.decode().rstrip("\n")]
    for stanza in stanzas:
        lines.append(" ".join(("->", stanza.kind, *stanza.arguments)))
        body = spell(stanza.body)
        lines += [body[at : at + _LINE] for at in range(0, len(body), _LINE)]
        if len(body) % _LINE == 0:
            lines.append("")
    signed = "\n".join((*lines, "---")).encode()
    return signed + b" " + spell(_mac(file_key, signed)).encode() + b"\n"


def read_header(start: bytes) -> Header:
    """Read the header that a file starts with.

    Raises NotAge; Incomplete if it goes on behind these bytes, unless they are LARGEST_HEADER already.
    """
    if not start.startswith(MAGIC):
        raise Incomplete if MAGIC.startswith(start) else NotAge("it does not begin as an age file does")
    stanzas: list[Stanza] = []
    at = len(MAGIC)
    while True:
        line, next_line = _line(start, at)
        if line.startswith(b"---"):
            break
        if not line.startswith(b"-> "):
            raise NotAge("its header is damaged")
        words = line[3:].split(b" ")
        if not all(_ARGUMENT.fullmatch(word) for word in words):
            raise NotAge("its header is damaged")
        body, at = _body(start, next_line)
        kind, *arguments = (word.decode() for word in words)
        stanzas.append(Stanza(kind, tuple(arguments), body))
    found = _MAC_LINE.fullmatch(line)
    if found is None or not stanzas:
        raise NotAge("its header is damaged")
    try:
        mac = unspell(found[1].decode())
    except ValueError:
        raise NotAge("its header is damaged") from None
    return Header(tuple(stanzas), next_line, start[: at + 3], mac)


def _body(start: bytes, at: int) -> tuple[bytes, int]:
    text = b""
    while True:
        line, at = _line(start, at)
        if len(line) > _LINE:
            raise NotAge("its header is damaged")
        text += line
        if len(line) < _LINE:
            break
    try:
        return unspell(text.decode("ascii")), at
    except ValueError:
        raise NotAge("its header is damaged") from None


def _line(start: bytes, at: int) -> tuple[bytes, int]:
    end = start.find(b"\n", at, LARGEST_HEADER)
    if end < 0:
        raise Incomplete if len(start) < LARGEST_HEADER else NotAge("its header is too long")
    return start[at:end], end + 1


def _mac(file_key: bytes, signed: bytes) -> bytes:
    return hmac.new(derived(file_key, info=b"header"), signed, hashlib.sha256).digest()
