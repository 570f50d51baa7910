"""The cloud services that the contract suite runs on: simulators, reached under the vendors' own names."""

from __future__ import annotations

import pytest
from simulators.front import RunningFront
from tests.contract.dropbox import DROPBOX
from tests.contract.google import GOOGLE
from tests.contract.microsoft import MICROSOFT
from tests.contract.services import Grantees, Service
from tests.contract.simulated import simulated

from mover.vault.secret import Secret
from simulators.egnyte import Egnyte


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
    **DROPBOX,
    **GOOGLE,
    **MICROSOFT,
}
