"""Uploads in parts: one temporary file, to which part after part is added at its offset (REST, then STOR)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from mover.connectors.contract import Content, PartRules, SentPart, Target, temporary_name
from mover.connectors.ftp.facts import SECOND_NS, Facts
from mover.connectors.ftp.failures import is_absence, reported
from mover.connectors.ftp.features import SetTime, Traits
from mover.connectors.ftp.looking import Looker
from mover.connectors.ftp.placing import check
from mover.connectors.ftp.pool import Pool
from mover.connectors.ftp.tree import Tree
from mover.connectors.ftp.uploads import arrived_all_the_same, check_size, finish, store, time_command
from mover.connectors.temporary import PartFile, Places
from mover.entries import Entry, HashName
from mover.errors import IntegrityError, NotFound, TimedOut, Unsupported
from mover.transport.curl import FtpWire
from mover.transport.flow import Outflow
from mover.transport.ftp_replies import Refusal

RULES: Final = PartRules(
    smallest=1,
    largest=4 << 30,
    most=10_000,
    preferred=16 << 20,
    parallel=False,
    worthwhile_from=32 << 20,
)

_TRIAL = b"ab"


class FtpPartUploads:
    """See `PartUploads`.

    A part goes to its offset whatever stands there, so that one that broke off is simply sent again. Servers may refuse
    that (ProFTPD does by default), and only a trial tells: the first upload of a connection begins with one.
    """

    def __init__(self, service: str, pool: Pool, tree: Tree, traits: Traits) -> None:
        self._service = service
        self._pool = pool
        self._tree = tree
        self._traits = traits
        self._looker = Looker(traits)
        self._restarts: bool | None = None

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """Make the temporary file, empty.

        Raises Conflict, Changed, NotFound (no folder), and Unsupported if the server does not go on with files.
        """
        with reported(self._service, "begin", target.ref.path):
            places = Places.of(self._tree, target)
            async with self._pool.link() as link:
                check(target, await link.run(lambda wire: self._looker.look(wire, places.final)))
                if self._restarts is None:
                    self._restarts = await link.run(lambda wire: _restarts(wire, self._looker, places))
                if not self._restarts:
                    raise Unsupported("the server does not go on with files that are begun")
                await link.run(lambda wire: _store(wire, places, b""))
        temporary = target.folder.child(temporary_name(target.key)).path
        return PartFile(temporary, size, part_size).token

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """Write one part. Raises NotFound if the temporary file is gone, QuotaExceeded, IntegrityError."""
        upload = PartFile.from_token(token, service=self._service)
        with reported(self._service, "send", upload.temporary):
            path = self._tree.locate(upload.temporary)
            async with self._pool.link() as link:
                found = await link.run(lambda wire: self._looker.look_for_file(wire, path))
                if found is None:
                    raise NotFound("the upload is gone")
                if found.size is not None and found.size < offset:
                    raise IntegrityError(f"the server has {found.size} bytes where {offset} were sent")
                _, sent = await link.send(
                    content.chunks(), lambda wire, source: self._send(wire, path, source, offset)
                )
            check_size(content, sent)
        return SentPart(number=number, size=sent, receipt="")

    def _send(self, wire: FtpWire, path: bytes, source: Outflow, offset: int) -> None:
        try:
            wire.upload(path, source, offset=offset)
        except TimedOut:
            if not arrived_all_the_same(wire, self._looker, path, source, offset):
                raise

    async def received(self, token: str, _kept: Sequence[SentPart] = ()) -> Sequence[SentPart]:
        """Tell which parts lie within the file as it is. Raises NotFound if the upload is gone.

        A part that broke off is there in part and not among them; so a part with a receipt is whole if it is.
        """
        upload = PartFile.from_token(token, service=self._service)
        with reported(self._service, "received", upload.temporary):
            path = self._tree.locate(upload.temporary)
            async with self._pool.link() as link:
                found = await link.run(lambda wire: self._looker.look_for_file(wire, path))
        if found is None:
            raise NotFound("the upload is gone")
        return upload.parts_within(found.size or 0, most=RULES.most)

    async def finish(
        self,
        token: str,
        target: Target,
        parts: Sequence[SentPart],
        hashes: Mapping[HashName, str],  # noqa: ARG002 - FTP has no use for them; the engine verifies afterwards
    ) -> Entry:
        """Check the size, set the time, and rename. Raises IntegrityError, Conflict, Changed, NotFound."""
        upload = PartFile.from_token(token, service=self._service)
        with reported(self._service, "finish", target.ref.path):
            size = sum(part.size for part in parts)
            if upload.size not in {None, size}:
                raise IntegrityError(f"the parts are not the whole of {upload.size} bytes")
            places = Places.of(self._tree, target)
            async with self._pool.link() as link:
                return await link.run(lambda wire: self._finish(wire, places, target, size))

    def _finish(self, wire: FtpWire, places: Places, target: Target, size: int) -> Entry:
        temporary = self._looker.look_for_file(wire, places.temporary)
        standing = self._looker.look(wire, places.final)
        if temporary is None:
            return self._finished_before(target, standing, size)
        if temporary.size != size:
            raise IntegrityError(f"the server has {temporary.size} bytes of {size}")
        check(target, standing)
        setting = time_command(self._traits, places.temporary, target.modified_ns)
        if setting:
            wire.commands(setting)
        return finish(wire, self._traits, places, target, size)

    def _finished_before(self, target: Target, standing: Facts | None, size: int) -> Entry:
        """Return the finished file if an earlier `finish` whose answer was lost has made it. Raises NotFound."""
        # Without a time any other file of that size would do, and be taken for a damaged copy of ours.
        sets_times = self._traits.set_time is not SetTime.NOT and target.modified_ns is not None
        if standing is None or standing.size != size or standing.modified_ns is None or not sets_times:
            raise NotFound("the upload is gone")
        assert target.modified_ns is not None
        is_ours = standing.modified_ns // SECOND_NS == target.modified_ns // SECOND_NS
        replaced = target.replaces
        if not is_ours or (replaced is not None and replaced.version == standing.version):
            raise NotFound("the upload is gone")
        return standing.entry(target.name)

    async def abort(self, token: str) -> None:
        """Remove the temporary file, if it is there."""
        upload = PartFile.from_token(token, service=self._service)
        with reported(self._service, "abort", upload.temporary):
            path = self._tree.locate(upload.temporary)
            async with self._pool.link() as link:
                [reply] = await link.run(lambda wire: wire.commands(b"DELE " + path))
                if reply.is_refusal and not is_absence(reply):
                    raise Refusal(reply)


def _restarts(wire: FtpWire, looker: Looker, places: Places) -> bool:
    """Try whether the server puts bytes behind others; the temporary file is what it is tried on."""
    _store(wire, places, _TRIAL)
    try:
        wire.upload(places.temporary, Outflow.of(_TRIAL), offset=1)
    except Refusal:
        wire.commands(b"DELE " + places.temporary)
        return False
    found = looker.look_for_file(wire, places.temporary)
    return found is not None and found.size == len(_TRIAL) + 1


def _store(wire: FtpWire, places: Places, data: bytes) -> None:
    store(wire, places.folder, places.temporary, Outflow.of(data), ())
