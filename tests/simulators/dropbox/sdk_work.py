"""What the vendor's SDK does against the simulator, unchanged; run by test_sdk.py in a process of its own."""

from __future__ import annotations

import io
import os
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from dropbox.content_hash import content_hash  # type: ignore[import-untyped]

import dropbox  # type: ignore[import-untyped]
from dropbox import common, exceptions, files, sharing

MIB = 1024 * 1024


def client(token: str) -> Any:
    """A client that does not try again by itself."""
    return dropbox.Dropbox(token, max_retries_on_error=0, max_retries_on_rate_limit=0, timeout=20)


def refused(call: Any, *args: Any, **named: Any) -> Any:
    """Return the error that a call is refused with."""
    with pytest.raises(exceptions.ApiError) as refusal:
        call(*args, **named)
    return refusal.value.error


def everything(listed: Any, go_on: Any) -> list[Any]:
    """Follow a listing to its end."""
    entries = list(listed.entries)
    while listed.has_more:
        listed = go_on(listed.cursor)
        entries += listed.entries
    return entries


def work_with_files(dbx: Any) -> None:
    """List, upload small, large and resumed, download, rename, versions, changes."""
    assert dbx.users_get_current_account().email == "alice@example.com"
    start = dbx.files_list_folder_get_latest_cursor("", recursive=True).cursor
    when = datetime(2020, 2, 29, 12, 34, 56, tzinfo=UTC).replace(tzinfo=None)
    made = dbx.files_upload(b"hello", "/Docs/Ä hello.txt", client_modified=when)
    assert made.path_lower == "/docs/ä hello.txt"
    assert made.client_modified == when
    assert made.content_hash == content_hash(b"hello")
    assert dbx.files_upload(b"hello", "/docs/ä hello.txt").id == made.id  # the same bytes are no conflict
    assert refused(dbx.files_upload, b"other", "/docs/Ä HELLO.txt").get_path().reason.is_conflict()
    renamed = dbx.files_upload(b"other", "/docs/Ä hello.txt", autorename=True)
    assert renamed.name == "Ä hello (1).txt"
    strict = {"mode": files.WriteMode.update("0123456789"), "strict_conflict": True}
    assert refused(dbx.files_upload, b"x", "/docs/Ä hello.txt", **strict).get_path().reason.is_conflict()
    again = dbx.files_upload(b"second", "/docs/Ä hello.txt", mode=files.WriteMode.update(made.rev))
    assert again.id == made.id
    assert [one.rev for one in dbx.files_list_revisions("/docs/ä hello.txt").entries] == [again.rev, made.rev]
    assert dbx.files_download(f"rev:{made.rev}")[1].content == b"hello"
    assert dbx.files_download(made.id)[1].content == b"second"
    assert refused(dbx.files_upload, b"x", "/desktop.ini").get_path().reason.is_disallowed_name()
    assert refused(dbx.files_get_metadata, "/nothing").get_path().is_not_found()
    moved = dbx.files_move_v2("/Docs/Ä hello.txt", "/Docs/x.txt").metadata
    assert (moved.id, moved.name) == (made.id, "x.txt")
    assert dbx.files_move_v2("/Docs/x.txt", "/Docs/X.TXT").metadata.name == "x.txt"  # not supported, no error
    dbx.files_create_folder_v2("/Docs/sub/deep")
    assert refused(dbx.files_create_folder_v2, "/docs/SUB").get_path().is_conflict()
    names = {
        entry.path_lower
        for entry in everything(
            dbx.files_list_folder("", recursive=True, limit=2), dbx.files_list_folder_continue
        )
    }
    assert names == {"/docs", "/docs/x.txt", "/docs/ä hello (1).txt", "/docs/sub", "/docs/sub/deep"}
    batch = dbx.files_create_folder_batch(["/docs/sub/one", "/docs/sub/DEEP", "/docs/sub/one"]).get_complete()
    one, deep, same = batch.entries
    assert deep.get_failure().get_path().get_conflict().is_folder()
    assert one.get_success().metadata.id == same.get_success().metadata.id
    job = dbx.files_create_folder_batch(
        ["/docs/sub/one"], autorename=True, force_async=True
    ).get_async_job_id()
    [renamed] = dbx.files_create_folder_batch_check(job).get_complete().entries
    assert renamed.get_success().metadata.name == "one (1)"
    assert refused(dbx.files_create_folder_batch_check, "nothing").is_invalid_async_job_id()
    told, archive = dbx.files_download_zip("/docs")
    assert (told.metadata.name, told.metadata.id) == ("Docs", dbx.files_get_metadata("/docs").id)
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        assert opened.read("Docs/x.txt") == b"second"
        assert {"Docs/", "Docs/sub/", "Docs/sub/deep/"} < set(opened.namelist())
    assert refused(dbx.files_download_zip, "/docs/x.txt").get_path().is_not_folder()
    assert refused(dbx.files_download_zip, "/nothing").get_path().is_not_found()
    dbx.files_delete_v2("/docs/sub")
    told = everything(dbx.files_list_folder_continue(start), dbx.files_list_folder_continue)
    assert any(isinstance(one, files.DeletedMetadata) and one.path_lower == "/docs/sub" for one in told)
    assert {one.name for one in told if isinstance(one, files.FileMetadata)} == {"x.txt", "Ä hello (1).txt"}
    assert dbx.users_get_space_usage().allocation.is_individual()


