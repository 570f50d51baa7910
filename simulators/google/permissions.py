"""`permissions`: list, get, create, update, delete ("Share files, folders, and drives" of the Drive guides)."""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.responses import Response

from simulators.google import resources
from simulators.google.calls import Call, told
from simulators.google.errors import Refusal, no_sharing, required
from simulators.google.fields import Mask
from simulators.google.state import RANKS, Effective
from simulators.nodes import Drive, Node

_DEFAULT: Mask = {"kind": {}, "id": {}, "type": {}, "role": {}}
_DEFAULT_LIST: Mask = {"kind": {}, "nextPageToken": {}, "permissions": _DEFAULT}
_KINDS = frozenset({"user", "group", "domain", "anyone"})


@dataclass
class Permissions:
    """Sharing.

    Attributes:
        mails: Addresses that were notified, in their order.
    """

    mails: list[str] = field(default_factory=list)

    async def list(self, call: Call) -> Response:
        """GET files/{id}/permissions."""
        drive, node = self._shared(call, needs="reader")
        if not (call.says("useDomainAdminAccess") and call.me.is_admin):
            call.node(node.id, needs="reader")
        lines = [resources.permission(call.state, line) for line in call.state.effective(node)]
        size = call.number("pageSize", 100 if call.state.is_shared_drive(drive) else max(1, len(lines)), 100)
        start = int(call.asked("pageToken") or 0)
        answer: dict[str, object] = {
            "kind": "drive#permissionList",
            "permissions": lines[start : start + size],
        }
        if start + size < len(lines):
            answer["nextPageToken"] = str(start + size)
        return told(answer, call.mask(_DEFAULT_LIST))

    async def get(self, call: Call) -> Response:
        """GET files/{id}/permissions/{permissionId}."""
        _, node = self._shared(call, needs="reader")
        line = _line(call, node)
        return told(resources.permission(call.state, line), call.mask(_DEFAULT))

    async def create(self, call: Call) -> Response:
        """POST files/{id}/permissions."""
        drive, node = self._shared(call, needs="writer")
        asked = await call.body()
        kind, role = str(asked.get("type", "")), str(asked.get("role", ""))
        if kind not in _KINDS:
            raise Refusal(
                400, "required", "The permission type field is required.", location="permission.type"
            )
        if role not in RANKS:
            raise Refusal(
                400, "required", "The permission role field is required.", location="permission.role"
            )
        _check_role(call, drive, node, kind, role)
        identity = self._grantee(call, kind, asked)
        discoverable = bool(asked.get("allowFileDiscovery")) if kind in {"domain", "anyone"} else None
        properties = {} if discoverable is None else {"allowFileDiscovery": discoverable}
        if role == "owner":
            call.state.grant(node, call.me.email, "writer")
            node.grants[:] = [grant for grant in node.grants if grant.identity != identity]
            node.owner = call.state.accounts.person_of(identity)
        else:
            call.state.grant(node, identity, role, kind, **properties)
        drive.touch(node)
        if kind in {"user", "group"} and call.asked("sendNotificationEmail", "true") != "false":
            self.mails.append(identity)
        line = next(
            line for line in call.state.effective(node) if (line.kind, line.identity) == (kind, identity)
        )
        return told(resources.permission(call.state, line), call.mask(_DEFAULT))

    async def update(self, call: Call) -> Response:
        """PATCH files/{id}/permissions/{permissionId}: another role."""
        drive, node = self._shared(call, needs="writer")
        line = _line(call, node)
        role = str((await call.body()).get("role", ""))
        if role not in RANKS:
            raise required("role")
        _check_role(call, drive, node, line.kind, role)
        call.state.grant(node, line.identity, role, line.kind)
        drive.touch(node)
        changed = next(each for each in call.state.effective(node) if each.id == line.id)
        return told(resources.permission(call.state, changed), call.mask(_DEFAULT))

    async def delete(self, call: Call) -> Response:
        """DELETE files/{id}/permissions/{permissionId}: what was granted on the entry itself."""
        drive, node = self._shared(call, needs="writer")
        line = _line(call, node)
        kept = [grant for grant in node.grants if grant.id != line.id]
        if len(kept) == len(node.grants):
            raise Refusal(
                403,
                "insufficientFilePermissions",
                "The user does not have sufficient permissions for this file.",
            )
        node.grants[:] = kept
        drive.touch(node)
        return Response(status_code=204)

    def _shared(self, call: Call, *, needs: str) -> tuple[Drive, Node]:
        admin = call.says("useDomainAdminAccess")
        return call.node(call.request.path_params["file_id"], needs=needs, admin=admin)

    def _grantee(self, call: Call, kind: str, asked: dict[str, object]) -> str:
        if kind == "anyone":
            return ""
        name = "domain" if kind == "domain" else "emailAddress"
        identity = str(asked.get(name) or "").lower()
        if not identity:
            raise Refusal(
                400,
                "invalid",
                f"The {name} field is required for this permission type.",
                location=f"permission.{name}",
            )
        accounts = call.state.accounts
        if kind == "domain" and not any(person.domain == identity for person in accounts.people.values()):
            raise no_sharing("The domain is not a Google Workspace domain.")
        known = accounts.person_of(identity) if kind == "user" else accounts.group_of(identity)
        if (
            kind in {"user", "group"}
            and known is None
            and call.asked("sendNotificationEmail", "true") == "false"
        ):
            raise no_sharing(
                f"You are trying to invite {identity}. Since there is no Google account associated with this email address, "
                'you must check the "Notify people" box to invite this recipient.'
            )
        return identity


def _check_role(call: Call, drive: Drive, node: Node, kind: str, role: str) -> None:
    in_shared_drive = call.state.is_shared_drive(drive)
    if role == "owner" and (
        in_shared_drive or not call.says("transferOwnership") or node.owner is not call.me
    ):
        raise Refusal(
            403,
            "forbidden",
            "The transferOwnership parameter must be enabled when the permission role is 'owner'.",
            location="transferOwnership",
        )
    only_drives = role in {"organizer", "fileOrganizer"}
    if only_drives and (not in_shared_drive or (role == "organizer" and node is not drive.root)):
        raise Refusal(403, "cannotShareWithRole", "The role cannot be granted on this item.")
    if kind == "anyone" and RANKS[role] > RANKS["writer"]:
        raise Refusal(
            400,
            "invalid",
            "The specified role is not valid for this permission type.",
            location="permission.role",
        )


def _line(call: Call, node: Node) -> Effective:
    wanted = call.request.path_params["permission_id"]
    for line in call.state.effective(node):
        if line.id == wanted:
            return line
    raise Refusal(404, "notFound", f"Permission not found: {wanted}.", location="permissionId")
