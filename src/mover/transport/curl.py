"""FTP through libcurl: one control connection, and the data connections that belong to it.

Everything here blocks and belongs to one thread (`mover.transport.ftp_link`): libcurl waits for the reply that ends a
transfer, and for those to commands after it, without going back to whoever drives it, so a shared loop would stand
still with every server that answers late. What libcurl decides by itself is only the order of the commands of one
step; connections are opened by the socket callback below, to the addresses of the route and no others, whatever a
server says in its reply to PASV.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote_from_bytes

# libcurl writes session keys wherever this points, from the moment that it is loaded.
os.environ.pop("SSLKEYLOGFILE", None)

import pycurl

from mover.errors import AddressRefused, MoverError, ProtocolViolation, TimedOut, Unreachable
from mover.transport.curl_failures import error_from_curl
from mover.transport.flow import FlowEndedError, Inflow, Outflow
from mover.transport.ftp_access import FtpAccess, FtpRoute, FtpTls
from mover.transport.ftp_replies import Refusal, Reply, ReplyReader
from mover.transport.proxy import ProxyKind

_BUFFER: Final = 256 * 1024
_GREETING = 220
# After these every command has had its reply. After others one may be under way: libcurl sends PASV when a server that
# refuses a transfer shuts the data connection of EPSV first, and whoever came next would get the reply to that.
_IN_STEP: Final = {
    pycurl.E_QUOTE_ERROR,
    pycurl.E_REMOTE_ACCESS_DENIED,
    pycurl.E_FTP_COULDNT_RETR_FILE,
    pycurl.E_REMOTE_FILE_NOT_FOUND,
    pycurl.E_UPLOAD_FAILED,
    pycurl.E_BAD_DOWNLOAD_RESUME,
}
_SUPPRESS_CONNECT_HEADERS = 265  # of curl.h; pycurl has no name for it
_ROOT = b"/"
_BINARY = b"TYPE I"


@dataclass(frozen=True)
class _Step:
    """One thing that libcurl is told to do. An asterisk before a command lets it be refused without an end to the rest."""

    url: str
    body: bool
    upload: bool = False
    custom: bytes | None = None
    byte_range: str | None = None
    before: Sequence[bytes] = ()
    just_before: Sequence[bytes] = ()
    after: Sequence[bytes] = ()
    by_entering: bool = False

    def options(self) -> dict[int, Any]:
        """Return libcurl's options; None for those to be unset."""
        return {
            pycurl.URL: self.url,
            pycurl.NOBODY: int(not self.body),
            pycurl.UPLOAD: int(self.upload),
            pycurl.FTP_FILEMETHOD: pycurl.FTPMETHOD_SINGLECWD if self.by_entering else pycurl.FTPMETHOD_NOCWD,
            pycurl.CUSTOMREQUEST: self.custom,
            pycurl.RANGE: self.byte_range,
            pycurl.QUOTE: [b"*" + line for line in self.before] or None,
            pycurl.PREQUOTE: list(self.just_before) or None,
            pycurl.POSTQUOTE: [b"*" + line for line in self.after] or None,
        }


