"""Approvals are signed: whoever writes to the tables, be it as their owner, cannot approve, nor change what was approved.

The private key is in the vault of `approvals`, which processes open that people sign in to; the public one in that of
`approvals-public`, where runners can read it too. What is sealed there is authentic: nobody without the global key can
put another one in its place. One approval is signed over everything that was asked for, and by whom it was given.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, replace

from mover.errors import NotFound
from mover.staff.records import Approval, Request
from mover.vault.secret import Secret
from mover.vault.signing import SigningKey, is_signed
from mover.vault.vault import Vault

PRIVATE_HOLDER, PRIVATE = "approvals", "approvals:private"
PUBLIC_HOLDER, PUBLIC = "approvals-public", "approvals:public"
_FIELD = "key"
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


@dataclass(frozen=True)
class Proof:
    """Tells true approvals from rows that somebody wrote. `public` empty: nobody has approved anything as yet."""

    public: bytes

    def of(self, request: Request) -> Request:
        """The request with those approvals alone that were given through Mover, for exactly this."""
        true = (
            one
            for one in request.approvals
            if is_signed(self.public, approval_bytes(request, one), one.signature)
        )
        return replace(request, approvals=tuple(true))


class ApprovalKey:
    """The key that signs approvals: made when it is first needed; several processes may, and get the same one.

    Args:
        vault: Holds it.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def proof(self) -> Proof:
        """With the public half, for whoever acts upon an approval."""
        try:
            public = await self._vault.fetch(PUBLIC_HOLDER, PUBLIC, _FIELD)
        except NotFound:
            return Proof(b"")
        return Proof(base64.b64decode(public.reveal()))

    async def signing(self) -> SigningKey:
        """The private half, for whoever takes an approval."""
        key = await self._private()
        if (await self.proof()).public != key.public:
            public = Secret(base64.b64encode(key.public).decode())
            await self._vault.store(PUBLIC_HOLDER, PUBLIC, _FIELD, public)
        return key

    async def _private(self) -> SigningKey:
        secret = await self._vault.fetch_or_make(
            PRIVATE_HOLDER, PRIVATE, _FIELD, lambda: SigningKey.make().secret
        )
        return SigningKey.from_secret(secret)


def signed(request: Request, approval: Approval, key: SigningKey) -> Approval:
    """Sign an approval of what is asked for."""
    return replace(approval, signature=key.sign(approval_bytes(request, approval)))


def approval_bytes(request: Request, approval: Approval) -> bytes:
    """What the signature of an approval is over: all that was asked for, and who approved it when."""
    approved = [approval.staff_id, approval.email, approval.approved_ns]
    return _encode(["mover approval 1", *_asked(request), *approved]).encode("ascii")


def asked_digest(request: Request) -> str:
    """A digest of all that was asked for: what somebody was shown, and approves no other in its place."""
    return hashlib.sha256(_encode(_asked(request)).encode("ascii")).hexdigest()


def _asked(request: Request) -> list[str | int | None]:
    scope = request.scope
    return [
        request.id,
        request.kind.value,
        scope.organisation_id,
        scope.person_id,
        scope.connection_id,
        scope.pair_id,
        scope.from_ns,
        scope.until_ns,
        request.organisation_name,
        request.reason,
        request.case,
        request.asked_by,
        request.asked_by_email,
        request.asked_ns,
        request.expires_ns,
        request.bound,
    ]
