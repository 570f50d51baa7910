"""What a connector is: the duties that every service's code takes on, and the data that says what a service can do.

The engine knows services only through this page. Three rules hold for every operation:

* **One try.** An operation tries once and raises: it repeats nothing that failed, and sleeps off no failure of its own.
  A wrapper (`mover.connectors.paced`) repeats what raised a `Transient` error, so every operation must be safe to repeat:
  it is idempotent, or its docstring says what a repetition finds. Before its try an operation may wait for its turn: for
  the round of a call that it shares with others (`gathering.py`), or until calls are allowed that the service itself counts
  (`microsoft/units.py`, `egnyte/pace.py`). And where the answer to a call is a job, it waits for that to end
  (`dropbox/folders.py`). These modules alone know of time; each is told how to sleep.
* **Errors are `mover.errors`.** A Transient error carries the service's wish for a pause. `service`, `operation` and
  `path` are filled in; a service's own words go into `said`; no secret goes anywhere. Anything else that escapes
  (a KeyError from a strange answer) is a defect: answers from outside are checked, and `ProtocolViolation` raised.
* **Nothing is invented.** What a service does not tell is None or absent in the returned `Entry`.

What a service cannot do at all is absent, not stubbed: the optional operations are attributes that hold an object or
None (`part_uploads`, `described_reads`, `hashes`, `times`, `renames`, `quota`, `changes`, `sharing_changes`, `permissions`,
`versions`, `places`), and callers look. How well it can do the rest is data, in `Capabilities`.

Everything is cancellable: a cancelled operation closes what it opened. No operation holds more than about 1 MiB of a
file in memory, and none writes content to the local disk (the local folder connector's uploads excepted: that is its
destination).
"""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import msgspec

from mover.connectors.costs import CallCosts
from mover.entries import NO_HASHES, ROOT, AccessRole, Entry, EntryRef, GranteeKind, HashName, Permission
from mover.naming import NameRules


class Setting(enum.Enum):
    """When a service lets a time be set."""

    NEVER = "never"
    AT_UPLOAD = "at_upload"  # with the content, costs no further call
    AFTERWARDS = "afterwards"  # through `Connector.times`, one call more


@dataclass(frozen=True, kw_only=True)
class PartRules:
    """How a file may be cut for `PartUploads`. Sizes in bytes.

    Attributes:
        smallest: Least size of every part but the last.
        largest: Greatest size of a part.
        most: Greatest number of parts.
        multiple: Every part but the last is a multiple of this.
        preferred: The size that suits the service best when nothing else decides.
        parallel: Several parts may be on their way at once, in any order; else they go one by one, ascending.
        worthwhile_from: Files of at least this size are sent in parts, smaller ones whole.
        needs: A hash of the whole file without which `finish` is refused: it raises NotFound, and all has to be sent again.
        rationed: The service limits calls, so few large parts are worth more than many in memory: what staging's memory does
            not hold waits on its disk.
    """

    smallest: int
    largest: int
    most: int
    multiple: int = 1
    preferred: int
    parallel: bool
    worthwhile_from: int
    needs: HashName | None = None
    rationed: bool = False


