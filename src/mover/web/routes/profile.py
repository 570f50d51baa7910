"""What a person decides about themself: name, password, second factors, sessions, organisations, the look of pages."""

from __future__ import annotations

import json
from http import HTTPStatus

from markupsafe import Markup
from starlette.responses import JSONResponse, Response

from mover.accounts.records import Requirement, SecondFactor
from mover.accounts.refusals import RecentSignInNeeded
from mover.api.cookies import clear_session, set_session
from mover.api.operations import Open
from mover.api.streams import zip_download
from mover.errors import (
    Conflict,
    InvalidConfiguration,
    MoverError,
    NotFound,
    PermissionDenied,
    SignInFailed,
    Throttled,
)
from mover.vault.secret import Secret
from mover.web.forms import Form, sentence
from mover.web.routes.sign_in import is_own_page, throttled
from mover.web.visit import THEME_COOKIE, Visit
from mover.web.ways import Way

_PLACE = "profile"
_YEAR_S = 365 * 24 * 3600


async def profile(visit: Visit) -> Response:
    """Show it all."""
    person = visit.session.person
    return await _show(visit, Form({"name": person.name, "email": person.email}))


async def _show(visit: Visit, form: Form) -> Response:
    services, session = visit.house.services, visit.session
    ways = await services.second_factors.ways(session.person.id)
    show = visit.again if form.faults else visit.page
    return show(
        "profile.html",
        place=_PLACE,
        form=form,
        person=session.person,
        has_password=await services.people.has_password(session),
        current=session.session,
        sessions=await services.sessions.all(session),
        passkeys=await services.passkeys.all(session),
        has_totp=SecondFactor.TOTP in ways,
        codes_left=await services.second_factors.recovery_codes_left(session) if ways else 0,
        memberships=await services.people.memberships(session),
        requirement=session.requirement,
        needs_second_factor=session.requirement is Requirement.SECOND_FACTOR,
    )


async def rename(visit: Visit) -> Response:
    """Change one's own name."""
    form = visit.filled_in("name")
    form.values["email"] = visit.session.person.email
    try:
        await visit.house.services.people.rename(visit.session, visit.text("name").strip())
    except InvalidConfiguration as error:
        form.faults["name"] = sentence(error)
        return await _show(visit, form)
    return visit.go("/profile", "Your name is changed.")


async def change_password(visit: Visit) -> Response:
    """Set one's own password."""
    form = Form({"name": visit.session.person.name, "email": visit.session.person.email})
    current = visit.secret("current") if visit.text("current") else None
    try:
        await visit.house.services.people.change_password(visit.session, current, visit.secret("new"))
    except SignInFailed:
        form.faults["current"] = "This is not your present password."
    except Throttled as error:
        form.faults["current"] = throttled(error)
    except InvalidConfiguration as error:
        form.faults["new"] = sentence(error)
    except RecentSignInNeeded:
        return _confirm_first(visit)
    except PermissionDenied as error:
        form.faults["new"] = sentence(error)
    if form.faults:
        return await _show(visit, form)
    return visit.go("/profile", "Your password is changed. All your other sessions have ended.")


def _confirm_first(visit: Visit, back: str = "/profile") -> Response:
    return visit.go(f"/confirm?back={back}")


async def confirm_page(visit: Visit) -> Response:
    """Ask again who sits there."""
    back, has_passkeys = _back(visit.query("back")), await _has_passkeys(visit)
    return visit.page("confirm.html", form=Form(), back=back, passkeys=has_passkeys)


async def _has_passkeys(visit: Visit) -> bool:
    return bool(await visit.house.services.passkeys.all(visit.session))


def _back(path: str) -> str:
    return path if is_own_page(path) else "/profile"


async def confirm(visit: Visit) -> Response:
    """Take the password, and a code if there is a second factor."""
    form = Form()
    back = _back(visit.text("back"))
    try:
        entrance = await visit.house.services.sign_in.confirm(
            visit.session,
            visit.client,
            password=visit.secret("password") if visit.text("password") else None,
            code=visit.text("code").strip() or None,
        )
    except SignInFailed as error:
        form.faults[""] = sentence(error)
        return visit.again("confirm.html", form=form, back=back, passkeys=await _has_passkeys(visit))
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("confirm.html", form=form, back=back, passkeys=await _has_passkeys(visit))
    response = visit.go(back, "Thank you. Now do it again.")
    set_session(response, entrance.token, device=entrance.device)
    return response


