"""The public halves of the keys that sign reconciliations."""

from __future__ import annotations

from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.calls import Calling
from mover.api.models import Answer, Moment
from mover.api.operations import SESSIONS_ONLY, Resource

resource = Resource("Signing keys", "What reconciliations are checked with.")


class SigningKey(Answer):
    """A published key."""

    id: str
    public_key: str = Field(description="Ed25519, 32 bytes in base64.")
    created_at: Moment
    retired_at: Moment | None = Field(description="It signs nothing new since then.")


class SigningKeyList(Answer):
    """All keys of the organisation, the newest first."""

    items: list[SigningKey]


@resource.get("/signing-keys", Permission.READ)
async def list_signing_keys(call: Calling) -> SigningKeyList:
    """List the public keys of the organisation, the newest first."""
    found = await call.services.signing_keys.public_keys(call.actor)
    return SigningKeyList(items=[SigningKey.of(key) for key in found])


@resource.post("/signing-keys", Permission.OWN, audiences=SESSIONS_ONLY)
async def rotate_signing_key(call: Calling) -> SigningKey:
    """Sign with a new key from now on; what was signed stays valid."""
    return SigningKey.of(await call.services.signing_keys.rotate(call.actor))
