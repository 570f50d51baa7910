"""A day's work with Google's own Python client, unchanged. Run by test_sdk.py as a program of its own.

Arguments: an access token, the key file of a service account, the address of an administrator, a folder for files.
"""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httplib2  # type: ignore[import-untyped]
import pytest
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build  # type: ignore[import-untyped]
from googleapiclient.errors import HttpError  # type: ignore[import-untyped]
from googleapiclient.http import MediaFileUpload, MediaIoBaseDownload, MediaIoBaseUpload  # type: ignore[import-untyped]

FOLDER = "application/vnd.google-apps.folder"
DOCUMENT = "application/vnd.google-apps.document"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
QUANTUM = 256 * 1024


class Tunnelled(httplib2.HTTPSConnectionWithTimeout):  # type: ignore[misc]
    """Connects through the proxy, which httplib2 alone cannot do: it wants PySocks for that."""

    def connect(self) -> None:
        """Open a tunnel (RFC 9110 section 9.3.6), and TLS in it."""
        proxy = urlsplit(os.environ["HTTPS_PROXY"])
        connection = socket.create_connection((proxy.hostname, proxy.port))
        connection.sendall(f"CONNECT {self.host}:{self.port} HTTP/1.1\r\n\r\n".encode())
        answered = b""
        while not answered.endswith(b"\r\n\r\n"):
            answered += connection.recv(1)
        assert answered.startswith(b"HTTP/1.1 200"), answered
        self.sock = self._context.wrap_socket(connection, server_hostname=self.host)


httplib2.SCHEME_TO_CONNECTION["https"] = Tunnelled


def small(drive: Any) -> dict[str, Any]:
    """Upload, describe, search, rename, change, copy, trash, delete."""
    folder = drive.files().create(body={"name": "work", "mimeType": FOLDER}, fields="id,parents").execute()
    body = {"name": "it's a / file", "parents": [folder["id"]], "modifiedTime": "2020-02-29T12:34:56.789Z"}
    media = MediaIoBaseUpload(io.BytesIO(b"hello"), "text/plain")
    file = drive.files().create(body=body, media_body=media, fields="*").execute()
    assert (file["size"], file["md5Checksum"]) == ("5", "5d41402abc4b2a76b9719d911017c592")
    assert file["modifiedTime"] == "2020-02-29T12:34:56.789Z"
    query = f"'{folder['id']}' in parents and name = 'it\\'s a / file' and trashed = false"
    assert [each["id"] for each in drive.files().list(q=query).execute()["files"]] == [file["id"]]
    drive.files().update(fileId=file["id"], body={"name": "renamed"}).execute()
    second = MediaIoBaseUpload(io.BytesIO(b"hello again"), "text/plain")
    drive.files().update(fileId=file["id"], media_body=second).execute()
    revisions = drive.revisions().list(fileId=file["id"], fields="revisions(id,size)").execute()["revisions"]
    assert [each["size"] for each in revisions] == ["5", "11"]
    assert drive.revisions().get_media(fileId=file["id"], revisionId=revisions[0]["id"]).execute() == b"hello"
    copied = drive.files().copy(fileId=file["id"], body={"name": "copy"}).execute()
    other = drive.files().create(body={"name": "other", "mimeType": FOLDER}).execute()
    moved = (
        drive.files()
        .update(fileId=copied["id"], addParents=other["id"], removeParents=folder["id"], fields="id,parents")
        .execute()
    )
    assert moved["parents"] == [other["id"]]
    drive.files().update(fileId=copied["id"], body={"trashed": True}).execute()
    drive.files().delete(fileId=copied["id"]).execute()
    with pytest.raises(HttpError) as caught:
        drive.files().get(fileId=copied["id"]).execute()
    assert caught.value.resp.status == 404
    assert caught.value.error_details[0]["reason"] == "notFound"
    return dict(folder)


def large(drive: Any, folder: Path) -> None:
    """Upload in chunks, download in ranges."""
    data = bytes(range(256)) * 4096 + b"tail"
    path = folder / "large"
    path.write_bytes(data)
    media = MediaFileUpload(str(path), "application/x-thing", chunksize=QUANTUM, resumable=True)
    request = drive.files().create(body={"name": "large"}, media_body=media, fields="id,size,mimeType")
    answer = None
    while answer is None:
        _, answer = request.next_chunk()
    assert (answer["size"], answer["mimeType"]) == (str(len(data)), "application/x-thing")
    target = io.BytesIO()
    download = MediaIoBaseDownload(target, drive.files().get_media(fileId=answer["id"]), chunksize=300_000)
    done = False
    while not done:
        _, done = download.next_chunk()
    assert target.getvalue() == data
    empty = MediaIoBaseUpload(io.BytesIO(b""), "application/x-thing", resumable=True)
    made = drive.files().create(body={"name": "empty"}, media_body=empty, fields="size").execute()
    assert made["size"] == "0"


