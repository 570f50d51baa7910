"""Folders, small contents, renames, times, deletion."""

from __future__ import annotations

from typing import Any

from simulators.accounts import Person
from simulators.blobs import Blob, Bytes
from simulators.microsoft.addresses import Spot
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.errors import GraphError, full, invalid, modified, not_found, taken
from simulators.microsoft.ids import c_tag, e_tag, read_time
from simulators.microsoft.items import item_json
from simulators.microsoft.names import check_name
from simulators.microsoft.office import is_rewritten, rewritten
from simulators.microsoft.state import Library, State, fold_drive_id
from simulators.nodes import FOLDER, InsideItselfError, NameTakenError, Node, OverQuotaError

CONFLICT = "@microsoft.graph.conflictBehavior"
_SMALL = 250 * 1024 * 1024


def create_child(state: State, call: Call, spot: Spot) -> Answer:
    """POST children: make a folder."""
    parent = spot.there()
    if not parent.is_folder:
        raise not_found()
    asked = call.json()
    name = str(asked.get("name", ""))
    if "folder" not in asked:
        raise invalid("Must provide one of the following facets to create an item: folder")
    check_name(name, parent, spot.library.prefix, personal=spot.library.is_personal)
    modified_ns, created_ns = file_times(asked)
    try:
        node = spot.library.drive.add(
            parent, name, kind=FOLDER, owner=call.person, modified_ns=modified_ns, created_ns=created_ns
        )
    except NameTakenError as error:
        if asked.get(CONFLICT) == "replace" and error.standing.is_folder:
            return Answer(200, item_json(state, spot.library, error.standing))
        raise taken() from error
    remember_fresh(state, node)
    return Answer(201, item_json(state, spot.library, node))


def put_content(state: State, call: Call, spot: Spot) -> Answer:
    """PUT content: a whole file; its times are those of the service."""
    if len(call.body) > _SMALL:
        raise GraphError(413, "invalidRequest", "The request body is too large.")
    check_match(call, spot.node, spot.library)
    behaviour = call.query.get(CONFLICT, "replace")
    if spot.node is not None and spot.name and behaviour == "fail":
        raise taken()
    parent = spot.parent if spot.parent is not None else spot.there().parent
    if parent is None:
        raise invalid("The root has no content")
    node, is_new = store(
        state, spot.library, parent, spot.name, spot.node, Bytes(call.body), author=call.person
    )
    answer = Answer(201 if is_new else 200, item_json(state, spot.library, node))
    alter(state, spot.library, node)
    return answer


def store(
    state: State,
    library: Library,
    parent: Node,
    name: str,
    node: Node | None,
    blob: Blob,
    *,
    modified_ns: int | None = None,
    created_ns: int | None = None,
    author: Person | None = None,
) -> tuple[Node, bool]:
    """Put a content into a drive; tells whether the file is new. Raises GraphError."""
    if node is not None and node.is_folder:
        raise taken()
    try:
        if node is None:
            check_name(name, parent, library.prefix, personal=library.is_personal)
            node = library.drive.add(
                parent,
                name,
                blob=blob,
                owner=author or library.drive.owner,
                author=author,
                modified_ns=modified_ns,
                created_ns=created_ns,
            )
            is_new = True
            remember_fresh(state, node)
        else:
            library.drive.put(node, blob, modified_ns=modified_ns, author=author)
            if created_ns is not None:
                node.created_ns = created_ns
            node.properties["contents"] = node.properties.get("contents", 1) + 1
            is_new = False
    except NameTakenError as error:
        raise taken() from error
    except OverQuotaError as error:
        raise full() from error
    _label(node)
    return node, is_new


def alter(state: State, library: Library, node: Node) -> None:
    """Do to an Office file what libraries do, where the script wants that: shortly after it was taken."""
    if not library.is_personal and is_rewritten(node) and state.faults.take("rewrite office files"):
        version = node.version
        library.drive.used += rewritten(version.blob).size - version.blob.size
        version.blob = rewritten(version.blob)
        version.properties.pop("quickxor", None)
        node.properties["contents"] = node.properties.get("contents", 1) + 1
        library.drive.touch(node)


def update(state: State, call: Call, spot: Spot) -> Answer:
    """PATCH: another name, another folder, other times."""
    node = spot.there()
    library = spot.library
    check_match(call, node, library)
    asked = call.json()
    parent = node.parent
    if parent is None:
        raise invalid("The root cannot be changed")
    if (wanted := asked.get("parentReference")) is not None:
        parent = _wanted_parent(library, wanted)
    name = str(asked.get("name") or node.name)
    if name != node.name or parent is not node.parent:
        check_name(name, parent, library.prefix, personal=library.is_personal)
        try:
            library.drive.move(node, parent, name)
        except NameTakenError as error:
            raise taken() from error
        except InsideItselfError as error:
            raise invalid("An item cannot be moved into itself") from error
    modified_ns, created_ns = file_times(asked)
    node.modified_ns = state.clock.now_ns() if modified_ns is None else modified_ns
    node.created_ns = node.created_ns if created_ns is None else created_ns
    if modified_ns is not None and node.versions and not library.is_personal:
        library.drive.put(node, node.version.blob, modified_ns=node.modified_ns, author=call.person)
        _label(node)  # a change of times alone makes a version
    else:
        library.drive.touch(node)
    return Answer(200, item_json(state, library, node))


def remove(_state: State, call: Call, spot: Spot) -> Answer:
    """DELETE."""
    node = spot.there()
    check_match(call, node, spot.library)
    spot.library.drive.remove(node)
    return Answer(204)


def check_match(call: Call, node: Node | None, library: Library) -> None:
    """Hold an If-Match against both tags. Raises GraphError."""
    given = call.headers.get("if-match")
    if given is None or node is None:
        return
    personal = library.is_personal
    if given not in {"*", e_tag(node, personal=personal), c_tag(node, personal=personal)}:
        raise modified()


def file_times(asked: dict[str, Any]) -> tuple[int | None, int | None]:
    """Read `fileSystemInfo`: modified and created. Raises GraphError."""
    info = asked.get("fileSystemInfo") or {}
    try:
        changed, made = (info.get(key) for key in ("lastModifiedDateTime", "createdDateTime"))
        return (read_time(changed) if changed else None, read_time(made) if made else None)
    except (ValueError, TypeError):
        raise invalid("A time is malformed") from None


def remember_fresh(state: State, node: Node) -> None:
    """Let an entry be unknown to the next call, where the script wants that."""
    if state.faults.take("404 after create"):
        state.fresh[node.id] = 1


def _wanted_parent(library: Library, wanted: dict[str, Any]) -> Node:
    drive_id = wanted.get("driveId")
    if drive_id is not None and fold_drive_id(str(drive_id)) != fold_drive_id(library.id):
        raise invalid("Items cannot be moved between drives using this request")
    if "id" in wanted:
        found = library.drive.root if wanted["id"] == "root" else library.drive.nodes.get(str(wanted["id"]))
    else:
        found = library.drive.at(str(wanted.get("path", "")).partition("root:")[2])
    if found is None or not found.is_folder:
        raise not_found()
    return found


def _label(node: Node) -> None:
    number = node.properties["version"] = node.properties.get("version", 0) + 1
    node.version.properties["label"] = f"{number}.0"
