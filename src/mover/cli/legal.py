"""What `mover legal` does."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from mover.accounts.audit_log import AuditLog
from mover.cli.codes import ALL_WELL, SOME_FAILED
from mover.cli.faults import say
from mover.cli.figures import size_text
from mover.cli.screen import err, out, print_json, words
from mover.cli.staff_terminal import Credentials, signed_in
from mover.cli.workplace import workplace
from mover.errors import InvalidConfiguration
from mover.lawful.exporting import Exported, Exporter, Limits
from mover.lawful.metadata import moment
from mover.lawful.orders import Orders
from mover.lawful.records import Answer, Order
from mover.migrations.signing import SigningKeys
from mover.staff.assembly import Staff, assemble
from mover.staff.letters import scope_words
from mover.staff.records import RequestState, StaffMember
from mover.transfer.measures import parse_moment, parse_size
from mover.workplace.workplace import Workplace

_AHEAD = re.compile(r"([0-9]{1,4}) *(min|[hdw])")
_UNITS_S = {"min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for, as it was typed."""

    case: str
    organisation: str
    reason: str
    recipients: tuple[str, ...]
    expires: str
    person: str | None
    connection: str | None
    pair: str | None
    since: str | None
    until: str | None


@dataclass(frozen=True)
class _Desk:
    """Somebody of the staff, signed in, and what they work with."""

    member: StaffMember
    place: Workplace
    staff: Staff
    orders: Orders


async def ask(who: Credentials, wanted: Wanted, *, machine: bool) -> int:
    """Ask for an export. Raises InvalidConfiguration, NotFound and what signing in raises."""
    expires_ns = expiry(wanted.expires)
    since = _moment("--from", wanted.since)
    until = _moment("--until", wanted.until)
    async with _desk(who) as desk:
        scope = await desk.orders.scope(
            wanted.organisation,
            person=wanted.person,
            connection=wanted.connection,
            pair=wanted.pair,
            from_ns=since,
            until_ns=until,
        )
        order = await desk.orders.ask(
            desk.member, scope, wanted.reason, wanted.case, wanted.recipients, expires_ns
        )
    _show(order, machine=machine)
    return ALL_WELL


async def list_orders(who: Credentials, *, machine: bool) -> int:
    """List what was asked for."""
    async with _desk(who) as desk:
        found = await desk.orders.all()
    for order in found:
        _show(order, machine=machine)
    if not found and not machine:
        say("nobody has asked for an export", style="bold yellow")
    return ALL_WELL


async def approve(who: Credentials, case: str, request: str | None, *, yes: bool, machine: bool) -> int:
    """Show what was asked for, and approve it."""
    async with _desk(who) as desk:
        order = await desk.orders.find(case, request)
        if not yes:
            _show(order, machine=False)
            if not _confirmed():
                return ALL_WELL
        order = await desk.orders.approve(desk.member, order)
    _show(order, machine=machine)
    return ALL_WELL


async def refuse(who: Credentials, case: str, request: str | None, why: str, *, machine: bool) -> int:
    """Refuse or withdraw it."""
    async with _desk(who) as desk:
        order = await desk.orders.stop(desk.member, await desk.orders.find(case, request), why)
    _show(order, machine=machine)
    return ALL_WELL


async def disclose(who: Credentials, case: str, request: str | None, on: str, *, machine: bool) -> int:
    """Say from when on the organisation may know of it."""
    at_ns = _moment("--on", on)
    assert at_ns is not None
    async with _desk(who) as desk:
        order = await desk.orders.find(case, request)
        changed = await desk.staff.disclosures.set(desk.member, order.request.id, at_ns)
    _show(Order(request=changed, recipients=order.recipients), machine=machine)
    return ALL_WELL


async def export(
    who: Credentials,
    case: str,
    request: str | None,
    output: Path,
    wait_s: float,
    most: str,
    *,
    machine: bool,
) -> int:
    """Export what is held now. Returns 1 if some runners gave no full answer."""
    limits = Limits(wait_s=wait_s, most_bytes=parse_size(most))
    async with _desk(who) as desk:
        await desk.orders.remove_over()
        order = await desk.orders.find(case, request)
        signing = SigningKeys(desk.place.database, desk.place.vault, AuditLog(desk.place.database))
        exporter = Exporter(desk.place.database, desk.staff.requests, signing)
        told = _quiet if machine else _telling()
        exported = await exporter.export(desk.member, order, output, limits, told=told)
    _tell(exported, output, machine=machine)
    return SOME_FAILED if exported.findings.silent else ALL_WELL