async def change_address(visit: Visit) -> Response:
    """Send a link to an address that is to be one's own, or that has not been verified yet."""
    form = visit.filled_in("email")
    form.values["name"] = visit.session.person.name
    email = visit.text("email").strip()
    try:
        await visit.house.services.email_addresses.ask(
            visit.session, None if email == visit.session.person.email else email
        )
    except RecentSignInNeeded:
        return _confirm_first(visit)
    except (InvalidConfiguration, PermissionDenied) as error:
        form.faults["email"] = sentence(error)
        return await _show(visit, form)
    except Throttled as error:
        form.faults["email"] = throttled(error)
        return await _show(visit, form)
    return visit.go(
        "/profile", f"A link is on its way to {email}. The address counts once you have followed it."
    )


async def confirm_options(visit: Visit) -> Response:
    """Tell the browser which passkeys would show who sits there."""
    ceremony = await visit.house.services.passkeys.begin_confirm(visit.session)
    return JSONResponse({"ticket": ceremony.ticket.reveal(), "options": json.loads(ceremony.options)})


async def confirm_with_passkey(visit: Visit) -> Response:
    """Take the answer of a passkey."""
    back = _back(visit.text("back"))
    try:
        entrance = await visit.house.services.passkeys.finish_confirm(
            visit.session, visit.secret("ticket"), visit.text("response"), visit.client
        )
    except SignInFailed as error:
        return visit.again("confirm.html", form=Form(faults={"": sentence(error)}), back=back, passkeys=True)
    response = visit.go(back, "Thank you. Now do it again.")
    set_session(response, entrance.token, device=entrance.device)
    return response


async def begin_totp(visit: Visit) -> Response:
    """Show the code that an authenticator app scans."""
    try:
        setup = await visit.house.services.second_factors.begin_totp(visit.session)
    except RecentSignInNeeded:
        return _confirm_first(visit)
    except (PermissionDenied, Conflict) as error:
        return visit.go("/profile", sentence(error), tone="bad")
    return visit.page(
        "totp.html",
        place=_PLACE,
        form=Form(),
        secret=setup.secret.reveal(),
        picture=Markup(setup.svg.reveal()),  # noqa: S704 - drawn by this server, from its own figures
    )


async def finish_totp(visit: Visit) -> Response:
    """Take the first code, and show the recovery codes."""
    try:
        codes = await visit.house.services.second_factors.finish_totp(
            visit.session, visit.text("code").strip()
        )
    except SignInFailed:
        form = Form(faults={"code": "This code is not right. Wait for the next one, and try again."})
        return visit.again("totp.html", place=_PLACE, form=form, secret="", picture="")
    except Throttled as error:
        form = Form(faults={"code": throttled(error)})
        return visit.again("totp.html", place=_PLACE, form=form, secret="", picture="")
    except (NotFound, PermissionDenied) as error:
        return visit.go("/profile", sentence(error), tone="bad")
    return _codes(visit, codes)


def _codes(visit: Visit, codes: list[Secret]) -> Response:
    return visit.page("recovery_codes.html", place=_PLACE, codes=[code.reveal() for code in codes])


async def remove_totp(visit: Visit) -> Response:
    """Stop using the authenticator app."""
    try:
        await visit.house.services.second_factors.remove_totp(visit.session)
    except RecentSignInNeeded:
        return _confirm_first(visit)
    except (PermissionDenied, NotFound) as error:
        return visit.go("/profile", sentence(error), tone="bad")
    return visit.go("/profile", "The authenticator app is not asked for any more.")


async def new_codes(visit: Visit) -> Response:
    """Make new recovery codes."""
    try:
        return _codes(visit, await visit.house.services.second_factors.new_recovery_codes(visit.session))
    except RecentSignInNeeded:
        return _confirm_first(visit)
    except (PermissionDenied, Conflict) as error:
        return visit.go("/profile", sentence(error), tone="bad")


async def passkey_options(visit: Visit) -> Response:
    """Tell the browser to make a passkey."""
    try:
        ceremony = await visit.house.services.passkeys.begin_registration(visit.session)
    except PermissionDenied as error:
        where = "/confirm?back=/profile" if isinstance(error, RecentSignInNeeded) else ""
        return JSONResponse({"go": where}, HTTPStatus.FORBIDDEN)
    return JSONResponse({"ticket": ceremony.ticket.reveal(), "options": json.loads(ceremony.options)})


async def add_passkey(visit: Visit) -> Response:
    """Keep the passkey that the browser made."""
    if not visit.text("response"):
        return _confirm_first(visit)
    name = visit.text("name").strip() or "Passkey"
    try:
        await visit.house.services.passkeys.finish_registration(
            visit.session, visit.secret("ticket"), visit.text("response"), name=name
        )
    except (SignInFailed, InvalidConfiguration, PermissionDenied) as error:
        return visit.go("/profile", sentence(error), tone="bad")
    return visit.go("/profile", f"{name} is added. You can sign in with it.")


