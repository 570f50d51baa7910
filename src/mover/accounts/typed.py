"""What people type: e-mail addresses and names, spelled one way, or refused in words that say why."""

from __future__ import annotations

import re
import unicodedata

from mover.accounts.refusals import NotAcceptable
from mover.errors import one_line

LONGEST_NAME = 100

# What HTML takes as an address (<input type=email>), a subset of RFC 5321: no quotes, comments, spaces, line ends.
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_EMAIL = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets


def email_address(text: str) -> str:
    """Return an address as it is kept: lower case, its domain in ASCII. Raises InvalidConfiguration."""
    local, at, domain = text.strip()[:1000].rpartition("@")
    try:
        spelled = (local + at + domain.encode("idna").decode("ascii")).lower()
    except UnicodeError:
        spelled = ""
    if len(spelled) > _LONGEST_EMAIL or not _EMAIL.fullmatch(spelled):
        raise NotAcceptable(f"{one_line(text, limit=80)!r} is not an e-mail address that mail can be sent to")
    return spelled


def domain_name(text: str) -> str:
    """Return a domain as it is compared: lower case, in ASCII. Raises InvalidConfiguration."""
    try:
        spelled = text.strip().removeprefix("@").encode("idna").decode("ascii").lower()
    except UnicodeError:
        spelled = ""
    if not _DOMAIN.fullmatch(spelled):
        raise NotAcceptable(f"{one_line(text, limit=80)!r} is not a domain such as example.org")
    return spelled


def shown_name(text: str, what: str, *, longest: int = LONGEST_NAME) -> str:
    """Return the name of something, without control characters and surrounding space. Raises InvalidConfiguration."""
    name = one_line(unicodedata.normalize("NFC", text[: longest * 4 + 4]), limit=longest * 4)
    if not name:
        raise NotAcceptable(f"{what} needs a name")
    if len(name) > longest:
        raise NotAcceptable(f"the name of {what} is longer than {longest} characters")
    return name
