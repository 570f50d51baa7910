"""`mover connect` without a name: what can be connected, and what has to be filled in."""

from __future__ import annotations

from rich.table import Table

from mover.cli.codes import ALL_WELL
from mover.cli.screen import out, print_json
from mover.connectors.configuration import Key
from mover.connectors.registry import connector_type, service_names


def list_services(*, machine: bool) -> int:
    """List the kinds of services."""
    kinds = [connector_type(name) for name in service_names()]
    if machine:
        print_json([{"service": kind.name, "title": kind.title} for kind in kinds])
        return ALL_WELL
    table = _table("service", "")
    for kind in kinds:
        table.add_row(kind.name, kind.title)
    out().print(table)
    out().print("\nWhat to fill in: mover connect SERVICE", style="dim")
    return ALL_WELL


def list_keys(service: str, *, machine: bool) -> int:
    """List the keys of a service. Raises InvalidConfiguration for an unknown one."""
    kind = connector_type(service)
    keys = [key for key in kind.config.keys() if not key.internal]  # noqa: SIM118 - not a dictionary's `keys`
    if machine:
        described = [{name: value for name, value in vars(key).items() if name != "internal"} for key in keys]
        print_json({"service": kind.name, "title": kind.title, "keys": described})
        return ALL_WELL
    table = _table("key", "", "")
    for key in keys:
        table.add_row(key.name, "needed" if key.required else "", _about(key))
    out().print(table)
    example = " ".join(f"{key.name}=..." for key in keys if key.required)
    out().print(f"\nmover connect {service} NAME {example}", style="cyan")
    if kind.oauth is not None:
        out().print("It is signed in to with a browser, which opens then.", style="dim")
    out().print("@env:VARIABLE and @file:PATH as a value take it from there.", style="dim")
    return ALL_WELL


def _about(key: Key) -> str:
    return key.help + (" (secret)" if key.secret else "")


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
