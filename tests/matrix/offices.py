"""Cloud vendors for the tests of sharing: at each of them an organisation with the same people, and how things are shared there.

    olga    whose account the connections use        ann     the map gives her place to zoe
    cleo    the map gives her place to nobody        others  a row of the map speaks of their whole domain

What no connector does (another role than the three, a link, a folder that inherits nothing) is done behind the service's back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulators.egnyte.answers import user_name
from simulators.front import RunningFront
from simulators.nodes import Node
from simulators.tally import Tally
from tests.contract.google import connects
from tests.servers.simulators import dropbox_of

from mover.connectors.contract import Connector
from mover.entries import AccessRole
from mover.vault.secret import Secret
from simulators.box import Box
from simulators.egnyte import Egnyte
from simulators.google import Google
from simulators.microsoft import Microsoft

PEOPLE = ("ann", "ben", "cleo", "dan", "eve", "zoe")
OUTSIDER = "pat@partner.example"
READ, WRITE, OWNER = AccessRole.READ, AccessRole.WRITE, AccessRole.OWNER

_BOX_ROLES = {
    "Co-owner": OWNER,
    **dict.fromkeys(("Editor", "Viewer Uploader", "Previewer Uploader", "Uploader"), WRITE),
    **dict.fromkeys(("Viewer", "Previewer"), READ),
}
_DROPBOX_ROLES = {"editor": WRITE, "viewer": READ}
_EGNYTE_ROLES = {"Owner": OWNER, "Full": WRITE, "Editor": WRITE, "Viewer": READ}
_GOOGLE_ROLES = {"writer": WRITE, "commenter": READ, "reader": READ}
_MICROSOFT_ROLES = {"write": WRITE, "read": READ}


@dataclass(frozen=True, kw_only=True)
class Office:
    """One organisation at a vendor, reached through one connector.

    Attributes:
        domain: Of its people's addresses.
        connect: Makes a connector of Olga's account, or of all accounts.
        base: Where Olga's entries stand in it.
        roles: What the vendor's roles are, as the product's table of roles has them.
        sales, crew: Groups as permissions name them; no row of the map speaks of the other one, which has no address.
        gives_owners: Things can have owners beside the one.
        on_files: Files can be shared by themselves.
        has_outsiders: Something can be shared with somebody who is not of the organisation.
        native: Roles that no connector gives.
        share: Gives such a role: folder, whom, role.
        link: Makes a public link to a folder.
        shut: Makes a folder inherit nothing.
        tells_maker: Who will own a folder that is not there yet is told by the one above.
        whole_domain: Something can be shared with everybody.
        mails: How many mails were sent.
        tally: Of the vendor's calls.
        changing: Its calls that change who has access.
    """

    domain: str
    connect: Callable[[], Connector]
    base: str
    roles: Mapping[str, AccessRole]
    sales: str | None = None
    crew: str | None = None
    gives_owners: bool = False
    on_files: bool = True
    has_outsiders: bool = True
    native: tuple[str, ...] = ()
    share: Callable[[str, str, str], None] | None = None
    link: Callable[[str], None] | None = None
    shut: Callable[[str], None] | None = None
    tells_maker: bool = True
    whole_domain: bool = False
    mails: Callable[[], int]
    tally: Tally
    changing: re.Pattern[str]

    def person(self, name: str) -> str:
        """Somebody's address."""
        return f"{name}@{self.domain}"

    @property
    def groups(self) -> set[str]:
        """Those that it has."""
        return {name for name in (self.sales, self.crew) if name is not None}

    @property
    def changes(self) -> int:
        """How many calls have changed who has access."""
        return sum(count for call, count in self.tally.calls.items() if self.changing.fullmatch(call))


def offices(front: RunningFront) -> dict[str, Office]:
    """Make an organisation at each vendor of an empty world."""
    return {
        **_google(front),
        **_microsoft(front),
        **_dropbox(front),
        **_box(front),
        "egnyte": _egnyte(front),
    }


def _vendor(front: RunningFront, name: str) -> Any:
    return front.world.vendors[name]


