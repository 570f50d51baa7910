"""What audit logs say of exceptions: in the organisation's, or in the staff's own as long as the law may forbid to tell."""

from __future__ import annotations

from sqlalchemy import Connection

from mover.accounts.audit import Action, Auditor
from mover.staff.letters import moment, scope_words
from mover.staff.records import STAFF_LOG, Request, RequestKind, StaffMember


class RequestLog:
    """Writes down what was done about requests.

    Args:
        auditor: Keeps it.
    """

    def __init__(self, auditor: Auditor) -> None:
        self._auditor = auditor

    def record(
        self,
        transaction: Connection,
        staff: StaffMember,
        action: Action,
        request: Request,
        now_ns: int,
        **details: str,
    ) -> None:
        """Keep an act in its transaction, with the request's reason, scope and approvals."""
        secretly = request.kind is RequestKind.LEGAL_EXPORT
        self._auditor.record(
            transaction,
            staff.actor(STAFF_LOG if secretly else request.scope.organisation_id),
            action,
            subject_of(request),
            details_of(request) | details,
            now_ns=now_ns,
        )

    def disclose(self, transaction: Connection, request: Request, now_ns: int) -> None:
        """Tell an organisation, in its own log, of what was asked for and done before it might know."""
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
            subject_of(request),
            details_of(request) | {"state": request.state.value, "asked": moment(request.asked_ns)},
            now_ns=now_ns,
        )


def subject_of(request: Request) -> str:
    """What it is about, in words."""
    match request.kind:
        case RequestKind.BREAK_GLASS:
            return f"staff access to {request.organisation_name}"
        case RequestKind.LEGAL_EXPORT:
            return f"legal export from {request.organisation_name}"


def details_of(request: Request) -> dict[str, str]:
    """What else helps those who read the log."""
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
