from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.database_url import on_both
from tests.memory.service import CASELESS_DRIVE, MemoryService
from tests.transfer.workbench import Workbench, workbench

from mover.errors import InvalidConfiguration, Reason, advice_for
from mover.ledger.ledger import Ledger
from mover.ledger.states import ItemState, RunMode
from mover.ledger.tables import items, runs
from mover.reports import print_report, summary, write_report

pytestmark = on_both


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


async def moved(bench: Workbench) -> int:
    bench.source.add_file("/docs/a.txt", b"content")
    bench.source.add_file("/=1+1", b"formula")
    bench.source.add_file("/line\nbreak, and <b>", b"x")
    bench.source.add_shortcut("/link", "/elsewhere")
    bench.source.add_file("/theirs", b"ours")
    bench.destination.add_file("/theirs", b"theirs")
    return (await bench.run()).run


async def test_every_entry_has_a_row_and_the_totals_add_up(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        run = await moved(bench)

        await write_report(Ledger(bench.database), run, tmp_path / "report")

        rows = table(tmp_path / "report" / "items.csv")
        told = json.loads((tmp_path / "report" / "summary.json").read_text())
        assert {row["path"]: row["status"] for row in rows} == {
            "/docs": "created",
            "/docs/a.txt": "copied",
            "'/=1+1".removeprefix("'"): "copied",
            "/line\nbreak, and <b>": "copied",
            "/link": "unsupported",
            "/theirs": "conflict",
        }
        assert told["adds_up"] is True
        assert told["totals"]["files_seen"] == 5
        assert told["verified_by"] == {"hash": 3}


async def test_problems_come_with_reason_and_advice(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        run = await moved(bench)

        await write_report(Ledger(bench.database), run, tmp_path, frozenset({"csv"}))

        rows = {row["path"]: row for row in table(tmp_path / "errors.csv")}
        assert set(rows) == {"/link", "/theirs"}
        assert rows["/theirs"]["reason"] == Reason.CONFLICT
        assert rows["/theirs"]["advice"] == advice_for(Reason.CONFLICT)


async def test_changed_names_are_listed_old_and_new(tmp_path: Path) -> None:
    async with workbench(tmp_path, destination=MemoryService(CASELESS_DRIVE)) as bench:
        bench.source.add_file("/a?b", b"x")
        bench.source.add_file("/plain", b"y")
        run = (await bench.run()).run

        await write_report(Ledger(bench.database), run, tmp_path, frozenset({"csv"}))

        assert table(tmp_path / "names.csv") == [{"old": "/a?b", "new": "/a？b"}]  # noqa: RUF001 - the look-alike is the point


async def test_a_cell_that_would_be_a_formula_is_neutralised(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/a", b"x")
        run = (await bench.run()).run
        await bench.database.write(
            lambda connection: connection.execute(update(items).values(message="=HYPERLINK(evil)")).rowcount
        )
        stream = io.StringIO(newline="")

        await print_report(Ledger(bench.database), run, "csv", stream)

        assert "'=HYPERLINK(evil)" in stream.getvalue()


async def test_the_page_and_the_summary_of_a_scan_tell_what_the_move_will_cost(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/file", b"content")
        run = (await bench.run(RunMode.SCAN)).run
        await write_report(Ledger(bench.database), run, tmp_path / "report")
        copied = (await bench.run()).run
        await write_report(Ledger(bench.database), copied, tmp_path / "copied")

    page = (tmp_path / "report" / "report.html").read_text()
    assert "<h2>What the move will cost</h2><p>Nobody counts the calls to either side.</p>" in page
    assert json.loads((tmp_path / "report" / "summary.json").read_text())["estimate"]["files"] == 1
    assert "What the move will cost" not in (tmp_path / "copied" / "report.html").read_text()
    assert "estimate" not in json.loads((tmp_path / "copied" / "summary.json").read_text())


async def test_the_page_escapes_what_comes_from_outside(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_shortcut("/<script>alert(1)</script>", "x")
        run = (await bench.run()).run
        stream = io.StringIO()

        await print_report(Ledger(bench.database), run, "html", stream)

        assert "Adds up: 1 files seen = 0 moved + 0 with nothing to do + 1 problems." in stream.getvalue()
        assert "<script>" not in stream.getvalue()
        assert "&lt;script&gt;" in stream.getvalue()


async def test_a_ledger_that_does_not_add_up_is_called_out(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        bench.source.add_file("/a", b"x")
        run = (await bench.run()).run
        await bench.database.write(
            lambda connection: connection.execute(update(items).values(verification=None)).rowcount
        )
        unproven = await summary(Ledger(bench.database), run)
        await bench.database.write(
            lambda connection: connection.execute(update(items).values(state=ItemState.SENDING)).rowcount
        )
        unfinished = await summary(Ledger(bench.database), run)

        assert unproven.discrepancies == ("1 files count as arrived, 0 of them have a proof",)
        assert unfinished.discrepancies == ("the run has ended, but 1 files have no outcome",)


async def test_json_lines_hold_every_item_and_the_summary(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        run = await moved(bench)
        stream = io.StringIO()

        await print_report(Ledger(bench.database), run, "json", stream)

        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert len(lines) == 7
        assert lines[-1]["summary"]["totals"]["files_moved"] == 3


async def test_reports_are_for_their_owner_only(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        run = await moved(bench)

        written = await write_report(Ledger(bench.database), run, tmp_path / "report")

        assert {path.stat().st_mode & 0o777 for path in written} == {0o600}


async def test_a_run_that_does_not_exist_and_a_folder_that_cannot_be_written_are_named(
    tmp_path: Path,
) -> None:
    async with workbench(tmp_path) as bench:
        run = await moved(bench)
        (tmp_path / "file").write_text("in the way")

        with pytest.raises(InvalidConfiguration, match="there is no run 99"):
            await summary(Ledger(bench.database), 99)
        with pytest.raises(InvalidConfiguration, match="cannot be written"):
            await write_report(Ledger(bench.database), run, tmp_path / "file")


async def test_sides_that_were_not_encrypted_in_transit_are_marked(tmp_path: Path) -> None:
    async with workbench(tmp_path) as bench:
        run = await moved(bench)
        await write_report(Ledger(bench.database), run, tmp_path / "encrypted")
        await bench.database.write(
            lambda connection: connection.execute(update(runs).values(unencrypted="destination"))
        )

        await write_report(Ledger(bench.database), run, tmp_path / "report")

        told = json.loads((tmp_path / "report" / "summary.json").read_text())
        page = (tmp_path / "report" / "report.html").read_text()
        assert told["unencrypted"] == ["destination"]
        assert "Not encrypted in transit:</b> destination, destination:/" in page
        assert json.loads((tmp_path / "encrypted" / "summary.json").read_text())["unencrypted"] == []
        assert "Not encrypted" not in (tmp_path / "encrypted" / "report.html").read_text()
