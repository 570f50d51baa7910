"""Real Swift and what signs in at it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from tests.servers.identity import IdentityServer, identity_service
from tests.servers.openstack import SwiftServer


@pytest.fixture(scope="session")
def identity(swift_node: SwiftServer) -> Iterator[IdentityServer]:
    """Keystone and Rackspace in front of the same account."""
    with identity_service(swift_node.ca_file.parent, swift_node) as server:
        yield server


@pytest.fixture
def container(swift_node: SwiftServer) -> str:
    """The name of a container of the test's own."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    swift_node.account().put(name)
    return name
