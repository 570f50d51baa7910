"""What files, permissions and revisions look like in answers."""

from __future__ import annotations

import hashlib
from typing import Any

from simulators.accounts import Person
from simulators.blobs import digest
from simulators.google import native, times
from simulators.google.fields import Mask, wants
from simulators.google.state import (
    RANKS,
    SHORTCUT_TYPE,
    WRITER,
    Effective,
    State,
    is_native,
    media_type,
)
from simulators.nodes import Drive, Node, Version

DEFAULT_FILE: Mask = {"kind": {}, "id": {}, "name": {}, "mimeType": {}}
"""What of a file is told where nothing is asked for."""

FILE_FIELDS = frozenset(
    [
        "appProperties",
        "capabilities",
        "contentHints",
        "contentRestrictions",
        "copyRequiresWriterPermission",
        "createdTime",
        "description",
        "driveId",
        "explicitlyTrashed",
        "exportLinks",
        "fileExtension",
        "folderColorRgb",
        "fullFileExtension",
        "hasAugmentedPermissions",
        "hasThumbnail",
        "headRevisionId",
        "iconLink",
        "id",
        "imageMediaMetadata",
        "isAppAuthorized",
        "kind",
        "labelInfo",
        "lastModifyingUser",
        "linkShareMetadata",
        "md5Checksum",
        "mimeType",
        "modifiedByMe",
        "modifiedByMeTime",
        "modifiedTime",
        "name",
        "originalFilename",
        "ownedByMe",
        "owners",
        "parents",
        "permissionIds",
        "permissions",
        "properties",
        "quotaBytesUsed",
        "resourceKey",
        "sha1Checksum",
        "sha256Checksum",
        "shared",
        "sharedWithMeTime",
        "sharingUser",
        "shortcutDetails",
        "size",
        "spaces",
        "starred",
        "teamDriveId",
        "thumbnailLink",
        "thumbnailVersion",
        "trashed",
        "trashedTime",
        "trashingUser",
        "version",
        "videoMediaMetadata",
        "viewedByMe",
        "viewedByMeTime",
        "viewersCanCopyContent",
        "webContentLink",
        "webViewLink",
        "writersCanShare",
    ]
)
OTHER_FIELDS = frozenset(
    [
        "nextPageToken",
        "incompleteSearch",
        "files",
        "changes",
        "newStartPageToken",
        "startPageToken",
        "removed",
        "fileId",
        "file",
        "drive",
        "drives",
        "time",
        "changeType",
        "type",
        "permissionId",
        "permissionDetails",
        "role",
        "emailAddress",
        "displayName",
        "domain",
        "deleted",
        "allowFileDiscovery",
        "inherited",
        "inheritedFrom",
        "permissionType",
        "expirationTime",
        "pendingOwner",
        "photoLink",
        "view",
        "teamDrivePermissionDetails",
        "revisions",
        "keepForever",
        "published",
        "user",
        "storageQuota",
        "limit",
        "usage",
        "usageInDrive",
        "usageInDriveTrash",
        "me",
        "targetId",
        "targetMimeType",
        "targetResourceKey",
        "importFormats",
        "exportFormats",
        "maxUploadSize",
        "maxImportSizes",
        "appInstalled",
        "canCreateDrives",
        "canCreateTeamDrives",
        "folderColorPalette",
        "driveThemes",
        "teamDriveThemes",
        "ids",
        "space",
        "canAddChildren",
        "canChangeCopyRequiresWriterPermission",
        "canCopy",
        "canDelete",
        "canDownload",
        "canEdit",
        "canListChildren",
        "canReadRevisions",
        "canRename",
        "canShare",
        "canTrash",
        "canModifyContent",
        "restrictions",
        "colorRgb",
        "hidden",
        "orgUnitId",
        "backgroundImageLink",
        "themeId",
    ]
)
KNOWN = FILE_FIELDS | OTHER_FIELDS


def user(person: Person, me: Person) -> dict[str, Any]:
    """Describe a user."""
    return {
        "kind": "drive#user",
        "displayName": person.name,
        "me": person is me,
        "permissionId": _permission_id(person),
        "emailAddress": person.email,
    }


def file(state: State, drive: Drive, node: Node, me: Person, mask: Mask) -> dict[str, Any]:
    """Describe an entry as far as the mask may want it."""
    in_shared_drive = state.is_shared_drive(drive)
    told: dict[str, Any] = {
        "kind": "drive#file",
        "id": node.id,
        "name": node.name,
        "mimeType": media_type(node),
        "starred": bool(node.properties.get("starred")),
        "trashed": node.is_trashed or any(above.is_trashed for above in node.ancestors()),
        "explicitlyTrashed": node.is_trashed,
        "spaces": ["drive"],
        "version": str(node.revision),
        "createdTime": times.written(node.created_ns),
        "modifiedTime": times.written(node.modified_ns),
        "quotaBytesUsed": str(node.size),
        "appProperties": node.properties.get("appProperties"),
        "properties": node.properties.get("properties"),
        "description": node.properties.get("description"),
    }
    if node.parent is not None and (in_shared_drive or state.rank(me, node.parent)):
        told["parents"] = [node.parent.id]
    if in_shared_drive:
        told |= {"driveId": drive.id, "teamDriveId": drive.id, "hasAugmentedPermissions": bool(node.grants)}
    else:
        told |= _ownership(state, node, me)
    if wants(mask, "permissionIds") or wants(mask, "permissions") or wants(mask, "shared"):
        told |= _sharing(state, node, me, in_shared_drive=in_shared_drive)
    if wants(mask, "capabilities"):
        told["capabilities"] = _capabilities(node, state.rank(me, node))
    told |= _content(node, mask)
    return {name: value for name, value in told.items() if value is not None}


