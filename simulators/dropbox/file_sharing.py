"""Routes of sharing: members of files, and links."""

from __future__ import annotations

from typing import Any

from simulators.accounts import Group, Person
from simulators.dropbox.calls import Call, Route
from simulators.dropbox.membership import effective, lists, paged_members, selected
from simulators.dropbox.namespaces import Member, Namespace
from simulators.dropbox.refusals import BadInputError, RouteError
from simulators.dropbox.views import View
from simulators.nodes import Grant, Node

_MOST_FILES = 100


def _file(view: View, path: str) -> tuple[Namespace, Node]:
    try:
        spot = view.existing(path)
    except RouteError:
        raise RouteError("access_error", "invalid_file") from None
    assert spot.node is not None
    if spot.node.is_folder:
        raise RouteError("access_error", "is_folder")
    return spot.namespace, spot.node


def _file_members(
    call: Call, namespace: Namespace, node: Node, *, inherited: bool
) -> list[tuple[Member, bool]]:
    accounts = call.dropbox.accounts
    found: list[tuple[Member, bool]] = []
    if namespace.owner is not None and namespace.kind == "home":
        found.append((Member(namespace.owner, "owner"), False))
    for grant in node.grants:
        who: Person | Group | str = (
            accounts.groups[grant.id]
            if grant.kind == "group"
            else accounts.person_of(grant.identity) or grant.identity
        )
        found.append((Member(who, grant.role), False))
    if inherited and namespace.kind != "home":
        found += [(member, True) for member, _ in effective(namespace)]
    return found


async def list_file_members(call: Call) -> Any:
    """/2/sharing/list_file_members."""
    namespace, node = _file(call.view, call.path("file"))
    members = _file_members(call, namespace, node, inherited=bool(call.value("include_inherited", True)))
    return paged_members(call, members, node.id)


async def list_file_members_continue(call: Call) -> Any:
    """/2/sharing/list_file_members/continue."""
    namespace, node = _file(call.view, str(call.value("cursor")).partition("|")[0])
    return paged_members(call, _file_members(call, namespace, node, inherited=True), node.id)


def _each_file(call: Call) -> list[tuple[str, tuple[Namespace, Node] | RouteError]]:
    files = call.value("files", [])
    if len(files) > _MOST_FILES:
        raise BadInputError(call.route, "request body: files: list has more than 100 items")
    found: list[tuple[str, tuple[Namespace, Node] | RouteError]] = []
    for path in files:
        try:
            found.append((path, _file(call.view, path)))
        except RouteError as error:
            found.append((path, error))
    return found


async def list_file_members_batch(call: Call) -> Any:
    """/2/sharing/list_file_members/batch."""
    limit = int(call.value("limit", 1000))
    results: list[dict[str, Any]] = []
    for path, found in _each_file(call):
        if isinstance(found, RouteError):
            results.append({"file": path, "result": found.union()})
            continue
        members = _file_members(call, *found, inherited=False)
        told = lists(call, members[:limit])
        if len(members) > limit:
            told["cursor"] = f"{found[1].id}|{limit}|{limit}"
        results.append(
            {"file": path, "result": {".tag": "result", "members": told, "member_count": len(members)}}
        )
    return results


async def get_file_metadata_batch(call: Call) -> Any:
    """/2/sharing/get_file_metadata/batch."""
    results: list[dict[str, Any]] = []
    for path, found in _each_file(call):
        if isinstance(found, RouteError):
            results.append({"file": path, "result": found.union()})
            continue
        namespace, node = found
        told: dict[str, Any] = {
            ".tag": "metadata",
            "id": node.id,
            "name": node.name,
            "access_type": {".tag": call.view.access(namespace) or "viewer"},
            "policy": {"acl_update_policy": {".tag": "editors"}, "shared_link_policy": {".tag": "anyone"}},
            "preview_url": f"https://www.dropbox.com/scl/fi/{node.id.removeprefix('id:')}",
        }
        if namespace.kind in {"shared", "team_folder"}:
            told["parent_shared_folder_id"] = namespace.id
        results.append({"file": path, "result": told})
    return results


