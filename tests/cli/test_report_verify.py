from __future__ import annotations

from pathlib import Path

from tests.reports.test_reconciliation import OURS, THEIRS, made


def test_a_reconciliation_is_checked_without_any_state(mover, tmp_path: Path):
    file = tmp_path / "r.jsonl"
    file.write_bytes(made())
    said = mover("report", "verify", str(file))
    assert said.code == 0
    assert "as it was signed: 6 items" in said.out
    assert "compare it" in said.out
    assert mover("report", "verify", str(file), "--key", OURS.public.hex(), "--json").json["intact"] is True


def test_what_was_changed_ends_with_1(mover, tmp_path: Path):
    file = tmp_path / "r.jsonl"
    file.write_bytes(made().replace(b"/file 3", b"/file 4"))
    said = mover("report", "verify", str(file))
    assert said.code == 1
    assert "line 6" in said.err
    file.write_bytes(made())
    assert mover("report", "verify", str(file), "--key", THEIRS.public.hex()).code == 1


def test_what_cannot_be_checked_ends_with_2(mover, tmp_path: Path):
    file = tmp_path / "r.jsonl"
    assert mover("report", "verify", str(file)).code == 2
    file.write_bytes(b"something else")
    assert mover("report", "verify", str(file)).code == 2
    file.write_bytes(made())
    assert mover("report", "verify", str(file), "--key", "nonsense").code == 2
    assert mover("report", "verify").code == 2
