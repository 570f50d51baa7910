"""`files.list`: searches, pages, partial answers; entries that are too new to be found yet."""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterator
from dataclasses import dataclass, field

from starlette.responses import Response

from simulators.faults import FaultScript
from simulators.google import query, resources
from simulators.google.calls import Call, told
from simulators.google.errors import Refusal, invalid
from simulators.google.fields import Mask, wants
from simulators.google.state import State, media_type
from simulators.nodes import Drive, Node

_DEFAULT: Mask = {
    "kind": {},
    "incompleteSearch": {},
    "nextPageToken": {},
    "files": resources.DEFAULT_FILE,
}
_LARGEST = 1000
_LARGEST_WITH_PARENTS = 460
_LARGEST_WITH_PERMISSIONS = 100
_TOKENS_KEPT = 1000


@dataclass
class _Search:
    ids: list[str]
    asked: tuple[str, ...]


@dataclass
class Listing:
    """Searches under way.

    Attributes:
        faults: Its oddities: `unknown parents are empty`, `repeat a page`, `incomplete search`, `forget page tokens`.
    """

    faults: FaultScript
    _searches: dict[str, _Search] = field(default_factory=dict)

    async def search(self, call: Call) -> Response:
        """GET files."""
        mask = call.mask(_DEFAULT)
        inner = mask.get("files", mask if "*" in mask else {})
        size = _page_size(call, inner)
        asked = tuple(call.asked(name) for name in ("q", "corpora", "driveId", "orderBy", "spaces"))
        start = 0
        if token := call.asked("pageToken"):
            key, _, offset = _opened(token).partition(":")
            search = self._searches.get(key)
            if search is None or search.asked != asked or self.faults.take("forget page tokens"):
                raise invalid("pageToken")
            start = int(offset)
        else:
            search = _Search([node.id for _, node in self._found(call)], asked)
            key = str(len(self._searches) + 1)
        page = search.ids[start : start + size]
        answer: dict[str, object] = {
            "kind": "drive#fileList",
            "incompleteSearch": self.faults.take("incomplete search"),
            "files": [described for node_id in page if (described := _described(call, node_id, inner))],
        }
        end = start + size
        if end < len(search.ids):
            self._searches[key] = search
            if len(self._searches) > _TOKENS_KEPT:
                self._searches.pop(next(iter(self._searches)))
            end = start if self.faults.take("repeat a page") else end
            answer["nextPageToken"] = _closed(f"{key}:{end}")
        return told(answer, mask)

    def _found(self, call: Call) -> list[tuple[Drive, Node]]:
        state, me = call.state, call.me
        facts = query.Facts(
            parent_of=lambda node: node.parent.id if node.parent is not None else None,
            media_type=media_type,
            shared_with_me=lambda node: node.owner is not me and state.sees_by_grant(me, node),
            has_role=lambda node, email, roles: _has_role(state, node, email, roles),
            me=me.email,
        )
        text = call.asked("q")
        root = state.my_drive(me).id
        wanted = query.parsed(text, facts, lambda name: root if name == "root" else name) if text else None
        found = [
            (drive, node)
            for drive, node in self._candidates(call, wanted)
            if (wanted is None or wanted.test(node))
        ]
        return _ordered(found, call.asked("orderBy"))

    def _candidates(self, call: Call, wanted: query.Query | None) -> Iterator[tuple[Drive, Node]]:
        state = call.state
        drives = _drives(call)
        if wanted is not None:
            for asked in wanted.asks:
                found = state.find(asked)
                if (found is None or not state.rank(call.me, found[1])) and not self.faults.take(
                    "unknown parents are empty"
                ):
                    raise Refusal(404, "notFound", "File not found: .", location="fileId")
        if wanted is not None and wanted.parents is not None:
            for folder_id in sorted(wanted.parents):
                found = state.find(folder_id)
                if found is not None and found[0] in drives and found[1].is_folder:
                    for node in found[0].children(found[1], listed=True):
                        yield found[0], node
            return
        seen_until = state.now_ns()
        for drive in drives:
            own = drive.owner is call.me
            for node in list(drive.nodes.values()):
                if node.parent is None or node.made_ns > seen_until - drive.lag_ns:
                    continue
                if own or state.rank(call.me, node):
                    yield drive, node


def _page_size(call: Call, inner: Mask) -> int:
    """Pages are smaller than asked for where they hold much: 460 with parents, 100 with permissions, as was observed."""
    size = call.number("pageSize", 100, _LARGEST)
    if wants(inner, "permissions"):
        return min(size, _LARGEST_WITH_PERMISSIONS)
    return min(size, _LARGEST_WITH_PARENTS) if wants(inner, "parents") else size


def _drives(call: Call) -> list[Drive]:
    state = call.state
    with_shared = call.says("includeItemsFromAllDrives") and call.says("supportsAllDrives")
    with_shared = with_shared or (call.says("includeTeamDriveItems") and call.says("supportsTeamDrives"))
    member_of = [each.drive for each in state.shared.values() if state.rank(call.me, each.drive.root)]
    if call.asked("corpora") == "drive" or call.asked("driveId"):
        if not with_shared:
            raise Refusal(
                403,
                "teamDrivesParameterRequired",
                "The includeItemsFromAllDrives and supportsAllDrives parameters must be set.",
            )
        found = [drive for drive in member_of if drive.id == call.asked("driveId")]
        if not found:
            raise Refusal(
                404, "notFound", f"Shared drive not found: {call.asked('driveId')}", location="driveId"
            )
        return found
    own = state.my_drive(call.me)
    others = [drive for drive in state.drives if drive is not own and not state.is_shared_drive(drive)]
    return [own, *others, *(member_of if with_shared else [])]


def _described(call: Call, node_id: str, mask: Mask) -> dict[str, object] | None:
    found = call.state.find(node_id)
    return None if found is None else resources.file(call.state, *found, call.me, mask)


def _has_role(state: State, node: Node, email: str, roles: frozenset[str]) -> bool:
    return any(line.identity == email and line.role in roles for line in state.effective(node))


def _ordered(found: list[tuple[Drive, Node]], keys: str) -> list[tuple[Drive, Node]]:
    of = {
        "name": lambda pair: pair[1].name.casefold(),
        "modifiedTime": lambda pair: pair[1].modified_ns,
        "createdTime": lambda pair: pair[1].created_ns,
        "folder": lambda pair: not pair[1].is_folder,
    }
    for key in reversed([part.strip() for part in keys.split(",") if part.strip()]):
        name, _, direction = key.partition(" ")
        if name not in of:
            raise invalid("orderBy")
        found = sorted(found, key=of[name], reverse=direction == "desc")
    return found


def _closed(text: str) -> str:
    return "~!!~" + base64.urlsafe_b64encode(text.encode()).decode()


@functools.lru_cache(maxsize=1000)
def _opened(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token.removeprefix("~!!~")).decode()
    except ValueError:
        return ""
