"""list_folder and its cursors, which also are places in the feed of changes."""

from __future__ import annotations

import asyncio
import base64
import bisect
import json
from typing import Any

from simulators.dropbox.calls import Call, Route
from simulators.dropbox.files import found
from simulators.dropbox.namespaces import MOUNT, Namespace, names_of
from simulators.dropbox.refusals import RouteError, UnauthorizedError
from simulators.dropbox.views import Standing, View, deleted
from simulators.nodes import Node

_MOST = 2000
_USUAL = 500
_LONGEST_POLL_S = 480


class Place:
    """What a cursor stands for.

    Attributes:
        folder_id: Id of the folder; empty for the root.
        root: Id of the namespace that the view begins in.
        recursive: With all below.
        after: Key of the last entry that was listed; None once the listing has ended, and the feed has begun.
        sequence: Where in the journals the feed goes on.
        flags: Of the call that began.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self.folder_id: str = given["f"]
        self.root: str = given["n"]
        self.recursive: bool = given["r"]
        self.after: str | None = given["a"]
        self.sequence: int = given["s"]
        self.limit: int = given["l"]
        self.members: bool = given["m"]
        self.person: str = given["p"]

    def text(self) -> str:
        """The cursor."""
        given = {
            "f": self.folder_id,
            "n": self.root,
            "r": self.recursive,
            "a": self.after,
            "s": self.sequence,
            "l": self.limit,
            "m": self.members,
            "p": self.person,
        }
        return "AAF" + base64.urlsafe_b64encode(json.dumps(given).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Place:
        """Read a cursor. Raises RouteError(reset) for what is none of ours."""
        try:
            padded = text.removeprefix("AAF") + "=" * (-len(text.removeprefix("AAF")) % 4)
            return cls(json.loads(base64.urlsafe_b64decode(padded)))
        except (ValueError, KeyError, TypeError):
            raise RouteError("reset") from None


def _begin(call: Call) -> Place:
    path = call.path(root_allowed=True)
    spot = found(call, path, "path")
    assert spot.node is not None
    if not spot.node.is_folder:
        raise RouteError("path", "not_folder")
    person = call.person
    return Place(
        {
            "f": "" if spot.node.parent is None and spot.namespace is call.view.root else spot.node.id,
            "n": call.view.root.id,
            "r": bool(call.value("recursive")),
            "a": "",
            "s": call.view.forest.sequence,
            "l": min(int(call.value("limit", _USUAL)), _MOST),
            "m": bool(call.value("include_has_explicit_shared_members")),
            "p": person.id if person else "",
        }
    )


def _folder(view: View, place: Place) -> tuple[Namespace, Node]:
    if not place.folder_id:
        return view.root, view.root.drive.root
    for namespace in view.reachable():
        if place.folder_id == namespace.drive.root.id:
            return namespace, namespace.drive.root
        node = namespace.drive.nodes.get(place.folder_id)
        if node is not None:
            mounted: Namespace | None = node.properties.get(MOUNT)
            return (namespace, node) if mounted is None else (mounted, mounted.drive.root)
    raise RouteError("path", "not_found")


def _standing(call: Call, place: Place) -> list[Standing]:
    namespace, folder = _folder(call.view, place)
    if place.recursive:
        return _standing_below(call, place, namespace, folder)
    children = namespace.drive.children(folder, listed=True)
    return sorted([(node.name.lower(), namespace, node) for node in children], key=_first)


def _standing_below(call: Call, place: Place, namespace: Namespace, folder: Node) -> list[Standing]:
    """All below a folder. Kept until something changes: a large tree is asked for in many pages."""
    view, kept = call.view, call.dropbox.walked
    key = (place.root, place.person, folder.id, view.forest.sequence)
    if key not in kept:
        kept.clear()
        found = []
        for where, node in view.forest.walk(namespace, folder):
            names = view.names(where, names_of(node))
            if names is not None:
                found.append(("/".join(names).lower(), where, node))
        kept[key] = sorted(found, key=_first)
    return kept[key]


def _first(standing: Standing) -> str:
    return standing[0]


def _page(call: Call, place: Place) -> dict[str, Any]:
    view = call.view
    if place.after is None:
        return _news(call, place)
    standing = _standing(call, place)
    start = bisect.bisect_right(standing, place.after, key=_first) if place.after else 0
    if call.dropbox.faults.take("empty page"):
        return {"entries": [], "cursor": place.text(), "has_more": True}
    page, more = standing[start : start + place.limit], len(standing) > start + place.limit
    if call.dropbox.faults.take("repeat entry") and page:
        page = [page[0], *page]
    entries = [view.metadata(where, node, members=place.members) for _, where, node in page]
    if place.recursive:
        entries = [*_itself(call, place), *entries]
        if call.dropbox.faults.take("children first"):
            entries.reverse()
    place.after = page[-1][0] if more else None
    # What changed since the listing began is told before it ends, so that it ends with what stands there then.
    more = more or (place.recursive and view.forest.sequence > place.sequence)
    return {"entries": entries, "cursor": place.text(), "has_more": more}


def _itself(call: Call, place: Place) -> list[dict[str, Any]]:
    """The folder: a recursive listing begins with it, unless it is a root, of which nothing can be told."""
    namespace, folder = _folder(call.view, place)
    if place.after != "" or not place.folder_id or call.dropbox.faults.take("silent about itself"):
        return []
    for where, mount in namespace.mounts if folder.parent is None else [(namespace, folder)]:
        if call.view.names(where, names_of(mount)) is not None:
            return [call.view.metadata(where, mount, members=place.members)]
    return []


def _news(call: Call, place: Place) -> dict[str, Any]:
    view = call.view
    if place.sequence < view.forest.oldest_sequence:
        raise RouteError("reset")
    namespace, folder = _folder(view, place)
    base = view.names(namespace, names_of(folder)) or ()
    steps = []
    for each in view.reachable():
        for step in reversed(each.journal):
            if step.sequence <= place.sequence:
                break
            steps.append((step.sequence, each, step))
    steps.sort(key=lambda each: each[0])
    entries: list[dict[str, Any]] = []
    last = place.sequence
    for sequence, where, step in steps:
        if len(entries) >= place.limit:
            break
        last = sequence
        names = view.names(where, step.names)
        if names is None or not _is_within(names, base, recursive=place.recursive):
            continue
        if step.node_id is None:
            entries.append(deleted(names))
            continue
        node = where.drive.nodes.get(step.node_id)
        if node is not None and names_of(node) == step.names:
            entries.append(view.metadata(where, node, members=place.members))
    more = bool(steps) and last < steps[-1][0]
    place.sequence = last if more else max(last, view.forest.sequence)
    return {"entries": entries, "cursor": place.text(), "has_more": more}


def _is_within(names: tuple[str, ...], base: tuple[str, ...], *, recursive: bool) -> bool:
    lower = tuple(name.lower() for name in names)
    folder = tuple(name.lower() for name in base)
    below = lower[: len(folder)] == folder and len(lower) > len(folder)
    return below and (recursive or len(lower) == len(folder) + 1)


async def list_folder(call: Call) -> Any:
    """/2/files/list_folder."""
    return _page(call, _begin(call))


async def get_latest_cursor(call: Call) -> Any:
    """/2/files/list_folder/get_latest_cursor."""
    place = _begin(call)
    place.after = None
    return {"cursor": place.text()}


async def list_folder_continue(call: Call) -> Any:
    """/2/files/list_folder/continue."""
    if call.dropbox.faults.take("reset"):
        raise RouteError("reset")
    place = Place.read(str(call.arg.get("cursor")))
    if call.person is not None and place.person != call.person.id:
        raise UnauthorizedError("invalid_access_token")
    if place.root != call.view.root.id:
        raise RouteError("reset")
    return _page(call, place)


async def longpoll(call: Call) -> Any:
    """/2/files/list_folder/longpoll: answers when something has changed, at the latest after `timeout` seconds."""
    place = Place.read(str(call.arg.get("cursor")))
    forest = call.dropbox.forest
    for _ in range(int(min(call.value("timeout", 30), _LONGEST_POLL_S)) * 10):
        if forest.sequence > place.sequence:
            return {"changes": True}
        await asyncio.sleep(0.1)
    return {"changes": False}


ROUTES = {
    "files/list_folder": Route(list_folder, scope="files.metadata.read"),
    "files/list_folder/continue": Route(list_folder_continue, scope="files.metadata.read"),
    "files/list_folder/get_latest_cursor": Route(get_latest_cursor, scope="files.metadata.read"),
    "files/list_folder/longpoll": Route(longpoll, host="notify", auth="noauth"),
}
