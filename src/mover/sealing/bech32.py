"""Bech32 (BIP 173) without its limit of length: how age spells X25519 keys."""

from __future__ import annotations

from collections.abc import Iterable

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK = 6  # letters of the checksum


def bech32_encode(prefix: str, data: bytes) -> str:
    """Spell bytes, in lower case."""
    values = _regroup(data, 8, 5, pad=True)
    check = _polymod([*_expanded(prefix), *values, *[0] * _CHECK]) ^ 1
    values += [(check >> 5 * (_CHECK - 1 - at)) & 31 for at in range(_CHECK)]
    return f"{prefix}1{''.join(_LETTERS[value] for value in values)}"


def bech32_decode(text: str) -> tuple[str, bytes]:
    """Read what `bech32_encode` spelled, in one case: its prefix, in lower case, and the bytes.

    Raises ValueError: a typing error.
    """
    if not text.isascii() or text not in {text.lower(), text.upper()}:
        raise ValueError("it mixes capitals and small letters")
    prefix, one, letters = text.lower().rpartition("1")
    if not one or not prefix or len(letters) < _CHECK or any(letter not in _LETTERS for letter in letters):
        raise ValueError("it has letters that such a key cannot have")
    values = [_LETTERS.index(letter) for letter in letters]
    if _polymod([*_expanded(prefix), *values]) != 1:
        raise ValueError("its checksum is wrong: it was mistyped or cut off")
    return prefix, bytes(_regroup(values[:-_CHECK], 5, 8, pad=False))


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _polymod(values: Iterable[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            if top >> bit & 1:
                check ^= generator
    return check


def _regroup(values: Iterable[int], from_: int, to: int, *, pad: bool) -> list[int]:
    held = bits = 0
    result = []
    for value in values:
        held = held << from_ | value
        bits += from_
        while bits >= to:
            bits -= to
            result.append(held >> bits & (1 << to) - 1)
    left = held & (1 << bits) - 1
    if pad:
        return [*result, left << to - bits] if bits else result
    if bits >= from_ or left:
        raise ValueError("it ends in the middle of a byte")
    return result