class OwnKind(msgspec.Struct, frozen=True, kw_only=True):
    """The only kind of files that a service takes, where it is no general store of files (a database).

    What has another name is not sent at all; what has the name and is something else is found out by `upload`, which
    raises Unsupported. Neither is a failure: the run says that the destination does not support it.

    Attributes:
        what: For people, in the plural: "dumps that Mover made of a database".
        suffix: How the names of all of them end.
    """

    what: str
    suffix: str


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a service can do, as data. Tests and the engine choose by it; nobody asks for a service's name.

    Attributes:
        names: What names and paths the service accepts, and which of them are the same to it.
        duplicate_names: Several entries of one name may stand in one folder (they differ by id).
        stable_ids: `Entry.id` stays the same over renames and moves.
        listed_hashes: Hashes that listings carry for ordinary files, free of charge.
        returned_hashes: Hashes that the service itself computed of what it received, in the entry that `upload` and
            `finish` return. Only these prove an arrival.
        modified: Whether modified times of files can be kept, and when they are set.
        modified_resolution_ns: The grain of modified times as listed (1_000_000_000 = whole seconds); None where
            listings have no modified time that could be compared (for example, only the time of arrival).
        folder_modified: Likewise for folders (AFTERWARDS or NEVER).
        created: Whether times of creation of files can be kept (AT_UPLOAD or NEVER).
        alters: Endings of names, in lower case (".docx"), of files that the service may change after it has taken them:
            their size and hashes then are no longer those that were sent, though nothing went wrong. They keep their
            modified time. `upload` and `finish` leave it to the engine to compare what the service says of such a file.
        range_reads: `read` honours `offset` and `length`; else it always starts at 0 and reads to the end.
        bounded_reads: A read that ends before the file does costs no more than its bytes. Where it does (an FTP connection
            that is interrupted is lost), large files are read in one stream rather than in ranges.
        described_changes: Lines of the change feed come with their entries, free of charge. Else each line costs a call, and
            no run reads what it did at a destination itself: the next one lists the folders there.
        versioned_reads: `read(version=...)` notices by itself that the file is no longer that version, or reads that very
            version though there is a newer one.
        exclusive_create: Creating never replaces an entry that appeared in between, by the service's own guarantee.
        unknown_sizes: `upload` takes content whose size is not known in advance.
        sizes: Entries of files tell a size. Without it, and without hashes, versions and times, only reading a file tells
            whether it is still what it was.
        own_kind: The only kind of files that it takes; None: any.
        deepest_folder: Folders stand at most so many levels below the connection's root; None: no limit.
        one_moment: What one connector reads is all of one moment, that of its first read.
        max_file_size: In bytes; None where unlimited or unknown.
        empty_folders: Folders exist without content (once `create_folder` made them).
        implicit_folders: A folder comes into being with its first file, so only empty ones need `create_folder`.
        parts: Rules for `PartUploads`; None exactly when `Connector.part_uploads` is None.
        concurrency: How many operations at once are polite to begin with, and at most.
        costs: What its operations cost in calls; None where nobody counts them (a folder, SFTP, FTP, a database).
    """

    names: NameRules
    duplicate_names: bool = False
    stable_ids: bool = False
    listed_hashes: frozenset[HashName] = frozenset()
    returned_hashes: frozenset[HashName] = frozenset()
    modified: Setting
    modified_resolution_ns: int | None
    folder_modified: Setting = Setting.NEVER
    created: Setting = Setting.NEVER
    alters: frozenset[str] = frozenset()
    range_reads: bool = True
    bounded_reads: bool = True
    described_changes: bool = True
    versioned_reads: bool = False
    exclusive_create: bool
    unknown_sizes: bool = True
    sizes: bool = True
    own_kind: OwnKind | None = None
    deepest_folder: int | None = None
    one_moment: bool = False
    max_file_size: int | None = None
    empty_folders: bool = True
    implicit_folders: bool = False
    parts: PartRules | None = None
    concurrency: tuple[int, int] = (8, 32)
    costs: CallCosts | None = None


class Page(msgspec.Struct, frozen=True):
    """A piece of a listing.

    Attributes:
        entries: At most about 1,000, in the service's order.
        cursor: With it `list_folder` goes on after this page, in another process or tomorrow; None where the service
            has no such thing (then an interrupted listing starts again), and on the last page.
    """

    entries: Sequence[Entry]
    cursor: str | None = None


class Content(Protocol):
    """The bytes of one upload, handed to a connector by the engine. Decrypted piece by piece as it is consumed."""

    @property
    def size(self) -> int | None:
        """Size in bytes; None if it is not known before the end."""

    @property
    def hashes(self) -> Mapping[HashName, str]:
        """Hashes of exactly these bytes that are known before sending; may be empty."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the bytes from the start, in pieces of at most 1 MiB.

        May be called again to repeat only if `repeatable`. Raises whatever reading the source raised; the connector
        lets that pass, abandons the upload and leaves nothing visible at the target.
        """

    @property
    def repeatable(self) -> bool:
        """`chunks` may be called more than once."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where an upload goes and what comes with the content.

    Attributes:
        folder: The existing folder.
        name: The name in it, already one that `Capabilities.names` accepts.
        replaces: None: create, and raise Conflict if anything of that name is there. An entry: replace exactly that
            one, and raise Changed if it is no longer what the entry says, as far as the service can tell.
        key: Text of [0-9a-z-], at most 64 characters, the same for the same item after a restart, different for
            different items. Temporary objects (`.mover-<key>.part`) are named by it, so that a repetition
            finds and reuses or overwrites its own leftovers, and nobody else's.
        modified_ns: Modified time to keep, nanoseconds since 1970 UTC; None if unknown.
        created_ns: Likewise the time of creation; kept where `Capabilities.created` says so.
        media_type: As the source has it, or guessed from the name; None if unknown.
    """

    folder: EntryRef
    name: str
    key: str
    replaces: Entry | None = None
    modified_ns: int | None = None
    created_ns: int | None = None
    media_type: str | None = None

    @property
    def ref(self) -> EntryRef:
        """Address of the finished file: the replaced entry's id where there is one."""
        return self.folder.child(self.name, self.replaces.id if self.replaces else None)


