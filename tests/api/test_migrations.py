"""A migration from the first pair to its report, through the public API."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pytest
from tests.api.installation import Running

_KEY = "age1g4gegvpwsrfcze5ctzz3nym32lfwz92weaslezaesgks543nw3hqwe2qfv"


async def _call(mover: Running, method: str, path: str, *, status: int = 200, **more: Any) -> httpx.Response:
    headers = mover.owner.bearer | more.pop("headers", {})
    answer = await mover.client.request(method, f"/api/v1{path}", headers=headers, **more)
    assert answer.status_code == status, answer.text
    return answer


@pytest.fixture
async def migration(mover: Running) -> str:
    configuration = {"host": "files.example.org", "username": "u", "password": "p"}
    body = {"name": "nas", "service": "sftp", "configuration": configuration}
    connection = (await _call(mover, "POST", "/connections", status=201, json=body)).json()["id"]
    new = {"name": "Finance", "source_connection_id": connection, "destination_connection_id": connection}
    return str((await _call(mover, "POST", "/migrations", status=201, json=new)).json()["id"])


async def _add(mover: Running, migration: str, count: int) -> list[int]:
    pairs = [
        {
            "source_path": f"/from/{n}",
            "destination_path": f"/to/{n}",
            "tags": ["even" if n % 2 == 0 else "odd"],
        }
        for n in range(count)
    ]
    added = await _call(mover, "POST", f"/migrations/{migration}/pairs", status=201, json={"pairs": pairs})
    return [pair["id"] for pair in added.json()["items"]]


async def test_pairs_are_filtered_sorted_and_paged_by_the_server(mover: Running, migration: str) -> None:
    await _add(mover, migration, 30)
    found: list[str] = []
    query = {"filter": "tag:even", "sort": "source", "direction": "descending", "limit": "4"}
    while True:
        page = (await _call(mover, "GET", f"/migrations/{migration}/pairs", params=query)).json()
        assert page["total"] == 15
        found += [pair["source_path"] for pair in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    assert found == sorted((f"/from/{n}" for n in range(0, 30, 2)), reverse=True)


async def test_a_filter_that_cannot_be_understood_is_refused(mover: Running, migration: str) -> None:
    answer = await _call(mover, "GET", f"/migrations/{migration}/pairs?filter=nonsense:x", status=422)

    assert "nonsense" in answer.json()["detail"]


async def test_a_csv_is_looked_at_then_applied_and_comes_out_again(mover: Running, migration: str) -> None:
    text = 'Source Path,Destination Path,Tags\r\n/a,/b,"one,two"\r\n/c,/d,\r\n'
    sent = {"headers": {"Content-Type": "text/csv"}, "content": text}

    preview = (await _call(mover, "POST", f"/migrations/{migration}/imports", status=201, **sent)).json()
    before = (await _call(mover, "GET", f"/migrations/{migration}/pairs")).json()["total"]
    applied = (await _call(mover, "POST", f"/imports/{preview['id']}/application")).json()
    again = await _call(mover, "POST", f"/imports/{preview['id']}/application", status=409)
    exported = (await _call(mover, "GET", f"/migrations/{migration}/pairs.csv")).text

    assert (preview["rows"], preview["problems"], before, applied) == (2, 0, 0, {"pairs": 2})
    assert again.json()["reason"] == "conflict"
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [(row["Source Path"], row["Tags"]) for row in rows] == [("/a", "one,two"), ("/c", "")]


@pytest.mark.parametrize("content", ["nonsense", "a,b,c\r\n1,2,3\r\n", '"', "\x00"])
async def test_a_file_that_is_none_changes_nothing(mover: Running, migration: str, content: str) -> None:
    sent = {"headers": {"Content-Type": "text/csv"}, "content": content}

    answer = await _call(mover, "POST", f"/migrations/{migration}/imports", status=422, **sent)

    assert answer.json()["errors"]


async def test_many_pairs_are_started_steered_and_told_of_at_once(mover: Running, migration: str) -> None:
    ids = await _add(mover, migration, 10)
    address = f"/migrations/{migration}"

    started = await _call(
        mover, "POST", f"{address}/start", status=202, json={"pairs": {"filter": "tag:odd"}, "mode": "scan"}
    )
    again = await _call(
        mover, "POST", f"{address}/start", status=202, json={"pairs": {"all": True, "but": ids[:2]}}
    )
    paused = await _call(mover, "POST", f"{address}/pause", status=202, json={"pairs": {"ids": ids[:4]}})
    counts = (await _call(mover, "GET", f"{address}/pair-statuses")).json()["counts"]
    resumed = await _call(mover, "POST", f"{address}/resume", status=202, json={"pairs": {"all": True}})
    canceled = await _call(mover, "POST", f"{address}/cancel", status=202, json={"pairs": {"all": True}})
    runs = (await _call(mover, "GET", f"{address}/runs?limit=200")).json()

    assert started.json()["started"] == 5
    assert again.json() | {"migration_run_id": ""} == {
        "migration_run_id": "",
        "started": 4,
        "already_running": 4,
    }
    assert paused.json() == {"pairs": 3}
    assert (counts["paused"], counts["queued"], counts["new"]) == (3, 6, 1)
    assert (resumed.json(), canceled.json()) == ({"pairs": 3}, {"pairs": 9})
    assert {run["code"] for run in runs["items"]} == {230}
    assert {run["trigger"] for run in runs["items"]} == {"api"}
    assert mover.orchestration.nudges == [mover.owner.organisation_id] * 5


@pytest.mark.parametrize(
    "pairs",
    [{}, {"all": False}, {"ids": [1], "all": True}, {"ids": []}, {"ids": [1], "but": [2]}, {"filter": ""}],
    ids=str,
)
async def test_which_pairs_has_to_be_said_in_one_way(
    mover: Running, migration: str, pairs: dict[str, Any]
) -> None:
    await _call(mover, "POST", f"/migrations/{migration}/start", status=422, json={"pairs": pairs})


async def test_pairs_of_another_migration_are_not_touched(mover: Running, migration: str) -> None:
    ids = await _add(mover, migration, 2)
    copied = await _call(mover, "POST", f"/migrations/{migration}/copies", status=201, json={"name": "Copy"})

    answer = await _call(
        mover, "POST", f"/migrations/{copied.json()['id']}/pair-deletions", json={"pairs": {"ids": ids}}
    )

    assert answer.json() == {"pairs": 0}
    assert (await _call(mover, "GET", f"/migrations/{migration}/pairs")).json()["total"] == 2


@pytest.mark.usefixtures("migration")
async def test_connections_of_another_organisation_cannot_be_used(mover: Running) -> None:
    theirs = (await _call(mover, "GET", "/connections")).json()["items"][0]["id"]
    new = {"name": "x", "source_connection_id": theirs, "destination_connection_id": theirs}

    answer = await mover.client.post(
        "/api/v1/migrations", headers=mover.installation.stranger.bearer, json=new
    )

    assert answer.status_code == 404


async def test_a_pair_is_changed_as_it_was_read(mover: Running, migration: str) -> None:
    pair = (await _add(mover, migration, 1))[0]
    got = await _call(mover, "GET", f"/pairs/{pair}")
    body = {
        "source_path": "/new",
        "destination_path": "/to/0",
        "options": {
            "exclude": ["*.tmp"],
            "window": {"start": "22:00", "end": "06:00", "zone": "Europe/Berlin"},
        },
    }

    changed = await _call(
        mover, "PUT", f"/pairs/{pair}", json=body, headers={"If-Match": got.headers["etag"]}
    )

    assert changed.json()["options"]["exclude"] == ["*.tmp"]
    assert changed.json()["options"]["window"] == {"start": "22:00", "end": "06:00", "zone": "Europe/Berlin"}
    assert (await _call(mover, "GET", f"/pairs/{pair}")).json() == changed.json()


@pytest.mark.parametrize(
    "options",
    [
        {"min_size": "nonsense"},
        {"include": ["["]},
        {"window": {"start": "25:00", "end": "1"}},
        {"bandwidth": "-1"},
        {"versions": -1},
        {"versions": 100_000},
        {"full": "perhaps"},
        {"seal_to": ["age1nonsense"]},
        {"seal_to": ["AGE-SECRET-KEY-1QQQ"]},
        {"seal_to": [_KEY] * 21},
        {"seal_to": [_KEY], "versions": 2},
        {"seal_names": True},
        {"archive": True, "versions": 2},
        {"archive": True, "permissions": "apply"},
        {"archive": True, "crypt_to": True},
        {"nonsense": 1},
    ],
    ids=str,
)
async def test_options_that_cannot_work_are_refused(
    mover: Running, migration: str, options: dict[str, Any]
) -> None:
    pair = {"source_path": "/a", "destination_path": "/b", "options": options}

    await _call(mover, "POST", f"/migrations/{migration}/pairs", status=422, json={"pairs": [pair]})


async def test_a_pair_makes_archives(mover: Running, migration: str) -> None:
    pair = {"source_path": "/a", "destination_path": "/b", "options": {"archive": True}}

    added = await _call(mover, "POST", f"/migrations/{migration}/pairs", status=201, json={"pairs": [pair]})
    got = await _call(mover, "GET", f"/pairs/{added.json()['items'][0]['id']}")

    assert got.json()["options"]["archive"] is True


@pytest.mark.promise("P11")
async def test_a_pair_is_sealed_for_public_keys(mover: Running, migration: str) -> None:
    sealing = {"seal_to": [_KEY], "seal_names": True}
    pair = {"source_path": "/a", "destination_path": "/b", "options": sealing}

    added = await _call(mover, "POST", f"/migrations/{migration}/pairs", status=201, json={"pairs": [pair]})
    got = await _call(mover, "GET", f"/pairs/{added.json()['items'][0]['id']}")

    assert {name: got.json()["options"][name] for name in sealing} == sealing


async def test_the_report_has_a_row_a_pair_in_both_forms(mover: Running, migration: str) -> None:
    await _add(mover, migration, 3)

    as_csv = await _call(mover, "GET", f"/migrations/{migration}/report")
    as_lines = await _call(mover, "GET", f"/migrations/{migration}/report?format=jsonl")

    assert as_csv.headers["content-disposition"] == f'attachment; filename="migration-{migration}.csv"'
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(list(csv.DictReader(io.StringIO(as_csv.text)))) == 3
    assert len([json.loads(line) for line in as_lines.text.splitlines()]) == 3


async def test_schedules_are_made_known_and_forgotten(mover: Running, migration: str) -> None:
    new = {"name": "Nightly", "timing": {"every": "daily", "at": "02:30", "zone": "Europe/Berlin"}}

    made = await _call(mover, "POST", f"/migrations/{migration}/schedules", status=201, json=new)
    times = await _call(mover, "POST", "/schedule-previews", json=new["timing"])
    address = f"/schedules/{made.json()['id']}"
    await _call(mover, "DELETE", address, status=204, headers={"If-Match": "*"})

    assert len(times.json()["times"]) == 5
    assert made.json()["next_at"] == times.json()["times"][0]
    assert (
        [schedule.id for schedule in mover.orchestration.put]
        == mover.orchestration.removed
        == [made.json()["id"]]
    )


async def test_a_map_is_filled_from_a_file_or_told_what_is_wrong(mover: Running) -> None:
    made = (await _call(mover, "POST", "/maps", status=201, json={"name": "Staff", "kind": "users"})).json()
    address = f"/maps/{made['id']}"
    text = "Source User,Destination User\r\nann@old.example,ann@new.example\r\nold.example,new.example\r\n"
    sent: dict[str, Any] = {"headers": {"Content-Type": "text/csv"}}

    tried = await _call(mover, "POST", f"{address}/imports?dry_run=true", content=text, **sent)
    done = await _call(mover, "POST", f"{address}/imports", content=text, **sent)
    wrong = await _call(mover, "POST", f"{address}/imports", status=422, content="nonsense\r\n", **sent)
    seen = await _call(
        mover, "POST", f"{address}/previews", json={"users": ["ann@old.example", "bob@old.example"]}
    )
    exported = await _call(mover, "GET", f"{address}/rows.csv")

    assert tried.json() == done.json() == {"added": 2, "changed": 0, "removed": 0, "unchanged": 0}
    assert wrong.json()["errors"]
    assert [one["destination"] for one in seen.json()["items"]] == ["ann@new.example", "bob@new.example"]
    assert "ann@old.example,ann@new.example" in exported.text
