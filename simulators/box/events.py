"""The streams of events (guide "Get user events"): they may repeat, come in any order, and end in the middle of a page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.organisation import Event, Organisation
from simulators.box.views import Views
from simulators.faults import FaultScript

_ONLY_IN_ALL = frozenset({"ITEM_DOWNLOAD", "ITEM_PREVIEW", "ITEM_SHARED_CREATE", "ITEM_SHARED_UNSHARE"})
_SPARSE = ("type", "id", "sequence_id", "etag", "name", "parent", "item_status")
_MOST_LISTED = 500


class Events:
    """The route of events.

    Args:
        organisation: The state.
        callers: Who calls.
        views: How answers are spelled.
        faults: Switches "events twice", "events out of order", "sparse events" (sources in few words), "short events".
    """

    def __init__(
        self, organisation: Organisation, callers: Callers, views: Views, faults: FaultScript
    ) -> None:
        self._organisation = organisation
        self._callers = callers
        self._views = views
        self._faults = faults

    def routes(self) -> list[Route]:
        """Return them."""
        return [Route("/2.0/events", self._list, methods=["GET"])]

    async def _list(self, request: Request) -> Response:
        person = self._callers.who(request)
        asked = request.query_params
        stream = asked.get("stream_type", "all")
        if stream.startswith("admin_logs") and not person.is_admin:
            raise errors.insufficient_scope()
        position = asked.get("stream_position") or "0"
        if position == "now":
            return self._answer([], self._organisation.position)
        if not position.isdecimal():
            raise errors.bad_request("Invalid stream position", "invalid_stream_position")  # code unconfirmed
        limit = max(1, min(int(asked.get("limit", "100")), _MOST_LISTED))
        after = [
            event
            for event in self._organisation.events
            if event.position > int(position)
            and (stream.startswith("admin_logs") or person.id in event.people)
            and not (stream == "changes" and event.kind in _ONLY_IN_ALL)
        ]
        if self._faults.take("short events"):
            limit = 1
        page = after[:limit]
        following = page[-1].position if page else max(int(position), self._organisation.position)
        if self._faults.take("events twice"):
            page = [*page, *page]
        if self._faults.take("events out of order"):
            page = page[::-1]
        return self._answer(page, following)

    def _answer(self, page: list[Event], following: int) -> Response:
        entries = [self._views.event(event) for event in page]
        if self._faults.take("sparse events"):
            for entry in entries:
                entry["source"] = {name: value for name, value in entry["source"].items() if name in _SPARSE}
        return JSONResponse(
            {"chunk_size": len(entries), "next_stream_position": following, "entries": entries}
        )
