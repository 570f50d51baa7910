"""A secret of the installation, in the vault under the global key, that runners and API have and the database has not.

The API makes it, when it first hands something to runners. Runners publish no key before there is one.
"""

from __future__ import annotations

import base64
import secrets

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
    return base64.b64decode((await vault.fetch_or_make(PERSON, OWNER, _FIELD, _fresh)).reveal())


def _fresh() -> Secret:
    return Secret(base64.b64encode(secrets.token_bytes(_BYTES)).decode())
