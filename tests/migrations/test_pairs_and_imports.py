from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.database_url import on_both
from tests.migrations.office import Office, content, may_only

from mover.accounts.actor import Actor, Permission
from mover.accounts.refusals import NoSuchThing, NotPossible
from mover.errors import InvalidConfiguration, PermissionDenied
from mover.migrations.csv_files import tags_cell, tags_of_cell
from mover.migrations.discovery import Discovery, matches
from mover.migrations.imports import ImportKind, ImportPreview
from mover.migrations.options import PairOptions
from mover.migrations.records import Migration, NewMigration, NewPair
from mover.migrations.refusals import Overtaken
from mover.migrations.selection import Selection
from mover.migrations.states import Status
from mover.migrations.timetable import Window

pytestmark = on_both


async def paths(office: Office, who: Actor, migration: Migration) -> list[tuple[str, str, tuple[str, ...]]]:
    page = await office.pairs.page(who, migration.id)
    return [(pair.source_path, pair.destination_path, pair.tags) for pair in page.items]


async def read(
    office: Office, who: Actor, migration: Migration, data: bytes, kind: ImportKind = ImportKind.ADD
) -> ImportPreview:
    return await office.imports.read(who, migration.id, kind, content(data))


@pytest.mark.parametrize(
    "data",
    [
        b'Source Path,Destination Path,Tags\n/a,/x,one\n/b,/y,"two, ""t,h"""\n',
        b'\xef\xbb\xbfSource Path;Destination Path;Tags\r\n/a;/x;one\r\n/b;/y;"two, ""t,h"""\r\n',
        b' source path , DESTINATION PATH ,tags\r\n\r\na/,x//,one\r\n/b,/y,"two, ""t,h"""',
        'Tags\tSource Path\tDestination Path\r\none\t/a\t/x\r\n"two, ""t,h"""\t/b\t/y\r\n'.encode("utf-16"),
    ],
)
async def test_a_file_of_pairs_in_the_forms_that_programs_write(office: Office, ann: Actor, data: bytes):
    migration = await office.migration(ann)
    preview = await read(office, ann, migration, data)
    assert (preview.rows, preview.problems, preview.problem) == (2, 0, "")
    assert await paths(office, ann, migration) == [], "looked at first"
    assert await office.imports.apply(ann, preview.id) == 2
    assert await paths(office, ann, migration) == [("/a", "/x", ("one",)), ("/b", "/y", ("two", "t,h"))]
    with pytest.raises(NotPossible, match="applied already"):
        await office.imports.apply(ann, preview.id)


async def test_a_file_with_mistakes_changes_nothing_and_says_where_they_are(office: Office, ann: Actor):
    migration = await office.migration(ann)
    data = (
        b'Source Path,Destination Path,Tags\n/a,/x\n,/y\n/b/../c,/z\n/d,\n"/multi\nline",/m\n'
        b"/e,/w,,surplus\n/f,/v," + b"t" * 101 + b"\n"
    )
    preview = await read(office, ann, migration, data)
    assert {line.line: line.problem.partition(":")[0] for line in preview.first_problems} == {
        3: "the source path is missing",
        4: "source path",
        5: "the destination path is missing",
        8: "more cells than columns; a path with a separator is put into quotes",
        9: "a tag has at most 100 characters, on one line",
    }
    assert preview.first_rows[4].source_path == "/multi\nline"
    with pytest.raises(NotPossible, match="problems"):
        await office.imports.apply(ann, preview.id)
    assert await paths(office, ann, migration) == []


