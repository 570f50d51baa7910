"""One request of a browser of the staff."""

from __future__ import annotations

from dataclasses import dataclass

from mover.accounts.actor import Actor
from mover.staff.assembly import Staff
from mover.staff.full import FullViews
from mover.staff.looks import Look
from mover.staff.records import StaffMember, StaffSignedIn
from mover.staff.views import Views
from mover.web.frame import Entry, Frame, Section
from mover.web.visit import Visit

_MENU = (
    Section(
        "Staff",
        (
            Entry("staff-organisations", "Organisations", "/staff", "building-2"),
            Entry("staff-requests", "Requests", "/staff/requests", "shield-check"),
            Entry("staff-keys", "API keys", "/staff/keys", "key-round"),
            Entry("staff-audit", "Staff log", "/staff/audit", "scroll-text"),
        ),
    ),
)


@dataclass
class StaffVisit(Visit):
    """A request to a page of the staff; `signed_in` of an organisation's person is always None here.

    Attributes:
        staff: Whose session it is.
        look: Of the way that was taken.
        acting: Who acts in an organisation, with an approved exception: on ways of `Look.EXCEPTION`.
    """

    staff: StaffSignedIn | None = None
    look: Look = Look.NONE
    acting: Actor | None = None

    @property
    def services_of_staff(self) -> Staff:
        """All that can be done."""
        return self.house.services.staff

    @property
    def begun(self) -> StaffSignedIn:
        """The session. Only on ways that not anybody may take."""
        assert self.staff is not None
        return self.staff

    @property
    def member(self) -> StaffMember:
        """Who it is. Likewise."""
        return self.begun.member

    @property
    def views(self) -> Views:
        """Metadata. Only on ways whose looks are kept."""
        if self.look is Look.NONE:
            raise RuntimeError("a page whose looks are not kept asks for metadata; declare its look")
        return self.services_of_staff.views

    @property
    def full(self) -> FullViews:
        """More than metadata. Only on ways that need an exception."""
        if self.look is not Look.EXCEPTION:
            raise RuntimeError("a page that needs no exception asks for more than metadata; declare its look")
        return self.services_of_staff.full

    @property
    def excepted(self) -> Actor:
        """Who acts. Only on ways that need an exception."""
        assert self.acting is not None
        return self.acting

    @property
    def organisation_id(self) -> str:
        """Of the address."""
        return self.parameter("organisation_id")

    def may(self, permission: str) -> bool:  # noqa: ARG002 - as pages ask it
        """Nothing of what people of organisations may."""
        return False

    def frame(self, place: str = "") -> Frame:
        """What stands around the page."""
        frame = super().frame(place)
        ready = self.staff is not None and self.staff.step is None
        return Frame(
            path=frame.path,
            theme=frame.theme,
            csrf=self.staff.csrf_token.reveal() if self.staff else "",
            place=place,
            person_name=self.staff.member.name if self.staff else "",
            organisation_name="Staff" if self.staff else "",
            menu=_MENU if ready else (),
            toast=frame.toast,
            home="/staff",
            profile="/staff/password",
            leave="/staff/sign-out",
        )
