"""Permissions ("permission resource type", "Send a sharing invitation")."""

from __future__ import annotations

import base64
from typing import Any

from simulators.accounts import Group, Person
from simulators.microsoft.addresses import Spot
from simulators.microsoft.calls import Answer, Call
from simulators.microsoft.errors import GraphError, invalid, not_found
from simulators.microsoft.state import LIBRARY, SHARED, Library, State
from simulators.nodes import Grant, Node

_ROLES = ("read", "write", "owner")


def get_permissions(state: State, _call: Call, spot: Spot) -> Answer:
    """List what holds for an entry: its own, and what it inherits."""
    node = spot.there()
    told = _standing(state, spot.library)
    seen: set[str] = set()
    for entry in [node, *node.ancestors()]:
        for grant in entry.grants:
            if grant.id not in seen or grant.kind == "link":
                told.append(_told(state, spot.library, grant, None if entry is node else entry))
                seen.add(grant.id)
    return Answer(200, {"value": told})


def invite(state: State, call: Call, spot: Spot) -> Answer:
    """Permit something to people and groups; without mail where `sendInvitation` is false."""
    node = spot.there()
    asked = call.json()
    roles = asked.get("roles") or []
    if len(roles) != 1 or roles[0] not in _ROLES[:2]:
        raise invalid("The roles are not valid.")
    if spot.library.is_personal and node.parent is None:
        raise invalid("The root of a personal drive cannot be shared.")
    grants = [_invited(state, spot.library, recipient, roles[0]) for recipient in asked.get("recipients", [])]
    if asked.get("sendInvitation", True):
        node.properties["mails"] = node.properties.get("mails", 0) + len(grants)
    told = []
    for grant in grants:
        standing = next((one for one in node.grants if one.id == grant.id), None)
        if standing is None:
            node.grants.append(grant)
        else:
            standing.role = grant.role
        told.append(_told(state, spot.library, standing or grant, None))
    spot.library.drive.touch(node, SHARED)
    return Answer(200, {"value": told})


def create_link(state: State, call: Call, spot: Spot) -> Answer:
    """Make a sharing link."""
    node = spot.there()
    asked = call.json()
    kind, scope = str(asked.get("type", "view")), str(asked.get("scope", "anonymous"))
    role = "write" if kind == "edit" else "read"
    grant = Grant(
        state.ids.guid(), "link", "", role, {"scope": scope, "type": kind, "url": state.ids.secret()}
    )
    node.grants.append(grant)
    spot.library.drive.touch(node, SHARED)
    return Answer(201, _told(state, spot.library, grant, None))


def change_permission(state: State, call: Call, spot: Spot, permission_id: str) -> Answer:
    """PATCH the role of one."""
    node = spot.there()
    grant = _own(node, permission_id)
    roles = call.json().get("roles") or []
    if len(roles) != 1 or roles[0] not in _ROLES:
        raise invalid("The roles are not valid.")
    grant.role = roles[0]
    spot.library.drive.touch(node, SHARED)
    return Answer(200, _told(state, spot.library, grant, None))


def delete_permission(_state: State, _call: Call, spot: Spot, permission_id: str) -> Answer:
    """Take one back; what is inherited cannot be taken back here."""
    node = spot.there()
    node.grants.remove(_own(node, permission_id))
    spot.library.drive.touch(node, SHARED)
    return Answer(204)


def _own(node: Node, permission_id: str) -> Grant:
    for grant in node.grants:
        if grant.id == permission_id:
            return grant
    if any(grant.id == permission_id for above in node.ancestors() for grant in above.grants):
        raise invalid("Inherited permissions cannot be changed or deleted here.")
    raise not_found()


def _invited(state: State, library: Library, recipient: dict[str, Any], role: str) -> Grant:
    email = str(recipient.get("email") or "").lower()
    found = state.grantee(email)
    own_domain = email.endswith(f"@{state.domain}") or library.is_personal
    if found is None and (not email or "@" not in email or own_domain or email.endswith("@example.org")):
        raise GraphError(
            400, "invalidRequest", "One or more users could not be resolved.", inner=("noResolvedUsers",)
        )
    return Grant(_permission_id(_login(state, found, email)), "grant", email, role)


def _login(state: State, found: Person | Group | None, email: str) -> str:
    if isinstance(found, Group):
        return f"c:0o.c|federateddirectoryclaimprovider|{found.id}"
    if found is None or not state.is_mine(found):
        return f"i:0#.f|membership|{email.replace('@', '_')}#ext#@{state.tenant}.onmicrosoft.com"
    return f"i:0#.f|membership|{found.email}"


def _permission_id(login: str) -> str:
    return base64.urlsafe_b64encode(login.encode()).decode().rstrip("=")


def _standing(state: State, library: Library) -> list[dict[str, Any]]:
    """What holds for a whole drive: its owner's, or those of the site's groups."""
    if library.kind == LIBRARY and library.site is not None:
        return [
            {
                "id": _permission_id(f"{library.site.name} {role}"),
                "roles": [role],
                "grantedToV2": {
                    "siteGroup": {
                        "id": number,
                        "displayName": f"{library.site.name} {name}",
                        "loginName": f"{library.site.name} {name}",
                    }
                },
            }
            for number, name, role in (
                ("3", "Owners", "owner"),
                ("5", "Members", "write"),
                ("4", "Visitors", "read"),
            )
        ]
    owner = library.drive.owner
    assert owner is not None
    return [
        {
            "id": _permission_id(_login(state, owner, owner.email)),
            "roles": ["owner"],
            "grantedToV2": _identities(state, library, owner, owner.email),
        }
    ]


def _identities(state: State, library: Library, found: Person | Group | None, email: str) -> dict[str, Any]:
    if isinstance(found, Group):
        login = _login(state, found, email)
        return {
            "group": {"id": found.id, "displayName": found.name, "email": found.email},
            "siteUser": {"id": "20", "displayName": found.name, "loginName": login, "email": found.email},
        }
    name = found.name if found is not None else email
    if library.is_personal:
        return {"user": {"id": found.id if found else "", "displayName": name, "email": email}}
    login = _login(state, found, email)
    user = {"id": found.id if found else state.ids.guid(), "displayName": name, "email": email}
    return {"user": user, "siteUser": {"id": "6", "displayName": name, "loginName": login, "email": email}}


def _told(state: State, library: Library, grant: Grant, source: Node | None) -> dict[str, Any]:
    told: dict[str, Any] = {"id": grant.id, "roles": [grant.role]}
    if grant.kind == "link":
        details = grant.properties
        told["link"] = {
            "scope": details["scope"],
            "type": details["type"],
            "webUrl": f"https://{library.host}/:u:/g/{details['url']}",
            "preventsDownload": False,
        }
        told["grantedToIdentitiesV2"] = []
        told["hasPassword"] = False
    else:
        found = state.grantee(grant.identity)
        told["grantedToV2"] = _identities(state, library, found, grant.identity)
        if library.is_personal:
            told["invitation"] = {"email": grant.identity, "signInRequired": True}
    if source is not None and library.is_personal:  # libraries do not tell where something is inherited from
        told["inheritedFrom"] = {"driveId": library.id, "id": source.id, "path": f"/drive/root:{source.path}"}
    return told
