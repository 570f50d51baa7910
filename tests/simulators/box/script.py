"""An hour of work with Box's own SDK, as one function: it is run for itself, and once more to check every exchange."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
from typing import Any

import pytest
from box_sdk_gen import (
    BoxAPIError,
    BoxCCGAuth,
    BoxOAuth,
    CCGConfig,
    CreateCollaborationAccessibleBy,
    CreateCollaborationAccessibleByTypeField,
    CreateCollaborationItem,
    CreateCollaborationItemTypeField,
    CreateCollaborationRole,
    CreateFolderParent,
    CreateWebLinkParent,
    CreateZipDownloadItems,
    CreateZipDownloadItemsTypeField,
    GetEventsStreamType,
    OAuthConfig,
    PreflightFileUploadCheckParent,
    UpdateCollaborationByIdRole,
    UpdateFileByIdLock,
    UpdateFileByIdLockAccessField,
    UpdateFolderByIdParent,
    UploadFileAttributes,
    UploadFileAttributesParentField,
    UploadFileVersionAttributes,
)
from box_sdk_gen.schemas.access_token import AccessToken
from simulators.box.organisation import ENTERPRISE_ID
from tests.servers.box import ANN, BEN, person, sdk

from simulators.box import Box

LARGE = random.Random(3).randbytes(350_000)


def sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def upload(client, folder: str, name: str, data: bytes, **how):
    attributes = UploadFileAttributes(name, UploadFileAttributesParentField(folder))
    return client.uploads.upload_file(attributes, io.BytesIO(data), **how).entries[0]


def archive(client: Any, folder: Any, file: Any) -> None:
    """Fetch a folder and a file as one archive, once."""
    inner = client.folders.create_folder("small.txt", CreateFolderParent(id="0"))
    items = [
        CreateZipDownloadItems(CreateZipDownloadItemsTypeField(kind), each.id)
        for kind, each in (("folder", folder), ("file", file), ("folder", inner))
    ]
    made = client.zip_downloads.create_zip_download(items, download_file_name="all")
    names = {told.original_name for pair in made.name_conflicts for told in pair}
    assert names == {"small.txt"}
    with pytest.raises(BoxAPIError):
        client.zip_downloads.get_zip_download_status(made.status_url)
    data = client.zip_downloads.get_zip_download_content(made.download_url).read()
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert {opened.read(name) for name in opened.namelist()} == {b"hello"}
        assert "Work/small.txt" in opened.namelist()
    status = client.zip_downloads.get_zip_download_status(made.status_url)
    assert (status.downloaded_file_count, status.state.value) == (2, "succeeded")
    with pytest.raises(BoxAPIError):
        client.zip_downloads.get_zip_download_content(made.download_url)
    client.folders.delete_folder_by_id(inner.id)


def work(box: Box) -> None:
    """Do it. Raises AssertionError if something is not as the SDK's user would expect."""
    with sdk(box) as found:
        client: Any = found  # everything that it answers may be None to its types
        assert client.users.get_user_me().login == ANN
        folder = client.folders.create_folder("Work", CreateFolderParent(id="0"))
        assert folder.name == "Work"
        small = upload(client, folder.id, "small.txt", b"hello", content_md_5=sha1(b"hello"))
        assert small.sha_1 == sha1(b"hello")
        archive(client, folder, small)
        _conflicts(client, folder.id, small.id)
        _large(client, folder.id)
        _versions(client, small)
        _moves(client, folder.id, small.id)
        _sharing(client, folder.id, small.id)
        _listing(client, folder.id)
        _trash(client, folder.id)
        events = client.events.get_events(stream_type=GetEventsStreamType.CHANGES, stream_position="0")
        kinds = {getattr(event.event_type, "value", event.event_type) for event in events.entries}
        assert {"ITEM_CREATE", "ITEM_UPLOAD", "ITEM_MOVE", "ITEM_RENAME", "ITEM_TRASH"} <= kinds
    _tokens(box)


def _said(refused: pytest.ExceptionInfo[BoxAPIError]) -> Any:
    return refused.value.response_info


def _conflicts(client, folder: str, small: str) -> None:
    with pytest.raises(BoxAPIError) as taken:
        upload(client, folder, "SMALL.txt", b"other")
    assert _said(taken).code == "item_name_in_use"
    assert _said(taken).context_info["conflicts"]["id"] == small
    with pytest.raises(BoxAPIError) as refused:
        client.folders.create_folder("Work", CreateFolderParent(id="0"))
    assert _said(refused).context_info["conflicts"][0]["id"] == folder
    with pytest.raises(BoxAPIError) as bad:
        upload(client, folder, "damaged", b"other", content_md_5=sha1(b"hello"))
    assert _said(bad).code == "bad_digest"
    parent = PreflightFileUploadCheckParent(id=folder)
    assert client.uploads.preflight_file_upload_check(name="new", size=5, parent=parent).upload_url


def _large(client, folder: str) -> None:
    made = client.chunked_uploads.upload_big_file(io.BytesIO(LARGE), "large.bin", len(LARGE), folder)
    assert made.sha_1 == sha1(LARGE)
    read = client.downloads.download_file(made.id, range="bytes=100000-100009").read()
    assert read == LARGE[100_000:100_010]
    replaced = client.chunked_uploads.upload_big_file_version(made.id, io.BytesIO(LARGE[:-1]), len(LARGE) - 1)
    assert (replaced.id, replaced.size) == (made.id, len(LARGE) - 1)


