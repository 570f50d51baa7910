"""The way in and out for the staff: password, code, and at the first time an authenticator app and a password of one's own."""

from __future__ import annotations

from markupsafe import Markup
from starlette.responses import Response

from mover.errors import InvalidConfiguration, SignInFailed, Throttled
from mover.staff.looks import Look
from mover.staff.records import StaffEntrance, Step
from mover.web.forms import Form, sentence
from mover.web.routes.sign_in import throttled
from mover.web.staff.cookies import clear_staff, set_staff
from mover.web.staff.visit import StaffVisit
from mover.web.staff.ways import Reach, StaffWay

_WRONG = "The mail address or the password is not right."
_WRONG_CODE = "This code is not right, or was used already. Wait for the next one, and try again."


STEPS = {
    Step.CODE: "/staff/code",
    Step.SET_UP: "/staff/authenticator",
    Step.NEW_PASSWORD: "/staff/password",
}
"""Where somebody goes on who has begun to sign in."""


def _entered(visit: StaffVisit, entrance: StaffEntrance) -> Response:
    step = entrance.signed_in.step
    where = "/staff" if step is None else STEPS[step]
    response = visit.go(where)
    set_staff(response, entrance.token)
    return response


async def sign_in_page(visit: StaffVisit) -> Response:
    """Ask for address and password."""
    if visit.staff is not None:
        return visit.go("/staff")
    return visit.page("staff/sign_in.html", form=Form())


async def sign_in(visit: StaffVisit) -> Response:
    """Take them."""
    form = visit.filled_in("email")
    try:
        entrance = await visit.services_of_staff.sign_in.with_password(
            visit.text("email"), visit.secret("password"), visit.client
        )
    except SignInFailed:
        form.faults["password"] = _WRONG
        return visit.again("staff/sign_in.html", form=form)
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("staff/sign_in.html", form=form)
    return _entered(visit, entrance)


async def code_page(visit: StaffVisit) -> Response:
    """Ask for a code."""
    if visit.begun.step is not Step.CODE:
        return visit.go("/staff")
    return visit.page("staff/code.html", form=Form())


async def code(visit: StaffVisit) -> Response:
    """Take a code."""
    form = Form()
    try:
        entrance = await visit.services_of_staff.sign_in.with_code(
            visit.begun, visit.text("code"), visit.client
        )
    except SignInFailed:
        form.faults["code"] = _WRONG_CODE
        return visit.again("staff/code.html", form=form)
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("staff/code.html", form=form)
    return _entered(visit, entrance)


async def authenticator_page(visit: StaffVisit) -> Response:
    """Say that an authenticator app is needed."""
    if visit.begun.step is not Step.SET_UP:
        return visit.go("/staff")
    return visit.page("staff/authenticator.html", form=Form(), begun=False)


async def begin_authenticator(visit: StaffVisit) -> Response:
    """Show the secret, once."""
    setup = await visit.services_of_staff.sign_in.begin_app(visit.begun)
    return visit.page(
        "staff/authenticator.html",
        form=Form(),
        picture=Markup(setup.svg.reveal()),  # noqa: S704 - drawn by this server, from its own figures
        secret=setup.secret.reveal(),
        begun=True,
        headers={"Cache-Control": "no-store"},
    )


async def finish_authenticator(visit: StaffVisit) -> Response:
    """Take the first code."""
    form = Form()
    try:
        entrance = await visit.services_of_staff.sign_in.finish_app(
            visit.begun, visit.text("code"), visit.client
        )
    except SignInFailed:
        form.faults["code"] = _WRONG_CODE
        return visit.again("staff/authenticator.html", form=form, begun=True)
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("staff/authenticator.html", form=form, begun=True)
    return _entered(visit, entrance)


async def password_page(visit: StaffVisit) -> Response:
    """Ask for a new password."""
    if visit.begun.step not in {None, Step.NEW_PASSWORD}:
        return visit.go("/staff")
    return visit.page("staff/password.html", place="profile", form=Form(), first=visit.begun.step is not None)


async def password(visit: StaffVisit) -> Response:
    """Take it."""
    form = Form()
    first = visit.begun.step is not None
    if visit.text("password") != visit.text("again"):
        form.faults["again"] = "The two are not the same."
        return visit.again("staff/password.html", place="profile", form=form, first=first)
    try:
        await visit.services_of_staff.sign_in.change_password(
            visit.begun, visit.secret("password"), current=visit.secret("current")
        )
    except SignInFailed:
        form.faults["current"] = "That is not your present password."
        return visit.again("staff/password.html", place="profile", form=form, first=first)
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("staff/password.html", place="profile", form=form, first=first)
    except InvalidConfiguration as error:
        form.faults["password"] = sentence(error)
        return visit.again("staff/password.html", place="profile", form=form, first=first)
    return visit.go("/staff", "Your password is changed.")


async def sign_out(visit: StaffVisit) -> Response:
    """End the session."""
    await visit.services_of_staff.sessions.end(visit.begun)
    response = visit.go("/staff/sign-in", "You are signed out.")
    clear_staff(response)
    return response


WAYS = (
    StaffWay("GET", "/staff/sign-in", Reach.ANYBODY, Look.NONE, sign_in_page),
    StaffWay("POST", "/staff/sign-in", Reach.ANYBODY, Look.NONE, sign_in),
    StaffWay("GET", "/staff/code", Reach.BEGUN, Look.NONE, code_page),
    StaffWay("POST", "/staff/code", Reach.BEGUN, Look.NONE, code),
    StaffWay("GET", "/staff/authenticator", Reach.BEGUN, Look.NONE, authenticator_page),
    StaffWay("POST", "/staff/authenticator/begin", Reach.BEGUN, Look.NONE, begin_authenticator),
    StaffWay("POST", "/staff/authenticator/finish", Reach.BEGUN, Look.NONE, finish_authenticator),
    StaffWay("GET", "/staff/password", Reach.BEGUN, Look.NONE, password_page),
    StaffWay("POST", "/staff/password", Reach.BEGUN, Look.NONE, password),
    StaffWay("POST", "/staff/sign-out", Reach.BEGUN, Look.NONE, sign_out),
)
