"""The calls of SFTP version 3 and of the extensions that servers offer, one short method each.

Every method sends its request at once and returns the answer to come, so that a caller may send several before it
waits for the first. Requests about the same file are answered as if done in the order sent (draft-ietf-secsh-filexfer-02,
section 4.1). Each raises Refusal, when awaited, for a status other than OK.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from mover.connectors.sftp.failures import Refusal, Status
from mover.connectors.sftp.session import Session, forget, nothing
from mover.connectors.sftp.wire import (
    Answer,
    Attributes,
    Call,
    Name,
    Opening,
    Unpacker,
    attributes,
    string,
    u32,
    u64,
)
from mover.errors import ProtocolViolation

Handle = bytes

SAFE_BLOCK: Final = 32768
"""Bytes of one read or write that every server must take (section 3 of the draft)."""

LARGEST_BLOCK: Final = 261_120
"""Most bytes of one read or write, whatever a server allows; it is what OpenSSH allows."""

_LONGEST_HANDLE = 256  # section 6.3
_NO_ATTRIBUTES = attributes(Attributes())

CHECK_FILE = (b"check-file", b"check-file-name")
LATER_VERSIONS = b"versions"
FSYNC = b"fsync@openssh.com"
HARDLINK = b"hardlink@openssh.com"
LIMITS = b"limits@openssh.com"
POSIX_RENAME = b"posix-rename@openssh.com"
STATVFS = b"statvfs@openssh.com"


class Room(msgspec.Struct, frozen=True):
    """How much room a file system has for ordinary users, and in all."""

    free_bytes: int
    total_bytes: int


class Sftp:
    """The calls, on one session.

    Attributes:
        read_size: Bytes that one read may ask for.
        write_size: Bytes that one write may carry.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.read_size = SAFE_BLOCK
        self.write_size = SAFE_BLOCK

    def offers(self, *extensions: bytes) -> bool:
        """Tell whether the server offers one of these extensions."""
        return any(extension in self.session.extensions for extension in extensions)

    async def learn_limits(self, server: str) -> None:
        """Ask for the largest blocks, where the server tells (PROTOCOL file of OpenSSH, section 4.8).

        OpenSSH before 8.5 does not tell, but has always taken messages of 256 KiB.
        """
        if not self.offers(LIMITS):
            if server.startswith("OpenSSH_"):
                self.read_size = self.write_size = LARGEST_BLOCK
            return
        answer = await self._extended(LIMITS, decode=_limits)
        _longest_packet, longest_read, longest_write, _handles = answer
        self.read_size = _block(longest_read)
        self.write_size = _block(longest_write)

    def open(self, path: bytes, how: Opening) -> asyncio.Future[Handle]:
        """Open a file; it gets the server's default permissions if this creates it."""
        return self.session.ask(Call.OPEN, string(path), u32(how), _NO_ATTRIBUTES, decode=_handle)

    def close(self, handle: Handle) -> asyncio.Future[None]:
        """Close a file or folder."""
        return self.session.ask(Call.CLOSE, string(handle), decode=nothing)

    def read(self, handle: Handle, offset: int, size: int) -> asyncio.Future[bytes]:
        """Read at most `size` bytes; Refusal with EOF behind the end."""

        def decode(answer: Answer, unpacker: Unpacker) -> bytes:
            data = _expect(Answer.DATA, answer, unpacker).string()
            if len(data) > size:
                raise ProtocolViolation("the server sent more than was asked for")
            return data

        return self.session.ask(Call.READ, string(handle), u64(offset), u32(size), decode=decode)

    def write(self, handle: Handle, offset: int, data: bytes | memoryview) -> asyncio.Future[None]:
        """Write; `data` must not change until it is answered."""
        return self.session.ask(Call.WRITE, string(handle), u64(offset), u32(len(data)), data, decode=nothing)

    def look_at(self, path: bytes) -> asyncio.Future[Attributes]:
        """Describe what stands at a path; a symbolic link itself (LSTAT)."""
        return self.session.ask(Call.LSTAT, string(path), decode=_attributes)

    def look_through(self, path: bytes) -> asyncio.Future[Attributes]:
        """Describe what stands at a path, or where its symbolic links lead (STAT)."""
        return self.session.ask(Call.STAT, string(path), decode=_attributes)

    def look_at_open(self, handle: Handle) -> asyncio.Future[Attributes]:
        """Describe an open file (FSTAT)."""
        return self.session.ask(Call.FSTAT, string(handle), decode=_attributes)

    def set(self, path: bytes, values: Attributes) -> asyncio.Future[None]:
        """Set permissions and times (SETSTAT)."""
        return self.session.ask(Call.SETSTAT, string(path), attributes(values), decode=nothing)

    def set_open(self, handle: Handle, values: Attributes) -> asyncio.Future[None]:
        """Set permissions and times of an open file (FSETSTAT)."""
        return self.session.ask(Call.FSETSTAT, string(handle), attributes(values), decode=nothing)

    def open_folder(self, path: bytes) -> asyncio.Future[Handle]:
        """Open a folder for listing."""
        return self.session.ask(Call.OPENDIR, string(path), decode=_handle)

    def read_folder(self, handle: Handle) -> asyncio.Future[list[Name]]:
        """Return some more of an open folder; Refusal with EOF behind the last."""
        return self.session.ask(Call.READDIR, string(handle), decode=_names)

    def remove(self, path: bytes) -> asyncio.Future[None]:
        """Remove a file."""
        return self.session.ask(Call.REMOVE, string(path), decode=nothing)

    def create_folder(self, path: bytes) -> asyncio.Future[None]:
        """Create a folder with the server's default permissions."""
        return self.session.ask(Call.MKDIR, string(path), _NO_ATTRIBUTES, decode=nothing)

    def resolve(self, path: bytes) -> asyncio.Future[bytes]:
        """Return the absolute path (REALPATH)."""
        return self.session.ask(Call.REALPATH, string(path), decode=_single_name)

    def read_link(self, path: bytes) -> asyncio.Future[bytes]:
        """Return where a symbolic link leads, as it is written."""
        return self.session.ask(Call.READLINK, string(path), decode=_single_name)

    def rename(self, old: bytes, new: bytes) -> asyncio.Future[None]:
        """Rename; if something is at `new`, most servers refuse, and some replace it."""
        return self.session.ask(Call.RENAME, string(old), string(new), decode=nothing)

    def replace(self, old: bytes, new: bytes) -> asyncio.Future[None]:
        """Rename in one step over whatever file is at `new` (extension POSIX_RENAME)."""
        return self._extended(POSIX_RENAME, string(old), string(new), decode=nothing)

    def link(self, old: bytes, new: bytes) -> asyncio.Future[None]:
        """Give a file a second name; refused if something has that name (extension HARDLINK)."""
        return self._extended(HARDLINK, string(old), string(new), decode=nothing)

    def flush(self, handle: Handle, *, patience_s: float) -> asyncio.Future[None]:
        """Have an open file written to the server's disk (extension FSYNC)."""
        return self._extended(FSYNC, string(handle), decode=nothing, patience_s=patience_s)

    def room(self, path: bytes) -> asyncio.Future[Room]:
        """Tell how much room the file system at a path has (extension STATVFS)."""
        return self._extended(STATVFS, string(path), decode=_room)

    def hash(self, path: bytes, algorithm: bytes, *, patience_s: float) -> asyncio.Future[bytes]:
        """Return the digest of a whole file (extension CHECK_FILE: draft-ietf-secsh-filexfer-extensions-00, section 3)."""

        def decode(answer: Answer, unpacker: Unpacker) -> bytes:
            _expect(Answer.EXTENDED_REPLY, answer, unpacker)
            used = unpacker.string()
            if used == CHECK_FILE[0]:  # some repeat the extension's name, as an early draft wanted
                used = unpacker.string()
            if used != algorithm:
                raise ProtocolViolation("the server computed another hash than was asked for")
            return unpacker.raw(unpacker.left)

        fields = string(path), string(algorithm), u64(0), u64(0), u32(0)
        return self._extended(CHECK_FILE[1], *fields, decode=decode, patience_s=patience_s)

    def _extended(
        self, extension: bytes, *fields: bytes, decode: Any, patience_s: float = 0
    ) -> asyncio.Future[Any]:
        return self.session.ask(
            Call.EXTENDED, string(extension), *fields, decode=decode, patience_s=patience_s
        )


