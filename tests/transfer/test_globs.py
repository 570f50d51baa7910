"""Patterns: what they match, checked against Git and a plain recursive matcher, and that none is slow."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.transfer.globs import BadPattern, Glob, GlobSet, IgnoreRules


def matches(pattern: str, path: str) -> bool:
    return GlobSet.of([Glob.parse(pattern)]).match(path) is not None


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (
            "*.pdf",
            ["/a.pdf", "/x/y/a.pdf", "/.pdf", "/a\n.pdf", "/dir.pdf/below"],
            ["/a.PDF", "/a.pdf2", "/a.pdf\n"],
        ),
        ("build/", ["/build/", "/x/build/", "/x/build/a"], ["/build", "/x/build", "/rebuild/"]),
        ("/docs/**", ["/docs/a", "/docs/a/b", "/docs/a/"], ["/docs", "/docs/", "/x/docs/a"]),
        ("docs/*.md", ["/docs/a.md"], ["/x/docs/a.md", "/docs/x/a.md"]),
        ("/docs", ["/docs", "/docs/", "/docs/a"], ["/x/docs", "/docs2"]),
        ("**/a/b", ["/a/b", "/x/a/b", "/x/y/a/b/c"], ["/a/x/b", "/xa/b"]),
        ("/x/**/z", ["/x/z", "/x/y/z", "/x/y/y/z/a"], ["/z", "/xx/z", "/x/yz"]),
        ("/x/**/y/**/z", ["/x/y/z", "/x/y/y/y/z", "/x/1/y/2/z"], ["/x/z", "/x/z/y"]),
        ("**", ["/a", "/a/b"], []),
        ("*", ["/a", "/a/b", "/\n"], []),
        ("/*", ["/a", "/a/b"], []),
        ("/*/", ["/a/", "/a/b"], ["/a"]),
        ("a?c", ["/abc", "/a\nc", "/x/a😀c"], ["/ac", "/a/c", "/abbc"]),
        ("a**c", ["/ac", "/abbc"], ["/a/c"]),
        ("[a-c]x", ["/ax", "/cx"], ["/dx", "/x", "/Ax"]),
        ("[!a-c]x", ["/dx", "/\nx"], ["/ax", "/x", "/d/x"]),
        ("[^a]", ["/b"], ["/a"]),
        ("[]]", ["/]"], ["/["]),
        ("[]-]", ["/]", "/-"], ["/a"]),
        ("[a-]", ["/a", "/-"], ["/b"]),
        (r"[\]\-]", ["/]", "/-"], ["/\\"]),
        ("[[]", ["/["], ["/]"]),
        ("[-&&~~||]", ["/&", "/~", "/|", "/-"], ["/a"]),
        ("a[+-9]b", ["/a.b", "/a0b"], ["/a/b"]),
        (r"\*", ["/*"], ["/a", "/\\*"]),
        (r"\[a]", ["/[a]"], ["/a"]),
        ("!a", ["/!a"], ["/a"]),
        ("#a", ["/#a"], ["/a"]),
        (" a ", ["/ a "], ["/a"]),
        ("a.b+c(d)|e", ["/a.b+c(d)|e"], ["/aXb+c(d)|e", "/e"]),
        ("é", ["/é"], ["/e\u0301"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, matching: list[str], others: list[str]) -> None:
    assert [path for path in matching if not matches(pattern, path)] == []
    assert [path for path in others if matches(pattern, path)] == []


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("", "names nothing"),
        ("/", "names nothing"),
        ("//", "empty name"),
        ("a//b", "empty name"),
        ("../a", "component"),
        ("./a", "component"),
        ("a/..", "component"),
        ("[a", "without its"),
        ("[]", "without its"),
        ("[!]", "without its"),
        ("[a/b]", "without its"),
        ("[a\\", "without its"),
        ("[z-a]", "wrong way round"),
        ("[[:alpha:]]", "not supported"),
        ("a\\", "backslash"),
        ("a\\/b", "backslash"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused_with_the_reason(pattern: str, why: str) -> None:
    with pytest.raises(BadPattern, match=why):
        Glob.parse(pattern)


def plainly_matches(pattern: str, name: str) -> bool:
    """Match one name the slow and obvious way."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(plainly_matches(pattern[1:], name[i:]) for i in range(len(name) + 1))
    return bool(name) and pattern[0] in {name[0], "?"} and plainly_matches(pattern[1:], name[1:])


def plainly_matches_path(patterns: list[str], names: list[str]) -> bool:
    """Match components the slow and obvious way; names left over lie in what was matched."""
    if not patterns:
        return True
    if not names:
        return False
    if patterns[0] == "**":
        rest = patterns[1:]
        if not rest:
            return True
        return any(plainly_matches_path(rest, names[i:]) for i in range(len(names)))
    return plainly_matches(patterns[0], names[0]) and plainly_matches_path(patterns[1:], names[1:])


name_patterns = st.text("ab*?", min_size=1, max_size=5)
component_lists = st.lists(st.one_of(name_patterns, st.just("**")), min_size=1, max_size=5)
name_lists = st.lists(st.text("ab", min_size=1, max_size=4), min_size=1, max_size=6)