def _google(front: RunningFront) -> dict[str, Office]:
    google: Google = _vendor(front, "google")
    domain = "google.example"
    for name in ("olga", *PEOPLE):
        google.add_person(f"{name}@{domain}", is_admin=name == "olga")
    google.add_person(OUTSIDER)
    google.accounts.add_group(f"sales@{domain}", "Sales")
    drive = google.drive_of(f"olga@{domain}")
    scopes = ("drive", "drive.readonly", "admin.directory.user.readonly")
    app = google.sign_in.add_service_account(
        frozenset(f"https://www.googleapis.com/auth/{scope}" for scope in scopes)
    )

    def granted(path: str, who: str, role: str, kind: str | None = None, *, base: str) -> None:
        node = _node(drive.at(path.removeprefix(base)))

        def grant() -> None:
            google.state.grant(node, who, role, kind)
            drive.touch(node)

        front.inside(grant)

    def office(name: str, base: str, values: Mapping[str, Any]) -> Office:
        share = partial(granted, base=base)
        return Office(
            domain=domain,
            connect=connects(front, name, values),
            base=base,
            roles=_GOOGLE_ROLES,
            sales=f"sales@{domain}",
            native=("commenter",),
            share=share,
            link=lambda path: share(path, "", "reader", "anyone"),
            whole_domain=True,
            mails=lambda: len(google.permissions.mails),
            tally=google.tally,
            changing=re.compile(r"permissions\.(create|update|delete)"),
        )

    account = {"service_account": Secret(app.key_file), "admin": f"olga@{domain}"}
    token = {"access_token": Secret(google.token(f"olga@{domain}", lifetime_s=None))}
    return {
        "google": office("google", "/My Drive", token),
        "google-admin": office("google-admin", f"/Users/olga@{domain}", account),
    }


def _microsoft(front: RunningFront) -> dict[str, Office]:
    vendor: Microsoft = _vendor(front, "microsoft")
    domain = vendor.state.domain
    olga, *_ = [vendor.add_user(name) for name in ("olga", *PEOPLE)]
    vendor.add_group("sales")
    drive = vendor.drive_of(olga).drive

    def link(path: str, *, base: str) -> None:
        node = _node(drive.at(path.removeprefix(base)))
        front.inside(lambda: vendor.share_by_link(node))

    def office(name: str, base: str, values: Mapping[str, Any]) -> Office:
        return Office(
            domain=domain,
            connect=connects(front, name, values),
            base=base or "/",
            roles=_MICROSOFT_ROLES,
            sales=f"sales@{domain}",
            link=partial(link, base=base),
            mails=lambda: sum(node.properties.get("mails", 0) for node in drive.nodes.values()),
            tally=vendor.tally,
            changing=re.compile(r"POST (invite|createLink)|(PATCH|DELETE) permissions"),
        )

    app = {
        "tenant": vendor.state.tenant_id,
        "client_id": "test-app",
        "client_secret": Secret("test-secret"),
    }
    token = {"access_token": Secret(vendor.token(olga))}
    return {
        "microsoft": office("onedrive", "", token),
        "microsoft-admin": office("office365", f"/Users/olga@{domain}", app),
    }


def _dropbox(front: RunningFront) -> dict[str, Office]:
    vendor = dropbox_of(front)
    domain = "dropbox.example"
    admin = vendor.add_member(f"admin@{domain}", is_admin=True)
    olga, *others = [vendor.add_member(f"{name}@{domain}") for name in ("olga", *PEOPLE)]
    vendor.make_team_space()
    for name in ("Sales", "Crew"):
        vendor.accounts.add_group(f"{name.lower()}@{domain}", name, others[:2], group_id=f"g:{name}")
    alone = vendor.add_person("olga@home.example")
    for name in PEOPLE:
        vendor.add_person(f"{name}@home.example")

    def office(person: Any, name: str, base: str, token: str, *, is_team: bool) -> Office:
        drive = vendor.homes[person.id].drive

        def link(path: str) -> None:
            node = _node(drive.at(path.removeprefix(base)))
            front.inside(lambda: vendor.share_by_link(person, node.id))

        return Office(
            domain=person.domain,
            connect=connects(front, name, {"access_token": Secret(token)}),
            base=base or "/",
            roles=_DROPBOX_ROLES,
            tells_maker=False,
            sales="Sales" if is_team else None,
            crew="Crew" if is_team else None,
            link=link,
            mails=lambda: len(vendor.mails),
            tally=vendor.tally,
            changing=re.compile(r"sharing/(share_folder|(add|update|remove)_(folder|file)_member(_2)?)"),
        )

    return {
        "dropbox": office(alone, "dropbox", "", vendor.token_of(alone), is_team=False),
        "dropbox-admin": office(
            olga, "dropbox-business", f"/Users/olga@{domain}", vendor.team_token(admin), is_team=True
        ),
    }


