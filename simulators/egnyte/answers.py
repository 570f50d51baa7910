"""What Egnyte's answers look like. Error bodies come in several shapes, as in the real service."""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
from typing import Any

from starlette.responses import JSONResponse, Response

from simulators.accounts import Group, Person
from simulators.blobs import digest
from simulators.nodes import Node, Version

SECOND_NS = 1_000_000_000
_FORBIDDEN = '\\/":<>|*?'
_LONGEST_NAME = 245
_LONGEST_PATH = 5000


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, answer: Response) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


def refused(status: int, message: str, *, headers: dict[str, str] | None = None) -> RefusedError:
    """The shape that most of the file system's refusals have."""
    return RefusedError(JSONResponse({"errorMessage": message}, status_code=status, headers=headers))


def refused_input(status: int, code: str, message: str) -> RefusedError:
    """The shape of refused parameters."""
    body = {"inputErrors": {"request": [{"code": code, "msg": message}]}}
    return RefusedError(JSONResponse(body, status_code=status))


def over_limit(code: str, retry_after_s: int, title: str) -> RefusedError:
    """The gateway's own refusal: 403, a header, and a page instead of JSON."""
    return RefusedError(
        Response(
            f"<h1>{title}</h1>",
            status_code=403,
            media_type="text/xml",
            headers={
                "X-Mashery-Error-Code": code,
                "X-Error-Detail-Header": title,
                "Retry-After": str(retry_after_s),
            },
        )
    )


def http_date(ns: int) -> str:
    """RFC 1123, as headers and the entries of files have it."""
    return email.utils.formatdate(ns / SECOND_NS, usegmt=True)


def iso_date(ns: int) -> str:
    """ISO 8601, as events have it."""
    return dt.datetime.fromtimestamp(ns // SECOND_NS, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def read_date(text: str | None) -> int | None:
    """Read a `Last-Modified` header; None if it is absent or unreadable."""
    try:
        return int(email.utils.parsedate_to_datetime(text).timestamp()) * SECOND_NS if text else None
    except ValueError:
        return None


def checksum_of(version: Version) -> str:
    """SHA-512 of the content, or what Egnyte calculates of one that came in chunks."""
    found: str | None = version.properties.get("checksum")
    if found is None:
        found = version.properties["checksum"] = digest(version.blob, hashlib.sha512)
    return found


def entry_of(node: Node, permission: str) -> dict[str, Any]:
    """A file or folder as listings show it."""
    parent_id = node.parent.id if node.parent is not None else None
    if node.is_folder:
        return {
            "name": node.name,
            "lastModified": node.modified_ns // 1_000_000,
            "uploaded": node.made_ns // 1_000_000,
            "path": node.path,
            "folder_id": node.id,
            "parent_id": parent_id,
            "is_folder": True,
        }
    return {
        "checksum": checksum_of(node.version),
        "size": node.size,
        "path": node.path,
        "name": node.name,
        "locked": "lock" in node.properties,
        "is_folder": False,
        "entry_id": node.version.id,
        "group_id": node.id,
        "parent_id": parent_id,
        "last_modified": http_date(node.modified_ns),
        "uploaded_by": user_name(node.version.author) if node.version.author else "system",
        "uploaded": node.version.made_ns // 1_000_000,
        "num_versions": len(node.versions),
        "permission": permission,
    }


def version_of(version: Version) -> dict[str, Any]:
    """An earlier version, as a file's description shows it."""
    return {
        "checksum": checksum_of(version),
        "size": version.blob.size,
        "entry_id": version.id,
        "last_modified": http_date(version.modified_ns),
        "uploaded_by": user_name(version.author) if version.author else "system",
        "uploaded": version.made_ns // 1_000_000,
    }


def user_name(person: Person) -> str:
    """The name that Egnyte knows a user by, where others have addresses."""
    return person.email.partition("@")[0]


def user_of(person: Person) -> dict[str, Any]:
    """A user, in the manner of SCIM."""
    given, _, family = person.name.partition(" ")
    return {
        "id": int(person.id),
        "userName": user_name(person),
        "externalId": person.id,
        "email": person.email,
        "name": {"formatted": person.name, "givenName": given, "familyName": family},
        "active": person.is_active,
        "locked": False,
        "authType": "egnyte",
        "userType": "admin" if person.is_admin else "power",
        "role": None,
        "idpUserId": None,
        "userPrincipalName": None,
    }


def group_of(group: Group, *, whole: bool) -> dict[str, Any]:
    """A group; `members` only where one alone is asked for."""
    shown: dict[str, Any] = {"id": group.id, "displayName": group.name}
    if whole:
        shown["schemas"] = ["urn:scim:schemas:core:1.0"]
        shown["members"] = [
            {"username": user_name(person), "value": int(person.id), "display": person.name}
            for person in group.members
        ]
    return shown


def check_name(name: str) -> None:
    """Refuse what Egnyte does not take as a name (help desk, article 201637074)."""
    stem = name.lower()
    bad = (
        any(c in _FORBIDDEN or c < " " for c in name)
        or name != name.strip(" ")
        or name.endswith(".")
        or any(ord(c) > 0xFFFF for c in name)  # noqa: PLR2004 - beyond the basic plane: four bytes of UTF-8
        or stem in {"thumbs.db", ".ds_store", "desktop.ini", ".metadata"}
        or stem.endswith(".tmp")
        or stem.startswith(("~", "._"))
    )
    if bad or not name:
        raise refused(400, "Unsupported characters in the name of the file or folder")
    if len(name.encode()) > _LONGEST_NAME:
        raise refused(400, "File or folder name is too long")


def check_path(path: str) -> None:
    """Refuse paths that are too long."""
    if len(path.encode()) > _LONGEST_PATH:
        raise refused(400, "Path is too long")
