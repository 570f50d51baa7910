"""Routes of sharing: shared folders, their members, and the jobs that sharing is."""

from __future__ import annotations

from typing import Any

from simulators.accounts import Group, Person
from simulators.dropbox.calls import Call, Route
from simulators.dropbox.jobs import Job
from simulators.dropbox.membership import effective, paged_members, same_team, selected
from simulators.dropbox.namespaces import MOUNT, Member, Namespace, names_of
from simulators.dropbox.refusals import BadInputError, RouteError
from simulators.dropbox.state import State
from simulators.dropbox.views import Spot, spelled
from simulators.nodes import Node


def _shared(call: Call, shared_folder_id: str) -> Namespace:
    namespace = call.dropbox.forest.namespaces.get(shared_folder_id)
    if namespace is None or namespace.kind not in {"shared", "team_folder"}:
        raise RouteError("access_error", "invalid_id")
    if call.view.access(namespace) is None:
        raise RouteError("access_error", "not_a_member")
    return namespace


def describe(call: Call, namespace: Namespace) -> dict[str, Any]:
    """A `sharing.SharedFolderMetadata`."""
    told: dict[str, Any] = {
        "name": namespace.name,
        "shared_folder_id": namespace.id,
        "folder_id": namespace.folder_id,
        "access_type": {".tag": call.view.access(namespace) or "viewer"},
        "is_inside_team_folder": namespace.parent is not None and namespace.parent.kind == "team_folder",
        "is_team_folder": namespace.kind == "team_folder",
        "policy": {
            "acl_update_policy": {".tag": "editors"},
            "shared_link_policy": {".tag": "anyone"},
            "member_policy": {".tag": "anyone"},
            "resolved_member_policy": {".tag": "anyone"},
        },
        "preview_url": f"https://www.dropbox.com/sh/{namespace.id}",
        "time_invited": spelled(namespace.drive.root.made_ns),
        "access_inheritance": {".tag": "inherit"},
    }
    for where, node in namespace.mounts:
        names = call.view.names(where, names_of(node))
        if names is not None:
            told["path_display"] = "/" + "/".join(names)
            told["path_lower"] = told["path_display"].lower()
    if namespace.parent is not None:
        told["parent_shared_folder_id"] = namespace.parent.id
    return told


async def share_folder(call: Call) -> Any:
    """/2/sharing/share_folder."""
    path = call.path()
    try:
        spot = call.view.existing(path)
    except RouteError:
        raise RouteError("bad_path", "invalid_path") from None
    node, dropbox = spot.node, call.dropbox
    assert node is not None
    if not node.is_folder:
        raise RouteError("bad_path", "is_file")
    if (mounted := node.properties.get(MOUNT)) is not None:
        raise RouteError("bad_path", "already_shared", inner=describe(call, mounted))
    if spot.folder is None:
        raise RouteError("bad_path", "invalid_path")
    if spot.namespace.kind == "shared" and not dropbox.nested_sharing:
        raise RouteError("bad_path", "inside_shared_folder")
    below = [each for _, each in dropbox.forest.walk(spot.namespace, node) if MOUNT in each.properties]
    if below and not dropbox.nested_sharing:
        raise RouteError("bad_path", "contains_shared_folder")
    running = next((job for job in dropbox.jobs.values() if job.subject is node and job.result is None), None)
    if running is not None:
        return {".tag": "async_job_id", "async_job_id": running.id}

    def work() -> dict[str, Any]:
        return describe(call, share(dropbox, spot, node))

    if call.value("force_async") or dropbox.share_s:
        job = Job(dropbox.now_ns() + int(dropbox.share_s * 1e9), node, work)
        dropbox.jobs[job.id] = job
        return {".tag": "async_job_id", "async_job_id": job.id}
    return {".tag": "complete", **work()}


def share(dropbox: State, spot: Spot, node: Node) -> Namespace:
    """Make a folder a shared one."""
    above = spot.namespace
    owner = above.owner
    made = dropbox.forest.carve(above, node, owner)
    made.parent = above if above.kind in {"shared", "team_folder"} else None
    if owner is not None:
        made.members[owner.email] = Member(owner, "owner")
    return made


async def check_job(call: Call) -> Any:
    """/2/sharing/check_share_job_status and check_remove_member_job_status."""
    job = call.dropbox.jobs.get(call.value("async_job_id", ""))
    if job is None:
        raise RouteError("invalid_async_job_id")
    if job.result is None:
        return {".tag": "in_progress"}
    return {".tag": "complete", **job.result}