UNREADABLE = [
    (b"", "line 1: the file is empty"),
    (b"\n\n", "line 1: the file is empty"),
    (b"Source Path,Destination Path\n", "line 2: there is nothing"),
    (b"/a,/b\n", "line 1: unknown column '/a'"),
    (b"Source Path,Tags\n/a,/b\n", "line 1: the first line has to name"),
    (b"Source Path,Source Path,Destination Path\n", "line 1: the column Source Path is there twice"),
    (b"Source Path,Destination Path\n/a,/b\n/\xff,/c\n", "line 3: there are bytes that are not UTF-8"),
    (b'Source Path,Destination Path\n/a,"/b\n', "line 2: a quote is not closed"),
    (b'Source Path,Destination Path\n/a,"/b' + b"\nx" * 40_000, "line 2: more than"),
    (b"Source Path,Destination Path\n/a\0,/b\n", "line 2: there is a NUL"),
]


async def test_files_that_cannot_be_read(office: Office, ann: Actor):
    migration = await office.migration(ann)
    for data, says in UNREADABLE:
        preview = await office.imports.read(ann, migration.id, ImportKind.ADD, content(data, 997))
        assert preview.problem.startswith(says), says
        assert not preview.possible, says
        with pytest.raises(NotPossible):
            await office.imports.apply(ann, preview.id)


async def test_duplicates_are_told_and_passed_over(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    data = b"Source Path,Destination Path\n/s0,/d0\n/a,/x\n/a,/x\n/a,/other\n"
    preview = await read(office, ann, migration, data)
    assert {line.line: line.duplicate_of for line in preview.first_duplicates} == {2: "pair 1", 4: "line 3"}
    assert await office.imports.apply(ann, preview.id) == 2
    assert len(await paths(office, ann, migration)) == 3


async def test_an_update_leaves_what_is_blank(office: Office, ann: Actor):
    migration = await office.migration(ann, 3)
    data = b"ID,Source Path,Destination Path\n1,/new,\n3,,/there\n"
    preview = await read(office, ann, migration, data, ImportKind.UPDATE)
    assert await office.imports.apply(ann, preview.id) == 2
    assert [(source, target) for source, target, _ in await paths(office, ann, migration)] == [
        ("/new", "/d0"),
        ("/s1", "/d1"),
        ("/s2", "/there"),
    ]
    again = await read(office, ann, migration, b"Source Path,Destination Path\n/new,/d0\n")
    assert again.duplicates == 1, "the pair is found by its new paths"


async def test_an_update_names_pairs_of_this_migration_once(office: Office, ann: Actor):
    eve = await office.organisation("evil")
    theirs = await office.migration(eve, 1)
    other = await office.migration(ann, 1)
    migration = await office.migration(ann, 1)
    data = b"ID,Source Path\n1,/x\n2,/x\n3,/x\n3,/y\nx,/y\n,/y\n99999999999999999999,/z\n"
    preview = await read(office, ann, migration, data, ImportKind.UPDATE)
    assert [line.line for line in preview.first_problems] == [2, 3, 5, 6, 7, 8]
    with pytest.raises(NotPossible):
        await office.imports.apply(ann, preview.id)
    assert (await paths(office, eve, theirs))[0][0] == "/s0"
    assert (await paths(office, ann, other))[0][0] == "/s0"


async def test_what_is_exported_is_taken_back_as_an_update(office: Office, ann: Actor):
    migration = await office.migration(ann)
    odd = NewPair(source_path='/a,b\n"c"', destination_path="/=x", tags=("=1+1", "x,y", "z"))
    await office.pairs.add(ann, migration.id, [odd])
    before = await paths(office, ann, migration)
    text = "".join([piece async for piece in office.pairs.export_csv(ann, migration.id)])
    assert ",=" not in text
    preview = await read(office, ann, migration, text.encode(), ImportKind.UPDATE)
    assert await office.imports.apply(ann, preview.id) == 1
    assert await paths(office, ann, migration) == before


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8), max_size=5, unique=True
    )
)
def test_tags_survive_their_cell(tags):
    assert tags_of_cell(tags_cell(tags)) == tags


async def test_an_import_of_another_organisation_is_not_there(office: Office, ann: Actor):
    migration = await office.migration(ann)
    preview = await read(office, ann, migration, b"Source Path,Destination Path\n/a,/x\n")
    eve = await office.organisation("evil")
    for call in (
        office.imports.preview(eve, preview.id),
        office.imports.apply(eve, preview.id),
        office.imports.lines(eve, preview.id),
        office.imports.read(eve, migration.id, ImportKind.ADD, content(b"")),
    ):
        with pytest.raises(NoSuchThing):
            await call


