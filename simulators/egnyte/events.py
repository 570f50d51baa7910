"""The feed of changes (/pubapi/v1/events, /pubapi/v2/events)."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.accounts import Person
from simulators.egnyte.answers import iso_date, refused, refused_input
from simulators.nodes import Drive, Line

_MOST = 100
_KINDS = "file_system|note"
_KINDS_V2 = "file_system|note|permission_change"
_ACTIONS = {
    "added": "create",
    "changed": "create",
    "moved": "move",
    "trashed": "delete",
    "removed": "delete",
    "restored": "restore",
}


class Events:
    """Answers for the events of a domain."""

    def __init__(self, drive: Drive) -> None:
        self._drive = drive

    async def cursor(self, request: Request, _person: Person) -> Response:
        """GET .../events/cursor."""
        request.scope["operation"] = "events cursor"
        return JSONResponse(
            {
                "timestamp": iso_date(self._drive.log[-1].at_ns if self._drive.log else 0),
                "latest_event_id": self._drive.sequence,
                "oldest_event_id": self._drive.log[0].sequence if self._drive.log else 0,
            }
        )

    async def after(self, request: Request, _person: Person) -> Response:
        """GET .../events: those after `id`, 204 if there are none, 404 if they are no longer kept."""
        request.scope["operation"] = "events"
        query = request.query_params
        try:
            first, most = int(query["id"]), min(int(query.get("count", _MOST)), _MOST)
        except (KeyError, ValueError):
            raise refused_input(400, "INVALID_PARAMETER", "id has to be a number") from None
        try:
            lines = self._drive.lines_after(first)
        except LookupError:
            raise refused(404, "Event does not exist") from None
        below = query.get("folder", "/").rstrip("/").lower() + "/"
        known = _KINDS_V2 if request.url.path.startswith("/pubapi/v2") else _KINDS
        kinds = [kind for kind in query.get("type", known).split("|") if kind in known]
        shown: list[dict[str, Any]] = []
        last = first
        for line in lines:
            if len(shown) >= most:
                break
            last = line.sequence
            event = self._event(line)
            if event["type"] in kinds and f"{event['data']['target_path']}/".lower().startswith(below):
                shown.append(event)
        if not shown:
            return Response(status_code=204)
        return JSONResponse(
            {"latest_id": last, "oldest_id": shown[0]["id"], "count": len(shown), "events": shown}
        )

    def _event(self, line: Line) -> dict[str, Any]:
        node = self._drive.nodes.get(line.node_id)
        parent = self._drive.nodes.get(line.parent_id or "")
        path = node.path if node is not None else f"{parent.path.rstrip('/') if parent else ''}/{line.name}"
        is_permission = line.what == "permissions"
        data: dict[str, Any] = {"target_path": path, "is_folder": line.is_folder}
        if line.is_folder:
            data["folder_id"] = data["target_id"] = line.node_id
        else:
            data["target_group_id"] = line.node_id
            data["target_id"] = node.version.id if node is not None and node.versions else line.node_id
        return {
            "id": line.sequence,
            "timestamp": iso_date(line.at_ns),
            "action_source": "PublicAPI",
            "actor": 1,
            "type": "permission_change" if is_permission else "file_system",
            "action": "permission_change" if is_permission else _ACTIONS.get(line.what, "create"),
            "object_detail": f"https://acme.egnyte.com/pubapi/v1/fs{path}",
            "data": data,
        }