TEMPORARY_PREFIX = ".mover-"
TEMPORARY_SUFFIX = ".part"


def temporary_name(key: str) -> str:
    """Name of the temporary object of the upload with this key, for services that have no uploads of their own."""
    return f"{TEMPORARY_PREFIX}{key}{TEMPORARY_SUFFIX}"


def is_temporary_name(name: str) -> bool:
    """Tell whether a name is one that `temporary_name` makes; scans pass such entries over and say so."""
    return name.startswith(TEMPORARY_PREFIX) and name.endswith(TEMPORARY_SUFFIX)


class SentPart(msgspec.Struct, frozen=True):
    """A part that the service has.

    Attributes:
        number: From 1, ascending with the offset.
        size: In bytes.
        receipt: What the service gave for it (an ETag with checksums, say) as opaque text; needed by `finish`.
    """

    number: int
    size: int
    receipt: str


class PartUploads(Protocol):
    """Uploads in parts that survive a crash: the token and the receipts are kept in the ledger."""

    async def begin(self, target: Target, size: int | None, part_size: int) -> str:
        """Start an upload and return its token: opaque text that works after a restart, without passwords and keys.

        It may be a right to write this one file: it is sealed before it is kept, and shown to nobody.

        `size` is that of the whole file, None if it is known only at the end. All parts but the last will have
        `part_size` bytes. Called again with the same `target.key` it may return the
        same upload, emptied. Raises Conflict, QuotaExceeded, TooLarge as early as the service tells, and Unsupported
        where only a trial tells that this server takes no parts: the file is then sent whole.
        """

    async def send(self, token: str, number: int, offset: int, content: Content) -> SentPart:
        """Send one part (its size is known). Idempotent: sending a part again replaces it.

        Raises IntegrityError if the service reports other bytes than were sent, NotFound if the upload is gone.
        """

    async def received(self, token: str, kept: Sequence[SentPart] = (), /) -> Sequence[SentPart] | None:
        """Which parts the service may have whole: one with a receipt that is not among them is lost.

        Asked before an upload is gone on with; `kept` are the parts with their receipts as the ledger has them, ascending.

        None: the upload is there, but the service cannot tell, so the receipts alone count. Raises NotFound if the
        upload is gone.
        """

    async def finish(
        self, token: str, target: Target, parts: Sequence[SentPart], hashes: Mapping[HashName, str]
    ) -> Entry:
        """Make the file visible under its name, whole or not at all, honouring `target.replaces` and `modified_ns`.

        `parts` are all parts, ascending. `hashes` are those of the whole file as far as known. Repeated after it has
        succeeded (the answer was lost), it finds the finished file and returns it or raises NotFound.
        """

    async def abort(self, token: str) -> None:
        """Drop the upload and all it holds. Idempotent: an upload that is gone already is no error."""


class DescribedReads(Protocol):
    """Reading that tells on the way what listings do not: S3 keeps modified times where only the object itself has them."""

    def read(
        self,
        file: EntryRef,
        *,
        offset: int = 0,
        length: int | None = None,
        version: str | None = None,
        found: Callable[[Entry], None],
    ) -> AsyncGenerator[bytes, None]:
        """As `Connector.read`; `found` is called before the first bytes, with the entry as the same answer tells it."""


class ServiceHashes(Protocol):
    """Hashes that the service computes on demand, on its side, of what it has stored."""

    names: frozenset[HashName]

    async def compute(self, file: EntryRef, wanted: frozenset[HashName]) -> Mapping[HashName, str]:
        """Return those of `wanted` that the service can compute now; possibly none."""


class Times(Protocol):
    """Setting times of what is already there."""

    async def set_modified(self, entry: EntryRef, modified_ns: int) -> bool:
        """Set the modified time; idempotent. Returns False if the service took the call but did not keep the time."""


