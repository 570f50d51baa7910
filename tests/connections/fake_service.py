"""A connector type to connect to: it signs in with a password and pins whatever host key it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

from pydantic import field_validator, model_validator

from mover.connectors.configuration import ConnectorConfig, setting
from mover.connectors.contract import Account, Connector
from mover.connectors.registry import ConnectorType, Remember, Surroundings
from mover.errors import InvalidConfiguration, SignInFailed
from mover.transport.egress import Egress
from mover.vault.secret import Secret


class FakeConfig(ConnectorConfig):
    host: str = setting(help="host name", min_length=1)
    port: int = setting(22, help="port", ge=1, le=65535)
    username: str = setting("nobody", help="user name")
    password: Secret | None = setting(None, help="password")
    token: Secret | None = setting(None, help="token")
    ca_file: Path | None = setting(None, help="certificates")
    host_key: str | None = setting(None, help="pinned", internal=True)

    @field_validator("token")
    @classmethod
    def _careless(cls, token: Secret | None) -> Secret | None:
        if token and not token.reveal().startswith("tok-"):
            raise ValueError(f"{token.reveal()} does not look like a token")
        return token

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        if not (self.password or self.token):
            raise ValueError("give password or token")
        return self


@dataclass
class FakeConnector:
    config: FakeConfig
    egress: Egress
    remember: Remember
    password: str
    host_key: str
    closed: int = 0

    async def sign_in(self) -> Account:
        if self.config.password != Secret(self.password):
            raise SignInFailed("wrong password", operation="sign_in")
        if self.config.host_key is None:
            await self.remember("host_key", self.host_key)
        return Account(description="nobody", secure=True)

    async def close(self) -> None:
        self.closed += 1


@dataclass
class FakeService:
    """The far end: what it accepts and shows, and every connector that was made for it."""

    password: str = "hunter2-canary"
    host_key: str = "ssh-ed25519 AAAA"
    made: list[FakeConnector] = field(default_factory=list)

    @property
    def types(self) -> Callable[[str], ConnectorType]:
        def find(name: str) -> ConnectorType:
            if name not in {"fake", "other"}:
                raise InvalidConfiguration(f"unknown service {name!r}; known are: fake, other")
            return ConnectorType(name=name, title="Fake", config=FakeConfig, make=self._make)

        return find

    def _make(self, config: FakeConfig, surroundings: Surroundings) -> Connector:
        connector = FakeConnector(
            config, surroundings.egress, surroundings.remember, self.password, self.host_key
        )
        self.made.append(connector)
        return cast("Connector", connector)  # signing in and closing is all that the connections ask of it
