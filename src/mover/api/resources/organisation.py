"""The organisation and its settings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mover.accounts.actor import Permission
from mover.accounts.records import LEAST_KEPT_DAYS, MOST_KEPT_DAYS
from mover.api.calls import Calling
from mover.api.cookies import clear_session
from mover.api.models import Answer, Body, Flag, Moment
from mover.api.operations import SESSIONS_ONLY, Resource

resource = Resource("Organisation", "What everything belongs to.")


class Organisation(Answer):
    """The organisation that the caller acts in."""

    id: str
    name: str = Field(examples=["Example Ltd"])
    second_factor_required: bool = Field(description="Whether people need a second factor.")
    kept_days: int = Field(
        description="How many days runs, items and reports are kept after their end.", examples=[90]
    )
    created_at: Moment


class OrganisationChanges(Body):
    """What is left out stays."""

    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    second_factor_required: Flag | None = None


class Retention(Body):
    """How long what has ended is kept."""

    kept_days: Annotated[
        int,
        Field(
            strict=True,
            ge=LEAST_KEPT_DAYS,
            le=MOST_KEPT_DAYS,
            description="Days after the end of a run.",
            examples=[365],
        ),
    ]


class OrganisationDeletion(Body):
    """Proof that it is meant."""

    typed_name: Annotated[str, Field(max_length=200, description="The organisation's name.")]


@resource.get("/organisation", Permission.READ)
async def get_organisation(call: Calling) -> Organisation:
    """Tell about the organisation."""
    return Organisation.of(await call.services.organisations.get(call.actor))


@resource.patch("/organisation", Permission.OWN, audiences=SESSIONS_ONLY)
async def change_organisation(call: Calling, changes: OrganisationChanges) -> Organisation:
    """Change its settings."""
    changed = await call.services.organisations.change(
        call.actor, name=changes.name, second_factor_required=changes.second_factor_required
    )
    return Organisation.of(changed)


@resource.put("/organisation/retention", Permission.ADMINISTER, audiences=SESSIONS_ONLY)
async def change_retention(call: Calling, retention: Retention) -> Organisation:
    """Decide how long runs, items and reports are kept. What is older is removed at the next housekeeping."""
    return Organisation.of(await call.services.organisations.keep_for(call.actor, retention.kept_days))


@resource.post("/organisation/deletion", Permission.OWN, audiences=SESSIONS_ONLY, status=204)
async def delete_organisation(call: Calling, deletion: OrganisationDeletion) -> None:
    """End the organisation at once and destroy its key: all that it connected is lost. Needs a recent sign-in."""
    await call.services.organisations.delete(call.signed_in, typed_name=deletion.typed_name)
    clear_session(call.response)