async def test_two_that_apply_the_same_file_add_its_pairs_once(office: Office, ann: Actor):
    migration = await office.migration(ann)
    preview = await read(office, ann, migration, b"Source Path,Destination Path\n/a,/x\n")
    results = await asyncio.gather(
        *(office.imports.apply(ann, preview.id) for _ in range(4)), return_exceptions=True
    )
    assert results.count(1) == 1
    assert len(await paths(office, ann, migration)) == 1


async def test_bulk_actions_on_a_filter_and_on_ids(office: Office, ann: Actor):
    migration = await office.migration(ann, 5)
    everything = Selection.matching(migration.id)
    assert await office.pairs.tag(ann, everything, add=["One", "two"]) == 5
    assert (
        await office.pairs.tag(ann, Selection.these(migration.id, 1, 2, 999), add=["one"], remove=["TWO"])
        == 2
    )
    assert await office.pairs.note(ann, Selection.matching(migration.id, "tags:two", but=(5,)), "later") == 2
    assert await office.pairs.duplicate(ann, Selection.these(migration.id, 1)) == 1
    assert await office.pairs.delete(ann, Selection.matching(migration.id, "notes:later")) == 2
    assert [pair.id for pair in (await office.pairs.page(ann, migration.id)).items] == [1, 2, 5, 6]
    copy = await office.pairs.get(ann, 6)
    assert (copy.source_path, copy.tags, copy.status) == ("/s0", ("One",), Status.NEW)