class FtpWire:
    """One control connection; all but `abort` belongs to one thread.

    Args:
        access: The account.
        route: Where connections go.

    Attributes:
        calls: Commands that were answered so far.
        greeting: The server's first words.
        is_connected: The control connection stands, as far as is known.
        is_binary: TYPE I holds there.
        openings: Commands to begin every connection with, whatever is answered to them.
    """

    def __init__(self, access: FtpAccess, route: FtpRoute) -> None:
        self.calls = 0
        self.greeting: Reply | None = None
        self.is_connected = False
        self.is_binary = False
        self.openings: tuple[bytes, ...] = ()
        self._access = access
        self._route = route
        self._curl: pycurl.Curl | None = None
        self._reader = ReplyReader()
        self._connecting = False
        self._inflow: Inflow | None = None
        self._outflow: Outflow | None = None
        self._heard_at = 0.0
        self._answer_s = access.limits.answer_s
        self._problem: MoverError | None = None
        self._lock = threading.Lock()
        self._sockets: list[int] = []
        self._handed_over: socket.socket | None = None
        self._is_aborted = False

    def connect(self) -> list[Reply]:
        """Connect and sign in; the greeting is among the replies. Raises Refusal, and MoverError for what is no reply."""
        self.close()
        self._curl = self._handle()
        self._connecting = True
        try:
            replies = self._perform(_Step(self._url(_ROOT), body=False))
        finally:
            self._connecting = False
        self.greeting = replies[0] if replies else None
        self.is_connected = True
        self.is_binary = False
        if self.openings:
            self._perform(_Step(self._url(_ROOT), body=False, before=self.openings))
        return replies

    def commands(self, *lines: bytes, patience_s: float = 0.0) -> list[Reply]:
        """Send commands one after the other, whatever is answered, and return the reply to each.

        `patience_s` is added to how long a reply may take. Raises MoverError if the connection breaks, with the replies
        so far lost.
        """
        self._answer_s = self._access.limits.answer_s + patience_s
        try:
            replies = self._step(_Step(self._url(_ROOT), body=False, before=lines))
        finally:
            self._answer_s = self._access.limits.answer_s
        if len(replies) != len(lines):
            raise self._out_of_step()
        self.is_binary = self.is_binary or _BINARY in lines
        return replies

    def enter(self, folder: bytes) -> None:
        """Change into a folder. Raises Refusal."""
        self._step(_Step(self._url(folder.rstrip(b"/") + b"/"), body=False, by_entering=True))

    def list_folder(self, command: bytes, folder: bytes, into: Inflow, *, by_entering: bool) -> Reply:
        """Hand on what MLSD or LIST has to say about a folder, and return the server's last words about it.

        Args:
            command: Without the path.
            folder: Absolute path.
            into: Gets the bytes; its end is the caller's to tell.
            by_entering: Change into the folder, and send the command alone: LIST takes paths for patterns.

        Raises Refusal.
        """
        self._inflow = into
        try:
            return self._step(
                _Step(
                    self._url(folder.rstrip(b"/") + b"/"), body=True, custom=command, by_entering=by_entering
                )
            )[-1]
        finally:
            self._inflow = None
            self.is_binary = False

    def download(
        self,
        file: bytes,
        into: Inflow,
        *,
        offset: int = 0,
        last: int | None = None,
        after: Sequence[bytes] = (),
    ) -> list[Reply]:
        """Hand on the bytes of a file, and return the replies to the commands `after`.

        Args:
            file: Absolute path.
            into: Gets the bytes; its end is the caller's to tell.
            offset: Where to begin.
            last: Offset of the last byte that is wanted; None: to the end. A transfer that is stopped early costs the
                control connection.
            after: Commands after it.

        Raises Refusal, IntegrityError if fewer bytes came than the server had announced.
        """
        self._inflow = into
        try:
            replies = self._step(
                _Step(
                    self._url(file),
                    body=True,
                    after=after,
                    byte_range=f"{offset}-{'' if last is None else last}"
                    if offset or last is not None
                    else None,
                )
            )
        finally:
            self._inflow = None
        self.is_binary = True
        return replies[-len(after) :] if after else []

    def upload(
        self, file: bytes, source: Outflow, *, offset: int = 0, after: Sequence[bytes] = ()
    ) -> list[Reply]:
        """Send a file, or what follows `offset` in it, and return the replies to the commands `after`. Raises Refusal."""
        self._outflow = source
        just_before = (b"REST %d" % offset,) if offset else ()
        try:
            replies = self._step(
                _Step(self._url(file), body=True, upload=True, just_before=just_before, after=after)
            )
        finally:
            self._outflow = None
        self.is_binary = True
        return replies[-len(after) :] if after else []

    def looks_alive(self) -> bool:
        """Whether the control connection still stands: between steps a server that says something is taking its leave."""
        with self._lock:
            if not self.is_connected or not self._sockets:
                return False
            control = socket.socket(fileno=os.dup(self._sockets[0]))
        with control:
            control.setblocking(False)
            try:
                control.recv(1, socket.MSG_PEEK)
            except BlockingIOError:
                return True
            except OSError:
                return False
        return False

    def close(self) -> None:
        """Let go of the connection, politely if it stands."""
        self.is_connected = False
        if self._curl is not None:
            curl, self._curl = self._curl, None
            curl.close()

    def allow(self) -> None:
        """Forget that a step was aborted; called before the next is begun."""
        self._is_aborted = False

    def abort(self) -> None:
        """Break off what runs, from any thread: its sockets are shut, so that nothing waits for them any more."""
        with self._lock:
            self._is_aborted = True
            for number in self._sockets:
                with socket.socket(fileno=os.dup(number)) as shut:
                    try:
                        shut.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        continue  # it is broken already
        for flow in (self._inflow, self._outflow):
            if flow is not None:
                flow.abandon()

    def _handle(self) -> pycurl.Curl:
        access = self._access
        curl = pycurl.Curl()
        options: dict[int, Any] = {
            pycurl.NOSIGNAL: 1,
            pycurl.PROTOCOLS: pycurl.PROTO_FTP | pycurl.PROTO_FTPS,
            pycurl.USERNAME: access.username.encode(access.encoding),
            pycurl.PASSWORD: access.password.reveal().encode(access.encoding),
            pycurl.NETRC: pycurl.NETRC_IGNORED,
            pycurl.CONNECTTIMEOUT_MS: int(3000 * access.limits.connect_s),  # TCP, TLS, sign-in
            pycurl.TCP_KEEPALIVE: 1,
            pycurl.MAXCONNECTS: 1,
            pycurl.BUFFERSIZE: _BUFFER,
            pycurl.UPLOAD_BUFFERSIZE: _BUFFER,
            pycurl.FTP_SKIP_PASV_IP: 1,
            pycurl.FTP_USE_EPSV: int(access.extended_passive),
            pycurl.FTPSSLAUTH: pycurl.FTPAUTH_TLS,
            pycurl.SSLVERSION: pycurl.SSLVERSION_TLSv1_2,
            pycurl.SSL_VERIFYPEER: 1,
            pycurl.SSL_VERIFYHOST: 2,
            pycurl.USE_SSL: pycurl.USESSL_NONE if access.tls is FtpTls.NEVER else pycurl.USESSL_ALL,
            pycurl.NOPROGRESS: 0,
            pycurl.XFERINFOFUNCTION: self._on_progress,
            pycurl.HEADERFUNCTION: self._on_reply_line,
            pycurl.WRITEFUNCTION: self._on_data,
            pycurl.READFUNCTION: self._on_room,
            pycurl.OPENSOCKETFUNCTION: self._on_open,
            pycurl.SOCKOPTFUNCTION: self._on_opened,
            pycurl.CLOSESOCKETFUNCTION: self._on_close,
        }
        for option, value in (options | self._trust() | self._way()).items():
            curl.setopt(option, value)
        return curl

    def _trust(self) -> dict[int, Any]:
        """Say whom to trust: the named authorities, else those that Python's own TLS trusts on this machine."""
        access = self._access
        system = ssl.get_default_verify_paths()
        places = {
            pycurl.CAINFO: access.ca_file or system.cafile,
            pycurl.CAPATH: None if access.ca_file else system.capath,
            pycurl.SSLCERT: access.client_certificate,
            pycurl.SSLKEY: access.client_key or access.client_certificate,
        }
        return {option: str(place) for option, place in places.items() if place is not None}

    def _way(self) -> dict[int, Any]:
        proxy = self._route.proxy
        if proxy is None:
            host = self._route.host
            pinned = f"{host.strip('[]')}:{self._access.port}:{','.join(self._route.addresses)}"
            return {pycurl.PROXY: "", pycurl.NOPROXY: "*", pycurl.RESOLVE: [pinned]}
        kinds = {ProxyKind.CONNECT: "http", ProxyKind.SOCKS5: "socks5h"}
        way: dict[int, Any] = {
            pycurl.PROXY: f"{kinds[proxy.kind]}://{_bracketed(proxy.host)}:{proxy.port}",
            pycurl.NOPROXY: "",
            pycurl.HTTPPROXYTUNNEL: 1,
            pycurl.PROXYAUTH: pycurl.HTTPAUTH_BASIC,
            _SUPPRESS_CONNECT_HEADERS: 1,
            pycurl.RESOLVE: [f"{proxy.host}:{proxy.port}:{','.join(self._route.addresses)}"],
        }
        if proxy.username is not None:
            way[pycurl.PROXYUSERNAME] = proxy.username
            way[pycurl.PROXYPASSWORD] = proxy.password.reveal() if proxy.password else ""
        return way

    def _url(self, path: bytes) -> str:
        scheme = "ftps" if self._access.tls is FtpTls.IMPLICIT else "ftp"
        place = f"{scheme}://{_bracketed(self._route.host)}:{self._access.port}/"
        return place + quote_from_bytes(path, safe="")  # a leading %2F: absolute (RFC 1738, section 3.2.2)

    def _step(self, step: _Step) -> list[Reply]:
        """Have libcurl do one thing, and return all final replies.

        A server may hang up between two steps, after an error or an hour: then the connection is made anew, once. Nothing
        was done until a reply came, and every step of this module may begin again.
        """
        if self._curl is None or not self.looks_alive():
            self._reconnect()
            return self._perform(step)
        try:
            return self._perform(step)
        except Unreachable:
            if self._is_aborted or self._has_answered or (self._outflow is not None and self._outflow.taken):
                raise
        self._reconnect()
        return self._perform(step)

    def _reconnect(self) -> None:
        try:
            self.connect()
        except Refusal as refusal:
            raise Unreachable("the server does not let the account in again", said=refusal.said) from refusal

    @property
    def _has_answered(self) -> bool:
        return any(reply.code != _GREETING for reply in self._reader.replies)

    def _perform(self, step: _Step) -> list[Reply]:
        curl = self._curl
        assert curl is not None
        for option, value in step.options().items():
            if value is None:
                curl.unsetopt(option)
            else:
                curl.setopt(option, value)
        self._reader = ReplyReader()
        self._problem = None
        self._heard_at = time.monotonic()
        try:
            curl.perform()
        except pycurl.error as error:
            raise self._failure(curl, error) from None
        finally:
            self.calls += sum(reply.code != _GREETING for reply in self._reader.replies)
        return self._reader.replies

    def _failure(self, curl: pycurl.Curl, error: pycurl.error) -> Exception:
        """Say what a failed step means: first what this side decided, then what the server said, then libcurl's view."""
        code = int(error.args[0])
        outcome = error_from_curl(curl, code, self._access, self._route, connecting=self._connecting)
        last = self._reader.replies[-1] if self._reader.replies else None
        with self._lock:
            self.is_connected = code in _IN_STEP and len(self._sockets) == 1
        if not self.is_connected:
            self.close()
        if self._is_aborted:
            return Unreachable("the transfer was broken off")
        if self._problem is not None:
            return self._problem
        if last is not None and last.is_refusal:
            return Refusal(last)
        return outcome

    def _out_of_step(self) -> ProtocolViolation:
        self.is_connected = False
        return ProtocolViolation("the server's replies do not match the commands")

    # What libcurl calls. None of it may raise: libcurl could not pass it on.

    def _on_reply_line(self, line: bytes) -> int | None:
        self._heard_at = time.monotonic()
        reply = self._reader.feed(line)
        if self._reader.is_swamped:
            self._problem = ProtocolViolation("the server does not come to an end with its reply")
            return -1
        if reply is not None and reply.code == _GREETING and not self._connecting:
            # The server had hung up, and libcurl has called again; whatever was agreed on then is not any more.
            self._problem = Unreachable("the server has closed the connection meanwhile")
            return -1
        return None

    def _on_data(self, data: bytes) -> int | None:
        if self._inflow is None:
            return -1
        try:
            self._inflow.put(data)
        except FlowEndedError:
            return -1
        self._heard_at = time.monotonic()
        return None

    def _on_room(self, most: int) -> bytes | int:
        if self._outflow is None:
            return pycurl.READFUNC_ABORT
        try:
            data = self._outflow.take(most)
        except FlowEndedError:
            return pycurl.READFUNC_ABORT
        self._heard_at = time.monotonic()
        return data

    def _on_progress(self, *_sizes: int) -> int:
        """Break off when aborted, and when the server has been silent for too long; libcurl asks at least every second."""
        if self._is_aborted:
            return 1
        is_moving = self._reader.preliminary > 0 and len(self._sockets) > 1
        if self._outflow is not None and self._outflow.is_drained:
            is_moving = False
        limit_s = self._access.limits.read_s if is_moving else self._answer_s
        if time.monotonic() - self._heard_at <= limit_s:
            return 0
        self._problem = TimedOut(f"the server has been silent for {limit_s:g} s")
        return 1

    def _on_open(self, _purpose: int, address: Any) -> socket.socket | int:
        place = address.addr[0] if isinstance(address.addr, tuple) else None
        if place not in self._route.addresses:
            self._problem = AddressRefused("the server leads to an address that is not its own")
            return pycurl.SOCKET_BAD
        # libcurl works on a copy, which `_on_opened` sees next; this one must not outlive it, or nobody would see it closed.
        self._handed_over = socket.socket(address.family, address.socktype, address.protocol)
        return self._handed_over

    def _on_opened(self, number: int, _purpose: int) -> int:
        if self._handed_over is not None:
            self._handed_over.close()
        with self._lock:
            if self._is_aborted:
                return pycurl.SOCKOPT_ERROR
            self._sockets.append(number)
        return pycurl.SOCKOPT_OK

    def _on_close(self, number: int) -> int:
        with self._lock:
            if number in self._sockets:
                self._sockets.remove(number)
            os.close(number)
        return 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
