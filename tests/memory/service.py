"""An in-memory service that behaves like a cloud drive: the account itself, as a test sets it up and looks at it.

service = MemoryService()                                   # ids, its own hash, versions, parts, a change feed
service = MemoryService(replace(DRIVE, duplicate_names=True))
service.add_file("/a/b.txt", b"content", modified_ns=...)
service.faults.add("read", "/a/b.txt", error=Throttled("slow down", retry_after_s=3))
connector = service.connector()                             # as many as needed, also one after the other
...
assert service.tree() == {"/a/b.txt": b"content"}
assert service.calls["look_up"] == 0
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tests.memory.contents import Contents, Exported, Held, Pattern, hashes_of, pieces
from tests.memory.directory import Directory, Who
from tests.memory.faults import Fault, FaultScript
from tests.memory.nodes import Earlier, Node, Tree

from mover.connectors.contract import Capabilities, OwnKind, PartRules, Setting
from mover.entries import AccessRole, Entry, EntryKind, GranteeKind, HashName
from mover.naming import EXACT, SHAREPOINT

if TYPE_CHECKING:
    from tests.memory.connector import MemoryConnector

MIB = 1024 * 1024
SECOND_NS = 1_000_000_000
EPOCH_NS = 1_700_000_000 * SECOND_NS
NO_NAMES: frozenset[HashName] = frozenset()

DRIVE = Capabilities(
    names=EXACT,
    stable_ids=True,
    listed_hashes=frozenset({HashName.QUICKXOR}),
    returned_hashes=frozenset({HashName.QUICKXOR}),
    modified=Setting.AT_UPLOAD,
    modified_resolution_ns=SECOND_NS,
    folder_modified=Setting.AFTERWARDS,
    versioned_reads=True,
    exclusive_create=True,
    parts=PartRules(
        smallest=1, largest=64 * MIB, most=10_000, preferred=MIB, parallel=True, worthwhile_from=4 * MIB
    ),
)
"""A drive with ids: names are exact, a hash of its own everywhere, times to the second, parallel parts."""

CASELESS_DRIVE = replace(DRIVE, names=SHAREPOINT)
"""The same with SharePoint's names: it takes `A` and `a` for one."""

PATHS = replace(
    DRIVE,
    stable_ids=False,
    listed_hashes=NO_NAMES,
    returned_hashes=NO_NAMES,
    modified=Setting.AFTERWARDS,
    parts=None,
    versioned_reads=False,
)
"""A file server: only paths, no hashes, times set afterwards, no parts."""


TABLES = replace(
    PATHS,
    modified=Setting.NEVER,
    modified_resolution_ns=None,
    folder_modified=Setting.NEVER,
    range_reads=False,
    sizes=False,
    own_kind=OwnKind(what="dumps", suffix=".sql"),
    one_moment=True,
)
"""A database: nothing but reading a file tells what is in it, and not every file is one of its own."""


@dataclass
class PendingUpload:
    """A file of which parts have arrived."""

    path: str
    size: int | None
    part_size: int
    parts: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    finished_id: str | None = None


