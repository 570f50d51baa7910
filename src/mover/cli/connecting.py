"""`mover connect`, `connections` and `disconnect`: saved accounts."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from rich.table import Table

from mover.cli.codes import ALL_WELL
from mover.cli.faults import say
from mover.cli.figures import moment_text
from mover.cli.screen import err, out, print_json, words
from mover.cli.values import Value, ask_for_missing, read_values, terminal_to_ask, visible_secrets
from mover.cli.workplace import workplace
from mover.connections.records import Connection, check_name
from mover.connectors.registry import connector_type
from mover.transport.oauth.tokens import ACCESS_TOKEN, REFRESH_TOKEN
from mover.workplace.workplace import Workplace


def fill_in(service: str, name: str, arguments: Sequence[str], *, machine: bool) -> Mapping[str, Value]:
    """Read what was typed and ask for the rest. Not in the event loop: a question must be open to Ctrl-C.

    Raises InvalidConfiguration.
    """
    kind = connector_type(service)
    check_name(name)
    given = read_values(kind.config, arguments)
    for key in visible_secrets(kind.config, arguments):
        say(
            f"{key} stands in the command line, where others on this machine can see it",
            f"Better: {key}=@env:VARIABLE or {key}=@file:PATH",
            style="bold yellow",
        )
    return ask_for_missing(kind.config, given, None if machine else terminal_to_ask())


def signs_in_by_browser(service: str, values: Mapping[str, Value]) -> bool:
    """Tell whether a browser is needed: the service is signed in to with one, and no tokens were given."""
    return connector_type(service).oauth is not None and not {ACCESS_TOKEN, REFRESH_TOKEN} & values.keys()


async def connect(
    service: str,
    name: str,
    values: Mapping[str, Value],
    *,
    replace: bool,
    test: bool,
    machine: bool,
    sign_in: Callable[[Workplace], Awaitable[Mapping[str, Value]]] | None = None,
) -> int:
    """Save a connection, once it was signed in to; `sign_in` makes tokens of what was filled in."""
    found: dict[str, Value] = {}
    account = None
    async with workplace() as place:
        if sign_in is not None:
            values = await sign_in(place)
        if test:
            account, found = await place.connections.rehearse(name, service, values, replace=replace)
        saved = await place.connections.add(name, service, {**values, **found}, replace=replace)
    host_key = found.get("host_key")
    pinned = fingerprint(host_key) if isinstance(host_key, str) else None
    if machine:
        told = _as_object(saved)
        if account:
            told |= {"account": account.description, "secure": account.secure, "host_key": pinned}
        print_json(told)
        return ALL_WELL
    if pinned:
        err().print(words(f"host key pinned: {pinned}"))
        err().print(
            "Compare it with what the server's administrator says; it will be insisted on from now on.",
            style="dim",
        )
    line = words(f"{name}", "bold green")
    line.append_text(words(f" is connected: {account.description}" if account else " is saved, not tested"))
    out().print(line)
    if account and not account.secure and service != "local":
        say("the transport is not encrypted: others on the way can read along", style="bold yellow")
    return ALL_WELL


async def list_connections(*, machine: bool) -> int:
    """List the saved connections, without their secrets."""
    async with workplace() as place:
        found = await place.connections.all()
    if machine:
        print_json([_as_object(connection) for connection in found])
        return ALL_WELL
    if not found:
        out().print("There are no connections yet. Begin with: mover connect")
        return ALL_WELL
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for heading in ("name", "service"):
        table.add_column(heading, no_wrap=True)
    table.add_column("where", overflow="fold")
    table.add_column("last used", no_wrap=True)
    for connection in found:
        table.add_row(
            words(connection.name, "bold"),
            connection.service,
            words(_where(connection)),
            moment_text(connection.last_used_ns),
        )
    out().print(table)
    return ALL_WELL


async def disconnect(name: str, *, machine: bool) -> int:
    """Forget a connection, destroy its secrets, and revoke its tokens at the service."""
    async with workplace() as place:
        revocation = await place.connections.remove(name)
    if machine:
        print_json({"name": name, "removed": True, "revocation": revocation.outcome.value})
    else:
        out().print(words(f"{name} is forgotten, its secrets are destroyed"))
    if revocation.needs_a_person:
        say(revocation.words, style="bold yellow")
    elif revocation.words and not machine:
        out().print(words(revocation.words))
    return ALL_WELL


def fingerprint(host_key: str) -> str:
    """What people compare: `SHA256:...`, as `ssh-keygen -l` prints it for a key in OpenSSH's one-line form."""
    try:
        kind, encoded = host_key.split()[:2]
        digest = hashlib.sha256(base64.b64decode(encoded, validate=True)).digest()
    except (ValueError, binascii.Error):
        return "not readable"
    return f"{kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _where(connection: Connection) -> str:
    config = connection.config
    address = config.get("url") or config.get("endpoint") or config.get("host") or ""
    if "port" in config:
        address = f"{address}:{config['port']}"
    user = config.get("account") or config.get("username") or config.get("access_key")
    inside = config.get("bucket") or config.get("path")
    text = f"{user}@{address}" if user and address else str(user or address)
    return " ".join(part for part in (text, str(inside or "")) if part)


def _as_object(connection: Connection) -> dict[str, Any]:
    config: Mapping[str, Any] = connection.config
    return {
        "name": connection.name,
        "service": connection.service,
        "id": connection.id,
        "config": dict(config),
        "created_ns": connection.created_ns,
        "last_used_ns": connection.last_used_ns,
    }
