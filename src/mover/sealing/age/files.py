"""Single age files: sealed with keys that follow from a seed, and opened with identities."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from mover.sealing.age.identities import Identities
from mover.sealing.age.payload import NONCE, PayloadCipher
from mover.sealing.age.recipients import Draw, Recipient
from mover.sealing.age.stanzas import FILE_KEY, LARGEST_HEADER, Header, header_bytes
from mover.sealing.blocks import Layout, Unsealable
from mover.sealing.streams import Sealing

FIRST_READ = 4_096  # bytes: more than nearly all headers have


@dataclass(frozen=True)
class AgeSeal:
    """Seals files for recipients."""

    recipients: Sequence[Recipient] = field(repr=False)

    def file(self, draw: Draw = secrets.token_bytes) -> Sealing:
        """Make the key and header of one file from what is drawn."""
        file_key = draw(FILE_KEY)
        header = header_bytes([one.wrap(file_key, draw) for one in self.recipients], file_key)
        nonce = draw(NONCE)
        return Sealing(header + nonce, PayloadCipher(file_key, nonce), empty_block=True)


@dataclass(frozen=True)
class Opened:
    """How one file is opened."""

    layout: Layout
    cipher: PayloadCipher = field(repr=False)


def layout_of(header: Header) -> Layout:
    """Where the bytes of a file with that header are."""
    return Layout(header.length + NONCE, empty_block=True)


def open_header(header: Header, start: bytes, identities: Identities) -> Opened | None:
    """Find out how a file is opened whose first bytes are given, up to the first block.

    None: it is sealed for others. Raises NotAge and Unsealable: it was damaged.
    """
    file_key = identities.file_key(header)
    if file_key is None:
        return None
    nonce = start[header.length : header.length + NONCE]
    if len(nonce) < NONCE:
        raise Unsealable("it ends behind its header")
    return Opened(layout_of(header), PayloadCipher(file_key, nonce))


def enough_of_a_header(start: bytes) -> bool:
    """Whether no more bytes could help to read a header."""
    return len(start) >= LARGEST_HEADER + NONCE


class SeededDraw:
    """Draws bytes that follow from a seed and a text, and look random to whoever does not know the seed."""

    def __init__(self, seed: bytes, text: str) -> None:
        self._key = hmac.new(seed, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
        self._drawn = 0

    def __call__(self, length: int) -> bytes:
        """Draw more bytes."""
        made = b""
        while len(made) < length:
            self._drawn += 1
            made += hmac.new(self._key, self._drawn.to_bytes(8, "big"), hashlib.sha256).digest()
        return made[:length]
