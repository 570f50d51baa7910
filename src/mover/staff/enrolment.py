"""Who may set up an authenticator app: whoever was given a first password by the operator, and once.

What was given is noted in the vault, so that nobody who writes to the tables can put a password of their own there, take
the second factor away, and come in as somebody of the staff through a first sign-in.
"""

from __future__ import annotations

import hmac

from mover.accounts.refusals import MayNot
from mover.errors import NotFound
from mover.vault.secret import Secret
from mover.vault.vault import Vault

_FIELD = "password_hash"


def vault_holder(staff_id: str) -> str:
    """Name the holder of somebody's key in the vault."""
    return f"staff:{staff_id}"


async def allow(vault: Vault, staff_id: str, password_hash: str) -> None:
    """Note the hash of the first password that somebody was given."""
    await vault.store(vault_holder(staff_id), _owner(staff_id), _FIELD, Secret(password_hash))


async def expect_allowed(vault: Vault, staff_id: str, password_hash: str) -> None:
    """Raise PermissionDenied if nobody was given the password of this hash, or who was has set up an app since."""
    try:
        given = await vault.fetch(vault_holder(staff_id), _owner(staff_id), _FIELD)
    except NotFound:
        given = Secret("")
    if not hmac.compare_digest(given.reveal().encode(), password_hash.encode()):
        raise MayNot(
            "nothing lets this account set up an authenticator app; whoever runs this installation has to do "
            "`mover staff reset`"
        )


async def end(vault: Vault, staff_id: str) -> None:
    """Let nobody begin any more with what was given. Idempotent."""
    await vault.destroy(_owner(staff_id))


def _owner(staff_id: str) -> str:
    return f"enrolment:{staff_id}"
