"""What `mover profile` does."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.table import Table

from mover.cli.codes import ALL_WELL
from mover.cli.remote.choice import KEY_VARIABLE, checked_address, checked_key, key_from
from mover.cli.remote.profiles import Profile, profiles
from mover.cli.screen import out, print_json, words
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret


def add(name: str, server: str, api_key: str | None, ca_file: Path | None, *, machine: bool) -> int:
    """Save a server with its key."""
    url = checked_address(server)
    if ca_file is not None and not ca_file.is_file():
        raise InvalidConfiguration(f"--ca-file: there is no file {str(ca_file)!r}")
    key = key_from(api_key) or _asked(machine=machine)
    known = profiles()
    known.save(Profile(name=name, server=url, key=key, ca_file=str(ca_file.absolute()) if ca_file else None))
    if machine:
        print_json({"name": name, "server": url, "used": known.used() == name})
    else:
        used = " and used from now on" if known.used() == name else f"; to use it: mover profile use {name}"
        out().print(words(f"{name} is saved{used}"))
    return ALL_WELL


def list_profiles(*, machine: bool) -> int:
    """List the profiles."""
    known = profiles()
    used = known.used()
    if machine:
        print_json(
            [
                {"name": each.name, "server": each.server, "ca_file": each.ca_file, "used": each.name == used}
                for each in known.all()
            ]
        )
        return ALL_WELL
    found = known.all()
    if not found:
        out().print("No server is saved yet. Begin with: mover profile add NAME --server https://...")
        return ALL_WELL
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in ("", "name", "server", "certificates"):
        table.add_column(heading, overflow="fold")
    for each in found:
        table.add_row(
            "*" if each.name == used else "",
            words(each.name, "bold"),
            words(each.server),
            words(each.ca_file or "", "dim"),
        )
    out().print(table)
    return ALL_WELL


def use(name: str, *, machine: bool) -> int:
    """Make a profile the one in use."""
    profiles().use(name)
    if machine:
        print_json({"name": name, "used": True})
    else:
        out().print(words(f"{name} is used by `mover remote` from now on"))
    return ALL_WELL


def remove(name: str, *, machine: bool) -> int:
    """Forget a profile."""
    profiles().remove(name)
    if machine:
        print_json({"name": name, "removed": True})
    else:
        out().print(words(f"{name} is forgotten; its key stays good until it is revoked on the server"))
    return ALL_WELL


def _asked(*, machine: bool) -> Secret:
    if machine or not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidConfiguration(f"no API key; set {KEY_VARIABLE} or give --api-key @file:PATH")
    import typer  # noqa: PLC0415 - loaded already by the command line

    return checked_key(Secret(str(typer.prompt("API key", hide_input=True, err=True))))
