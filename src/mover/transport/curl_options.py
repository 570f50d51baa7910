"""What libcurl is told: once for a handle, and for each thing that it does."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

from mover.transport.curl_library import pycurl
from mover.transport.ftp_access import FtpAccess, FtpRoute, FtpTls
from mover.transport.proxy import ProxyKind

_BUFFER: Final = 256 * 1024
_SUPPRESS_CONNECT_HEADERS = 265  # of curl.h; pycurl has no name for it
_STEPS_OF_CONNECTING = 3  # TCP, TLS, sign-in
_MS = 1000
_ROOT = b"/"


@dataclass(frozen=True)
class Step:
    """One thing that libcurl is told to do.

    Attributes:
        path: Absolute; a folder's ends with a slash.
        has_body: Bytes are transferred.
        uploads: They go to the server.
        command: In the place of LIST.
        byte_range: `from-to`, or `from-`.
        at_first: Commands at first; the step ends if one is refused.
        before: Commands then; these may be refused.
        just_before: Commands right before the transfer.
        to_the_end: Take all that comes, rather than as much as the server says that there is.
        by_entering: Change into the folder; else paths are given whole.
    """

    path: bytes = _ROOT
    has_body: bool = False
    uploads: bool = False
    command: bytes | None = None
    byte_range: str | None = None
    at_first: Sequence[bytes] = ()
    before: Sequence[bytes] = ()
    just_before: Sequence[bytes] = ()
    to_the_end: bool = False
    by_entering: bool = False

    def options(self, access: FtpAccess, route: FtpRoute) -> dict[int, Any]:
        """Return libcurl's options; None for those to be unset. An asterisk lets a command be refused."""
        return {
            pycurl.URL: _url(access, route, self.path),
            pycurl.NOBODY: int(not self.has_body),
            pycurl.UPLOAD: int(self.uploads),
            pycurl.FTP_FILEMETHOD: pycurl.FTPMETHOD_SINGLECWD if self.by_entering else pycurl.FTPMETHOD_NOCWD,
            pycurl.CUSTOMREQUEST: self.command,
            pycurl.RANGE: self.byte_range,
            pycurl.IGNORE_CONTENT_LENGTH: int(self.to_the_end),
            pycurl.QUOTE: [*self.at_first, *(b"*" + line for line in self.before)] or None,
            pycurl.PREQUOTE: list(self.just_before) or None,
        }


def lasting_options(access: FtpAccess, route: FtpRoute) -> dict[int, Any]:
    """Return what holds for a connection from its beginning to its end."""
    return {
        pycurl.NOSIGNAL: 1,
        pycurl.PROTOCOLS: pycurl.PROTO_FTP | pycurl.PROTO_FTPS,
        pycurl.USERNAME: access.username.encode(access.encoding),
        pycurl.PASSWORD: access.password.reveal().encode(access.encoding),
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.CONNECTTIMEOUT_MS: int(_STEPS_OF_CONNECTING * _MS * access.limits.connect_s),
        pycurl.TCP_KEEPALIVE: 1,
        pycurl.MAXCONNECTS: 1,
        pycurl.BUFFERSIZE: _BUFFER,
        pycurl.UPLOAD_BUFFERSIZE: _BUFFER,
        pycurl.FTP_SKIP_PASV_IP: 1,
        pycurl.FTP_USE_EPSV: int(access.extended_passive),
        pycurl.USE_SSL: pycurl.USESSL_NONE if access.tls is FtpTls.NEVER else pycurl.USESSL_ALL,
        pycurl.FTPSSLAUTH: pycurl.FTPAUTH_TLS,
        pycurl.SSLVERSION: pycurl.SSLVERSION_TLSv1_2,
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.KEYPASSWD: "",  # without one OpenSSL asks the terminal for the passphrase of a key, and waits
        **_trust(access),
        **_way(access, route),
    }


def _trust(access: FtpAccess) -> dict[int, Any]:
    """Say whom to trust: the named authorities, else those that Python's own TLS trusts on this machine."""
    system = ssl.get_default_verify_paths()
    places = {
        pycurl.CAINFO: access.ca_file or system.cafile,
        pycurl.CAPATH: None if access.ca_file else system.capath,
        pycurl.SSLCERT: access.client_certificate,
        pycurl.SSLKEY: access.client_key or access.client_certificate,
    }
    return {option: os.fsencode(place) for option, place in places.items() if place is not None}


def _way(access: FtpAccess, route: FtpRoute) -> dict[int, Any]:
    """Say how to get there; what the environment says about proxies does not count."""
    proxy = route.proxy
    if proxy is None:
        found = _pinned(route.host, access.port, route.addresses)
        return {pycurl.PROXY: "", pycurl.NOPROXY: "*", pycurl.RESOLVE: found}
    kinds = {ProxyKind.CONNECT: "http", ProxyKind.SOCKS5: "socks5h"}
    way: dict[int, Any] = {
        pycurl.PROXY: f"{kinds[proxy.kind]}://{_bracketed(proxy.host)}:{proxy.port}",
        pycurl.NOPROXY: "",
        pycurl.HTTPPROXYTUNNEL: 1,
        pycurl.PROXYAUTH: pycurl.HTTPAUTH_BASIC,
        _SUPPRESS_CONNECT_HEADERS: 1,
        pycurl.RESOLVE: _pinned(proxy.host, proxy.port, route.addresses),
    }
    if proxy.username is not None:
        # As bytes: of text pycurl takes ASCII only, and its error would hold the password.
        way[pycurl.PROXYUSERNAME] = proxy.username.encode()
        way[pycurl.PROXYPASSWORD] = proxy.password.reveal().encode() if proxy.password else b""
    return way


def _url(access: FtpAccess, route: FtpRoute, path: bytes) -> str:
    scheme = "ftps" if access.tls is FtpTls.IMPLICIT else "ftp"
    place = f"{scheme}://{_bracketed(route.host)}:{access.port}/"
    return place + quote_from_bytes(path, safe="")  # a leading %2F: absolute (RFC 1738, section 3.2.2)


def _pinned(host: str, port: int, addresses: Sequence[str]) -> list[str]:
    """Say what a name resolves to, so that libcurl does not ask; an address is itself."""
    if host in addresses or ":" in host:
        return []
    return [f"{host}:{port}:{','.join(map(_bracketed, addresses))}"]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
