"""What Mover itself adds to a configuration: what a connector found out, and what came of signing in."""

from __future__ import annotations

from collections.abc import Mapping

from mover.connections.filled_in import FilledIn, Values, filled_in
from mover.connections.records import Connection
from mover.connectors.contract import Account
from mover.connectors.registry import ConnectorType
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

_ADDRESS_KEYS = ("host", "port", "url", "endpoint")
_ACCOUNT = "account"


def found_by_signing_in(
    filled: FilledIn, account: Account, secrets: Mapping[str, Secret]
) -> dict[str, str | Secret]:
    """What is to be saved along: tokens that were exchanged for those that were filled in, and as whom."""
    found: dict[str, str | Secret] = {
        name: secret for name, secret in secrets.items() if filled.secret.get(name) != secret
    }
    if account.email and _ACCOUNT in type(filled.config).model_fields:
        found[_ACCOUNT] = account.email
    return found


def check_free(there: Connection | None, name: str, service: str, *, replace: bool) -> None:
    """Raise InvalidConfiguration if a name is taken, or `replace` would change what kind of connection it is."""
    if there is None:
        return
    if not replace:
        raise InvalidConfiguration(
            f"there is a connection {name!r} already; disconnect it or choose another name"
        )
    if there.service != service:
        raise InvalidConfiguration(
            f"{name!r} is a connection to {there.service}; disconnect it or choose another name"
        )


def with_findings(kind: ConnectorType, new: FilledIn, values: Values, before: Connection) -> FilledIn:
    """Keep what the connector found out about the same server, unless the person said something about it."""
    fields = kind.config.model_fields
    for key in _ADDRESS_KEYS:
        if key in fields and getattr(new.config, key) != before.config.get(key, fields[key].default):
            return new
    kept = {
        key: before.config[key] for key in internal_keys(kind) if key in before.config and key not in values
    }
    return filled_in(kind.config, {**new.plain, **new.secret, **kept})


def internal_keys(kind: ConnectorType) -> list[str]:
    """The keys that Mover fills in itself."""
    return [key.name for key in kind.config.keys() if key.internal]  # noqa: SIM118 - not a dictionary's `keys`
