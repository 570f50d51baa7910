"""Addresses of the sign-in and of the storage: typed by a person, or named by a service that may be hostile."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from mover.errors import InvalidConfiguration

_LONGEST = 2048
_PATH = re.compile(r"[!-\"$->@-~]*")  # neither blanks nor ? nor #
_VERSIONED = re.compile(r"^(.*?)/v1(?:\.0)?(?:/|$)")


def check_address(url: str, *, plain: bool) -> str:
    """Return an address without its final slash.

    Which hosts may be called is the transport's business, as for every connection.

    Raises:
        InvalidConfiguration: It is not `https://host[:port]/path`, or `http://` without leave.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
        parts = urlsplit("")
    if not usable or len(url) > _LONGEST or not _PATH.fullmatch(url):
        raise InvalidConfiguration("expected an address such as https://host/path, without ? and #")
    if "@" in parts.netloc:
        raise InvalidConfiguration("user name and password go into keys of their own, not into an address")
    if parts.scheme == "http" and not plain:
        raise InvalidConfiguration("http:// sends everything in the clear; set plain=true to insist")
    return url.rstrip("/")


def encode(text: str) -> str:
    """Spell a path so that it arrives letter by letter; slashes stay."""
    return quote(text, safe="/")


def info_url(storage_url: str) -> str | None:
    """Return where the cluster describes itself: `/info` beside the version in the account's address."""
    parts = urlsplit(storage_url)
    found = _VERSIONED.match(parts.path)
    return f"{parts.scheme}://{parts.netloc}{found[1]}/info" if found else None


def shown_host(url: str) -> str:
    """The host of an address, for people."""
    return urlsplit(url).netloc