def expiry(text: str, *, now: Callable[[], float] = time.time) -> int:
    """A moment in nanoseconds since 1970 UTC: a date, or how far off it is. Raises InvalidConfiguration."""
    if found := _AHEAD.fullmatch(text.strip()):
        return (int(now()) + int(found[1]) * _UNITS_S[found[2]]) * _NS
    try:
        return parse_moment(text)
    except InvalidConfiguration:
        raise InvalidConfiguration(f"--expires: not a date: {text!r} (write 2026-05-31, 7d or 12h)") from None


@asynccontextmanager
async def _desk(who: Credentials) -> AsyncIterator[_Desk]:
    async with workplace() as place:
        staff = assemble(place.database, place.vault, place.settings, AuditLog(place.database))
        try:
            async with signed_in(staff, who) as member:
                yield _Desk(member, place, staff, Orders(place.database, staff.requests))
        finally:
            await staff.close()


def _moment(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except InvalidConfiguration as error:
        raise InvalidConfiguration(f"{option}: {error.message}") from None


def _confirmed() -> bool:
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidConfiguration("there is no terminal to ask at; if you are sure, add --yes")
    if typer.confirm("Approve this?", err=True):
        return True
    say("nothing was changed", style="bold yellow")
    return False


def _show(order: Order, *, machine: bool) -> None:
    if machine:
        print_json(_as_object(order))
        return
    request = order.request
    out().print(words(f"{request.case}  {_state(order)}", "bold"))
    for name, text in (
        ("request", request.id),
        ("organisation", f"{request.organisation_name} ({request.scope.organisation_id})"),
        ("scope", scope_words(request.scope)),
        ("reason", request.reason),
        ("asked by", f"{request.asked_by_email} on {moment(request.asked_ns)}"),
        ("approved by", ", ".join(one.email for one in request.approvals) or "nobody yet"),
        ("expires", moment(request.expires_ns) or ""),
        ("recipients", ", ".join(order.recipients) or "none: it cannot be exported"),
        ("disclosed", moment(request.disclosed_ns) or "not before somebody says so"),
    ):
        out().print(words(f"  {name}: {text}"))


def _state(order: Order) -> str:
    request = order.request
    if not request.state.is_over and time.time_ns() >= request.expires_ns:
        return "expired"
    if request.state is RequestState.OPEN:
        return f"waits for {request.missing} more to approve"
    return request.state.value


def _as_object(order: Order) -> dict[str, object]:
    request, scope = order.request, order.request.scope
    return {
        "case": request.case,
        "request": request.id,
        "state": request.state.value,
        "missing_approvals": request.missing,
        "organisation": scope.organisation_id,
        "person": scope.person_id,
        "connection": scope.connection_id,
        "pair": scope.pair_id,
        "from_ns": scope.from_ns,
        "until_ns": scope.until_ns,
        "reason": request.reason,
        "asked_by": request.asked_by_email,
        "approved_by": [one.email for one in request.approvals],
        "asked_ns": request.asked_ns,
        "expires_ns": request.expires_ns,
        "disclosed_ns": request.disclosed_ns,
        "recipients": order.recipients,
    }


def _quiet(_answers: list[Answer]) -> None:
    pass


def _telling() -> Callable[[list[Answer]], None]:
    """Tell whenever the number of runners that are waited for changes."""
    before = -1

    def told(answers: list[Answer]) -> None:
        nonlocal before
        waiting = sum(not one.state.is_final for one in answers)
        if waiting and waiting != before:
            err().print(words(f"waiting for {waiting} of {len(answers)} runners", "dim"))
        before = waiting

    return told


def _tell(exported: Exported, output: Path, *, machine: bool) -> None:
    findings = exported.findings
    silent = [{"runner": one.runner, "answer": one.state.words} for one in findings.silent]
    if machine:
        print_json(
            {
                "file": str(output),
                "size": exported.size,
                "sha256": exported.sha256,
                "held": findings.sentence,
                "nothing_held": findings.nothing_held,
                "parts": len(findings.handed_over),
                "bytes": findings.bytes,
                "resumed": exported.resumed,
                "no_full_answer": silent,
            }
        )
        return
    if exported.resumed:
        say(
            f"this is what was held at {moment(findings.collection.opened_ns)}, for an export that was broken off",
            style="bold yellow",
        )
    out().print(words(findings.sentence, "bold"))
    for one in silent:
        out().print(words(f"  {one['runner']} {one['answer']}"))
    out().print(words(f"{output}: {size_text(exported.size)}, SHA-256 {exported.sha256}"))
