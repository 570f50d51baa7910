"""Members of folders and files: who they are, and how the API describes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulators.accounts import Group, Person
from simulators.dropbox.calls import Call
from simulators.dropbox.namespaces import ACCESS, Member, Namespace
from simulators.dropbox.refusals import BadInputError, RouteError
from simulators.dropbox.state import State
from simulators.dropbox.team import group_summary


def same_team(dropbox: State, one: Person | None, other: Person) -> bool:
    """Tell whether two people are of one team."""
    return one is other or (one in dropbox.team_members and other in dropbox.team_members)


def line(call: Call, member: Member, *, inherited: bool) -> tuple[str, dict[str, Any]]:
    """Describe a member, and say in which of the three lists it stands."""
    dropbox = call.dropbox
    told: dict[str, Any] = {
        "access_type": {".tag": member.access},
        "permissions": [],
        "is_inherited": inherited,
    }
    match member.who:
        case Person() as person:
            same = same_team(dropbox, call.person, person)
            told["user"] = {
                "account_id": person.id,
                "email": person.email,
                "display_name": person.name,
                "same_team": same,
            }
            if same and person in dropbox.team_members:
                told["user"]["team_member_id"] = dropbox.member_id(person)
            return "users", told
        case Group() as group:
            told["group"] = {
                **group_summary(group),
                "group_type": {".tag": "team"},
                "is_member": call.person in group.members,
                "is_owner": False,
                "same_team": call.person in dropbox.team_members,
            }
            return "groups", told
        case str() as address:
            told["invitee"] = {".tag": "email", "email": address}
            return "invitees", told


def effective(namespace: Namespace) -> list[tuple[Member, bool]]:
    """All members with what they may do, and whether they may through a folder above."""
    found: dict[str, tuple[Member, bool]] = {
        key: (member, False) for key, member in namespace.members.items()
    }
    if namespace.parent is not None:
        for member, _ in effective(namespace.parent):
            own = found.get(member.key)
            best = member
            if own is not None and ACCESS.index(own[0].access) < ACCESS.index(member.access):
                best = own[0]
            found[member.key] = (best, True)
    return list(found.values())


def lists(call: Call, members: Iterable[tuple[Member, bool]]) -> dict[str, Any]:
    """Describe members in the three lists of the API."""
    told: dict[str, Any] = {"users": [], "groups": [], "invitees": []}
    for member, inherited in members:
        where, described = line(call, member, inherited=inherited)
        told[where].append(described)
    return told


def paged_members(call: Call, members: list[tuple[Member, bool]], token: str) -> dict[str, Any]:
    """Likewise, a page of them; a cursor begins with `token`."""
    cursor = call.value("cursor")
    start, limit = 0, int(call.value("limit", 1000))
    if cursor is not None:
        _, start_text, limit_text = str(cursor).rsplit("|", 2)
        start, limit = int(start_text), int(limit_text)
    told = lists(call, members[start : start + limit])
    if start + limit < len(members):
        told["cursor"] = f"{token}|{start + limit}|{limit}"
    return told


def selected(call: Call, selector: dict[str, Any]) -> Person | Group | str:
    """Find who is meant. Raises RouteError, BadInputError."""
    tag = selector[".tag"]
    wanted = str(selector[tag])
    accounts = call.dropbox.accounts
    if tag == "dropbox_id":
        known: Person | Group | None = accounts.people.get(wanted) or accounts.groups.get(wanted)
        known = known or next(
            (person for person in call.dropbox.team_members if call.dropbox.member_id(person) == wanted), None
        )
        if known is None:
            raise RouteError("bad_member", "invalid_dropbox_id", inner={"invalid_dropbox_id": wanted})
        return known
    if "@" not in wanted or "." not in wanted.partition("@")[2] or not wanted.isascii():
        raise BadInputError(call.route, f"request body: members: email: '{wanted}' did not match pattern")
    return accounts.person_of(wanted) or wanted.lower()
