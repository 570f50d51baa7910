"""What one person sees: paths that lead through mounts, and entries as the API describes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulators.accounts import Person
from simulators.blobs import Blob
from simulators.dropbox.hashes import hash_of
from simulators.dropbox.namespaces import MOUNT, Forest, Namespace, names_of
from simulators.dropbox.refusals import RouteError
from simulators.nodes import Node, Version

_SECOND_NS = 1_000_000_000
_REV = re.compile(r"rev:([0-9a-f]{9,})")
_NAMESPACE_PATH = re.compile(r"ns:([0-9]+)(/.*)?", re.DOTALL)
_IGNORED = frozenset({"desktop.ini", "thumbs.db", ".ds_store", "icon\r", ".dropbox", ".dropbox.attr"})
_LONGEST_NAME = 255


def spelled(ns: int) -> str:
    """Spell a time as the API does: whole seconds, UTC."""
    return datetime.fromtimestamp(ns // _SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_name(name: str) -> None:
    """Raise RouteError (of a WriteError) for a name that Dropbox does not store."""
    if name.lower() in _IGNORED:
        raise RouteError("disallowed_name")
    bad = name in {"", ".", ".."} or len(name) > _LONGEST_NAME or name.endswith((" ", "\t", "\n"))
    if bad or any(c in name for c in "\\/\0\x7f"):
        raise RouteError("malformed_path")


Standing = tuple[str, Namespace, Node]
"""What stands somewhere: its path in lower case, and where it is."""


@dataclass(frozen=True)
class Spot:
    """Where something stands, or would stand.

    Attributes:
        namespace: The tree.
        folder: The folder that holds it; None for the root of the view.
        name: As asked for.
        node: What stands there.
        missing: Names of folders between `folder` and it that are not there.
    """

    namespace: Namespace
    folder: Node | None
    name: str
    node: Node | None
    missing: tuple[str, ...] = ()

    @property
    def inside(self) -> tuple[Namespace, Node]:
        """The tree and folder that an entry's children stand in."""
        assert self.node is not None
        mounted: Namespace | None = self.node.properties.get(MOUNT)
        return (self.namespace, self.node) if mounted is None else (mounted, mounted.drive.root)


