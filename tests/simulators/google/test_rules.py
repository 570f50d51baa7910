"""The simulated Drive's own rules: refusals to the letter, the search language, partial answers, limits."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from simulators.front import RunningFront
from tests.contract import google as people

from simulators.google import Google

pytestmark = pytest.mark.servers

API = "https://www.googleapis.com/drive/v3"
FOLDER = "application/vnd.google-apps.folder"
Ask = Callable[..., httpx.Response]


@pytest.fixture
def client(simulators: RunningFront, google: Google) -> Iterator[httpx.Client]:
    trusted = ssl.create_default_context(cafile=simulators.ca_file)
    token = simulators.inside(lambda: google.token(people.ALICE))
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(proxy=simulators.proxy_url, verify=trusted, trust_env=False, headers=headers) as made:
        yield made


def _error(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == answer.status_code
    return error


@pytest.mark.parametrize(
    ("path", "status", "reason", "location"),
    [
        ("/files?fields=bogus", 400, "invalidParameter", "fields"),
        ("/files?q=name%20is%20x", 400, "invalid", "q"),
        ("/files?orderBy=bogus", 400, "invalid", "orderBy"),
        ("/files?pageToken=bogus", 400, "invalid", "pageToken"),
        ("/files/no-such-file", 404, "notFound", "fileId"),
        ("/about", 400, "required", "fields"),
        ("/files/root?alt=media", 403, "fileNotDownloadable", "alt"),
        ("/files/root/export", 400, "required", "mimeType"),
        ("/files/root/export?mimeType=text/plain", 403, "fileNotExportable", None),
        ("/files?q=%27nowhere%27%20in%20parents", 404, "notFound", "fileId"),
    ],
)
def test_refusals_are_googles(
    client: httpx.Client, path: str, status: int, reason: str, location: str | None
) -> None:
    answer = client.get(API + path)
    assert answer.status_code == status
    [first] = _error(answer)["errors"]
    assert (first["reason"], first.get("location"), first["domain"]) == (reason, location, "global")


def test_bad_token_and_no_token_are_told_apart(client: httpx.Client) -> None:
    bad = _error(client.get(f"{API}/files", headers={"Authorization": "Bearer bad"}))
    assert (bad["code"], bad["status"], bad["errors"][0]["reason"]) == (401, "UNAUTHENTICATED", "authError")
    client.headers.pop("Authorization")
    assert _error(client.get(f"{API}/files"))["status"] == "PERMISSION_DENIED"


def test_token_ends_after_its_time(simulators: RunningFront, client: httpx.Client) -> None:
    assert client.get(f"{API}/files").status_code == 200
    simulators.world.clock.advance(3601)
    assert client.get(f"{API}/files").status_code == 401


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("name = 'A.TXT'", {"a.txt"}),
        ("name != 'a.txt' and mimeType != 'application/vnd.google-apps.folder'", {"it's"}),
        (r"name = 'it\'s'", {"it's"}),
        ("name contains 'a'", {"a.txt"}),
        ("'root' in parents", {"a.txt", "folder"}),
        ("'root' in parents and not mimeType = 'application/vnd.google-apps.folder'", {"a.txt"}),
        ("('root' in parents or name = 'it\\'s') and trashed = false", {"a.txt", "folder", "it's"}),
        ("trashed=true", set()),
        ("'me' in owners and mimeType = 'application/vnd.google-apps.folder'", {"folder"}),
        ("'bob@example.org' in readers", set()),
        ("sharedWithMe", set()),
        ("modifiedTime > '2001-01-01T00:00:00'", {"folder", "it's"}),
        ("appProperties has { key='k' and value='v' }", {"a.txt"}),
    ],
)
def test_search_language(
    simulators: RunningFront, google: Google, client: httpx.Client, query: str, found: set[str]
) -> None:
    drive = google.drive_of(people.ALICE)

    def work() -> None:
        node = google.state.add_file(drive, "/a.txt", b"x", modified_ns=10**18 // 2)
        node.properties["appProperties"] = {"k": "v"}
        google.state.add_file(drive, "/folder/it's", b"x")

    simulators.inside(work)
    answer = client.get(f"{API}/files", params={"q": query, "fields": "files(name)"})
    assert {each["name"] for each in answer.json()["files"]} == found


def test_pages_are_smaller_where_they_hold_much(
    simulators: RunningFront, google: Google, client: httpx.Client
) -> None:
    drive = google.drive_of(people.ALICE)
    simulators.inside(lambda: [google.state.add_file(drive, f"/{number}") for number in range(1001)])
    sizes = {
        fields: len(
            client.get(f"{API}/files", params={"fields": f"files({fields})", "pageSize": 1000}).json()[
                "files"
            ]
        )
        for fields in ("id", "id,parents", "id,permissions")
    }
    assert sizes == {"id": 1000, "id,parents": 460, "id,permissions": 100}
    assert len(client.get(f"{API}/files").json()["files"]) == 100


def test_resumable_upload_keeps_multiples_of_256_kib(client: httpx.Client) -> None:
    begun = client.post(
        "https://www.googleapis.com/upload/drive/v3/files?uploadType=resumable", json={"name": "file"}
    )
    url = begun.headers["location"]
    client.headers.pop("Authorization")  # the address is a right of its own
    asked = client.put(url, headers={"Content-Range": "bytes */*"})
    assert (asked.status_code, asked.headers.get("range")) == (308, None)
    sent = client.put(url, content=b"x" * 300_000, headers={"Content-Range": "bytes 0-299999/*"})
    assert (sent.status_code, sent.headers["range"]) == (308, "bytes=0-262143")
    gap = client.put(url, content=b"x", headers={"Content-Range": "bytes 300000-300000/*"})
    assert gap.status_code == 400
    rest = client.put(url, content=b"y" * 37_857, headers={"Content-Range": "bytes 262143-299999/300000"})
    assert rest.status_code == 200
    assert client.put(url, headers={"Content-Range": "bytes */300000"}).json()["id"] == rest.json()["id"]


def test_items_of_shared_drives_are_hidden_from_who_does_not_know_of_them(
    google: Google, client: httpx.Client
) -> None:
    drive_id = next(iter(google.state.shared))
    assert client.get(f"{API}/files/{drive_id}").status_code == 404
    assert client.get(f"{API}/files/{drive_id}?supportsAllDrives=true").status_code == 200


def test_mail_goes_out_unless_it_is_declined(google: Google, client: httpx.Client) -> None:
    made = client.post(f"{API}/files", json={"name": "folder", "mimeType": FOLDER}).json()
    grant = {"type": "user", "role": "reader", "emailAddress": people.BOB}
    url = f"{API}/files/{made['id']}/permissions"
    assert client.post(url, json=grant).status_code == 200
    assert client.post(url, json=grant, params={"sendNotificationEmail": "false"}).status_code == 200
    assert google.permissions.mails == [people.BOB]
    unknown = client.post(
        url, json=grant | {"emailAddress": "nobody@x.example"}, params={"sendNotificationEmail": "false"}
    )
    assert _error(unknown)["errors"][0]["reason"] == "invalidSharingRequest"
