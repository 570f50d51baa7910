"""EME (Halevi and Rogaway, 2003) with AES: one wide block, so that each bit of a name changes all of the encrypted one."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

BLOCK = 16
MOST_BLOCKS = 128


class Eme:
    """Encrypts texts of 1 to 128 blocks of 16 bytes, with one key and one tweak."""

    def __init__(self, key: bytes, tweak: bytes) -> None:
        self._cipher = Cipher(AES(key), ECB())  # noqa: S305 - EME is built of single blocks
        self._tweak = tweak

    def encrypt(self, text: bytes) -> bytes:
        """Encrypt. Raises ValueError for another length."""
        return self._transform(text, self._cipher.encryptor().update)

    def decrypt(self, text: bytes) -> bytes:
        """Undo `encrypt`; there is no telling whether the key was the right one. Raises ValueError for another length."""
        return self._transform(text, self._cipher.decryptor().update)

    def _transform(self, text: bytes, blocks: Callable[[bytes], bytes]) -> bytes:
        count, rest = divmod(len(text), BLOCK)
        if rest or not 0 < count <= MOST_BLOCKS:
            raise ValueError("not 1 to 128 blocks")
        masks = self._masks(count)
        inner = blocks(_xor(text, masks))
        mixed = self._tweak
        for at in range(0, len(inner), BLOCK):
            mixed = _xor(mixed, inner[at : at + BLOCK])
        through = blocks(mixed)
        mask = _xor(mixed, through)
        first = _xor(through, self._tweak)
        others = bytearray()
        for at in range(BLOCK, len(inner), BLOCK):
            mask = _doubled(mask)
            block = _xor(inner[at : at + BLOCK], mask)
            first = _xor(first, block)
            others += block
        return _xor(blocks(first + bytes(others)), masks)

    def _masks(self, count: int) -> bytes:
        mask = self._cipher.encryptor().update(bytes(BLOCK))
        made = bytearray()
        for _ in range(count):
            mask = _doubled(mask)
            made += mask
        return bytes(made)


def _doubled(block: bytes) -> bytes:
    """Multiply by 2 in GF(2^128), the lowest byte first."""
    number = int.from_bytes(block, "little") << 1
    if number >> 128:
        number = number & (1 << 128) - 1 ^ 0x87
    return number.to_bytes(BLOCK, "little")


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
