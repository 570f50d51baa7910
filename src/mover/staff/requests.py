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
from mover.staff.approving import ApprovalKey, Proof, signed
from mover.staff.letters import approved_letter, moment, scope_words
from mover.staff.queries import people
from mover.staff.queries import requests as queries
from mover.staff.records import (
    STAFF_LOG,
    Approval,
    Request,
    RequestKind,
    RequestState,
    Scope,
    StaffMember,
)
from mover.vault.vault import Vault

_SECOND_NS = 1_000_000_000
_SHORTEST_REASON = 10
_LONGEST_REASON = 1000
_LONGEST_CASE = 100
_MOST_LISTED = 500
_ROUND_NS = 60 * _SECOND_NS
_LARGEST_NS = 2**63 - 1  # of a column


def _nothing_more(_transaction: Connection, _request: Request) -> None:
    pass


class NotApproved(MayNot):
    """A request does not stand: too few approved it, it was refused or withdrawn, or it is over."""

    advice = "Ask for it on the page of requests; somebody else of the staff has to approve it."


class Requests:
    """Asks, approves, refuses, withdraws. Nobody can approve their own, and each step is in an audit log.

    For `BREAK_GLASS` that is the organisation's, and its owners are told by mail in the transaction of the approval. What
    concerns a `LEGAL_EXPORT` stands in the staff's own log until `disclosed_ns`, since the law may forbid to tell.

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
        self._auditor = auditor
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
            reason=_reason(reason),
            case=_case(kind, case),
            asked_by=staff.id,
            asked_by_email=staff.email,
            asked_ns=now_ns,
            expires_ns=_expiry(kind, expires_ns, now_ns),
            state=RequestState.OPEN,
            bound=bound,
        )
        if kind is RequestKind.BREAK_GLASS and (scope.from_ns is not None or scope.until_ns is not None):
            raise NotAcceptable("a period is for a legal export; what is looked at here has none")
        for moment_ns in (scope.from_ns, scope.until_ns):
            _expect_near(moment_ns)
        if scope.from_ns is not None and scope.until_ns is not None and scope.from_ns >= scope.until_ns:
            raise NotAcceptable("the period ends before it begins")

        def ask(transaction: Connection) -> Request:
            _expect_staff(transaction, staff)
            name = queries.organisation_name(transaction, scope.organisation_id)
            if name is None:
                raise NoSuchThing("there is no such organisation")
            if (missing := queries.missing_part(transaction, scope)) is not None:
                raise NoSuchThing(f"there is no such {missing} in this organisation")
            asked = replace(request, organisation_name=name)
            queries.add(transaction, asked)
            self._record(transaction, staff, Action.EXCEPTION_ASKED, asked, now_ns)
            along(transaction, asked)
            return asked

        return await self._database.write(ask)

    async def approve(self, staff: StaffMember, request_id: str) -> Request:
        """Approve what somebody else asked for; it stands once enough did.

        Raises NotFound, PermissionDenied (one's own, or not of the staff any more), Conflict (approved by them already,
        not open, expired).
        """
        now_ns = self._now_ns()
        key = await self._key.signing()
        proof = Proof(key.public)

        def approve(transaction: Connection) -> Request:
            found = proof.of(self._locked(transaction, staff, request_id))
            if staff.id == found.asked_by or staff.email == found.asked_by_email:
                raise MayNot("nobody approves what they asked for themselves; it takes somebody else")
            if found.state is not RequestState.OPEN:
                raise NotPossible(f"this request is {found.state.value} already")
            _expect_in_time(found, now_ns)
            if any(staff.id == one.staff_id or staff.email == one.email for one in found.approvals):
                raise NotPossible("you have approved this already; it takes somebody else too")
            approval = signed(found, Approval(staff.id, staff.email, now_ns), key)
            queries.remove_approval(transaction, found.id, staff.id)  # a row that nobody signed
            queries.approve(transaction, found.id, approval)
            after = replace(found, approvals=(*found.approvals, approval))
            if not after.missing:
                after = replace(after, state=RequestState.APPROVED, approved_ns=now_ns)
                queries.change(transaction, found.id, state=after.state.value, approved_ns=now_ns)
            self._record(
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
        said = one_line(why, limit=_LONGEST_REASON)
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
        return _there(found)

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
        found = proof.of(_there(queries.find(transaction, request_id)))
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
        _expect_staff(transaction, staff)
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
        self._record(transaction, staff, Action.EXCEPTION_USED, request, self._now_ns(), what=what, **details)

    async def disclose_on(self, staff: StaffMember, request_id: str, disclosed_ns: int) -> Request:
        """Say from when on an organisation may know of a legal export; until it was told this can be changed.

        Raises NotFound, PermissionDenied, Conflict (not one of those, or told already), InvalidConfiguration (after 2262).
        """
        _expect_near(disclosed_ns)
        now_ns = self._now_ns()

        def change(transaction: Connection) -> Request:
            found = self._locked(transaction, staff, request_id)
            if found.kind is not RequestKind.LEGAL_EXPORT:
                raise NotPossible("the organisation knows of this from the start")
            if found.told_ns is not None:
                raise NotPossible("the organisation has been told already")
            after = replace(found, disclosed_ns=disclosed_ns)
            queries.change(transaction, found.id, disclosed_ns=disclosed_ns)
            self._record(
                transaction,
                staff,
                Action.EXCEPTION_DISCLOSURE_SET,
                after,
                now_ns,
                disclosed=moment(disclosed_ns),
            )
            return after

        return await self._database.write(change)

    async def disclose_due(self, *, limit: int = 100) -> int:
        """Tell organisations, in their audit logs, what they may know by now; returns how many were told."""
        now_ns = self._now_ns()

        def tell(transaction: Connection) -> int:
            due = queries.undisclosed(transaction, now_ns, limit)
            for request in due:
                asker = StaffMember(
                    id=request.asked_by,
                    email=request.asked_by_email,
                    name="",
                    created_ns=0,
                    last_sign_in_ns=None,
                    has_second_factor=False,
                    password_given=False,
                )
                self._auditor.record(
                    transaction,
                    asker.actor(request.scope.organisation_id),
                    Action.EXCEPTION_DISCLOSED,
                    _subject(request),
                    _details(request) | {"state": request.state.value, "asked": moment(request.asked_ns)},
                    now_ns=now_ns,
                )
                queries.change(transaction, request.id, told_ns=now_ns)
            return len(due)

        return await self._database.write(tell)

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
            found = self._locked(transaction, staff, request_id)
            check(found)
            if found.state.is_over:
                raise NotPossible(f"this request is {found.state.value} already")
            _expect_in_time(found, now_ns)
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
        """End a request in the caller's transaction, and keep who did it."""
        now_ns = self._now_ns()
        after = replace(found, state=state, ended_by_email=staff.email, ended_ns=now_ns, ended_why=why)
        queries.change(
            transaction,
            found.id,
            state=state.value,
            ended_by_email=staff.email,
            ended_ns=now_ns,
            ended_why=why,
        )
        self._record(transaction, staff, action, after, now_ns, **({"why": why} if why else {}))
        return after

    def _locked(self, transaction: Connection, staff: StaffMember, request_id: str) -> Request:
        _expect_staff(transaction, staff)
        return _there(queries.lock(transaction, request_id))

    def _record(
        self,
        transaction: Connection,
        staff: StaffMember,
        action: Action,
        request: Request,
        now_ns: int,
        **details: str,
    ) -> None:
        secretly = request.kind is RequestKind.LEGAL_EXPORT
        self._auditor.record(
            transaction,
            staff.actor(STAFF_LOG if secretly else request.scope.organisation_id),
            action,
            _subject(request),
            _details(request) | details,
            now_ns=now_ns,
        )

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


