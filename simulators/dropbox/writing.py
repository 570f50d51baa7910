"""Changes of the tree, by Dropbox's rules: conflicts, renaming, locks of namespaces, permissions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from simulators.blobs import Blob
from simulators.dropbox.hashes import content_hash, hash_of
from simulators.dropbox.namespaces import MOUNT, Namespace, names_of
from simulators.dropbox.refusals import RouteError
from simulators.dropbox.state import Limits
from simulators.dropbox.views import Spot, View, check_name
from simulators.nodes import FOLDER, InsideItselfError, Node, OverQuotaError

_SECOND_NS = 1_000_000_000
_KEPT_VERSIONS = 200


@dataclass(frozen=True)
class Commit:
    """How a file is to be stored (`files.CommitInfo`).

    Attributes:
        path: Where.
        mode: `add`, `overwrite`, `update`.
        rev: What `update` replaces.
        autorename: Take another name rather than refuse.
        modified_ns: `client_modified`.
        strict: A conflict even where the same bytes stand there already.
    """

    path: str
    mode: str = "add"
    rev: str | None = None
    autorename: bool = False
    modified_ns: int | None = None
    strict: bool = False


@asynccontextmanager
async def locked(namespace: Namespace, limits: Limits) -> AsyncIterator[None]:
    """Hold the write lock of a namespace. Raises RouteError(too_many_write_operations) if it is held for too long."""
    if not limits.write_s:
        yield
        return
    loop = asyncio.get_running_loop()
    until = loop.time() + limits.lock_patience_s
    while namespace.is_writing:
        if loop.time() >= until:
            raise RouteError("too_many_write_operations")
        await asyncio.sleep(min(limits.write_s, 0.005))
    namespace.is_writing = True
    try:
        await asyncio.sleep(limits.write_s)
        yield
    finally:
        namespace.is_writing = False


def check_writable(view: View, namespace: Namespace) -> None:
    """Raise RouteError (of a WriteError) where the person may only read."""
    if view.access(namespace) not in {"owner", "editor"}:
        raise RouteError("no_write_permission")


def make_folders(view: View, spot: Spot) -> Spot:
    """Make the folders that are missing above a spot. Raises RouteError (of a WriteError)."""
    namespace, folder = spot.namespace, spot.folder
    assert folder is not None
    if not folder.is_folder:
        raise RouteError("conflict", "file_ancestor")
    check_writable(view, namespace)
    for name in spot.missing:
        check_name(name)
        folder = namespace.drive.add(folder, name, kind=FOLDER)
        view.forest.note(namespace, folder)
    return Spot(namespace, folder, spot.name, namespace.drive.find(folder, spot.name))


def store(view: View, commit: Commit, blob: Blob) -> tuple[Namespace, Node]:
    """Store a file. Raises RouteError (of a WriteError)."""
    try:
        spot = view.spot(commit.path)
    except RouteError:  # an id that is not there is not told apart
        raise RouteError("malformed_path") from None
    if spot.folder is None:
        raise RouteError("malformed_path")
    check_name(spot.name)
    spot = make_folders(view, spot)
    standing = spot.node
    if standing is not None and standing.is_folder:
        return _renamed(view, spot, commit, blob, RouteError("conflict", "folder"))
    if standing is None and commit.mode == "update" and commit.strict:
        raise RouteError("conflict", "file")
    if standing is None:
        return spot.namespace, _add(view, spot, spot.name, commit, blob)
    replaces = commit.mode == "overwrite" or (commit.mode == "update" and commit.rev == standing.version.id)
    if not replaces:
        if not commit.strict and hash_of(standing.version) == content_hash(blob):
            return spot.namespace, standing
        return _renamed(view, spot, commit, blob, RouteError("conflict", "file"))
    try:
        version = spot.namespace.drive.put(
            standing, blob, modified_ns=_modified(view, commit), author=view.person, keeps=_KEPT_VERSIONS
        )
    except OverQuotaError:
        raise RouteError("insufficient_space") from None
    version.id = view.forest.new_rev(spot.namespace)
    view.forest.note(spot.namespace, standing)
    return spot.namespace, standing


def _modified(view: View, commit: Commit) -> int:
    """Whole seconds; the time of arrival where the client gives none."""
    ns = view.forest.now_ns() if commit.modified_ns is None else commit.modified_ns
    return ns // _SECOND_NS * _SECOND_NS


def _renamed(
    view: View, spot: Spot, commit: Commit, blob: Blob, refusal: RouteError
) -> tuple[Namespace, Node]:
    if not commit.autorename:
        raise refusal
    assert spot.folder is not None
    stem, dot, extension = spot.name.rpartition(".")
    stem, extension = (stem, dot + extension) if dot and stem else (spot.name, "")
    for number in range(1, 1000):
        name = f"{stem} ({number}){extension}"
        if spot.namespace.drive.find(spot.folder, name) is None:
            return spot.namespace, _add(view, spot, name, commit, blob)
    raise refusal


def _add(view: View, spot: Spot, name: str, commit: Commit, blob: Blob) -> Node:
    assert spot.folder is not None
    try:
        node = spot.namespace.drive.add(
            spot.folder, name, blob=blob, author=view.person, modified_ns=_modified(view, commit)
        )
    except OverQuotaError:
        raise RouteError("insufficient_space") from None
    node.version.id = view.forest.new_rev(spot.namespace)
    view.forest.note(spot.namespace, node)
    return node


def make_folder(view: View, path: str, *, autorename: bool) -> tuple[Namespace, Node]:
    """Make a folder, and those above it. Raises RouteError (of a WriteError)."""
    spot = view.spot(path)
    if spot.folder is None:
        raise RouteError("conflict", "folder")
    check_name(spot.name)
    if spot.node is not None and not autorename:
        raise RouteError("conflict", "folder" if spot.node.is_folder else "file")
    spot = make_folders(view, spot)
    assert spot.folder is not None
    name, number = spot.name, 0
    while spot.namespace.drive.find(spot.folder, name) is not None:
        number += 1
        name = f"{spot.name} ({number})"
    node = spot.namespace.drive.add(spot.folder, name, kind=FOLDER)
    view.forest.note(spot.namespace, node)
    return spot.namespace, node


def _target(view: View, path: str) -> Spot:
    """Where something may be moved to. Raises RouteError (of a WriteError)."""
    target = view.spot(path)
    if target.folder is None:
        raise RouteError("malformed_path")
    check_name(target.name)
    check_writable(view, target.namespace)
    return target


def move(view: View, source: Spot, path: str, *, autorename: bool) -> tuple[Namespace, Node]:
    """Move an entry. Raises RouteError (of a RelocationError)."""
    node = source.node
    assert node is not None
    try:
        target = _target(view, path)
    except RouteError as error:
        raise RouteError("to", *error.tags) from None
    try:
        check_writable(view, source.namespace)
    except RouteError as error:
        raise RouteError("from_write", *error.tags) from None
    mounted = node.properties.get(MOUNT)
    if mounted is not None and mounted.kind == "team_folder":
        raise RouteError("from_write", "team_folder")
    if target.node is node:
        return (
            source.namespace,
            node,
        )  # only the case differs: "we do not currently support case-only renaming"
    name = target.name
    if target.node is not None:
        if not autorename:
            raise RouteError("to", "conflict", "folder" if target.node.is_folder else "file")
        name = f"{name} (1)"
    try:
        target = make_folders(view, target)
    except RouteError as error:
        raise RouteError("to", *error.tags) from None
    assert target.folder is not None
    forest, old = view.forest, names_of(node)
    if source.namespace is target.namespace:
        try:
            source.namespace.drive.move(node, target.folder, name)
        except InsideItselfError:
            raise RouteError("cant_move_folder_into_itself") from None
    else:
        node = _move_across(view, source, target, name)
    forest.note_gone(source.namespace, old)
    forest.note(target.namespace, node)
    if node.is_folder and MOUNT not in node.properties:
        forest.note_all(target.namespace, node)
    return target.namespace, node


def _move_across(view: View, source: Spot, target: Spot, name: str) -> Node:
    """Move into another namespace: the entry keeps its id."""
    node = source.node
    assert node is not None and target.folder is not None  # noqa: PT018
    if node.is_folder and node.properties.get(MOUNT) is not None:
        raise RouteError("cant_nest_shared_folder")
    made = target.namespace.drive.add(target.folder, name, kind=node.kind, node_id=node.id)
    made.versions, made.properties, made.grants = node.versions, node.properties, node.grants
    made.modified_ns = node.modified_ns
    target.namespace.drive.used += sum(version.blob.size for version in node.versions)
    if node.is_folder:
        view.forest.transplant(source.namespace, node, target.namespace, made)
    source.namespace.drive.remove(node)
    return made


def remove(view: View, spot: Spot) -> None:
    """Delete an entry. Raises RouteError (of a WriteError)."""
    node = spot.node
    assert node is not None
    check_writable(view, spot.namespace)
    mounted: Namespace | None = node.properties.get(MOUNT)
    if mounted is not None and mounted.kind == "team_folder":
        raise RouteError("team_folder")
    if mounted is not None:
        view.forest.unmount(mounted, spot.namespace)
        return
    view.forest.note_gone(spot.namespace, names_of(node))
    spot.namespace.drive.remove(node)


def parse_commit(given: dict[str, Any], modified_ns: int | None) -> Commit:
    """Read a `files.CommitInfo`."""
    mode = given.get("mode") or "add"
    tag = mode[".tag"] if isinstance(mode, dict) else mode
    return Commit(
        str(given["path"]),
        mode=tag,
        rev=mode.get("update") if isinstance(mode, dict) else None,
        autorename=bool(given.get("autorename")),
        modified_ns=modified_ns,
        strict=bool(given.get("strict_conflict")),
    )
