"""Every name that a service's rules accept really is kept, found and told apart."""

from __future__ import annotations

import os
import unicodedata

import pytest
from tests.contract.acts import listed, names, need, need_folders_in_folders, put, read, ref_of, sized
from tests.contract.services import Service

from mover.connectors.contract import Connector, is_temporary_name, temporary_name
from mover.entries import EntryKind, EntryRef
from mover.errors import NameRejected
from mover.naming import NameRules, text_from_bytes

HOSTILE = [
    "plain.txt",
    " leading blank",
    "trailing blank ",
    "  ",
    ".leading dot",
    "trailing dot.",
    "...",
    "~tilde",
    "-rf",
    "*?<>|\"'`$(id)",
    "back\\slash",
    "colon: semi; comma,",
    "percent %41 %2F %00 %zz 100%",
    "hash#fragment?query=1&b=2+c",
    "new\nline",
    "return\rtab\tbell\a",
    "\x7f delete",
    unicodedata.normalize("NFC", "café-nfc"),
    unicodedata.normalize("NFD", "café-nfd"),
    "emoji 👩‍👩‍👧 🎉",
    "right-to-left \u202e gnp.exe",
    "zero\u200bwidth",
    "Ünïcödé 日本語 العربية",
    "\U0001f4be" * 10,
    "\ufeffbyte order mark",
    "\ufffd replacement",
    "\u2028 line separator",
    "CON",
    "aux.txt",
    "desktop.ini",
    ".DS_Store",
    "Thumbs.db",
    "_vti_history",
    "look-alike \N{FULLWIDTH SOLIDUS} \N{FULLWIDTH COLON}",
    "quote \N{SINGLE HIGH-REVERSED-9 QUOTATION MARK} 41",
    "<xml>&amp;]]>",
    "{{template}} %s {0}",
    "con\N{COMBINING ACUTE ACCENT}",
    "x" * 255,
    "y" * 251 + ".txt",
    "é" * 127,
    "🎉" * 63,
    "index.html",
    "%",
    "+",
    "=?utf-8?q?encoded?=",
    "a b  c   d",
]


def _as_accepted(rules: NameRules, name: str) -> str | None:
    try:
        return rules.accepted(name)
    except NameRejected:
        return None


async def test_hostile_names_of_files_are_kept_and_found(connector: Connector, folder: EntryRef) -> None:
    rules = connector.capabilities.names
    accepted = {name: text for name in HOSTILE if (text := _as_accepted(rules, name)) is not None}
    assert len(accepted) > len(HOSTILE) / 2
    for name in accepted.values():
        await put(connector, folder, name, name.encode())
    assert await names(connector, folder) == sorted(accepted.values())
    for entry in await listed(connector, folder):
        assert await read(connector, ref_of(folder, entry)) == entry.name.encode()
        assert (await connector.look_up(ref_of(folder, entry).path)).name == entry.name
        assert (await connector.refresh(ref_of(folder, entry))).size == sized(
            connector, len(entry.name.encode())
        )
    assert sorted(rules.original(text) for text in accepted.values()) == sorted(accepted)


async def test_hostile_names_of_folders_are_kept_and_found(connector: Connector, folder: EntryRef) -> None:
    need(connector.capabilities.empty_folders, "empty folders")
    need_folders_in_folders(connector)
    rules = connector.capabilities.names
    accepted = sorted(text for name in HOSTILE if (text := _as_accepted(rules, name)) is not None)
    for name in accepted:
        inner = ref_of(folder, await connector.create_folder(folder, name))
        await put(connector, inner, "inside", name.encode())
    assert await names(connector, folder) == accepted
    for entry in await listed(connector, folder):
        assert entry.kind is EntryKind.FOLDER
        [inside] = await listed(connector, ref_of(folder, entry))
        file = ref_of(ref_of(folder, entry), inside)
        assert await read(connector, file) == entry.name.encode()


async def test_names_that_are_different_to_the_service_are_kept_apart(
    connector: Connector, folder: EntryRef
) -> None:
    rules = connector.capabilities.names
    pairs = [
        ("Case", "cASE"),
        (unicodedata.normalize("NFC", "é"), unicodedata.normalize("NFD", "é")),
        ("a", "a "),
    ]
    different = [pair for pair in pairs if len({rules.key(rules.accepted(name)) for name in pair}) == 2]
    expected = sorted({rules.accepted(name) for pair in different for name in pair})
    for name in expected:
        await put(connector, folder, name, name.encode())
    assert await names(connector, folder) == expected
    for entry in await listed(connector, folder):
        assert await read(connector, ref_of(folder, entry)) == entry.name.encode()


async def test_names_of_arbitrary_bytes_are_spelled_and_kept(
    service: Service, connector: Connector, folder: EntryRef
) -> None:
    need(connector.capabilities.names.byte_names and service.disk is not None, "names that are bytes")
    raw = [
        b"caf\xe9",
        b"\xff\xfe",
        b"\x80",
        "\N{SINGLE HIGH-REVERSED-9 QUOTATION MARK}FF".encode(),
        b"mixed \xc3\xa9 \xe9",
    ]
    for name in raw:
        await put(connector, folder, text_from_bytes(name), name)
    assert sorted(os.fsencode(file.name) for file in service.on_disk(folder.path).iterdir()) == sorted(raw)
    for entry in await listed(connector, folder):
        assert text_from_bytes(await read(connector, ref_of(folder, entry))) == entry.name


async def test_longest_name_can_be_uploaded_and_a_longer_one_is_refused(
    connector: Connector, folder: EntryRef
) -> None:
    longest = connector.capabilities.names.longest_name
    need(longest is not None, "a longest name")
    assert longest is not None
    await put(connector, folder, "n" * longest, b"x")
    with pytest.raises(NameRejected):
        await put(connector, folder, "n" * (longest + 1), b"x")
    assert await names(connector, folder) == ["n" * longest]


async def test_leftover_of_an_upload_is_listed_under_its_temporary_name(
    service: Service, connector: Connector, folder: EntryRef
) -> None:
    need(service.disk is not None, "a disk to look at")
    service.put_on_disk(f"{folder.path}/{temporary_name('left-over')}", b"x")
    [entry] = await listed(connector, folder)
    assert is_temporary_name(entry.name)
