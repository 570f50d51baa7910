"""What an organisation's owners are told by mail."""

from __future__ import annotations

from datetime import UTC, datetime

from mover.staff.records import Request, Scope


def approved_letter(request: Request, approved_by: str) -> tuple[str, tuple[str, ...]]:
    """Write that the staff may look further into the organisation: subject and paragraphs."""
    return (
        f"Staff may look into {request.organisation_name} until {moment(request.expires_ns)}",
        (
            f"{request.asked_by_email}, who helps to run this installation of Mover, asked to see more of {request.organisation_name} than names, sizes and states: {scope_words(request.scope)}. {approved_by} approved it.",
            f"The reason that was given: {request.reason}",
            *((f"Case: {request.case}",) if request.case else ()),
            f"It ends on {moment(request.expires_ns)}. Until then they can read settings, maps and messages of runs, and pause, resume or cancel runs. Contents of files, passwords and tokens stay closed to them.",
            "Each look and each act of theirs stands in the audit log of your organisation. If you do not know why this happens, ask them.",
        ),
    )


def scope_words(scope: Scope) -> str:
    """What of the organisation, in words."""
    parts = [
        f"{word} {value}"
        for word, value in (
            ("person", scope.person_id),
            ("connection", scope.connection_id),
            ("pair", scope.pair_id),
        )
        if value is not None
    ]
    if scope.from_ns is not None:
        parts.append(f"from {moment(scope.from_ns)}")
    if scope.until_ns is not None:
        parts.append(f"before {moment(scope.until_ns)}")
    return ", ".join(parts) or "the whole organisation"


def moment(at_ns: int) -> str:
    """A time that reads the same everywhere."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