async def remove_passkey(visit: Visit) -> Response:
    """Forget a passkey."""
    try:
        await visit.house.services.passkeys.remove(visit.session, visit.parameter("passkey_id"))
    except RecentSignInNeeded:
        return _confirm_first(visit)
    except PermissionDenied as error:
        return visit.go("/profile", sentence(error), tone="bad")
    return visit.go("/profile", "The passkey is removed.")


async def end_session(visit: Visit) -> Response:
    """End one session, or all the others."""
    sessions = visit.house.services.sessions
    if visit.text("session") == "others":
        count = await sessions.revoke_others(visit.session)
        return visit.go(
            "/profile",
            f"{count} other sessions have ended." if count != 1 else "The other session has ended.",
        )
    await sessions.revoke(visit.session, visit.text("session"))
    return visit.go("/profile", "The session has ended.")


async def switch(visit: Visit) -> Response:
    """Go on in another organisation."""
    try:
        entrance = await visit.house.services.sessions.switch(
            visit.session, visit.text("organisation"), visit.client
        )
    except MoverError as error:
        return visit.go("/profile", sentence(error), tone="bad")
    response = visit.go("/", "You are in another organisation now.")
    set_session(response, entrance.token, device=entrance.device)
    return response


async def appearance(visit: Visit) -> Response:
    """Choose light, dark, or what the system says."""
    back = visit.text("back")
    response = visit.go(back if is_own_page(back) else "/")
    theme = visit.text("theme")
    if theme in {"light", "dark"}:
        response.set_cookie(
            THEME_COOKIE, theme, max_age=_YEAR_S, path="/", secure=True, httponly=True, samesite="strict"
        )
    else:
        response.delete_cookie(THEME_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
    return response


async def data(visit: Visit) -> Response:
    """Everything that is kept of the person, as a file."""
    try:
        return await zip_download(await visit.house.services.data_exports.own(visit.session), "your-data")
    except RecentSignInNeeded:
        return _confirm_first(visit)
    except PermissionDenied as error:
        return visit.go("/profile", sentence(error), tone="bad")


async def ask_to_leave(visit: Visit) -> Response:
    """Say what deleting oneself means, and ask."""
    return visit.page("profile_delete.html", place=_PLACE, person=visit.session.person, form=Form())


async def leave(visit: Visit) -> Response:
    """Delete oneself."""
    try:
        await visit.house.services.leaving.leave(visit.session, typed_email=visit.text("typed_email"))
    except RecentSignInNeeded:
        return _confirm_first(visit, "/profile/delete")
    except (InvalidConfiguration, Conflict, PermissionDenied) as error:
        form = Form(faults={"typed_email": sentence(error)})
        return visit.again("profile_delete.html", place=_PLACE, person=visit.session.person, form=form)
    response = visit.go("/sign-in", "You are deleted here, with everything that was yours alone.")
    clear_session(response)
    return response


WAYS = (
    Way("GET", "/profile/data", Open.SIGNED_IN, data),
    Way("GET", "/profile/delete", Open.SIGNED_IN, ask_to_leave),
    Way("POST", "/profile/delete", Open.SIGNED_IN, leave),
    Way("GET", "/profile", Open.SIGNED_IN, profile),
    Way("POST", "/profile/name", Open.SIGNED_IN, rename),
    Way("POST", "/profile/password", Open.SIGNED_IN, change_password),
    Way("POST", "/profile/address", Open.SIGNED_IN, change_address),
    Way("GET", "/confirm", Open.SIGNED_IN, confirm_page),
    Way("POST", "/confirm", Open.SIGNED_IN, confirm),
    Way("POST", "/confirm/passkey/options", Open.SIGNED_IN, confirm_options),
    Way("POST", "/confirm/passkey", Open.SIGNED_IN, confirm_with_passkey),
    Way("POST", "/profile/authenticator", Open.SIGNED_IN, begin_totp),
    Way("POST", "/profile/authenticator/finish", Open.SIGNED_IN, finish_totp),
    Way("POST", "/profile/authenticator/remove", Open.SIGNED_IN, remove_totp),
    Way("POST", "/profile/recovery-codes", Open.SIGNED_IN, new_codes),
    Way("POST", "/profile/passkeys/options", Open.SIGNED_IN, passkey_options),
    Way("POST", "/profile/passkeys", Open.SIGNED_IN, add_passkey),
    Way("POST", "/profile/passkeys/{passkey_id}/remove", Open.SIGNED_IN, remove_passkey),
    Way("POST", "/profile/sessions", Open.SIGNED_IN, end_session),
    Way("POST", "/profile/organisation", Open.SIGNED_IN, switch),
    Way("POST", "/appearance", Open.ANYBODY, appearance),
)
