"""Dropbox for the contract suite: somebody's own, and a member's in the admin form."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from simulators.front import RunningFront
from tests.contract.services import Grantees, Service
from tests.contract.simulated import simulated
from tests.servers.simulators import dropbox_of

from mover.vault.secret import Secret

_WRONG = {"access_token": Secret("wrong")}


def dropbox(request: pytest.FixtureRequest) -> Service:
    front: RunningFront = request.getfixturevalue("simulators")
    vendor = dropbox_of(front)
    alice = vendor.add_person("alice@example.com", name="Alice Adams", quota=10**12)
    people = ("bob@example.com", "carol@example.com")
    for email in people:
        vendor.add_person(email)

    def share_by_link(path: str) -> None:
        node = vendor.homes[alice.id].drive.at(path)
        assert node is not None
        vendor.share_by_link(alice, node.id)

    def fill(folder: str, files: Iterable[str]) -> None:
        for name in files:
            vendor.put(alice, f"{folder}/{name}", b"")

    return simulated(
        request,
        "dropbox",
        {"access_token": Secret(vendor.token_of(alice))},
        wrong=_WRONG,
        fill=lambda folder, files: front.inside(lambda: fill(folder, files)),
        grantees=Grantees(people=people, nobody=None, share_by_link=share_by_link),
    )


def dropbox_business(request: pytest.FixtureRequest) -> Service:
    front: RunningFront = request.getfixturevalue("simulators")
    vendor = dropbox_of(front)
    admin = vendor.add_member("admin@example.com", is_admin=True)
    people = ("bob@example.com", "carol@example.com")
    members = [vendor.add_member(email) for email in ("alice@example.com", *people)]
    vendor.make_team_space()
    vendor.add_team_folder("Projects")
    vendor.accounts.add_group("staff@example.com", "Staff", members, group_id="g:staff")

    def fill(folder: str, files: Iterable[str]) -> None:
        for name in files:
            vendor.put(members[0], f"{folder.removeprefix('/Users/alice@example.com')}/{name}", b"")

    return simulated(
        request,
        "dropbox-business",
        {"access_token": Secret(vendor.team_token(admin))},
        wrong=_WRONG,
        base="/Users/alice@example.com",
        fill=lambda folder, files: front.inside(lambda: fill(folder, files)),
        grantees=Grantees(people=people, group="Staff", nobody=None),
    )


DROPBOX: dict[str, Callable[[pytest.FixtureRequest], Service]] = {
    "dropbox": dropbox,
    "dropbox-business": dropbox_business,
}
