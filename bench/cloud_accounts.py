"""Accounts at the simulated cloud services: how each client is told of them, and what the service lets it do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from simulators.blobs import Bytes
from simulators.dropbox.service import Dropbox
from simulators.egnyte.vendor import Egnyte
from simulators.front import RunningFront
from simulators.vendor import Vendor

from simulators.box import Box
from simulators.google import Google
from simulators.microsoft import Microsoft

ROOMY = 10**13
"""Bytes of an account that is never full."""

_WHO = "ann@example.org"
_LIFETIME_S = 86_400.0
_REFUSALS = (403, 429, 503)
CLOUDS = ("google", "box", "dropbox", "onedrive", "egnyte")
"""Mover's names of the services."""
MANY_AT = ("google", "dropbox")
"""Those at which a hundred thousand unchanged files are looked at."""


@dataclass(frozen=True, kw_only=True)
class CloudAccount:
    """One empty account.

    Attributes:
        service: Mover's name of it; also what both clients call the connection.
        vendor: Who answers.
        mover_keys: Of `mover connect`.
        top: Where it can be written to, for Mover.
        rclone_keys: Of rclone's remote; None where rclone has no backend.
        rclone_options: What serves rclone best there.
    """

    service: str
    vendor: Vendor
    mover_keys: Mapping[str, str]
    top: str = ""
    rclone_keys: Mapping[str, str] | None
    rclone_options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the connection is called."""
        return self.service

    @property
    def early(self) -> int:
        """Calls that came before a Retry-After had run out, of all that this world has seen."""
        match self.vendor:
            case Egnyte() as egnyte:
                return egnyte.gate.early
            case Microsoft() as microsoft:
                return microsoft.throttle.early
            case vendor:
                return vendor.tally.early

    @property
    def refused(self) -> int:
        """Calls since the tally was cleared that were told to come back later."""
        return sum(self.vendor.tally.statuses[status] for status in _REFUSALS)


def open_account(front: RunningFront, service: str) -> CloudAccount:
    """Put an empty world in the place of the front's, and open an account in it."""
    world = front.fresh()
    return front.inside(lambda: _OPENED[service](world.vendors))


def limit(account: CloudAccount, *, tight: bool) -> None:
    """Switch the vendor's throttle on, at what the vendor publishes, or so tight that no client can keep clear of it.

    Dropbox publishes no numbers; those here are a guess.
    """
    match account.vendor:
        case Google() as google:
            google.pace.calls_a_minute = 12_000
        case Box() as box:
            box.limits.enforce()
            if tight:
                box.limits.uploads = 40
        case Dropbox() as dropbox:
            dropbox.limits = replace(
                dropbox.limits, calls_per_s=2.0 if tight else 25.0, burst=6 if tight else 50, pause_s=1
            )
        case Microsoft() as microsoft:
            microsoft.throttle.limit = 100 if tight else 1_250
            microsoft.throttle.window_s = 5.0 if tight else 60.0
        case Egnyte() as egnyte:
            egnyte.gate.limits.per_second = 2 if tight else 10
        case other:
            raise LookupError(f"the limits of {other.name} are not known here")


def put_there(account: CloudAccount, path: str, data: bytes, modified_ns: int) -> None:
    """Put a file into an account of `MANY_AT`, behind everybody's back, with its time as far as the service keeps it."""
    match account.vendor:
        case Google() as google:
            drive = google.state.my_drive(next(iter(google.accounts.people.values())))
            google.state.add_file(drive, path, Bytes(data), modified_ns=modified_ns // 10**6 * 10**6)
        case Dropbox() as dropbox:
            person = next(iter(dropbox.accounts.people.values()))
            dropbox.put(person, path, data, modified_ns=modified_ns)
        case other:
            raise LookupError(f"nobody puts files into {other.name} here")


def _google(vendors: Mapping[str, Vendor]) -> CloudAccount:
    google = vendors["google"]
    assert isinstance(google, Google)
    google.add_person(_WHO)
    token = google.token(_WHO, lifetime_s=_LIFETIME_S)
    return CloudAccount(
        service="google",
        vendor=google,
        mover_keys={"access_token": token},
        top="/My Drive",
        rclone_keys={
            "type": "drive",
            "token": _rclone_token(token),
            "scope": "drive",
            "client_id": "test-app",
            "client_secret": "test-secret",
            "root_folder_id": "root",
        },
        rclone_options=("--fast-list", "--drive-pacer-min-sleep", "10ms", "--drive-chunk-size", "64Mi"),
    )


def _box(vendors: Mapping[str, Vendor]) -> CloudAccount:
    box = vendors["box"]
    assert isinstance(box, Box)
    box.organisation.add_person(_WHO)
    person = box.organisation.accounts.person_of(_WHO)
    assert person is not None
    token = box.organisation.accounts.issue(person, lifetime_s=_LIFETIME_S).value
    return CloudAccount(
        service="box",
        vendor=box,
        mover_keys={"access_token": token},
        rclone_keys={"type": "box", "access_token": token},
    )


def _dropbox(vendors: Mapping[str, Vendor]) -> CloudAccount:
    dropbox = vendors["dropbox"]
    assert isinstance(dropbox, Dropbox)
    token = dropbox.token_of(dropbox.add_person(_WHO, quota=ROOMY))
    return CloudAccount(
        service="dropbox",
        vendor=dropbox,
        mover_keys={"access_token": token},
        rclone_keys={"type": "dropbox", "token": _rclone_token(token)},
    )


def _onedrive(vendors: Mapping[str, Vendor]) -> CloudAccount:
    microsoft = vendors["microsoft"]
    assert isinstance(microsoft, Microsoft)
    ann = microsoft.add_user("ann")
    token = microsoft.token(ann, lifetime_s=_LIFETIME_S)
    library = microsoft.drive_of(ann)
    return CloudAccount(
        service="onedrive",
        vendor=microsoft,
        mover_keys={"access_token": token},
        rclone_keys={
            "type": "onedrive",
            "drive_id": library.id,
            "drive_type": library.kind,
            "token": _rclone_token(token),
        },
        rclone_options=("--onedrive-chunk-size", "40Mi"),
    )


def _egnyte(vendors: Mapping[str, Vendor]) -> CloudAccount:
    egnyte = vendors["egnyte"]
    assert isinstance(egnyte, Egnyte)
    token = egnyte.sign_in(egnyte.add_person(_WHO, is_admin=True)).value
    return CloudAccount(
        service="egnyte",
        vendor=egnyte,
        mover_keys={"access_token": token, "domain": "acme"},
        top="/Shared",
        rclone_keys=None,
    )


def _rclone_token(token: str) -> str:
    return json.dumps({"access_token": token, "token_type": "Bearer", "expiry": "2099-01-01T00:00:00Z"})


_OPENED = {"google": _google, "box": _box, "dropbox": _dropbox, "onedrive": _onedrive, "egnyte": _egnyte}
