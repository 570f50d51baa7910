"""A service that is signed in to with a browser, as a connector type: `oauth.py` is its far end.

It goes by the app that the operator registered at Box, since settings know no Acme.
"""

from __future__ import annotations

import json
from typing import cast

from mover.connectors.browser_sign_in import BrowserSignInConfig
from mover.connectors.configuration import setting
from mover.connectors.contract import Account, Connector
from mover.connectors.registry import ConnectorType, Surroundings
from mover.transport.oauth.bearer import BearerSession
from mover.transport.oauth.description import OAuthDescription, RevokeBy
from mover.transport.oauth.user_tokens import user_tokens
from mover.transport.status import error_from_status


class AcmeConfig(BrowserSignInConfig):
    url: str = setting(help="where it is", pattern=r"^https://[a-z0-9.:]+$")


OAUTH = OAuthDescription(
    vendor="box",
    authorize_url=lambda config: f"{config.url}/authorize",
    token_url=lambda config: f"{config.url}/token",
    revoke_url=lambda config: f"{config.url}/revoke",
    scopes=lambda _config: ("files",),
    extra={"access_type": "offline"},
    hints=lambda config: {"hd": config.allowed_domain} if config.allowed_domain else {},
    issuer=lambda config: config.url,
    rotating=True,
)


class AcmeConnector:
    def __init__(self, config: AcmeConfig, surroundings: Surroundings) -> None:
        self.config = config
        self._http = surroundings.egress.http("acme")
        self.session = BearerSession(self._http, user_tokens(OAUTH, config, surroundings, self._http))

    async def sign_in(self) -> Account:
        async with self.session.request("GET", f"{self.config.url}/me", operation="sign-in") as answer:
            if answer.status != 200:
                raise error_from_status(answer.status, headers=answer.headers, operation="sign-in")
            found = json.loads(await answer.read())
        return Account(f"{found['email']} at Acme", secure=True, email=found["email"], tenant=found["tenant"])

    async def close(self) -> None:
        await self._http.close()


def make(config: AcmeConfig, surroundings: Surroundings) -> Connector:
    return cast(
        "Connector", AcmeConnector(config, surroundings)
    )  # signing in and closing is all that is asked


CONNECTOR_TYPE = ConnectorType(name="acme", title="Acme", config=AcmeConfig, make=make, oauth=OAUTH)
BEARER_OAUTH = OAuthDescription(
    vendor="box",
    authorize_url=OAUTH.authorize_url,
    token_url=OAUTH.token_url,
    revoke_url=OAUTH.revoke_url,
    revoke_by=RevokeBy.BEARER,
)


def types(name: str) -> ConnectorType:
    assert name == "acme"
    return CONNECTOR_TYPE
