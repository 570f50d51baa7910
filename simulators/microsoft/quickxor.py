"""QuickXorHash ("Code Snippets: QuickXorHash Algorithm"): each byte is XORed in at a place 11 bits further, in a ring of 160.

Bytes whose places are the same stand 160 apart, so all blocks of 160 bytes are laid over each other first.
"""

from __future__ import annotations

import base64

from simulators.blobs import Blob

_BITS = 160
_SHIFT = 11
_RING = (1 << _BITS) - 1


def quick_xor_hash(blob: Blob) -> str:
    """Hash a content; base64 as Graph prints it."""
    laid = bytearray(_BITS)
    length = 0
    rest = b""
    for piece in blob.pieces():
        data = rest + piece
        whole = len(data) - len(data) % _BITS
        _lay(laid, data[:whole])
        rest = data[whole:]
        length += len(piece)
    _lay(laid, rest.ljust(_BITS, b"\0") if rest else b"")
    ring = 0
    for place, byte in enumerate(laid):
        shift = place * _SHIFT % _BITS
        ring ^= ((byte << shift) | (byte << shift >> _BITS)) & _RING
    ring ^= length << (_BITS - 64)
    return base64.b64encode((ring & _RING).to_bytes(20, "little")).decode()


def _lay(laid: bytearray, data: bytes) -> None:
    """XOR blocks over each other, halving what is left each time."""
    while len(data) > _BITS:
        half = (len(data) // _BITS + 1) // 2 * _BITS
        first, second = data[:half], data[half:]
        joined = int.from_bytes(first, "little") ^ int.from_bytes(second, "little")
        data = joined.to_bytes(half, "little")
    if data:
        laid[:] = (int.from_bytes(laid, "little") ^ int.from_bytes(data, "little")).to_bytes(_BITS, "little")
