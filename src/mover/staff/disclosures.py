"""When an organisation may know of a legal export: the law may forbid to tell before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from mover.accounts.audit import Action, Auditor
from mover.accounts.refusals import NotPossible
from mover.database.database import Database
from mover.staff.letters import moment
from mover.staff.queries import requests as queries
from mover.staff.records import Request, RequestKind, StaffMember
from mover.staff.request_log import RequestLog
from mover.staff.request_rules import expect_near, locked

_SECOND_NS = 1_000_000_000


class Disclosures:
    """Days that somebody of the staff sets, and what is told when they have come.

    Args:
        database: Where requests and audit logs are.
        auditor: Keeps what happened.
        now: Seconds since 1970 UTC.
    """

    def __init__(self, database: Database, auditor: Auditor, *, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._log = RequestLog(auditor)
        self._now = now

    async def set(self, staff: StaffMember, request_id: str, disclosed_ns: int) -> Request:
        """Say from when on an organisation may know of a legal export; until it was told this can be changed.

        Raises NotFound, PermissionDenied, Conflict (not one of those, or told already), InvalidConfiguration (after 2262).
        """
        expect_near(disclosed_ns)
        now_ns = self._now_ns()

        def change(transaction: Connection) -> Request:
            found = locked(transaction, staff, request_id)
            if found.kind is not RequestKind.LEGAL_EXPORT:
                raise NotPossible("the organisation knows of this from the start")
            if found.told_ns is not None:
                raise NotPossible("the organisation has been told already")
            after = replace(found, disclosed_ns=disclosed_ns)
            queries.change(transaction, found.id, disclosed_ns=disclosed_ns)
            self._log.record(
                transaction,
                staff,
                Action.EXCEPTION_DISCLOSURE_SET,
                after,
                now_ns,
                disclosed=moment(disclosed_ns),
            )
            return after

        return await self._database.write(change)

    async def tell_due(self, *, limit: int = 100) -> int:
        """Tell organisations, in their audit logs, what they may know by now; returns how many were told."""
        now_ns = self._now_ns()

        def tell(transaction: Connection) -> int:
            due = queries.undisclosed(transaction, now_ns, limit)
            for request in due:
                self._log.disclose(transaction, request, now_ns)
                queries.change(transaction, request.id, told_ns=now_ns)
            return len(due)

        return await self._database.write(tell)

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)