async def add_file_member(call: Call) -> Any:
    """/2/sharing/add_file_member."""
    namespace, node = _file(call.view, call.path("file"))
    if call.view.access(namespace) not in {"owner", "editor"}:
        raise RouteError("access_error", "no_permission")
    access = call.tag("access_level", "viewer")
    results = []
    for selector in call.value("members", []):
        try:
            who = selected(call, selector)
        except RouteError:
            failed = {".tag": "member_error", "member_error": {".tag": "invalid_member"}}
            results.append({"member": selector, "result": failed})
            continue
        key = who if isinstance(who, str) else who.email
        if not any(grant.identity == key for grant in node.grants):
            kind, grant_id = ("group", who.id) if isinstance(who, Group) else ("user", key)
            node.grants.append(Grant(grant_id, kind, key, access))
        if not call.value("quiet"):
            call.dropbox.mails.append(key)
        results.append({"member": selector, "result": {".tag": "success", "success": {".tag": access}}})
    return results


def _grant(call: Call, node: Node) -> Grant | None:
    who = selected(call, call.value("member"))
    key = who if isinstance(who, str) else who.email
    return next((grant for grant in node.grants if grant.identity == key), None)


async def update_file_member(call: Call) -> Any:
    """/2/sharing/update_file_member."""
    _, node = _file(call.view, call.path("file"))
    grant = _grant(call, node)
    if grant is None:
        raise RouteError("invalid_member")
    grant.role = call.tag("access_level", "viewer")
    return {"access_level": {".tag": grant.role}}


async def remove_file_member(call: Call) -> Any:
    """/2/sharing/remove_file_member_2."""
    namespace, node = _file(call.view, call.path("file"))
    grant = _grant(call, node)
    if grant is None:
        who = selected(call, call.value("member"))
        if isinstance(who, Person) and namespace.kind != "home" and (above := namespace.access_of(who)):
            raise RouteError("no_explicit_access", inner={"access_level": {".tag": above}})
        return {".tag": "member_error", "member_error": {".tag": "invalid_member"}}
    node.grants.remove(grant)
    return {".tag": "success"}


async def list_shared_links(call: Call) -> Any:
    """/2/sharing/list_shared_links."""
    page = call.dropbox.links_page
    links = [link for link in call.dropbox.links if link["by"] is call.person]
    told = []
    for link in links:
        found = call.view.by_id(link["node_id"])
        if found is None:
            continue
        described = call.view.metadata(*found)
        kept = ("name", "id", "path_lower", "client_modified", "server_modified", "rev", "size", ".tag")
        told.append(
            {
                **{key: described[key] for key in kept if key in described},
                "url": link["url"],
                "link_permissions": {
                    "resolved_visibility": {".tag": link["visibility"]},
                    "link_access_level": {".tag": link["access"]},
                    "can_revoke": True,
                    "visibility_policies": [],
                    "can_set_expiry": False,
                    "can_remove_expiry": False,
                    "allow_download": True,
                    "can_allow_download": True,
                    "can_disallow_download": False,
                    "allow_comments": True,
                    "team_restricts_comments": False,
                },
            }
        )
    if (path := call.value("path")) is not None:
        spot = call.view.existing(path)
        assert spot.node is not None
        return {"links": [link for link in told if link["id"] == spot.node.id], "has_more": False}
    start = int(call.value("cursor") or 0)
    more = start + page < len(told)
    answer: dict[str, Any] = {"links": told[start : start + page], "has_more": more}
    if more:
        answer["cursor"] = str(start + page)
    return answer


_READ, _WRITE = "sharing.read", "sharing.write"
ROUTES = {
    "sharing/list_file_members": Route(list_file_members, scope=_READ),
    "sharing/list_file_members/continue": Route(list_file_members_continue, scope=_READ),
    "sharing/list_file_members/batch": Route(list_file_members_batch, scope=_READ),
    "sharing/get_file_metadata/batch": Route(get_file_metadata_batch, scope=_READ),
    "sharing/add_file_member": Route(add_file_member, scope=_WRITE),
    "sharing/update_file_member": Route(update_file_member, scope=_WRITE),
    "sharing/remove_file_member_2": Route(remove_file_member, scope=_WRITE),
    "sharing/list_shared_links": Route(list_shared_links, scope=_READ),
}
