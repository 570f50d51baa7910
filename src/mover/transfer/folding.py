"""Text as it is compared where case and the spelling of accents do not matter."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Return text by which others are found that differ in case or in the spelling of accents only."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
