"""Routes of accounts and their space."""

from __future__ import annotations

from typing import Any

from simulators.accounts import Person
from simulators.dropbox.calls import Call, Route
from simulators.dropbox.namespaces import token_text
from simulators.dropbox.state import State

_TEAM_SPACE = 10_000_000_000_000

SHARING_POLICIES = {
    "shared_folder_member_policy": {".tag": "anyone"},
    "shared_folder_join_policy": {".tag": "from_anyone"},
    "shared_link_create_policy": {".tag": "default_public"},
    "group_creation_policy": {".tag": "admins_and_members"},
    "shared_folder_link_restriction_policy": {".tag": "anyone"},
    "enforce_link_password_policy": {".tag": "optional"},
    "default_link_expiration_days_policy": {".tag": "none"},
    "shared_link_default_permissions_policy": {".tag": "default"},
}
"""Of the team."""


def person_name(person: Person) -> dict[str, str]:
    """A `users.Name`."""
    given, _, surname = person.name.partition(" ")
    return {
        "given_name": given,
        "surname": surname,
        "familiar_name": given,
        "display_name": person.name,
        "abbreviated_name": "".join(word[0] for word in person.name.split())[:3] or "?",
    }


def root_info(dropbox: State, person: Person) -> dict[str, Any]:
    """A `common.RootInfo`."""
    root, home = dropbox.root_of(person), dropbox.homes[person.id]
    told = {"root_namespace_id": root.id, "home_namespace_id": home.id}
    if root is home:
        return {".tag": "user", **told}
    return {".tag": "team", **told, "home_path": f"/{person.name}"}


async def get_current_account(call: Call) -> Any:
    """/2/users/get_current_account."""
    person, dropbox = call.person, call.dropbox
    assert person is not None
    told: dict[str, Any] = {
        "account_id": person.id,
        "name": person_name(person),
        "email": person.email,
        "email_verified": True,
        "disabled": False,
        "country": "GB",
        "locale": "en",
        "referral_link": "https://www.dropbox.com/referrals/AADsimulated",
        "is_paired": False,
        "account_type": {".tag": "business" if person in dropbox.team_members else "basic"},
        "root_info": root_info(dropbox, person),
    }
    if person in dropbox.team_members:
        told["team_member_id"] = dropbox.member_id(person)
        told["team"] = {
            "id": "dbtid:" + token_text(1, 34),
            "name": dropbox.team_name,
            "sharing_policies": SHARING_POLICIES,
            "office_addin_policy": {".tag": "enabled"},
            "top_level_content_policy": {".tag": "admin_only"},
        }
    return told


async def get_space_usage(call: Call) -> Any:
    """/2/users/get_space_usage."""
    person, dropbox = call.person, call.dropbox
    assert person is not None

    def used_by(one: Person) -> int:
        return sum(each.drive.used for each in dropbox.forest.namespaces.values() if each.owner is one)

    used = used_by(person)
    if person not in dropbox.team_members:
        return {"used": used, "allocation": {".tag": "individual", "allocated": person.quota or 0}}
    return {
        "used": used,
        "allocation": {
            ".tag": "team",
            "used": sum(map(used_by, dropbox.team_members)),
            "allocated": _TEAM_SPACE,
            "user_within_team_space_allocated": person.quota or 0,
            "user_within_team_space_limit_type": {".tag": "stop_sync" if person.quota else "off"},
            "user_within_team_space_used_cached": used,
        },
    }


async def revoke(call: Call) -> Any:
    """/2/auth/token/revoke: done before any route is asked."""
    raise AssertionError(call.route)


async def check_user(call: Call) -> Any:
    """/2/check/user."""
    return {"result": call.value("query", "")}


ROUTES = {
    "users/get_current_account": Route(get_current_account, scope="account_info.read"),
    "users/get_space_usage": Route(get_space_usage, scope="account_info.read"),
    "auth/token/revoke": Route(revoke),
    "check/user": Route(check_user),
}
