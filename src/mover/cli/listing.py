"""`mover ls`: what stands in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from mover.cli.addresses import parse_address
from mover.cli.codes import ALL_WELL
from mover.cli.figures import moment_text, size_text
from mover.cli.screen import out, print_json, words
from mover.cli.workplace import workplace
from mover.entries import Entry, EntryKind, EntryRef
from mover.errors import MoverError
from mover.workplace.sides import open_account

_MARKS = {EntryKind.FOLDER: "/", EntryKind.SHORTCUT: "@"}
_STYLES = {EntryKind.FOLDER: "bold blue", EntryKind.SHORTCUT: "cyan", EntryKind.SPECIAL: "yellow"}


async def ls(address: str, *, machine: bool) -> int:
    """List a folder, or describe a file. Prints as pages arrive, so that a folder of any size can be listed."""
    where = parse_address(address)
    async with workplace() as place, open_account(place, where) as side:
        try:
            entry = await side.connector.look_up(side.root)
            if entry.kind is not EntryKind.FOLDER:
                _print(entry, machine=machine)
                return ALL_WELL
            async with aclosing(side.connector.list_folder(EntryRef(side.root, entry.id))) as pages:
                async for page in pages:
                    for found in page.entries:
                        _print(found, machine=machine)
        except MoverError as error:
            raise error.at(path=side.label) from None
    return ALL_WELL


def _print(entry: Entry, *, machine: bool) -> None:
    if machine:
        print_json(_as_object(entry))
        return
    size = size_text(entry.size) if entry.kind is not EntryKind.FOLDER else ""
    line = words(f"{size:>10}  {moment_text(entry.modified_ns):>19}  ")
    line.append_text(words(entry.name + _MARKS.get(entry.kind, ""), _STYLES.get(entry.kind, "")))
    if entry.target:
        line.append_text(words(f" → {entry.target}", "dim"))
    if entry.kind in {EntryKind.NATIVE, EntryKind.SPECIAL}:
        line.append(f"  ({entry.kind})", style="dim")
    out().print(line)


def _as_object(entry: Entry) -> Mapping[str, Any]:
    found = {
        "name": entry.name,
        "kind": entry.kind,
        "size": entry.size,
        "modified_ns": entry.modified_ns,
        "created_ns": entry.created_ns,
        "id": entry.id,
        "version": entry.version,
        "hashes": dict(entry.hashes) or None,
        "target": entry.target,
        "media_type": entry.media_type,
    }
    return {name: value for name, value in found.items() if value is not None}
