"""A connection as it is saved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mover.errors import InvalidConfiguration

LOCAL_FILES = "file"
"""What a local path begins with (`file:/x`), so no connection can have this name."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One saved account at a service. Holds no secret.

    Attributes:
        id: Random, kept for as long as the connection lives; what the ledger knows it by.
        person: Whose it is.
        name: As in `name:/path`; unique for the person.
        service: The connector's name.
        config: What was filled in and is not secret, and what the connector found out.
        created_ns: Nanoseconds since 1970 UTC.
        last_used_ns: Last successful sign-in; None before the first.
        deauthorised_ns: When its secrets were destroyed because nobody used it; None: it has them.
        added_by: The person of the organisation who added it, if one is known.
    """

    id: str
    person: str
    name: str
    service: str
    config: Mapping[str, Any]
    created_ns: int
    last_used_ns: int | None = None
    deauthorised_ns: int | None = None
    added_by: str | None = None

    @property
    def owner(self) -> str:
        """Where its secrets are in the vault."""
        return f"connection:{self.id}"


def check_name(name: str) -> str:
    """Return a name that a connection can have. Raises InvalidConfiguration."""
    if not _NAME.fullmatch(name):
        raise InvalidConfiguration(
            "the name of a connection begins with a letter or digit and has at most 63 letters, digits, _ . and - "
            f"(A to Z without accents); {name[:80]!r} has not"
        )
    if name.lower() == LOCAL_FILES:
        raise InvalidConfiguration(f"{name!r} stands for local files; choose another name for the connection")
    return name
