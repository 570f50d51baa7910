"""The archives: a file of JSON lines for each table that has something, and a page that says what they are."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, Table, literal, select, tuple_

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.audit import Action
from mover.accounts.audit_log import AuditLog, nobody
from mover.accounts.queries import organisations, people
from mover.accounts.records import Person, Requirement, SignedIn
from mover.accounts.refusals import MayNot, NoSuchThing
from mover.accounts.sessions import Sessions, require_own_credentials
from mover.database.database import Database
from mover.privacy.sections import ORGANISATION, PEOPLE_IN_AN_ORGANISATION, PERSON, SECRETS, Section
from mover.privacy.zip_stream import zipped

_ROWS = 500
_ABOUT = """This archive was made by Mover on {moment}. It holds everything that is kept of {whom}.

Each file has one JSON object a line and is named like the table that its rows are from; what each column is for stands in
Mover's documentation, docs/privacy.md. Names that end in _ns are nanoseconds since 1970 UTC, bytes are base64.

Left out are passwords' and tokens' hashes and everything else that opens something, and the secrets of connections: nobody
can read those out of Mover. {more}
"""
_OF_PERSON = "What organisations moved is theirs; their owners can export it."
_OF_ORGANISATION = (
    "audit_log.jsonl is the organisation's sealed log: `mover audit verify audit_log.jsonl` verifies it."
)


class DataExports:
    """Makes archives.

    Args:
        database: With everything.
        sessions: Says whether a sign-in is recent.
        audit: Keeps that there was an export, and has the log.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        sessions: Sessions,
        audit: AuditLog,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._sessions = sessions
        self._audit = audit
        self._now = now

    async def own(self, signed_in: SignedIn) -> AsyncIterator[bytes]:
        """Everything about the person who is signed in, as ZIP. Needs a recent sign-in. Raises PermissionDenied."""
        require_own_credentials(signed_in)
        if signed_in.requirement is Requirement.SECOND_FACTOR:
            raise MayNot("your organisation asks for a second factor first")
        self._sessions.require_recent(signed_in)
        return await self._person(signed_in.person, signed_in.actor)

    async def of_person(self, email: str) -> AsyncIterator[bytes]:
        """Everything about somebody, as ZIP; for the operator. Raises NotFound."""
        found = await self._database.read(lambda transaction: people.by_email(transaction, email.lower()))
        if found is None:
            raise NoSuchThing(f"nobody here has the mail address {email[:80]!r}")
        return await self._person(found.person, None)

    async def organisation(self, actor: Actor) -> AsyncIterator[bytes]:
        """Everything about the actor's organisation, as ZIP. Needs OWN."""
        actor.require(Permission.OWN)
        found = await self._database.read(
            lambda transaction: organisations.find(transaction, actor.organisation_id)
        )
        if found is None:
            raise NoSuchThing("there is no such organisation")
        await self._record(actor, Action.ORGANISATION_EXPORTED, f"organisation {found.name}")
        sections = self._sections(ORGANISATION, actor.organisation_id, people_as=PEOPLE_IN_AN_ORGANISATION)
        log = await self._audit.export(actor)
        return self._archive(
            f"the organisation {found.name}", _OF_ORGANISATION, sections, {"audit_log.jsonl": log}
        )

    async def _person(self, person: Person, actor: Actor | None) -> AsyncIterator[bytes]:
        await self._record_in_all(person, actor)
        return self._archive(person.email, _OF_PERSON, self._sections(PERSON, person), {})

    async def _record_in_all(self, person: Person, actor: Actor | None) -> None:
        """In each of the person's organisations; nobody's log if there is none."""
        now_ns = self._now_ns()

        def record(transaction: Connection) -> None:
            belongs = organisations.of_person(transaction, person.id)
            for chain in [one.organisation_id for one in belongs] or [""]:
                acting = (
                    Actor(chain, ActorKind.PERSON, actor.id, actor.name, frozenset())
                    if actor
                    else nobody("the operator", chain)
                )
                self._audit.record(
                    transaction, acting, Action.DATA_EXPORTED, f"person {person.email}", now_ns=now_ns
                )

        await self._database.write(record)

    async def _record(self, actor: Actor, action: Action, subject: str) -> None:
        now_ns = self._now_ns()
        await self._database.write(
            lambda transaction: self._audit.record(transaction, actor, action, subject, now_ns=now_ns)
        )

    def _archive(
        self,
        whom: str,
        more: str,
        sections: AsyncIterator[tuple[str, AsyncIterator[bytes]]],
        files: dict[str, AsyncIterator[bytes]],
    ) -> AsyncIterator[bytes]:
        moment = datetime.fromtimestamp(self._now(), UTC)
        about = _ABOUT.format(moment=moment.strftime("%d %B %Y, %H:%M UTC"), whom=whom, more=more)

        async def entries() -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
            yield "about.txt", _once(about.encode())
            async for section in sections:
                yield section
            for file in files.items():
                yield file

        return zipped(
            entries(), (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
        )

    async def _sections(
        self, sections: Sequence[Section], whose: Any, *, people_as: Collection[str] | None = None
    ) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        for section in sections:
            shown = people_as if section.table.name == "people" else None
            rows = self._rows(section.table, section.of(whose), shown)
            first = await anext(rows, b"")
            if first:
                yield f"{section.table.name}.jsonl", _with_first(first, rows)

    async def _rows(
        self, table: Table, where: ColumnElement[bool], shown: Collection[str] | None
    ) -> AsyncIterator[bytes]:
        """The rows of a table in the order of its primary key, some at a time."""
        key = list(table.primary_key.columns)
        columns = [
            column
            for column in table.columns
            if column.name not in SECRETS and (shown is None or column.name in shown)
        ]
        after: tuple[Any, ...] | None = None
        while True:
            query = select(*columns, *(column.label(f"key {number}") for number, column in enumerate(key)))
            query = query.where(where).order_by(*key).limit(_ROWS)
            if after is not None:
                query = query.where(
                    tuple_(*key)
                    > tuple_(*(literal(value, column.type) for value, column in zip(after, key, strict=True)))
                )
            rows = await self._page(query)
            if not rows:
                return
            names = [column.name for column in columns]
            yield b"".join(_line(dict(zip(names, row, strict=False))) for row in rows)
            if len(rows) < _ROWS:
                return
            after = tuple(rows[-1][len(names) :])

    async def _page(self, query: Select[Any]) -> Sequence[Row[Any]]:
        return await self._database.read(lambda transaction: transaction.execute(query).all())

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _line(row: dict[str, Any]) -> bytes:
    spelled = {
        name: base64.b64encode(value).decode() if isinstance(value, bytes | memoryview) else _sound(value)
        for name, value in row.items()
    }
    return msgspec.json.encode(spelled) + b"\n"


def _sound(value: Any) -> Any:
    """Text without halves of pairs, which JSON has no bytes for: file names may hold them."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _with_first(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
