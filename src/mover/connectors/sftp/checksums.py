"""Hashes that the server computes: by the check-file extension, or by running its checksum commands."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from typing import Final

import asyncssh

from mover.connectors.sftp.api import CHECK_FILE, LATER_VERSIONS, Sftp
from mover.connectors.sftp.failures import Refusal, Status, error_from_ssh, reported
from mover.connectors.sftp.pool import Pool
from mover.connectors.sftp.ssh import Link
from mover.connectors.sftp.tree import Tree
from mover.entries import EntryRef, HashName
from mover.errors import ProtocolViolation, TimedOut

_SLOWEST_BYTES_PER_S = 20_000_000
_GRACE_S = 60
_LONGEST_OUTPUT = 16 * 1024

_BYTES: Final = {HashName.MD5: 16, HashName.SHA1: 20, HashName.SHA256: 32, HashName.SHA512: 64}
_COMMANDS: Final = {
    HashName.MD5: "md5sum",
    HashName.SHA1: "sha1sum",
    HashName.SHA256: "sha256sum",
    HashName.SHA512: "sha512sum",
}


class CheckFile:
    """`ServiceHashes` by the check-file extension; which algorithms it knows, a server tells only by refusing."""

    names = frozenset(_BYTES)

    def __init__(self, pool: Pool, tree: Tree) -> None:
        self._pool = pool
        self._tree = tree

    async def compute(self, file: EntryRef, wanted: frozenset[HashName]) -> Mapping[HashName, str]:
        """Ask for all hashes at once; those that the server refuses are left out. Raises NotFound."""
        with reported("compute", file.path):
            path = self._tree.locate(file.path)
            async with self._pool.link() as link:
                patience_s = await _patience_s(link.sftp, path)
                asked = {
                    name: link.sftp.hash(path, name.value.encode(), patience_s=patience_s)
                    for name in sorted(wanted & self.names)
                }
                answers = await asyncio.gather(*asked.values(), return_exceptions=True)
        digests = {name: _checked(name, answer) for name, answer in zip(asked, answers, strict=True)}
        return {name: digest for name, digest in digests.items() if digest is not None}


class Commands:
    """`ServiceHashes` by md5sum and the like, run by the account's shell on the server.

    The name of the file never comes near that shell: it goes to `xargs -0` on standard input.

    Attributes:
        names: What the server has commands for.
        calls: Commands run so far.
    """

    def __init__(self, pool: Pool, tree: Tree) -> None:
        self.names: frozenset[HashName] = frozenset()
        self.calls = 0
        self._pool = pool
        self._tree = tree

    async def find(self) -> None:
        """Find out which commands there are, by having each hash nothing at all."""
        async with self._pool.link() as link:
            found = [name for name in _COMMANDS if await self._is_there(link, name)]
        self.names = frozenset(found)

    async def compute(self, file: EntryRef, wanted: frozenset[HashName]) -> Mapping[HashName, str]:
        """Run a command for each hash. Raises NotFound."""
        with reported("compute", file.path):
            path = self._tree.locate(file.path)
            async with self._pool.link() as link:
                patience_s = await _patience_s(link.sftp, path)
                hashes = {}
                for name in sorted(wanted & self.names):
                    output = await self._run(
                        link,
                        f"xargs -0 {_COMMANDS[name]} --",
                        standard_input=path + b"\0",
                        patience_s=patience_s,
                    )
                    digest = _digest(name, output)
                    if digest is not None:
                        hashes[name] = digest
                return hashes

    async def _is_there(self, link: Link, name: HashName) -> bool:
        output = await self._run(link, _COMMANDS[name], standard_input=b"", patience_s=0)
        return _digest(name, output) == hashlib.new(name.value, usedforsecurity=False).hexdigest()

    async def _run(self, link: Link, command: str, *, standard_input: bytes, patience_s: float) -> bytes:
        """Return what a command prints; nothing if the server does not run commands or it failed."""
        self.calls += 1
        try:
            async with (
                asyncio.timeout(_GRACE_S + patience_s),
                link.ssh.create_process(command, encoding=None, stderr=asyncssh.DEVNULL) as process,
            ):
                process.stdin.write(standard_input)
                process.stdin.write_eof()
                output: bytes = await process.stdout.read(_LONGEST_OUTPUT)
                done = await process.wait()
        except TimeoutError:
            raise TimedOut("the server's checksum command did not end in time") from None
        except (
            asyncssh.ChannelOpenError,
            BrokenPipeError,
        ):  # no commands, or something else is run instead of them
            return b""
        except (asyncssh.Error, OSError) as error:
            raise error_from_ssh(error) from error
        return output if done.exit_status == 0 else b""


async def offers_check_file(sftp: Sftp, folder: bytes) -> bool:
    """Tell whether the server has the check-file extension.

    It belongs to version 6 of SFTP, so a server that speaks later versions may have it without a word to a client that
    asked for version 3 (ProFTPD): such a one is asked for the hash of what cannot have one, and refuses either the
    extension or the folder.
    """
    if sftp.offers(*CHECK_FILE):
        return True
    if not sftp.offers(LATER_VERSIONS):
        return False
    try:
        await sftp.hash(folder, b"sha256", patience_s=0)
    except Refusal as refusal:
        return refusal.code != Status.OP_UNSUPPORTED
    return True


async def _patience_s(sftp: Sftp, path: bytes) -> float:
    """Return how long a hash of a file may take. Raises Refusal if it is not there."""
    attributes = await sftp.look_through(path)
    return (attributes.size or 0) / _SLOWEST_BYTES_PER_S


def _checked(name: HashName, answer: bytes | BaseException) -> str | None:
    """Return the hash in an answer; None if the server does not know the algorithm."""
    match answer:
        case bytes() if len(answer) == _BYTES[name]:
            return answer.hex()
        case bytes():
            raise ProtocolViolation(f"the server sent a {name} of {len(answer)} bytes")
        case Refusal(code=code) if code not in {Status.PERMISSION_DENIED, Status.NO_SUCH_FILE}:
            return None
        case _:
            raise answer


def _digest(name: HashName, output: bytes) -> str | None:
    """Find the hash in what a command printed; a backslash before it only says that the name is escaped."""
    found = re.match(rb"\\?([0-9a-f]{%d})[ \n]" % (2 * _BYTES[name]), output)
    return found[1].decode() if found else None
