"""`drives` (shared drives) and `about`."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulators.google import native, resources, times
from simulators.google.calls import Call, told
from simulators.google.errors import Refusal, insufficient_permissions, required
from simulators.google.fields import Mask
from simulators.google.state import NATIVE_PREFIX, SharedDrive

_DEFAULT: Mask = {"kind": {}, "id": {}, "name": {}}
_DEFAULT_LIST: Mask = {"kind": {}, "nextPageToken": {}, "drives": _DEFAULT}


async def list_(call: Call) -> Response:
    """GET drives: of which the caller is a member; with `useDomainAdminAccess` all of the domain."""
    admin = call.says("useDomainAdminAccess")
    if admin and not call.me.is_admin:
        raise insufficient_permissions()
    found = [
        each for each in call.state.shared.values() if admin or call.state.rank(call.me, each.drive.root)
    ]
    size = call.number("pageSize", 10, 100)
    start = int(call.asked("pageToken") or 0)
    answer: dict[str, object] = {
        "kind": "drive#driveList",
        "drives": [_described(each) for each in found[start : start + size]],
    }
    if start + size < len(found):
        answer["nextPageToken"] = str(start + size)
    return told(answer, call.mask(_DEFAULT_LIST))


async def get(call: Call) -> Response:
    """GET drives/{id}."""
    drive_id = call.request.path_params["drive_id"]
    found = call.state.shared.get(drive_id)
    admin = call.says("useDomainAdminAccess") and call.me.is_admin
    if found is None or not (admin or call.state.rank(call.me, found.drive.root)):
        raise Refusal(404, "notFound", f"Shared drive not found: {drive_id}", location="driveId")
    return told(_described(found), call.mask(_DEFAULT))


async def create(call: Call) -> Response:
    """POST drives."""
    if not call.asked("requestId"):
        raise required("requestId")
    name = str((await call.body()).get("name") or "Untitled")
    return told(_described(call.state.share_drive(name, {call.me.email: "organizer"})), call.mask(_DEFAULT))


async def about(call: Call) -> Response:
    """GET about."""
    if not call.asked("fields"):
        raise required("fields")
    drive = call.state.my_drive(call.me)
    used = str(drive.used)
    quota = {"usage": used, "usageInDrive": used, "usageInDriveTrash": "0"}
    if drive.quota is not None:
        quota["limit"] = str(drive.quota)
    answer: dict[str, Any] = {
        "kind": "drive#about",
        "user": resources.user(call.me, call.me),
        "storageQuota": quota,
        "maxUploadSize": "5242880000000",
        "appInstalled": True,
        "canCreateDrives": True,
        "exportFormats": {NATIVE_PREFIX + kind: list(formats) for kind, formats in native.EXPORTS.items()},
        "importFormats": {kind: [NATIVE_PREFIX + to] for kind, to in native.IMPORTS.items()},
        "maxImportSizes": {NATIVE_PREFIX + "document": "10485760"},
        "folderColorPalette": ["#ac725e"],
    }
    return told(answer, call.mask({}))


def _described(drive: SharedDrive) -> dict[str, Any]:
    return {
        "kind": "drive#drive",
        "id": drive.id,
        "name": drive.name,
        "createdTime": times.written(drive.created_ns),
        "hidden": False,
    }
