"""Accepted names: what a service takes, reversible, and never two names made one."""
# ruff: noqa: RUF001 - look-alikes are the subject

import dataclasses
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.errors import NameRejected, PathTooLong
from mover.naming import EXACT, POSIX_BYTES_255, QUOTE, S3, SHAREPOINT, WEBDAV, LengthUnit, NameRules
from mover.naming.presets import EGNYTE
from mover.naming.spelling import is_spelling

PRESETS = {
    "exact": EXACT,
    "posix": POSIX_BYTES_255,
    "s3": S3,
    "webdav": WEBDAV,
    "sharepoint": SHAREPOINT,
    "egnyte": EGNYTE,
    # Every step with characters in common, which no real service has.
    "crowded": NameRules(
        look_alikes=("a\N{FULLWIDTH LATIN SMALL LETTER A}", "/-"),
        marked=("b\N{FULLWIDTH LATIN SMALL LETTER B}", "\0."),
        leading=("c.", "x\N{FULLWIDTH LATIN SMALL LETTER A}"),
        trailing=("c-", "x\N{FULLWIDTH LATIN SMALL LETTER B}"),
        reserved_names=frozenset({".", "..", "-"}),
        reserved_stems=frozenset({"c", ".c"}),
        reserved_words=frozenset({"-.-", "xx"}),
        basic_plane=True,
    ),
}
presets = pytest.mark.parametrize("rules", PRESETS.values(), ids=PRESETS)

PIECES = [
    *'"*:<>?/\\| .~$#%',
    *"＂＊：＜＞？／＼｜␠．～",
    *"※\U0001f600\U0010ffff",
    "1F600",
    *(
        "\0",
        "\x01",
        "\n",
        "\r",
        "\t",
        "\x7f",
        "\x85",
        "␀",
        "␁",
        "␊",
        "␡",
        "\ufffe",
        "\uffff",
        "\ufffc",
        "\ufffd",
    ),
    *(
        "CON",
        "con",
        "Nul",
        "com1",
        "LPT9",
        ".lock",
        "desktop.ini",
        "_vti_",
        "_VTI_",
        "_",
        "vti_",
        ".DAV",
        ".txt",
    ),
    *("a", "b", "c", "x", "xx", "-", ".-", "é", "e\u0301", "ß", "ss", "İ", "K", "😀", "ａ", "ｂ"),
    *("FF", "E2", "80", "9B", QUOTE, QUOTE * 2, QUOTE + "FF", "‛E2‛80‛9B"),
]
hostile_names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)
names = st.one_of(hostile_names, st.text(min_size=1, max_size=20))


def accepted_or_none(rules: NameRules, name: str) -> str | None:
    try:
        return rules.accepted(name)
    except NameRejected:
        # Only a service of byte names may refuse, and only what could not come back.
        assert rules.byte_names
        assert not is_spelling(name)
        return None


@presets
@given(name=names)
def test_every_name_comes_back(rules: NameRules, name: str) -> None:
    accepted = accepted_or_none(rules, name)

    assert accepted is None or rules.original(accepted) == name


@presets
@given(first=hostile_names, second=hostile_names)
def test_different_names_stay_different(rules: NameRules, first: str, second: str) -> None:
    results = {name: accepted_or_none(rules, name) for name in (first, second)}

    given_names = [result for result in results.values() if result is not None]
    assert len(set(given_names)) == len(given_names)


@presets
@given(name=names)
def test_an_accepted_name_breaks_none_of_the_rules(rules: NameRules, name: str) -> None:
    accepted = accepted_or_none(rules, name)
    if accepted is None:
        return

    folded = accepted if rules.case_sensitive else accepted.lower()
    assert not set(accepted) & {pair[0] for pair in rules.look_alikes + rules.marked}
    assert accepted[0] not in {pair[0] for pair in rules.leading}
    assert accepted[-1] not in {pair[0] for pair in rules.trailing}
    assert accepted not in rules.reserved_names
    assert folded.partition(".")[0].rstrip(" ") not in {stem.lower() for stem in rules.reserved_stems}
    assert not any(word in folded for word in rules.reserved_words)
    assert "/" not in accepted
    assert accepted not in {"", ".", ".."}
    assert not rules.byte_names or is_spelling(accepted)


