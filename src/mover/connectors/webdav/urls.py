"""Paths to URLs and back, percent-encoded as bytes so that every name survives (RFC 3986)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import quote, unquote_to_bytes, urlsplit

from mover.errors import ProtocolViolation
from mover.naming import bytes_from_text, text_from_bytes

_LONGEST_HREF = 32 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Root:
    """The folder on the server that is the root of a connection.

    Attributes:
        origin: Scheme, host and port, without a final slash.
        path: Percent-encoded, begins and ends with a slash.
        byte_names: Names are bytes to the server, not text: those that are not UTF-8 are spelled (`mover.naming`).
    """

    origin: str
    path: str
    byte_names: bool = False

    @classmethod
    def at(cls, url: str) -> Root:
        """Read an address typed by a person; its path may be percent-encoded, in part or not at all."""
        parts = urlsplit(url)
        path = "/".join(
            quote(unquote_to_bytes(segment), safe="~") for segment in parts.path.split("/") if segment
        )
        return cls(origin_of(url), f"/{path}/" if path else "/")

    def folder_url(self, path: str) -> str:
        """Return the address of a folder; a final slash, since some servers demand it (nginx) and others redirect."""
        return self.file_url(path) + "/" if path != "/" else self.origin + self.path

    def file_url(self, path: str) -> str:
        """Return the address of a file."""
        return self.origin + self.path + quote(self.bytes_of(path[1:]), safe="/~")

    def bytes_of(self, text: str) -> bytes:
        """Return a name or path as the server stores it."""
        return bytes_from_text(text) if self.byte_names else text.encode()

    def text_of(self, raw: bytes) -> str:
        """Return a name of the server's as text; the reverse of `bytes_of` for every name that such a server has."""
        if self.byte_names:
            return text_from_bytes(raw)
        try:
            return raw.decode()
        except UnicodeDecodeError:  # shown, though such a server will hardly find it under any address
            return text_from_bytes(raw)

    def beside(self, path: str) -> Root:
        """Return another root on the same server; `path` as in the attribute."""
        return replace(self, path=path)


def origin_of(url: str) -> str:
    """Return scheme, host and port of an absolute URL in one spelling, so that equal origins are equal text."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return f"{scheme}://{host}" if port in {None, _DEFAULT_PORTS.get(scheme)} else f"{scheme}://{host}:{port}"


def target_of(url: str) -> str:
    """Return what stands in the request line: everything after the origin."""
    return url[url.index("/", url.index("//") + 2) :]


def path_of_href(href: str) -> str:
    """Return the path of an href in a listing, still encoded.

    An absolute href (RFC 4918 section 8.3) counts by its path alone: behind a proxy servers name their inner host and
    scheme, and no request ever goes to an href.
    """
    href = href.strip()
    if href.startswith("/"):
        return href
    _, separator, rest = href.partition("://")
    slash = rest.find("/")
    if not separator or slash < 0:
        raise ProtocolViolation(
            "the server names an entry in a form that WebDAV does not allow", said=href[:200]
        )
    return rest[slash:]


def segments_of(path: str) -> tuple[bytes, ...]:
    """Split an encoded path into the bytes of its names; empty ones (doubled or final slashes) do not count."""
    return tuple(unquote_to_bytes(segment) for segment in path.split("/") if segment)


class FolderHrefs:
    """Tells names from the hrefs of one folder's listing, and refuses hrefs that lead elsewhere.

    A folder of another place, a grandchild, `..` in any encoding: none of them is an entry of the folder that was
    asked for, and a listing with one is refused as a whole, because dropping it silently could lose a file.
    """

    def __init__(self, folder_url: str) -> None:
        self._folder = segments_of(target_of(folder_url))
        self._spelling: str | None = None

    def name(self, href: str) -> bytes | None:
        """Return the name's bytes; None for the folder itself. Raises ProtocolViolation for anything else."""
        if len(href) > _LONGEST_HREF:
            raise ProtocolViolation("the server names an entry of absurd length")
        path = path_of_href(href)
        # All entries of a listing spell their folder alike, so the first that was checked opens the fast lane.
        if self._spelling is not None and path.startswith(self._spelling):
            last = path[len(self._spelling) :].removesuffix("/")
            if last and "/" not in last:
                return _checked(unquote_to_bytes(last))
        segments = segments_of(path)
        if segments == self._folder:
            return None
        if segments[:-1] != self._folder:
            raise ProtocolViolation(
                "the server lists an entry that is not in the folder asked for", said=href[:200]
            )
        self._spelling = path.rstrip("/").rpartition("/")[0] + "/"
        return _checked(segments[-1])


def _checked(name: bytes) -> bytes:
    if name in {b".", b".."} or b"\0" in name:
        raise ProtocolViolation("the server lists an entry with a name that cannot be one", said=repr(name))
    return name
