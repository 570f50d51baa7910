"""Single age files: sealed with keys that follow from a seed, and opened with identities."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from mover.sealing.age.identities import Identities
from mover.sealing.age.payload import NONCE, PayloadCipher
from mover.sealing.age.recipients import Draw, Recipient
from mover.sealing.age.stanzas import FILE_KEY, Header, Incomplete, NotAge, header_bytes, read_header
from mover.sealing.blocks import Layout, Unsealable
from mover.sealing.streams import Sealing

SUFFIX = ".age"
FIRST_READ = 4_096  # bytes: more than nearly all headers have


@dataclass(frozen=True)
class AgeSeal:
    """Seals files for recipients."""

    recipients: Sequence[Recipient] = field(repr=False)

    @cached_property
    def layout(self) -> Layout:
        """Where the bytes of its files are: all have headers of one length."""
        return self.file().layout

    def is_sealed(self, start: bytes) -> bool | None:
        """Whether a file that starts so is an age file; None: more of it is needed to tell."""
        try:
            read_header(start)
        except Incomplete:
            return None
        except NotAge:
            return False
        return True

    def is_called_sealed(self, name: str) -> bool:
        """Whether a file is expected to be an age file."""
        return name.lower().endswith(SUFFIX)

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
