"""The tree that every pair of services moves: what a company has, with the names that make trouble."""

from __future__ import annotations

import random
from contextlib import aclosing
from dataclasses import dataclass, field

from tests.contents import GivenContent

from mover.connectors.contract import Connector, Setting, Target
from mover.entries import AccessRole, Entry, EntryKind, EntryRef, GranteeKind, Permission

SECOND_NS = 1_000_000_000
MODIFIED_NS = 1_600_000_000 * SECOND_NS
CREATED_NS = 1_500_000_000 * SECOND_NS
EARLIER = b"the first draft"
SHARED_FOLDER = "Shared with Ann"
VERSIONED = "Plan.txt"
SIZES = {
    "Plan.txt": 2_000,
    "empty": 0,
    "Budget 100% + #1.xlsx": 40_000,
    "caf\N{LATIN SMALL LETTER E WITH ACUTE} \N{PARTY POPPER}.txt": 500,
    "What? When: <now>.txt": 700,
    "Photos/2024/beach.jpg": 300_000,
    "Photos/2024/sunset.jpg": 250_000,
    "Photos/index; [all].html": 3_000,
    f"{SHARED_FOLDER}/minutes.md": 1_200,
}
FOLDERS = ("Photos", "Photos/2024", "Nothing here yet", SHARED_FOLDER)


@dataclass
class Tree:
    """What was put at a source.

    Attributes:
        root: The folder.
        files: Bytes by path, names as the source spells them.
        modified_ns: Modified times by path, as the source tells them.
        dump: The file that a database takes.
        has_versions: One file has an earlier version.
        shared_with: Whom a folder was shared with; None: the service has no permissions.
    """

    root: EntryRef
    files: dict[str, bytes] = field(default_factory=dict)
    modified_ns: dict[str, int] = field(default_factory=dict)
    dump: str = ""
    has_versions: bool = False
    shared_with: str | None = None


@dataclass(frozen=True)
class Dump:
    """A table as MySQL gives it out."""

    name: str
    data: bytes


async def plant(connector: Connector, root: EntryRef, person: str | None, dump: Dump) -> Tree:
    """Make the tree in an empty folder, with the connector itself."""
    names = connector.capabilities.names
    tree = Tree(root, dump=f"/{dump.name}")
    folders = {"": root}
    for path in FOLDERS:
        above, _, name = path.rpartition("/")
        made = await connector.create_folder(folders[above], names.accepted(name))
        folders[path] = folders[above].child(made.name, made.id)
    contents = {path: random.Random(path).randbytes(size) for path, size in SIZES.items()}
    for number, (path, data) in enumerate((contents | {dump.name: dump.data}).items()):
        above, _, name = path.rpartition("/")
        target = Target(
            folder=folders[above],
            name=names.accepted(name),
            key=f"matrix-{number}",
            modified_ns=MODIFIED_NS + number * SECOND_NS,
            created_ns=CREATED_NS,
        )
        if path == VERSIONED and connector.versions is not None:
            first = await connector.upload(target, GivenContent(EARLIER))
            seen = await connector.refresh(folders[above].child(target.name, first.id))
            tree.has_versions = True
            target = Target(
                folder=target.folder,
                name=target.name,
                key=target.key,
                replaces=seen,
                modified_ns=target.modified_ns,
                created_ns=target.created_ns,
            )
        made = await connector.upload(target, GivenContent(data))
        if connector.capabilities.modified is Setting.AFTERWARDS and connector.times is not None:
            assert target.modified_ns is not None
            await connector.times.set_modified(folders[above].child(made.name, made.id), target.modified_ns)
        tree.files[folders[above].child(target.name).path.removeprefix(root.path)] = data
    found = await with_times(connector, await all_files(connector, root))
    for path, (_, entry) in found.items():
        if entry.modified_ns is not None:
            tree.modified_ns[path] = entry.modified_ns
    if connector.permissions is not None and person is not None:
        share = Permission(kind=GranteeKind.PERSON, identity=person, role=AccessRole.READ)
        await connector.permissions.grant(folders[SHARED_FOLDER], share)
        tree.shared_with = person
    return tree


async def all_files(connector: Connector, root: EntryRef) -> dict[str, tuple[EntryRef, Entry]]:
    """List everything below a folder: files by their path from there."""
    found: dict[str, tuple[EntryRef, Entry]] = {}
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        async with aclosing(connector.list_folder(folder)) as pages:
            async for page in pages:
                for entry in page.entries:
                    ref = folder.child(entry.name, entry.id)
                    if entry.kind is EntryKind.FOLDER:
                        waiting.append(ref)
                    else:
                        found[ref.path.removeprefix(root.path)] = (ref, entry)
    return found


async def with_times(
    connector: Connector, files: dict[str, tuple[EntryRef, Entry]]
) -> dict[str, tuple[EntryRef, Entry]]:
    """Look at each file where listings do not tell times that were kept."""
    can = connector.capabilities
    if can.modified is Setting.NEVER or can.modified_resolution_ns is not None:
        return files
    return {path: (ref, await connector.refresh(ref)) for path, (ref, _) in files.items()}


async def content(connector: Connector, file: EntryRef) -> bytes:
    """Read a whole file."""
    async with aclosing(connector.read(file)) as pieces:
        return b"".join([piece async for piece in pieces])


async def everything(connector: Connector, root: EntryRef) -> dict[str, object]:
    """Tell all that a service shows of a tree, for comparing: files and folders, content, earlier versions, permissions."""
    shown: dict[str, object] = {}
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        async with aclosing(connector.list_folder(folder)) as pages:
            entries = [entry async for page in pages for entry in page.entries]
        for entry in entries:
            ref = folder.child(entry.name, entry.id)
            lines = await connector.permissions.of([ref]) if connector.permissions else ()
            if entry.kind is EntryKind.FOLDER:
                waiting.append(ref)
                shown[ref.path] = (entry, lines)
            else:
                versions = await connector.versions.of(ref) if connector.versions else ()
                shown[ref.path] = (entry, lines, versions, await content(connector, ref))
    return shown


async def planted_tables(connector: Connector, root: EntryRef) -> Tree:
    """Describe what a database has: it is a tree of dumps."""
    tree = Tree(root)
    for path, (ref, _) in (await all_files(connector, root)).items():
        tree.files[path] = await content(connector, ref)
        tree.dump = path
    return tree
