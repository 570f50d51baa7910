"""What whole runs of the command ask of the cloud services, call by call, as the simulators count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from bench.cloud_accounts import CloudAccount, open_account
from simulators.front import RunningFront

pytestmark = [pytest.mark.servers, pytest.mark.slow]

FOLDERS, FILES = 3, 9
LARGE = 9 * 1024 * 1024

EXPECTED: Mapping[str, tuple[Mapping[str, int], ...]] = {
    "box": (
        {"GET /2.0/users/me": 1, "OPTIONS /2.0/files/content": 1, "POST /2.0/folders": 4}
        | {"POST /api/2.0/files/content": FILES},
        {"GET /2.0/users/me": 1, "OPTIONS /2.0/files/content": 1, "GET /2.0/folders/{id}/items": 4},
        {"GET /2.0/users/me": 1, "OPTIONS /2.0/files/content": 1, "POST /2.0/folders": 1}
        | {"POST /api/2.0/files/content": 1},
        {"GET /2.0/users/me": 1, "OPTIONS /2.0/files/content": 1, "GET /2.0/events": 1}
        | {"GET /2.0/folders/{id}/items": 4},
        {"GET /2.0/users/me": 1, "OPTIONS /2.0/files/content": 1, "GET /2.0/events": 1},
    ),
    "dropbox": (
        {"users/get_current_account": 1, "files/get_metadata": 1, "users/get_space_usage": 1},
        {"users/get_current_account": 1, "files/get_metadata": 1, "files/list_folder": 4},
        {"users/get_current_account": 1, "files/get_metadata": 1, "users/get_space_usage": 1}
        | {"files/create_folder_v2": 1, "files/upload": 1},
        {"users/get_current_account": 1, "files/get_metadata": 1, "files/list_folder": 1},
        {"users/get_current_account": 1, "files/get_metadata": 1, "files/list_folder/continue": 1},
    ),
    "google": (
        {"about.get": 1, "files.list": 2, "files.generateIds": 1, "files.create": 4}
        | {"files.create.upload": FILES, "files.update": FOLDERS},
        {"about.get": 1, "files.list": 3},
        {"about.get": 1, "files.list": 2, "files.generateIds": 1, "files.create": 1}
        | {"files.create.upload": 1, "files.upload.put": 1},
        {"about.get": 1, "files.list": 3, "changes.getStartPageToken": 1, "files.get": FILES},
        {"about.get": 1, "files.list": 1, "changes.list": 1},
    ),
    "onedrive": (
        {"GET drive": 1, "GET item": 1, "POST children": 4}
        | {"POST createUploadSession": FILES, "PUT uploadUrl": FILES, "PATCH item": FOLDERS},
        {"GET drive": 1, "GET item": 1, "GET children": 4},
        {
            "GET drive": 1,
            "GET item": 1,
            "POST children": 1,
            "POST createUploadSession": 1,
            "PUT uploadUrl": 1,
        },
        {"GET drive": 1, "GET item": 1, "GET delta": 1, "GET children": 4, "download": FILES},
        {"GET drive": 1, "GET item": 1, "GET delta": 1},
    ),
}
"""Into the service: new small files, nothing to do, one large file. Out of it: new small files, nothing to do."""

SHARED: Mapping[str, tuple[tuple[int, int, frozenset[str]], ...]] = {
    "box": (
        (
            3,
            2 * FILES,
            frozenset(
                {"POST /2.0/zip_downloads", "GET /2.0/zip_downloads/{id}/content"}
                | {"GET /2.0/files/{id}/content", "GET /d/1/{link}/download"}
            ),
        ),
    ),
    "dropbox": (
        (0, FOLDERS + 1, frozenset({"files/create_folder_v2", "files/create_folder_batch"})),
        (
            0,
            FILES + 1,
            frozenset(
                {"files/upload", "files/upload_session/start_batch"}
                | {"files/upload_session/append_batch", "files/upload_session/finish_batch_v2"}
            ),
        ),
        (3, FILES, frozenset({"files/download", "files/download_zip"})),
    ),
}
"""Calls that files or folders share, at most so many of them in a run; how many share one is a matter of the moment."""


@pytest.mark.parametrize("service", EXPECTED)
def test_no_call_is_made_that_another_answer_gave_or_no_promise_needs(
    simulators: RunningFront, service: str, mover, monkeypatch, tmp_path: Path
):
    account = _connected(simulators, service, mover, monkeypatch)
    _write_trees(tmp_path)
    place = f"{service}:{account.top}"

    def calls_of(source: str, destination: str, *, copied: int) -> Counter[str]:
        account.vendor.tally.clear()
        said = mover("copy", source, destination, "--json")
        assert said.json["copied"] == copied, said
        return Counter(account.vendor.tally.calls)

    found = [
        calls_of("./small", f"{place}/small", copied=FILES),
        calls_of("./small", f"{place}/small", copied=0),
        calls_of("./large", f"{place}/large", copied=1),
        calls_of(f"{place}/small", "./out", copied=FILES),
        calls_of(f"{place}/small", "./out", copied=0),
    ]
    for run, most, names in SHARED.get(service, ()):
        assert 0 < sum(found[run].pop(name, 0) for name in names) <= most
    assert found == list(EXPECTED[service])


MANY = 12  # folders, with a file in each
QUIET: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "box": (
        "GET /2.0/folders/{id}/items",
        {"GET /2.0/users/me": 1, "OPTIONS /2.0/files/content": 1, "GET /2.0/events": 1},
    ),
    "dropbox": (
        "files/list_folder",
        {"users/get_current_account": 1, "files/get_metadata": 1, "files/list_folder/continue": 1},
    ),
    "google": ("files.list", {"about.get": 1, "files.list": 1, "changes.list": 1}),
    "onedrive": ("GET children", {"GET drive": 1, "GET item": 1, "GET delta": 1}),
}
"""With more folders: by what call one is listed, and what is asked about nothing to do."""


@pytest.mark.parametrize("service", QUIET)
def test_folders_of_a_service_in_which_nothing_changed_are_not_listed(
    simulators: RunningFront, service: str, mover, monkeypatch, tmp_path: Path
):
    account = _connected(simulators, service, mover, monkeypatch)
    for number in range(MANY):
        file = tmp_path / "many" / f"folder {number}" / "file"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"content %d" % number)
    found = []
    for copied in (MANY, 0, 0, 1, 0):
        if copied == 1:
            (tmp_path / "many" / "folder 7" / "file").write_bytes(b"another content")
        account.vendor.tally.clear()
        said = mover("copy", "./many", f"{service}:{account.top}/many", "--json")
        assert said.json["copied"] == copied, said
        found.append(Counter(account.vendor.tally.calls))
    listing, quiet = QUIET[service]
    _, second, third, changed, last = found
    assert second == third == last == quiet
    assert changed[listing] - quiet.get(listing, 0) == 1


def _connected(front: RunningFront, service: str, mover, monkeypatch: pytest.MonkeyPatch) -> CloudAccount:
    """An account of an empty world, and the connection to it."""
    account = open_account(front, service)
    monkeypatch.setenv("MOVER_PROXY", front.proxy_url)
    monkeypatch.setenv("MOVER_CA_FILE", str(front.ca_file))
    monkeypatch.setenv("MOVER_ALLOW_PRIVATE_ADDRESSES", "127.0.0.0/8")
    monkeypatch.setenv("TOKEN", account.mover_keys["access_token"])
    assert mover("connect", service, service, "access_token=@env:TOKEN").code == 0
    return account


def _write_trees(folder: Path) -> None:
    for number in range(FILES):
        file = folder / "small" / f"folder {number % FOLDERS}" / f"file {number}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"content %d" % number)
    (folder / "large").mkdir()
    (folder / "large" / "file").write_bytes(bytes(LARGE))