async def settled(answers: Iterable[asyncio.Future[Any]]) -> None:
    """Wait for all of the answers, then raise the first failure in their order, if there was one."""
    for result in await asyncio.gather(*answers, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def unless_absent(answer: asyncio.Future[Attributes]) -> Attributes | None:
    """Wait for a description; None if there is nothing at that path."""
    try:
        return await answer
    except Refusal as refusal:
        if refusal.code in {Status.NO_SUCH_FILE, Status.NO_SUCH_PATH}:
            return None
        raise


def abandon(*answers: asyncio.Future[Any]) -> None:
    """Do not wait for these answers; whether they succeed changes nothing any more."""
    for answer in answers:
        answer.add_done_callback(forget)


def _expect(expected: Answer, answer: Answer, unpacker: Unpacker) -> Unpacker:
    if answer is not expected:
        raise ProtocolViolation(f"the server answered with {answer.name} where {expected.name} was due")
    return unpacker


def _handle(answer: Answer, unpacker: Unpacker) -> Handle:
    handle = _expect(Answer.HANDLE, answer, unpacker).string()
    if len(handle) > _LONGEST_HANDLE:
        raise ProtocolViolation("the server gave a handle that is longer than allowed")
    return handle


def _attributes(answer: Answer, unpacker: Unpacker) -> Attributes:
    return _expect(Answer.ATTRS, answer, unpacker).attributes()


def _names(answer: Answer, unpacker: Unpacker) -> list[Name]:
    return _expect(Answer.NAME, answer, unpacker).names()


def _single_name(answer: Answer, unpacker: Unpacker) -> bytes:
    names = _names(answer, unpacker)
    if len(names) != 1:
        raise ProtocolViolation(f"the server answered with {len(names)} paths where one was due")
    return names[0].name


def _limits(answer: Answer, unpacker: Unpacker) -> tuple[int, int, int, int]:
    _expect(Answer.EXTENDED_REPLY, answer, unpacker)
    return unpacker.u64(), unpacker.u64(), unpacker.u64(), unpacker.u64()


def _room(answer: Answer, unpacker: Unpacker) -> Room:
    _expect(Answer.EXTENDED_REPLY, answer, unpacker)
    _block_size, fragment_size, blocks, _blocks_free, blocks_available = (unpacker.u64() for _ in range(5))
    return Room(blocks_available * fragment_size, blocks * fragment_size)


def _block(limit: int) -> int:
    return min(limit, LARGEST_BLOCK) if limit else SAFE_BLOCK
