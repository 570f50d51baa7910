"""Routes of a team's administrator."""

from __future__ import annotations

from typing import Any

from simulators.accounts import Group, Person
from simulators.dropbox.calls import Call, Route
from simulators.dropbox.namespaces import Namespace, token_text
from simulators.dropbox.refusals import RouteError
from simulators.dropbox.state import State
from simulators.dropbox.users import SHARING_POLICIES, person_name


def _paged(call: Call, key: str, entries: list[dict[str, Any]]) -> dict[str, Any]:
    """A page of a list; the cursor is the number of the next entry."""
    cursor = call.value("cursor")
    if cursor is not None:
        limit_text, _, start_text = str(cursor).partition(":")
        if not limit_text.isdigit() or not start_text.isdigit():
            raise RouteError("invalid_cursor")
        limit, start = int(limit_text), int(start_text)
    else:
        limit, start = int(call.value("limit", 1000)), 0
    end = start + limit
    return {key: entries[start:end], "cursor": f"{limit}:{end}", "has_more": end < len(entries)}


def profile(dropbox: State, person: Person) -> dict[str, Any]:
    """A `team.TeamMemberProfile`."""
    home = dropbox.homes[person.id]
    return {
        "team_member_id": dropbox.member_id(person),
        "account_id": person.id,
        "email": person.email,
        "email_verified": True,
        "secondary_emails": [],
        "status": {".tag": "active" if person.is_active else "suspended"},
        "name": person_name(person),
        "membership_type": {".tag": "full"},
        "groups": [group.id for group in dropbox.accounts.groups.values() if person in group.members],
        "member_folder_id": home.id,
        "root_folder_id": dropbox.root_of(person).id,
    }


def _member(dropbox: State, person: Person) -> dict[str, Any]:
    roles = [{"role_id": "pid_dbtmr:admin", "name": "Team", "description": "All."}] if person.is_admin else []
    return {"profile": profile(dropbox, person), "roles": roles}


async def get_info(call: Call) -> Any:
    """/2/team/get_info."""
    dropbox = call.dropbox
    members = len(dropbox.team_members)
    return {
        "name": dropbox.team_name,
        "team_id": "dbtid:" + token_text(1, 34),
        "num_licensed_users": members + 5,
        "num_provisioned_users": members,
        "num_used_licenses": members,
        "policies": {
            "sharing": SHARING_POLICIES,
            "emm_state": {".tag": "disabled"},
            "office_addin": {".tag": "enabled"},
            "suggest_members_policy": {".tag": "enabled"},
            "top_level_content_policy": {".tag": "admin_only"},
        },
    }


async def get_authenticated_admin(call: Call) -> Any:
    """/2/team/token/get_authenticated_admin."""
    assert call.admin is not None
    return {"admin_profile": profile(call.dropbox, call.admin)}


async def members_list(call: Call) -> Any:
    """/2/team/members/list_v2."""
    return _paged(call, "members", [_member(call.dropbox, person) for person in call.dropbox.team_members])


async def members_info(call: Call) -> Any:
    """/2/team/members/get_info_v2."""
    found: list[dict[str, Any]] = []
    for selector in call.value("members", []):
        wanted = selector[selector[".tag"]]
        person = next(
            (
                one
                for one in call.dropbox.team_members
                if wanted in {call.dropbox.member_id(one), one.email} or wanted.lower() == one.email
            ),
            None,
        )
        if person is None:
            found.append({".tag": "id_not_found", "id_not_found": wanted})
        else:
            found.append({".tag": "member_info", **_member(call.dropbox, person)})
    return {"members_info": found}


def _team_folder(namespace: Namespace) -> dict[str, Any]:
    return {
        "team_folder_id": namespace.id,
        "name": namespace.name,
        "status": {".tag": namespace.properties.get("status", "active")},
        "is_team_shared_dropbox": False,
        "sync_setting": {".tag": "default"},
        "content_sync_settings": [],
        "quota_limit": 0,
    }


async def team_folders(call: Call) -> Any:
    """/2/team/team_folder/list."""
    found = [each for each in call.dropbox.forest.namespaces.values() if each.kind == "team_folder"]
    return _paged(call, "team_folders", [_team_folder(each) for each in found])


async def create_team_folder(call: Call) -> Any:
    """/2/team/team_folder/create."""
    name = call.arg["name"]
    taken = {
        each.name.lower() for each in call.dropbox.forest.namespaces.values() if each.kind == "team_folder"
    }
    if name.lower() in taken:
        raise RouteError("folder_name_already_used")
    return _team_folder(call.dropbox.add_team_folder(name))


async def groups_list(call: Call) -> Any:
    """/2/team/groups/list."""
    return _paged(call, "groups", [group_summary(group) for group in call.dropbox.accounts.groups.values()])


def group_summary(group: Group) -> dict[str, Any]:
    """A `team_common.GroupSummary`."""
    return {
        "group_name": group.name,
        "group_id": group.id,
        "member_count": len(group.members),
        "group_management_type": {".tag": "company_managed"},
    }


ROUTES = {
    "team/get_info": Route(get_info, auth="team", scope="team_info.read"),
    "team/token/get_authenticated_admin": Route(get_authenticated_admin, auth="team", scope="team_info.read"),
    "team/members/list_v2": Route(members_list, auth="team", scope="members.read"),
    "team/members/list/continue_v2": Route(members_list, auth="team", scope="members.read"),
    "team/members/get_info_v2": Route(members_info, auth="team", scope="members.read"),
    "team/team_folder/list": Route(team_folders, auth="team", scope="team_data.content.read"),
    "team/team_folder/list/continue": Route(team_folders, auth="team", scope="team_data.content.read"),
    "team/team_folder/create": Route(create_team_folder, auth="team", scope="team_data.content.write"),
    "team/groups/list": Route(groups_list, auth="team", scope="groups.read"),
    "team/groups/list/continue": Route(groups_list, auth="team", scope="groups.read"),
}
