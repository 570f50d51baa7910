"""Users, groups and the permissions of folders (/pubapi/v2/users, /groups, /perms; /pubapi/v1/perms)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from simulators.accounts import Accounts, Person
from simulators.egnyte.answers import group_of, refused, refused_input, user_name, user_of
from simulators.nodes import Drive, Grant, Node

NONE, VIEWER, EDITOR, FULL, OWNER = "None", "Viewer", "Editor", "Full", "Owner"
LEVELS = (NONE, VIEWER, EDITOR, FULL, OWNER)
_FILTER = re.compile(r'(email|externalId|userName|displayName) (eq|sw|co) "([^"]*)"')
_MOST = 100
_ALONE = "inherits nothing"


class Directory:
    """Answers for users, groups and permissions of a domain."""

    def __init__(self, accounts: Accounts, drive: Drive) -> None:
        self._accounts = accounts
        self._drive = drive

    def effective(self, folder: Node, person: Person) -> str:
        """The highest level that a person has on a folder, by itself, by groups, or as its owner."""
        if folder.path.startswith("/Private/"):
            return OWNER if folder.path.split("/")[2] == user_name(person) or person.is_admin else NONE
        if person.is_admin or folder.owner is person:
            return OWNER
        groups = {group.name for group in self._accounts.groups.values() if person in group.members}
        users, by_group = self._levels(folder)
        levels = [users.get(user_name(person), NONE), *(by_group.get(name, NONE) for name in groups)]
        return max(levels, key=LEVELS.index)

    def _levels(self, folder: Node) -> tuple[dict[str, str], dict[str, str]]:
        """Users' and groups' levels on a folder, with what it inherits."""
        users: dict[str, str] = {}
        groups: dict[str, str] = {}
        for node in (folder, *folder.ancestors()):
            for grant in node.grants:
                (users if grant.kind == "user" else groups).setdefault(grant.identity, grant.role)
            if node.properties.get(_ALONE):
                break
        return users, groups

    async def permissions(self, request: Request, folder: Node) -> Response:
        """GET /pubapi/v2/perms/PATH."""
        request.scope["operation"] = "permissions"
        users, groups = self._levels(folder)
        return JSONResponse(
            {
                "userPerms": {name: level for name, level in users.items() if level != NONE},
                "groupPerms": {name: level for name, level in groups.items() if level != NONE},
                "inheritsPermissions": not folder.properties.get(_ALONE, False),
            }
        )

    async def set_permissions(self, request: Request, folder: Node) -> Response:
        """POST /pubapi/v2/perms/PATH."""
        request.scope["operation"] = "set permissions"
        asked = json.loads(await request.body())
        self._set(folder, "user", asked.get("userPerms") or {})
        self._set(folder, "group", asked.get("groupPerms") or {})
        if "inheritsPermissions" in asked:
            inherits = str(asked["inheritsPermissions"]).lower() == "true"
            if not inherits and str(asked.get("keepParentPermissions", "false")).lower() == "true":
                for kind, levels in zip(("user", "group"), self._levels(folder), strict=True):
                    self._set(folder, kind, levels)
            folder.properties[_ALONE] = not inherits
        self._drive.touch(folder, "permissions")
        return Response(status_code=200)

    async def permissions_v1(self, request: Request, folder: Node) -> Response:
        """GET /pubapi/v1/perms/folder/PATH."""
        request.scope["operation"] = "permissions"
        users, groups = self._levels(folder)
        return JSONResponse(
            {
                "users": [{"subject": name, "permission": level} for name, level in users.items()],
                "groups": [{"subject": name, "permission": level} for name, level in groups.items()],
            }
        )

    async def set_permissions_v1(self, request: Request, folder: Node) -> Response:
        """POST /pubapi/v1/perms/folder/PATH."""
        request.scope["operation"] = "set permissions"
        asked = json.loads(await request.body())
        level = asked.get("permission")
        self._set(folder, "user", dict.fromkeys(asked.get("users") or (), level))
        self._set(folder, "group", dict.fromkeys(asked.get("groups") or (), level))
        self._drive.touch(folder, "permissions")
        return Response(status_code=200)

    def _set(self, folder: Node, kind: str, levels: Mapping[str, Any]) -> None:
        known = (
            {user_name(person) for person in self._accounts.people.values()}
            if kind == "user"
            else {group.name for group in self._accounts.groups.values()}
        )
        for name, level in levels.items():
            if level not in LEVELS:
                raise refused_input(400, "INVALID_PERMISSION", f"Unknown permission: {level}")
            if name not in known:
                raise refused(400, f"{kind.title()} does not exist: {name}")
        for name, level in levels.items():
            folder.grants = [grant for grant in folder.grants if (grant.kind, grant.identity) != (kind, name)]
            if level != NONE or any(above.grants for above in folder.ancestors()):
                folder.grants.append(Grant(f"{folder.id}-{kind}-{name}", kind, name, level))

    async def user_info(self, _request: Request, person: Person) -> Response:
        """GET /pubapi/v1/userinfo."""
        given, _, family = person.name.partition(" ")
        return JSONResponse(
            {
                "id": int(person.id),
                "first_name": given,
                "last_name": family,
                "username": user_name(person),
                "email": person.email,
                "user_type": "admin" if person.is_admin else "power",
            }
        )

    async def users(self, request: Request, person: Person) -> Response:
        """GET /pubapi/v2/users."""
        request.scope["operation"] = "users"
        if not person.is_admin:
            raise refused(403, "You do not have permission to list users")
        found = [user_of(one) for one in self._accounts.people.values()]
        return self._scim(request, found)

    async def groups(self, request: Request, _person: Person) -> Response:
        """GET /pubapi/v2/groups."""
        request.scope["operation"] = "groups"
        return self._scim(request, [group_of(one, whole=False) for one in self._accounts.groups.values()])

    def _scim(self, request: Request, found: list[dict[str, Any]]) -> Response:
        query = request.query_params
        for text in query.getlist("filter"):
            asked = _FILTER.fullmatch(text)
            if asked is None:
                raise refused_input(400, "INVALID_FILTER", "Unsupported filter")
            name, operator, value = asked.groups()
            found = [one for one in found if _matches(str(one.get(name, "")), operator, value)]
        try:
            first, count = int(query.get("startIndex", 1)), min(int(query.get("count", _MOST)), _MOST)
        except ValueError:
            raise refused_input(400, "INVALID_PARAMETER", "startIndex and count have to be numbers") from None
        page = found[first - 1 : first - 1 + count]
        return JSONResponse(
            {
                "totalResults": len(found),
                "itemsPerPage": len(page),
                "startIndex": first,
                "resources": page,
            }
        )


def _matches(value: str, operator: str, wanted: str) -> bool:
    value, wanted = value.lower(), wanted.lower()
    match operator:
        case "sw":
            return value.startswith(wanted)
        case "co":
            return wanted in value
        case _:
            return value == wanted
