"""Filters: what moves, what does not and why, and what a person typed wrongly."""
# ruff: noqa: RUF001 - spelled bytes contain a rare quote

import pickle
import time
from pathlib import Path

import pytest

from mover.entries import Entry, EntryKind
from mover.errors import InvalidConfiguration
from mover.transfer.filters import Filters

FOLDER = Entry(name="x", kind=EntryKind.FOLDER)


def file(*, size: int | None = 100, modified_ns: int | None = 0) -> Entry:
    return Entry(name="x", kind=EntryKind.FILE, size=size, modified_ns=modified_ns)


def moved(filters: Filters, *paths: str) -> list[str]:
    return [path for path in paths if filters.verdict(path, file()) is None]


def test_without_filters_everything_moves() -> None:
    filters = Filters.build()

    assert filters.verdict("/a/b", file()) is None
    assert filters.verdict("/a", FOLDER) is None
    assert filters.walks_into("/")
    assert filters.listed_paths == frozenset()


def test_an_excluded_file_names_the_pattern() -> None:
    filters = Filters.build(exclude=["*.bak", "*.tmp"])

    assert filters.verdict("/a/b.tmp", file()) == "excluded by '*.tmp'"
    assert filters.verdict("/a/b.txt", file()) is None


def test_an_excluded_folder_is_not_walked_into_and_nothing_in_it_moves() -> None:
    filters = Filters.build(exclude=["node_modules", "/build/"])

    assert not filters.walks_into("/x/node_modules")
    assert not filters.walks_into("/build")
    assert not filters.walks_into("/build/sub")
    assert filters.walks_into("/x/build")
    assert filters.verdict("/x/node_modules", FOLDER) == "excluded by 'node_modules'"
    assert filters.verdict("/x/node_modules/y/z", file()) == "excluded by 'node_modules'"
    assert filters.verdict("/build", file()) is None  # a file: the pattern means folders


def test_a_folder_whose_content_is_excluded_is_walked_into_all_the_same() -> None:
    filters = Filters.build(exclude=["/docs/**"])

    assert filters.walks_into("/docs")
    assert filters.verdict("/docs/a", file()) == "excluded by '/docs/**'"


def test_files_must_match_an_include_pattern_and_folders_need_not() -> None:
    filters = Filters.build(include=["*.pdf", "/all/"])

    assert moved(filters, "/a.pdf", "/x/y/a.pdf", "/all/a.txt", "/a.txt") == [
        "/a.pdf",
        "/x/y/a.pdf",
        "/all/a.txt",
    ]
    assert filters.verdict("/a.txt", file()) == "matches none of the include patterns"
    assert filters.walks_into("/x/y")


def test_exclude_wins_over_include() -> None:
    filters = Filters.build(include=["*.pdf"], exclude=["draft*"])

    assert moved(filters, "/a.pdf", "/draft.pdf", "/drafts/a.pdf") == ["/a.pdf"]


def test_a_filter_file_reads_like_gitignore(tmp_path: Path) -> None:
    rules = tmp_path / "rules.txt"
    rules.write_bytes(
        b"\xef\xbb\xbf# comment\r\n\r\n*.log   \r\n!keep.log\n\\#really\n\\!odd\nblank\\ \nout/\n!out/in.txt\ncaf\xe9\n"
    )
    filters = Filters.build(filter_from=rules)

    all_paths = [
        "/a.log",
        "/keep.log",
        "/#really",
        "/!odd",
        "/blank ",
        "/blank",
        "/out/in.txt",
        "/caf‛E9",
        "/# comment",
    ]
    assert moved(filters, *all_paths) == ["/keep.log", "/blank", "/# comment"]
    assert filters.verdict("/a.log", file()) == "excluded by '*.log' in rules.txt"
    assert not filters.walks_into("/out")


def test_a_bad_line_of_a_filter_file_is_named(tmp_path: Path) -> None:
    rules = tmp_path / "rules.txt"
    rules.write_text("# fine\n*.log\n![a-\n")

    with pytest.raises(InvalidConfiguration, match=r"rules\.txt, line 3: pattern '\[a-': it has a '\['"):
        Filters.build(filter_from=rules)