async def list_folder_members(call: Call) -> Any:
    """/2/sharing/list_folder_members, and its continuation."""
    cursor = call.value("cursor")
    shared_folder_id = call.value("shared_folder_id") or str(cursor).partition("|")[0]
    namespace = _shared(call, shared_folder_id)
    return paged_members(call, effective(namespace), namespace.id)


def _may_share(call: Call, namespace: Namespace) -> None:
    if call.view.access(namespace) not in {"owner", "editor"}:
        raise RouteError("no_permission")


async def add_folder_member(call: Call) -> Any:
    """/2/sharing/add_folder_member."""
    namespace = _shared(call, call.value("shared_folder_id", ""))
    _may_share(call, namespace)
    for given in call.value("members", []):
        who = selected(call, given["member"])
        if call.dropbox.bans_outsiders and not (
            isinstance(who, Group) or (isinstance(who, Person) and same_team(call.dropbox, call.person, who))
        ):
            raise RouteError("cant_share_outside_team")
        access = (given.get("access_level") or {".tag": "viewer"})[".tag"]
        if access not in {"editor", "viewer"}:
            raise BadInputError(call.route, f"request body: members: access_level: {access} is not allowed")
        member = Member(who, access)
        namespace.members.setdefault(member.key, member)
        if not call.value("quiet"):
            call.dropbox.mails.append(member.key)
    for where, node in namespace.mounts:
        call.dropbox.forest.note(where, node)
    return None


def _member_of(call: Call, namespace: Namespace, selector: dict[str, Any]) -> Member:
    who = selected(call, selector)
    key = who if isinstance(who, str) else who.email
    member = namespace.members.get(key)
    if member is None:
        above = next(
            (each for each, inherited in effective(namespace) if inherited and each.key == key), None
        )
        if above is not None:
            raise RouteError(
                "member_error", "no_explicit_access", inner={"access_level": {".tag": above.access}}
            )
        raise RouteError("member_error", "not_a_member")
    return member


async def update_folder_member(call: Call) -> Any:
    """/2/sharing/update_folder_member."""
    namespace = _shared(call, call.value("shared_folder_id", ""))
    _may_share(call, namespace)
    if call.value("member")[".tag"] != "dropbox_id":
        raise BadInputError(call.route, "request body: member: only dropbox_id may be set at this time")
    member = _member_of(call, namespace, call.value("member"))
    member.access = call.tag("access_level", "viewer")
    return {"access_level": {".tag": member.access}}


async def remove_folder_member(call: Call) -> Any:
    """/2/sharing/remove_folder_member."""
    namespace = _shared(call, call.value("shared_folder_id", ""))
    _may_share(call, namespace)
    member = _member_of(call, namespace, call.value("member"))
    if member.access == "owner":
        raise RouteError("folder_owner")

    def work() -> dict[str, Any]:
        namespace.members.pop(member.key, None)
        return {}

    job = Job(call.dropbox.now_ns() + int(call.dropbox.share_s * 1e9), member, work)
    call.dropbox.jobs[job.id] = job
    job.advance(call.dropbox.now_ns())
    return {".tag": "async_job_id", "async_job_id": job.id}


async def list_folders(call: Call) -> Any:
    """/2/sharing/list_folders."""
    found = [
        describe(call, each)
        for each in call.dropbox.forest.namespaces.values()
        if each.kind == "shared" and call.view.access(each) is not None
    ]
    return {"entries": found}


async def mount_folder(call: Call) -> Any:
    """/2/sharing/mount_folder."""
    namespace = _shared(call, call.value("shared_folder_id", ""))
    assert call.person is not None
    home = call.dropbox.homes[call.person.id]
    if any(where is home for where, _ in namespace.mounts):
        raise RouteError("already_mounted")
    call.dropbox.forest.mount(namespace, home, home.drive.root, namespace.name)
    return describe(call, namespace)


_READ, _WRITE = "sharing.read", "sharing.write"
ROUTES = {
    "sharing/share_folder": Route(share_folder, scope=_WRITE),
    "sharing/check_share_job_status": Route(check_job, scope=_WRITE),
    "sharing/list_folder_members": Route(list_folder_members, scope=_READ),
    "sharing/list_folder_members/continue": Route(list_folder_members, scope=_READ),
    "sharing/add_folder_member": Route(add_folder_member, scope=_WRITE),
    "sharing/update_folder_member": Route(update_folder_member, scope=_WRITE),
    "sharing/remove_folder_member": Route(remove_folder_member, scope=_WRITE),
    "sharing/check_remove_member_job_status": Route(check_job, scope=_WRITE),
    "sharing/list_folders": Route(list_folders, scope=_READ),
    "sharing/mount_folder": Route(mount_folder, scope=_WRITE, admin=False),
}
