"""Where Box is, and how its things are addressed.

Source: Box Platform API 2024.0, `servers`; guide "Allowing domain access".
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mover.errors import NotFound, ProtocolViolation

API = "https://api.box.com/2.0"
UPLOAD = "https://upload.box.com/api/2.0"
AUTHORIZE = "https://account.box.com/api/oauth2/authorize"
TOKEN = "https://api.box.com/oauth2/token"  # noqa: S105 - an address
REVOKE = "https://api.box.com/oauth2/revoke"

FILE = "file"
FOLDER = "folder"
WEB_LINK = "web_link"
WORDS = {FILE: "files", FOLDER: "folders", WEB_LINK: "web_links"}
"""What the kinds of entries are called in addresses."""

ROOT_ID = "0"
"""Of everybody's own root folder."""

_OUR_ID = re.compile(r"(file|folder|web_link)-([0-9]{1,20})")
_NUMBER = re.compile(r"[0-9]{1,20}")
_ITS_DOMAINS = (".box.com", ".boxcloud.com")
HOSTS = tuple(f"*{domain}" for domain in _ITS_DOMAINS)
"""Where its connections lead: uploads and downloads go to hosts that the service names."""


def number(text: str) -> str:
    """Return an id that Box gave, which is a number. Raises ProtocolViolation for anything else."""
    if not _NUMBER.fullmatch(text):
        raise ProtocolViolation("the service gave an id that is no number")
    return text


def id_of(kind: str, its_id: str) -> str:
    """Return the id of an entry: Box's numbers are told apart by the kind only, and calls by the kind's word."""
    return f"{kind}-{number(its_id)}"


def read_id(text: str) -> tuple[str, str]:
    """Return kind and number of an entry's id. Raises NotFound for what is none."""
    found = _OUR_ID.fullmatch(text)
    if found is None:
        raise NotFound("there is no such entry")
    return found[1], found[2]


def its_own(url: str) -> str:
    """Return an address that Box named, if it is at Box: the token goes there. Raises ProtocolViolation."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if (
        parts.scheme != "https"
        or port not in {None, 443}
        or not host.endswith(_ITS_DOMAINS)
        or "@" in parts.netloc
    ):
        raise ProtocolViolation("the service names an address that is not its own")
    return url