def _box(front: RunningFront) -> dict[str, Office]:
    vendor: Box = _vendor(front, "box")
    organisation, domain = vendor.organisation, "box.example"
    olga, *others = [organisation.add_person(f"{name}@{domain}", quota=10**10) for name in ("olga", *PEOPLE)]
    for name in ("Sales", "Crew"):
        organisation.add_group(name, tuple(others[:2]))
    drive = organisation.drives[olga.id]

    def share(path: str, who: str, role: str, *, base: str) -> None:
        node, person = _node(drive.at(path.removeprefix(base))), organisation.accounts.person_of(who)
        assert person is not None
        front.inside(lambda: organisation.collaborate(node, person, role))

    def link(path: str, *, base: str) -> None:
        made = {"url": "https://app.box.com/s/x", "access": "open", "effective_access": "open"}
        _node(drive.at(path.removeprefix(base))).properties["shared_link"] = made

    def office(name: str, base: str, values: Mapping[str, Any]) -> Office:
        return Office(
            domain=domain,
            connect=connects(front, name, values),
            base=base or "/",
            roles=_BOX_ROLES,
            sales="Sales",
            crew="Crew",
            gives_owners=True,
            native=("co-owner", "previewer uploader", "previewer"),
            share=partial(share, base=base),
            link=partial(link, base=base),
            mails=lambda: len(vendor.sharing.notified),
            tally=vendor.tally,
            changing=re.compile(r"(POST|PUT|DELETE) .*/collaborations(/.*)?"),
        )

    app = {"client_id": "test-app", "client_secret": Secret("test-secret"), "enterprise_id": "900100"}
    return {
        "box": office("box", "", {"access_token": Secret(organisation.accounts.issue(olga).value)}),
        "box-admin": office("box-enterprise", f"/Users/olga@{domain}", app),
    }


def _egnyte(front: RunningFront) -> Office:
    vendor: Egnyte = _vendor(front, "egnyte")
    domain = "egnyte.example"
    olga, *others = [
        vendor.add_person(f"{name}@{domain}", is_admin=name == "olga") for name in ("olga", *PEOPLE)
    ]
    names = {person.email: user_name(person) for person in others}
    for name in ("Sales", "Crew"):
        vendor.accounts.add_group(f"{name.lower()}@{domain}", name)

    def share(path: str, who: str, level: str) -> None:
        node = _node(vendor.drive.at(path))
        front.inside(lambda: vendor.share(node, names[who], level))

    def shut(path: str) -> None:
        _node(vendor.drive.at(path)).properties["inherits nothing"] = True

    return Office(
        domain=domain,
        connect=connects(
            front, "egnyte", {"domain": "acme", "access_token": Secret(vendor.sign_in(olga).value)}
        ),
        base="/Shared",
        roles=_EGNYTE_ROLES,
        sales="Sales",
        crew="Crew",
        gives_owners=True,
        on_files=False,
        has_outsiders=False,
        tells_maker=False,
        native=("Owner", "Full"),
        share=share,
        shut=shut,
        mails=lambda: 0,  # the interface has no mails about permissions
        tally=vendor.tally,
        changing=re.compile("set permissions"),
    )


def _node(found: Node | None) -> Node:
    assert found is not None
    return found
