"""`mover test`: signs in, and tells in words what can be done there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.table import Table

from mover.cli.codes import ALL_WELL
from mover.cli.connecting import fingerprint
from mover.cli.figures import size_text
from mover.cli.screen import out, print_json, words
from mover.cli.workplace import workplace
from mover.connectors.contract import Account, Connector, Setting
from mover.entries import HashName
from mover.errors import MoverError

_WELL_KNOWN = {
    HashName.SHA256: 0,
    HashName.SHA1: 1,
    HashName.MD5: 2,
    HashName.CRC64NVME: 3,
    HashName.CRC32C: 4,
}


async def test(name: str, *, machine: bool) -> int:
    """Sign in and look at the root folder. Raises what signing in raises."""
    async with workplace() as place:
        connector, account = await place.connections.sign_in(name)
        try:
            await connector.look_up("/")
            free = await _free_bytes(connector)
            calls = connector.calls
        except MoverError as error:
            error.at(service=name)
            raise
        finally:
            await connector.close()
        host_key = (await place.connections.get(name)).config.get("host_key")
    pinned = fingerprint(str(host_key)) if host_key else None
    if machine:
        print_json(_as_object(name, connector, account, free, pinned))
        return ALL_WELL
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for heading, text in _rows(connector, account, free, pinned):
        table.add_row(heading, words(text))
    line = words(name, "bold green")
    line.append(f" works ({calls} calls)")
    out().print(line)
    out().print(table)
    return ALL_WELL


async def _free_bytes(connector: Connector) -> int | None:
    return await connector.quota.free_bytes() if connector.quota else None


def _rows(
    connector: Connector, account: Account, free: int | None, pinned: str | None
) -> Iterator[tuple[str, str]]:
    can = connector.capabilities
    yield "account", account.description
    if connector.service != "local":
        yield "transport", "encrypted" if account.secure else "not encrypted"
    if pinned:
        yield "host key", pinned
    yield "free room", size_text(free) if free is not None else "not told"
    yield "times of files", _times(can.modified, can.modified_resolution_ns)
    yield "times of folders", "not kept" if can.folder_modified is Setting.NEVER else "kept"
    yield "arrivals proven", _proof(connector)
    if can.own_kind is not None:
        yield "takes", f"only {can.own_kind.what} (*{can.own_kind.suffix})"
    yield "large files", _parts(connector)
    yield "largest file", size_text(can.max_file_size) if can.max_file_size is not None else "no known limit"
    names = can.names
    yield "names", "upper and lower case are " + ("different" if names.case_sensitive else "the same")
    yield "renames", "followed" if connector.renames else "sent again"


def _times(setting: Setting, grain_ns: int | None) -> str:
    if setting is Setting.NEVER:
        return "not kept"
    return "kept" if grain_ns is None else f"kept to {_grain(grain_ns)}"


def _grain(grain_ns: int) -> str:
    for size, name in ((1_000_000_000, "second"), (1_000_000, "millisecond"), (1_000, "microsecond")):
        if grain_ns >= size:
            count = grain_ns // size
            return f"the {name}" if count == 1 else f"{count} {name}s"
    return "the nanosecond" if grain_ns == 1 else f"{grain_ns} nanoseconds"


def _proof(connector: Connector) -> str:
    if hashes := connector.capabilities.returned_hashes:
        return f"by the service's own {_names(hashes)}"
    if connector.hashes and connector.hashes.names:
        return f"by {_names(connector.hashes.names)} that the service computes"
    return "by reading back"


def _names(hashes: Iterable[HashName]) -> str:
    first, *others = sorted(hashes, key=lambda name: (_WELL_KNOWN.get(name, 9), name))
    return f"{first} ({len(others)} more)" if others else first


def _parts(connector: Connector) -> str:
    rules = connector.capabilities.parts
    if rules is None:
        return "sent whole"
    way = "several at once" if rules.parallel else "one after the other"
    return f"sent in parts from {size_text(rules.worthwhile_from)}, {way}; an interrupted one goes on"


def _as_object(
    name: str, connector: Connector, account: Account, free: int | None, pinned: str | None
) -> Mapping[str, Any]:
    can = connector.capabilities
    return {
        "name": name,
        "service": connector.service,
        "account": account.description,
        "secure": account.secure,
        "host_key": pinned,
        "free_bytes": free,
        "modified": can.modified.value,
        "modified_resolution_ns": can.modified_resolution_ns,
        "returned_hashes": sorted(can.returned_hashes),
        "listed_hashes": sorted(can.listed_hashes),
        "computed_hashes": sorted(connector.hashes.names) if connector.hashes else [],
        "parts": can.parts is not None,
        "max_file_size": can.max_file_size,
        "renames": connector.renames is not None,
        "case_sensitive": can.names.case_sensitive,
        "calls": connector.calls,
    }
