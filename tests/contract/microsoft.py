"""Microsoft's services for the contract suite: OneDrive of both kinds, a SharePoint library, a user in the admin form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from simulators.front import RunningFront
from simulators.microsoft.state import Library
from simulators.nodes import Drive
from tests.contract.services import Grantees, Service
from tests.contract.simulated import simulated

from mover.connectors.contract import Connector
from mover.connectors.microsoft.connector import MicrosoftConnector
from mover.connectors.microsoft.parts import RULES
from mover.connectors.microsoft.sessions import UNIT
from mover.vault.secret import Secret
from simulators.microsoft import Microsoft


@dataclass(frozen=True)
class _At:
    """What one of the services is given, and the drive that the tests work in."""

    vendor: Microsoft
    library: Library
    values: Mapping[str, Any]
    wrong: Mapping[str, Any]
    base: str
    email: Callable[[str], str]


def _service(request: pytest.FixtureRequest, name: str, at: _At, *, parts_replace: bool = True) -> Service:
    front: RunningFront = request.getfixturevalue("simulators")
    drive = at.library.drive

    def fill(folder: str, names: Iterable[str]) -> None:
        front.inside(lambda: _fill(drive, folder.removeprefix(at.base), names))

    def share_by_link(path: str) -> None:
        node = drive.at(path.removeprefix(at.base))
        assert node is not None
        front.inside(lambda: at.vendor.share_by_link(node))

    service = simulated(
        request,
        name,
        at.values,
        wrong=at.wrong,
        base=at.base or "/",
        fill=fill,
        parts_replace=parts_replace,
        grantees=Grantees(
            people=(at.email("ben"), at.email("cleo")),
            group=at.email("sales"),
            share_by_link=share_by_link,
        ),
    )
    return replace(service, connect=lambda: _in_small_parts(service.connect()))


def _in_small_parts(connector: Connector) -> Connector:
    """Let parts be as small as the service takes them, which is quick to try."""
    assert isinstance(connector, MicrosoftConnector)
    connector.part_rules = replace(RULES, smallest=UNIT)
    return connector


def _fill(drive: Drive, folder: str, names: Iterable[str]) -> None:
    parent = drive.folder(folder)
    for name in names:
        drive.add(parent, name)


def vendor_of(request: pytest.FixtureRequest) -> Microsoft:
    front: RunningFront = request.getfixturevalue("simulators")
    vendor = front.world.vendors["microsoft"]
    assert isinstance(vendor, Microsoft)
    return vendor


def _tenant(request: pytest.FixtureRequest) -> Microsoft:
    vendor = vendor_of(request)
    if vendor.state.accounts.person_of(_at_work(vendor)("anna")) is not None:
        return vendor  # a test that moves between several of its services
    for name in ("anna", "ben", "cleo"):
        vendor.add_user(name)
    vendor.add_group("sales")
    vendor.add_site("Marketing", ("Documents", "Archive"))
    return vendor


def _at_work(vendor: Microsoft) -> Callable[[str], str]:
    return lambda name: f"{name}@{vendor.state.domain}"


_WRONG_TOKEN = {"access_token": Secret("wrong")}


def onedrive(request: pytest.FixtureRequest) -> Service:
    vendor = _tenant(request)
    anna = vendor.state.accounts.person_of(_at_work(vendor)("anna"))
    assert anna is not None
    values = {"access_token": Secret(vendor.token(anna))}
    return _service(
        request, "onedrive", _At(vendor, vendor.drive_of(anna), values, _WRONG_TOKEN, "", _at_work(vendor))
    )


def onedrive_personal(request: pytest.FixtureRequest) -> Service:
    vendor = vendor_of(request)
    anna, _, _ = (vendor.add_microsoft_account(f"{name}@outlook.example") for name in ("anna", "ben", "cleo"))
    vendor.state.accounts.add_group("sales@outlook.example")
    values = {"access_token": Secret(vendor.token(anna))}
    at = _At(vendor, vendor.drive_of(anna), values, _WRONG_TOKEN, "", lambda name: f"{name}@outlook.example")
    return _service(request, "onedrive", at, parts_replace=False)


def sharepoint(request: pytest.FixtureRequest) -> Service:
    vendor = _tenant(request)
    anna = vendor.state.accounts.person_of(_at_work(vendor)("anna"))
    site = next(site for site in vendor.state.sites.values() if site.name == "Marketing")
    values = {"access_token": Secret(vendor.token(anna))}
    at = _At(vendor, site.libraries[0], values, _WRONG_TOKEN, "/Marketing/Documents", _at_work(vendor))
    return _service(request, "sharepoint", at)


def office365(request: pytest.FixtureRequest) -> Service:
    vendor = _tenant(request)
    anna = vendor.state.accounts.person_of(_at_work(vendor)("anna"))
    assert anna is not None
    values = {
        "tenant": vendor.state.tenant_id,
        "client_id": "test-app",
        "client_secret": Secret("test-secret"),
    }
    wrong = {"client_secret": Secret("wrong")}
    base = f"/Users/{anna.email}"
    return _service(
        request, "office365", _At(vendor, vendor.drive_of(anna), values, wrong, base, _at_work(vendor))
    )


MICROSOFT: dict[str, Callable[[pytest.FixtureRequest], Service]] = {
    "onedrive": onedrive,
    "onedrive-personal": onedrive_personal,
    "sharepoint": sharepoint,
    "office365": office365,
}
