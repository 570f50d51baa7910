"""Rclone's obfuscated names: letters rotated within their alphabets, by the name's own sum and the key."""

from __future__ import annotations

_QUOTE = "!"
_BROKEN = "!."  # before names that are not Unicode
_LETTERS = 26


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
    shown = []
    letters = iter(body)
    for letter in letters:
        shown.append(next(letters, "") if letter == _QUOTE else _turned(letter, turn, forth=False))
    return "".join(shown)


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
    if 0xA0 <= code <= 0xFF:
        return chr(0xA0 + _moved(code - 0xA0, turn % 95 + 1, 96, forth=forth))
    if code >= 0x100:  # noqa: PLR2004 - beyond Latin-1, within a page of 256
        made = code - code % 256 + _moved(code % 256, turn % 127 + 1, 256, forth=forth)
        if made > 0x10FFFF or 0xD800 <= made <= 0xDFFF:
            return _QUOTE + letter
        return chr(made)
    return letter


def _moved(place: int, by: int, count: int, *, forth: bool) -> int:
    return (place + by if forth else place - by) % count
