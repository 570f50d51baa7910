"""Names that are bytes, spelled as text and back without loss."""

from __future__ import annotations

import re

from mover.errors import NameRejected

QUOTE = "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}"

_SPELLED_BYTE = re.compile(QUOTE + "([89A-F][0-9A-F])")
_AMBIGUOUS_QUOTE = re.compile(QUOTE + "(?=[89A-F][0-9A-F])")
SPELLED_QUOTE = "".join(f"{QUOTE}{byte:02X}" for byte in QUOTE.encode())
_SURROGATE = re.compile("[\udc80-\udcff]")
_SURROGATE_BASE = 0xDC00  # PEP 383: byte 0xNN that cannot be decoded stands as U+DCNN


def text_from_bytes(raw: bytes) -> str:
    """Spell a name of any bytes as valid Unicode text; `bytes_from_text` gives the same bytes back.

    Valid UTF-8 is its own spelling, but for quotes that would be misread. Any other byte becomes the quote and
    two upper-case hexadecimal digits.
    """
    text = raw.decode("utf-8", "surrogateescape")
    if QUOTE in text:
        text = _AMBIGUOUS_QUOTE.sub(SPELLED_QUOTE, text)
    if text.isascii():
        return text
    return _SURROGATE.sub(lambda found: f"{QUOTE}{ord(found[0]) - _SURROGATE_BASE:02X}", text)


def bytes_from_text(text: str) -> bytes:
    """Return the bytes that a text spells: UTF-8, and quote with two digits for a single byte.

    Never yields an ASCII byte that the text does not show, so no slash, dot or NUL can hide in a spelling.

    Raises:
        NameRejected: The text has a lone surrogate, so it is not Unicode.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise NameRejected("the name is not valid Unicode", path=text) from None
    if QUOTE not in text:
        return raw
    spelled = _SPELLED_BYTE.sub(lambda found: chr(_SURROGATE_BASE + int(found[1], 16)), text)
    return spelled.encode("utf-8", "surrogateescape")


def is_spelling(text: str) -> bool:
    """Tell whether `text` is the way its bytes are spelled, so that it comes back from a byte service unchanged."""
    return QUOTE not in text or text_from_bytes(bytes_from_text(text)) == text
