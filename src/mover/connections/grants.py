"""What services have granted to connections: tokens that have to be given back when the connection goes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec

from mover.connections.records import Connection
from mover.connectors.registry import ConnectorType
from mover.errors import InvalidConfiguration, MoverError
from mover.transport.oauth.tokens import ACCESS_EXPIRES, REFRESH_TOKEN
from mover.vault.secret import Secret
from mover.vault.vault import Vault

Types = Callable[[str], ConnectorType]


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one connection, and what is needed to revoke them.

    Attributes:
        kind: The service.
        config: What is saved of the connection and is not secret.
        secrets: Its secrets.
        is_shared: Other connections live on the same consent, which some services revoke as a whole.
        trouble: Why the secrets could not be read.
    """

    kind: ConnectorType
    config: Mapping[str, Any]
    secrets: Mapping[str, Secret] = msgspec.field(default_factory=dict)
    is_shared: bool = False
    trouble: MoverError | None = None

    @property
    def is_ours(self) -> bool:
        """Whether these are tokens that Mover got: a developer's access token is the developer's to revoke."""
        return bool(self.secrets.get(REFRESH_TOKEN) or self.secrets.get(ACCESS_EXPIRES))


async def grant_of(
    connection: Connection, others: Collection[Connection], vault: Vault, types: Types
) -> Grant | None:
    """What a connection was granted; None if its service is not one that grants anything.

    Args:
        connection: That goes.
        others: Of the same person, that stay.
        vault: Holds the secrets. What keeps it from opening them is told by the grant: no connection stays for that.
        types: Finds a service by name.
    """
    try:
        kind = types(connection.service)
    except InvalidConfiguration:  # of a version that knew more services
        return None
    if kind.oauth is None:
        return None
    try:
        secrets = await vault.fetch_all(connection.person, connection.owner)
    except MoverError as error:
        return Grant(kind=kind, config=connection.config, trouble=error)
    is_shared = any(_share_a_grant(kind, connection, other, types) for other in others)
    return Grant(kind=kind, config=connection.config, secrets=secrets, is_shared=is_shared)


def _share_a_grant(kind: ConnectorType, one: Connection, other: Connection, types: Types) -> bool:
    """Tell whether two connections live, or may live, on one consent: same vendor, same account, same app."""
    account = one.config.get("account")
    if (
        other.id == one.id
        or other.deauthorised_ns is not None
        or account is None
        or account != other.config.get("account")
        or one.config.get("client_id") != other.config.get("client_id")
    ):
        return False
    try:
        other_kind = types(other.service)
    except InvalidConfiguration:
        return False
    assert kind.oauth is not None
    return other_kind.oauth is not None and kind.oauth.vendor == other_kind.oauth.vendor
