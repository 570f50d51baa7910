from __future__ import annotations

import asyncio
import csv
import http.client
import io
import json
import ssl
import time
import urllib.request
from contextlib import closing
from secrets import token_hex
from typing import Any

import pyrage  # type: ignore[import-untyped]
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.cli.conftest import Said
from tests.cli.remote.conftest import make_migration

pytestmark = [pytest.mark.servers, pytest.mark.slow]


def lines(said: Said) -> list[Any]:
    return [json.loads(line) for line in said.out.splitlines()]


def test_what_is_there_is_listed_without_secrets(remote, migration):
    found = lines(remote("connections", "--json"))
    assert {each["service"] for each in found} == {"sftp"}
    assert "canary" not in remote("connections").out + json.dumps(found)
    assert migration in remote("migrations").out
    assert [each["source_path"] for each in lines(remote("pairs", migration, "--json"))] == [
        "/s0",
        "/s1",
        "/s2",
    ]


def test_a_migration_is_made_and_filled_from_a_csv_file(remote, migration, tmp_path):
    names = [each["name"] for each in lines(remote("connections", "--json"))][:2]
    made = remote(
        "migrations",
        "create",
        f"from csv {migration}",
        "--source",
        names[0],
        "--destination",
        names[1],
        "--json",
    )
    file = tmp_path / "pairs.csv"
    file.write_text('Source Path,Destination Path,Tags\r\n/Käse,/x,"a,b"\r\n/y,/z,\r\n')
    assert (
        remote("add", made.json["id"], file, "--dry-run").out == "2 pairs would be added; nothing was done\n"
    )
    assert remote("pairs", made.json["id"]).out == "The migration has no pairs yet.\n"
    assert remote("add", made.json["id"], file, "--json").json["pairs"] == 2
    assert [each["tags"] for each in lines(remote("pairs", made.json["id"], "--json"))] == [["a", "b"], []]


def test_a_bad_csv_file_is_told_by_line_and_nothing_is_done(remote, migration, tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text("Source Path,Destination Path,Tags\r\n/new,/x,\r\n,/z,\r\n")
    said = remote("add", migration, file)
    assert said.code == 2
    assert "line 3" in said.err
    assert len(lines(remote("pairs", migration, "--json"))) == 3


def test_pairs_are_changed_from_a_csv_file(remote, migration, tmp_path):
    first = lines(remote("pairs", migration, "--json"))[0]["id"]
    file = tmp_path / "pairs.csv"
    file.write_text(f"ID,Source Path,Destination Path\r\n{first},,/elsewhere\r\n")
    assert remote("add", migration, file, "--update").out == "1 pair changed\n"
    assert lines(remote("pairs", migration, "--json"))[0]["destination_path"] == "/elsewhere"


def test_pairs_are_filtered_sorted_and_cut(remote, migration):
    assert [
        each["source_path"] for each in lines(remote("pairs", migration, "--filter", "tag:t0", "--json"))
    ] == ["/s0", "/s2"]
    found = lines(remote("pairs", migration, "--sort", "source", "--descending", "--limit", "2", "--json"))
    assert [each["source_path"] for each in found] == ["/s2", "/s1"]


def test_lists_of_several_pages_come_whole(remote, api):
    name = asyncio.run(make_migration(api, pairs=450))
    assert len(lines(remote("pairs", name, "--json"))) == 450
    assert len(remote("pairs", name).out.splitlines()) == 450 + 3  # a heading for each page that was printed


def test_pairs_are_started_paused_resumed_and_ended(remote, migration):
    assert remote("start", migration, "--filter", "s1").out == f"{migration}: 1 pair started\n"
    again = remote("start", migration, "--json").json
    assert (again["started"], again["already_running"]) == (2, 1)
    assert remote("pause", migration, "--filter", "s1").out == "1 pair asked to pause\n"
    assert {each["status"] for each in lines(remote("runs", migration, "--json"))} == {"queued", "paused"}
    assert remote("resume", migration, "--json").json == {"pairs": 1}
    number = lines(remote("runs", migration, "--json"))[0]["id"]
    assert remote("cancel", number).out == "1 pair asked to end\n"
    assert remote("report", number, "--json").json["code"] == 230
    assert remote("cancel", migration, "--json").json == {"pairs": 2}


def test_keys_for_runs_come_from_files_and_variables_and_never_from_the_command_line(
    remote, api, migration, monkeypatch, tmp_path
):
    key = str(pyrage.x25519.Identity.generate())
    refused = remote("start", migration, "--open-with", key)
    assert (refused.code, key in refused.err + refused.out) == (2, False)
    monkeypatch.setenv("CRYPT", "canary password")
    file = tmp_path / "key.txt"
    file.write_text(f"# created: today\n{key}\n")
    for command in ("start", "give-key"):
        said = remote(command, migration, "--crypt-to", "@env:CRYPT", "--json")
        assert "canary" not in said.err + said.out
        if command == "start":
            assert "none of these pairs" in said.err
        else:
            assert said.json == {"pairs": 0}
    opened = asyncio.run(make_migration(api, pairs=1, open_with=True))
    said = remote("start", opened, "--open-with", f"@file:{file}")
    assert said.code == 2
    assert "no runner of the queue default" in said.err
    assert remote("give-key", migration).code == 2


def test_watching_tells_how_it_ended(remote, migration):
    started = remote("start", migration, "--json").json
    remote("cancel", migration)
    said = remote("watch", migration, "--json")
    assert said.code == 130
    assert said.json["start"] == started["migration_run_id"]
    assert said.json["pairs"] == {"canceled": 3}
    assert "3 canceled" in remote("watch", migration).out


def test_reports_are_shown_and_downloaded(remote, migration, tmp_path):
    remote("start", migration, "--filter", "s0")
    remote("cancel", migration)
    number = lines(remote("runs", migration, "--json"))[0]["id"]
    assert "Canceled (230)" in remote("report", number).out
    file = tmp_path / "report.csv"
    assert remote("report", migration, "--output", file, "--json").json["written"] == str(file)
    assert file.stat().st_mode & 0o777 == 0o600  # names and paths
    rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
    assert [row["code"] for row in rows] == ["230", "0", "0"]
    assert remote("report", number, "--kind", "errors", "--format", "jsonl").code == 0
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("report", "1", "--kind", "pairs"), "report of a migration"),
        (("report", "1", "--kind", "reconciliation", "--format", "csv"), "jsonl"),
        (("pause", "1", "--pair", "2"), "number of a run"),
        (("report", "99999999"), "99999999"),
        (("start", "no such migration"), "no migration called"),
        (("pairs", "0" * 32), "no migration"),
        (("add", "no such migration", "/no/such.csv"), "cannot be read"),
    ],
)
def test_what_cannot_be_is_said_in_a_line_and_an_advice(remote, arguments, expected):
    said = remote(*arguments)
    assert said.code == 2
    assert expected in said.err
    assert len(said.err.splitlines()) == 2