class MemoryService:
    """One account at a service that lives in this process. Connectors are many, the account is one.

    Args:
        capabilities: What the service can do; made from one of the presets with `dataclasses.replace`.
        page_size: Entries a listing page.
        resumable_listings: Listing pages carry a cursor.
        times_listed: Else only looking up and reading tell modified times.
        hashes_on_demand: Hashes that `Connector.hashes` computes; absent if empty.
        renames: `Connector.renames` is there.
        change_feed: `Connector.changes` is there (needs ids).
        tree_page: The feed begins with all that stands below a folder, so many lines a page; None: it has no such thing.
        free_bytes: Room in the account; None for endless room and an account that does not say.
        room: Room in folders that have a limit of their own (the drives of several people), by path.
        sharing_feed: `Connector.sharing_changes` is there (needs a directory): the feed tells of permissions, too.
        versions: `Connector.versions` is there.
        alter: What the service makes of files whose names end as `Capabilities.alters` says, when it takes them.
        directory: Whom the service knows; with it `Connector.permissions` is there, and entries tell their owner.
        keeps_content: Else uploads are counted and hashed but not kept, for moves of more than memory holds (parts
            are held until their file is finished).
        now_ns: The service's clock; by default it goes on by one second with each question.
    """

    def __init__(
        self,
        capabilities: Capabilities = DRIVE,
        *,
        page_size: int = 1000,
        resumable_listings: bool = True,
        times_listed: bool = True,
        hashes_on_demand: frozenset[HashName] = NO_NAMES,
        renames: bool = True,
        change_feed: bool = True,
        tree_page: int | None = None,
        free_bytes: int | None = None,
        room: dict[str, int] | None = None,
        sharing_feed: bool = False,
        versions: bool = False,
        alter: Callable[[bytes], bytes] | None = None,
        directory: Directory | None = None,
        keeps_content: bool = True,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        self.capabilities = capabilities
        self.page_size = page_size
        self.resumable_listings = resumable_listings
        self.times_listed = times_listed
        self.hashes_on_demand = hashes_on_demand
        self.renames = renames
        self.change_feed = change_feed and capabilities.stable_ids
        self.tree_page = tree_page
        self.trees: dict[str, dict[str, Entry]] = {}
        """What was told of trees, by cursor."""
        self.taken_up: list[tuple[str, list[str], bool, bool]] = []
        """Folders of trees that the engine took up, page by page: names, and whether the page begins or ends the folder."""
        self.free_bytes = free_bytes
        self.room = room if room is not None else {}
        self.sharing_feed = sharing_feed and self.change_feed and directory is not None
        self.versions = versions
        self.alter = alter
        self.directory = directory
        self.keeps_content = keeps_content
        self.now_ns = now_ns or itertools.count(EPOCH_NS, SECOND_NS).__next__
        self.nodes = Tree(capabilities.names)
        self.faults = FaultScript()
        self.calls: Counter[str] = Counter()
        """How often each operation was called, over all connectors. `resolve_path` counts look-ups of paths behind an
        operation that was given no id though the service has ids: a real one would spend a call on each."""
        self.journal: deque[tuple[str, str]] = deque(maxlen=100_000)
        """The latest calls: operation and path."""
        self.most_at_once: Counter[str] = Counter()
        """The greatest number of calls of each operation that were under way together; `*` for all."""
        self.uploads: dict[str, PendingUpload] = {}
        """Uploads in parts by token, finished ones too."""
        self._under_way: Counter[str] = Counter()

    def connector(self) -> MemoryConnector:
        """Make a connector that is not signed in yet."""
        from tests.memory.connector import MemoryConnector  # noqa: PLC0415 - the two modules are one subject

        return MemoryConnector(self)

    # Setting the stage: nothing here counts as a call.

    def add_folder(self, path: str, *, modified_ns: int | None = None) -> Entry:
        """Make a folder and those above it, as far as they are missing."""
        parent, name = self._place(path)
        found = [node for node in self.nodes.named(parent, name) if node.kind is EntryKind.FOLDER]
        return self.describe(
            found[0] if found else self._put(parent, name, EntryKind.FOLDER, modified_ns=modified_ns)
        )

    def add_file(
        self,
        path: str,
        content: bytes | Pattern = b"",
        *,
        modified_ns: int | None = None,
        media_type: str | None = None,
    ) -> Entry:
        """Put a file at a path, beside any others of that name; folders above it are made."""
        contents = content if isinstance(content, Pattern) else Held(content)
        parent, name = self._place(path)
        node = self._put(parent, name, EntryKind.FILE, contents=contents, modified_ns=modified_ns)
        node.media_type = media_type
        return self.describe(node)

    def add_named(
        self, folder: str, name: str, content: bytes = b"", *, modified_ns: int | None = None
    ) -> Entry:
        """Put a file whose name may contain a slash into a folder."""
        if folder != "/":
            self.add_folder(folder)
        parent = self._existing(folder)
        return self.describe(
            self._put(parent, name, EntryKind.FILE, contents=Held(content), modified_ns=modified_ns)
        )

    def add_native(self, path: str, export: Callable[[], bytes], *, modified_ns: int | None = None) -> Entry:
        """Put a document without size at a path; `export` makes its bytes for each reading."""
        parent, name = self._place(path)
        node = self._put(parent, name, EntryKind.NATIVE, contents=Exported(export), modified_ns=modified_ns)
        node.media_type = "application/vnd.example.document"
        return self.describe(node)

    def add_shortcut(self, path: str, target: str) -> Entry:
        """Put a shortcut at a path."""
        parent, name = self._place(path)
        node = self._put(parent, name, EntryKind.SHORTCUT)
        node.target = target
        return self.describe(node)

    def change_file(self, path: str, content: bytes, *, modified_ns: int | None = None) -> Entry:
        """Give a file other content, as its owner would."""
        node = self._existing(path)
        self.store(node, Held(content), modified_ns)
        return self.describe(node)

    def alter_later(self, path: str, data: bytes) -> None:
        """Change a file as a service does by itself after a while: its time stays, and no earlier version is kept."""
        node = self._existing(path)
        node.contents = Held(data)
        node.version += 1
        self.nodes.touch(node)

    def move(self, path: str, new_path: str) -> None:
        """Move or rename an entry, as its owner would."""
        parent, name = self._place(new_path)
        self.nodes.move(self._existing(path), parent, name)

    def remove(self, path: str) -> None:
        """Remove an entry with all that is in it, as its owner would."""
        self.nodes.remove(self._existing(path))

    def share(
        self,
        path: str,
        identity: str,
        role: AccessRole = AccessRole.READ,
        *,
        kind: GranteeKind = GranteeKind.PERSON,
    ) -> None:
        """Permit something on an entry, as its owner would."""
        self.sharing_changed(self._existing(path))
        self._known.permit(self._existing(path), kind, identity, role)

    def share_by_link(self, path: str, role: AccessRole = AccessRole.READ) -> None:
        """Let whoever has the link see an entry."""
        self.sharing_changed(self._existing(path))
        self._known.permit(self._existing(path), GranteeKind.ANYONE, "", role)

    def unshare(self, path: str, identity: str, *, kind: GranteeKind = GranteeKind.PERSON) -> None:
        """Take it back."""
        self.sharing_changed(self._existing(path))
        self._known.take_back(self._existing(path), kind, identity)

    def restrict(self, path: str) -> None:
        """Let an entry inherit nothing from its folder any more."""
        self.sharing_changed(self._existing(path))
        self._known.cut(self._existing(path))

    def sharing_changed(self, node: Node) -> None:
        """Let the feed tell of an entry's permissions, where it does that."""
        if self.sharing_feed:
            self.nodes.touch(node)

    def forget_changes(self) -> None:
        """Make every cursor of the change feed so far too old."""
        self.nodes.touch(self.nodes.root)
        self.nodes.oldest_cursor = len(self.nodes.changed)

    # Looking at it.

    def tree(self) -> dict[str, bytes]:
        """Return all files with their content. Raises ValueError if two have the same path: see `files`."""
        files = self.files()
        if len(dict(files)) != len(files):
            raise ValueError("several files have the same path")
        return dict(files)

    def files(self) -> list[tuple[str, bytes]]:
        """Return paths and content of all files and native documents, folder by folder."""
        kinds = {EntryKind.FILE, EntryKind.NATIVE}
        return [
            (self.nodes.path(node), b"".join(pieces(node.contents)))
            for node in self.nodes.walk()
            if node.kind in kinds
        ]

    def folders(self) -> list[str]:
        """Return the paths of all folders but the root."""
        return [self.nodes.path(node) for node in self.nodes.walk() if node.kind is EntryKind.FOLDER]

    def entry(self, path: str) -> Entry:
        """Describe the entry at a path; a KeyError if there is none."""
        return self.describe(self._existing(path))

    def access(self, path: str) -> dict[Who, AccessRole]:
        """Who may do what with the entry at a path, through folders above too; the owner and links aside."""
        return self._known.access(self.nodes, self._existing(path))

    def shares(self, path: str) -> dict[Who, AccessRole]:
        """What is permitted on that very entry."""
        return self._known.own(self._existing(path))

    @property
    def _known(self) -> Directory:
        assert self.directory is not None, "the service was made without a directory"
        return self.directory

    @property
    def unfinished(self) -> list[str]:
        """Paths of uploads in parts that were neither finished nor aborted."""
        return [upload.path for upload in self.uploads.values() if upload.finished_id is None]

    # What connectors are made of.

    def describe(self, node: Node, hashes: frozenset[HashName] | None = None) -> Entry:
        """Return an entry as the service tells it; `hashes` instead of those that listings carry."""
        can = self.capabilities
        is_file = node.kind is EntryKind.FILE
        if is_file and not can.sizes:
            return Entry(name=node.name, kind=node.kind, id=node.id if can.stable_ids else None)
        return Entry(
            name=node.name,
            kind=node.kind,
            id=node.id if can.stable_ids else None,
            size=node.contents.size if is_file else None,
            modified_ns=node.modified_ns if node.parent_id is not None else None,
            created_ns=node.created_ns if node.parent_id is not None else None,
            version=f"v{node.version}" if can.versioned_reads and node.kind is not EntryKind.FOLDER else None,
            hashes=hashes_of(node.contents, can.listed_hashes if hashes is None else hashes)
            if is_file
            else {},
            target=node.target,
            media_type=node.media_type,
            owner=self.directory.owner if self.directory is not None else None,
            shared=self.directory.is_shared(node)
            if self.directory is not None and self.directory.tells_shared
            else None,
        )

    def create(self, parent: Node, name: str, kind: EntryKind) -> Node:
        """Make an entry of now."""
        node = self.nodes.new(parent, name, kind)
        node.created_ns = self.now_ns()
        node.modified_ns = self.grain(node.created_ns)
        return node

    def store(self, node: Node, contents: Contents, modified_ns: int | None) -> None:
        """Give an entry content; without a time, that of now."""
        if self.versions and node.stored:
            node.earlier.append(Earlier(node.version, node.contents, node.modified_ns))
        node.stored = True
        node.contents = contents
        node.version += 1
        node.modified_ns = self.grain(self.now_ns() if modified_ns is None else modified_ns)
        self.nodes.touch(node)

    def room_for(self, path: str) -> tuple[str | None, int | None]:
        """The folder whose limit counts at a path (None: the account's), and how many bytes it has left."""
        for folder, left in self.room.items():
            if f"{path}/".startswith(f"{folder.rstrip('/')}/"):
                return folder, left
        return None, self.free_bytes

    def take_room(self, path: str, size: int) -> None:
        """Have less room at a path."""
        folder, left = self.room_for(path)
        if folder is not None:
            self.room[folder] -= size
        elif left is not None:
            self.free_bytes = left - size

    def grain(self, time_ns: int) -> int:
        """Return a time as coarse as the service keeps it."""
        return time_ns - time_ns % (self.capabilities.modified_resolution_ns or SECOND_NS)

    @contextlib.asynccontextmanager
    async def operation(self, name: str, path: str) -> AsyncIterator[Fault]:
        """Count a call, and let the fault script strike."""
        self.calls[name] += 1
        self.journal.append((name, path))
        for counted in (name, "*"):
            self._under_way[counted] += 1
            self.most_at_once[counted] = max(self.most_at_once[counted], self._under_way[counted])
        fault = self.faults.strike(name, path)
        try:
            await fault.begin()
            yield fault
            fault.end()
        finally:
            for counted in (name, "*"):
                self._under_way[counted] -= 1

    def _put(
        self,
        parent: Node,
        name: str,
        kind: EntryKind,
        *,
        contents: Contents | None = None,
        modified_ns: int | None = None,
    ) -> Node:
        node = self.create(parent, name, kind)
        if contents is not None:
            node.contents = contents
            node.stored = True
        if modified_ns is not None:
            node.modified_ns = self.grain(modified_ns)
        return node

    def _place(self, path: str) -> tuple[Node, str]:
        above, _, name = path.rpartition("/")
        assert path.startswith("/"), "paths start with a slash"
        assert name, "the path must name an entry"
        if not above:
            return self.nodes.root, name
        self.add_folder(above)
        return self._existing(above), name

    def _existing(self, path: str) -> Node:
        node = self.nodes.at(path)
        if node is None:
            raise KeyError(path)
        return node
