"""Keys of the staff's API: one's own, made and shown once, listed, revoked."""

from __future__ import annotations

from starlette.responses import Response

from mover.errors import Conflict, InvalidConfiguration
from mover.staff.looks import Look
from mover.web.forms import Form, sentence
from mover.web.staff.visit import StaffVisit
from mover.web.staff.ways import Reach, StaffWay

_PLACE = "staff-keys"
_LIVES = (("1", "1 day"), ("7", "7 days"), ("30", "30 days"))


async def keys(visit: StaffVisit) -> Response:
    """List one's own."""
    return visit.page(
        "staff/keys.html",
        place=_PLACE,
        keys=await visit.services_of_staff.keys.of(visit.member),
        now_ns=visit.house.now_ns(),
    )


async def new_key(visit: StaffVisit) -> Response:
    """Ask what the key is for."""
    return _form(visit, Form({"life": "7"}))


async def create_key(visit: StaffVisit) -> Response:
    """Make a key, and show it this once."""
    form = visit.filled_in("name", "life", "networks")
    form.require(name="Give the key a name.")
    if form.values["life"] not in dict(_LIVES):
        form.faults["life"] = "Choose how long it is valid."
    if form.faults:
        return _form(visit, form)
    given = form.values["networks"].replace(",", "\n").splitlines()
    try:
        made = await visit.services_of_staff.keys.make(
            visit.begun,
            form.values["name"].strip(),
            days=int(form.values["life"]),
            networks=[line.strip() for line in given if line.strip()],
        )
    except Conflict as error:
        form.faults[""] = sentence(error)
        return _form(visit, form)
    except InvalidConfiguration as error:
        form.blame(error, fields={"network": "networks", "name": "name"})
        return _form(visit, form)
    return visit.page("staff/key_shown.html", place=_PLACE, key=made.key, text=made.text.reveal())


async def revoke_key(visit: StaffVisit) -> Response:
    """End one of one's own."""
    await visit.services_of_staff.keys.revoke(visit.parameter("staff_key_id"), by=visit.member)
    return visit.go("/staff/keys", "The key is revoked. It opens nothing any more.")


def _form(visit: StaffVisit, form: Form) -> Response:
    show = visit.again if form.faults else visit.page
    return show("staff/key_new.html", place=_PLACE, form=form, lives=_LIVES)


WAYS = (
    StaffWay("GET", "/staff/keys", Reach.STAFF, Look.NONE, keys),
    StaffWay("GET", "/staff/keys/new", Reach.STAFF, Look.NONE, new_key),
    StaffWay("POST", "/staff/keys/new", Reach.STAFF, Look.NONE, create_key),
    StaffWay("POST", "/staff/keys/{staff_key_id}/revoke", Reach.STAFF, Look.NONE, revoke_key),
)
