"""Rclone's obfuscated names: letters rotated within their alphabets, by the name's own sum and the key."""

from __future__ import annotations

_QUOTE = "!"
_BROKEN = "!."  # before names that are not Unicode
_LETTERS = 26
_LATIN_1 = range(0xA0, 0x100)
_SURROGATES = range(0xD800, 0xE000)
_BEYOND_UNICODE = 0x110000


def obfuscate(name: str, key: bytes) -> str:
    """Obfuscate a name."""
    turn = sum(map(ord, name)) % 256
    turned = [_turned(letter, turn + sum(key), forth=True) for letter in name]
    return f"{turn}." + "".join(turned)


def reveal(name: str, key: bytes) -> str:
    """Undo `obfuscate`. Raises ValueError: the name is not obfuscated."""
    head, dot, body = name.partition(".")
    if head == _QUOTE and dot:
        return body
    if not dot or not head.isascii() or not head.isdecimal():
        raise ValueError("not an obfuscated name")
    turn = int(head) + sum(key)
    letters = iter(body)
    return "".join(
        next(letters, "") if letter == _QUOTE else _turned(letter, turn, forth=False) for letter in letters
    )


def _turned(letter: str, turn: int, *, forth: bool) -> str:
    code = ord(letter)
    if letter == _QUOTE:
        return _QUOTE * 2
    if letter.isascii() and letter.isdecimal():
        return chr(ord("0") + _moved(code - ord("0"), turn % 9 + 1, 10, forth=forth))
    if letter.isascii() and letter.isalpha():
        place = code - ord("A") - (6 if letter.islower() else 0)  # six characters stand between Z and a
        place = _moved(place, turn % 25 + 1, 2 * _LETTERS, forth=forth)
        return chr(ord("A") + place + (6 if place >= _LETTERS else 0))
    if code in _LATIN_1:
        return chr(_LATIN_1.start + _moved(code - _LATIN_1.start, turn % 95 + 1, 96, forth=forth))
    if code >= _LATIN_1.stop:  # within a page of 256
        made = code - code % 256 + _moved(code % 256, turn % 127 + 1, 256, forth=forth)
        if made >= _BEYOND_UNICODE or made in _SURROGATES:
            return _QUOTE + letter
        return chr(made)
    return letter


def _moved(place: int, by: int, count: int, *, forth: bool) -> int:
    return (place + by if forth else place - by) % count
