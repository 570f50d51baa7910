"""The payload of an age file: STREAM, 64 KiB at a time, with ChaCha20-Poly1305 (C2SP age, "Payload")."""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from mover.sealing.age.stanzas import derived
from mover.sealing.blocks import TAG, Unsealable

NONCE = 16  # bytes between the header and the first block


class PayloadCipher:
    """Satisfies `blocks.BlockCipher`.

    Args:
        file_key: Of the file.
        nonce: What stands behind its header.
    """

    def __init__(self, file_key: bytes, nonce: bytes) -> None:
        self._cipher = ChaCha20Poly1305(derived(file_key, salt=nonce, info=b"payload"))

    def seal(self, index: int, block: bytes, *, last: bool) -> bytes:
        """Seal a block."""
        return self._cipher.encrypt(_nonce(index, last=last), block, None)

    def open(self, index: int, sealed: bytes, *, last: bool) -> bytes:
        """Open a block. Raises Unsealable."""
        if len(sealed) == TAG and index > 0:
            raise Unsealable("its last block is empty")
        try:
            return self._cipher.decrypt(_nonce(index, last=last), sealed, None)
        except InvalidTag:
            raise Unsealable("it was cut off or changed after it was sealed") from None


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11, "big") + (b"\1" if last else b"\0")
