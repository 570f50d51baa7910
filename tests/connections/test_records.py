from __future__ import annotations

import re
from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.connections.records import check_name
from mover.errors import InvalidConfiguration


@pytest.mark.parametrize("name", ["nas", "N", "0", "my.nas_2-b", "a" * 63, "files"])
def test_usable_names_are_taken_as_they_are(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-nas", ".nas", "nas/", "na s", "nas:", "näs", "nas\n", "a" * 64, "\u0661", "x\0"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidConfiguration):
        check_name(name)


@pytest.mark.parametrize("name", ["file", "File"])
def test_the_name_of_local_paths_is_refused(name: str) -> None:
    with pytest.raises(InvalidConfiguration, match="local files"):
        check_name(name)


@given(st.from_regex(r"[A-Za-z0-9_.-]{0,70}", fullmatch=True) | st.text())
def test_whatever_is_accepted_can_stand_before_a_colon(name: str) -> None:
    usable = len(name) <= 63 and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name) and name.lower() != "file"

    with nullcontext() if usable else pytest.raises(InvalidConfiguration):
        assert check_name(name) == name
