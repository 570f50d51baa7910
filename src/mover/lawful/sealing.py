"""Sealing a stream of bytes to recipients in the age format, piece by piece. Blocks: for threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator

from pyrage import EncryptError, encrypt_io, x25519  # type: ignore[import-untyped] # no stubs are published

from mover.lawful.records import Sealed

PIECE = 1 << 20
"""Bytes of a piece of an age file, at most."""


def seal(plain: Iterator[bytes], keep: Callable[[bytes], None], recipients: Iterable[str]) -> Sealed:
    """Encrypt a stream to the recipients, and hand over the age file in pieces of at most 1 MiB.

    At most 1 MiB of it is in the clear in memory at a time. Raises what `plain` and `keep` raise.
    """
    source, sink = _Source(plain), _Sink(keep)
    try:
        encrypt_io(source, sink, [x25519.Recipient.from_str(one) for one in recipients])
    except EncryptError as error:
        # The library tells of an error in a reader or writer in words of its own.
        raise (source.trouble or sink.trouble or error) from None
    sink.close()
    return Sealed(
        read_bytes=source.size,
        sha256=source.hash.hexdigest(),
        sealed_bytes=sink.size,
        sealed_sha256=sink.hash.hexdigest(),
    )


class _Source:
    """What the library reads from."""

    def __init__(self, plain: Iterator[bytes]) -> None:
        self._plain = plain
        self._left = memoryview(b"")
        self.size = 0
        self.hash = hashlib.sha256()
        self.trouble: BaseException | None = None

    def read(self, size: int) -> bytes:
        try:
            while not self._left:
                piece = next(self._plain, None)
                if piece is None:
                    return b""
                self.size += len(piece)
                self.hash.update(piece)
                self._left = memoryview(piece)
        except BaseException as error:
            self.trouble = error
            raise
        found, self._left = bytes(self._left[:size]), self._left[size:]
        return found


class _Sink:
    """What the library writes into."""

    def __init__(self, keep: Callable[[bytes], None]) -> None:
        self._keep = keep
        self._gathered = bytearray()
        self.size = 0
        self.hash = hashlib.sha256()
        self.trouble: BaseException | None = None

    def write(self, sealed: bytes) -> int:
        self._gathered += sealed
        try:
            while len(self._gathered) >= PIECE:
                self._hand_over(PIECE)
        except BaseException as error:
            self.trouble = error
            raise
        return len(sealed)

    def flush(self) -> None:
        """Nothing: `close` hands over the rest."""

    def close(self) -> None:
        if self._gathered:
            self._hand_over(len(self._gathered))

    def _hand_over(self, size: int) -> None:
        piece = bytes(self._gathered[:size])
        self._keep(piece)
        self.size += size
        self.hash.update(piece)
        del self._gathered[:size]