def work_with_sessions(dbx: Any) -> None:
    """Sessions in order, resumed, concurrent, in batches."""
    data = os.urandom(9 * MIB + 17)
    session = dbx.files_upload_session_start(data[: 4 * MIB]).session_id
    lost = files.UploadSessionCursor(session, 8 * MIB)
    wrong = refused(dbx.files_upload_session_append_v2, data[8 * MIB :], lost)
    assert wrong.get_incorrect_offset().correct_offset == 4 * MIB
    dbx.files_upload_session_append_v2(data[4 * MIB : 8 * MIB], files.UploadSessionCursor(session, 4 * MIB))
    end = files.UploadSessionCursor(session, 8 * MIB)
    stored = dbx.files_upload_session_finish(data[8 * MIB :], end, files.CommitInfo("/large"))
    assert stored.content_hash == content_hash(data)
    assert refused(dbx.files_upload_session_append_v2, b"", end).is_not_found()
    kind = files.UploadSessionType.concurrent
    session = dbx.files_upload_session_start(b"", session_type=kind).session_id
    odd = files.UploadSessionCursor(session, 1)
    assert refused(dbx.files_upload_session_append_v2, b"x", odd).is_concurrent_session_invalid_offset()
    for offset, close in ((8 * MIB, True), (0, False), (4 * MIB, False)):
        cursor = files.UploadSessionCursor(session, offset)
        dbx.files_upload_session_append_v2(data[offset : offset + 4 * MIB], cursor, close=close)
    whole = files.UploadSessionCursor(session, len(data))
    entry = files.UploadSessionFinishArg(whole, files.CommitInfo("/concurrent"))
    lacking = files.UploadSessionFinishArg(files.UploadSessionCursor("nothing", 0), files.CommitInfo("/no"))
    first, second = dbx.files_upload_session_finish_batch_v2([entry, lacking]).entries
    assert first.get_success().content_hash == content_hash(data)
    assert second.get_failure().get_lookup_failed().is_not_found()
    ids = dbx.files_upload_session_start_batch(3).session_ids
    pieces = [
        files.UploadSessionAppendBatchArgEntry(files.UploadSessionCursor(one, 0), 2, close=True)
        for one in ids
    ]
    appended = dbx.files_upload_session_append_batch(b"aabbcc", pieces)
    assert all(one.is_success() for one in appended.entries)
    finishes = [
        files.UploadSessionFinishArg(
            files.UploadSessionCursor(one, 2), files.CommitInfo(f"/batch {one[-3:]}")
        )
        for one in ids
    ]
    done = dbx.files_upload_session_finish_batch_v2(finishes).entries
    assert [one.get_success().size for one in done] == [2, 2, 2]


def work_with_sharing(dbx: Any) -> None:
    """Members of folders and files."""
    dbx.files_create_folder_v2("/Shared")
    folder = dbx.sharing_share_folder("/Shared").get_complete()
    assert refused(dbx.sharing_share_folder, "/Shared").get_bad_path().is_already_shared()
    bob = sharing.MemberSelector.email("bob@example.com")
    dbx.sharing_add_folder_member(
        folder.shared_folder_id, [sharing.AddMember(bob, sharing.AccessLevel.editor)], quiet=True
    )
    members = dbx.sharing_list_folder_members(folder.shared_folder_id)
    assert {(one.user.email, one.access_type._tag) for one in members.users} == {
        ("alice@example.com", "owner"),
        ("bob@example.com", "editor"),
    }
    job = dbx.sharing_remove_folder_member(
        folder.shared_folder_id, bob, leave_a_copy=False
    ).get_async_job_id()
    assert dbx.sharing_check_remove_member_job_status(job).is_complete()
    made = dbx.files_upload(b"x", "/file")
    [result] = dbx.sharing_add_file_member(made.id, [bob], quiet=True)
    assert result.result.is_success()
    [line] = dbx.sharing_list_file_members_batch([made.id])
    assert {one.user.email for one in line.result.get_result().members.users} == {
        "alice@example.com",
        "bob@example.com",
    }
    assert dbx.sharing_list_shared_links().links == []


def work_with_a_team(team: Any) -> None:
    """Members, their files, team folders, the space of the team."""
    members = {one.profile.email: one.profile for one in team.team_members_list_v2().members}
    bob = team.as_user(members["bob@example.com"].team_member_id)
    bob.files_upload(b"bob's", "/mine")
    root = bob.users_get_current_account().root_info
    space = bob.with_path_root(common.PathRoot.root(root.root_namespace_id))
    assert {one.name for one in space.files_list_folder("").entries} >= {"Projects", "Bob"}
    with pytest.raises(exceptions.PathRootError) as wrong:
        bob.with_path_root(common.PathRoot.root("1")).files_list_folder("")
    assert wrong.value.error.is_invalid_root()
    [folder] = team.team_team_folder_list().team_folders
    admin = team.as_admin(members["admin@example.com"].team_member_id)
    inside = admin.with_path_root(common.PathRoot.namespace_id(folder.team_folder_id))
    assert inside.files_upload(b"x", "/in team folder").path_display == "/in team folder"
    with pytest.raises(exceptions.AuthError) as strange:
        team.as_user("dbmid:nobody").files_list_folder("")
    assert strange.value.error.is_invalid_select_user()


def main() -> None:
    """Do everything."""
    dbx = client(os.environ["PERSONAL_TOKEN"])
    work_with_files(dbx)
    work_with_sessions(dbx)
    work_with_sharing(dbx)
    with pytest.raises(exceptions.AuthError) as expired:
        client(os.environ["EXPIRED_TOKEN"]).users_get_current_account()
    assert expired.value.error.is_expired_access_token()
    refreshing = dropbox.Dropbox(
        oauth2_refresh_token=os.environ["REFRESH_TOKEN"], app_key="test-app", app_secret="test-secret"
    )
    assert refreshing.users_get_current_account().email == "alice@example.com"
    refreshing.auth_token_revoke()
    work_with_a_team(dropbox.DropboxTeam(os.environ["TEAM_TOKEN"], max_retries_on_error=0))


if __name__ == "__main__":
    main()
