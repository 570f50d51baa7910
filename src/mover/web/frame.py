"""What stands around the content of every page: who one is, where one is, where one can go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from mover.accounts.actor import Permission

CSRF_FIELD = "csrf_token"
"""Name of the hidden field of every form."""


@dataclass(frozen=True)
class Toast:
    """A short word after something was done. `tone` is good or bad."""

    tone: str
    text: str


@dataclass(frozen=True)
class Entry:
    """One line of the menu; shown to those who have `needs`."""

    name: str
    text: str
    href: str
    icon: str
    needs: Permission = Permission.READ


@dataclass(frozen=True)
class Section:
    """Lines of the menu under a title."""

    title: str
    entries: tuple[Entry, ...]


_MENU = (
    Section(
        "",
        (
            Entry("home", "Home", "/", "house"),
            Entry("migrations", "Migrations", "/migrations", "arrow-right-left"),
            Entry("connections", "Connections", "/connections", "plug"),
            Entry("maps", "Maps", "/maps", "map-pinned"),
            Entry("schedules", "Schedules", "/schedules", "calendar-clock"),
            Entry("reports", "Reports", "/reports", "file-text"),
        ),
    ),
    Section(
        "Organisation",
        (
            Entry("people", "People", "/people", "users"),
            Entry("api-keys", "API keys", "/api-keys", "key-round", Permission.ADMINISTER),
            Entry("webhooks", "Webhooks", "/webhooks", "webhook", Permission.ADMINISTER),
            Entry("audit", "Audit log", "/audit", "scroll-text", Permission.ADMINISTER),
            Entry("organisation", "Settings", "/organisation", "settings", Permission.ADMINISTER),
        ),
    ),
)


def menu(permissions: frozenset[Permission]) -> tuple[Section, ...]:
    """The menu of somebody who may do this; sections without lines are left out."""
    sections = (
        Section(section.title, tuple(entry for entry in section.entries if entry.needs in permissions))
        for section in _MENU
    )
    return tuple(section for section in sections if section.entries)


@dataclass(frozen=True)
class Frame:
    """The frame of one page.

    Attributes:
        path: Of the request, with its query: where a form that changes only the look comes back to.
        theme: `light`, `dark`, or empty: as the system.
        csrf: What forms send along.
        place: Name of the menu's line that is marked.
        toast: Said once.
        home: Where the name of the product leads.
        profile: Where the name of the person leads.
        leave: Where signing out is sent.
    """

    path: str
    theme: str = ""
    csrf: str = field(default="", repr=False)
    place: str = ""
    person_name: str = ""
    organisation_name: str = ""
    menu: Sequence[Section] = ()
    toast: Toast | None = None
    csrf_field: str = CSRF_FIELD
    home: str = "/"
    profile: str = "/profile"
    leave: str = "/sign-out"
