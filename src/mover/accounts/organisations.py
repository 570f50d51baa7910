"""Organisations: the first one, more of them, their settings, and their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from mover.accounts.actor import Actor
from mover.accounts.audit import Auditor
from mover.accounts.passwords import Passwords
from mover.accounts.records import Organisation, Person, SignedIn
from mover.database.database import Database
from mover.vault.secret import Secret
from mover.vault.vault import Vault

Remover = Callable[[Connection, str, int], int]
"""Of a room above: removes at most so many rows of an organisation (its id), and says how many it removed."""


@dataclass(frozen=True)
class Founded:
    """The first organisation and its owner. `password` is the one that was made up, to be shown once; None if given."""

    organisation: Organisation
    owner: Person
    password: Secret | None


class Organisations:
    """All organisations of this installation.

    Args:
        database: Where they are.
        vault: Holds a key for each.
        passwords: Hashes the first owner's.
        auditor: Keeps what happened.
        removers: Of the rooms above, run by `remove_deleted`, in this order, before the accounts' own rows go.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        passwords: Passwords,
        auditor: Auditor,
        *,
        removers: Sequence[Remover] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError

    async def nobody_yet(self) -> bool:
        """Tell whether this installation waits for its first owner."""
        raise NotImplementedError

    async def found(
        self, name: str, *, owner_email: str, owner_name: str, password: Secret | None = None
    ) -> Founded:
        """Make the first organisation and its owner; of several calls at once, in any process, one succeeds.

        Raises Conflict (there is somebody already), InvalidConfiguration (a bad name, address or password).
        """
        raise NotImplementedError

    async def create(self, actor: Actor, name: str) -> Organisation:
        """Make another organisation, owned by the person who acts. Needs OWN. Raises InvalidConfiguration."""
        raise NotImplementedError

    async def get(self, actor: Actor) -> Organisation:
        """The actor's organisation. Needs READ."""
        raise NotImplementedError

    async def change(
        self, actor: Actor, *, name: str | None = None, second_factor_required: bool | None = None
    ) -> Organisation:
        """Change what is given. Needs OWN. Raises InvalidConfiguration."""
        raise NotImplementedError

    async def delete(self, signed_in: SignedIn, *, typed_name: str) -> None:
        """End the organisation at once: its key in the vault is destroyed, sessions, API keys and invitations end.

        Its rows are removed in batches by `remove_deleted`. Needs OWN and a recent sign-in.

        Raises PermissionDenied, InvalidConfiguration (`typed_name` is not the organisation's name).
        """
        raise NotImplementedError

    async def remove_deleted(self, *, limit: int = 1000) -> int:
        """Remove at most about `limit` rows of deleted organisations; returns how many it was. 0: all are gone."""
        raise NotImplementedError
