"""How values have to be spelled. Each function brings one into its usual form, or raises ValueError and says what to give."""

from __future__ import annotations

import base64
import binascii
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from mover.settings.addresses import ListenAt, networks
from mover.vault.secret import Secret

_SYSLOG_SCHEMES = {"udp", "tcp", "tls"}
_WEBHOOK_SECRET = "whsec_"  # noqa: S105 - how one begins
_SHORTEST_WEBHOOK_SECRET = 24
_PROXY_SCHEMES = ("http", "socks5", "socks5h")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_CONTACT = re.compile(r"mailto:[!-?A-~]+@[a-z0-9.-]+|https://[!-~]+|tel:\+[0-9().-]{3,30}", re.IGNORECASE)
_HTTPS_PORT = 443
_EVERY_ADDRESS = {"", "0.0.0.0", "::"}  # noqa: S104 - compared with, not listened on


def web_address(url: str) -> str:
    """An address to post to, `https://host:port/path`."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise ValueError("give https://host:port/path, without user name and password")
    return url


def syslog_address(url: str) -> str:
    """Where a syslog server is: `tls://host:port`, or `unix:///path`."""
    try:
        parts = urlsplit(url)
        bare = not (parts.query or parts.fragment or parts.username) and parts.port != 0
        if parts.scheme == "unix":
            usable = bare and not parts.netloc and parts.path.startswith("/") and len(parts.path) > 1
        else:
            usable = (
                bare and parts.scheme in _SYSLOG_SCHEMES and bool(parts.hostname) and parts.path in {"", "/"}
            )
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("give udp://host[:port], tcp://host[:port], tls://host[:port] or unix:///path")
    return url


def webhook_secret(secret: Secret) -> Secret:
    """A secret of Standard Webhooks, `whsec_...`."""
    try:
        key = base64.b64decode(secret.reveal().removeprefix(_WEBHOOK_SECRET), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not secret.reveal().startswith(_WEBHOOK_SECRET) or len(key) < _SHORTEST_WEBHOOK_SECRET:
        raise ValueError("give whsec_ and at least 24 random bytes in base64, as Standard Webhooks has it")
    return secret


def proxy(url: Secret) -> Secret:
    """An egress proxy; its address holds its password."""
    try:
        parts = urlsplit(url.reveal())
        usable = parts.scheme in _PROXY_SCHEMES and bool(parts.hostname) and bool(parts.port)
    except ValueError:
        usable = False
    else:
        usable = usable and parts.path in {"", "/"} and not parts.query and not parts.fragment
    if not usable:
        raise ValueError("give http://[user:password@]host:port or socks5h://[user:password@]host:port")
    return url


def host_and_port(address: str) -> str:
    """`host:port`."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:  # noqa: PLR2004 - TCP's
        raise ValueError("give host:port, such as temporal.example.org:7233")
    return address


def public_url(url: str) -> str:
    """Bring it into the form `https://host[:port]`, with the host in lower case."""
    parts = urlsplit("")
    try:
        parts = urlsplit(url)
        usable = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
        bare = parts.path in {"", "/"} and not parts.query and not parts.fragment and "@" not in parts.netloc
        place = parts.netloc.lower()
    except ValueError:
        usable, bare, place = False, False, ""
    if not usable or not bare or not url.isascii() or any(character.isspace() for character in url):
        raise ValueError(
            "give https://host[:port], without a path; it is what people type into their browsers"
        )
    return f"https://{place}"


def address_of(place: ListenAt) -> str:
    """What people type to reach a server of this machine."""
    host = "localhost" if place.host in _EVERY_ADDRESS else place.host
    host = f"[{host}]" if ":" in host else host
    # Port 0 stands for one that is not known before something listens there.
    return f"https://{host}" + ("" if place.port in {0, _HTTPS_PORT} else f":{place.port}")


def listed(given: object) -> object:
    """Take a list apart that the environment can only give as text with commas."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


def domains(given: object) -> object:
    """Domains of mail addresses, in lower case."""
    parts = listed(given)
    if not isinstance(parts, list | tuple):
        return parts
    found = tuple(str(domain).lower() for domain in parts)
    if any(not _DOMAIN.fullmatch(domain) for domain in found):
        raise ValueError("give domains of mail addresses, such as example.org, example.com")
    return found


def contacts(given: object) -> object:
    """Whom to tell of a weakness, as RFC 9116 spells it."""
    parts = listed(given)
    if not isinstance(parts, list | tuple):
        return parts
    found = tuple(f"mailto:{one}" if re.match(r"[^:/]+@", str(one)) else str(one) for one in parts)
    if any(not _CONTACT.fullmatch(contact) for contact in found):
        raise ValueError("give mail addresses, https://... or tel:+..., such as security@example.org")
    return found


def trusted_proxies(given: object) -> object:
    """Networks of proxies."""
    parts = listed(given)
    return networks(parts) if isinstance(parts, list | tuple) else parts


def absolute(path: Path) -> Path:
    """A path that does not depend on where Mover was started."""
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError("there is no home folder that ~ could stand for") from None


def readable_file(path: Path) -> Path:
    """A file that is there and can be read."""
    if not path.is_file():
        raise ValueError(f"there is no file {str(path)!r}")
    if not os.access(path, os.R_OK):
        raise ValueError(f"the file {str(path)!r} cannot be read")
    return path
