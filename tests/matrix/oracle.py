"""Who is to see what at the destination, worked out anew from what the source says: nothing of the engine's code is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import aclosing

from tests.matrix.offices import OWNER, READ, WRITE, Office

from mover.connectors.contract import Connector
from mover.entries import AccessRole, EntryKind, EntryRef, GranteeKind, Permission

Who = tuple[GranteeKind, str]
Audience = dict[Who, AccessRole]
Said = dict[str, list[Permission]]

_ORDER = [READ, WRITE, OWNER]


async def said(connector: Connector, root: EntryRef) -> tuple[Said, frozenset[str]]:
    """What a service says of a folder and of all in it, by path from there; and which of these are files."""
    found: dict[str, EntryRef] = {"": root}
    files: set[str] = set()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        async with aclosing(connector.list_folder(folder)) as pages:
            entries = [entry async for page in pages for entry in page.entries]
        for entry in entries:
            ref = folder.child(entry.name, entry.id)
            path = ref.path.removeprefix(root.path)
            found[path] = ref
            if entry.kind is EntryKind.FOLDER:
                waiting.append(ref)
            else:
                files.add(path)
    assert connector.permissions is not None
    lines = await connector.permissions.of(list(found.values()))
    return {path: list(some) for path, some in zip(found, lines, strict=True)}, frozenset(files)


def audience(lines: Iterable[Permission]) -> Audience:
    """Who may do what by themselves; links are for whoever has them."""
    return _highest(
        ((line.kind, line.identity), line.role)
        for line in lines
        if not line.link and line.kind is not GranteeKind.ANYONE
    )


def links(lines: Iterable[Permission]) -> list[Permission]:
    """Shares by link."""
    return [line for line in lines if line.link or line.kind is GranteeKind.ANYONE]


def owners(lines: Iterable[Permission]) -> set[Who]:
    """Whose the root is: who sees all that is put there."""
    return {who for who, role in audience(lines).items() if role is OWNER}


def expected(
    source: Office,
    destination: Office,
    rows: Mapping[str, str],
    told: Said,
    files: frozenset[str],
    kinds: frozenset[GranteeKind],
) -> dict[str, Audience]:
    """What the destination is to say, by path; what would be open there to more people than at the source is not in it.

    `rows` is the map; whom it does not name gets nothing.
    """
    here = {path: _mapped(source, destination, rows, lines, kinds) for path, lines in told.items()}
    there: dict[str, Audience] = {}
    for path in sorted(here):
        folder, _, name = path.rpartition("/")
        if name and folder not in there:
            continue  # its folder is not put there
        above = there[folder] if name else {}
        wanted = dict(above) if path in files and not destination.on_files else here[path]
        if not name or all(_rank(here[path].get(who)) >= _rank(role) for who, role in above.items()):
            there[path] = wanted
    return there


def _mapped(
    source: Office,
    destination: Office,
    rows: Mapping[str, str],
    lines: Iterable[Permission],
    kinds: frozenset[GranteeKind],
) -> Audience:
    found: list[tuple[Who, AccessRole]] = []
    for line in lines:
        if line.link or line.kind is GranteeKind.ANYONE or _is_external(line):
            continue
        if line.service_role.lower() != "owner" or line.identity != source.person("olga"):
            table = {name.lower(): role for name, role in source.roles.items()}
            assert line.role is table[line.service_role.lower()], line  # the product's table of roles
        local, at, domain = line.identity.rpartition("@")
        if line.identity.lower() in rows:
            identity = rows[line.identity.lower()]
        elif at and domain in rows:
            identity = f"{local}@{rows[domain]}"
        else:
            continue
        role = WRITE if line.role is OWNER and not destination.gives_owners else line.role
        is_there = line.kind is not GranteeKind.GROUP or identity in destination.groups
        if identity and line.kind in kinds and is_there:
            found.append(((line.kind, identity), role))
    return _highest(found)


def _is_external(line: Permission) -> bool:
    return (
        line.kind is GranteeKind.PERSON and line.identity.endswith("@partner.example")
    ) or line.external is True


def _highest(found: Iterable[tuple[Who, AccessRole]]) -> Audience:
    best: Audience = {}
    for who, role in found:
        if _rank(best.get(who)) < _rank(role):
            best[who] = role
    return best


def _rank(role: AccessRole | None) -> int:
    return -1 if role is None else _ORDER.index(role)
