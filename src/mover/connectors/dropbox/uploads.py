"""Whole files and folders."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager

from mover.connectors.bodies import body_of
from mover.connectors.contract import Content, Target
from mover.connectors.dropbox.answers import Commit, Finish, Metadata
from mover.connectors.dropbox.api import FilesApi
from mover.connectors.dropbox.areas import Areas, Location
from mover.connectors.dropbox.calls import Purpose
from mover.connectors.dropbox.capabilities import LARGEST_CALL
from mover.connectors.dropbox.entries import address, entry_of, folder_entry, is_revision, its_id, spell_time
from mover.connectors.dropbox.faults import Fault
from mover.connectors.dropbox.storing import Small, Store, Stores
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import (
    Changed,
    Conflict,
    MoverError,
    NotFound,
    ServiceFault,
    Throttled,
    TooLarge,
    Unsupported,
)
from mover.hashing.blocks import DropboxHash

_STEP = 2 * 1024 * 1024  # of content whose size is not known: as much is held as goes out in one call


class Uploads:
    """Writes to one connection.

    Args:
        api: The calls.
        areas: Finds places.
        stores: Where files come into being.
    """

    def __init__(self, api: FilesApi, areas: Areas, stores: Stores) -> None:
        self._api = api
        self._areas = areas
        self._stores = stores

    async def place(self, target: Target) -> tuple[Location, Commit]:
        """Find where a file goes, and how it is stored. Raises NotFound, Unsupported, Changed."""
        where = await self.folder(target.folder, "upload")
        path = where.child(target.name).path
        if its_id(target.folder) is not None:
            path = f"{address(target.folder, where.path)}/{target.name}"
        update = None
        if target.replaces is not None:
            update = target.replaces.version
            if update is None or not is_revision(update):
                raise Changed("it is not known which revision of the file is to be replaced")
        return where, Commit(path=path, update=update, client_modified=spell_time(target.modified_ns))

    async def folder(self, folder: EntryRef, operation: str) -> Location:
        """Find the place of a folder in which something is to be written. Raises NotFound, Unsupported."""
        where = await self._areas.locate(folder.path, operation)
        if where is None:
            raise Unsupported("here stand only the team's folders and the people's; files need one of them")
        return where

    async def upload(self, target: Target, content: Content) -> Entry:
        """As `Connector.upload`. A file alone costs one call, a small one else a share of two, a larger one two, of which one is shared."""
        where, commit = await self.place(target)
        purpose = Purpose(who=where.who, operation="upload", path=target.ref.path)
        store = self._stores.of(where.who)
        with _in_turn():
            stored = await self._stored(store, purpose, commit, content)
            if isinstance(stored, Fault):
                if stored.is_lost_session:
                    raise ServiceFault(
                        "Dropbox has lost what was sent; the file is sent again", said=stored.said
                    )
                raise await self.refusal(stored, purpose, target)
        return entry_of(stored)

    async def _stored(
        self, store: Store, purpose: Purpose, commit: Commit, content: Content
    ) -> Metadata | Fault:
        size = content.size
        known = content.hashes.get(HashName.DROPBOX)
        if size is None:
            return await self._of_unknown_size(store, purpose, commit, content)
        if size > LARGEST_CALL:
            raise TooLarge("Dropbox takes files of more than 150 MiB in parts only")
        body = await body_of(content, size)
        if isinstance(body, bytes):
            return await store.small(Small(commit, body, known or content_hash(body)))
        return await store.larger(purpose, commit, body, size, known, repeatable=content.repeatable)

    async def _of_unknown_size(
        self, store: Store, purpose: Purpose, commit: Commit, content: Content
    ) -> Metadata | Fault:
        """Send content piece by piece; what fits into one piece goes out as a small file."""
        session_id, offset = None, 0
        async with aclosing(_steps(content.chunks())) as steps:
            async for step, is_last in steps:
                step_hash = content_hash(step)
                if session_id is None and is_last:
                    return await store.small(Small(commit, step, step_hash))
                if session_id is None:
                    begun = await self._api.start_session(
                        purpose, step, len(step), step_hash, close=False, repeatable=True
                    )
                    if isinstance(begun, Fault):
                        return begun
                    session_id = begun.session_id
                else:
                    failure = await self._api.append(
                        purpose,
                        session_id,
                        offset,
                        step,
                        len(step),
                        step_hash,
                        close=is_last,
                        repeatable=True,
                    )
                    if failure is not None:
                        return failure
                offset += len(step)
        assert session_id is not None  # there is a last step always
        return await store.finish(Finish(session_id, offset, commit))

    async def refusal(self, fault: Fault, purpose: Purpose, target: Target) -> MoverError:
        """Return what it means that a file was not stored.

        Where the folder is addressed by id Dropbox does not say whether it is gone or the name is bad, so it is asked.
        """
        if fault.has("conflict") and target.replaces is not None:
            return Changed(
                "the file is no longer what it was",
                service=self._api.caller.service,
                operation=purpose.operation,
                path=purpose.path,
                said=fault.said,
            )
        folder = target.folder
        if fault.has("malformed_path") and its_id(folder) is not None:
            try:
                await self._api.get_metadata(purpose, address(folder, ""))
            except NotFound as error:
                return error
        return self._api.caller.error(purpose, fault)

    async def create_folder(self, parent: EntryRef, name: str) -> Entry:
        """As `Connector.create_folder`. One call, shared by all who want folders; one more where it is there already."""
        ref = parent.child(name)
        where = (await self.folder(parent, "create_folder")).child(name)
        purpose = Purpose(who=where.who, operation="create_folder", path=ref.path)
        if parent.id is not None:
            address(parent, "")  # raises for ids that are none
        with _in_turn():
            made = await self._stores.of(where.who).folders.make(where.path)
            if isinstance(made, Fault) and not made.has("conflict"):
                raise self._api.caller.error(purpose, made)
        if not isinstance(made, Fault):
            return folder_entry(made)
        standing = entry_of(await self._api.get_metadata(purpose, where.path))
        if standing.kind is not EntryKind.FOLDER:
            raise Conflict(
                "a file of that name is there",
                service=self._api.caller.service,
                operation="create_folder",
                path=ref.path,
            )
        return standing


@contextmanager
def _in_turn() -> Iterator[None]:
    """Say of what was refused for its time that it waited for its turn, and that nothing came of it."""
    try:
        yield
    except Throttled as error:
        error.did_nothing = error.in_turn = True
        raise


def content_hash(content: bytes) -> str:
    """Return Dropbox's hash of some bytes."""
    hasher = DropboxHash()
    hasher.update(content)
    return hasher.hexdigest()


async def _steps(pieces: AsyncIterator[bytes]) -> AsyncGenerator[tuple[bytes, bool], None]:
    """Put pieces together, and tell which is the last one; there is one always, be it empty."""
    held = b""
    async for piece in pieces:
        held += piece
        while len(held) > _STEP:
            yield held[:_STEP], False
            held = held[_STEP:]
    yield held, True
