"""What stands in a map: people, groups and whole domains, and what becomes of a user by it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from mover.errors import InvalidConfiguration
from mover.migrations.folding import fold
from mover.migrations.records import Subject
from mover.transfer.grantees import GranteeMap

_LONGEST = 320
_DOMAIN = re.compile(r"@?(?=.{1,253}$)([^\s@.,;]+\.)+[^\s@.,;]{2,}")


class Mapped(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a user or group.

    Attributes:
        user: As it was asked.
        destination: None if no row speaks of them, empty if they are dropped.
        by: The source of the row that decided; empty if none did.
    """

    user: str
    destination: str | None
    by: str


def subject_of(source: str) -> Subject:
    """Tell what a row is about: `ann@example.org` a person, `example.org` or `@example.org` a domain, else a group."""
    if "@" in source.lstrip("@"):
        return Subject.PERSON
    if _DOMAIN.fullmatch(source):
        return Subject.DOMAIN
    return Subject.GROUP


def checked_row(source: str, destination: str) -> tuple[Subject, str, str, str]:
    """Return kind, source, what it is found by, and destination. Raises InvalidConfiguration."""
    source, destination = source.strip(), destination.strip()
    for what, text in (("source", source), ("destination", destination)):
        if len(text) > _LONGEST or not text.isprintable():
            raise InvalidConfiguration(
                f"the {what} has at most {_LONGEST} characters, on one line: {text[:40]!r}"
            )
    if not source:
        raise InvalidConfiguration("the source is missing")
    kind = subject_of(source)
    if kind is Subject.DOMAIN:
        source, destination = source.removeprefix("@"), destination.removeprefix("@")
        if destination and subject_of(destination) is not Subject.DOMAIN:
            raise InvalidConfiguration(f"a domain is mapped to a domain, not to {destination[:60]!r}")
    return kind, source, key_of(source), destination


def key_of(source: str) -> str:
    """By what a row is found."""
    return fold(source.strip())


def wanted_keys(users: Sequence[str]) -> set[str]:
    """Keys of all rows that may decide about these users."""
    keys = {key_of(user) for user in users}
    return keys | {key.rpartition("@")[2] for key in keys if "@" in key}


def mapped(user: str, rows: GranteeMap) -> Mapped:
    """Say what becomes of a user.

    Their own row counts first, then that of their domain, which keeps what stands before the @.
    """
    found = rows.look_up(user)
    if found is None:
        return Mapped(user=user, destination=None, by="")
    return Mapped(user=user, destination=found.destination, by=found.by)