def _subject(request: Request) -> str:
    match request.kind:
        case RequestKind.BREAK_GLASS:
            return f"staff access to {request.organisation_name}"
        case RequestKind.LEGAL_EXPORT:
            return f"legal export from {request.organisation_name}"


def _details(request: Request) -> dict[str, str]:
    details = {
        "request": request.id,
        "organisation": request.scope.organisation_id,
        "scope": scope_words(request.scope),
        "reason": request.reason,
        "expires": moment(request.expires_ns),
        "asked_by": request.asked_by_email,
    }
    if request.case:
        details["case"] = request.case
    if request.approvals:
        details["approved_by"] = ", ".join(one.email for one in request.approvals)
    return details


def _there(found: Request | None) -> Request:
    if found is None:
        raise NoSuchThing("there is no such request")
    return found


def _expect_staff(transaction: Connection, staff: StaffMember) -> None:
    """Somebody whose account was removed a moment ago does nothing more."""
    if people.find(transaction, staff.id) is None:
        raise MayNot("this account is not of the staff any more")


def _expect_in_time(request: Request, now_ns: int) -> None:
    if now_ns >= request.expires_ns:
        raise NotPossible(f"this request expired on {moment(request.expires_ns)}")


def _expect_near(moment_ns: int | None) -> None:
    if moment_ns is not None and not -_LARGEST_NS <= moment_ns <= _LARGEST_NS:
        raise NotAcceptable("this day is too far off")


def _reason(text: str) -> str:
    reason = one_line(text, limit=_LONGEST_REASON + 1)
    if len(reason) < _SHORTEST_REASON:
        raise NotAcceptable("give a reason that the other side will understand: at least 10 characters")
    if len(reason) > _LONGEST_REASON:
        raise NotAcceptable(f"the reason is longer than {_LONGEST_REASON} characters")
    return reason


def _case(kind: RequestKind, text: str) -> str:
    case = one_line(text, limit=_LONGEST_CASE + 1)
    if kind is RequestKind.LEGAL_EXPORT and not case:
        raise NotAcceptable("a legal export needs the name of the case: that of the court or the authority")
    if len(case) > _LONGEST_CASE:
        raise NotAcceptable(f"the name of the case is longer than {_LONGEST_CASE} characters")
    return case


def _expiry(kind: RequestKind, expires_ns: int, now_ns: int) -> int:
    longest_ns = kind.longest_s * _SECOND_NS
    if expires_ns <= now_ns:
        raise NotAcceptable("the expiry has passed already")
    # A form names minutes: what was chosen to be the longest time must not fail for the seconds that it took to send it.
    if expires_ns > now_ns + longest_ns + _ROUND_NS:
        raise NotAcceptable(f"the expiry is too far off: at most {kind.longest_s // 86_400} days")
    return min(expires_ns, now_ns + longest_ns)
