"""One pair of the matrix: the engine moves the tree, then the destination is read by another connection and compared."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from tests.contract.services import Service
from tests.matrix.tree import (
    CREATED_NS,
    EARLIER,
    SHARED_FOLDER,
    VERSIONED,
    Tree,
    all_files,
    content,
    with_times,
)

from mover.connectors.contract import Connector, Setting
from mover.connectors.paced import Paced
from mover.entries import AccessRole, Entry, EntryKind, EntryRef
from mover.ledger.ledger import Ledger
from mover.ledger.records import ReportItem
from mover.ledger.states import Code, ItemState, RunMode
from mover.ledger.tokens import UploadKeys
from mover.staging import Staging
from mover.transfer.grantees import GranteeMap
from mover.transfer.options import Options
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, RunResult, run_pair
from mover.transfer.sharing_rules import SharingRules, Unmapped, Wider
from mover.transfer.side import Side
from mover.transport.pacing import Pacer
from mover.transport.retries import RetryPolicy

_MEMORY_BYTES = 16 << 20
_SECOND_NS = 1_000_000_000


@dataclass
class Reached:
    """A service with a connection to it."""

    name: str
    place: Service
    connector: Connector

    @property
    def person(self) -> str | None:
        """Somebody whom it knows, where it has permissions."""
        return self.place.grantees.people[0] if self.place.grantees else None

    async def folder(self, name: str) -> EntryRef:
        """Address a folder that is there."""
        path = f"{self.place.base.rstrip('/')}/{name}"
        return EntryRef(path, (await self.connector.look_up(path)).id)

    async def new_folder(self, name: str) -> EntryRef:
        """Make an empty folder."""
        base = await self.connector.look_up(self.place.base)
        made = await self.connector.create_folder(EntryRef(self.place.base, base.id), name)
        return EntryRef(self.place.base, base.id).child(made.name, made.id)


@asynccontextmanager
async def reached(name: str, place: Service) -> AsyncIterator[Reached]:
    """Connect to a service, at its account's pace."""
    connector = place.connect()
    await connector.sign_in()
    policy = RetryPolicy(attempts=5, first_s=0.05, cap_s=1.0)
    paced = Paced(connector, Pacer(*connector.capabilities.concurrency), policy=policy)
    try:
        yield Reached(name, place, paced)
    finally:
        await paced.close()


@dataclass(frozen=True)
class Moved:
    """What survived.

    Attributes:
        content: How the arrivals were verified.
        modified: To what grain modified times survived; "no": they are those of the arrival.
        created: Times of creation survived; None: one of the two has none.
        renamed: Names that the destination spells in another way, and that come back from it as they were.
        permissions: The share was made again; None: one of the two has none.
        versions: The earlier version survived; None: likewise.
    """

    content: str
    modified: str
    created: bool | None
    renamed: int
    permissions: bool | None
    versions: bool | None

    def as_shown(self) -> dict[str, object]:
        """As the page has it."""
        return dict(vars(self))


