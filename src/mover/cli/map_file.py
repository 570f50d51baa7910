"""The map of `--permissions MAP.csv`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from mover.errors import InvalidConfiguration
from mover.migrations.map_files import read_map
from mover.transfer.grantees import GranteeMap

_SHOWN = 5
_PIECE = 64 * 1024


async def read_map_file(path: str) -> GranteeMap:
    """Read a map. Raises InvalidConfiguration that names the lines which cannot be understood."""
    rows, problems = await read_map(_pieces(Path(path)))
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise InvalidConfiguration(f"--permissions: {path}: {'; '.join(problems[:_SHOWN])}{more}")
    return GranteeMap({key: (source, destination) for key, (_, source, _, destination) in rows.items()})


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece
    except OSError as error:
        raise InvalidConfiguration(f"--permissions: {path} cannot be read: {error.strerror}") from None