@presets
@given(
    name=st.text(alphabet=st.characters(categories=["L", "N"], max_codepoint=0x4FFF), min_size=1, max_size=20)
)
def test_a_name_without_anything_odd_stays_as_it_is(rules: NameRules, name: str) -> None:
    if not any(part in name.lower() for part in ("a", "b", "c", "x", "lpt", "aux", "nul", "prn")):
        assert rules.accepted(name) == name


@presets
@given(name=hostile_names, attempt=st.integers(1, 12))
def test_an_alternative_for_a_taken_name_is_accepted_as_it_is(
    rules: NameRules, name: str, attempt: int
) -> None:
    rules = dataclasses.replace(rules, longest_name=40)
    try:
        accepted = rules.accepted(name)
    except NameRejected:
        return

    alternative = rules.distinct(accepted, attempt)

    assert rules.length(alternative) <= 40
    assert not set(alternative) & {pair[0] for pair in rules.look_alikes + rules.marked}
    assert alternative[0] not in {pair[0] for pair in rules.leading}
    assert alternative[-1] not in {pair[0] for pair in rules.trailing}
    assert alternative != rules.distinct(accepted, attempt + 1)
    assert not rules.byte_names or is_spelling(alternative)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("a:b", "a：b"),
        ('"*:<>?/\\|', "＂＊：＜＞？／＼｜"),
        ("a：b", "a‛：b"),
        (" x ", "␠x␠"),
        ("x.", "x．"),
        (".hidden", "．hidden"),
        ("~$report.docx", "～$report.docx"),
        ("a~b. c", "a~b. c"),
        ("con", "‛con"),
        ("COM0.tar.gz", "‛COM0.tar.gz"),
        ("console", "console"),
        ("Desktop.ini", "‛Desktop.ini"),
        ("desktop.ini.txt", "desktop.ini.txt"),
        (".lock", "．lock"),
        ("a_VTI_b", "a_‛VTI_b"),
        ("_vti_vti_", "_‛vti_‛vti_"),
        ("a\nb", "a‛␊b"),
        ("100% #1", "100% #1"),
    ],
)
def test_sharepoint_names(name: str, accepted: str) -> None:
    assert SHAREPOINT.accepted(name) == accepted
    assert SHAREPOINT.original(accepted) == name


@pytest.mark.parametrize("rules", [EXACT, POSIX_BYTES_255, S3, WEBDAV])
@pytest.mark.parametrize(
    "name", ['"*:<>?\\|', "a：b", " x ", "x.", ".hidden", "~x", "CON", "_vti_", "it‛s", "‛FF", "a／b", "␊", "e\u0301é"]
)  # fmt: skip
def test_services_of_plain_names_change_nothing(rules: NameRules, name: str) -> None:
    assert rules.accepted(name) == name


@presets
@pytest.mark.parametrize("name", [".", "..", "a/b", "a\0b", "../../etc/passwd", "/"])
def test_what_could_leave_its_folder_never_does(rules: NameRules, name: str) -> None:
    accepted = rules.accepted(name)

    assert accepted not in {".", ".."}
    assert not set(accepted) & {"/", "\0"}
    assert rules.original(accepted) == name


@presets
@pytest.mark.parametrize("name", ["", "a\ud800", "\udcff"])
def test_empty_names_and_lone_surrogates_are_rejected(rules: NameRules, name: str) -> None:
    with pytest.raises(NameRejected):
        rules.accepted(name)


def test_a_byte_service_rejects_a_spelling_that_would_become_another_name() -> None:
    with pytest.raises(NameRejected):
        POSIX_BYTES_255.accepted("‛C3‛A9")  # its bytes are those of é


@pytest.mark.parametrize(
    ("unit", "fits", "exceeds"),
    [
        (LengthUnit.UTF8_BYTES, "é" * 5, "é" * 5 + "a"),
        (LengthUnit.UTF16_UNITS, "😀" * 5, "😀" * 5 + "a"),
        (LengthUnit.CHARACTERS, "😀" * 10, "😀" * 11),
    ],
)
def test_a_length_counts_in_the_unit_of_the_service(unit: LengthUnit, fits: str, exceeds: str) -> None:
    rules = NameRules(unit=unit, longest_name=10, longest_path=10)

    assert rules.accepted(fits) == fits
    rules.check_path("/" + fits)
    with pytest.raises(PathTooLong, match="accepts 10"):
        rules.accepted(exceeds)
    with pytest.raises(PathTooLong, match="accepts 10"):
        rules.check_path("/" + exceeds)


