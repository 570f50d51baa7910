"""What shells offer when the person presses the tab key. Never fails, and makes nothing."""

from __future__ import annotations

import asyncio
from contextlib import suppress


def complete_service(incomplete: str) -> list[str]:
    """Kinds of services."""
    from mover.connectors.registry import service_names  # noqa: PLC0415

    return [name for name in service_names() if name.startswith(incomplete)]


def complete_name(incomplete: str) -> list[str]:
    """Names of connections."""
    return [name for name in _connection_names() if name.startswith(incomplete)]


def complete_address(incomplete: str) -> list[str]:
    """Names of connections with the colon that follows; paths of this machine are the shell's own business."""
    return [f"{name}:/" for name in _connection_names() if f"{name}:/".startswith(incomplete)]


def _connection_names() -> list[str]:
    from mover.errors import MoverError  # noqa: PLC0415

    # A tab key that prints an error is worse than one that offers nothing; the command itself will say what is wrong.
    with suppress(MoverError, OSError):
        return asyncio.run(_names())
    return []


async def _names() -> list[str]:
    from mover.cli.workplace import workplace  # noqa: PLC0415
    from mover.database.upgrading import condition  # noqa: PLC0415
    from mover.settings import Settings  # noqa: PLC0415

    if not (await condition(Settings().database_url)).up_to_date:
        return []
    async with workplace() as place:
        return [connection.name for connection in await place.connections.all()]
