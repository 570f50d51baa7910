"""Every exception needs two people: one who asks and at least one other who approves, with a reason, a scope and an expiry."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from secrets import token_hex

from sqlalchemy import Connection

from mover.accounts.audit import Action, Auditor
from mover.accounts.refusals import MayNot, NoSuchThing, NotAcceptable, NotPossible
from mover.database.database import Database
from mover.errors import one_line
from mover.notices.outbox import put_mails
from mover.staff.approving import ApprovalKey, Proof, asked_digest, signed
from mover.staff.letters import approved_letter, moment
from mover.staff.queries import people
from mover.staff.queries import requests as queries
from mover.staff.records import (
    Approval,
    Request,
    RequestKind,
    RequestState,
    Scope,
    StaffMember,
)
from mover.staff.request_log import RequestLog
from mover.staff.request_rules import (
    LONGEST_REASON,
    case_of,
    expect_in_time,
    expect_period,
    expect_shown,
    expect_staff,
    expiry_of,
    locked,
    reason_of,
    there,
)
from mover.vault.vault import Vault

_SECOND_NS = 1_000_000_000
_MOST_LISTED = 500


def _nothing_more(_transaction: Connection, _request: Request) -> None:
    pass


class NotApproved(MayNot):
    """A request does not stand: too few approved it, it was refused or withdrawn, or it is over."""

    advice = "Ask for it on the page of requests; somebody else of the staff has to approve it."


class Requests:
    """Asks, approves, refuses, withdraws. Nobody can approve their own, and each step is in an audit log.

    For `BREAK_GLASS` that is the organisation's, and its owners are told by mail in the transaction of the approval. What
    concerns a `LEGAL_EXPORT` stands in the staff's own log, see `disclosures.py`.

    Args:
        database: Where they are.
        vault: Holds the key that signs approvals.
        auditor: Keeps what happened.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self, database: Database, vault: Vault, auditor: Auditor, *, now: Callable[[], float] = time.time
    ) -> None:
        self._database = database
        self._key = ApprovalKey(vault)
        self._log = RequestLog(auditor)
        self._now = now

    async def ask(
        self,
        staff: StaffMember,
        kind: RequestKind,
        scope: Scope,
        reason: str,
        case: str,
        expires_ns: int,
        *,
        bound: str = "",
        along: Callable[[Connection, Request], None] = _nothing_more,
    ) -> Request:
        """Ask for an exception.

        Args:
            staff: Who asks, and may use it once it is approved.
            kind: For what.
            scope: As narrow as it can be.
            reason: 10 to 1000 characters, for those who approve and for the organisation.
            case: Of a court, an authority, a ticket; a legal export needs one.
            expires_ns: Then it is over, approved or not: at most three days off, 30 for a legal export.
            bound: A digest of what else is asked for, which is then approved as well.
            along: Writes more in the same transaction.

        Raises InvalidConfiguration, NotFound (no such organisation, or nothing like that in it), PermissionDenied.
        """
        now_ns = self._now_ns()
        request = Request(
            id=token_hex(16),
            kind=kind,
            scope=scope,
            organisation_name="",
            reason=reason_of(reason),
            case=case_of(kind, case),
            asked_by=staff.id,
            asked_by_email=staff.email,
            asked_ns=now_ns,
            expires_ns=expiry_of(kind, expires_ns, now_ns),
            state=RequestState.OPEN,
            bound=bound,
        )
        expect_period(kind, scope)

        def ask(transaction: Connection) -> Request:
            expect_staff(transaction, staff)
            name = queries.organisation_name(transaction, scope.organisation_id)
            if name is None:
                raise NoSuchThing("there is no such organisation")
            if (missing := queries.missing_part(transaction, scope)) is not None:
                raise NoSuchThing(f"there is no such {missing} in this organisation")
            asked = replace(request, organisation_name=name)
            queries.add(transaction, asked)
            self._log.record(transaction, staff, Action.EXCEPTION_ASKED, asked, now_ns)
            along(transaction, asked)
            return asked

        return await self._database.write(ask)

    async def approve(self, staff: StaffMember, shown: Request) -> Request:
        """Approve what somebody else asked for, exactly as it was shown; it stands once enough did.

        Raises NotFound, PermissionDenied (one's own, or not of the staff any more), Conflict (approved by them already,
        not open, expired, or not what was shown any more).
        """
        now_ns = self._now_ns()
        key = await self._key.signing()
        proof = Proof(key.public)

        def approve(transaction: Connection) -> Request:
            found = proof.of(locked(transaction, staff, shown.id))
            expect_shown(found, asked_digest(shown))
            if staff.id == found.asked_by or staff.email == found.asked_by_email:
                raise MayNot("nobody approves what they asked for themselves; it takes somebody else")
            if found.state is not RequestState.OPEN:
                raise NotPossible(f"this request is {found.state.value} already")
            expect_in_time(found, now_ns)
            if any(staff.id == one.staff_id or staff.email == one.email for one in found.approvals):
                raise NotPossible("you have approved this already; it takes somebody else too")
            approval = signed(found, Approval(staff.id, staff.email, now_ns), key)
            queries.remove_approval(transaction, found.id, staff.id)  # a row that nobody signed
            queries.approve(transaction, found.id, approval)
            after = replace(found, approvals=(*found.approvals, approval))
            if not after.missing:
                after = replace(after, state=RequestState.APPROVED, approved_ns=now_ns)
                queries.change(transaction, found.id, state=after.state.value, approved_ns=now_ns)
            self._log.record(
                transaction, staff, Action.EXCEPTION_APPROVED, after, now_ns, missing=str(after.missing)
            )
            if after.state is RequestState.APPROVED and after.kind is RequestKind.BREAK_GLASS:
                self._tell_owners(transaction, after, staff, now_ns)
            return after

        return await self._database.write(approve)

    async def refuse(self, staff: StaffMember, request_id: str, why: str) -> Request:
        """End what somebody else asked for, also when it was approved: whoever has doubts stops it.

        Raises NotFound, PermissionDenied, Conflict (over already), InvalidConfiguration (no word why).
        """
        said = one_line(why, limit=LONGEST_REASON)
        if not said:
            raise NotAcceptable("say why it is refused")

        def check(found: Request) -> None:
            if staff.id == found.asked_by:
                raise MayNot("this is your own request: withdraw it instead")

        return await self._end(staff, request_id, RequestState.REFUSED, said, check)

    async def withdraw(self, staff: StaffMember, request_id: str) -> Request:
        """End what one asked for oneself. Raises NotFound, PermissionDenied, Conflict (over already)."""

        def check(found: Request) -> None:
            if staff.id != found.asked_by:
                raise MayNot("only the one who asked withdraws a request; you can refuse it")

        return await self._end(staff, request_id, RequestState.WITHDRAWN, "", check)

    async def find(self, request_id: str) -> Request:
        """Find a request, whatever became of it. Raises NotFound."""
        found = await self._database.read(lambda transaction: queries.find(transaction, request_id))
        return there(found)

    async def newest(self, *, organisation_id: str | None = None, limit: int = 100) -> list[Request]:
        """List requests, the newest first, at most 500."""
        limit = max(1, min(limit, _MOST_LISTED))
        return await self._database.read(
            lambda transaction: queries.newest(transaction, organisation_id=organisation_id, limit=limit)
        )

    async def standing(self, request_id: str) -> Request:
        """Return a request that may be acted upon now.

        Raises NotFound, PermissionDenied (`NotApproved`: too few other people approved it, it was refused or withdrawn, it
        is over, or the one who asked is not of the staff any more). For a whole act call it again in the transaction of the
        act, as `expect_standing`.
        """
        proof = await self.proof()
        return await self._database.read(
            lambda transaction: self.expect_standing(transaction, request_id, proof)
        )

    async def proof(self) -> Proof:
        """What tells true approvals from rows that somebody wrote; to be had before the transaction that needs it."""
        return await self._key.proof()

    def expect_standing(self, transaction: Connection, request_id: str, proof: Proof) -> Request:
        """Do as `standing` within the caller's transaction, so that nothing is done that was refused meanwhile."""
        found = proof.of(there(queries.find(transaction, request_id)))
        now_ns = self._now_ns()
        if found.state.is_over:
            raise NotApproved(f"this request was {found.state.value} on {moment(found.ended_ns or now_ns)}")
        if now_ns >= found.expires_ns:
            raise NotApproved(f"this request expired on {moment(found.expires_ns)}")
        if not found.stands(now_ns):
            still = "one other person" if found.missing == 1 else f"{found.missing} other people"
            raise NotApproved(f"this request waits for the approval of {still}")
        if people.find(transaction, found.asked_by) is None:
            raise NotApproved("whoever asked for this is not of the staff any more")
        return found

    def expect_exception(
        self,
        transaction: Connection,
        staff: StaffMember,
        organisation_id: str,
        kind: RequestKind,
        proof: Proof,
    ) -> list[Request]:
        """List what stands for somebody about an organisation, what lasts longest first. Raises PermissionDenied (`NotApproved`)."""
        expect_staff(transaction, staff)
        now_ns = self._now_ns()
        said = queries.standing_of(transaction, staff.id, organisation_id, kind, now_ns)
        found = [request for request in map(proof.of, said) if request.stands(now_ns)]
        if not found:
            raise NotApproved("nothing was approved that would let you see or do this")
        return found

    def record_use(
        self, transaction: Connection, staff: StaffMember, request: Request, what: str, **details: str
    ) -> None:
        """Keep that an exception was used, in the transaction of the look or the act."""
        self._log.record(
            transaction, staff, Action.EXCEPTION_USED, request, self._now_ns(), what=what, **details
        )

    async def _end(
        self,
        staff: StaffMember,
        request_id: str,
        state: RequestState,
        why: str,
        check: Callable[[Request], None],
    ) -> Request:
        now_ns = self._now_ns()
        action = Action.EXCEPTION_REFUSED if state is RequestState.REFUSED else Action.EXCEPTION_WITHDRAWN

        def end(transaction: Connection) -> Request:
            found = locked(transaction, staff, request_id)
            check(found)
            if found.state.is_over:
                raise NotPossible(f"this request is {found.state.value} already")
            expect_in_time(found, now_ns)
            return self.end_within(transaction, staff, found, state, why, action)

        return await self._database.write(end)

    def end_within(
        self,
        transaction: Connection,
        staff: StaffMember,
        found: Request,
        state: RequestState,
        why: str,
        action: Action,
    ) -> Request:
        """End a request in the caller's transaction, and keep who did it.

        Its approvals lose their signatures, so that nobody brings it back by a word in its row.
        """
        now_ns = self._now_ns()
        queries.void_approvals(transaction, found.id)
        after = replace(found, state=state, ended_by_email=staff.email, ended_ns=now_ns, ended_why=why)
        queries.change(
            transaction,
            found.id,
            state=state.value,
            ended_by_email=staff.email,
            ended_ns=now_ns,
            ended_why=why,
        )
        self._log.record(transaction, staff, action, after, now_ns, **({"why": why} if why else {}))
        return after

    def _tell_owners(
        self, transaction: Connection, request: Request, approver: StaffMember, now_ns: int
    ) -> None:
        organisation_id = request.scope.organisation_id
        subject, paragraphs = approved_letter(request, approver.email)
        put_mails(
            transaction,
            organisation_id,
            queries.owners(transaction, organisation_id),
            subject,
            paragraphs,
            now_ns,
        )

    def _now_ns(self) -> int:
        return int(self._now() * _SECOND_NS)
