"""Folders, files and web links without their content: look, list, make, rename, move."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.accounts import Person
from simulators.box import errors
from simulators.box.callers import Callers
from simulators.box.organisation import (
    EDITS,
    READS,
    UPLOADS,
    WEB_LINK,
    Organisation,
    fold,
)
from simulators.box.views import Views, read_time, spell_time, version_view
from simulators.faults import FaultScript
from simulators.nodes import FOLDER, Drive, InsideItselfError, NameTakenError, Node

LONGEST_NAME = 255
MOST_LISTED = 1000
_MOST_OFFSET = 9999
KINDS = {"files": "file", "folders": FOLDER, "web_links": WEB_LINK}


class Items:
    """The routes of entries.

    Args:
        organisation: The state.
        callers: Who calls.
        views: How answers are spelled.
        faults: Switches "strict names", "next marker is empty", "pages are short", "a page twice".
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
        return [
            Route("/2.0/folders", self._create_folder, methods=["POST"]),
            Route("/2.0/web_links", self._create_web_link, methods=["POST"]),
            Route("/2.0/folders/{id}/items", self._list, methods=["GET"]),
            Route("/2.0/files/{id}/versions", self._versions, methods=["GET"]),
            *(
                Route(f"/2.0/{word}/{{id}}{rest}", endpoint, methods=[method])
                for word in KINDS
                for method, rest, endpoint in (
                    ("GET", "", self._get),
                    ("PUT", "", self._update),
                )
            ),
        ]

    def check_name(self, name: object) -> str:
        """Raise BoxError for a name that Box does not take.

        The description of folders forbids control characters, both slashes, trailing blanks, `.` and `..`; the guide
        "Common errors" more, which clients are seen to use all the same (switch "strict names").
        """
        if not isinstance(name, str) or not name:
            raise errors.bad_request()
        if len(name) > LONGEST_NAME:
            raise errors.BoxError(400, "item_name_too_long", "Item name too long")
        bad = any(ord(c) < 0x20 or c in "/\\\x7f" for c in name) or name.endswith(" ")  # noqa: PLR2004 - a space
        if self._faults.take("strict names"):
            bad = bad or name.startswith(" ") or any(c in '<>:|?*"' for c in name)
        if bad or name in {".", ".."}:
            raise errors.BoxError(400, "item_name_invalid", "Item name invalid")
        return name

    def parent(self, person: Person, given: object) -> Node:
        """Return the folder of a `parent` in a request, into which the user may put things. Raises BoxError."""
        if not isinstance(given, dict) or not isinstance(given.get("id"), str):
            raise errors.bad_request()
        folder = self._organisation.find(person, FOLDER, given["id"])
        self._organisation.demand(person, folder, UPLOADS)
        self.check_not_blocked(folder)
        return folder

    def check_not_blocked(self, node: Node) -> None:
        """Raise BoxError if another operation holds the tree."""
        blocked = self._organisation.blocked
        if node.id in blocked or any(above.id in blocked for above in node.ancestors()):
            raise errors.blocked()

    def check_unchanged(self, request: Request, node: Node) -> None:
        """Raise BoxError if `If-Match` names another state."""
        expected = request.headers.get("if-match")
        if expected is not None and expected.strip('"') != str(node.revision - 1):
            raise errors.precondition_failed()

    def check_not_locked(self, person: Person, node: Node) -> None:
        """Raise BoxError if somebody else has locked a file."""
        lock = node.properties.get("lock")
        if lock is not None and lock["created_by"]["id"] != person.id:
            raise errors.locked()

    def happened(self, kind: str, node: Node, by: Person) -> None:
        """Record an event with the entry as it is now."""
        people = self._organisation.who_sees(node)
        self._organisation.record(kind, self._views.item(node, by), people, by)

    def conflict(self, standing: Node, person: Person, *, many: bool) -> errors.BoxError:
        """Something of that name is there."""
        mini = self._views.item(standing, person, mini=True)
        return errors.name_in_use([mini] if many else mini)

    def found(self, request: Request, person: Person, *, in_trash: bool = False) -> tuple[Drive, Node]:
        """Return the entry that the address names, and its tree. Raises BoxError."""
        kind = KINDS[request.url.path.split("/")[2]]
        node = self._organisation.find(person, kind, request.path_params["id"], in_trash=in_trash)
        return self._organisation.drive_of(node), node

    async def _get(self, request: Request) -> Response:
        person = self._callers.who(request)
        _, node = self.found(request, person)
        return JSONResponse(self._views.item(node, person, request.query_params.get("fields")))

    async def _list(self, request: Request) -> Response:
        person = self._callers.who(request)
        folder = self._organisation.find(person, FOLDER, request.path_params["id"])
        drive = self._organisation.drive_of(folder)
        found = drive.children(folder, listed=True)
        if folder.parent is None:
            found = [*found, *self._organisation.shared_with(person)]
        order = (FOLDER, "file", WEB_LINK)
        found.sort(key=lambda node: (order.index(node.kind), fold(node.name)))
        asked = request.query_params
        limit = _number(asked.get("limit"), 100, "limit")
        limit = max(1, min(limit, MOST_LISTED))
        fields = asked.get("fields")
        answer: dict[str, Any] = {"limit": limit}
        if asked.get("usemarker", "").lower() == "true":
            # Markers name where the next page begins, as Box's do, so that nothing is missed when entries come and go.
            marker = asked.get("marker") or "0"
            start = 0
            if marker != "0":
                kind, name, _ = json.loads(bytes.fromhex(marker))
                start = next(
                    (
                        number
                        for number, node in enumerate(found)
                        if (order.index(node.kind), fold(node.name)) >= (kind, name)
                    ),
                    len(found),
                )
            shown = limit // 2 or 1 if self._faults.take("pages are short") else limit
            page = found[start : start + shown]
            following = found[start + shown : start + shown + 1]
            end = "" if self._faults.take("next marker is empty") else None
            answer["next_marker"] = end
            if following:
                node = following[0]
                text = json.dumps([order.index(node.kind), fold(node.name), node.id])
                answer["next_marker"] = text.encode().hex()
        else:
            start = _number(asked.get("offset"), 0, "offset")
            if start > _MOST_OFFSET:
                raise errors.bad_request("Offset is not a valid number", "invalid_offset")
            page = found[start : start + limit]
            answer |= {
                "total_count": len(found),
                "offset": start,
                "order": [{"by": "type", "direction": "ASC"}, {"by": "name", "direction": "ASC"}],
            }
        answer["entries"] = [self._views.item(node, person, fields, mini=True) for node in page]
        return JSONResponse(answer)

    async def _create_folder(self, request: Request) -> Response:
        person = self._callers.who(request)
        asked = await read_json(request)
        folder = self.parent(person, asked.get("parent"))
        name = self.check_name(asked.get("name"))
        drive = self._organisation.drive_of(folder)
        try:
            made = drive.add(folder, name, kind=FOLDER)
        except NameTakenError as error:
            raise self.conflict(error.standing, person, many=True) from error
        made.properties["created_by"] = made.properties["modified_by"] = person
        self.happened("ITEM_CREATE", made, person)
        return JSONResponse(self._views.item(made, person, request.query_params.get("fields")), 201)

    async def _create_web_link(self, request: Request) -> Response:
        person = self._callers.who(request)
        asked = await read_json(request)
        folder = self.parent(person, asked.get("parent"))
        url = asked.get("url")
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise errors.bad_request()
        name = self.check_name(asked.get("name") or url.replace("/", "_"))
        try:
            made = self._organisation.drive_of(folder).add(folder, name, kind=WEB_LINK)
        except NameTakenError as error:
            raise self.conflict(error.standing, person, many=True) from error
        made.properties |= {"url": url, "description": asked.get("description", "")}
        self.happened("ITEM_CREATE", made, person)
        return JSONResponse(self._views.item(made, person), 200)

    async def _update(self, request: Request) -> Response:
        person = self._callers.who(request)
        drive, node = self.found(request, person)
        asked = await read_json(request)
        self._organisation.demand(person, node, EDITS)
        if node.parent is None:
            raise errors.denied()
        self.check_unchanged(request, node)
        self.check_not_blocked(node)
        if set(asked) - {"lock"}:
            self.check_not_locked(person, node)
        self._move(asked, drive, node, person)
        changed = False
        for name in ("description", "shared_link"):
            if name in asked:
                node.properties[name] = (
                    self._shared_link(asked[name]) if name == "shared_link" else asked[name]
                )
                changed = True
        if "content_modified_at" in asked:
            try:
                node.modified_ns = read_time(asked["content_modified_at"]) or node.modified_ns
            except ValueError:
                raise errors.bad_request() from None
            changed = True
        if "lock" in asked:
            self._lock(asked["lock"], node, person)
        if changed:
            drive.touch(node)
            self.happened("ITEM_MODIFY", node, person)
        return JSONResponse(self._views.item(node, person, request.query_params.get("fields")))

    def _move(self, asked: dict[str, Any], drive: Drive, node: Node, person: Person) -> None:
        folder = node.parent
        assert folder is not None
        target = self.parent(person, asked["parent"]) if "parent" in asked else folder
        name = self.check_name(asked["name"]) if "name" in asked else node.name
        if target is folder and name == node.name:
            return
        if self._organisation.drive_of(target) is not drive:
            raise errors.denied()  # between owners nothing is moved here
        kind = "ITEM_RENAME" if target is folder else "ITEM_MOVE"
        try:
            drive.move(node, target, name)
        except NameTakenError as error:
            raise self.conflict(error.standing, person, many=node.is_folder) from error
        except InsideItselfError:
            raise errors.bad_request(
                "Folder move creates cyclical folder structure", "cyclical_folder_structure"
            ) from None
        self.happened(kind, node, person)

    def _shared_link(self, asked: object) -> dict[str, Any] | None:
        if asked is None:
            return None
        if not isinstance(asked, dict):
            raise errors.bad_request()
        access = asked.get("access") or "company"
        url = f"https://app.box.com/s/{self._organisation.new_id()}"
        return {
            "url": url,
            "download_url": None,
            "vanity_url": None,
            "vanity_name": None,
            "effective_access": access,
            "effective_permission": "can_download",
            "is_password_enabled": False,
            "unshared_at": None,
            "download_count": 0,
            "preview_count": 0,
            "access": access,
            "permissions": {"can_preview": True, "can_download": True, "can_edit": False},
        }

    def _lock(self, asked: object, node: Node, person: Person) -> None:
        self.check_not_locked(person, node)
        if asked is None:
            node.properties["lock"] = None
            self.happened("LOCK_DESTROY", node, person)
            return
        node.properties["lock"] = {
            "id": self._organisation.new_id(),
            "type": "lock",
            "created_by": {"type": "user", "id": person.id, "name": person.name, "login": person.email},
            "created_at": spell_time(self._organisation.clock.now_ns()),
            "expired_at": None,
            "is_download_prevented": bool(isinstance(asked, dict) and asked.get("is_download_prevented")),
            "app_type": None,
        }
        self.happened("LOCK_CREATE", node, person)

    async def _versions(self, request: Request) -> Response:
        person = self._callers.who(request)
        node = self._organisation.find(person, "file", request.path_params["id"])
        self._organisation.demand(person, node, READS)
        past = list(enumerate(node.versions[:-1], start=1))[::-1]  # the newest first, without the current one
        start = _number(request.query_params.get("offset"), 0, "offset")
        limit = max(1, min(_number(request.query_params.get("limit"), MOST_LISTED, "limit"), MOST_LISTED))
        entries = [version_view(version, number=number) for number, version in past[start : start + limit]]
        return JSONResponse(
            {
                "total_count": len(past),
                "entries": entries,
                "limit": limit,
                "offset": start,
                "order": [{"by": "version_number", "direction": "DESC"}],
            }
        )


async def read_json(request: Request) -> dict[str, Any]:
    """Read the body of a request. Raises BoxError."""
    try:
        found = json.loads(await request.body() or b"{}")
    except ValueError:
        raise errors.bad_request() from None
    if not isinstance(found, dict):
        raise errors.bad_request()
    return found


def _number(text: str | None, default: int, what: str) -> int:
    if text is None:
        return default
    if not text.isdecimal():
        raise errors.bad_request(f"{what.capitalize()} is not a valid number", f"invalid_{what}")
    return int(text)