@dataclass
class Bench:
    """The engine."""

    ledger: Ledger
    staging: Staging
    upload_keys: UploadKeys

    async def move(self, source: Reached, tree: Tree, destination: Reached) -> Moved:
        """Move the tree, compare, and run once more to see that nothing is left to do."""
        pair = (source.name, destination.name)
        root = f"{destination.place.base.rstrip('/')}/from-{source.name}-{uuid.uuid4().hex[:6]}"
        options = _options(tree, destination)
        first = await self._run(source, tree.root, destination, root, options)
        assert first.reason is None, (pair, first)
        items = [item async for item in self.ledger.report_items(first.run)]
        files = {item.path: item for item in items if item.kind is not EntryKind.FOLDER}
        only_dumps = destination.connector.capabilities.own_kind is not None
        expected = {tree.dump} if only_dumps else set(tree.files)
        copied = {path for path, item in files.items() if item.state is ItemState.COPIED}
        assert copied == expected, (pair, first, sorted(expected ^ copied))
        if not only_dumps:
            assert first.code is Code.SUCCESS, (pair, first)
        async with reached(destination.name, destination.place) as afresh:
            place = EntryRef(root, (await afresh.connector.look_up(root)).id)
            found = await all_files(afresh.connector, place)
            arrived = {path: found[files[path].destination_path] for path in expected}
            assert len(found) == len(expected), (pair, sorted(found))
            for path, (ref, _) in arrived.items():
                assert await content(afresh.connector, ref) == tree.files[path], (pair, path)
            names = destination.connector.capabilities.names
            for path in expected:
                back = "/".join(names.original(name) for name in files[path].destination_path.split("/"))
                assert back == path, (pair, path)
            again = await self._run(source, tree.root, afresh, root, options)
            assert again.totals.files_moved == 0, (pair, again)
            return Moved(
                content=", ".join(sorted({_proof(files[path]) for path in expected})),
                modified=_grain(tree, await with_times(afresh.connector, arrived)),
                created=_created(source, destination, arrived),
                renamed=sum(files[path].renamed for path in expected),
                permissions=await _permissions(tree, afresh, place),
                versions=await _versions(tree, afresh, arrived),
            )

    async def _run(
        self, source: Reached, from_root: EntryRef, destination: Reached, to_root: str, options: Options
    ) -> RunResult:
        engine = Engine(ledger=self.ledger, staging=self.staging, staging_memory_bytes=_MEMORY_BYTES)
        return await run_pair(
            engine,
            Side(f"{source.name}:{from_root.path}", source.name, source.connector, from_root.path),
            Side(f"{destination.name}:{to_root}", destination.name, destination.connector, to_root),
            RunMode.COPY,
            options,
            Progress(),
            shown_options={},
            upload_keys=self.upload_keys,
        )


def _options(tree: Tree, destination: Reached) -> Options:
    sharing = None
    if tree.shared_with is not None and destination.person is not None:
        sharing = SharingRules(
            map=GranteeMap({tree.shared_with: (tree.shared_with, destination.person)}),
            unmapped=Unmapped.DROP,
            wider=Wider.ALLOW,  # what is in a SharePoint library is open to the site's members
        )
    return Options(sharing=sharing, versions=5 if tree.has_versions else 0)


def _proof(item: ReportItem) -> str:
    assert item.verification is not None
    return item.verification.value.replace("_", " ")


def _grain(tree: Tree, arrived: Mapping[str, tuple[EntryRef, Entry]]) -> str:
    """The finest grain to which all modified times are those of the source."""
    off = [
        abs(entry.modified_ns - tree.modified_ns[path])
        if entry.modified_ns is not None and path in tree.modified_ns
        else None
        for path, (_, entry) in arrived.items()
    ]
    if any(each is None or each >= 2 * _SECOND_NS for each in off):
        return "no"
    return "exact" if not any(off) else "second"


def _created(
    source: Reached, destination: Reached, arrived: Mapping[str, tuple[EntryRef, Entry]]
) -> bool | None:
    if Setting.NEVER in {
        source.connector.capabilities.created,
        destination.connector.capabilities.created,
    }:
        return None
    return all(entry.created_ns == CREATED_NS for _, entry in arrived.values())


async def _permissions(tree: Tree, destination: Reached, root: EntryRef) -> bool | None:
    permissions, person = destination.connector.permissions, destination.person
    if tree.shared_with is None or permissions is None or person is None:
        return None
    folder = await destination.connector.look_up(f"{root.path}/{SHARED_FOLDER}")
    [lines] = await permissions.of([root.child(folder.name, folder.id)])
    return any(line.identity == person and line.role is AccessRole.READ for line in lines)


async def _versions(
    tree: Tree, destination: Reached, arrived: Mapping[str, tuple[EntryRef, Entry]]
) -> bool | None:
    versions = destination.connector.versions
    if not tree.has_versions or versions is None:
        return None
    file, _ = arrived[f"/{VERSIONED}"]
    first, *later = await versions.of(file)
    if not later:
        return False
    async with aclosing(versions.read(file, first)) as pieces:
        return b"".join([piece async for piece in pieces]) == EARLIER