@given(component_lists, name_lists)
def test_paths_match_as_a_plain_recursive_matcher_says(components: list[str], names: list[str]) -> None:
    pattern = "/" + "/".join(components)

    assert matches(pattern, "/" + "/".join(names)) == plainly_matches_path(components, names)


@given(name_patterns.filter(lambda text: text != "**"), name_lists)
def test_names_match_in_any_folder_as_a_plain_matcher_says(pattern: str, names: list[str]) -> None:
    assert matches(pattern, "/" + "/".join(names)) == any(plainly_matches(pattern, name) for name in names)


RULE_FILES = {
    "last match wins": ["*.log", "!keep.log", "keep.log", "!/a/keep.log"],
    "nothing below an excluded folder": ["build/", "!build/keep.txt", "!keep.txt"],
    "content excluded, some taken back": ["/docs/*", "!/docs/keep/", "/docs/keep/*.tmp"],
    "double stars": ["/docs/**", "!/docs/*/", "**/x/**/y", "a**b"],
    "all but": ["/*", "!/docs/", "/docs/*", "!/docs/keep"],
    "classes and escapes": ["[a-c]?", r"\!x", r"\#y", "![b]?", r"\*"],
    "folders only": ["a/", "!/docs/a/", "x/a/"],
}
RULE_PATHS = [
    *("/keep.log", "/a/keep.log", "/b/keep.log", "/other.log", "/build/", "/build/keep.txt", "/x/build/keep.txt"),
    *("/docs/", "/docs/a", "/docs/a/", "/docs/a/f", "/docs/keep/", "/docs/keep/f.tmp", "/docs/keep/f", "/docs/keep"),
    *("/x/a", "/x/a/", "/x/y", "/x/1/2/y", "/z/x/y/w", "/aab", "/ab", "/a1", "/b1", "/c", "/!x", "/#y", "/*", "/a/", "/a"),
]  # fmt: skip


def ignored_by_git(repository: Path, lines: list[str], paths: list[str]) -> set[str]:
    subprocess.run(["git", "init", "--quiet", repository], check=True)
    (repository / ".gitignore").write_text("\n".join(lines) + "\n")
    asked = subprocess.run(
        ["git", "-C", repository, "check-ignore", "--no-index", "--stdin", "-z"],
        input="".join(path.strip("/") + "\0" for path in paths),
        capture_output=True,
        text=True,
        check=False,  # it exits with 1 when nothing is ignored
    )
    assert asked.stderr == ""
    return {f"/{path}" for path in asked.stdout.split("\0") if path}


@pytest.mark.skipif(shutil.which("git") is None, reason="compares with Git")
@pytest.mark.parametrize("lines", RULE_FILES.values(), ids=RULE_FILES)
def test_rules_exclude_what_git_ignores(tmp_path: Path, lines: list[str]) -> None:
    rules = IgnoreRules.of((Glob.parse(line.removeprefix("!")), line.startswith("!")) for line in lines)
    folders = [path for path in RULE_PATHS if path.endswith("/")]
    files = [path for path in RULE_PATHS if not path.endswith("/")]
    for folder in folders:
        (tmp_path / "folders" / folder.strip("/")).mkdir(parents=True, exist_ok=True)

    excluded_folders = {folder.rstrip("/") for folder in folders if rules.match(folder) is not None}
    excluded_files = {file for file in files if rules.match(file) is not None}

    assert excluded_folders == ignored_by_git(tmp_path / "folders", lines, folders)
    assert excluded_files == ignored_by_git(tmp_path / "files", lines, files)


def test_a_rule_without_negation_gives_the_pattern_that_excluded() -> None:
    rules = IgnoreRules.of([(Glob.parse("*.tmp"), False), (Glob.parse("/a/**/b"), False)])

    found = rules.match("/a/x/b/c")

    assert found is not None
    assert found.text == "/a/**/b"


SLOW_ELSEWHERE = [
    "*a" * 60 + "*b",
    "**/a/" * 60 + "b",
    "*" * 500 + "b",
    "[a-z]*" * 60 + "!",
    "?*" * 100 + "b",
    "**/*a*/" * 30 + "zz",
    "/*a" * 40 + "b",
    "/**/*a*a*a" * 20 + "/b",
    "*?" * 100 + "/" + "*a" * 50,
]


@pytest.mark.parametrize("pattern", SLOW_ELSEWHERE, ids=range(len(SLOW_ELSEWHERE)))
@pytest.mark.parametrize(
    "name", ["a" * 4000, "/a" * 2000, "/".join(["a" * 19 + "b"] * 200)], ids=["long", "deep", "both"]
)
def test_no_pattern_is_slow(pattern: str, name: str) -> None:
    path = "/" + name.strip("/")
    glob = Glob.parse(pattern)
    globs = GlobSet.of([glob])
    rules = IgnoreRules.of([(glob, False), (glob, True), (glob, False)])

    started = time.process_time()
    globs.match(path)
    rules.match(path)

    assert time.process_time() - started < 0.5  # a backtracking matcher takes years
