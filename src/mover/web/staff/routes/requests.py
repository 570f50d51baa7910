"""Exceptions: asking, approving, refusing, withdrawing; and saying when an organisation may know of a legal export.

Legal exports are asked for and approved at the command line, where the keys are shown that they are sealed to. Here they are
seen, refused and withdrawn.
"""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from mover.accounts.refusals import NotPossible
from mover.errors import InvalidConfiguration, NotFound
from mover.lawful.orders import remove_over
from mover.staff.approving import asked_digest
from mover.staff.letters import scope_words
from mover.staff.looks import Look
from mover.staff.metadata import OrganisationView
from mover.staff.records import Request, RequestKind, RequestState, Scope
from mover.staff.request_rules import expect_shown
from mover.web.forms import Form, sentence
from mover.web.staff.visit import StaffVisit
from mover.web.staff.ways import Reach, StaffWay

_PLACE = "staff-requests"
_HOUR_NS = 3_600 * 1_000_000_000
_DURATIONS = (
    ("1", "1 hour"),
    ("4", "4 hours"),
    ("24", "1 day"),
    ("72", "3 days"),
)
_FIELDS = ("reason", "case", "person", "connection", "pair", "hours")


async def requests(visit: StaffVisit) -> Response:
    """List them, the newest first."""
    return visit.page(
        "staff/requests.html",
        place=_PLACE,
        requests=await visit.services_of_staff.requests.newest(limit=200),
        state=lambda request: _state(visit, request),
        scope_words=scope_words,
    )


async def request(visit: StaffVisit) -> Response:
    """Show one."""
    return await _show(visit, await _found(visit), Form())


async def ask_page(visit: StaffVisit) -> Response:
    """Show the form."""
    given = {name: visit.query(name) for name in ("pair", "connection", "person")}
    form = Form({"hours": "4", **given})
    return await _form(visit, form)


async def ask(visit: StaffVisit) -> Response:
    """Take it."""
    form = visit.filled_in(*_FIELDS)
    if not form.require(reason="Say why.", hours="Say for how long."):
        return await _form(visit, form, again=True)
    try:
        asked = await visit.services_of_staff.requests.ask(
            visit.member,
            RequestKind.BREAK_GLASS,
            Scope(
                organisation_id=visit.organisation_id,
                person_id=form.values["person"] or None,
                connection_id=form.values["connection"] or None,
                pair_id=form.values["pair"].strip() or None,
            ),
            form.values["reason"],
            form.values["case"],
            visit.house.now_ns() + _hours(form.values["hours"]) * _HOUR_NS,
        )
    except (InvalidConfiguration, NotFound) as error:
        form.blame(
            error,
            fields={
                "reason": "reason",
                "case": "case",
                "expiry": "hours",
                "pair": "pair",
                "connection": "connection",
                "person": "person",
            },
        )
        return await _form(visit, form, again=True)
    return visit.go(f"/staff/requests/{asked.id}", "Asked. Somebody else of the staff has to approve it.")


async def approve(visit: StaffVisit) -> Response:
    """Approve what somebody else asked for."""
    found = await _found(visit)
    if found.kind is RequestKind.LEGAL_EXPORT:
        raise NotPossible("a legal export is approved at the command line, where its recipients are shown")
    expect_shown(found, visit.text("shown"))
    after = await visit.services_of_staff.requests.approve(visit.member, found)
    return visit.go(f"/staff/requests/{after.id}", "Approved. The owners are told by mail.")


async def refuse(visit: StaffVisit) -> Response:
    """Refuse it, or stop what was approved."""
    form = visit.filled_in("why")
    try:
        after = await visit.services_of_staff.requests.refuse(
            visit.member, visit.parameter("request_id"), visit.text("why")
        )
    except InvalidConfiguration as error:
        form.faults["why"] = sentence(error)
        return await _show(visit, await _found(visit), form)
    await _forget_collected(visit)
    return visit.go(f"/staff/requests/{after.id}", "Refused.")


async def withdraw(visit: StaffVisit) -> Response:
    """Withdraw one's own."""
    after = await visit.services_of_staff.requests.withdraw(visit.member, visit.parameter("request_id"))
    await _forget_collected(visit)
    return visit.go(f"/staff/requests/{after.id}", "Withdrawn.")


