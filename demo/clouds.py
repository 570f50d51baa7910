"""The cloud services of the demo, simulated: a company of 25 with Box and Google accounts, and its new Microsoft 365.

`python -m demo.clouds FOLDER PORT` runs them behind a proxy on that port until it is ended; `clouds` does so from the demo.
What the administrator's connections are filled in with is left in FOLDER/connections.json.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.blobs import Bytes
from simulators.front import running as running_front
from simulators.nodes import Drive, Node
from simulators.world import World
from tests.servers.processes import accepts_connections, free_port, running

from simulators.box import Box
from simulators.google import Google
from simulators.microsoft import Microsoft

OLD_DOMAIN = "bergmann.example"
PEOPLE = [
    "ada",
    "amir",
    "anna",
    "ben",
    "clara",
    "david",
    "elena",
    "emil",
    "finn",
    "greta",
    "hanna",
    "ida",
    "jonas",
    "lea",
    "leo",
    "lina",
    "marie",
    "mia",
    "noah",
    "oskar",
    "paul",
    "rosa",
    "samir",
    "tom",
    "zoe",
]
_IN_BOX = (
    ("Notes.txt", 2_000),
    ("Contracts/Draft, final (2).docx", 18_000),
    ("Contracts/Annex: prices?.pdf", 30_000),
    ("Photos/Summer party.jpg", 90_000),
    ("Team/Plan.xlsx", 12_000),
)
_IN_GOOGLE = (
    ("Ideas.txt", 1_500),
    ("Reports/Third quarter.pdf", 40_000),
    ("Slides/Pitch <new>.pptx", 60_000),
    ("For review/Offer.docx", 15_000),
)
SHARED_IN_BOX = "Team"
SHARED_IN_GOOGLE = "For review"
OUTSIDER = "audit@partner.example"
_SCOPES = frozenset(
    f"https://www.googleapis.com/auth/{scope}" for scope in ("drive", "admin.directory.user.readonly")
)

Connections = Mapping[str, tuple[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Clouds:
    """The simulated services, running.

    Attributes:
        proxy_url: The way to them.
        ca_file: Who signed their certificates.
        connections: By name, the service and what its form is filled in with, secrets included.
        new_domain: Of Microsoft 365.
    """

    proxy_url: str
    ca_file: Path
    connections: Connections
    new_domain: str


@contextlib.contextmanager
def clouds(folder: Path) -> Iterator[Clouds]:
    """Run them for the time of a `with` block."""
    folder.mkdir(mode=0o700)
    port = free_port()
    command = [sys.executable, "-m", "demo.clouds", str(folder), str(port)]
    with running(command, log=folder / "clouds.log", ready=lambda: accepts_connections(port), within_s=60):
        told = json.loads((folder / "connections.json").read_text())
        yield Clouds(
            proxy_url=f"http://127.0.0.1:{port}",
            ca_file=folder / "ca.pem",
            connections={name: (service, values) for name, (service, values) in told["connections"].items()},
            new_domain=told["new_domain"],
        )


def fill(world: World, people: Sequence[str] = tuple(PEOPLE)) -> tuple[Connections, str]:
    """Hire everybody, give them files, and return what the administrator fills in, and the new domain.

    Everybody shares a folder with the next one: in Box as an editor, in Google as a reader. The first one's folder in Box is
    shared with somebody outside of the company, too.
    """
    box, google, microsoft = (world.vendors[name] for name in ("box", "google", "microsoft"))
    assert isinstance(box, Box)
    assert isinstance(google, Google)
    assert isinstance(microsoft, Microsoft)
    for name in people:
        box.organisation.add_person(f"{name}@{OLD_DOMAIN}", quota=10**12)
        google.add_person(f"{name}@{OLD_DOMAIN}", is_admin=name == people[0])
        microsoft.add_user(name, quota=10**12, is_admin=name == people[0])
    for number, name in enumerate(people):
        colleague = f"{people[(number + 1) % len(people)]}@{OLD_DOMAIN}"
        in_box = box.organisation.drive(f"{name}@{OLD_DOMAIN}")
        _write(in_box, _IN_BOX, number)
        person = box.organisation.accounts.person_of(colleague)
        assert person is not None
        box.organisation.collaborate(_at(in_box, SHARED_IN_BOX), person, "editor")
        if number == 0:
            box.organisation.collaborate(_at(in_box, SHARED_IN_BOX), OUTSIDER, "viewer")
        in_google = google.drive_of(f"{name}@{OLD_DOMAIN}")
        _write(in_google, _IN_GOOGLE, 1_000 + number)
        google.state.grant(_at(in_google, SHARED_IN_GOOGLE), colleague, "reader")
    account = google.sign_in.add_service_account(_SCOPES)
    microsoft_values = {
        "tenant": microsoft.state.tenant_id,
        "client_id": "test-app",
        "client_secret": "test-secret",
    }
    box_values = {"client_id": "test-app", "client_secret": "test-secret", "enterprise_id": "900100"}
    google_values = {"service_account": account.key_file, "admin": f"{people[0]}@{OLD_DOMAIN}"}
    return {
        "Box": ("box-enterprise", box_values),
        "Google": ("google-admin", google_values),
        "Microsoft-365": ("office365", microsoft_values),
    }, microsoft.state.domain


def _write(drive: Drive, files: Iterable[tuple[str, int]], seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - repeatable, guards nothing
    for path, size in files:
        folder, _, name = path.rpartition("/")
        drive.add(drive.folder(folder), name, blob=Bytes(rng.randbytes(size)))


def _at(drive: Drive, path: str) -> Node:
    node = drive.at(path)
    assert node is not None
    return node


def main(folder: Path, port: int) -> None:
    """Run until a signal."""
    world = World(["box", "google", "microsoft"])
    connections, new_domain = fill(world)
    file = folder / "connections.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"connections": connections, "new_domain": new_domain}))
    with running_front(folder, world, port=port, lets_loopback_through=True):
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    main(Path(sys.argv[1]), int(sys.argv[2]))
