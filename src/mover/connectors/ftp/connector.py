"""The contract, for FTP with and without TLS."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace

from mover.connectors.contract import (
    Account,
    Capabilities,
    Content,
    Page,
    PartUploads,
    Renames,
    ServiceHashes,
    Setting,
    Target,
    Times,
)
from mover.connectors.ftp import lines
from mover.connectors.ftp.checksums import FtpHashes
from mover.connectors.ftp.config import FtpAccount, FtpConfig, FtpsConfig, TlsBegins
from mover.connectors.ftp.facts import SECOND_NS, Facts
from mover.connectors.ftp.failures import error_from_sign_in, reported
from mover.connectors.ftp.features import SetTime, Traits, recognise, working_folder
from mover.connectors.ftp.listing import Lister, shows_hidden
from mover.connectors.ftp.looking import Looker, is_folder
from mover.connectors.ftp.optional import FtpRenames, FtpTimes
from mover.connectors.ftp.parts import RULES, FtpPartUploads
from mover.connectors.ftp.pool import MOST_CONNECTIONS, Pool
from mover.connectors.ftp.reading import read_file
from mover.connectors.ftp.tree import Spelling, Tree, manners_of
from mover.connectors.ftp.uploads import upload_file
from mover.connectors.registry import Surroundings
from mover.connectors.temporary import Places
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import Conflict, InvalidConfiguration, NotFound, PathTooLong, one_line
from mover.transport.curl import FtpWire
from mover.transport.destinations import Destination, unprivileged
from mover.transport.egress import Egress
from mover.transport.ftp_access import FtpAccess, FtpTls
from mover.transport.ftp_link import FtpLink
from mover.transport.ftp_replies import Refusal, Reply

_CONCURRENCY = (6, MOST_CONNECTIONS - 1)  # one more may always be under way (Pacer)
_PORT = 21
_IMPLICIT_PORT = 990  # RFC 4217 tells why there is one; everybody uses it


class FtpConnector:
    """See `Connector`. Paths are the server's, below `path` of the configuration.

    Args:
        service: `ftp` or `ftps`.
        config: What was filled in.
        access: What follows from it for the transport.
        egress: The way out.
        clock: Nanoseconds since 1970, for dates that come without a year.
    """

    changes = None
    sharing_changes = None
    permissions = None
    versions = None
    places = None
    described_reads = None
    quota = None

    def __init__(
        self,
        service: str,
        config: FtpAccount,
        access: FtpAccess,
        egress: Egress,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.service = service
        self._config = config
        self._access = access
        self._clock = clock
        self._door = egress.ftp(access)
        self._pool = Pool(self._dial)
        self._openings: tuple[bytes, ...] = ()
        self._spelling = Spelling(config.encoding)
        self.part_uploads: PartUploads | None = None
        self.hashes: ServiceHashes | None = None
        self.times: Times | None = None
        self.renames: Renames | None = None
        no_traits = Traits(product="", has_mlst=False, has_size=False, has_mdtm=False, set_time=SetTime.NOT)
        self._arrange(b"/", no_traits)

    def _arrange(self, start: bytes, traits: Traits) -> None:
        config = self._config
        tells_times = traits.has_mlst or (traits.has_mdtm and config.exact_times)
        if not tells_times:  # one source of times only, or files would seem to change
            traits = replace(traits, has_mdtm=False)
        manners = manners_of(traits.product)
        tree = Tree(start, self._spelling, manners)
        given = (self.service, self._pool, tree, traits)
        sets_times = traits.set_time is not SetTime.NOT and tells_times
        sets_folders = sets_times and traits.set_time is SetTime.BY_MFMT and traits.has_mlst
        self._tree = tree
        self._traits = traits
        self._looker = Looker(traits)
        self._lists_singly = not tells_times
        self._lister = Lister(self._pool, tree, traits, exact_times=config.exact_times, clock=self._clock)
        self.part_uploads = FtpPartUploads(*given)
        self.renames = FtpRenames(*given)
        self.times = FtpTimes(*given) if sets_folders else None
        self.capabilities = Capabilities(
            names=manners.rules(self._spelling),
            modified=Setting.AT_UPLOAD if sets_times else Setting.NEVER,
            modified_resolution_ns=SECOND_NS if tells_times else lines.RESOLUTION_NS,
            folder_modified=Setting.AFTERWARDS if sets_folders else Setting.NEVER,
            bounded_reads=False,
            versioned_reads=tells_times,
            exclusive_create=False,
            parts=RULES,
            concurrency=_CONCURRENCY,
        )
        hashes = FtpHashes(*given)
        self.hashes = hashes if hashes.names and config.remote_checksums != "off" else None

    @property
    def calls(self) -> int:
        """Commands sent so far."""
        return self._pool.calls

    async def sign_in(self) -> Account:
        """Connect, sign in, and find out what the server offers.

        Also raises NotFound or InvalidConfiguration if the start folder is not there or not a folder.
        """
        where = f"{self._access.host}:{self._access.port}"
        with reported(self.service, "sign_in", where):
            async with self._pool.link() as link:
                traits = await link.run(lambda wire: recognise(wire, self._config))
                if not self._spelling.is_utf8:
                    traits = replace(traits, wants_utf8=False)
                start = await link.run(self._start)
                await link.run(lambda wire: _open(wire, traits.openings))
                if not traits.has_mlst and await shows_hidden(link, start):
                    traits = replace(traits, list_command=b"LIST -a")
                self._openings = traits.openings
                self._arrange(start, traits)
            description = one_line(f"{self._config.username} at {self._access.host}, {traits.product}")
            return Account(description=description, secure=self._access.tls is not FtpTls.NEVER)

    async def close(self) -> None:
        """Drop the connections."""
        await self._pool.close()

    async def look_up(self, path: str) -> Entry:
        """Describe what stands at a path."""
        with reported(self.service, "look_up", path):
            raw = self._tree.locate(path)
            name = EntryRef(path).name
            async with self._pool.link() as link:
                found = await self._look(link, raw)
        if found is None:
            raise NotFound("it is not there", service=self.service, operation="look_up", path=path)
        return found.entry(name, None if found.target is None else self._spelling.decode(found.target))

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe an entry by its path: FTP has no ids."""
        return await self.look_up(ref.path)

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield the entries of a folder. There are no cursors. Raises NotFound, PermissionDenied."""
        with reported(self.service, "list_folder", folder.path):
            if cursor is not None:
                raise NotFound("the server cannot go on with an earlier listing")
            async with aclosing(self._lister.pages(folder.path)) as pages:
                async for page in pages:
                    yield page

    async def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes; `version` is compared before and after, in whole seconds and bytes."""
        with reported(self.service, "read", file.path):
            raw = self._tree.locate(file.path)
            async with self._pool.link(read=True) as link:
                reading = read_file(link, self._looker, raw, offset=offset, length=length, version=version)
                async with aclosing(reading) as pieces:
                    async for piece in pieces:
                        yield piece

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder and look at it, in one step."""
        with reported(self.service, "create_folder", parent.child(name).path):
            self._check_length(name)
            raw = self._tree.locate_child(parent.path, name)
            above = self._tree.locate(parent.path)
            async with self._pool.link() as link:
                found = await link.run(lambda wire: self._create_folder(wire, raw, above))
            return found.entry(name)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Send a whole file. Repeated after it has succeeded without a word, it finds its own file: Conflict."""
        with reported(self.service, "upload", target.ref.path):
            self._check_length(target.name)
            places = Places.of(self._tree, target)
            async with self._pool.link() as link:
                return await upload_file(link, self._traits, places, target, content)

    async def _dial(self) -> FtpLink:
        try:
            link = await self._door.dial(self._openings)
        except Refusal as refusal:
            raise error_from_sign_in(refusal.reply) from refusal
        return link

    async def _look(self, link: FtpLink, raw: bytes) -> Facts | None:
        """Look at an entry; where the server tells no exact times, in the listing that everybody else sees too."""
        if not self._lists_singly:
            return await link.run(lambda wire: self._looker.look(wire, raw))
        if await link.run(lambda wire: is_folder(wire, raw)):
            return Facts(kind=EntryKind.FOLDER)
        folder, _, name = raw.rpartition(b"/")
        try:
            return await self._lister.find(link, folder or b"/", name.replace(b"\xff\xff", b"\xff"))
        except Refusal:
            return None

    def _create_folder(self, wire: FtpWire, raw: bytes, above: bytes) -> Facts:
        looked = self._looker.questions(raw) if self._traits.has_mlst else ()
        made, *seen = wire.commands(b"MKD " + raw, *looked)
        if not made.is_refusal:
            return (
                self._looker.answer(seen) or Facts(kind=EntryKind.FOLDER)
                if seen
                else Facts(kind=EntryKind.FOLDER)
            )
        found = self._looker.answer(seen) if seen else self._looker.look(wire, raw)
        if found is None:
            if not is_folder(wire, above):
                raise NotFound("the folder that should hold it is not there", said=made.said)
            raise Refusal(made)
        if found.kind is not EntryKind.FOLDER:
            raise Conflict("something that is not a folder has that name already", said=made.said)
        return found

    def _start(self, wire: FtpWire) -> bytes:
        """Find the start folder."""
        path = self._config.path
        raw = self._spelling.encode(path)
        if not path.startswith("/"):
            below = raw.removeprefix(b"~").strip(b"/")
            raw = working_folder(wire.commands(b"PWD")[0]).rstrip(b"/") + b"/" + below
        if not is_folder(wire, raw):
            raise InvalidConfiguration(f"path {path!r} is not a folder of the server")
        return raw

    def _check_length(self, name: str) -> None:
        """Refuse too long a name here: servers do it in words of their own, or cut it."""
        rules = self.capabilities.names
        if rules.longest_name is not None and rules.length(name) > rules.longest_name:
            raise PathTooLong(f"the name is longer than {rules.longest_name} {rules.unit.value}")


