"""Keeping an event, in the transaction of the act."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Protocol

from sqlalchemy import Connection

from mover.audit import queries
from mover.errors import one_line

_LONGEST_SUBJECT = 300
_LONGEST_NAME = 254
_LONGEST_DETAIL = 500
_SALT_BYTES = 16


class Acting(Protocol):
    """Who did it, as far as the log is concerned: `accounts.actor.Actor` is one."""

    @property
    def organisation_id(self) -> str:
        """The chain; empty: nobody's."""

    @property
    def kind(self) -> str:
        """Of the one who acts: `person`, `api_key`, `system`."""

    @property
    def id(self) -> str:
        """The person's, the API key's; for the system a word."""

    @property
    def name(self) -> str:
        """For people who read it."""


class Auditor(Protocol):
    """Keeps what happened."""

    def record(
        self,
        transaction: Connection,
        actor: Acting,
        action: str,
        subject: str,
        details: Mapping[str, str] | None = None,
        *,
        now_ns: int,
    ) -> None:
        """Keep one event in the caller's transaction, so that there is no act without it and no event without its act.

        Args:
            transaction: Of the act.
            actor: Who did it; the event is kept for the actor's organisation (empty: nobody's).
            action: A word of the room in which it was done, such as `migration.started`.
            subject: To what, as a person would name it (`person ann@example.org`).
            details: What else helps, without secrets.
            now_ns: When.
        """


class Recorder:
    """The `Auditor` that writes to `audit_events`. Text is made safe to print on one line.

    Args:
        salt: Makes random text of so many bytes in hexadecimal digits.
    """

    def __init__(self, salt: Callable[[int], str] = token_hex) -> None:
        self._salt = salt

    def record(
        self,
        transaction: Connection,
        actor: Acting,
        action: str,
        subject: str,
        details: Mapping[str, str] | None = None,
        *,
        now_ns: int,
    ) -> None:
        """See `Auditor`."""
        queries.add(
            transaction,
            organisation_id=actor.organisation_id,
            happened_ns=now_ns,
            actor_kind=str(actor.kind),
            actor_id=actor.id,
            actor_name=one_line(actor.name, limit=_LONGEST_NAME),
            action=str(action),
            subject=one_line(subject, limit=_LONGEST_SUBJECT),
            details=json.dumps(
                {key: one_line(value, limit=_LONGEST_DETAIL) for key, value in (details or {}).items()}
            ),
            salt=self._salt(_SALT_BYTES),
        )