@pytest.mark.parametrize("option", ["include", "exclude"])
@pytest.mark.parametrize("pattern", ["", "[a", "a//b", "a\udcff"])
def test_a_bad_pattern_is_named(option: str, pattern: str) -> None:
    with pytest.raises(InvalidConfiguration, match=f"{option} pattern '"):
        Filters.build(**{option: [pattern]})  # type: ignore[arg-type]  # the option varies


@pytest.mark.parametrize("option", ["filter_from", "files_from"])
def test_an_unreadable_file_is_named(tmp_path: Path, option: str) -> None:
    with pytest.raises(InvalidConfiguration, match=r"cannot read .*missing: No such file"):
        Filters.build(**{option: tmp_path / "missing"})  # type: ignore[arg-type]  # the option varies
    with pytest.raises(InvalidConfiguration, match="Is a directory"):
        Filters.build(**{option: tmp_path})  # type: ignore[arg-type]  # likewise


def test_only_listed_paths_move_and_only_folders_on_the_way_are_walked(tmp_path: Path) -> None:
    paths = tmp_path / "paths"
    paths.write_bytes(b"# comment\r\n/a/b/c.txt\r\n\r\nd.txt\n/a/ e \nwhole/\n/#name\n\xff\n")
    filters = Filters.build(files_from=paths)

    assert filters.listed_paths == {"/a/b/c.txt", "/d.txt", "/a/ e ", "/whole", "/#name", "/‛FF"}
    assert moved(filters, "/a/b/c.txt", "/d.txt", "/a/ e ", "/#name", "/whole/x/y") == [
        *("/a/b/c.txt", "/d.txt", "/a/ e ", "/#name", "/whole/x/y")
    ]
    assert moved(filters, "/a/b/x", "/a", "/a/b/c.txt2", "/# comment", "/e") == []
    assert [f for f in ("/", "/a", "/a/b", "/a/x", "/b", "/whole", "/whole/x") if filters.walks_into(f)] == [
        *("/", "/a", "/a/b", "/whole", "/whole/x")
    ]
    assert filters.verdict("/x", file()) == "not in the list of paths"


def test_a_list_with_nul_characters_is_separated_by_them(tmp_path: Path) -> None:
    paths = tmp_path / "paths"
    paths.write_bytes(b"/a\nb\0#c\0/d\r\0")

    assert Filters.build(files_from=paths).listed_paths == {"/a\nb", "/#c", "/d\r"}


def test_a_listed_path_that_leaves_the_root_is_refused_with_its_line(tmp_path: Path) -> None:
    paths = tmp_path / "paths"
    paths.write_text("# comment\n\n/a/../b\n")

    with pytest.raises(InvalidConfiguration, match=r"paths, line 3: "):
        Filters.build(files_from=paths)


def test_an_empty_list_moves_nothing(tmp_path: Path) -> None:
    (tmp_path / "paths").write_text("# nothing today\n")
    filters = Filters.build(files_from=tmp_path / "paths")

    assert filters.verdict("/a", file()) == "not in the list of paths"
    assert filters.walks_into("/")
    assert not filters.walks_into("/a")


def test_exclude_counts_for_listed_paths_too(tmp_path: Path) -> None:
    (tmp_path / "paths").write_text("/a.txt\n/a.tmp\n")

    assert moved(Filters.build(files_from=tmp_path / "paths", exclude=["*.tmp"]), "/a.txt", "/a.tmp") == [
        "/a.txt"
    ]


def test_size_limits_are_included() -> None:
    filters = Filters.build(min_size=10, max_size=20)

    assert filters.verdict("/a", file(size=10)) is None
    assert filters.verdict("/a", file(size=20)) is None
    assert filters.verdict("/a", file(size=9)) == "smaller than 10 bytes"
    assert filters.verdict("/a", file(size=21)) == "larger than 20 bytes"
    assert filters.verdict("/a", file(size=0)) == "smaller than 10 bytes"
    assert filters.verdict("/a", file(size=None)) is None
    assert filters.verdict("/a", FOLDER) is None


def test_times_from_the_first_up_to_the_last() -> None:
    second = 1_000_000_000
    filters = Filters.build(modified_after_ns=10 * second, modified_before_ns=20 * second)

    assert filters.verdict("/a", file(modified_ns=10 * second)) is None
    assert filters.verdict("/a", file(modified_ns=20 * second - 1)) is None
    assert (
        filters.verdict("/a", file(modified_ns=10 * second - 1))
        == "modified before 1970-01-01T00:00:10+00:00"
    )
    assert filters.verdict("/a", file(modified_ns=20 * second)) == "modified after 1970-01-01T00:00:20+00:00"
    assert filters.verdict("/a", file(modified_ns=None)) is None


