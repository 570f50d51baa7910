"""How Box spells its things: which fields there are, which come unasked, and nulls where Box has nulls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from simulators.accounts import Group, Person
from simulators.blobs import digest
from simulators.box.organisation import (
    ALL_FILES,
    EDITS,
    ENTERPRISE_ID,
    READS,
    ROOT_ID,
    UPLOADS,
    WEB_LINK,
    Collaboration,
    Event,
    Organisation,
)
from simulators.nodes import Node, Version

_SECOND_NS = 1_000_000_000
_PACIFIC = dt.timezone(dt.timedelta(hours=-8))
_MINI = ("type", "id", "sequence_id", "etag", "name")
_MINI_FILE = (*_MINI, "sha1", "file_version")
_STANDARD = (
    *_MINI,
    "description",
    "size",
    "path_collection",
    "created_at",
    "modified_at",
    "trashed_at",
    "purged_at",
    "content_created_at",
    "content_modified_at",
    "created_by",
    "modified_by",
    "owned_by",
    "shared_link",
    "parent",
    "item_status",
)
_ROLES = ["editor", "viewer", "previewer", "uploader", "previewer uploader", "viewer uploader", "co-owner"]


def spell_time(ns: int) -> str:
    """Spell a time as Box does: whole seconds, with the offset of its data centres."""
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=ns // _SECOND_NS)
    return moment.astimezone(_PACIFIC).isoformat()


def read_time(text: object) -> int | None:
    """Read a time that a client gives, in whole seconds; None if it gives none. Raises ValueError."""
    if text is None:
        return None
    moment = dt.datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(text)
    return int(moment.timestamp() // 1) * _SECOND_NS


def sha1_of(version: Version) -> str:
    """The SHA-1 of a version; computed once."""
    found = version.properties.get("sha1")
    if found is None:
        found = version.properties["sha1"] = digest(version.blob)
    return str(found)


def person_mini(person: Person | None) -> dict[str, Any] | None:
    """A user in few words."""
    if person is None:
        return None
    return {"type": "user", "id": person.id, "name": person.name, "login": person.email}


def version_view(version: Version, *, number: int | None = None) -> dict[str, Any]:
    """A version of a file."""
    return {
        "type": "file_version",
        "id": version.id,
        "sha1": sha1_of(version),
        "name": version.properties.get("name"),
        "size": version.blob.size,
        "created_at": spell_time(version.made_ns),
        "modified_at": spell_time(version.modified_ns),
        "modified_by": person_mini(version.author),
        "trashed_at": None,
        "purged_at": None,
        **({"version_number": str(number)} if number is not None else {}),
    }


class Views:
    """Spells entries for a user.

    Args:
        organisation: Of the entries.
    """

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation

    def item(
        self, node: Node, person: Person, fields: str | None = None, *, mini: bool = False
    ) -> dict[str, Any]:
        """An entry: in few words, in the usual ones, or with the fields that are asked for and the few."""
        few = _MINI_FILE if node.kind == "file" else _MINI
        if fields:
            wanted = [*few[:4], *(name.strip() for name in fields.split(","))]
        elif mini:
            wanted = [*few]
        else:
            wanted = [*few, *_STANDARD, "url", "folder_upload_email"]
        known = self._fields(node, person)
        return {name: known[name]() for name in dict.fromkeys(wanted) if name in known}

    def _fields(self, node: Node, person: Person) -> Mapping[str, Callable[[], Any]]:
        organisation = self._organisation
        is_root = node.parent is None
        drive = organisation.drive_of(node)
        shown: dict[str, Callable[[], Any]] = {
            "type": lambda: node.kind,
            "id": lambda: node.id,
            "sequence_id": lambda: None if is_root else str(node.revision - 1),
            "etag": lambda: None if is_root else str(node.revision - 1),
            "name": lambda: ALL_FILES if is_root else node.name,
            "description": lambda: node.properties.get("description", ""),
            "size": lambda: node.size if node.kind == "file" else self._size_below(node),
            "path_collection": lambda: self._path(node, person),
            "created_at": lambda: None if is_root else spell_time(node.made_ns),
            "modified_at": lambda: None if is_root else spell_time(self._modified_ns(node)),
            "trashed_at": lambda: spell_time(node.made_ns) if node.is_trashed else None,
            "purged_at": lambda: None,
            "content_created_at": lambda: None if is_root else spell_time(node.created_ns),
            "content_modified_at": lambda: None if is_root else spell_time(node.modified_ns),
            "created_by": lambda: person_mini(node.properties.get("created_by", node.owner)),
            "modified_by": lambda: person_mini(node.properties.get("modified_by", node.owner)),
            "owned_by": lambda: person_mini(drive.owner),
            "shared_link": lambda: node.properties.get("shared_link"),
            "parent": lambda: self._parent(node, person),
            "item_status": lambda: "trashed" if organisation.is_trashed(node) else "active",
            "permissions": lambda: self._permissions(node, person),
            "has_collaborations": lambda: bool(organisation.of(node)),
            "is_externally_owned": lambda: False,
            "allowed_invitee_roles": lambda: list(_ROLES),
            "tags": list,
        }
        if node.kind == "file":
            shown |= {
                "sha1": lambda: sha1_of(node.version),
                "file_version": lambda: {
                    "type": "file_version",
                    "id": node.version.id,
                    "sha1": sha1_of(node.version),
                },
                "lock": lambda: node.properties.get("lock"),
                "extension": lambda: node.name.rpartition(".")[2] if "." in node.name else "",
                "version_number": lambda: str(len(node.versions)),
                "comment_count": lambda: 0,
            }
        elif node.kind == WEB_LINK:
            shown["url"] = lambda: node.properties["url"]
        else:
            shown["folder_upload_email"] = lambda: None
            shown["can_non_owners_invite"] = lambda: True
        return shown

    def _modified_ns(self, node: Node) -> int:
        return node.versions[-1].made_ns if node.versions else node.made_ns

    def _size_below(self, folder: Node) -> int:
        drive = self._organisation.drive_of(folder)
        return sum(node.size for node in drive.below(folder)) if folder.parent is not None else 0

    def _parent(self, node: Node, person: Person) -> dict[str, Any] | None:
        """The folder above as the user sees it: what others share stands in the user's own root."""
        if node.parent is None or node.is_trashed:
            return None
        if node.parent.parent is None or self._organisation.role(person, node.parent) is None:
            return {"type": "folder", "id": ROOT_ID, "sequence_id": None, "etag": None, "name": ALL_FILES}
        return self.item(node.parent, person, mini=True)

    def _path(self, node: Node, person: Person) -> dict[str, Any]:
        entries: list[dict[str, Any]] = []
        above = self._parent(node, person)
        folder = node.parent
        while above is not None:
            entries.insert(0, above)
            if above["id"] == ROOT_ID or folder is None:
                break
            above = self._parent(folder, person)
            folder = folder.parent
        return {"total_count": len(entries), "entries": entries}

    def _permissions(self, node: Node, person: Person) -> dict[str, bool]:
        role = self._organisation.role(person, node)
        reads, uploads, edits = role in READS, role in UPLOADS, role in EDITS
        owns = role in {"owner", "co-owner"}
        common = {
            "can_delete": edits,
            "can_download": reads,
            "can_invite_collaborator": edits,
            "can_rename": edits,
            "can_set_share_access": owns,
            "can_share": edits or role == "viewer",
        }
        if node.kind == "folder":
            return {**common, "can_upload": uploads}
        return {
            **common,
            "can_annotate": edits,
            "can_comment": reads,
            "can_preview": role is not None and role != "uploader",
            "can_upload": edits,
            "can_view_annotations_all": reads,
            "can_view_annotations_self": reads,
        }

    def user(self, person: Person, fields: str | None = None) -> dict[str, Any]:
        """A user."""
        organisation = self._organisation
        drive = organisation.drives[person.id]
        role = "admin" if person.is_admin else "user"
        known: dict[str, Any] = {
            "type": "user",
            "id": person.id,
            "name": person.name,
            "login": person.email,
            "created_at": spell_time(organisation.drives[person.id].root.made_ns),
            "modified_at": spell_time(organisation.drives[person.id].root.made_ns),
            "language": "en",
            "timezone": "America/Los_Angeles",
            "space_amount": 999_999_999_999_999 if drive.quota is None else drive.quota,
            "space_used": drive.used,
            "max_upload_size": organisation.max_upload_size,
            "status": organisation.statuses.get(person.id, "active"),
            "job_title": "",
            "phone": "",
            "address": "",
            "avatar_url": f"https://app.box.com/api/avatar/large/{person.id}",
            "notification_email": None,
        }
        asked = {
            "role": role,
            "enterprise": {"type": "enterprise", "id": ENTERPRISE_ID, "name": "Example"},
            "is_platform_access_only": False,
        }
        if not fields:
            return known
        names = {"type", "id", *(name.strip() for name in fields.split(","))}
        return {name: value for name, value in (known | asked).items() if name in names}

    def collaboration(self, found: Collaboration, person: Person) -> dict[str, Any]:
        """A collaboration."""
        accessible_by: dict[str, Any] | None = None
        match found.grantee:
            case Person() as grantee:
                accessible_by = {
                    **(person_mini(grantee) or {}),
                    "is_active": grantee.is_active,
                }
            case Group() as group:
                accessible_by = {
                    "type": "group",
                    "id": group.id,
                    "name": group.name,
                    "group_type": "managed_group",
                }
            case None:
                pass
        return {
            "type": "collaboration",
            "id": found.id,
            "created_by": person_mini(found.created_by),
            "created_at": spell_time(found.created_ns),
            "modified_at": spell_time(found.created_ns),
            "expires_at": None,
            "status": found.status,
            "accessible_by": accessible_by,
            "invite_email": found.invite_email,
            "role": found.role,
            "acknowledged_at": spell_time(found.created_ns) if found.status == "accepted" else None,
            "item": self.item(found.node, person, mini=True) if found.status != "pending" else None,
            "can_view_path": found.can_view_path,
            "is_access_only": False,
        }

    def event(self, event: Event) -> dict[str, Any]:
        """An event."""
        return {
            "type": "event",
            "event_id": event.id,
            "created_by": person_mini(event.by),
            "created_at": spell_time(event.at_ns),
            "recorded_at": spell_time(event.at_ns),
            "event_type": event.kind,
            "session_id": None,
            "source": event.source,
        }