def pages_ids_and_batches(drive: Any, folder: dict[str, Any]) -> None:
    """Generated ids, pages, and many calls in one."""
    ids = drive.files().generateIds(count=5).execute()["ids"]
    for number, each in enumerate(ids):
        body = {"id": each, "name": f"n{number}", "parents": [folder["id"]], "mimeType": FOLDER}
        drive.files().create(body=body).execute()
    with pytest.raises(HttpError) as caught:
        drive.files().create(body={"id": ids[0], "name": "again", "mimeType": FOLDER}).execute()
    assert caught.value.resp.status == 409
    request = drive.files().list(q=f"'{folder['id']}' in parents", pageSize=2, orderBy="name")
    names = []
    while request is not None:
        page = request.execute()
        names += [each["name"] for each in page["files"]]
        request = drive.files().list_next(request, page)
    assert names == ["n0", "n1", "n2", "n3", "n4", "renamed"]
    found: dict[str, Any] = {}
    failed: list[str] = []

    def answered(request_id: str, answer: Any, error: HttpError | None) -> None:
        if error is None:
            found[request_id] = answer
        else:
            failed.append(error.reason)

    batch = drive.new_batch_http_request(callback=answered)
    for each in (*ids, "missing"):
        batch.add(drive.files().get(fileId=each, fields="name"))
    batch.execute()
    assert [found[key]["name"] for key in sorted(found)] == ["n0", "n1", "n2", "n3", "n4"]
    assert failed == ["File not found: missing."]


def sharing_and_changes(drive: Any, folder: dict[str, Any]) -> None:
    """Permissions, and the feed that tells of them."""
    start = drive.changes().getStartPageToken().execute()["startPageToken"]
    grant = {"type": "user", "role": "writer", "emailAddress": "bob@example.org"}
    made = drive.permissions().create(fileId=folder["id"], body=grant, sendNotificationEmail=False).execute()
    drive.permissions().update(
        fileId=folder["id"], permissionId=made["id"], body={"role": "reader"}
    ).execute()
    listed = drive.permissions().list(fileId=folder["id"], fields="*").execute()["permissions"]
    assert {each["emailAddress"]: each["role"] for each in listed} == {
        "alice@example.org": "owner",
        "bob@example.org": "reader",
    }
    drive.permissions().delete(fileId=folder["id"], permissionId=made["id"]).execute()
    page = drive.changes().list(pageToken=start).execute()
    assert folder["id"] in {each["fileId"] for each in page["changes"]}
    again = drive.changes().list(pageToken=page["newStartPageToken"]).execute()
    assert again["changes"] == []


def documents(drive: Any) -> None:
    """Make a document by conversion, and export it."""
    media = MediaIoBaseUpload(io.BytesIO(b"PK..."), DOCX)
    made = drive.files().create(body={"name": "Plan", "mimeType": DOCUMENT}, media_body=media).execute()
    assert made["mimeType"] == DOCUMENT
    assert drive.files().export(fileId=made["id"], mimeType=DOCX).execute().startswith(b"PK")
    with pytest.raises(HttpError) as caught:
        drive.files().get_media(fileId=made["id"]).execute()
    assert caught.value.error_details[0]["reason"] == "fileNotDownloadable"


def domain(key: dict[str, str], admin: str) -> None:
    """A service account in the names of others: users, shared drives."""
    scopes = [
        "https://www.googleapis.com/auth/drive",
        "https://www.googleapis.com/auth/admin.directory.user.readonly",
    ]
    make: Any = service_account.Credentials.from_service_account_info
    credentials = make(key, scopes=scopes)
    directory = build("admin", "directory_v1", credentials=credentials.with_subject(admin))
    users = directory.users().list(customer="my_customer", orderBy="email").execute()["users"]
    assert "bob@example.org" in {each["primaryEmail"] for each in users}
    drive = build("drive", "v3", credentials=credentials.with_subject(admin))
    drives = drive.drives().list(useDomainAdminAccess=True).execute()["drives"]
    assert [each["name"] for each in drives] == ["Team"]
    inside = {
        "corpora": "drive",
        "driveId": drives[0]["id"],
        "includeItemsFromAllDrives": True,
        "supportsAllDrives": True,
    }
    body = {"name": "shared", "parents": [drives[0]["id"]], "mimeType": FOLDER}
    made = drive.files().create(body=body, supportsAllDrives=True, fields="id,driveId").execute()
    assert made["driveId"] == drives[0]["id"]
    assert [each["name"] for each in drive.files().list(**inside).execute()["files"]] == ["shared"]
    bob = build("drive", "v3", credentials=credentials.with_subject("bob@example.org"))
    assert bob.about().get(fields="user").execute()["user"]["emailAddress"] == "bob@example.org"
    assert bob.files().list(**inside | {"corpora": "user", "driveId": None}).execute()["files"] == []


def main() -> None:
    """Do all of it."""
    token, key, admin, folder = sys.argv[1:]
    credentials: Any = Credentials
    drive = build("drive", "v3", credentials=credentials(token))
    work = small(drive)
    large(drive, Path(folder))
    pages_ids_and_batches(drive, work)
    sharing_and_changes(drive, work)
    documents(drive)
    domain(json.loads(key), admin)


if __name__ == "__main__":
    main()
