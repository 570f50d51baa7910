"""Google Drive for the contract suite: My Drive, a shared drive, and a user's My Drive in the admin form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from simulators.front import RunningFront
from simulators.google.sign_in import ServiceAccount
from simulators.nodes import Node
from tests.contract.services import Grantees, Service, forget
from tests.contract.simulated import simulated
from tests.servers.simulators import simulators_egress

from mover.connectors.contract import Connector
from mover.connectors.registry import Surroundings, connector_type
from mover.vault.secret import Secret
from simulators.google import Google

ALICE, BOB, CAROL = "alice@example.org", "bob@example.org", "carol@example.org"
TEAM = "Team"
SCOPES = frozenset(
    f"https://www.googleapis.com/auth/{scope}"
    for scope in ("drive", "drive.readonly", "admin.directory.user.readonly")
)


def connects(front: RunningFront, name: str, values: Mapping[str, Any]) -> Callable[[], Connector]:
    """Return what makes connectors that reach the simulators."""
    kind = connector_type(name)
    return lambda: kind.make(
        kind.config.model_validate(values), Surroundings(egress=simulators_egress(front), remember=forget)
    )


def google_of(front: RunningFront) -> Google:
    """Return the simulated Google with three people, a group and a shared drive."""
    google = front.world.vendors["google"]
    assert isinstance(google, Google)
    if not google.accounts.people:
        front.inside(lambda: _populate(google))
    return google


def _populate(google: Google) -> None:
    for email in (ALICE, BOB, CAROL):
        google.add_person(email, is_admin=email == ALICE)
    bob = google.accounts.person_of(BOB)
    assert bob is not None
    google.accounts.add_group("sales@example.org", "Sales", [bob])
    google.state.share_drive(TEAM, {ALICE: "organizer"})


def single(front: RunningFront, **values: object) -> dict[str, Any]:
    """Return what Alice fills in."""
    token = front.inside(lambda: google_of_now(front).token(ALICE, lifetime_s=None))
    return {"access_token": Secret(token), **values}


def google_of_now(front: RunningFront) -> Google:
    """Return the simulated Google as it is."""
    google = front.world.vendors["google"]
    assert isinstance(google, Google)
    return google


_KEYS: list[ServiceAccount] = []


def administrator(front: RunningFront, **values: object) -> dict[str, Any]:
    """Return what an administrator fills in."""
    google = google_of_now(front)

    def add() -> ServiceAccount:
        key = _KEYS[0].key if _KEYS else None  # making one takes a while
        return google.sign_in.add_service_account(SCOPES, key)

    account = front.inside(add)
    _KEYS[:] = [account]
    return {"service_account": Secret(account.key_file), "admin": ALICE, **values}


def another_key(front: RunningFront) -> str:
    """Return the key file of an account that Google does not know."""
    known = next(iter(google_of_now(front).sign_in.service_accounts.values()))
    return known.key_file.replace(known.email, "wrong@elsewhere.iam.gserviceaccount.com")


def node_at(google: Google, path: str) -> Node:
    """Find an entry at a connector's path."""
    top, _, rest = path.strip("/").partition("/")
    name, _, below = rest.partition("/")
    match top:
        case "My Drive":
            found = google.drive_of(ALICE).at(rest)
        case "Users":
            found = google.drive_of(name).at(below)
        case _:
            drives = [each.drive for each in google.state.shared.values() if each.name == name]
            found = drives[0].at(below)
    assert found is not None, path
    return found


def filled(front: RunningFront) -> Callable[[str, Iterable[str]], None]:
    """Return what puts empty files into a folder."""
    google = google_of_now(front)

    def fill(path: str, names: Iterable[str]) -> None:
        def work() -> None:
            node = node_at(google, path)
            found = google.state.find(node.id)
            assert found is not None
            for name in names:
                google.state.add_file(found[0], f"{node.path}/{name}")

        front.inside(work)

    return fill


def linked(front: RunningFront) -> Callable[[str], None]:
    """Return what shares an entry by link."""
    google = google_of_now(front)

    def share(path: str) -> None:
        front.inside(lambda: google.state.grant(node_at(google, path), "", "reader", "anyone"))

    return share


def _service(request: pytest.FixtureRequest, name: str, base: str) -> Service:
    front: RunningFront = request.getfixturevalue("simulators")
    google_of(front)
    if name == "google-admin":
        given = administrator(front)
        wrong = {"service_account": Secret(another_key(front))}
    else:
        given, wrong = single(front), {"access_token": Secret("wrong")}
    return simulated(
        request,
        name,
        given,
        wrong=wrong,
        base=base,
        decides_races=False,
        large_folder=1050,
        fill=filled(front),
        grantees=Grantees(
            people=(BOB, CAROL), group="sales@example.org", domain="example.org", share_by_link=linked(front)
        ),
    )


GOOGLE: dict[str, Callable[[pytest.FixtureRequest], Service]] = {
    "google-my-drive": lambda request: _service(request, "google", "/My Drive"),
    "google-shared-drive": lambda request: _service(request, "google", f"/Shared drives/{TEAM}"),
    "google-admin": lambda request: _service(request, "google-admin", f"/Users/{ALICE}"),
}