class Renames(Protocol):
    """Renaming and moving within the service."""

    async def rename(self, entry: EntryRef, folder: EntryRef, name: str) -> Entry:
        """Move an entry into `folder` under `name`, never over another one (Conflict). Keeps content and times."""


class Quota(Protocol):
    """Room in the account."""

    async def free_bytes(self, folder: EntryRef = ROOT) -> int | None:
        """Bytes that may still be stored in that folder; None if the service does not say, or sets no limit."""


class Change(msgspec.Struct, frozen=True):
    """One line of a change feed: the entry as it is now, or that the id is gone.

    `parent_id` is the id of the folder that holds it, None for the root or where it is gone. `path` is for services that
    tell what was removed by its path alone (from the connection's root): `id` is empty then.
    """

    id: str
    entry: Entry | None
    parent_id: str | None = None
    path: str | None = None


class Changes(Protocol):
    """What changed since a moment, in the drive that holds a folder. Lines may repeat and come in any order.

    The feed is at least that of all that stands below the folder; it may tell of more (the whole drive, the account).
    What stands in a folder that was moved, removed or brought back needs no lines of its own, unless it changed while
    the folder was out of the feed's reach.
    """

    async def cursor(self, folder: EntryRef = ROOT) -> str:
        """Return a cursor for now: opaque text without secrets, that works after a restart.

        Whatever changes from now on comes after it; where lines come late and out of their order, it is that much older.
        Raises Unsupported or NotFound where there is no one feed for all that stands below the folder.
        """

    def since(self, cursor: str) -> AsyncGenerator[tuple[Sequence[Change], str], None]:
        """Yield changes with the cursor that stands after them; ends when there are no more. NotFound: cursor too old."""


class TreeLine(msgspec.Struct, frozen=True):
    """One line of all that stands below a folder: what stands at a place now, or that nothing does.

    Attributes:
        place: The names from below the folder down to the entry, each after a `/`, spelled so that two places are the same
            exactly if these are. No names for people, and maybe not those of `Entry.name`.
        path: Likewise as the service shows it, as far as it cares: nothing but an estimate may depend on it.
        entry: None: nothing stands there any more, nor below it.
    """

    place: str
    path: str
    entry: Entry | None


class TreePage(msgspec.Struct, frozen=True):
    """A piece of all that stands below a folder.

    Attributes:
        lines: In the order in which they count: a later line of a place replaces an earlier one.
        cursor: With it `Trees.below` goes on after this page, in another process or tomorrow.
        feed: With the last page, and only then: the cursor of the change feed that goes on from what was told.
    """

    lines: Sequence[TreeLine]
    cursor: str
    feed: str | None = None