def _open(wire: FtpWire, openings: tuple[bytes, ...]) -> list[Reply]:
    """Say on the first connection what all others begin with."""
    wire.openings = openings
    return wire.commands(*openings) if openings else []


def ftp(config: FtpConfig, surroundings: Surroundings) -> FtpConnector:
    """Make a connector for FTP without TLS."""
    return FtpConnector("ftp", config, _access(config, FtpTls.NEVER, _PORT), surroundings.egress)


def ftps(config: FtpsConfig, surroundings: Surroundings) -> FtpConnector:
    """Make a connector for FTP over TLS."""
    is_implicit = config.tls is TlsBegins.IMPLICIT
    access = _access(
        config,
        FtpTls.IMPLICIT if is_implicit else FtpTls.EXPLICIT,
        _IMPLICIT_PORT if is_implicit else _PORT,
    )
    certificates = replace(
        access,
        ca_file=config.ca_file,
        client_certificate=config.client_certificate,
        client_key=config.client_key,
    )
    return FtpConnector("ftps", config, certificates, surroundings.egress)


def reaches(config: FtpAccount) -> tuple[Destination, ...]:
    """Where the connections of a configuration lead: those with data go to whatever port the server names."""
    # Equal, not the same: what is stored is the bare word.
    is_implicit = isinstance(config, FtpsConfig) and config.tls == TlsBegins.IMPLICIT
    control = config.port or (_IMPLICIT_PORT if is_implicit else _PORT)
    return Destination.to(config.host, control), unprivileged(config.host)


def _access(config: FtpAccount, tls: FtpTls, port: int) -> FtpAccess:
    return FtpAccess(
        host=config.host,
        port=config.port or port,
        username=config.username,
        password=config.password,
        encoding=config.encoding,
        tls=tls,
        extended_passive=config.extended_passive,
    )
