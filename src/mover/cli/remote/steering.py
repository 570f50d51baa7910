"""Starting, pausing and ending what runs on a server."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from mover.cli.codes import ALL_WELL
from mover.cli.figures import count_text
from mover.cli.remote.answers import Changed, Started
from mover.cli.remote.finding import find_migration
from mover.cli.remote.server import Server
from mover.cli.remote.watching import watch_start
from mover.cli.screen import out, print_json, words
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret


class Deed(enum.Enum):
    """What can be done to runs that are under way: its address, and what is said of it."""

    PAUSE = ("pause", "asked to pause")
    RESUME = ("resume", "going on")
    CANCEL = ("cancel", "asked to end")


async def start(
    server: Server,
    migration: str,
    *,
    pairs: Sequence[int],
    text: str | None,
    mode: str,
    failed_only: bool,
    keys: Mapping[str, Secret],
    watch: bool,
    machine: bool,
) -> int:
    """Start pairs; with `watch` return only when all have ended, with the exit code that says how."""
    found = await find_migration(server, migration)
    body: dict[str, Any] = {"pairs": chosen(pairs, text)}
    if not failed_only:
        body["mode"] = mode
    if keys:
        body["keys"] = _revealed(keys)
    deed = "retry" if failed_only else "start"
    started = await server.post(f"/migrations/{found.id}/{deed}", Started, body)
    if watch and started.migration_run_id is not None:
        return await watch_start(server, found, started.migration_run_id, machine=machine)
    if machine:
        print_json(msgspec.to_builtins(started))
        return ALL_WELL
    line = words(found.name, "bold")
    line.append_text(words(f": {count_text(started.started, 'pair')} started"))
    if started.already_running:
        line.append_text(words(f", {started.already_running:,} under way already", "yellow"))
    out().print(line)
    return ALL_WELL


async def give_keys(
    server: Server,
    migration: str,
    *,
    pairs: Sequence[int],
    text: str | None,
    keys: Mapping[str, Secret],
    machine: bool,
) -> int:
    """Give keys to the runs that wait for them."""
    if not keys:
        raise InvalidConfiguration("give at least one of --open-with, --crypt-from and --crypt-to")
    found = await find_migration(server, migration)
    body = {"pairs": chosen(pairs, text), "keys": _revealed(keys)}
    changed = await server.post(f"/migrations/{found.id}/keys", Changed, body)
    if machine:
        print_json(msgspec.to_builtins(changed))
    else:
        out().print(words(f"{count_text(changed.pairs, 'pair')} going on with the key"))
    return ALL_WELL


def _revealed(keys: Mapping[str, Secret]) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in keys.items()}


async def steer(
    server: Server, deed: Deed, what: str, *, pairs: Sequence[int], text: str | None, machine: bool
) -> int:
    """Pause, resume or cancel a run (its number), or pairs of a migration (its name)."""
    path, said = deed.value
    if what.isdecimal():
        if pairs or text is not None:
            raise InvalidConfiguration(
                "--pair and --filter go with a migration, not with the number of a run"
            )
        changed = await server.post(f"/runs/{what}/{path}", Changed)
    else:
        found = await find_migration(server, what)
        body = {"pairs": chosen(pairs, text)}
        changed = await server.post(f"/migrations/{found.id}/{path}", Changed, body)
    if machine:
        print_json(msgspec.to_builtins(changed))
    else:
        out().print(words(f"{count_text(changed.pairs, 'pair')} {said}"))
    return ALL_WELL


def chosen(pairs: Sequence[int], text: str | None) -> Mapping[str, Any]:
    """Which pairs: these, those that match a filter, or all. Raises InvalidConfiguration."""
    if pairs and text is not None:
        raise InvalidConfiguration("give --pair or --filter, not both")
    if pairs:
        return {"ids": list(pairs)}
    return {"filter": text} if text else {"all": True}