class View:
    """The tree that a person sees from a root.

    Args:
        forest: All namespaces.
        person: Who looks.
        root: Where paths begin.
        is_admin: Looks at all of the team's.
    """

    def __init__(self, forest: Forest, person: Person, root: Namespace, *, is_admin: bool = False) -> None:
        self.forest = forest
        self.person = person
        self.root = root
        self.is_admin = is_admin

    def access(self, namespace: Namespace) -> str | None:
        """What the person may do in a namespace."""
        if self.is_admin or namespace.kind == "team_root":
            return "owner" if self.is_admin or self.person.is_admin else "viewer"
        return namespace.access_of(self.person)

    def spot(self, path: str) -> Spot:
        """Resolve `""`, `/a/b`, `id:...`, `id:.../b`, `rev:...`, `ns:1/a`. Raises RouteError (of a LookupError)."""
        if path.startswith("id:"):
            return self._beside_id(*path.split("/"))
        if match := _REV.fullmatch(path):
            return self._of_revision(match[1])
        namespace = self.root
        if match := _NAMESPACE_PATH.fullmatch(path):
            asked = self.forest.namespaces.get(match[1])
            if asked is None or self.access(asked) is None:
                raise RouteError("not_found")
            namespace, path = asked, match[2] or ""
        if path in {"", "/"}:
            return Spot(namespace, None, "", namespace.drive.root)
        if path.endswith("/"):
            raise RouteError("malformed_path")
        return self._descend(namespace, namespace.drive.root, path[1:].split("/"))

    def _beside_id(self, entry_id: str, *names: str) -> Spot:
        found = self.by_id(entry_id)
        if found is None:
            raise RouteError("not_found")
        namespace, node = found
        spot = Spot(namespace, node.parent, node.name, node)
        if not names:
            return spot
        if not node.is_folder:
            raise RouteError("not_found")
        return self._descend(*spot.inside, list(names))

    def _of_revision(self, rev: str) -> Spot:
        for namespace in self.reachable():
            for node in namespace.drive.nodes.values():
                if any(version.id == rev for version in node.versions):
                    return Spot(namespace, node.parent, node.name, node)
        raise RouteError("not_found")

    def _descend(self, namespace: Namespace, folder: Node, names: list[str]) -> Spot:
        for position, name in enumerate(names):
            if name == "":
                raise RouteError("malformed_path")
            node = namespace.drive.find(folder, name)
            is_last = position == len(names) - 1
            if is_last:
                return Spot(namespace, folder, name, node)
            if node is None:
                return Spot(namespace, folder, names[-1], None, tuple(names[position:-1]))
            if not node.is_folder:
                return Spot(namespace, node, names[-1], None, tuple(names[position + 1 : -1]))
            namespace, folder = Spot(namespace, folder, name, node).inside
        raise AssertionError("a path has a name")

    def existing(self, path: str) -> Spot:
        """Resolve a path at which something stands. Raises RouteError (of a LookupError)."""
        spot = self.spot(path)
        if spot.node is None:
            raise RouteError("not_found")
        return spot

    def reachable(self) -> Iterator[Namespace]:
        """All namespaces that show in the view."""
        seen = {self.root.id}
        waiting = [self.root]
        while waiting:
            namespace = waiting.pop()
            yield namespace
            for other in self.forest.namespaces.values():
                if other.id not in seen and any(where is namespace for where, _ in other.mounts):
                    seen.add(other.id)
                    waiting.append(other)
        if self.is_admin:
            yield from (each for each in self.forest.namespaces.values() if each.id not in seen)

    def by_id(self, entry_id: str) -> tuple[Namespace, Node] | None:
        """Find an entry."""
        for namespace in self.reachable():
            node = namespace.drive.nodes.get(entry_id)
            if node is not None:
                return namespace, node
        for namespace in self.forest.namespaces.values():  # shared with the person, but not mounted
            node = namespace.drive.nodes.get(entry_id)
            if node is not None and namespace.kind == "shared" and self.access(namespace):
                return namespace, node
            if node is not None and any(grant.identity == self.person.email for grant in node.grants):
                return namespace, node
        return None

    def names(self, namespace: Namespace, names: tuple[str, ...]) -> tuple[str, ...] | None:
        """Turn names within a namespace into names within the view; None: not mounted there."""
        if namespace is self.root:
            return names
        for where, node in namespace.mounts:
            above = self.names(where, names_of(node))
            if above is not None:
                return above + names
        return None

    def metadata(
        self, namespace: Namespace, node: Node, *, tagged: bool = True, members: bool = False
    ) -> dict[str, Any]:
        """Describe an entry; `members`: with `has_explicit_shared_members`."""
        names = self.names(namespace, names_of(node))
        told: dict[str, Any] = {".tag": "folder" if node.is_folder else "file"} if tagged else {}
        told |= {"name": node.name}
        if names is not None:
            display = "/" + "/".join(names)
            told |= {"path_lower": display.lower(), "path_display": display}
        told["id"] = node.id
        shared = namespace if namespace.kind in {"shared", "team_folder"} else None
        read_only = self.access(namespace) == "viewer"
        if node.is_folder:
            told |= self._folder_sharing(node, shared, read_only=read_only)
            return told
        told |= self.version(node, node.version)
        if shared is not None:
            told["sharing_info"] = {"read_only": read_only, "parent_shared_folder_id": shared.id}
        if members:
            told["has_explicit_shared_members"] = bool(node.grants)
        return told

    def _folder_sharing(self, node: Node, shared: Namespace | None, *, read_only: bool) -> dict[str, Any]:
        mounted: Namespace | None = node.properties.get(MOUNT)
        if shared is None and mounted is None:
            return {}
        info: dict[str, Any] = {"read_only": read_only, "traverse_only": False, "no_access": False}
        told: dict[str, Any] = {"sharing_info": info}
        if shared is not None:
            info["parent_shared_folder_id"] = told["parent_shared_folder_id"] = shared.id
        if mounted is not None:
            info["read_only"] = self.access(mounted) == "viewer"
            info["shared_folder_id"] = told["shared_folder_id"] = mounted.id
        return told

    @staticmethod
    def version(node: Node, version: Version) -> dict[str, Any]:
        """Describe a revision of a file, with what is the same in all."""
        told: dict[str, Any] = {
            "client_modified": spelled(version.modified_ns),
            "server_modified": spelled(version.made_ns),
            "rev": version.id,
            "size": version.blob.size,
            "is_downloadable": "export" not in node.properties and "blocked" not in node.properties,
        }
        if told["is_downloadable"]:
            told["content_hash"] = hash_of(version)
        if exports := node.properties.get("export"):
            told["export_info"] = {"export_as": exports[0], "export_options": list(exports[1:])}
        return told


def deleted(names: tuple[str, ...]) -> dict[str, Any]:
    """Describe a path at which something stood."""
    display = "/" + "/".join(names)
    return {".tag": "deleted", "name": names[-1], "path_lower": display.lower(), "path_display": display}


def blob_of(node: Node, rev: str | None = None) -> Blob:
    """The content of a file, or of one of its revisions."""
    if rev is None:
        return node.version.blob
    return next(version.blob for version in node.versions if version.id == rev)
