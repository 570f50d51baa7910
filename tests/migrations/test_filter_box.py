from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.database_url import on_both
from tests.migrations.office import NOON, Office

from mover.accounts.actor import Actor
from mover.errors import InvalidConfiguration
from mover.migrations.filter_box import parse_filter
from mover.migrations.queries.filtering import SORTS
from mover.migrations.records import Migration, NewPair, Pair
from mover.migrations.refusals import FilterMistake

pytestmark = on_both


@pytest.fixture
async def migration(office: Office, ann: Actor) -> Migration:
    made = await office.migration(ann)
    await office.pairs.add(
        ann,
        made.id,
        [
            NewPair(source_path="/users/Ärger", destination_path="/a", tags=("a b", "wave1"), priority=3),
            NewPair(source_path="/users/bob", destination_path="/b", tags=("wave1",), notes="ask 100% first"),
            NewPair(source_path="/archive/x_y", destination_path="/users", tags=("wave10",)),
            NewPair(source_path="/archive/xzy", destination_path="/C:D", notes='say "hi"'),
        ],
    )
    return made


FOUND: tuple[tuple[str, list[int]], ...] = (
    ("", [1, 2, 3, 4]),
    ("users", [1, 2, 3]),
    ("source:users", [1, 2]),
    ("USERS -bob", [1, 3]),
    ("-source:users", [3, 4]),
    ("ärger", [1]),
    ("A\u0308RGER", [1]),
    ("tags:wave1", [1, 2]),
    ('tags:"a b"', [1]),
    ('tags:"a b",wave10', [1, 3]),
    ('tags:""', [4]),
    ('-tags:""', [1, 2, 3]),
    ("tags:/wave/", [1, 2, 3]),
    ("100%", [2]),
    ("%", [2]),
    ("x_y", [3]),
    ("priority>2", [1]),
    ("priority:>=3", [1]),
    ("priority<=0", [2, 3, 4]),
    ("priority!=3", [2, 3, 4]),
    ("id:2,4", [2, 4]),
    ("status:new", [1, 2, 3, 4]),
    ("status:failed,paused", []),
    ("-status:new", []),
    ("destination=/users", [3]),
    ("destination:=/USERS", [3]),
    ("destination!=/users", [1, 2, 4]),
    ("/^\\/users\\/[a-c]/", [2]),
    ("/USERS$/", [3]),
    ("-/users/", [4]),
    ("source:/x.y$/", [3, 4]),
    ("/users/bob", [2]),
    ('"/users/bob"', [2]),
    ('"say \\"hi\\""', [4]),
    ('"/C:D"', [4]),
    ("notes:ask", [2]),
    ("created>1h", [1, 2, 3, 4]),
    ("created<2020-01-01", []),
    ("started>1d", []),
    ("-started>1d", [1, 2, 3, 4]),
    ("bytes>1.5G", []),
    ("path:archive wave10", [3]),
    ("'; DROP TABLE pairs --", []),
)


async def test_what_is_found(office: Office, ann: Actor, migration: Migration):
    for text, expected in FOUND:
        page = await office.pairs.page(ann, migration.id, filter=text)
        assert ([pair.id for pair in page.items], page.total) == (expected, len(expected)), text


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("foo:bar", 1, "no column 'foo'"),
        ("x colour:red", 3, "no column"),
        ("status:happy", 8, "no status"),
        ("files>many", 7, "whole number"),
        ("files>", 7, "what"),
        ("source>a", 7, "compared with"),
        ("files>1,2", 6, "one value"),
        ('tags:"open', 6, "not closed"),
        ('"a"b', 4, "blank"),
        ("/(a/", 2, "without a )"),
        ("source:/a(/", 10, "without a )"),
        ("started>soon", 9, "not a date"),
        ("bytes>1X", 7, "not a size"),
        ("id:99999999999999999999", 4, "too large"),
        ("a " * 51, 101, "at most 50"),
        ("a\0b", 1, "control"),
    ],
)
def test_a_mistake_is_pointed_at(text, column, says):
    with pytest.raises(FilterMistake, match=says.replace("(", r"\(").replace(")", r"\)")) as caught:
        parse_filter(text, now_ns=NOON)
    assert caught.value.column == column


@given(st.text(alphabet=st.sampled_from('ab:/"\\-,<>=!() \tstatus()[]*{}ä\n'), max_size=40))
def test_any_text_is_parsed_or_refused(text):
    with contextlib.suppress(FilterMistake):
        parse_filter(text, now_ns=NOON)


async def test_pages_in_every_order_have_each_pair_once(office: Office, ann: Actor, migration: Migration):
    for sort, descending in itertools.product(SORTS, (False, True)):
        whole = await office.pairs.page(ann, migration.id, sort=sort, descending=descending)
        seen: list[Pair] = []
        cursor: str | None = None
        while len(seen) < 5:
            page = await office.pairs.page(
                ann, migration.id, sort=sort, descending=descending, cursor=cursor, limit=1
            )
            seen += page.items
            if (cursor := page.next) is None:
                break
        assert [pair.id for pair in seen] == [pair.id for pair in whole.items], (sort, descending)
        assert len(seen) == 4


async def test_a_cursor_is_for_its_question_only(office: Office, ann: Actor, migration: Migration):
    page = await office.pairs.page(ann, migration.id, limit=1)
    assert page.next is not None
    for wrong in (page.next + "x", "", "!!", "a" * 10_000, page.next[:-4], "ü"):
        with pytest.raises(InvalidConfiguration):
            await office.pairs.page(ann, migration.id, cursor=wrong, limit=1)
    with pytest.raises(InvalidConfiguration, match="another"):
        await office.pairs.page(ann, migration.id, cursor=page.next, sort="files")
    with pytest.raises(InvalidConfiguration, match="another"):
        await office.pairs.page(ann, migration.id, cursor=page.next, filter="users")
    for limit in (0, -1, 1_001):
        with pytest.raises(InvalidConfiguration, match="a page has"):
            await office.pairs.page(ann, migration.id, limit=limit)
    with pytest.raises(InvalidConfiguration, match="cannot be sorted"):
        await office.pairs.page(ann, migration.id, sort="id; --")
