"""What an FTP server answers (RFC 959, section 4.2), read line by line."""

from __future__ import annotations

from dataclasses import dataclass

from mover.errors import one_line

LONGEST_REPLIES = 1 << 20
"""Bytes of replies to the commands of one step, at most; no honest server comes near."""

_FIRST_REFUSAL = 400
_CODE = 3


@dataclass(frozen=True)
class Reply:
    """One reply, its lines without their ends.

    Attributes:
        code: Its three digits.
        lines: All its lines, the first and the last with the code.
    """

    code: int
    lines: tuple[bytes, ...]

    @property
    def is_refusal(self) -> bool:
        """The command failed, for now (4xx) or for good (5xx)."""
        return self.code >= _FIRST_REFUSAL

    @property
    def text(self) -> bytes:
        """What follows the code in the last line."""
        return self.lines[-1][_CODE + 1 :]

    @property
    def body(self) -> tuple[bytes, ...]:
        """The lines between the first and the last."""
        return self.lines[1:-1]

    @property
    def said(self) -> str:
        """All of it as text to show."""
        return one_line(b" ".join(self.lines).decode("utf-8", "replace"))


class Refusal(Exception):
    """The server refused a command.

    Attributes:
        reply: Its words.
    """

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.said)
        self.reply = reply

    @property
    def said(self) -> str:
        """The server's own words."""
        return self.reply.said


class ReplyReader:
    """Puts lines together to replies.

    Attributes:
        replies: Those complete so far, in their order, without preliminary ones (1xx).
        preliminary: How many 1xx replies came.
    """

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.preliminary = 0
        self._lines: list[bytes] = []
        self._size = 0

    @property
    def is_swamped(self) -> bool:
        """More came than is believed."""
        return self._size > LONGEST_REPLIES

    def feed(self, line: bytes) -> Reply | None:
        """Take a line with its end; return the reply that it completes, if it does."""
        self._size += len(line)
        bare = line.rstrip(b"\r\n")
        self._lines.append(bare)
        if not (bare[:_CODE].isdigit() and bare[_CODE : _CODE + 1] in {b"", b" "} and len(bare) >= _CODE):
            return None
        reply = Reply(int(bare[:_CODE]), tuple(self._lines))
        self._lines = []
        if reply.code < 200:  # noqa: PLR2004 - the codes of RFC 959 are best known as numbers
            self.preliminary += 1
        else:
            self.replies.append(reply)
        return reply
