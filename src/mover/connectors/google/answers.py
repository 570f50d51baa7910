"""Answers of the Drive API v3 and the Admin SDK, as far as they are needed. Whatever else they hold is passed over."""

from __future__ import annotations

import msgspec


class User(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody."""

    email_address: str | None = None
    display_name: str | None = None


class ShortcutDetails(msgspec.Struct, frozen=True, rename="camel"):
    """Where a shortcut points."""

    target_id: str | None = None
    target_mime_type: str | None = None


class File(msgspec.Struct, frozen=True, rename="camel"):
    """A file, folder, document or shortcut ("REST Resource: files"). int64 comes as text."""

    id: str
    name: str = ""
    mime_type: str = ""
    size: str | None = None
    modified_time: str | None = None
    created_time: str | None = None
    md5_checksum: str | None = None
    sha1_checksum: str | None = None
    sha256_checksum: str | None = None
    head_revision_id: str | None = None
    trashed: bool = False
    shared: bool | None = None
    permission_ids: tuple[str, ...] | None = None
    has_augmented_permissions: bool | None = None
    owners: tuple[User, ...] = ()
    owned_by_me: bool | None = None
    drive_id: str | None = None
    parents: tuple[str, ...] = ()
    shortcut_details: ShortcutDetails | None = None
    export_links: dict[str, str] | None = None


class FileList(msgspec.Struct, frozen=True, rename="camel"):
    """A page of a search."""

    files: tuple[File, ...] = ()
    next_page_token: str | None = None
    incomplete_search: bool = False


class GeneratedIds(msgspec.Struct, frozen=True):
    """Ids for files to come."""

    ids: tuple[str, ...]


class StorageQuota(msgspec.Struct, frozen=True):
    """Room, in bytes."""

    limit: str | None = None
    usage: str | None = None


class About(msgspec.Struct, frozen=True, rename="camel"):
    """The signed-in user."""

    user: User = User()
    storage_quota: StorageQuota = StorageQuota()


class Drive(msgspec.Struct, frozen=True, rename="camel"):
    """A shared drive."""

    id: str
    name: str = ""
    created_time: str | None = None


class DriveList(msgspec.Struct, frozen=True, rename="camel"):
    """A page of shared drives."""

    drives: tuple[Drive, ...] = ()
    next_page_token: str | None = None


class PermissionDetail(msgspec.Struct, frozen=True, rename="camel"):
    """Why somebody has a role."""

    role: str = ""
    inherited: bool = False


class Grant(msgspec.Struct, frozen=True, rename="camel"):
    """A permission ("REST Resource: permissions")."""

    id: str
    type: str = ""
    role: str = ""
    email_address: str | None = None
    domain: str | None = None
    display_name: str | None = None
    deleted: bool = False
    allow_file_discovery: bool | None = None
    permission_details: tuple[PermissionDetail, ...] = ()


class GrantList(msgspec.Struct, frozen=True, rename="camel"):
    """A page of permissions."""

    permissions: tuple[Grant, ...] = ()
    next_page_token: str | None = None


class Revision(msgspec.Struct, frozen=True, rename="camel"):
    """An earlier or the present content of a file."""

    id: str
    mime_type: str = ""
    size: str | None = None
    modified_time: str | None = None
    md5_checksum: str | None = None
    last_modifying_user: User | None = None
    export_links: dict[str, str] | None = None


class RevisionList(msgspec.Struct, frozen=True, rename="camel"):
    """A page of revisions."""

    revisions: tuple[Revision, ...] = ()
    next_page_token: str | None = None


class FileChange(msgspec.Struct, frozen=True, rename="camel"):
    """A line of the change feed; `file_id` is absent where a shared drive changed."""

    file_id: str | None = None
    removed: bool = False
    file: File | None = None
    drive_id: str | None = None


class ChangeList(msgspec.Struct, frozen=True, rename="camel"):
    """A page of the change feed."""

    changes: tuple[FileChange, ...] = ()
    next_page_token: str | None = None
    new_start_page_token: str | None = None


class StartPageToken(msgspec.Struct, frozen=True, rename="camel"):
    """Where the change feed stands."""

    start_page_token: str


class FullName(msgspec.Struct, frozen=True, rename="camel"):
    """A user's name."""

    full_name: str | None = None


class DirectoryUser(msgspec.Struct, frozen=True, rename="camel"):
    """A user of the domain (Admin SDK, "REST Resource: users")."""

    primary_email: str
    name: FullName | None = None
    suspended: bool = False
    archived: bool = False


class DirectoryUsers(msgspec.Struct, frozen=True, rename="camel"):
    """A page of users."""

    users: tuple[DirectoryUser, ...] = ()
    next_page_token: str | None = None
