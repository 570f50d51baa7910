"""The files of an archive, one after the other, read from the database when their turn comes. For a thread."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Row

from mover.database.database import Database
from mover.errors import IntegrityError
from mover.lawful.archive import Member, Written
from mover.lawful.crossing import Crossing
from mover.lawful.manifest import README, Findings, closing_members, part_name
from mover.lawful.metadata import item_line, pair_line
from mover.lawful.queries import collecting, scope
from mover.lawful.records import Order, Part
from mover.staff.records import Scope, StaffMember
from mover.vault.signing import SigningKey

LINES = 5_000
"""Rows of a file of metadata, at most: a file is whole in memory, since an archive says its size first."""

Rows = Callable[[Connection, Scope, int, int, int], list[Row[Any]]]


class Contents:
    """What goes into one archive.

    Args:
        crossing: Between the thread and the loop.
        database: Read from.
        order: What is exported.
        by: Who exports.
        findings: What runners held.
        key: Signs the manifest.
        now_ns: Nanoseconds since 1970 UTC.
    """

    def __init__(
        self,
        crossing: Crossing,
        database: Database,
        order: Order,
        by: StaffMember,
        findings: Findings,
        key: SigningKey,
        *,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._crossing = crossing
        self._database = database
        self._order = order
        self._by = by
        self._findings = findings
        self._key = key
        self._now_ns = now_ns
        self._period_ns = now_ns()
        self.written: list[Written] = []

    def members(self) -> Iterator[Member]:
        """Yield the files. Raises DatabaseTrouble, and IntegrityError for what is not as a runner handed it over."""
        yield Member.of("README.txt", README.encode())
        yield from self._lines("pairs", scope.pair_rows, pair_line)
        yield from self._lines("items", scope.item_rows, item_line)
        for number, part in enumerate(self._findings.handed_over, start=1):
            yield Member(part_name(number), part.sealed.sealed_bytes, self._age_file(part))
        yield from closing_members(
            self._order, self._by, self._findings, tuple(self.written), self._key, self._now_ns()
        )

    def _lines(self, name: str, rows: Rows, line: Callable[[Row[Any]], bytes]) -> Iterator[Member]:
        after, number = 0, 0
        while found := self._page(rows, after):
            number += 1
            after = found[-1].id
            yield Member.of(f"metadata/{name}.{number:06}.jsonl", b"".join(map(line, found)))

    def _page(self, rows: Rows, after: int) -> list[Row[Any]]:
        return self._crossing.wait(
            self._database.read(
                lambda connection: rows(connection, self._order.request.scope, after, LINES, self._period_ns)
            )
        )

    def _age_file(self, part: Part) -> Iterator[bytes]:
        digest, number = hashlib.sha256(), 0
        while (piece := self._piece(part.id, number)) is not None:
            digest.update(piece)
            number += 1
            yield piece
        if digest.hexdigest() != part.sealed.sealed_sha256:
            raise IntegrityError(
                "what a runner handed over is not in the database as it was", path=part.whose.path
            )

    def _piece(self, part_id: int, number: int) -> bytes | None:
        return self._crossing.wait(
            self._database.read(lambda connection: collecting.piece(connection, part_id, number))
        )
