"""What libcurl's failures mean in the words of `mover.errors`."""

from __future__ import annotations

import re

from mover.errors import (
    IntegrityError,
    InvalidConfiguration,
    MoverError,
    ProtocolViolation,
    SignInFailed,
    TimedOut,
    Unreachable,
    UntrustedServer,
    one_line,
)
from mover.transport.curl_library import pycurl
from mover.transport.ftp_access import FtpAccess, FtpRoute, FtpTls
from mover.transport.proxy import http_refusal, socks_refusal

_E_PROXY = 97  # of curl.h; pycurl has no name for it
_PX_NO_AUTH, _PX_USER_REJECTED = 12, 33  # enum CURLproxycode in curl.h
_PX_REPLIES = {20: 1, 23: 2, 22: 3, 21: 4, 19: 5, 24: 6, 18: 7, 17: 8}  # to the codes of RFC 1928, section 6


_NUMBER = re.compile(r" \(\d+\)$")
_MEANING: dict[int, tuple[type[MoverError], str]] = {
    pycurl.E_OPERATION_TIMEDOUT: (TimedOut, "the server does not answer"),
    pycurl.E_COULDNT_CONNECT: (Unreachable, "no data connection"),
    pycurl.E_USE_SSL_FAILED: (UntrustedServer, "the server does not protect the connection by TLS"),
    pycurl.E_SSL_CERTPROBLEM: (InvalidConfiguration, "the client certificate cannot be used"),
    pycurl.E_SSL_CACERT_BADFILE: (InvalidConfiguration, "the certificates to trust cannot be used"),
    pycurl.E_LOGIN_DENIED: (SignInFailed, "the server does not accept the credentials"),
    pycurl.E_PARTIAL_FILE: (IntegrityError, "the server sent less of the file than it announced"),
    pycurl.E_BAD_DOWNLOAD_RESUME: (IntegrityError, "the file is shorter than it was"),
    pycurl.E_FTP_WEIRD_PASV_REPLY: (ProtocolViolation, "the server names no data connection"),
    pycurl.E_FTP_WEIRD_227_FORMAT: (ProtocolViolation, "the server names no data connection"),
    pycurl.E_FTP_WEIRD_SERVER_REPLY: (ProtocolViolation, "the server does not speak FTP as it should"),
}


def error_from_curl(
    curl: pycurl.Curl, code: int, access: FtpAccess, route: FtpRoute, *, connecting: bool
) -> MoverError:
    """Return what a failed step means that the server did not explain. libcurl's own texts are not shown."""
    where = f"{access.host}:{access.port}"
    if route.proxy is not None and (refused := _from_proxy(curl, code, access, route)) is not None:
        return refused
    match code:
        case pycurl.E_OPERATION_TIMEDOUT if connecting:
            return TimedOut(f"no connection to {where} within the limit")
        case pycurl.E_COULDNT_CONNECT if connecting:
            return Unreachable(f"no connection to {where}")
        case pycurl.E_PEER_FAILED_VERIFICATION:
            why = _NUMBER.sub("", curl.errstr().rpartition(": ")[2]) or "it is not the server's"
            return UntrustedServer(f"the certificate of {access.host} is not trusted: {one_line(why)}")
        case pycurl.E_SSL_CONNECT_ERROR:
            return _from_handshake(curl.errstr().lower(), access.host)
        case pycurl.E_RECV_ERROR | pycurl.E_SEND_ERROR if connecting and "alert" in curl.errstr().lower():
            return _from_handshake(curl.errstr().lower(), access.host)  # TLS 1.3 tells it after the handshake
        case pycurl.E_RECV_ERROR | pycurl.E_SEND_ERROR if connecting and _shows_no_certificate(access):
            # A reset may overtake the alert that would tell.
            return Unreachable(
                f"{access.host} broke off the connection during sign-in; perhaps it demands a client certificate"
            )
        case _:
            kind, message = _MEANING.get(code, (Unreachable, "the connection broke"))
            return kind(message)


def _shows_no_certificate(access: FtpAccess) -> bool:
    return access.tls is not FtpTls.NEVER and access.client_certificate is None


def _from_handshake(said: str, host: str) -> MoverError:
    if "alert" in said and ("certificate" in said or "unknown ca" in said):
        return SignInFailed(f"{host} demands a client certificate that it trusts")
    if "unexpected eof" in said or "syscall" in said or "reset by peer" in said:
        return Unreachable(f"{host} broke off the TLS connection")
    if "wrong version number" in said or "packet length" in said:
        return UntrustedServer(f"{host} does not speak TLS on that port")
    return UntrustedServer(f"no TLS connection with {host}: it offers nothing safe enough")


def _from_proxy(curl: pycurl.Curl, code: int, access: FtpAccess, route: FtpRoute) -> MoverError | None:
    proxy = route.proxy
    assert proxy is not None
    status = int(curl.getinfo(pycurl.HTTP_CONNECTCODE))
    if status >= 300:  # noqa: PLR2004 - statuses are best known as numbers
        return http_refusal(status, access.host, access.port)
    if code == _E_PROXY:
        why = int(curl.getinfo(pycurl.PROXY_ERROR))
        if why in {_PX_NO_AUTH, _PX_USER_REJECTED}:
            return InvalidConfiguration("the proxy does not accept its user name and password (MOVER_PROXY)")
        return socks_refusal(_PX_REPLIES.get(why), access.host, access.port)
    if code in {pycurl.E_COULDNT_RESOLVE_PROXY, pycurl.E_COULDNT_CONNECT}:
        return Unreachable(f"the proxy {proxy.host}:{proxy.port} could not be used")
    return None
