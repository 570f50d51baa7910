"""What is never moved: Mover's own state, should it stand inside the source. A copy of it would carry its keys."""

from __future__ import annotations

import os
import re
from pathlib import Path

from mover.errors import InvalidConfiguration
from mover.naming import text_from_bytes
from mover.settings import Settings
from mover.workplace.sides import Sides

_SPECIAL = re.compile(r"([\\*?\[\]!#])")


def kept_out(settings: Settings, sides: Sides) -> tuple[str, ...]:
    """Patterns that keep Mover's own files out of a move.

    Raises InvalidConfiguration where the source is nothing else.
    """
    if (root := sides.local_source) is None:
        return ()
    if _is_own(settings, root):
        raise InvalidConfiguration(f"{sides.source.label} is where Mover keeps its own state and keys")
    own = (settings.home, settings.staging_path, settings.global_key_path)
    below = {path for path in map(_real, own) if path.startswith(root.rstrip("/") + "/")}
    return tuple(sorted(_pattern(path[len(root.rstrip("/")) :]) for path in below))


def _is_own(settings: Settings, root: str) -> bool:
    """Tell whether a local folder is, or lies in, one of Mover's own."""
    own = map(_real, (settings.home, settings.staging_path))
    return any(root == path or root.startswith(path + "/") for path in own)


def _real(path: Path) -> str:
    return text_from_bytes(os.path.realpath(os.fsencode(path)))


def _pattern(path: str) -> str:
    return _SPECIAL.sub(r"\\\1", path)
