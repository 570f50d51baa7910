"""The calls of the Drive API v3 and of the Admin SDK's directory, typed; one method a call, no policy.

Every call says that it knows shared drives (`supportsAllDrives`): without that their entries are 404. `subject` is in whose name
it is made, in the admin form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mover.connectors.google.answers import (
    About,
    ChangeList,
    DirectoryUser,
    DirectoryUsers,
    Drive,
    DriveList,
    File,
    FileList,
    GeneratedIds,
    Grant,
    GrantList,
    RevisionList,
    StartPageToken,
)
from mover.connectors.google.calls import DIRECTORY, DRIVE, Calls, address
from mover.connectors.google.describing import FIELDS

PAGE = 1000
GRANT_FIELDS = "id,type,role,emailAddress,domain,displayName,deleted,allowFileDiscovery,permissionDetails(role,inherited)"
_GRANTS = f"nextPageToken,permissions({GRANT_FIELDS})"
_CHANGES = "nextPageToken,newStartPageToken,changes(fileId,removed,driveId,file({fields}))"
_REVISIONS = "nextPageToken,revisions(id,mimeType,size,modifiedTime,md5Checksum,lastModifyingUser(emailAddress,displayName))"
_TRUE = "true"


class DriveApi:
    """The calls of one connection."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls

    async def about(self, subject: str | None, operation: str) -> About:
        """Who is signed in, and the room there is."""
        url = address(DRIVE, "about", fields="user(emailAddress,displayName),storageQuota(limit,usage)")
        return await self.calls.json("GET", url, About, subject=subject, operation=operation)

    async def get(
        self, item: str, *, subject: str | None, fields: str = FIELDS, operation: str, path: str = ""
    ) -> File:
        """Describe a file. It may be in the trash."""
        url = file_address(item, fields)
        return await self.calls.json("GET", url, File, subject=subject, operation=operation, path=path)

    async def search(
        self,
        query: str,
        *,
        subject: str | None,
        drive: str | None = None,
        fields: str = FIELDS,
        token: str | None = None,
        size: int = PAGE,
        order: str | None = None,
        operation: str,
        path: str = "",
    ) -> FileList:
        """A page of what a query finds, in one shared drive or in all that the user has."""
        url = address(
            DRIVE,
            "files",
            q=query,
            fields=f"nextPageToken,incompleteSearch,files({fields})",
            pageSize=str(size),
            pageToken=token,
            orderBy=order,
            spaces="drive",
            corpora="drive" if drive else "user",
            driveId=drive,
            supportsAllDrives=_TRUE,
            includeItemsFromAllDrives=_TRUE,
        )
        return await self.calls.json("GET", url, FileList, subject=subject, operation=operation, path=path)

    async def create(
        self, metadata: Mapping[str, Any], *, subject: str | None, operation: str, path: str
    ) -> File:
        """Make an entry without content: a folder."""
        url = address(DRIVE, "files", fields=FIELDS, supportsAllDrives=_TRUE)
        return await self.calls.json(
            "POST", url, File, subject=subject, body=metadata, operation=operation, path=path
        )

    async def update(
        self,
        item: str,
        metadata: Mapping[str, Any],
        *,
        subject: str | None,
        add_parent: str | None = None,
        remove_parent: str | None = None,
        operation: str,
        path: str,
    ) -> File:
        """Change what is said of an entry, or where it stands."""
        url = address(
            DRIVE,
            "files",
            item,
            fields=FIELDS,
            addParents=add_parent,
            removeParents=remove_parent,
            supportsAllDrives=_TRUE,
        )
        return await self.calls.json(
            "PATCH", url, File, subject=subject, body=metadata, operation=operation, path=path
        )

    async def delete(self, item: str, *, subject: str | None, operation: str, path: str) -> None:
        """Delete an entry for good."""
        url = address(DRIVE, "files", item, supportsAllDrives=_TRUE)
        await self.calls.nothing("DELETE", url, subject=subject, operation=operation, path=path)

    async def generate_ids(self, count: int, *, subject: str | None) -> Sequence[str]:
        """Ids for entries to come, at most 1,000."""
        url = address(DRIVE, "files", "generateIds", count=str(count), fields="ids")
        found = await self.calls.json("GET", url, GeneratedIds, subject=subject, operation="upload")
        return found.ids

    # sharing

    async def grants(
        self,
        item: str,
        *,
        subject: str | None,
        token: str | None = None,
        admin: bool = False,
        operation: str,
        path: str = "",
    ) -> GrantList:
        """A page of the permissions of an entry; `admin`: of a shared drive in which one is not a member."""
        url = grants_address(item, token=token, admin=admin)
        return await self.calls.json("GET", url, GrantList, subject=subject, operation=operation, path=path)

    async def grant(
        self, item: str, grant: Mapping[str, Any], *, subject: str | None, operation: str, path: str
    ) -> Grant:
        """Permit somebody something; nobody gets mail."""
        url = address(
            DRIVE,
            "files",
            item,
            "permissions",
            fields=GRANT_FIELDS,
            sendNotificationEmail="false",
            supportsAllDrives=_TRUE,
        )
        return await self.calls.json(
            "POST", url, Grant, subject=subject, body=grant, operation=operation, path=path
        )

    async def change_grant(
        self, item: str, grant_id: str, role: str, *, subject: str | None, operation: str, path: str
    ) -> Grant:
        """Give a permission another role."""
        url = address(
            DRIVE, "files", item, "permissions", grant_id, fields=GRANT_FIELDS, supportsAllDrives=_TRUE
        )
        return await self.calls.json(
            "PATCH", url, Grant, subject=subject, body={"role": role}, operation=operation, path=path
        )

    async def revoke(
        self, item: str, grant_id: str, *, subject: str | None, operation: str, path: str
    ) -> None:
        """Take a permission back."""
        url = address(DRIVE, "files", item, "permissions", grant_id, supportsAllDrives=_TRUE)
        await self.calls.nothing("DELETE", url, subject=subject, operation=operation, path=path)

    # versions, changes

    async def revisions(
        self, item: str, *, subject: str | None, token: str | None, operation: str, path: str
    ) -> RevisionList:
        """A page of the revisions of a file, the oldest first."""
        url = address(DRIVE, "files", item, "revisions", fields=_REVISIONS, pageSize="1000", pageToken=token)
        return await self.calls.json(
            "GET", url, RevisionList, subject=subject, operation=operation, path=path
        )

    async def start_of_changes(self, *, subject: str | None, drive: str | None) -> str:
        """Where the change feed of a user, or of a shared drive, stands."""
        url = address(DRIVE, "changes", "startPageToken", driveId=drive, supportsAllDrives=_TRUE)
        found = await self.calls.json("GET", url, StartPageToken, subject=subject, operation="changes")
        return found.start_page_token

    async def changes(self, token: str, *, subject: str | None, drive: str | None, fields: str) -> ChangeList:
        """A page of a change feed."""
        url = address(
            DRIVE,
            "changes",
            pageToken=token,
            pageSize=str(PAGE),
            driveId=drive,
            fields=_CHANGES.format(fields=fields),
            includeRemoved=_TRUE,
            spaces="drive",
            supportsAllDrives=_TRUE,
            includeItemsFromAllDrives=_TRUE if drive else None,
        )
        return await self.calls.json("GET", url, ChangeList, subject=subject, operation="changes")

    # shared drives, users

    async def drives(
        self, *, subject: str | None, token: str | None, admin: bool, operation: str
    ) -> DriveList:
        """A page of shared drives; `admin`: all of the domain rather than those of the user."""
        url = address(
            DRIVE,
            "drives",
            pageSize="100",
            pageToken=token,
            fields="nextPageToken,drives(id,name,createdTime)",
            useDomainAdminAccess=_TRUE if admin else None,
        )
        return await self.calls.json("GET", url, DriveList, subject=subject, operation=operation)

    async def drive(
        self, drive: str, *, subject: str | None, admin: bool, operation: str, path: str
    ) -> Drive:
        """Describe a shared drive."""
        url = address(
            DRIVE,
            "drives",
            drive,
            fields="id,name,createdTime",
            useDomainAdminAccess=_TRUE if admin else None,
        )
        return await self.calls.json("GET", url, Drive, subject=subject, operation=operation, path=path)

    async def users(self, *, subject: str, token: str | None, operation: str) -> DirectoryUsers:
        """A page of the domain's users."""
        url = address(
            DIRECTORY,
            "users",
            customer="my_customer",
            maxResults="500",
            orderBy="email",
            pageToken=token,
            fields="nextPageToken,users(primaryEmail,name(fullName),suspended,archived)",
        )
        return await self.calls.json("GET", url, DirectoryUsers, subject=subject, operation=operation)

    async def user(self, email: str, *, subject: str | None, operation: str) -> DirectoryUser:
        """Describe a user of the domain. Raises NotFound."""
        url = address(DIRECTORY, "users", email, fields="primaryEmail,name(fullName),suspended,archived")
        return await self.calls.json(
            "GET",
            url,
            DirectoryUser,
            subject=subject,
            operation=operation,
        )


def file_address(item: str, fields: str = FIELDS) -> str:
    """Where a file is described; also asked in batches."""
    return address(DRIVE, "files", item, fields=fields, supportsAllDrives=_TRUE)


def grants_address(item: str, *, token: str | None = None, admin: bool = False) -> str:
    """Where the permissions of an entry are listed; also asked in batches."""
    return address(
        DRIVE,
        "files",
        item,
        "permissions",
        fields=_GRANTS,
        pageSize="100",
        pageToken=token,
        supportsAllDrives=_TRUE,
        useDomainAdminAccess=_TRUE if admin else None,
    )


def quoted(text: str) -> str:
    """Quote text for a query ("Search query terms and operators")."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
