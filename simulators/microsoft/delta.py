"""Changes ("driveItem: delta").

Of permissions that alone changed it tells an app with Sites.FullControl.All, about drives of work, and only if all three
preferences are there that the page asks for. In an answer with `hierarchicalsharing` an entry that is unique has a facet
`shared`, an empty one where nobody has anything. `deltaExcludeParent` leaves out the folders above what changed.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import msgspec

from simulators.microsoft.addresses import Spot
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.errors import GraphError, invalid
from simulators.microsoft.ids import read_time
from simulators.microsoft.items import GRAPH, chosen, item_json, page_size
from simulators.microsoft.state import FULL_CONTROL, SHARED, State
from simulators.nodes import Drive, Line, Node

_SHARING = {"deltashowremovedasdeleted", "deltatraversepermissiongaps", "deltashowsharingchanges"}
_MESSAGES = {
    "resyncChangesApplyDifferences": "Resync required. Replace any local items with the server's version (including "
    "deletes) if you're sure that the service was up to date with your local changes when you last sync'd. Upload any "
    "local changes that the server doesn't know about.",
    "resyncChangesUploadDifferences": "Resync required. Upload any local items that the service did not return, and "
    "upload any files that differ from the server's version (keeping both copies if you're not sure which one is more "
    "up-to-date).",
}


class _Position(msgspec.Struct):
    """Where a feed is read: changes after `since` (None: all there is) up to `until`, from number `offset` on."""

    since: int | None
    until: int
    offset: int = 0

    def spelled(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def get_delta(state: State, call: Call, spot: Spot) -> Answer:
    """Tell what changed."""
    drive = spot.library.drive
    token = spot.argument or call.query.get("token")
    now = _newest(state, drive)
    if token == "latest":  # noqa: S105 - a word
        return Answer(200, {"value": [], "@odata.deltaLink": _link(spot, _Position(now, now), call)})
    for oddity, code in (("resync apply", "ApplyDifferences"), ("resync upload", "UploadDifferences")):
        if token is not None and state.faults.take(oddity):
            raise _resync(spot, f"resyncChanges{code}")
    position = _read(token, now, drive, personal=spot.library.is_personal)
    if position.since is not None and position.offset == 0 and position.since == position.until:
        position = _Position(position.since, now)
    try:
        told = _told(state, spot, position, call)
    except LookupError:
        raise _resync(spot, "resyncChangesApplyDifferences") from None
    page = page_size(call.query)
    end = position.offset + page
    shown = told[position.offset : end]
    if position.offset and state.faults.take("delta repeats"):
        shown = [told[position.offset - 1], *shown]
    body: dict[str, Any] = {"value": [chosen(one, call.query) for one in shown]}
    if end < len(told):
        body["@odata.nextLink"] = _link(spot, _Position(position.since, position.until, end), call)
    else:
        body["@odata.deltaLink"] = _link(spot, _Position(position.until, position.until), call)
    return Answer(200, body)


def _newest(state: State, drive: Drive) -> int:
    """The newest line that is told: the feed lags as listings do."""
    if not drive.lag_ns:
        return drive.sequence
    seen_until = state.clock.now_ns() - drive.lag_ns
    return max((line.sequence for line in drive.log if line.at_ns <= seen_until), default=0)


def _read(token: str | None, now: int, drive: Drive, *, personal: bool) -> _Position:
    if token is None:
        return _Position(None, now)
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(raw, type=_Position)
    except (ValueError, msgspec.DecodeError):
        pass
    try:
        moment = read_time(token)
    except ValueError:
        raise invalid("The delta token is malformed.") from None
    if personal:
        raise invalid("A timestamp is no token here.")
    return _Position(max((line.sequence for line in drive.log if line.at_ns <= moment), default=0), now)


def _tells_sharing(state: State, spot: Spot, call: Call) -> bool:
    asked = {word.strip() for word in call.headers.get("prefer", "").split(",")}
    is_whole = call.person is None and FULL_CONTROL in state.roles_of(call.token.client_id)
    return is_whole and not spot.library.is_personal and asked >= _SHARING


def _told(state: State, spot: Spot, position: _Position, call: Call) -> list[dict[str, Any]]:
    drive, library = spot.library.drive, spot.library
    if position.since is None:
        nodes = [drive.root, *drive.below(drive.root)]
        return [item_json(state, library, node) for node in nodes]
    tells_sharing = _tells_sharing(state, spot, call)
    lines = [
        line
        for line in drive.lines_after(position.since)
        if line.sequence <= position.until and (line.what != SHARED or tells_sharing)
    ]
    shared = {line.node_id for line in lines if line.what == SHARED}
    newest: dict[str, Line] = {}
    for line in lines:
        newest.pop(line.node_id, None)
        newest[line.node_id] = line
    shown: dict[str, Node] = {}
    told: list[dict[str, Any]] = []
    for line in newest.values():
        node = drive.nodes.get(line.node_id)
        if node is None:
            told.append(_deleted(spot, line))
            continue
        parents = [] if "deltaexcludeparent" in call.headers else reversed(list(node.ancestors()))
        for above in [*parents, node]:
            if above.id not in shown:
                shown[above.id] = above
                told.append(item_json(state, library, above))
        if node.id in shared:
            _annotate(told, node)
    return told


def _annotate(told: list[dict[str, Any]], node: Node) -> None:
    """Say of an entry that its permissions changed; folders are seen without that (msgraph-sdk-java, issue 2548)."""
    one = next(one for one in told if one["id"] == node.id)
    if not node.is_folder:
        one["@microsoft.graph.sharedChanged"] = "True"
    one.setdefault("shared", {})


def _deleted(spot: Spot, line: Line) -> dict[str, Any]:
    personal = spot.library.is_personal
    told: dict[str, Any] = {
        "id": line.node_id,
        "deleted": {"state": "deleted"},
        "parentReference": {"driveId": spot.library.id, "driveType": spot.library.kind},
    }
    told["folder" if line.is_folder else "file"] = {}
    if personal:
        told |= {"name": line.name}
        told["parentReference"]["id"] = line.parent_id
    return told


def _link(spot: Spot, position: _Position, call: Call | None = None) -> str:
    kept = {
        name: value for name, value in (call.query if call else {}).items() if name in {"$select", "$top"}
    }
    query = "".join(f"&{name}={quote(value, safe='$,@.')}" for name, value in kept.items())
    return f"{GRAPH}/drives/{quote(spot.library.id, safe='!')}/root/delta?token={position.spelled()}{query}"


def _resync(spot: Spot, kind: str) -> GraphError:
    location = f"{GRAPH}/drives/{quote(spot.library.id, safe='!')}/root/delta"
    return GraphError(410, "resyncRequired", _MESSAGES[kind], inner=(kind,), headers={"Location": location})
