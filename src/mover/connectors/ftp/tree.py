"""Paths and names as the server spells them, and nothing in them that could be a second command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mover.errors import NameRejected, ProtocolViolation
from mover.naming import FTP, FTP_WINDOWS, NameRules, bytes_from_text, text_from_bytes

_FIRST_PRINTABLE: Final = 0x20
_IAC: Final = (
    b"\xff"  # begins a command of Telnet, which the control connection speaks (RFC 959, section 4.1.3)
)
_ASTERISK: Final = "*\N{FULLWIDTH ASTERISK}"
_BACKSLASH: Final = "\\\N{FULLWIDTH REVERSE SOLIDUS}"
_BLANK: Final = " \N{SYMBOL FOR SPACE}"


@dataclass(frozen=True)
class Manners:
    """What a server does to names on its way to its disk.

    Attributes:
        is_windows: It runs on Windows, whose rules then are all that count.
        refuses: Characters that it does not take, each with its look-alike: ProFTPD makes no folder with an asterisk,
            Pure-FTPd nothing with a backslash.
        keeps_last_blank: It keeps a blank at the end of a command; Pure-FTPd takes it away, and Windows would.
        byte_255: What gives the byte 255 to it, with which commands of Telnet begin: ProFTPD wants it doubled, vsftpd
            and Pure-FTPd as it is. None: nobody knows.
    """

    is_windows: bool = False
    refuses: tuple[str, ...] = (_ASTERISK, _BACKSLASH)
    keeps_last_blank: bool = False
    byte_255: bytes | None = None

    def rules(self, spelling: Spelling) -> NameRules:
        """Return what names the server takes."""
        if self.is_windows:
            return replace(FTP_WINDOWS, byte_names=spelling.is_utf8)
        return replace(
            FTP,
            byte_names=spelling.is_utf8,
            look_alikes=self.refuses,
            trailing=() if self.keeps_last_blank else (_BLANK,),
        )


def manners_of(product: str) -> Manners:
    """Return those of a server by what it calls itself; careful ones if that is not known."""
    name = product.lower().replace("-", "")
    if "proftpd" in name:
        return Manners(refuses=(_ASTERISK,), keeps_last_blank=True, byte_255=_IAC + _IAC)
    if "vsftpd" in name:
        return Manners(refuses=(), keeps_last_blank=True, byte_255=_IAC)
    if "pureftpd" in name:
        return Manners(refuses=(_BACKSLASH,), byte_255=_IAC)
    return Manners(is_windows="microsoft" in name or "windows" in name or "filezilla server" in name)


class Spelling:
    """From text to the server's bytes and back.

    In UTF-8 any name of bytes can be spelled, as at other services of byte names; in another encoding only what it has.

    Args:
        encoding: As `FtpConfig.encoding` has it.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._is_utf8 = encoding.lower().replace("_", "-") in {"utf-8", "utf8"}

    @property
    def is_utf8(self) -> bool:
        """The server may be told so (OPTS UTF8 ON)."""
        return self._is_utf8

    def encode(self, text: str) -> bytes:
        """Return the bytes of a name or path. Raises NameRejected."""
        if self._is_utf8:
            return bytes_from_text(text)
        try:
            return text.encode(self._encoding)
        except UnicodeEncodeError:
            raise NameRejected(f"the name cannot be spelled in {self._encoding}", path=text) from None

    def decode(self, raw: bytes) -> str:
        """Return a name as text.

        Raises ProtocolViolation for one that is not spelled in the server's encoding, or not in the way in which this
        side would: it could not be named to the server again, and another entry might have what comes of it.
        """
        if self._is_utf8:
            return text_from_bytes(raw)
        try:
            text = raw.decode(self._encoding)
            if text.encode(self._encoding) == raw:
                return text
        except UnicodeError:
            pass  # as for what is spelled otherwise
        raise ProtocolViolation(
            f"the server listed a name that is not spelled in {self._encoding}", said=repr(raw)
        )


class Tree:
    """The part of a server's files that a connection shows.

    Args:
        start: Absolute path, as the server spells it, of what is `/` of the connection.
        spelling: Of the server.
        manners: Of the server.
    """

    def __init__(self, start: bytes, spelling: Spelling, manners: Manners) -> None:
        self._start = start.rstrip(b"/")
        self._manners = manners
        self.spelling = spelling

    def locate(self, path: str) -> bytes:
        """Return the server's path of an entry. Raises NameRejected for one that no command can carry."""
        raw = self.spelling.encode(path)
        if raw != b"/" and any(name in {b"", b".", b".."} for name in raw.split(b"/")[1:]):
            raise NameRejected("no entry can be at such a path", path=path)
        return self.fit_for_command(self._start + raw if raw != b"/" else self._start or b"/", path)

    def locate_child(self, folder: str, name: str) -> bytes:
        """Return the server's path of a name in a folder. Raises NameRejected for what is not a name."""
        raw = self.spelling.encode(name)
        if raw in {b"", b".", b".."} or b"/" in raw:
            raise NameRejected("this cannot be the name of an entry", path=name)
        return self.locate(folder).rstrip(b"/") + b"/" + self.fit_for_command(raw, name)

    def name_from_server(self, raw: bytes) -> str:
        """Return a listed name as text. Raises ProtocolViolation for one that would lead elsewhere."""
        if not raw or b"/" in raw or b"\0" in raw:
            raise ProtocolViolation("the server listed a name that cannot be one", said=repr(raw))
        return self.spelling.decode(raw)

    def fit_for_command(self, raw: bytes, path: str) -> bytes:
        """Return bytes that a command carries to the server as they are; CR and LF would end it and begin another.

        Raises NameRejected.
        """
        if any(byte < _FIRST_PRINTABLE for byte in raw):
            raise NameRejected("FTP cannot carry a path with control characters", path=path)
        if _IAC not in raw:
            return raw
        if self._manners.byte_255 is None:
            raise NameRejected("nobody knows how this server takes the byte 255 in a path", path=path)
        return raw.replace(_IAC, self._manners.byte_255)
