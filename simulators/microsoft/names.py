"""Which names are refused ("Restrictions and limitations in OneDrive and SharePoint")."""

from __future__ import annotations

from simulators.microsoft.errors import GraphError, invalid
from simulators.nodes import Node

_FORBIDDEN = frozenset('"*:<>?/\\|')
_RESERVED = frozenset(
    {
        "con",
        "prn",
        "aux",
        "nul",
        ".lock",
        "desktop.ini",
        *(f"{p}{d}" for p in ("com", "lpt") for d in range(10)),
    }
)
_LONGEST_NAME = 255
_LONGEST_PATH = 400


def check_name(name: str, parent: Node, prefix: str, *, personal: bool) -> None:
    """Refuse a name that an item in `parent` cannot have; `prefix` is the path of the drive's root at its host."""
    if not name or name != name.strip(" ") or name.endswith(".") or name in {".", ".."}:
        raise _bad_name()
    if any(c in _FORBIDDEN or ord(c) < 0x20 or ord(c) == 0x7F for c in name):  # noqa: PLR2004 - the controls
        raise _bad_name()
    lower = name.lower()
    if lower in _RESERVED or lower.startswith("~$"):
        raise _bad_name()
    if not personal and ("_vti_" in lower or (lower == "forms" and parent.parent is None)):
        raise _bad_name()
    if _length(name) > _LONGEST_NAME:
        raise _too_long()
    if _length(f"{prefix.strip('/')}{parent.path.rstrip('/')}/{name}") > _LONGEST_PATH:
        raise _too_long()


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _bad_name() -> GraphError:
    return invalid("The provided name cannot contain special characters or is reserved.", "invalidName")


def _too_long() -> GraphError:
    return invalid("The specified file or folder name is too long.", "pathIsTooLong")