def _ownership(state: State, node: Node, me: Person) -> dict[str, Any]:
    told: dict[str, Any] = {"ownedByMe": node.owner is me}
    if node.owner is not None:
        told["owners"] = [user(node.owner, me)]
        told["lastModifyingUser"] = user(node.owner, me)
    if node.owner is not me and state.sees_by_grant(me, node):
        told["sharedWithMeTime"] = times.written(node.made_ns)
    return told


def _sharing(state: State, node: Node, me: Person, *, in_shared_drive: bool) -> dict[str, Any]:
    lines = state.effective(node)
    told: dict[str, Any] = {"permissionIds": [line.id for line in lines]}
    if not in_shared_drive:
        told["shared"] = any(line.role != "owner" for line in lines)
        if state.rank(me, node) >= WRITER:
            told["permissions"] = [permission(state, line) for line in lines]
    return told


def _capabilities(node: Node, rank: int) -> dict[str, bool]:
    writes = rank >= WRITER
    return {
        "canAddChildren": node.is_folder and writes,
        "canCopy": not node.is_folder,
        "canDownload": not node.is_folder,
        "canEdit": writes,
        "canListChildren": node.is_folder,
        "canModifyContent": writes and not node.is_folder,
        "canReadRevisions": writes and not node.is_folder,
        "canRename": writes,
        "canShare": writes,
        "canDelete": rank >= RANKS["organizer"],
        "canTrash": writes,
    }


def _content(node: Node, mask: Mask) -> dict[str, Any]:
    if media_type(node) == SHORTCUT_TYPE:
        return {"shortcutDetails": node.properties["shortcutDetails"]}
    if is_native(node):
        links = {kind: export_link(node, ending) for kind, ending in native.formats(node).items()}
        return {"exportLinks": links or None, "size": "1024"}
    if node.is_folder or not node.versions:
        return {}
    told: dict[str, Any] = {
        "size": str(node.size),
        "originalFilename": node.name,
        "headRevisionId": node.version.id,
        "webContentLink": f"https://drive.google.com/uc?id={node.id}&export=download",
    }
    if "." in node.name:
        told["fullFileExtension"] = told["fileExtension"] = node.name.rpartition(".")[2]
    for name, make in (("md5", hashlib.md5), ("sha1", hashlib.sha1), ("sha256", hashlib.sha256)):
        if wants(mask, f"{name}Checksum"):
            told[f"{name}Checksum"] = checksum(node.version, name, make)
    return told


def checksum(version: Version, name: str, make: Any) -> str:
    """Hash the content of a version, once."""
    if name not in version.properties:
        version.properties[name] = digest(version.blob, make)
    return str(version.properties[name])


def export_link(node: Node, ending: str, revision: str | None = None) -> str:
    """Return where a document is exported without the limit of `files.export`."""
    kind = media_type(node).rpartition(".")[2]
    family = {"document": "document", "spreadsheet": "spreadsheets", "presentation": "presentation"}.get(
        kind, "drawings"
    )
    tail = f"&revision={revision}" if revision else ""
    return f"https://docs.google.com/{family}/export?id={node.id}&exportFormat={ending}{tail}"


def permission(state: State, line: Effective) -> dict[str, Any]:
    """Describe a permission."""
    told: dict[str, Any] = {"kind": "drive#permission", "id": line.id, "type": line.kind, "role": line.role}
    match line.kind:
        case "user":
            person = state.accounts.person_of(line.identity)
            told |= {
                "emailAddress": line.identity,
                "displayName": person.name if person else line.identity,
                "deleted": False,
                "pendingOwner": False,
            }
        case "group":
            group = state.accounts.group_of(line.identity)
            told |= {
                "emailAddress": line.identity,
                "displayName": group.name if group else line.identity,
                "deleted": False,
            }
        case "domain":
            told |= {
                "domain": line.identity,
                "displayName": line.identity,
                "allowFileDiscovery": line.is_found,
            }
        case "anyone":
            told["allowFileDiscovery"] = line.is_found
    told["permissionDetails"] = [
        {
            "permissionType": "file",
            "role": detail.role,
            "inherited": detail.inherited_from is not None,
            **({"inheritedFrom": detail.inherited_from} if detail.inherited_from in state.shared else {}),
        }
        for detail in line.details
    ]
    return told


def revision(version: Version, node: Node, me: Person) -> dict[str, Any]:
    """Describe a revision of a file with content."""
    return {
        "kind": "drive#revision",
        "id": version.id,
        "mimeType": media_type(node),
        "modifiedTime": times.written(version.modified_ns),
        "keepForever": bool(version.properties.get("keepForever")),
        "published": False,
        "size": str(version.blob.size),
        "md5Checksum": checksum(version, "md5", hashlib.md5),
        "originalFilename": node.name,
        **({"lastModifyingUser": user(version.author, me)} if version.author else {}),
    }


def _permission_id(person: Person) -> str:
    digits = str(int.from_bytes(hashlib.sha256(f"user {person.email}".encode()).digest()[:9], "big"))
    return digits.rjust(20, "1")[:20]
