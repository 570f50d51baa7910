"""Routes of sharing: members of folders and files, jobs, links."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from simulators.accounts import Group, Person
from simulators.dropbox.calls import Call, Route
from simulators.dropbox.namespaces import ACCESS, MOUNT, Member, Namespace, names_of
from simulators.dropbox.refusals import BadInputError, RouteError
from simulators.dropbox.team import group_summary
from simulators.dropbox.views import Spot, View, spelled
from simulators.nodes import Grant, Node

if TYPE_CHECKING:
    from simulators.dropbox.service import Dropbox

_MOST_FILES = 100
_jobs = itertools.count(1)


class Job:
    """Something that takes a while.

    Attributes:
        due_ns: When it is done.
        work: Does it, and returns what `complete` tells.
    """

    def __init__(self, due_ns: int, subject: object, work: Callable[[], dict[str, Any]]) -> None:
        self.id = f"dbjid:AAC{next(_jobs):030d}"
        self.due_ns = due_ns
        self.subject = subject
        self.result: dict[str, Any] | None = None
        self._work = work

    def advance(self, now_ns: int) -> None:
        """Do it, if its time has come."""
        if self.result is None and now_ns >= self.due_ns:
            self.result = self._work()


def _same_team(dropbox: Dropbox, one: Person | None, other: Person) -> bool:
    return one is other or (one in dropbox.team_members and other in dropbox.team_members)


def _line(call: Call, member: Member, *, inherited: bool) -> tuple[str, dict[str, Any]]:
    """Describe a member, and say in which of the three lists it stands."""
    dropbox = call.dropbox
    told: dict[str, Any] = {
        "access_type": {".tag": member.access},
        "permissions": [],
        "is_inherited": inherited,
    }
    match member.who:
        case Person() as person:
            same = _same_team(dropbox, call.person, person)
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


def _effective(namespace: Namespace) -> list[tuple[Member, bool]]:
    """All members with what they may do, and whether they may through a folder above."""
    found: dict[str, tuple[Member, bool]] = {
        key: (member, False) for key, member in namespace.members.items()
    }
    if namespace.parent is not None:
        for member, _ in _effective(namespace.parent):
            own = found.get(member.key)
            best = member
            if own is not None and ACCESS.index(own[0].access) < ACCESS.index(member.access):
                best = own[0]
            found[member.key] = (best, True)
    return list(found.values())


def _lists(call: Call, members: Iterable[tuple[Member, bool]]) -> dict[str, Any]:
    told: dict[str, Any] = {"users": [], "groups": [], "invitees": []}
    for member, inherited in members:
        where, line = _line(call, member, inherited=inherited)
        told[where].append(line)
    return told


def _paged_members(call: Call, members: list[tuple[Member, bool]], token: str) -> dict[str, Any]:
    cursor = call.value("cursor")
    start, limit = 0, int(call.value("limit", 1000))
    if cursor is not None:
        _, start_text, limit_text = str(cursor).rsplit("|", 2)
        start, limit = int(start_text), int(limit_text)
    told = _lists(call, members[start : start + limit])
    if start + limit < len(members):
        told["cursor"] = f"{token}|{start + limit}|{limit}"
    return told


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
        "preview_url": f"https://www.dropbox.com/scl/fo/{namespace.id}",
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


def share(dropbox: Dropbox, spot: Spot, node: Node) -> Namespace:
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
    return _paged_members(call, _effective(namespace), namespace.id)


def _selected(call: Call, selector: dict[str, Any]) -> Person | Group | str:
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


def _may_share(call: Call, namespace: Namespace) -> None:
    if call.view.access(namespace) not in {"owner", "editor"}:
        raise RouteError("no_permission")


async def add_folder_member(call: Call) -> Any:
    """/2/sharing/add_folder_member."""
    namespace = _shared(call, call.value("shared_folder_id", ""))
    _may_share(call, namespace)
    for given in call.value("members", []):
        who = _selected(call, given["member"])
        if call.dropbox.bans_outsiders and not (
            isinstance(who, Group) or (isinstance(who, Person) and _same_team(call.dropbox, call.person, who))
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
    who = _selected(call, selector)
    key = who if isinstance(who, str) else who.email
    member = namespace.members.get(key)
    if member is None:
        above = next(
            (each for each, inherited in _effective(namespace) if inherited and each.key == key), None
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
        found += [(member, True) for member, _ in _effective(namespace)]
    return found


async def list_file_members(call: Call) -> Any:
    """/2/sharing/list_file_members."""
    namespace, node = _file(call.view, call.path("file"))
    members = _file_members(call, namespace, node, inherited=bool(call.value("include_inherited", True)))
    return _paged_members(call, members, node.id)


async def list_file_members_continue(call: Call) -> Any:
    """/2/sharing/list_file_members/continue."""
    namespace, node = _file(call.view, str(call.value("cursor")).partition("|")[0])
    return _paged_members(call, _file_members(call, namespace, node, inherited=True), node.id)


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
        told = _lists(call, members[:limit])
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
            who = _selected(call, selector)
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
    who = _selected(call, call.value("member"))
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
        who = _selected(call, call.value("member"))
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
    "sharing/list_file_members": Route(list_file_members, scope=_READ),
    "sharing/list_file_members/continue": Route(list_file_members_continue, scope=_READ),
    "sharing/list_file_members/batch": Route(list_file_members_batch, scope=_READ),
    "sharing/get_file_metadata/batch": Route(get_file_metadata_batch, scope=_READ),
    "sharing/add_file_member": Route(add_file_member, scope=_WRITE),
    "sharing/update_file_member": Route(update_file_member, scope=_WRITE),
    "sharing/remove_file_member_2": Route(remove_file_member, scope=_WRITE),
    "sharing/list_shared_links": Route(list_shared_links, scope=_READ),
    "sharing/list_folders": Route(list_folders, scope=_READ),
    "sharing/mount_folder": Route(mount_folder, scope=_WRITE, admin=False),
}
