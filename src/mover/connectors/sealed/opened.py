"""Sources whose files are opened as they are read: what age and crypt have in common.

Names are changed on the way, so an entry's address holds where it stands at the service: whether it is to be opened
(`o`) or handed out as it is (`n`), then `i:` and the service's id, or `p:` and the path there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager

import msgspec

from mover.connectors.contract import Connector
from mover.connectors.sealed.evidence import evidence_of, version_in
from mover.connectors.sealed.source import ReadInAnotherForm
from mover.entries import NO_HASHES, Entry, EntryKind, EntryRef
from mover.errors import MoverError, NotOpened
from mover.sealing.age.stanzas import NotAge
from mover.sealing.blocks import Unsealable

_NAMED = 5  # files that a remark names


class OpenedSource(ReadInAnotherForm):
    """Addresses, versions, and words for what does not open.

    Args:
        inner: Signed in, paced.
        root: The folder that is moved: paths down to it are as the service has them.
    """

    permissions = None  # they are asked for under the service's own addresses

    def __init__(self, inner: Connector, root: str) -> None:
        super().__init__(inner)
        self._root = root

    @abstractmethod
    async def refresh(self, ref: EntryRef) -> Entry:
        """Describe one known entry afresh."""

    def inner_ref(self, ref: EntryRef) -> EntryRef:
        """Where an entry of a listing stands at the service."""
        if ref.id is None:
            return ref
        kind, _, rest = ref.id.partition(":")
        match kind:
            case "oi" | "ni":
                return EntryRef(ref.path, rest)
            case "op" | "np":
                return EntryRef(rest)
            case _:
                return ref  # no address of ours: the service knows nothing of it either

    def is_to_be_opened(self, ref: EntryRef) -> bool:
        """Whether the entry is read in another form than the service has it."""
        return ref.id is not None and ref.id.startswith("o")

    def is_opened(self, ref: EntryRef) -> bool:
        """Whether a file that was read was read in another form."""
        return self.is_to_be_opened(ref)

    def described(self, entry: Entry, at: EntryRef, name: str, *, size: int | None, opened: bool) -> Entry:
        """An entry of the service, as it is here under another name: `at` is where it stands there."""
        place = f"i:{entry.id}" if entry.id is not None else f"p:{at.path}"
        is_file = entry.kind in {EntryKind.FILE, EntryKind.NATIVE}
        return msgspec.structs.replace(
            entry,
            name=name,
            id=("o" if opened else "n") + place,
            size=size,
            version=evidence_of(entry, self._inner.capabilities) if is_file else entry.version,
            hashes=NO_HASHES,
            media_type=None if opened else entry.media_type,
        )

    def inner_read(
        self, at: EntryRef, version: str | None
    ) -> Callable[[int, int | None], AsyncGenerator[bytes, None]]:
        """Reads a file as it stands at the service."""

        def read(offset: int, length: int | None) -> AsyncGenerator[bytes, None]:
            return self._inner.read(at, offset=offset, length=length, version=version_in(version))

        return read

    async def version_of(self, file: EntryRef, version: str | None) -> str | None:
        """What tells the version of a file: as the caller says, else as the service does now."""
        return version if version is not None else (await self.refresh(file)).version


@contextmanager
def words_for(path: str) -> Iterator[None]:
    """Say of which entry it is that there is trouble, by the name that it has here. Raises NotOpened if it does not open."""
    try:
        yield
    except MoverError as error:
        error.path = path
        raise
    except (Unsealable, NotAge, ValueError) as error:
        why = str(error) or "it ends within its header"
        raise NotOpened(f"the file does not open: {why}", operation="read", path=path) from None


class LeftAsTheyAre:
    """Counts files that were handed out as they are, and names the first ones."""

    def __init__(self) -> None:
        self._named: dict[str, None] = {}
        self._seen: set[int] = set()

    def add(self, path: str) -> None:
        """Count a file, once."""
        self._seen.add(hash(path))
        if len(self._named) < _NAMED:
            self._named[path] = None

    def __contains__(self, path: str) -> bool:
        return hash(path) in self._seen

    def words(self, why: str) -> list[str]:
        """One sentence, if there were any."""
        if not self._seen:
            return []
        more = ", ..." if len(self._seen) > len(self._named) else ""
        return [f"{len(self._seen)} files {why}: {', '.join(self._named)}{more}"]
