"""Every thing of a database has a file name of its own that no service changes, and that means it again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.connectors.mysql.names import Kind, Thing, file_name, spelled, thing_of
from mover.errors import NameRejected, Unsupported
from mover.naming import EXACT, POSIX_BYTES_255, S3, SHAREPOINT, WEBDAV

IDENTIFIERS = st.text(
    st.characters(max_codepoint=0xFFFF, exclude_characters="\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=64,
).filter(lambda name: not name.endswith(" "))


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        (Thing(Kind.TABLE, "orders"), "orders.sql"),
        (Thing(Kind.VIEW, "orders"), "orders.view.sql"),
        (Thing(Kind.TABLE, "orders.view"), "orders.view.table.sql"),
        (Thing(Kind.TABLE, "orders.table"), "orders.table.table.sql"),
        (Thing(Kind.TABLE, "a/b"), "a%2Fb.sql"),
        (Thing(Kind.TABLE, "100%"), "100%25.sql"),
        (Thing(Kind.TABLE, "名前"), "名前.sql"),
        (Thing(Kind.TABLE, "\uff0f"), "%uFF0F;.sql"),
    ],
)
def test_names_are_spelled_as_documented(thing: Thing, name: str) -> None:
    assert file_name(thing) == name
    assert thing_of(name) == thing


@given(st.sampled_from([kind for kind in Kind if kind is not Kind.DATABASE]), IDENTIFIERS)
def test_every_name_means_its_thing_again(kind: Kind, name: str) -> None:
    assert thing_of(file_name(Thing(kind, name))) == Thing(kind, name)


@given(IDENTIFIERS)
@pytest.mark.parametrize(
    "rules", [EXACT, POSIX_BYTES_255, S3, WEBDAV], ids=["exact", "posix", "s3", "webdav"]
)
def test_no_service_needs_to_change_a_name(rules, name: str) -> None:
    spelling = file_name(Thing(Kind.TABLE, name))
    if len(spelling.encode()) <= 250:
        assert rules.accepted(spelling) == spelling


@pytest.mark.parametrize("name", ['a"b', "a:b", "~a", ".a", "a|b", "a\\b", "a\nb", "con*"])
def test_what_sharepoint_forbids_is_not_in_a_name(name: str) -> None:
    spelling = file_name(Thing(Kind.TABLE, name))
    assert SHAREPOINT.accepted(spelling) == spelling
    assert SHAREPOINT.accepted(spelled(name)) == spelled(name)


@pytest.mark.parametrize(
    "name", ["orders.table.sql", "%6Frders.sql", "a%2fb.sql", ".sql", "x.database.sql", "%u0041;.sql"]
)
def test_other_spellings_of_a_name_are_refused(name: str) -> None:
    with pytest.raises(NameRejected):
        thing_of(name)


@pytest.mark.parametrize("name", ["orders", "orders.SQL", "orders.sql.gz", "holiday.jpg"])
def test_what_is_no_dump_by_its_name_is_unsupported(name: str) -> None:
    with pytest.raises(Unsupported):
        thing_of(name)
