"""The permissions of a pair's run: before a copy who would get what, after it what became of each."""

from __future__ import annotations

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.ledger.grants import GRANT_PROBLEMS, GrantState
from mover.migrations.options import applies_permissions, effective
from mover.web import words
from mover.web.forms import Form
from mover.web.routes.pair import shared_parts, subject_of
from mover.web.visit import Visit
from mover.web.ways import Way

_TONES = {
    **{state.value: "bad" for state in GRANT_PROBLEMS},
    GrantState.PLANNED.value: "active",
    GrantState.GIVEN.value: "good",
    GrantState.TAKEN_BACK.value: "good",
    GrantState.NOT_THERE.value: "warn",
}


async def permissions(visit: Visit) -> Response:
    """Show a permission a row."""
    subject = await subject_of(visit)
    state, text = visit.query("state"), visit.query("text")
    page = None
    if subject.run:
        page = await visit.house.services.permission_reports.page(
            visit.actor,
            subject.run.id,
            states=(GrantState(state),) if state in set(GrantState) else None,
            text=text,
            cursor=visit.query("cursor") or None,
            limit=100,
        )
    return visit.page(
        "pair_permissions.html",
        place="migrations",
        **await shared_parts(visit, subject, "permissions"),
        page=page,
        form=Form({"state": state, "text": text}),
        states=words.grant_states(),
        tones=_TONES,
        sharing=applies_permissions(effective(subject.migration.options, subject.pair.options)),
    )


WAYS = (Way("GET", "/pairs/{pair_id}/permissions", Permission.READ, permissions),)