def test_spelled_bytes_count_as_the_bytes_that_they_are() -> None:
    longest = "‛FF" * 255

    assert POSIX_BYTES_255.accepted(longest) == longest
    with pytest.raises(PathTooLong):
        POSIX_BYTES_255.accepted(longest + "a")


def test_escaping_counts_toward_the_limit() -> None:
    with pytest.raises(PathTooLong):
        SHAREPOINT.accepted("：" * 200)


@pytest.mark.parametrize(
    ("rules", "first", "second", "same"),
    [
        (EXACT, "A", "a", False),
        (EXACT, "é", "e\u0301", False),
        (SHAREPOINT, "É", "e\u0301", True),
        (SHAREPOINT, "STRASSE", "straße", True),
        (SHAREPOINT, "a", "b", False),
        (NameRules(normalisation_sensitive=False), "é", "e\u0301", True),
        (NameRules(normalisation_sensitive=False), "É", "é", False),
        (NameRules(case_sensitive=False), "É", "é", True),
        (NameRules(case_sensitive=False), "é", "e\u0301", False),
    ],
)
def test_keys_are_equal_exactly_where_the_service_sees_one_name(
    rules: NameRules, first: str, second: str, *, same: bool
) -> None:
    assert (rules.key(first) == rules.key(second)) is same


def test_alternatives_keep_the_extension_and_the_limit() -> None:
    assert EXACT.distinct("report.docx", 1) == "report (2).docx"
    assert EXACT.distinct(".hidden", 2) == ".hidden (3)"
    assert EXACT.distinct("a." + "x" * 40, 1) == "a." + "x" * 40 + " (2)"
    assert POSIX_BYTES_255.distinct("é" * 125 + ".text", 1) == "é" * 123 + " (2).text"
    with pytest.raises(PathTooLong):
        NameRules(longest_name=5).distinct("a.txt", 1)


def test_rules_can_be_hashed_and_sent_to_another_process() -> None:
    SHAREPOINT.accepted("warm:up")

    copy = pickle.loads(pickle.dumps(SHAREPOINT))  # noqa: S301 - its own output

    assert copy == SHAREPOINT
    assert hash(copy) == hash(SHAREPOINT)
    assert copy.accepted("a:b") == SHAREPOINT.accepted("a:b")


@pytest.mark.parametrize(
    "wrong",
    [
        {"look_alikes": ("abc",)},
        {"look_alikes": ("ab", "ac")},
        {"look_alikes": ("a" + QUOTE,)},
        {"look_alikes": ("ab",), "leading": ("xa",)},
        {"marked": ()},
        {"reserved_names": frozenset()},
    ],
)
def test_rules_that_could_not_be_reversed_are_refused(wrong: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match=r"."):
        NameRules(**wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_a_reserved_word_that_overlaps_with_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="overlaps"):
        NameRules(reserved_words=frozenset({"aaa"})).accepted("x")


@pytest.mark.slow
@presets
@pytest.mark.parametrize("piece", [QUOTE, QUOTE + ":", "_", "_‛", " ", ".", "CON", "：", "xx", "-."])
def test_long_hostile_names_take_linear_time(rules: NameRules, piece: str) -> None:
    unlimited = dataclasses.replace(rules, longest_name=None)
    name = piece * 100_000

    assert unlimited.original(unlimited.accepted(name)) == name


def test_the_table_of_the_docstring_is_true() -> None:
    import mover.naming  # noqa: PLC0415 - its docstring is the subject

    rows = re.findall(r"`([^`]+)` → `([^`]+)`", mover.naming.__doc__ or "")
    rules = dataclasses.replace(
        SHAREPOINT,
        look_alikes=tuple(pair for pair in SHAREPOINT.look_alikes if pair[0] != "/"),
        marked=(*SHAREPOINT.marked, "/\N{FULLWIDTH SOLIDUS}"),
    )

    assert len(rows) == 12
    assert all(rules.accepted(name) == accepted for name, accepted in rows)


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("party \U0001f389.txt", "party ※1F389※.txt"),
        ("※", "※※"),
        ("※1F389※", "※※1F389※※"),
        ("\U0001f389※\U0010ffff", "※1F389※※※※10FFFF※"),
        ("plain", "plain"),
    ],
)
def test_high_characters_are_spelled_where_a_service_refuses_them(name: str, accepted: str) -> None:
    assert EGNYTE.accepted(name) == accepted
    assert EGNYTE.original(accepted) == name
