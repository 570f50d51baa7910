"""The cloud services that the contract suite runs on: simulators, reached under the vendors' own names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from simulators.front import RunningFront
from tests.contract.services import Grantees, Service, forget
from tests.servers.certificates import make_certificates
from tests.servers.processes import free_port
from tests.servers.simulators import simulators_egress

from mover.connectors.contract import Connector
from mover.connectors.registry import Surroundings, connector_type
from mover.transport.egress import Egress
from mover.vault.secret import Secret
from simulators.egnyte import Egnyte


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
    stranger = make_certificates(request.getfixturevalue("tmp_path") / "stranger").ca_file
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


def egnyte(request: pytest.FixtureRequest) -> Service:
    front: RunningFront = request.getfixturevalue("simulators")
    vendor = front.world.vendors["egnyte"]
    assert isinstance(vendor, Egnyte)
    owner = vendor.add_person("olivia@acme.example", is_admin=True)
    for email in ("ann@acme.example", "ben@acme.example"):
        vendor.add_person(email)
    vendor.accounts.add_group("sales@acme.example", "Sales")
    return simulated(
        request,
        "egnyte",
        {"domain": "acme", "access_token": Secret(vendor.sign_in(owner).value)},
        wrong={"access_token": Secret("wrong")},
        base="/Shared",
        decides_races=False,
        large_folder=1050,
        fill=lambda folder, names: front.inside(lambda: vendor.fill(folder, names)),
        grantees=Grantees(people=("ann@acme.example", "ben@acme.example"), group="Sales", on_files=False),
    )


CLOUDS = {
    "egnyte": egnyte,
}