def _versions(client, small) -> None:
    attributes = UploadFileVersionAttributes("small.txt")
    new = client.uploads.upload_file_version(small.id, attributes, io.BytesIO(b"two"), if_match=small.etag)
    assert new.entries[0].etag == "1"
    with pytest.raises(BoxAPIError) as changed:
        client.uploads.upload_file_version(small.id, attributes, io.BytesIO(b"three"), if_match=small.etag)
    assert _said(changed).status_code == 412
    [old] = client.file_versions.get_file_versions(small.id).entries
    assert old.sha_1 == sha1(b"hello")
    assert client.downloads.download_file(small.id, version=old.id).read() == b"hello"
    assert client.downloads.download_file(small.id).read() == b"two"


def _moves(client, folder: str, small: str) -> None:
    assert client.files.update_file_by_id(small, name="renamed.txt").name == "renamed.txt"
    inner = client.folders.create_folder("inner", CreateFolderParent(id=folder))
    other = client.folders.create_folder("other", CreateFolderParent(id=folder))
    moved = client.folders.update_folder_by_id(inner.id, parent=UpdateFolderByIdParent(id=other.id))
    assert moved.parent.id == other.id
    link = client.web_links.create_web_link(
        "https://example.org/", CreateWebLinkParent(folder), name="A link"
    )
    assert client.web_links.get_web_link_by_id(link.id).url == "https://example.org/"
    locked = client.files.update_file_by_id(
        small, lock=UpdateFileByIdLock(access=UpdateFileByIdLockAccessField.LOCK), fields=["lock"]
    )
    assert locked.lock.created_by.login == ANN


def _sharing(client, folder: str, small: str) -> None:
    made = client.user_collaborations.create_collaboration(
        CreateCollaborationItem(type=CreateCollaborationItemTypeField.FOLDER, id=folder),
        CreateCollaborationAccessibleBy(CreateCollaborationAccessibleByTypeField.USER, login=BEN),
        CreateCollaborationRole.VIEWER,
        notify=False,
    )
    assert made.accessible_by.login == BEN
    client.user_collaborations.update_collaboration_by_id(made.id, role=UpdateCollaborationByIdRole.EDITOR)
    for found in (
        client.list_collaborations.get_folder_collaborations(folder),
        client.list_collaborations.get_file_collaborations(small),
    ):
        assert [line.role.value for line in found.entries] == ["editor"]
    client.user_collaborations.delete_collaboration_by_id(made.id)
    assert not client.list_collaborations.get_folder_collaborations(folder).entries


def _listing(client, folder: str) -> None:
    fields = ["id", "type", "name", "sha1", "size", "owned_by", "has_collaborations"]
    names: list[str] = []
    marker = None
    while True:
        page = client.folders.get_folder_items(folder, fields=fields, usemarker=True, limit=2, marker=marker)
        names += [item.name for item in page.entries]
        marker = page.next_marker
        if not marker:
            break
    assert names == ["other", "large.bin", "renamed.txt", "A link"], names
    assert client.folders.get_folder_items(folder, limit=2, offset=2).total_count == 4


def _trash(client, folder: str) -> None:
    inner = client.folders.create_folder("Bin", CreateFolderParent(id=folder))
    upload(client, inner.id, "in it", b"x")
    with pytest.raises(BoxAPIError) as full:
        client.folders.delete_folder_by_id(inner.id)
    assert _said(full).code == "folder_not_empty"
    client.folders.delete_folder_by_id(inner.id, recursive=True)
    with pytest.raises(BoxAPIError) as gone:
        client.folders.get_folder_by_id(inner.id)
    assert _said(gone).code == "trashed"
    again = client.folders.create_folder("Bin", CreateFolderParent(id=folder))
    client.folders.delete_folder_by_id(again.id)
    assert client.trashed_folders.restore_folder_from_trash(inner.id).name == "Bin"


def _tokens(box: Box) -> None:
    config = CCGConfig("test-app", "test-secret", enterprise_id=ENTERPRISE_ID)
    with sdk(box, BoxCCGAuth(config)) as found:
        admin: Any = found
        users = admin.users.get_users(filter_term="ben")
        assert [user.login for user in users.entries] == [BEN]
        as_ben = admin.with_as_user_header(users.entries[0].id)
        assert as_ben.users.get_user_me().login == BEN
        upload(as_ben, "0", "of ben", b"x")
    auth = BoxOAuth(OAuthConfig("test-app", "test-secret"))
    refresh = box.organisation.accounts.issue(person(box), kind="refresh", lifetime_s=5_184_000).value
    auth.token_storage.store(AccessToken(access_token="old", refresh_token=refresh))
    with sdk(box, auth) as client:
        assert client.users.get_user_me().login == ANN  # a 401, an exchange, and the call once more
        spent = auth.token_storage.get()
        assert spent is not None
        assert spent.refresh_token not in {None, refresh}
        auth.revoke_token(network_session=client.network_session)
