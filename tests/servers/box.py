"""Box's simulator for tests: its users, and the clients that were not written here."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests
from box_sdk_gen import BoxClient, BoxDeveloperTokenAuth, NetworkSession
from box_sdk_gen.networking.auth import Authentication
from box_sdk_gen.networking.box_network_client import BoxNetworkClient
from simulators.accounts import Person
from simulators.front import RunningFront
from tests.servers.processes import tool
from tests.servers.simulators import client_environment, simulators_egress

from mover.connectors.box import BoxConnector, BoxEnterpriseConnector
from mover.connectors.box.config import BoxConfig, BoxEnterpriseConfig
from mover.connectors.box.parts import PARTS
from mover.connectors.registry import Surroundings
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.tokens import MemoryKeeper, TokenKeeper
from mover.vault.secret import Secret
from simulators.box import Box

ANN = "ann@example.org"
BEN = "ben@example.org"
CHUNK = 100_000
SMALL_PARTS = replace(
    PARTS, smallest=3 * CHUNK, preferred=3 * CHUNK, multiple=CHUNK, worthwhile_from=1_000_000
)
APPS = {"box": AppRegistration(client_id="test-app", client_secret=Secret("test-secret"))}


def box_of(front: RunningFront) -> Box:
    """Return the vendor, with two users, and chunks that are quick to send."""
    vendor = front.world.vendors["box"]
    assert isinstance(vendor, Box)
    if vendor.organisation.accounts.person_of(ANN) is None:
        vendor.organisation.smallest_session, vendor.organisation.part_size = 1000, CHUNK
        for email in (ANN, BEN):
            vendor.organisation.add_person(email)
    return vendor


def person(vendor: Box, email: str = ANN) -> Person:
    """Return a user."""
    found = vendor.organisation.accounts.person_of(email)
    assert found is not None
    return found


def token_of(vendor: Box, email: str = ANN) -> str:
    """Return an access token of a user."""
    return vendor.organisation.accounts.issue(person(vendor, email)).value


async def _forget(_key: str, _value: str) -> None:
    pass


@contextlib.asynccontextmanager
async def connected(
    front: RunningFront,
    *,
    email: str = ANN,
    keeper: TokenKeeper | None = None,
    values: Mapping[str, Secret] | None = None,
    signs_in: bool = True,
    others: bool = False,
    **how: Any,
) -> AsyncIterator[BoxConnector]:
    """A signed-in connector to one account; by default with an access token alone."""
    given = values or {"access_token": Secret(token_of(box_of(front), email))}
    egress = simulators_egress(front)
    surroundings = Surroundings(
        egress=egress, remember=_forget, keeper=keeper or MemoryKeeper(dict(given)), apps=APPS
    )
    config = BoxConfig.model_validate({**given, "others": others})
    connector = BoxConnector(config, surroundings, **{"parts": SMALL_PARTS, **how})
    try:
        if signs_in:
            await connector.sign_in()
        yield connector
    finally:
        await connector.close()
        await egress.close()


@contextlib.asynccontextmanager
async def enterprise(
    front: RunningFront, values: Mapping[str, Any] | None = None, **how: Any
) -> AsyncIterator[BoxEnterpriseConnector]:
    """A signed-in connector to all users."""
    box_of(front)
    given = values or {
        "client_id": "test-app",
        "client_secret": Secret("test-secret"),
        "enterprise_id": "900100",
    }
    egress = simulators_egress(front)
    connector = BoxEnterpriseConnector(
        BoxEnterpriseConfig.model_validate(given),
        Surroundings(egress=egress, remember=_forget),
        **{"parts": SMALL_PARTS, **how},
    )
    try:
        await connector.sign_in()
        yield connector
    finally:
        await connector.close()
        await egress.close()


@contextlib.contextmanager
def sdk(vendor: Box, auth: Authentication | None = None) -> Iterator[BoxClient]:
    """Box's own SDK, in the name of a user by default. Its way leads by HTTPS_PROXY."""
    with requests.Session() as session:
        network = NetworkSession(network_client=BoxNetworkClient(session))
        yield BoxClient(auth or BoxDeveloperTokenAuth(token_of(vendor)), network_session=network)


def rclone_of(front: RunningFront, home: Path, email: str = ANN) -> Callable[..., str]:
    """Return what runs rclone with a remote `B:` of a user; it raises AssertionError if rclone fails."""
    token = token_of(box_of(front), email)

    def run(*words: str | Path) -> str:
        done = subprocess.run(
            [
                tool("rclone"),
                "--http-proxy",
                front.proxy_url,
                "--ca-cert",
                str(front.ca_file),
                *map(str, words),
            ],
            capture_output=True,
            check=False,
            text=True,
            env={
                **client_environment(front, home),
                "RCLONE_CONFIG": "/dev/null",
                "RCLONE_CONFIG_B_TYPE": "box",
                "RCLONE_CONFIG_B_ACCESS_TOKEN": token,
            },
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
