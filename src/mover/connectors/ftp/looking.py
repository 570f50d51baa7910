"""Looking at one entry: by MLST, or by SIZE and MDTM at servers without it.

The commands can also stand among others, before or after a transfer, so that looking costs no step of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from mover.connectors.ftp.facts import Facts, read_line, read_size, read_time
from mover.connectors.ftp.failures import is_absence, not_understood
from mover.connectors.ftp.features import Traits
from mover.entries import EntryKind
from mover.errors import ProtocolViolation
from mover.transport.curl import FtpWire
from mover.transport.ftp_replies import Refusal, Reply

_LISTED, _TOLD = 250, 213
_BINARY = b"TYPE I"  # SIZE tells another number, or none, in the other type (RFC 3659, section 4)


class Looker:
    """Asks about entries and understands the answers.

    Args:
        traits: Of the server.
    """

    def __init__(self, traits: Traits) -> None:
        self._traits = traits

    def questions(self, path: bytes) -> tuple[bytes, ...]:
        """Return the commands that ask about a file; on a connection in binary type, as it is after every transfer."""
        if self._traits.has_mlst:
            return (b"MLST " + path,)
        return (b"SIZE " + path, *((b"MDTM " + path,) if self._traits.has_mdtm else ()))

    def answer(self, replies: Sequence[Reply]) -> Facts | None:
        """Understand the replies to `questions`; None: no file is there. Raises Refusal if that cannot be told.

        Without MLST a folder looks like nothing.
        """
        if self._traits.has_mlst:
            return _from_mlst(replies[0])
        size = _size(replies[0])
        if size is None:
            return None
        told = replies[1] if self._traits.has_mdtm else None
        modified_ns = None if told is None or told.is_refusal else read_time(told.text.strip())
        return Facts(kind=EntryKind.FILE, size=size, modified_ns=modified_ns)

    def size_question(self, path: bytes) -> bytes:
        """Return the command whose reply `size_answer` understands."""
        return self.questions(path)[0]

    def size_answer(self, reply: Reply) -> int | None:
        """Return the size of a file; None if it is not there or the server does not say."""
        if not self._traits.has_mlst:
            return _size(reply)
        found = _from_mlst(reply)
        return None if found is None else found.size

    def look(self, wire: FtpWire, path: bytes) -> Facts | None:
        """Look at an entry, file or folder; None if there is none. One call, up to four without MLST."""
        if self._traits.has_mlst:
            return self.answer(wire.commands(*self.questions(path)))
        found = self.look_for_file(wire, path)
        if found is None and is_folder(wire, path):
            return Facts(kind=EntryKind.FOLDER)
        return found

    def look_for_file(self, wire: FtpWire, path: bytes) -> Facts | None:
        """Look at what is expected to be a file or nothing."""
        preparing = () if self._traits.has_mlst or wire.is_binary else (_BINARY,)
        replies = wire.commands(*preparing, *self.questions(path))
        return self.answer(replies[len(preparing) :])


def is_folder(wire: FtpWire, path: bytes) -> bool:
    """Tell whether a path can be changed into. Raises Refusal if that cannot be told."""
    try:
        wire.enter(path)
    except Refusal as refusal:
        if is_absence(refusal.reply):
            return False
        raise
    return True


def _size(reply: Reply) -> int | None:
    if reply.is_refusal:
        if is_absence(reply):
            return None
        raise Refusal(reply)
    size = read_size(reply.text.strip()) if reply.code == _TOLD else None
    if size is None:
        raise not_understood(reply)
    return size


def _from_mlst(reply: Reply) -> Facts | None:
    if reply.is_refusal:
        if is_absence(reply):
            return None
        raise Refusal(reply)
    for line in reply.body if reply.code == _LISTED else ():
        if b"=" in line:
            return read_line(line)[1]
    raise ProtocolViolation("the server does not say what it found", said=reply.said)
