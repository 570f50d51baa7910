from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.connectors.keys import check_writable, name_of, place_of, unaddressable_name
from mover.entries import join_path
from mover.errors import NameRejected, NotFound, PathTooLong
from mover.naming.presets import S3

MARK = "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}\N{SYMBOL FOR NULL}"
awkward = st.text(
    st.sampled_from("a.\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}\N{SYMBOL FOR NULL}"), max_size=6
)
parts = awkward | st.text(st.characters(codec="utf-8", exclude_characters="/\0"), max_size=20)


@given(st.lists(parts, min_size=1, max_size=5))
def test_every_key_has_a_path_that_leads_back_to_it(key_parts: list[str]) -> None:
    path = ""
    for part in key_parts:
        path = join_path(path, name_of(part))
    place = place_of(path, "bucket")
    assert (place.bucket, place.key) == ("bucket", "/".join(key_parts))


@given(parts, parts)
def test_different_keys_have_different_names(one: str, other: str) -> None:
    names = [
        name_of(one),
        name_of(one, beside_object=True),
        name_of(other),
        name_of(other, beside_object=True),
    ]
    assert len(set(names)) == (2 if one == other else 4)


@given(parts)
def test_no_name_is_empty_or_leads_elsewhere(part: str) -> None:
    assert name_of(part) not in {"", ".", ".."}
    assert "/" not in name_of(part)
    assert "\0" not in name_of(part)


@given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20))
def test_a_name_that_the_rules_accept_is_listed_as_it_was_written(name: str) -> None:
    accepted = S3.accepted(name)
    place = place_of("/" + accepted, "bucket")
    check_writable(place)
    assert name_of(place.parts[0]) == accepted


def test_a_prefix_beside_an_object_is_addressed_by_both_names() -> None:
    assert name_of("a", beside_object=True) == "a" + MARK
    assert place_of(f"/a{MARK}/b", "bucket").key == place_of("/a/b", "bucket").key
    assert place_of(f"/a{MARK}", "bucket").folder_only


@pytest.mark.parametrize("raw", [b"\xff", b"a\0b", b"\0", b"marker", b"a\0"])
def test_what_cannot_be_addressed_has_a_name_that_is_no_key(raw: bytes) -> None:
    with pytest.raises(NotFound):
        place_of("/" + unaddressable_name(raw), "bucket")


@pytest.mark.parametrize("part", [".", ".."])
def test_an_object_may_be_called_like_a_step(part: str) -> None:
    assert not place_of("/" + name_of(part), "bucket").folder_only
    assert place_of("/" + name_of(part, beside_object=True), "bucket").folder_only


def test_without_a_bucket_the_first_name_is_one() -> None:
    assert place_of("/", None).bucket is None
    assert place_of("/cold", None) == ("cold", (), False)
    assert place_of("/cold/a/b", None) == ("cold", ("a", "b"), False)


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_keys_that_services_do_not_keep_apart_are_not_written(part: str) -> None:
    with pytest.raises(NameRejected):
        check_writable(place_of(f"/{name_of(part)}/file", "bucket"))


def test_a_key_may_have_1024_bytes_and_a_folder_needs_one_for_its_slash() -> None:
    longest = place_of("/" + "é" * 512, "bucket")
    check_writable(longest)
    with pytest.raises(PathTooLong):
        check_writable(longest, as_folder=True)
    with pytest.raises(PathTooLong):
        check_writable(place_of("/" + "a" * 1025, "bucket"))
