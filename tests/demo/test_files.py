from __future__ import annotations

from demo.files import fill_cloud, fill_nas
from tour.files import differences


def test_the_company_has_the_same_files_each_time(tmp_path):
    counts = fill_nas(tmp_path / "one")
    assert fill_nas(tmp_path / "two") == counts
    assert differences(tmp_path / "one", tmp_path / "two") == []
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert sum(counts.values()) == len(files)
    assert {path.relative_to(tmp_path / "one").parts[0] for path in files} == set(counts)


def test_there_is_what_moves_stumble_over(tmp_path):
    fill_nas(tmp_path)
    found = list(tmp_path.rglob("*"))
    assert any(path.is_file() and path.stat().st_size == 0 for path in found)
    assert any(path.is_dir() and not list(path.iterdir()) for path in found)
    assert any(not path.name.isascii() for path in found)
    assert any(path.name.startswith(" ") for path in found)
    assert max(path.stat().st_size for path in found) > 8 << 20  # so large that it goes in parts


def test_the_cloud_has_files_for_the_visitors_own_moves(tmp_path):
    count = fill_cloud(tmp_path)
    assert count == sum(path.is_file() for path in tmp_path.rglob("*"))
