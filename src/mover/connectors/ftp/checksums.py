"""Hashes that the server computes: by HASH (draft-bryan-ftpext-hash), else by XSHA256 and its like.

HASH takes the rest of the line for the path. The others are nobody's standard: ProFTPD wants quotes round a path with
blanks, and nobody knows what a quote within them means, so such a path is not asked about.
"""

from __future__ import annotations

from collections.abc import Mapping

from mover.connectors.ftp.failures import is_absence, reported
from mover.connectors.ftp.features import Traits
from mover.connectors.ftp.looking import Looker
from mover.connectors.ftp.pool import Pool
from mover.connectors.ftp.tree import Tree
from mover.entries import EntryRef, HashName
from mover.errors import NotFound
from mover.transport.curl import FtpWire
from mover.transport.ftp_replies import Refusal, Reply

_SLOWEST_BYTES_PER_S = 10 << 20
_DIGITS = {
    HashName.CRC32: 8,
    HashName.MD5: 32,
    HashName.SHA1: 40,
    HashName.SHA256: 64,
    HashName.SHA512: 128,
}
_HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")
_FORGIVEN = {450, 500, 501, 502, 504, 550, 551, 552, 556}


class FtpHashes:
    """See `ServiceHashes`; two calls a hash, and a look that tells how long it may take."""

    def __init__(self, service: str, pool: Pool, tree: Tree, traits: Traits) -> None:
        self.names = frozenset(traits.hash_names) | frozenset(traits.hash_commands)
        self._service = service
        self._pool = pool
        self._tree = tree
        self._traits = traits

    async def compute(self, file: EntryRef, wanted: frozenset[HashName]) -> Mapping[HashName, str]:
        """Ask for one hash after the other; those that the server refuses are left out. Raises NotFound."""
        with reported(self._service, "compute", file.path):
            path = self._tree.locate(file.path)
            async with self._pool.link() as link:
                return await link.run(lambda wire: self._compute(wire, path, wanted & self.names))

    def _compute(self, wire: FtpWire, path: bytes, wanted: frozenset[HashName]) -> dict[HashName, str]:
        found = Looker(self._traits).look_for_file(wire, path)
        if found is None:
            raise NotFound("it is not there")
        patience_s = (found.size or 0) / _SLOWEST_BYTES_PER_S
        hashes: dict[HashName, str] = {}
        for name in sorted(wanted):
            commands = self._commands(name, path)
            if commands:
                digest = _digest(name, wire.commands(*commands, patience_s=patience_s)[-1])
                if digest is not None:
                    hashes[name] = digest
        return hashes

    def _commands(self, name: HashName, path: bytes) -> tuple[bytes, ...]:
        if name in self._traits.hash_names:
            return (b"OPTS HASH " + self._traits.hash_names[name].encode(), b"HASH " + path)
        if b'"' in path:
            return ()
        return (self._traits.hash_commands[name].encode() + (b' "%b"' if b" " in path else b" %b") % path,)


def _digest(name: HashName, reply: Reply) -> str | None:
    """Find the hash in a reply; None if the server does not tell it. Raises Refusal if the file is gone."""
    if reply.is_refusal:
        if reply.code not in _FORGIVEN:
            raise Refusal(reply)
        if is_absence(reply) and reply.code == 550 and b"o such file" in reply.text:  # noqa: PLR2004 - codes of RFC 959
            raise NotFound("it is not there", said=reply.said)
        return None
    text = b" ".join((*(line.strip() for line in reply.body), reply.text))
    for word in text.split():
        if len(word) == _DIGITS[name] and _HEXADECIMAL.issuperset(word):
            return word.decode().lower()
    return None
