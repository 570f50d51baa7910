"""What is remembered of listings has a bound, and says no more than they told."""

from __future__ import annotations

from mover.connectors.dropbox.known_folders import KnownFolders
from mover.entries import Entry, EntryKind, EntryRef, HashName


def _entries(folder: str, number: int) -> list[Entry]:
    return [
        Entry(
            name=f"{each}",
            kind=EntryKind.FILE,
            id=f"id:{folder}{each}",
            size=100,
            version="1",
            hashes={HashName.DROPBOX: "0" * 64},
        )
        for each in range(number)
    ]


def _ref(folder: str, entry: Entry) -> EntryRef:
    return EntryRef(f"/{folder}", f"id:{folder}").child(entry.name, entry.id)


def _listed(known: KnownFolders, folder: str, entries: list[Entry]) -> None:
    known.listed(EntryRef(f"/{folder}"), f"id:{folder}", entries, begins=True, ends=True)


def test_what_was_listed_first_is_remembered_and_there_is_room_again_when_it_was_read() -> None:
    known = KnownFolders()
    listings = {f"folder {number}": _entries(f"{number}-", 1000) for number in range(32)}
    for folder, entries in listings.items():
        _listed(known, folder, entries)
    remembered = {folder: known.ask(_ref(folder, entries[0]), "1") for folder, entries in listings.items()}
    assert remembered == {folder: number < 30 for number, folder in enumerate(listings)}
    for entry in listings["folder 0"]:
        known.ask(_ref("folder 0", entry), "1")
    bundle = known.worthwhile(_ref("folder 0", listings["folder 0"][0]))
    assert bundle is not None
    assert len(known.take(bundle)) == 1000
    _listed(known, "later", listings["folder 31"])
    assert known.ask(_ref("later", listings["folder 31"][0]), "1")


def test_a_page_that_is_missing_makes_a_folder_unknown_and_a_new_listing_replaces_the_old_one() -> None:
    known = KnownFolders()
    entries = _entries("a", 20)
    folder = EntryRef("/a", "id:a")
    refs = [folder.child(entry.name, entry.id) for entry in entries]
    known.listed(folder, "id:a", entries, begins=False, ends=True)
    assert not known.ask(refs[0], "1")
    known.listed(folder, "id:a", entries[:10], begins=True, ends=False)
    assert all(known.ask(ref, "1") for ref in refs[:10])
    assert known.worthwhile(refs[0]) is None
    known.listed(folder, "id:a", entries[10:], begins=False, ends=True)
    bundle = known.worthwhile(refs[0])
    assert bundle is not None
    assert (bundle.top.at, bundle.entries, bundle.size) == ("id:a", 21, 2000)
    known.listed(folder, "id:a", entries[:1], begins=True, ends=True)
    assert not known.ask(refs[5], "1")


def test_nothing_is_asked_for_that_dropbox_has_no_name_of() -> None:
    known = KnownFolders()
    entries = _entries("top", 10)
    known.listed(EntryRef("/"), "", entries, begins=True, ends=True)
    refs = [EntryRef("/").child(entry.name, entry.id) for entry in entries]
    assert all(known.ask(ref, "1") for ref in refs)
    assert known.worthwhile(refs[0]) is None