async def test_a_pair_that_runs_is_not_removed_nor_its_migration(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    await office.runs.start(ann, Selection.these(migration.id, 1))
    assert await office.pairs.delete(ann, Selection.matching(migration.id)) == 1
    with pytest.raises(NotPossible, match="cancel them first"):
        await office.migrations.delete(ann, migration.id)
    await office.runs.cancel(ann, Selection.matching(migration.id))
    await office.migrations.delete(ann, migration.id)
    for call in (
        office.migrations.get(ann, migration.id),
        office.pairs.page(ann, migration.id),
        office.runs.start(ann, Selection.matching(migration.id)),
    ):
        with pytest.raises(NoSuchThing):
            await call


async def test_a_change_that_was_overtaken_is_refused(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    pair = await office.only_pair(ann, migration)
    new = NewPair(source_path="/n", destination_path="/m")
    changed = await office.pairs.update(ann, pair.id, new, version=pair.version)
    assert changed.version == pair.version + 1
    with pytest.raises(Overtaken):
        await office.pairs.update(ann, pair.id, new, version=pair.version)
    await office.start(ann, migration)
    [run] = await office.take()
    await office.finish(run, 100)
    assert (await office.pairs.get(ann, pair.id)).version == changed.version, "a run changes no version"


async def test_a_migration_is_copied_with_its_pairs(office: Office, ann: Actor):
    migration = await office.migration(ann, 2)
    await office.start(ann, migration)
    copy = await office.migrations.duplicate(ann, migration.id, name="again")
    pairs = (await office.pairs.page(ann, copy.id)).items
    assert [(pair.source_path, pair.status) for pair in pairs] == [("/s0", Status.NEW), ("/s1", Status.NEW)]
    assert [one.name for one in (await office.migrations.list(ann)).items] in (
        ["again", "move"],
        ["move", "again"],
    )


IMPOSSIBLE: list[dict[str, Any]] = [
    {"name": " "},
    {"name": "x" * 201},
    {"queue": "Site A"},
    {"pairs_at_once": 0},
    {"options": PairOptions(bandwidth="fast")},
    {"options": PairOptions(versions=501)},
    {"options": PairOptions(exclude=("[",))},
    {"options": PairOptions(newer_than="soon")},
    {"options": PairOptions(min_size="2K", max_size="1K")},
    {"options": PairOptions(window=Window(start="8", end="9"))},
    {"options": PairOptions(paths=("/a/../b",))},
]


async def test_what_cannot_work_is_refused_when_it_is_saved(office: Office, ann: Actor):
    for values in IMPOSSIBLE:
        with pytest.raises(InvalidConfiguration):
            await office.migration(ann, **values)


async def test_connections_people_and_maps_of_others_are_not_there(office: Office, ann: Actor):
    await office.organisation("evil")
    migration = await office.migration(ann)
    for values in (
        {"source_connection_id": "evil-source"},
        {"destination_connection_id": "nothing"},
        {"mail_to": ("evil-owner",)},
        {"user_map_id": "nothing"},
    ):
        with pytest.raises(NoSuchThing):
            await office.migration(ann, **values)
    with pytest.raises(NoSuchThing):
        await office.pairs.add(
            ann,
            migration.id,
            [NewPair(source_path="/a", destination_path="/b", source_connection_id="evil-source")],
        )


async def test_other_organisations_see_and_change_nothing(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    eve = await office.organisation("evil")
    new = NewPair(source_path="/n", destination_path="/m")
    plan = NewMigration(name="x", source_connection_id="evil-source", destination_connection_id="evil-target")
    for call in (
        office.migrations.get(eve, migration.id),
        office.migrations.update(eve, migration.id, plan, version=None),
        office.migrations.delete(eve, migration.id),
        office.migrations.duplicate(eve, migration.id, name="mine"),
        office.migrations.runs(eve, migration.id),
        office.pairs.page(eve, migration.id),
        office.pairs.summary(eve, migration.id),
        office.pairs.add(eve, migration.id, [new]),
        office.pairs.get(eve, 1),
        office.pairs.update(eve, 1, new, version=None),
    ):
        with pytest.raises(NoSuchThing):
            await call
    for selection in (Selection.matching(migration.id), Selection.these(migration.id, 1)):
        assert await office.pairs.delete(eve, selection) == 0
        assert await office.pairs.duplicate(eve, selection) == 0
        assert await office.pairs.note(eve, selection, "mine") == 0
    assert (await office.migrations.list(eve)).total == 0
    assert (await office.only_pair(ann, migration)).notes == ""


async def test_who_may_only_read_changes_nothing(office: Office, ann: Actor):
    migration = await office.migration(ann, 1)
    reader = may_only("acme", Permission.READ, Permission.RUN)
    for call in (
        office.pairs.add(reader, migration.id, []),
        office.pairs.delete(reader, Selection.matching(migration.id)),
        office.imports.read(reader, migration.id, ImportKind.ADD, content(b"")),
        office.migrations.delete(reader, migration.id),
    ):
        with pytest.raises(PermissionDenied, match="'plan'"):
            await call


async def test_folders_are_matched_by_name(office: Office, ann: Actor):
    class Folders:
        async def places(self, *_of: object) -> None:
            return None

        async def top_folders(self, actor: Actor, connection_id: str) -> list[str]:
            assert actor is ann
            return {"acme-source": ["bob", "s0", "Zoë"], "acme-target": ["BOB", "zoe\u0308"]}[connection_id]

    migration = await office.migration(ann)
    await office.pairs.add(ann, migration.id, [NewPair(source_path="/s0", destination_path="/s0")])
    found = await Discovery(office.database, Folders()).propose(ann, migration.id)
    assert [(m.source_path, m.destination_path, m.matched, m.known) for m in found] == [
        ("/Zoë", "/zoe\u0308", True, False),
        ("/bob", "/BOB", True, False),
        ("/s0", "/s0", False, True),
    ]
    [ambiguous] = matches(["bob"], ["Bob", "BOB"], set())
    assert (ambiguous.ambiguous, ambiguous.matched, ambiguous.destination_path) == (True, False, "/bob")
    [exact] = matches(["bob"], ["bob", "BOB"], set())
    assert exact.matched
