"""How encrypted names are spelled: base32hex, base64url, or base32768 (qntm.org/safe), all without padding."""

from __future__ import annotations

import base64
import binascii
from functools import cache

from mover.sealing.crypt.settings import NameEncoding

_WIDE, _NARROW = 15, 7  # bits of a character, and of the last one
# First and last characters of runs of 32 that no service changes, by https://github.com/qntm/base32768.
_WIDE_RUNS = "ҠҿԀԟڀڿݠޟ߀ߟကဟႠႿᄀᅟᆀᆟᇠሿበቿዠዿጠጿᎠᏟᐠᙟᚠᛟកសᠠᡟᣀᣟᦀᦟ᧠᧿ᨠᨿᯀᯟᰀᰟᴀᴟ⇠⇿⋀⋟⍀⏟␀␟─❟➀➿⠀⥿⦠⦿⨠⩟⪀⪿⫠⭟ⰀⰟⲀⳟⴀⴟⵀⵟ⺠⻟㇀㇟㐀䶟䷀龿ꀀꑿ꒠꒿ꔀꗿꙀꙟꚠꛟ꜀ꝟꞀꞟꡀꡟ"
_NARROW_RUNS = "ƀƟɀʟ"


def spell_name(data: bytes, encoding: NameEncoding) -> str:
    """Spell an encrypted name."""
    match encoding:
        case NameEncoding.BASE32:
            return base64.b32hexencode(data).decode().rstrip("=").lower()
        case NameEncoding.BASE64:
            return base64.urlsafe_b64encode(data).decode().rstrip("=")
        case NameEncoding.BASE32768:
            return _spell_wide(data)


def unspell_name(name: str, encoding: NameEncoding) -> bytes:
    """Read what `spell_name` wrote. Raises ValueError: it is no such name."""
    data, same = b"", False
    match encoding:
        case NameEncoding.BASE32:
            padded = name.upper() + "=" * (-len(name) % 8)
            data = _decoded(base64.b32hexdecode, padded) if name.isascii() else b""
            same = spell_name(data, encoding) == name.lower()
        case NameEncoding.BASE64:
            padded = name + "=" * (-len(name) % 4)
            data = _decoded(base64.urlsafe_b64decode, padded) if name.isascii() else b""
            same = spell_name(data, encoding) == name
        case NameEncoding.BASE32768:
            data = _unspell_wide(name)
            same = _spell_wide(data) == name
    if not same or not data:
        raise ValueError("not an encrypted name")
    return data


def _decoded(decode: object, text: str) -> bytes:
    assert callable(decode)
    try:
        return bytes(decode(text))
    except binascii.Error:
        raise ValueError("not an encrypted name") from None


@cache
def _letters() -> tuple[str, str]:
    made = []
    for runs in (_WIDE_RUNS, _NARROW_RUNS):
        pairs = zip(runs[::2], runs[1::2], strict=True)
        made.append("".join(chr(code) for first, last in pairs for code in range(ord(first), ord(last) + 1)))
    return made[0], made[1]


@cache
def _values() -> tuple[dict[str, int], dict[str, int]]:
    wide, narrow = _letters()
    return ({letter: at for at, letter in enumerate(wide)}, {letter: at for at, letter in enumerate(narrow)})


def _spell_wide(data: bytes) -> str:
    wide, narrow = _letters()
    bits = "".join(f"{byte:08b}" for byte in data)
    cut = len(bits) // _WIDE * _WIDE
    text = "".join(wide[int(bits[at : at + _WIDE], 2)] for at in range(0, cut, _WIDE))
    rest = bits[cut:]
    if not rest:
        return text
    if len(rest) <= _NARROW:
        return text + narrow[int(rest.ljust(_NARROW, "1"), 2)]
    return text + wide[int(rest.ljust(_WIDE, "1"), 2)]


def _unspell_wide(name: str) -> bytes:
    wide, narrow = _values()
    bits = ""
    for at, letter in enumerate(name):
        if letter in wide:
            bits += f"{wide[letter]:0{_WIDE}b}"
        elif letter in narrow and at == len(name) - 1:
            bits += f"{narrow[letter]:0{_NARROW}b}"
        else:
            raise ValueError("not an encrypted name")
    whole = len(bits) // 8 * 8
    return int(bits[:whole] or "0", 2).to_bytes(whole // 8, "big")
