"""A secret of the installation, in the vault under the global key, that runners and API have and the database has not.

The API makes it, when it first hands something to runners. Runners publish no key before there is one.
"""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress

from sqlalchemy import Connection

from mover.errors import Locked
from mover.vault import queries
from mover.vault.secret import Secret
from mover.vault.vault import Vault

PERSON, OWNER = "runners", "run-keys"
"""Where the vault has it."""

_FIELD = "authority"
_BYTES = 32


async def find_authority(vault: Vault) -> bytes | None:
    """The secret; None if nobody has made one."""
    found = (await vault.fetch_all(PERSON, OWNER)).get(_FIELD)
    return base64.b64decode(found.reveal()) if found is not None else None


async def make_authority(vault: Vault) -> bytes:
    """The secret, made if there is none. Raises what the vault raises."""
    found = await find_authority(vault)
    if found is not None:
        return found
    fresh = Secret(base64.b64encode(secrets.token_bytes(_BYTES)).decode())
    with suppress(_Faster):  # another process made one at the same moment
        await vault.store(PERSON, OWNER, _FIELD, fresh, along=_expect_none)
    made = await find_authority(vault)
    if made is None:
        raise Locked(
            "the secret that keys are handed to runners with was removed while it was made; try again"
        )
    return made


class _Faster(Exception):
    pass


def _expect_none(connection: Connection) -> None:
    if queries.sealed_secrets(connection, PERSON, OWNER, _FIELD):
        raise _Faster