@runtime_checkable
class Trees(Protocol):
    """A change feed that begins with all that stands below a folder, in far fewer calls than folders are listed with.

    Not part of `Changes`, which it stands beside: few services have it.
    """

    def below(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[TreePage, None]:
        """Yield what stands below a folder, at every depth, in pages. With a `cursor` it goes on after that page.

        Applied one after the other, the lines leave what stands there at some moment: an entry that changed meanwhile is
        told again, what went is told as gone, and what came or changed after that moment is told by the feed from the last
        page's `feed` on. A file in the place of a folder ends what stood in that; a folder in the place of a folder does not.
        Nothing is said of order: a folder may come after what is in it. What is in a folder that the account has mounted
        there is among it. Raises Unsupported where a folder has no one feed, NotFound where the folder is gone or the cursor
        is too old: it then has to be read from its beginning.
        """

    async def taken_up(self, folder: EntryRef, entries: Sequence[Entry], *, begins: bool, ends: bool) -> None:
        """Hear which folder the engine takes up now from what was told, page by page, as `list_folder` would have yielded it.

        Makes no call. A connector that reads files by what listings told of them learns here what it learns there, in the
        order in which files are going to be read, and in whatever process that is.
        """


class Permissions(Protocol):
    """Who may do what with an entry, both ways.

    Attributes:
        kinds: Whom this service can be asked to permit something.
        inherited: What is permitted on a folder holds for all that is in it, and cannot be taken back further down.
        roles: What can be permitted; `grant` refuses another role. The top of a storage may have more of them.
        on_files: Something can be permitted on a file by itself, not on folders only.
        tells_links_above: `of` tells shares by link of folders above. Else whoever wants to know asks about these folders.
    """

    kinds: frozenset[GranteeKind]
    inherited: bool
    roles: frozenset[AccessRole]
    on_files: bool
    tells_links_above: bool

    async def of(self, entries: Sequence[EntryRef]) -> Sequence[Sequence[Permission]]:
        """Return the permissions of each of at most 100 entries, in their order, with as few calls as the service allows.

        They are complete but for `tells_links_above`: what holds through folders above is among them, marked `inherited`,
        and what was permitted on the entry itself is not. Of an entry that does not inherit all that its folder permits, what it does not inherit
        is missing: that is how the engine learns that fewer people see it. The owner is among them, with OWNER.
        An entry that is gone meanwhile has none. Raises PermissionDenied if the account may not look, Unsupported where
        nothing can be permitted: on the folders above the storage of all users.
        """

    async def grant(self, entry: EntryRef, grantee: Permission) -> None:
        """Permit `grantee.role` to `grantee.identity`; nobody gets mail. Idempotent; never lowers what is there.

        Only `kind`, `identity` and `role` count. OWNER adds an owner where things have several (co-owner, organizer):
        the account never gives its own ownership away by it. ANYONE makes a share by link for whoever has it.
        Raises UserNotFound for an unknown grantee, Unsupported for a kind or role that is not possible here (on this
        entry: some services permit things on folders only); NotFound for an entry that is gone.
        """

    async def revoke(self, entry: EntryRef, grantee: Permission) -> None:
        """Take back what `grant` gave on this very entry, whatever its role is by now; what it inherits stays.

        Idempotent: one that is gone, alone or with its entry, is no error.
        """


class FileVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a file.

    Attributes:
        id: As `Entry.version` would have it while this version was the current one, or the service's own id of it.
        size: In bytes.
        modified_ns: When it was made, nanoseconds since 1970 UTC.
        hashes: As the service publishes them.
        author: E-mail address in lower case, or name.
    """

    id: str
    size: int | None = None
    modified_ns: int | None = None
    hashes: Mapping[HashName, str] = NO_HASHES
    author: str | None = None


class Versions(Protocol):
    """Earlier versions of files. At a destination they come to be by uploading one after the other over the same entry."""

    async def of(self, file: EntryRef) -> Sequence[FileVersion]:
        """Return the versions, oldest first, the current one last."""

    def read(
        self, file: EntryRef, version: FileVersion, *, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[bytes, None]:
        """As `Connector.read`, of an earlier version."""


class PlaceKind(enum.StrEnum):
    """Whose storage a place is."""

    PERSON = "person"
    SITE = "site"  # of a group of people: a SharePoint site, a shared drive, a team folder


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Storage that an administrator's connection can see: it proposes the paths of pairs.

    Attributes:
        path: Where it stands in the connection.
        kind: Whose it is.
        name: For people.
        email: Of the person, in lower case.
        ready: Files can be put there now; False: suspended, or not provisioned yet; None where the service does not say.
        within: Path of the place that it stands in, and is moved with (a subsite's site); None: in no other one.
    """

    path: str
    kind: PlaceKind
    name: str
    email: str | None = None
    ready: bool | None = None
    within: str | None = None


class Places(Protocol):
    """The people and sites of an organisation: what admin forms are for."""

    def all(self) -> AsyncGenerator[Sequence[Place], None]:
        """Yield all, in pages."""


@runtime_checkable
class MakesShortcuts(Protocol):
    """A connector that makes shortcuts at a destination, where its settings say so.

    Not part of `Connector`: few services have shortcuts. At a source `Entry.version` of one is the id of what it points
    to, as the connection would list that; it is found again in the ledger if it was moved.
    """

    @property
    def makes_shortcuts(self) -> bool:
        """The settings say so."""

    async def make_shortcut(self, folder: EntryRef, name: str, target: EntryRef) -> bool:
        """Make one, or find the one that is there. Idempotent: there is one in the end. Returns whether it was made now.

        Raises Conflict where one of that name points elsewhere, NotFound if the folder or the target is gone.
        """


@runtime_checkable
class Remarks(Protocol):
    """A connector that notices what a person should know of a run, though no file failed of it.

    Not part of `Connector`: few have anything to say. Asked at the end of a run.
    """

    @property
    def remarks(self) -> Sequence[str]:
        """Sentences, without secrets; empty while there is nothing to say."""


class Account(msgspec.Struct, frozen=True):
    """Who is signed in, for people: shown by `mover test`.

    Where a service tells: the account's e-mail address in lower case, and its id of the organisation that the account
    belongs to (a tenant, an enterprise). Rules about who may be signed in are checked against them.
    """

    description: str  # "alice at nas.example.org, OpenSSH 9.2"
    secure: bool  # the transport is encrypted
    email: str = ""
    tenant: str = ""


class Connector(Protocol):
    """A signed-in account at a service. Made by the registry from a configuration; closed by `close`."""

    @property
    def service(self) -> str:
        """The connector's name, as in `mover connect NAME`."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; known after `sign_in`, constant from then on."""

    @property
    def calls(self) -> int:
        """Requests sent to the service so far: HTTP requests, SFTP packets that ask for something."""

    @property
    def part_uploads(self) -> PartUploads | None:
        """Uploads in parts, if the service has them."""

    @property
    def described_reads(self) -> DescribedReads | None:
        """Reading that tells more than listings do, if the service has it."""

    @property
    def hashes(self) -> ServiceHashes | None:
        """Hashes on demand, if the service has them."""

    @property
    def times(self) -> Times | None:
        """Setting times afterwards, if the service has it."""

    @property
    def renames(self) -> Renames | None:
        """Renaming, if the service has it."""

    @property
    def quota(self) -> Quota | None:
        """Free room, if the service tells it."""

    @property
    def changes(self) -> Changes | None:
        """A change feed, if the service has one."""

    @property
    def sharing_changes(self) -> Changes | None:
        """A change feed that tells of permissions as well, where the service documents that its feed does; else None.

        It is `changes`, and has a line besides of each entry on which itself something was permitted, changed or taken
        back, or which no longer inherits all that its folder permits, or does again. What entries inherit needs no lines
        of theirs: that of the folder is enough. Nobody is told of who belongs to a group.
        Its cursors are its own. `cursor` raises Unsupported where this holds for other folders only: above drives.
        """

    @property
    def permissions(self) -> Permissions | None:
        """Who may do what, if the service has something like that which can be moved."""

    @property
    def versions(self) -> Versions | None:
        """Earlier versions of files, if the service keeps them."""

    @property
    def places(self) -> Places | None:
        """People and sites, where the account administers those of others."""

    async def sign_in(self) -> Account:
        """Connect, sign in, and find out what the server can do. Called once, before anything else.

        Raises SignInFailed, Unreachable, UntrustedServer, AddressRefused.
        """

    async def close(self) -> None:
        """Let go of connections. Idempotent; never raises for a connection that is broken already."""

    async def look_up(self, path: str) -> Entry:
        """Describe the entry at a path, with its id where the service has ids; `/` is the root folder.

        Raises NotFound. Where several entries have that name, the oldest one.
        """

    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe one known entry afresh (one call): by id where there is one, else by path. Raises NotFound."""

    def list_folder(self, folder: EntryRef, cursor: str | None = None) -> AsyncGenerator[Page, None]:
        """Yield what stands directly in a folder, in pages, each entry once (an entry added meanwhile may be missing).

        With a `cursor` of an earlier page it goes on after that page. Raises NotFound (also when it is a file).
        """

    def read(
        self, file: EntryRef, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Yield a file's bytes in pieces of at most 1 MiB; the caller closes the iterator (`contextlib.aclosing`).

        `length` None: to the end. With `version` the bytes are of that version or Changed is raised, as far as
        `versioned_reads` says. Fewer bytes than `length`, or than the service announced, raise IntegrityError or
        Unreachable: a stream that ends early never looks like a file that ends.
        """

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """Create a folder. Idempotent: if a folder of that name is there it is returned; a file raises Conflict."""

    async def upload(self, target: Target, content: Content) -> Entry:
        """Send a whole file in one go; visible under its name whole or not at all, as far as the service can.

        Returns the new entry with what the service tells about it free of charge: hashes that it computed itself of
        what arrived (`returned_hashes`), id, version, size. Verifies on the way what the protocol can verify
        (Content-MD5, checksums, Digest) from `content.hashes`. Sets `modified_ns` if that is AT_UPLOAD. Raises
        Conflict, Changed, QuotaExceeded, TooLarge, NameRejected, IntegrityError.
        """
