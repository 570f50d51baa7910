"""Text from outside, made safe to look at: what cannot be seen, or turns the text around it, is spelled out."""

from __future__ import annotations

import re
import unicodedata

_SUSPICIOUS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""Controls but tab and line ends; marks, overrides and isolates of direction; characters without a shape; half pairs."""

_FIRST_PICTURE = 0x2400
_DELETE = 0x7F


def visible(text: str) -> str:
    """Replace each character that would hide or mislead by a picture or `⟨U+202E⟩`.

    Line ends and tabs stay, as do the joiners that emoji and several scripts need. The result can be encoded.
    """
    return _SUSPICIOUS.sub(_spelled, text)


def visible_name(text: str) -> str:
    """The same for a name or path, in which a line end is as odd as any control character."""
    return visible(text).translate({ord("\n"): "␊", ord("\r"): "␍", ord("\t"): "␉"})


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    if unicodedata.category(found[0]) == "Cc" and code <= _DELETE:
        return "␡" if code == _DELETE else chr(_FIRST_PICTURE + code)
    return f"⟨U+{code:04X}⟩"
