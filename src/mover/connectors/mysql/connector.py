"""MySQL and MariaDB as a connector: the contract on top of what the other modules do."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing

from mover.connectors.contract import (
    Account,
    Capabilities,
    Content,
    OwnKind,
    Page,
    Setting,
    Target,
    is_temporary_name,
)
from mover.connectors.mysql import catalog
from mover.connectors.mysql.config import MySqlConfig, Tls
from mover.connectors.mysql.failures import SERVICE, placed
from mover.connectors.mysql.names import SUFFIX, Kind, Thing, file_name, identifier, spelled, thing_of
from mover.connectors.mysql.pool import Pool
from mover.connectors.mysql.programs import dump_program
from mover.connectors.mysql.restore_programs import make_database
from mover.connectors.mysql.session import Session, Wire, dial
from mover.connectors.mysql.snapshot import Snapshot
from mover.connectors.mysql.tables import dump_table
from mover.connectors.mysql.uploads import Uploads
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import NameRejected, NotFound, Unsupported
from mover.naming import NameRules
from mover.transport.egress import Egress

_PAGE = 1_000
_THREADS = 16
_SHOWN = 5  # tables that a remark names


class MySqlConnector:
    """A server, or one database of it.

    Args:
        config: Where to sign in, and how.
        egress: The way out.
    """

    service = SERVICE
    part_uploads = None
    described_reads = None
    hashes = None
    times = None
    renames = None
    quota = None
    changes = None
    sharing_changes = None
    permissions = None
    versions = None
    places = None

    def __init__(self, config: MySqlConfig, egress: Egress) -> None:
        self._config = config
        self._egress = egress
        self._tls: ssl.SSLContext | None = None
        if config.tls is not Tls.OFF:
            self._tls = egress.tls(
                ca_file=config.ca_file,
                client_certificate=config.client_certificate,
                client_key=config.client_key,
            )
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="mover-mysql")
        self._pool = Pool(self._dial)
        self._snapshot = Snapshot(self._pool)
        self._server: catalog.Server | None = None
        self._unseen: list[str] = []
        self._has_read = False
        self._without_snapshot: set[str] = set()
        self._without_history: set[str] = set()

    @property
    def calls(self) -> int:
        """Statements so far."""
        return self._pool.calls

    @property
    def remarks(self) -> Sequence[str]:
        """What a person should know of what was read."""
        found = []
        if self._snapshot.times_lost:
            found.append(
                "the connection to the database broke: its tables were read at more than one moment; run again for one"
            )
        if self._unseen and self._has_read:
            found.append(
                f"the account may not see {', '.join(self._unseen)}: if there are any, they were left out"
            )
        if self._without_snapshot:
            tables = _some(self._without_snapshot)
            found.append(f"tables without transactions were read as they were at that moment: {tables}")
        if self._without_history:
            found.append(
                f"only the current rows of versioned tables were read: {_some(self._without_history)}"
            )
        return found

    @property
    def capabilities(self) -> Capabilities:
        """What the server can do."""
        return Capabilities(
            names=NameRules(case_sensitive=self._known.case_sensitive),
            sizes=False,
            modified=Setting.NEVER,
            modified_resolution_ns=None,
            range_reads=False,
            exclusive_create=True,
            own_kind=OwnKind(what="dumps that Mover made of a database", suffix=SUFFIX),
            deepest_folder=0 if self._config.database else 1,
            one_moment=True,
            concurrency=(4, 8),
        )

    @property
    def _known(self) -> catalog.Server:
        assert self._server is not None, "sign_in() comes first"
        return self._server

    async def _dial(self) -> Session:
        with placed("connect", host=self._config.host):
            return await dial(self._config, self._egress, self._tls, self._threads)

    async def sign_in(self) -> Account:
        """Sign in and find out what the server is; a few calls."""
        with placed("sign_in", host=self._config.host):
            async with self._pool.session() as session:
                self._server = await session.run(catalog.server)
                self._unseen = await session.run(catalog.unseen)
                if self._config.database:
                    await session.run(lambda wire: catalog.use(wire, self._config.database or ""))
        where = f"{self._config.host}:{self._config.port}"
        return Account(
            description=f"{self._config.username} at {where}, {self._server.product}",
            secure=self._server.encrypted,
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.close()
        self._threads.shutdown(wait=False)

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path; a few calls."""
        return await self._describe(path, "look_up")

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe an entry afresh; a few calls."""
        return await self._describe(ref.path, "refresh")

    async def _describe(self, path: str, operation: str) -> Entry:
        with placed(operation, path):
            place = self._place(path)
            if place is None:
                return Entry(name="", kind=EntryKind.FOLDER)
            database, thing = place
            async with self._pool.session() as session:
                if not await session.run(lambda wire: _stands(wire, database, thing)):
                    raise NotFound("it is not there")
        kind = EntryKind.FOLDER if thing is None else EntryKind.FILE
        return Entry(name=path.rpartition("/")[2], kind=kind)

    def _place(self, path: str) -> tuple[str, Thing | None] | None:
        """Database and thing that a path stands for; None for a root above databases. Raises NotFound."""
        names = [name for name in path.split("/") if name]
        if self._config.database is None and not names:
            return None
        try:
            database = self._config.database or identifier(names.pop(0))
            thing = thing_of(names.pop(0)) if names else None
        except (NameRejected, Unsupported) as error:
            raise NotFound("nothing can have this name", path=path) from error
        if names:
            raise NotFound("a dump is no folder", path=path)
        return database, thing

    async def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield databases, or what stands in one, in the order in which it should be restored; three calls."""
        with placed("list_folder", folder.path):
            place = self._place(folder.path)
            if place is not None and place[1] is not None:
                raise NotFound("it is not a folder")
            async with self._pool.session() as session:
                entries = await session.run(lambda wire: _entries(wire, place[0] if place else None))
        left = [found for found in entries if cursor is None or found[0] > cursor]
        for first in range(0, len(left), _PAGE):
            page = left[first : first + _PAGE]
            yield Page([entry for _, entry in page], page[-1][0] if first + _PAGE < len(left) else None)

    async def read(  # there are no ranges and no versions
        self,
        file: EntryRef,
        *,
        offset: int = 0,  # noqa: ARG002 - see above
        length: int | None = None,  # noqa: ARG002 - see above
        version: str | None = None,  # noqa: ARG002 - see above
    ) -> AsyncGenerator[bytes, None]:
        """Yield a dump from its beginning; reads take turns."""
        with placed("read", file.path):
            place = self._place(file.path)
            if place is None or place[1] is None:
                raise NotFound("it is not a dump")
            async with aclosing(self._snapshot.read(self._dumping(place[0], place[1]))) as pieces:
                async for piece in pieces:
                    yield piece

    def _dumping(self, database: str, thing: Thing) -> Callable[[Wire], Iterator[bytes]]:
        if thing.kind is not Kind.TABLE:
            return lambda wire: dump_program(wire, database, thing)

        def dump(wire: Wire) -> Iterator[bytes]:
            self._has_read = True
            traits = catalog.traits(wire, database, thing.name)
            if not traits.transactional:
                self._without_snapshot.add(f"{database}.{thing.name}")
            if traits.versioned:
                self._without_history.add(f"{database}.{thing.name}")
            yield from dump_table(wire, database, thing.name)

        return dump

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a database; idempotent."""
        path = parent.child(name).path
        with placed("create_folder", path):
            if self._config.database is not None or parent.path != "/":
                raise Unsupported("a database has no folders in it")
            database = identifier(name)
            if spelled(database) != name:
                raise NameRejected("it is not how Mover spells a database's name")
            async with self._pool.session() as session:
                await session.run(lambda wire: make_database(wire, database))
        return Entry(name=name, kind=EntryKind.FOLDER)

    async def upload(self, target: Target, content: Content) -> Entry:
        """Restore a dump; `mover.connectors.mysql.restore` shows how."""
        path = target.folder.child(target.name).path
        with placed("upload", path):
            folder = self._place(target.folder.path)
            if folder is None:
                raise Unsupported("dumps stand in databases, not beside them")
            thing = thing_of(target.name)
            if is_temporary_name(target.name) or folder[1] is not None:
                raise Unsupported("dumps stand in databases, under names of their own")
            try:
                await Uploads(self._pool, self._known.largest_statement).restore(
                    folder[0], thing, target, content
                )
            finally:
                self._snapshot.grow_old()
        return Entry(name=target.name, kind=EntryKind.FILE)


def _some(names: set[str]) -> str:
    shown = sorted(names)[:_SHOWN]
    return ", ".join([*shown, "..."] if len(names) > _SHOWN else shown)


def _stands(wire: Wire, database: str, thing: Thing | None) -> bool:
    if not catalog.has_database(wire, database):
        return False
    return thing is None or catalog.has(wire, database, thing)


def _entries(wire: Wire, database: str | None) -> list[tuple[str, Entry]]:
    """Entries in the order of their listing, each with the cursor that stands behind it."""
    if database is None:
        return [(name, Entry(name=spelled(name), kind=EntryKind.FOLDER)) for name in catalog.databases(wire)]
    if not catalog.has_database(wire, database):
        raise NotFound("there is no such database")
    found = [
        (f"{catalog.ORDER.index(thing.kind)} {thing.name}", Entry(name=file_name(thing), kind=EntryKind.FILE))
        for thing in catalog.things(wire, database)
    ]
    special = EntryKind.SPECIAL
    packages = catalog.packages(wire, database)
    return found + [(f"9 {name}", Entry(name=f"{spelled(name)}.package", kind=special)) for name in packages]
