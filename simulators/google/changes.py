"""`changes`: the feed of a user, and of each shared drive ("Retrieve changes" of the Drive guides)."""

from __future__ import annotations

import base64
import json
from typing import Any

from starlette.responses import JSONResponse, Response

from simulators.google import resources, times
from simulators.google.calls import Call, told
from simulators.google.errors import Refusal, invalid, required
from simulators.google.fields import Mask
from simulators.nodes import Drive, Line

_DEFAULT: Mask = {
    "kind": {},
    "nextPageToken": {},
    "newStartPageToken": {},
    "changes": {
        "kind": {},
        "type": {},
        "changeType": {},
        "time": {},
        "removed": {},
        "fileId": {},
        "driveId": {},
        "file": resources.DEFAULT_FILE,
    },
}


async def start(call: Call) -> Response:
    """GET changes/startPageToken."""
    token = _written({drive.id: drive.sequence for drive in _drives(call)})
    return JSONResponse({"kind": "drive#startPageToken", "startPageToken": token})


async def list_(call: Call) -> Response:
    """GET changes."""
    if not call.asked("pageToken"):
        raise required("pageToken")
    at = _read(call.asked("pageToken"))
    size = call.number("pageSize", 100, 1000)
    mask = call.mask(_DEFAULT)
    inner = mask.get("changes", {}).get("file", resources.DEFAULT_FILE) if "*" not in mask else {"*": {}}
    drives = {drive.id: drive for drive in _drives(call)}
    waiting: list[tuple[Drive, Line]] = []
    for drive in drives.values():
        try:
            waiting += [(drive, line) for line in drive.lines_after(at.get(drive.id, 0))]
        except LookupError:
            raise invalid("pageToken") from None
    waiting.sort(key=lambda pair: (pair[1].at_ns, pair[1].sequence))
    page = waiting[:size]
    reached = at | {drive.id: line.sequence for drive, line in page}
    newest = {line.node_id: (drive, line) for drive, line in page}
    answer: dict[str, Any] = {
        "kind": "drive#changeList",
        "changes": [_change(call, drive, line, inner) for drive, line in newest.values()],
    }
    answer["nextPageToken" if len(waiting) > size else "newStartPageToken"] = _written(reached)
    return told(answer, mask)


def _change(call: Call, drive: Drive, line: Line, mask: Mask) -> dict[str, Any]:
    found = call.state.find(line.node_id)
    gone = found is None or not call.state.rank(call.me, found[1])
    told_of: dict[str, Any] = {
        "kind": "drive#change",
        "type": "file",
        "changeType": "file",
        "time": times.written(line.at_ns),
        "removed": gone,
        "fileId": line.node_id,
    }
    if call.state.is_shared_drive(drive):
        told_of["driveId"] = drive.id
    if found is not None and not gone:
        told_of["file"] = resources.file(call.state, *found, call.me, mask)
    return told_of


def _drives(call: Call) -> list[Drive]:
    state = call.state
    if drive_id := call.asked("driveId"):
        shared = state.shared.get(drive_id)
        if shared is None or not state.rank(call.me, shared.drive.root) or not call.says("supportsAllDrives"):
            raise Refusal(404, "notFound", f"Shared drive not found: {drive_id}", location="driveId")
        return [shared.drive]
    found = [state.my_drive(call.me)]
    if call.says("includeItemsFromAllDrives") and call.says("supportsAllDrives"):
        found += [each.drive for each in state.shared.values() if state.rank(call.me, each.drive.root)]
    return found


def _written(at: dict[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(at).encode()).decode().rstrip("=")


def _read(token: str) -> dict[str, int]:
    try:
        found = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        raise invalid("pageToken") from None
    if not isinstance(found, dict):
        raise invalid("pageToken")
    return {str(key): int(value) for key, value in found.items()}
