"""How the in-memory service takes new files: what it refuses, and what stands there afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tests.memory.contents import Contents, Forgotten, Held
from tests.memory.nodes import Node
from tests.memory.service import MemoryService

from mover.connectors.contract import Setting, Target
from mover.entries import Entry, EntryKind, EntryRef, HashName
from mover.errors import Changed, Conflict, NameRejected, NotFound, PathTooLong, QuotaExceeded, TooLarge
from mover.hashing import MultiHasher
from mover.naming import NameRules


def find(service: MemoryService, ref: EntryRef) -> Node:
    """Find what a reference means: by id where the service has ids. Raises NotFound."""
    node: Node | None
    if service.capabilities.stable_ids and ref.id is not None:
        node = service.nodes.node(ref.id)
    else:
        if service.capabilities.stable_ids and ref.path != "/":
            service.calls["resolve_path"] += 1
        node = service.nodes.at(ref.path)
    if node is None:
        raise NotFound("there is no such entry", path=ref.path)
    return node


def find_folder(service: MemoryService, ref: EntryRef) -> Node:
    """Find a folder. Raises NotFound, also for anything that is not a folder."""
    node = find(service, ref)
    if node.kind is not EntryKind.FOLDER:
        raise NotFound("that is not a folder", path=ref.path)
    return node


def check_name(rules: NameRules, parent_path: str, name: str) -> None:
    """Refuse what the service's rules do not allow, as the service itself would. Raises NameRejected, PathTooLong."""
    forbidden = {pair[0] for pair in rules.look_alikes + rules.marked}
    if (
        not name
        or forbidden.intersection(name)
        or name.startswith(tuple(pair[0] for pair in rules.leading))
        or name.endswith(tuple(pair[0] for pair in rules.trailing))
        or rules.key(name) in {rules.key(reserved) for reserved in rules.reserved_names}
    ):
        raise NameRejected("the service does not accept that name", path=name)
    if rules.longest_name is not None and rules.length(name) > rules.longest_name:
        raise PathTooLong("the name is too long", path=name)
    rules.check_path(f"{parent_path.rstrip('/')}/{name}")


def check_target(service: MemoryService, target: Target, size: int | None) -> tuple[Node, Node | None]:
    """Find the folder and what is to be replaced, refusing what cannot work, before any byte is taken."""
    parent = find_folder(service, target.folder)
    check_name(service.capabilities.names, service.nodes.path(parent), target.name)
    most = service.capabilities.max_file_size
    if size is not None and most is not None and size > most:
        raise TooLarge("the file is larger than the service accepts", path=target.ref.path)
    _, left = service.room_for(target.ref.path)
    if size is not None and left is not None and size > left:
        raise QuotaExceeded("the account is full", path=target.ref.path)
    if target.replaces is not None:
        return parent, _unchanged(service, target, target.replaces)
    if service.nodes.named(parent, target.name):
        raise Conflict("an entry of that name is there", path=target.ref.path)
    return parent, None


def _unchanged(service: MemoryService, target: Target, seen: Entry) -> Node:
    try:
        node = find(service, target.ref)
    except NotFound:
        raise Changed("the file to be replaced is gone", path=target.ref.path) from None
    now = service.describe(node)
    if (now.version, now.size, now.modified_ns, now.kind) != (
        seen.version,
        seen.size,
        seen.modified_ns,
        seen.kind,
    ):
        raise Changed("the file to be replaced is no longer the one that was seen", path=target.ref.path)
    return node


def commit(service: MemoryService, target: Target, contents: Contents, modified_ns: int | None) -> Node:
    """Put received content under its name. What appeared there meanwhile wins only if the service guarantees it."""
    assert contents.size is not None
    _, left = service.room_for(target.ref.path)
    if left is not None and contents.size > left:
        raise QuotaExceeded("the account is full", path=target.ref.path)
    service.take_room(target.ref.path, contents.size)
    if service.alter is not None and target.name.lower().endswith(tuple(service.capabilities.alters)):
        contents = Held(service.alter(contents.read(0, contents.size)))
    parent = find_folder(service, target.folder)
    if target.replaces is not None:
        node = _unchanged(service, target, target.replaces)
    else:
        there = service.nodes.named(parent, target.name)
        if there and service.capabilities.exclusive_create:
            raise Conflict("an entry of that name is there", path=target.ref.path)
        overwrites = there and not service.capabilities.duplicate_names
        node = there[0] if overwrites else service.create(parent, target.name, EntryKind.FILE)
    service.store(node, contents, modified_ns)
    if service.capabilities.created is Setting.AT_UPLOAD and target.created_ns is not None:
        node.created_ns = target.created_ns
    node.media_type = target.media_type
    return node


async def receive(service: MemoryService, path: str, chunks: AsyncIterator[bytes]) -> Contents:
    """Take the bytes of an upload. Raises TooLarge or QuotaExceeded as soon as there are too many."""
    _, left = service.room_for(path)
    most = min(
        (limit for limit in (service.capabilities.max_file_size, left) if limit is not None), default=None
    )
    can = service.capabilities
    names = can.listed_hashes | can.returned_hashes | service.hashes_on_demand
    hasher = MultiHasher(names - {HashName.S3_ETAG})
    kept = bytearray()
    async for chunk in chunks:
        hasher.update(chunk)
        if most is not None and hasher.size > most:
            if most == left:
                raise QuotaExceeded("the account is full", path=path)
            raise TooLarge("the file is larger than the service accepts", path=path)
        if service.keeps_content:
            kept += chunk
    return Held(bytes(kept)) if service.keeps_content else Forgotten(hasher.size, hasher.hexdigests())
