"""What Graph answers, as far as it is used. Fields that are not known are passed over; times stay text."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
Facet = dict[str, Any]


class Identity(msgspec.Struct, frozen=True, rename="camel"):
    """Somebody, or something that acts."""

    id: str | None = None
    display_name: str | None = None
    email: str | None = None
    login_name: str | None = None


class GroupIdentity(msgspec.Struct, frozen=True, rename="camel"):
    """A group of a SharePoint site, as newer answers tell it."""

    principal_id: str | None = None
    title: str | None = None


class IdentitySet(msgspec.Struct, frozen=True, rename="camel"):
    """The same one, in several directories."""

    user: Identity | None = None
    group: Identity | None = None
    application: Identity | None = None
    site_user: Identity | None = None
    site_group: Identity | None = None
    share_point_group: GroupIdentity | None = None


class Hashes(msgspec.Struct, frozen=True, rename="camel"):
    """Of a content: quickXorHash in base64, the others in hexadecimal."""

    quick_xor_hash: str | None = None
    sha1_hash: str | None = None
    sha256_hash: str | None = None


class FileFacet(msgspec.Struct, frozen=True, rename="camel"):
    """It is a file."""

    mime_type: str | None = None
    hashes: Hashes | None = None


class FileSystemInfo(msgspec.Struct, frozen=True, rename="camel"):
    """Times as clients gave them."""

    created_date_time: str | None = None
    last_modified_date_time: str | None = None


class ParentReference(msgspec.Struct, frozen=True, rename="camel"):
    """Where something stands."""

    drive_id: str | None = None
    id: str | None = None
    path: str | None = None


class RemoteItem(msgspec.Struct, frozen=True, rename="camel"):
    """What somebody else shared, shown in this drive."""

    name: str | None = None
    web_url: str | None = None


class Item(msgspec.Struct, frozen=True, rename="camel"):
    """A driveItem."""

    id: str
    name: str = ""
    size: int | None = None
    e_tag: str | None = None
    c_tag: str | None = None
    file: FileFacet | None = None
    folder: Facet | None = None
    package: Facet | None = None
    root: Facet | None = None
    deleted: Facet | None = None
    malware: Facet | None = None
    shared: Facet | None = None
    remote_item: RemoteItem | None = None
    file_system_info: FileSystemInfo | None = None
    parent_reference: ParentReference | None = None
    created_date_time: str | None = None
    last_modified_date_time: str | None = None
    download_url: str | None = msgspec.field(default=None, name="@microsoft.graph.downloadUrl")


SELECT = (
    "$select=id,name,size,eTag,cTag,file,folder,package,root,deleted,malware,shared,remoteItem,fileSystemInfo,"
    "parentReference,createdDateTime,lastModifiedDateTime"
)
WITH_LINKS = f"{SELECT},@microsoft.graph.downloadUrl"
"""With the addresses of contents."""


class Collection(msgspec.Struct, Generic[T], frozen=True):
    """A page of many."""

    value: list[T]
    next_link: str | None = msgspec.field(default=None, name="@odata.nextLink")
    delta_link: str | None = msgspec.field(default=None, name="@odata.deltaLink")


class Quota(msgspec.Struct, frozen=True, rename="camel"):
    """Room in a drive, in bytes."""

    remaining: int | None = None
    total: int | None = None


class Drive(msgspec.Struct, frozen=True, rename="camel"):
    """A drive."""

    id: str
    name: str = ""
    drive_type: str = ""
    web_url: str | None = None
    owner: IdentitySet | None = None
    quota: Quota | None = None


class Site(msgspec.Struct, frozen=True, rename="camel"):
    """A site."""

    id: str
    name: str = ""
    display_name: str = ""
    web_url: str = ""
    is_personal_site: bool | None = None


class User(msgspec.Struct, frozen=True, rename="camel"):
    """A user."""

    id: str
    display_name: str | None = None
    mail: str | None = None
    user_principal_name: str = ""
    account_enabled: bool | None = None
    user_type: str | None = None


class Organisation(msgspec.Struct, frozen=True):
    """A tenant."""

    id: str


class UploadSession(msgspec.Struct, frozen=True, rename="camel"):
    """An upload session, or its state."""

    upload_url: str | None = None
    next_expected_ranges: list[str] = []


class Link(msgspec.Struct, frozen=True, rename="camel"):
    """A sharing link."""

    scope: str | None = None
    type: str | None = None


class Invitation(msgspec.Struct, frozen=True, rename="camel"):
    """How somebody was invited."""

    email: str | None = None


class PermissionLine(msgspec.Struct, frozen=True, rename="camel"):
    """A permission."""

    id: str
    roles: list[str] = []
    granted_to_v2: IdentitySet | None = None
    granted_to: IdentitySet | None = None
    granted_to_identities_v2: list[IdentitySet] = []
    inherited_from: ParentReference | None = None
    invitation: Invitation | None = None
    link: Link | None = None


class VersionLine(msgspec.Struct, frozen=True, rename="camel"):
    """An earlier content."""

    id: str
    size: int | None = None
    last_modified_date_time: str | None = None
    last_modified_by: IdentitySet | None = None
