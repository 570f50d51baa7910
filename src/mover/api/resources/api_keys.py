"""API keys. Made and rotated in the application only: keys make no keys. They can be listed and revoked by programs too."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mover.accounts.actor import Permission
from mover.accounts.api_keys import MadeKey
from mover.api.calls import Calling
from mover.api.models import Answer, Body, Id, Moment, MomentGiven, Whole, Words, nanoseconds
from mover.api.operations import SESSIONS_ONLY, Resource

resource = Resource("API keys", "How programs get in.")


class ApiKey(Answer):
    """An API key; its text was shown once, when it was made."""

    id: str
    name: str
    person_id: str = Field(description="Who made it: it may never do more than that person.")
    person_name: str
    scopes: Annotated[list[Permission], Words] = Field(description="What it was made for.")
    permissions: Annotated[list[Permission], Words] = Field(description="What of that it can do now.")
    networks: list[str] = Field(
        description="From where it works; empty: from anywhere.", examples=[["192.0.2.0/24"]]
    )
    calls_per_minute: int
    burst: int
    created_at: Moment
    rotated_at: Moment | None
    previous_until_at: Moment | None = Field(description="Until when the text before the rotation works too.")
    expires_at: Moment | None
    revoked_at: Moment | None
    last_used_at: Moment | None
    last_used_address: str | None


class ApiKeyList(Answer):
    """All API keys of the organisation."""

    items: list[ApiKey]


class NewApiKey(Body):
    """What a key is to be for."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=6)]
    expires_at: MomentGiven | None = None
    networks: Annotated[list[Annotated[str, Field(max_length=49)]], Field(max_length=50)] = Field(
        default_factory=list
    )
    calls_per_minute: Annotated[Whole, Field(ge=1, le=60_000)] = 600
    burst: Annotated[Whole, Field(ge=1, le=10_000)] = 100


class ApiKeyRotation(Body):
    """How long the text before goes on working."""

    overlap_s: Annotated[Whole, Field(ge=0, le=7 * 24 * 3600)] = 24 * 3600


class MadeApiKey(Answer):
    """A new or rotated key with its text."""

    key: ApiKey
    text: str = Field(description="The key itself, shown this once.")


@resource.get("/api-keys", Permission.ADMINISTER)
async def list_api_keys(call: Calling) -> ApiKeyList:
    """List the organisation's API keys, the newest first."""
    return ApiKeyList(items=[ApiKey.of(key) for key in await call.services.api_keys.all(call.actor)])


@resource.get("/api-keys/{key_id}", Permission.ADMINISTER)
async def get_api_key(call: Calling, key_id: Id) -> ApiKey:
    """Tell about one of them."""
    return ApiKey.of(await call.services.api_keys.get(call.actor, key_id))


@resource.post("/api-keys", Permission.ADMINISTER, audiences=SESSIONS_ONLY, shows_secret=True)
async def make_api_key(call: Calling, new: NewApiKey) -> MadeApiKey:
    """Make an API key."""
    made = await call.services.api_keys.make(
        call.actor,
        new.name,
        frozenset(new.scopes),
        expires_ns=nanoseconds(new.expires_at) if new.expires_at else None,
        networks=new.networks,
        calls_per_minute=new.calls_per_minute,
        burst=new.burst,
    )
    call.made(f"/api-keys/{made.key.id}")
    return _made(made)


@resource.post(
    "/api-keys/{key_id}/rotation",
    Permission.ADMINISTER,
    audiences=SESSIONS_ONLY,
    status=200,
    shows_secret=True,
    problems=(409,),
)
async def rotate_api_key(call: Calling, key_id: Id, rotation: ApiKeyRotation) -> MadeApiKey:
    """Give a key a new text."""
    return _made(await call.services.api_keys.rotate(call.actor, key_id, overlap_s=float(rotation.overlap_s)))


@resource.delete("/api-keys/{key_id}", Permission.ADMINISTER)
async def revoke_api_key(call: Calling, key_id: Id) -> None:
    """End a key at once."""
    await call.services.api_keys.revoke(call.actor, key_id)


def _made(made: MadeKey) -> MadeApiKey:
    return MadeApiKey(key=ApiKey.of(made.key), text=made.text.reveal())
