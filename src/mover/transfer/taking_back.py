"""Taking back one permission that Mover gave, and what to make of it if that fails."""

from __future__ import annotations

import contextlib

from mover.database.failures import DatabaseTrouble
from mover.entries import AccessRole, Permission
from mover.errors import AccountSuspended, MoverError, NotFound, SignInFailed
from mover.ledger.grants import Granted, Grantee
from mover.transfer.side import Side


def concerns_all(error: MoverError) -> bool:
    """Whether nothing else would fare better: an account that is suspended may be one of many."""
    return isinstance(error, SignInFailed) and not isinstance(error, AccountSuspended)


async def take_back(destination: Side, one: Granted) -> None:
    """Take back what Mover gave, where it gave it; what others had given before is left. No error if it is gone."""
    permissions = destination.connector.permissions
    assert permissions is not None, "something was permitted there"
    ref = destination.ref(one.destination_path, one.destination_id)
    await permissions.revoke(ref, permission(one.target, one.role))
    if one.before is not None:  # somebody else had given that, and ours had raised it
        with contextlib.suppress(NotFound):
            await permissions.grant(ref, permission(one.target, one.before))


async def try_to_take_back(destination: Side, one: Granted) -> MoverError | None:
    """Take back what Mover gave; returns why that could not be. Raises what nothing else would fare better with."""
    try:
        await take_back(destination, one)
    except DatabaseTrouble:
        raise
    except MoverError as error:
        if concerns_all(error):
            raise
        return error
    return None


def permission(target: Grantee, role: AccessRole) -> Permission:
    """As a connector is asked for it."""
    return Permission(kind=target.kind, identity=target.identity, role=role)
