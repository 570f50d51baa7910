"""What the simulated services of the contract suite have in common: how they are reached, and how not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from simulators.front import RunningFront
from tests.contract.services import Service, forget, stranger_to
from tests.servers.processes import free_port
from tests.servers.simulators import simulators_egress

from mover.connectors.contract import Connector
from mover.connectors.registry import Surroundings, connector_type
from mover.transport.egress import Egress


def simulated(
    request: pytest.FixtureRequest,
    name: str,
    values: Mapping[str, Any],
    *,
    wrong: Mapping[str, Any],
    **more: Any,
) -> Service:
    """Return a simulated service, with `values` filled in, and some that are `wrong` where it should refuse."""
    front: RunningFront = request.getfixturevalue("simulators")
    stranger = stranger_to(request)
    kind = connector_type(name)

    def connect(egress: Egress, values: Mapping[str, Any]) -> Connector:
        return kind.make(kind.config.model_validate(values), Surroundings(egress=egress, remember=forget))

    nowhere = f"http://127.0.0.1:{free_port()}"
    return Service(
        connect=lambda: connect(simulators_egress(front), values),
        refused=lambda: connect(simulators_egress(front), {**values, **wrong}),
        unreachable=lambda: connect(simulators_egress(front, proxy_url=nowhere), values),
        untrusted=lambda: connect(simulators_egress(front, ca_file=stranger), values),
        **more,
    )