async def disclose(visit: StaffVisit) -> Response:
    """Say from when on the organisation may know of a legal export."""
    form = visit.filled_in("disclosed")
    day = _day(form.values["disclosed"])
    if day is None:
        form.faults["disclosed"] = "Give a day, such as 2027-01-31."
        return await _show(visit, await _found(visit), form)
    try:
        after = await visit.services_of_staff.disclosures.set(
            visit.member, visit.parameter("request_id"), day
        )
    except InvalidConfiguration as error:
        form.faults["disclosed"] = sentence(error)
        return await _show(visit, await _found(visit), form)
    return visit.go(
        f"/staff/requests/{after.id}", "The organisation's audit log will tell it from that day on."
    )


async def _forget_collected(visit: StaffVisit) -> None:
    """Remove what runners handed over for a legal export that was stopped, at once."""
    await remove_over(visit.house.services.database, visit.house.now_ns())


async def _found(visit: StaffVisit) -> Request:
    return await visit.services_of_staff.requests.find(visit.parameter("request_id"))


async def _show(visit: StaffVisit, found: Request, form: Form) -> Response:
    now_ns = visit.house.now_ns()
    waits = not found.state.is_over and now_ns < found.expires_ns
    mine = found.asked_by == visit.member.id
    approved = any(one.staff_id == visit.member.id for one in found.approvals)
    can_approve = waits and not mine and not approved and found.state is RequestState.OPEN
    show = visit.again if form.faults else visit.page
    return show(
        "staff/request.html",
        place=_PLACE,
        request=found,
        shown=asked_digest(found),
        form=form,
        state=_state(visit, found),
        scope=scope_words(found.scope),
        can_approve=can_approve and found.kind is RequestKind.BREAK_GLASS,
        approved_elsewhere=can_approve and found.kind is RequestKind.LEGAL_EXPORT,
        can_refuse=waits and not mine,
        can_withdraw=waits and mine,
        can_disclose=found.kind is RequestKind.LEGAL_EXPORT and found.told_ns is None,
    )


async def _form(visit: StaffVisit, form: Form, *, again: bool = False) -> Response:
    view: OrganisationView = await visit.views.organisation(visit.organisation_id)
    show = visit.again if again else visit.page
    return show("staff/ask.html", place=_PLACE, form=form, view=view, durations=_DURATIONS)


def _state(visit: StaffVisit, found: Request) -> tuple[str, str, str]:
    """Word, tone and sign."""
    if found.state is RequestState.REFUSED:
        return "Refused", "bad", "ban"
    if found.state is RequestState.WITHDRAWN:
        return "Withdrawn", "idle", "x"
    if visit.house.now_ns() >= found.expires_ns:
        return "Over", "idle", "clock"
    if found.state is RequestState.APPROVED:
        return "Approved", "good", "shield-check"
    return "Waits for approval", "warn", "clock"


def _hours(text: str) -> int:
    if text not in dict(_DURATIONS):
        raise InvalidConfiguration("the expiry is not one of those that can be chosen")
    return int(text)


def _day(text: str) -> int | None:
    """The beginning of a day in UTC; None for anything else."""
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(day.timestamp()) * 1_000_000_000


_ASK = "/staff/organisations/{organisation_id}/ask"
_ONE = "/staff/requests/{request_id}"

WAYS = (
    StaffWay("GET", "/staff/requests", Reach.STAFF, Look.NONE, requests),
    StaffWay("GET", _ONE, Reach.STAFF, Look.NONE, request),
    StaffWay("GET", _ASK, Reach.STAFF, Look.ORGANISATION, ask_page, "form to ask for an exception"),
    StaffWay("POST", _ASK, Reach.STAFF, Look.ORGANISATION, ask, "form to ask for an exception"),
    StaffWay("POST", f"{_ONE}/approve", Reach.STAFF, Look.NONE, approve),
    StaffWay("POST", f"{_ONE}/refuse", Reach.STAFF, Look.NONE, refuse),
    StaffWay("POST", f"{_ONE}/withdraw", Reach.STAFF, Look.NONE, withdraw),
    StaffWay("POST", f"{_ONE}/disclose", Reach.STAFF, Look.NONE, disclose),
)
