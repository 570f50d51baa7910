"""A simulated Dropbox with one account, and with a team."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from simulators.accounts import Person
from simulators.dropbox.service import Dropbox
from simulators.front import RunningFront
from tests.connectors.dropbox.acts import account, team
from tests.servers.simulators import dropbox_of

from mover.connectors.dropbox.connector import DropboxBusinessConnector, DropboxConnector


@pytest.fixture
def dropbox(simulators: RunningFront) -> Dropbox:
    """The service, empty."""
    return dropbox_of(simulators)


@pytest.fixture
def alice(dropbox: Dropbox) -> Person:
    """A personal account."""
    return dropbox.add_person("alice@example.com", name="Alice Adams", quota=10**12)


@pytest.fixture
async def connector(simulators: RunningFront, alice: Person) -> AsyncIterator[DropboxConnector]:
    """Signed in to that account."""
    async with account(simulators, alice) as made:
        yield made


@pytest.fixture
def admin(dropbox: Dropbox) -> Person:
    """The administrator of a team with two more members, a team folder and a group."""
    admin = dropbox.add_member("admin@example.com", is_admin=True)
    members = [dropbox.add_member(f"{name}@example.com") for name in ("bob", "carol")]
    dropbox.make_team_space()
    dropbox.add_team_folder("Projects")
    dropbox.accounts.add_group("staff@example.com", "Staff", members, group_id="g:staff")
    return admin


@pytest.fixture
async def business(simulators: RunningFront, admin: Person) -> AsyncIterator[DropboxBusinessConnector]:
    """Signed in to that team."""
    async with team(simulators, admin) as made:
        yield made