def test_a_key_that_may_only_look_is_told_what_it_lacks(remote, migration, api, monkeypatch):
    monkeypatch.setenv("MOVER_API_KEY", api.prepared.narrow_key.reveal())
    assert remote("pairs", migration).code == 0
    said = remote("start", migration, "--json")
    assert (said.code, said.json["error"]["reason"]) == (2, "permission_denied")
    assert "run" in said.err


def test_a_wrong_key_is_told_apart_and_not_shown(remote, monkeypatch):
    monkeypatch.setenv("MOVER_API_KEY", "mvr_canarycanarycanary")
    said = remote("runs", "--json")
    assert (said.code, said.json["code"], said.json["error"]["reason"]) == (2, 402, "sign_in_failed")
    assert "canary" not in said.out + said.err


def test_a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to(remote, monkeypatch, mover, api):
    monkeypatch.delenv("MOVER_CA_FILE")
    said = remote("runs")
    assert said.code == 2
    assert "certificate" in said.err
    assert mover("--server", api.url, "--ca-file", api.ca_file, "runs").code == 0


def test_the_api_counts_what_it_is_asked_by_route(remote, migration, metrics_port):
    remote("pairs", migration)
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=30) as answer:
        told = answer.read().decode()
    route = "/api/v1/migrations/{migration_id}/pairs"
    assert f'mover_http_requests_total{{method="GET",route="{route}",status="200"}}' in told
    assert f'mover_http_request_seconds_bucket{{le="0.1",method="GET",route="{route}"}}' in told
    assert "process_resident_memory_bytes" in told
    assert migration not in told


def test_the_api_sends_traces_that_hold_nothing_of_what_was_asked(migration, traces, api):
    ours, above = token_hex(16), token_hex(8)
    trust = ssl.create_default_context(cafile=api.ca_file)
    with closing(http.client.HTTPSConnection("localhost", api.port, timeout=30, context=trust)) as connection:
        headers = {
            "Authorization": f"Bearer {api.prepared.key.reveal()}",
            "traceparent": f"00-{ours}-{above}-01",
        }
        connection.request("GET", "/api/v1/migrations?filter=canary-of-a-query", headers=headers)
        told = connection.getresponse().headers["traceresponse"]
    deadline = time.monotonic() + 30
    while not (found := [span for span in list(traces.spans) if span.trace_id.hex() == ours]):
        assert time.monotonic() < deadline, {span.name for span in traces.spans}
        time.sleep(0.02)
    # What any library adds of its own accord ends before the span of the request does, so that it would be here.
    assert [span.name for span in found if span.kind == Span.SPAN_KIND_SERVER] == ["GET /api/v1/migrations"]
    assert told == f"00-{ours}-{found[-1].span_id.hex()}-01"
    sent = "".join(str(span) for span in traces.spans)
    assert "canary" not in sent
    assert migration not in sent
    assert api.prepared.key.reveal() not in sent


def test_the_log_of_the_server_holds_no_key_and_no_password(remote, migration, api):
    remote("runs", migration)
    log = api.log.read_text()
    assert api.prepared.key.reveal() not in log
    assert api.prepared.password.reveal() not in log
    assert "canary" not in log