@pytest.mark.parametrize(
    "limits", [{"min_size": 2, "max_size": 1}, {"modified_after_ns": 2, "modified_before_ns": 1}]
)  # fmt: skip
def test_limits_that_leave_nothing_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(InvalidConfiguration):
        Filters.build(**limits)  # type: ignore[arg-type]  # the option varies


def test_the_fingerprint_is_that_of_what_passes_and_not_of_where_it_was_read(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("# " + name + "\n*.log\n")
    (tmp_path / "three").write_text("!*.log\n")

    def fingerprint(name: str) -> str:
        return Filters.build(include=["a", "b"], filter_from=tmp_path / name).fingerprint

    assert fingerprint("one") == fingerprint("two") == Filters.build(
        include=["b", "a"], filter_from=tmp_path / "one"
    ).fingerprint  # fmt: skip
    assert fingerprint("three") != fingerprint("one")
    assert Filters.build().fingerprint == "71e9f15a97e747a668207f9fd0c5b3a4"  # stable: it lies in ledgers


def test_every_option_changes_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("x\n")
    options: list[dict[str, object]] = [
        {},
        {"include": ["x"]},
        {"exclude": ["x"]},
        {"filter_from": tmp_path / "f"},
        {"files_from": tmp_path / "f"},
        {"min_size": 1},
        {"max_size": 1},
        {"modified_after_ns": 1},
        {"modified_before_ns": 1},
    ]

    fingerprints = {Filters.build(**option).fingerprint for option in options}  # type: ignore[arg-type]  # they vary

    assert len(fingerprints) == len(options)


def test_filters_can_be_sent_to_another_process(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("*.tmp\n!a.tmp\n")
    filters = Filters.build(include=["*.t*"], filter_from=tmp_path / "f", files_from=None)

    copy = pickle.loads(pickle.dumps(filters))  # noqa: S301 - its own output

    assert copy == filters
    assert moved(copy, "/a.tmp", "/b.tmp", "/c.txt") == ["/a.tmp", "/c.txt"]


def test_a_verdict_costs_a_few_microseconds() -> None:
    filters = Filters.build(
        include=["*.docx", "*.pdf"], exclude=["*.tmp", "~$*", "/node_modules/", "*.bak"], min_size=1
    )
    path = "/Departments/Finance/2024/Quarterly report 2024 (final).docx"
    entry = file()

    def cost_s() -> float:
        started = time.process_time()
        for _ in range(2000):
            filters.verdict(path, entry)
        return (time.process_time() - started) / 2000

    # Some 1.5 µs on a machine of 2023; the limit leaves room for slow and busy ones.
    assert min(cost_s() for _ in range(5)) < 15e-6


def test_a_long_list_is_quick_to_ask(tmp_path: Path) -> None:
    (tmp_path / "paths").write_text("".join(f"/a/{i % 100}/{i}\n" for i in range(50_000)))
    filters = Filters.build(files_from=tmp_path / "paths")

    started = time.process_time()
    answers = [filters.verdict(f"/a/{i % 100}/{i}", file()) for i in range(0, 100_000, 10)]

    assert answers.count(None) == 5_000
    assert time.process_time() - started < 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("option", ["filter_from", "files_from"])
def test_a_file_in_utf_16_is_refused_instead_of_matching_nothing(
    tmp_path: Path, option: str, encoding: str
) -> None:
    file = tmp_path / "list.txt"
    file.write_bytes("\ufeffsecret\r\na\r\n".encode(encoding))

    with pytest.raises(InvalidConfiguration, match="UTF-16"):
        Filters.build(**{option: file})  # type: ignore[arg-type]  # one of two options that both take a path


def test_a_pattern_with_a_nul_is_refused_instead_of_matching_nothing(tmp_path: Path) -> None:
    file = tmp_path / "patterns"
    file.write_bytes(b"*.tmp\0*.bak\0")

    with pytest.raises(InvalidConfiguration, match=r"line 1: .*NUL"):
        Filters.build(filter_from=file)
