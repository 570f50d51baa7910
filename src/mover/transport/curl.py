"""FTP through libcurl: one control connection, and the data connections that belong to it.

Everything here blocks and belongs to one thread (`mover.transport.ftp_link`): libcurl waits for the reply that ends a
transfer, and for those to commands after it, without going back to whoever drives it, so a shared loop would stand
still with every server that answers late. What libcurl decides by itself is only the order of the commands of one
step; connections are opened by the socket callback below, to the addresses of the route and no others, whatever a
server says in its reply to PASV.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from mover.errors import MoverError, ProtocolViolation, TimedOut, Unreachable
from mover.transport.curl_failures import error_from_curl
from mover.transport.curl_library import pycurl
from mover.transport.curl_options import Step, lasting_options
from mover.transport.curl_sockets import CurlSockets
from mover.transport.flow import FlowEndedError, Inflow, Outflow
from mover.transport.ftp_access import FtpAccess, FtpRoute, FtpTls
from mover.transport.ftp_replies import Refusal, Reply, ReplyReader

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
# With these a connection broke: what was answered before it did is no reason.
_BROKEN: Final = {
    pycurl.E_RECV_ERROR,
    pycurl.E_SEND_ERROR,
    pycurl.E_GOT_NOTHING,
    pycurl.E_OPERATION_TIMEDOUT,
}
_GOODBYE = 421
_BINARY = b"TYPE I"


class _HungUp(Unreachable):
    """The connection ended after a refusal, as some servers end it after each.

    Attributes:
        replies: What had been answered until then.
    """

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__("the server has hung up", said=replies[-1].said)
        self.replies = replies


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
        self._entered = b""
        self._received = 0
        self._answer_s = access.limits.answer_s
        self._problem: MoverError | None = None
        self._sockets = CurlSockets(route.addresses)

    def connect(self) -> list[Reply]:
        """Connect and sign in; the greeting is among the replies. Raises Refusal, and MoverError for what is no reply."""
        self.close()
        if self._sockets.is_shut:
            raise Unreachable("the connection was broken off")
        self._curl = self._handle()
        self._connecting = True
        try:
            replies = self._perform(Step())
        finally:
            self._connecting = False
        self.greeting = replies[0] if replies else None
        self.is_connected = True
        self.is_binary = False
        if self.openings:
            self._perform(Step(before=self.openings))
        return replies

    def commands(self, *lines: bytes, patience_s: float = 0.0) -> list[Reply]:
        """Send commands one after the other, whatever is answered, and return the reply to each.

        `patience_s` is added to how long a reply may take. Raises MoverError if the connection breaks, with the replies
        so far lost.
        """
        self._answer_s = self._access.limits.answer_s + patience_s
        replies: list[Reply] = []
        try:
            while len(replies) < len(lines):
                try:
                    replies += self._step(Step(before=lines[len(replies) :]))
                    break
                except _HungUp as end:  # the other commands are for the next connection
                    replies += end.replies
        finally:
            self._answer_s = self._access.limits.answer_s
        if len(replies) != len(lines):
            raise self._out_of_step()
        self.is_binary = self.is_binary or _BINARY in lines
        return replies

    def enter(self, folder: bytes) -> None:
        """Change into a folder. Raises Refusal."""
        self._step(self._entering(Step(_as_folder(folder), by_entering=True)))

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
            step = Step(_as_folder(folder), has_body=True, command=command, by_entering=by_entering)
            return self._step(self._entering(step) if by_entering else step)[-1]
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
        if last is not None:
            step = Step(file, has_body=True, byte_range=f"{offset}-{last}")
        elif offset:
            # libcurl would stop after as many bytes as it expects, and not notice that the server began at 0.
            step = Step(file, has_body=True, just_before=(b"REST %d" % offset,), to_the_end=True)
        else:
            step = Step(file, has_body=True)
        self._inflow = into
        self._received = 0
        try:
            self._step(step)
        except Unreachable:  # a server may hang up when it is interrupted
            if last is None or self._received <= last - offset:
                raise
        finally:
            self._inflow = None
            if last is not None:
                self.close()  # libcurl has interrupted the server, and does not trust the connection any more
        self.is_binary = True
        return self.commands(*after)

    def upload(
        self, file: bytes, source: Outflow, *, offset: int = 0, after: Sequence[bytes] = ()
    ) -> list[Reply]:
        """Send a file, or what follows `offset` in it, and return the replies to the commands `after`. Raises Refusal."""
        self._outflow = source
        # libcurl does not read why a server ended an upload; in the clear it can be read all the same.
        self._sockets.hears_out = self._access.tls is FtpTls.NEVER
        just_before = (b"REST %d" % offset,) if offset else ()
        try:
            self._step(Step(file, has_body=True, uploads=True, just_before=just_before))
        finally:
            self._outflow = None
            self._sockets.hears_out = False
        self.is_binary = True
        return self.commands(*after)

    def looks_alive(self) -> bool:
        """Whether the control connection still stands: between steps a server that says something is taking its leave."""
        return self.is_connected and self._sockets.first_is_quiet()

    def close(self) -> None:
        """Let go of the connection, politely if it stands."""
        self.is_connected = False
        if self._curl is not None:
            curl, self._curl = self._curl, None
            curl.close()

    def allow(self) -> None:
        """Forget that a step was aborted; called before the next is begun."""
        self._sockets.is_shut = False

    def abort(self) -> None:
        """Break off what runs, from any thread: its sockets are shut, so that nothing waits for them any more."""
        self._sockets.shut()
        for flow in (self._inflow, self._outflow):
            if flow is not None:
                flow.abandon()

    def _entering(self, step: Step) -> Step:
        """Have a folder entered that libcurl believes to be in: it may be gone since, or another one of that name."""
        again, self._entered = self._entered == step.path, step.path
        return replace(step, at_first=(b"CWD " + (step.path.rstrip(b"/") or b"/"),)) if again else step

    def _handle(self) -> pycurl.Curl:
        curl = pycurl.Curl()
        callbacks = {
            pycurl.NOPROGRESS: 0,
            pycurl.XFERINFOFUNCTION: self._on_progress,
            pycurl.HEADERFUNCTION: self._on_reply_line,
            pycurl.WRITEFUNCTION: self._on_data,
            pycurl.READFUNCTION: self._on_room,
        }
        for option, value in {
            **lasting_options(self._access, self._route),
            **self._sockets.options(),
            **callbacks,
        }.items():
            curl.setopt(option, value)
        return curl

    def _step(self, step: Step) -> list[Reply]:
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
            if (
                self._sockets.is_shut
                or self._has_answered
                or (self._outflow is not None and self._outflow.taken)
            ):
                raise
        self._reconnect()
        return self._perform(step)

    def _reconnect(self) -> None:
        try:
            self.connect()
        except Refusal as refusal:
            raise Unreachable("the server does not let the account in again", said=refusal.said) from refusal
        # Whoever asks for a size relies on what held before: in the other type it may look as if no file were there.
        self._perform(Step(before=(_BINARY,)))
        self.is_binary = True

    @property
    def _has_answered(self) -> bool:
        return any(reply.code != _GREETING for reply in self._reader.replies)

    def _perform(self, step: Step) -> list[Reply]:
        curl = self._curl
        assert curl is not None
        curl.setopt(pycurl.FTP_RESPONSE_TIMEOUT, math.ceil(self._answer_s))
        for option, value in step.options(self._access, self._route).items():
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
        is_explained = code not in _BROKEN or self._connecting
        if code == pycurl.E_SEND_ERROR:
            for line in self._sockets.last_words.splitlines(keepends=True):
                is_explained = self._reader.feed(line) is not None or is_explained
        self._sockets.last_words = b""
        last = self._reader.replies[-1] if self._reader.replies else None
        problem = self._problem or self._sockets.refused
        self._sockets.refused = None
        self.is_connected = code in _IN_STEP and len(self._sockets) == 1
        if not self.is_connected:
            self.close()
        if self._sockets.is_shut:
            return Unreachable("the transfer was broken off")
        if problem is not None:
            return problem
        if last is not None and last.is_refusal:
            if is_explained or last.code == _GOODBYE:
                return Refusal(last)
            if code != pycurl.E_OPERATION_TIMEDOUT:
                return _HungUp(self._reader.replies)
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
        self._received += len(data)
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
        if self._sockets.is_shut:
            return 1
        is_moving = self._reader.preliminary > 0 and len(self._sockets) > 1
        if self._outflow is not None and self._outflow.is_drained:
            is_moving = False
        limit_s = self._access.limits.read_s if is_moving else self._answer_s
        if time.monotonic() - self._heard_at <= limit_s:
            return 0
        self._problem = TimedOut(f"the server has been silent for {limit_s:g} s")
        return 1


def _as_folder(path: bytes) -> bytes:
    return path.rstrip(b"/") + b"/"
