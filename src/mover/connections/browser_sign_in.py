"""Connecting an account by signing in at the service's own page, in a browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mover.connections.connections import NO_APPS, Connections
from mover.connections.filled_in import FilledIn, Values
from mover.connectors.registry import ConnectorType, connector_type
from mover.errors import InvalidConfiguration
from mover.transport.egress import Egress
from mover.transport.oauth.authorization import authorization_address, code_of, redeem
from mover.transport.oauth.description import AppRegistration, OAuthDescription
from mover.transport.oauth.proofs import Proofs
from mover.transport.oauth.user_tokens import app_for, secrets_of


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The connection that is to be.

    Attributes:
        name: As in `name:/path`.
        service: The connector's name.
        values: What was filled in.
        replace: One of that name and service is authorised anew, and what it had is lost.
    """

    name: str
    service: str
    values: Values
    replace: bool = False


class BrowserSignIn:
    """Finds the way to a service's page, and makes tokens of what comes back from it.

    Args:
        connections: Of the person who connects.
        egress: The way out.
        apps: As what Mover is registered at the vendors, by vendor.
        types: Finds a service by name.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        connections: Connections,
        egress: Egress,
        apps: Mapping[str, AppRegistration] = NO_APPS,
        *,
        types: Callable[[str], ConnectorType] = connector_type,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connections = connections
        self._egress = egress
        self._apps = apps
        self._types = types
        self._now = now

    async def address(self, wanted: Wanted, proofs: Proofs, redirect_uri: str) -> str:
        """Where the browser goes; whoever comes back from there has what `tokens` wants.

        Raises InvalidConfiguration as `Connections.add`, AppMissing, and for a service that has no such way.
        """
        description, filled, _ = await self._prepared(wanted)
        app = app_for(description, filled.config, self._apps)
        return authorization_address(description, filled.config, app, proofs, redirect_uri)

    async def tokens(
        self, wanted: Wanted, answer: Mapping[str, str], proofs: Proofs, redirect_uri: str
    ) -> Values:
        """Exchange what the browser brought back, and return the values with the tokens in them, for `Connections.add`.

        Args:
            wanted: As when the browser left.
            answer: The parameters of the address that it came back to.
            proofs: Likewise.
            redirect_uri: Likewise, to the letter.

        Raises what `address`, `code_of` and `request_token` raise.
        """
        description, filled, values = await self._prepared(wanted)
        code = code_of(answer, description, filled.config, proofs)
        http = self._egress.http(wanted.service, connections=1)
        try:
            granted = await redeem(
                http,
                description,
                filled.config,
                app_for(description, filled.config, self._apps),
                code,
                proofs,
                redirect_uri,
                now=self._now,
            )
        finally:
            await http.close()
        return {**values, **secrets_of(granted, self._now())}

    async def _prepared(self, wanted: Wanted) -> tuple[OAuthDescription, FilledIn, Values]:
        kind = self._types(wanted.service)
        if kind.oauth is None:
            raise InvalidConfiguration(f"{kind.title} is not signed in to with a browser")
        values = wanted.values
        if wanted.replace:
            values = {
                **await self._connections.unchanged_secrets(wanted.name, wanted.service, values),
                **values,
            }
        _, filled = await self._connections.prepare(
            wanted.name, wanted.service, values, replace=wanted.replace
        )
        return kind.oauth, filled, values
