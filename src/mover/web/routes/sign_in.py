"""The way in and out: password, second factor, passkey, single sign-on; and the first owner, while there is nobody."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.responses import JSONResponse, RedirectResponse, Response

from mover.accounts.records import Entrance, SecondFactor, SecondFactorNeeded
from mover.api.cookies import clear_session, device_token, set_device, set_session
from mover.api.operations import Open
from mover.errors import (
    Conflict,
    InvalidConfiguration,
    NotFound,
    PermissionDenied,
    ProtocolViolation,
    SignInFailed,
    Throttled,
)
from mover.vault.secret import Secret
from mover.web.forms import Form, sentence
from mover.web.spelling import duration
from mover.web.visit import Visit
from mover.web.ways import Way

TICKET_COOKIE = "__Host-mover-ticket"
"""Half a sign-in, or a departure to a provider: kept for ten minutes at most."""

NEXT_COOKIE = "__Host-mover-next"
"""Where somebody wanted to go before they were asked to sign in."""

_TICKET_S = 600
_BLAMES = {"password": "password", "address": "email", "name": "name"}


async def sign_in_page(visit: Visit) -> Response:
    """Ask who it is; the first time, ask who the owner will be."""
    if visit.signed_in is not None:
        return visit.go("/")
    if await visit.house.services.organisations.nobody_yet():
        return visit.go("/welcome")
    return visit.page("sign_in.html", form=Form())


async def sign_in(visit: Visit) -> Response:
    """Take an address and a password; who belongs to a provider is sent there when the password is left empty."""
    form = visit.filled_in("email")
    services = visit.house.services
    if not form.require(email="Type your mail address."):
        return visit.again("sign_in.html", form=form)
    try:
        if not visit.text("password"):
            organisation = await services.single_sign_on.offered_for(visit.text("email"))
            if organisation is not None:
                return await _depart(visit, organisation)
            form.faults["password"] = "Type your password."  # noqa: S105 - what to do
            return visit.again("sign_in.html", form=form)
        came = await services.sign_in.with_password(
            visit.text("email"), visit.secret("password"), visit.client, device=device_token(visit.request)
        )
    except SignInFailed:
        said = "The mail address or the password is not right. Check both, or choose a new password."
        form.faults["password"] = said
        return visit.again("sign_in.html", form=form)
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("sign_in.html", form=form)
    if isinstance(came, Entrance):
        return entered(visit, came)
    return _half_way(visit, came)


def throttled(error: Throttled) -> str:
    """What somebody who tried too often is told."""
    return f"There were too many attempts. Try again in {duration(error.retry_after_s or 60)}."


def entered(visit: Visit, entrance: Entrance, *, where: str = "", said: str = "") -> Response:
    """Give the browser its session, and show what was wanted."""
    wanted = visit.request.cookies.get(NEXT_COOKIE, "")
    response = visit.go(where or (wanted if is_own_page(wanted) else "/"), said)
    set_session(response, entrance.token, device=entrance.device)
    for cookie in (TICKET_COOKIE, NEXT_COOKIE):
        response.delete_cookie(cookie, path="/", secure=True, httponly=True, samesite="lax")
    return response


def is_own_page(path: str) -> bool:
    r"""Tell whether this is an address of this server, and could not be read as one of another (`//evil`, `/\\evil`)."""
    return (
        path.startswith("/") and not path.startswith(("//", "/\\")) and path.isascii() and path.isprintable()
    )


def keep_ticket(response: Response, ticket: Secret, kind: str) -> Response:
    """Keep half a sign-in with the browser. Lax: a provider's page leads back here."""
    response.set_cookie(
        TICKET_COOKIE,
        f"{kind}:{ticket.reveal()}",
        max_age=_TICKET_S,
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )
    return response


def _ticket(visit: Visit, kind: str) -> Secret | None:
    found, _, ticket = visit.request.cookies.get(TICKET_COOKIE, "").partition(":")
    return Secret(ticket) if found == kind and ticket else None


def _half_way(visit: Visit, needed: SecondFactorNeeded) -> Response:
    ways = "-".join(sorted(way.value for way in needed.ways))
    return keep_ticket(visit.go(f"/sign-in/second-factor?ways={ways}"), needed.ticket, "half")


def _offers_passkey(visit: Visit) -> bool:
    return SecondFactor.PASSKEY.value in (visit.query("ways") or visit.text("ways")).split("-")


async def second_factor_page(visit: Visit) -> Response:
    """Ask for a code, or for a passkey."""
    if _ticket(visit, "half") is None:
        return visit.go("/sign-in")
    return visit.page(
        "second_factor.html", form=Form({"ways": visit.query("ways")}), passkey=_offers_passkey(visit)
    )


async def second_factor(visit: Visit) -> Response:
    """Take a code or the answer of a passkey."""
    ticket = _ticket(visit, "half")
    if ticket is None:
        return visit.go("/sign-in", "That took too long. Sign in again.", tone="bad")
    form = visit.filled_in("ways")
    services = visit.house.services
    try:
        if visit.text("response"):
            came = await services.passkeys.finish_second_factor(
                ticket, visit.secret("ticket"), visit.text("response"), visit.client
            )
        else:
            came = await services.sign_in.with_code(ticket, visit.text("code").strip(), visit.client)
    except SignInFailed:
        form.faults["code"] = (
            "This code is not right, or was used already. Wait for the next one, and try again."
        )
        return visit.again("second_factor.html", form=form, passkey=_offers_passkey(visit))
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("second_factor.html", form=form, passkey=_offers_passkey(visit))
    return entered(visit, came)


async def second_factor_passkey(visit: Visit) -> Response:
    """Tell the browser which passkeys would do."""
    ticket = _ticket(visit, "half")
    if ticket is None:
        return JSONResponse({}, HTTPStatus.FORBIDDEN)
    ceremony = await visit.house.services.passkeys.begin_second_factor(ticket)
    return JSONResponse({"ticket": ceremony.ticket.reveal(), "options": json.loads(ceremony.options)})


async def passkey_options(visit: Visit) -> Response:
    """Tell the browser to ask for a passkey of this site."""
    ceremony = await visit.house.services.passkeys.begin_sign_in(visit.client)
    return JSONResponse({"ticket": ceremony.ticket.reveal(), "options": json.loads(ceremony.options)})


async def passkey_sign_in(visit: Visit) -> Response:
    """Take the answer of a passkey."""
    try:
        entrance = await visit.house.services.passkeys.finish_sign_in(
            visit.secret("ticket"), visit.text("response"), visit.client
        )
    except SignInFailed:
        form = Form(faults={"": "This passkey is not known here. Sign in with your password."})
        return visit.again("sign_in.html", form=form)
    return entered(visit, entrance)


async def _depart(visit: Visit, organisation_id: str) -> Response:
    departure = await visit.house.services.single_sign_on.begin(organisation_id, visit.client)
    response = visit.page("depart.html", url=departure.url, headers={"Refresh": f"0; url={departure.url}"})
    return keep_ticket(response, departure.ticket, "away")


async def organisation_page(visit: Visit) -> Response:
    """The way in of one organisation, also if others claim the domain of its addresses.

    It asks for one press: a link from elsewhere must not sign anybody in, in whatever organisation it likes.
    """
    return visit.page("sign_in_organisation.html", organisation_id=visit.parameter("organisation_id"))


async def organisation_sign_in(visit: Visit) -> Response:
    """Send somebody to the provider of an organisation."""
    return await _depart(visit, visit.parameter("organisation_id"))


async def single_sign_on(visit: Visit) -> Response:
    """Take somebody in who comes back from their organisation's provider."""
    ticket = _ticket(visit, "away")
    if ticket is None:
        return visit.go("/sign-in", "That took too long. Sign in again.", tone="bad")
    try:
        entrance = await visit.house.services.single_sign_on.finish(
            visit.parameter("organisation_id"), ticket, dict(visit.request.query_params), visit.client
        )
    except (SignInFailed, PermissionDenied, ProtocolViolation) as error:
        return visit.again("sign_in.html", form=Form(faults={"": sentence(error)}))
    return entered(visit, entrance)


async def sign_out(visit: Visit) -> Response:
    """End the session."""
    await visit.house.services.sessions.end(visit.session)
    response = visit.go("/sign-in", "You are signed out.")
    clear_session(response)
    return response


async def welcome_page(visit: Visit) -> Response:
    """Ask for the first organisation and its owner; only while there is nobody."""
    if not await visit.house.services.organisations.nobody_yet():
        return visit.go("/sign-in")
    return visit.page("welcome.html", form=Form())


async def welcome(visit: Visit) -> Response:
    """Make the first organisation and its owner, and sign them in."""
    form = visit.filled_in("organisation", "name", "email")
    services = visit.house.services
    if not visit.text("password"):
        form.faults["password"] = "Choose a password."  # noqa: S105 - what to do
    if not form.require(
        organisation="Name your organisation.", name="Type your name.", email="Type your mail address."
    ):
        return visit.again("welcome.html", form=form)
    try:
        await services.organisations.found(
            visit.text("organisation"),
            owner_email=visit.text("email"),
            owner_name=visit.text("name"),
            password=visit.secret("password"),
        )
    except InvalidConfiguration as error:
        form.blame(error, fields={**_BLAMES, "organisation": "organisation"})
        return visit.again("welcome.html", form=form)
    except Conflict:
        return visit.go("/sign-in", "Somebody was faster: there is an owner already.", tone="bad")
    came = await services.sign_in.with_password(visit.text("email"), visit.secret("password"), visit.client)
    assert isinstance(came, Entrance)
    return entered(visit, came, where="/")


async def forgotten_page(visit: Visit) -> Response:
    """Ask where to send a link."""
    return visit.page("forgotten.html", form=Form(), sent=False)


async def forgotten(visit: Visit) -> Response:
    """Send a link, if the address is known; the answer is the same if it is not."""
    form = visit.filled_in("email")
    if not form.require(email="Type your mail address."):
        return visit.again("forgotten.html", form=form, sent=False)
    try:
        await visit.house.services.password_resets.ask(visit.text("email"), visit.client)
    except Throttled as error:
        form.faults[""] = throttled(error)
        return visit.again("forgotten.html", form=form, sent=False)
    except InvalidConfiguration as error:
        form.faults[""] = f"{sentence(error)} Ask an administrator of your organisation."
        return visit.again("forgotten.html", form=form, sent=False)
    return visit.page("forgotten.html", form=form, sent=True)


async def reset_page(visit: Visit) -> Response:
    """Ask for the new password, if the link still works."""
    token = visit.parameter("token")
    try:
        await visit.house.services.password_resets.look(Secret(token))
    except NotFound:
        return visit.page("link_over.html", what="password", status=HTTPStatus.NOT_FOUND)
    return visit.page("reset.html", form=Form(), token=token)


async def reset(visit: Visit) -> Response:
    """Set the new password."""
    form = Form()
    try:
        device = await visit.house.services.password_resets.reset(
            Secret(visit.parameter("token")), visit.secret("password"), visit.client
        )
    except NotFound:
        return visit.page("link_over.html", what="password", status=HTTPStatus.NOT_FOUND)
    except InvalidConfiguration as error:
        form.faults["password"] = sentence(error)
        return visit.again("reset.html", form=form, token=visit.parameter("token"))
    response = visit.go("/sign-in", "Your password is changed. Sign in with it.")
    set_device(response, device)
    return response


async def invitation_page(visit: Visit) -> Response:
    """Show an invitation to the one who has its link."""
    token = visit.parameter("token")
    try:
        invitation = await visit.house.services.invitations.look(Secret(token))
    except NotFound:
        return visit.page("link_over.html", what="invitation", status=HTTPStatus.NOT_FOUND)
    return visit.page(
        "invitation.html", form=Form(), invitation=invitation, token=token, person=_person(visit)
    )


async def accept_invitation(visit: Visit) -> Response:
    """Become a member: with the account that is signed in, or as somebody new."""
    services = visit.house.services
    token = Secret(visit.parameter("token"))
    form = visit.filled_in("name")
    try:
        invitation = await services.invitations.look(token)
    except NotFound:
        return visit.page("link_over.html", what="invitation", status=HTTPStatus.NOT_FOUND)
    try:
        if visit.signed_in is not None:
            entrance = await services.invitations.accept(visit.signed_in, token, visit.client)
        else:
            entrance = await services.invitations.accept_as_new(
                token, name=visit.text("name"), password=visit.secret("password"), client=visit.client
            )
    except (InvalidConfiguration, Conflict) as error:
        form.blame(error, fields=_BLAMES)
        return visit.again(
            "invitation.html", form=form, invitation=invitation, token=token.reveal(), person=_person(visit)
        )
    return entered(visit, entrance, where="/", said=f"Welcome to {invitation.organisation_name}.")


async def verify_address(visit: Visit) -> Response:
    """A mail address is somebody's: they followed the link that was sent there."""
    try:
        person = await visit.house.services.email_addresses.verify(Secret(visit.parameter("token")))
    except (NotFound, Conflict):
        return visit.page("link_over.html", what="address", status=HTTPStatus.NOT_FOUND)
    return visit.go("/profile" if visit.signed_in else "/sign-in", f"The address {person.email} is yours.")


async def verify_address_page(visit: Visit) -> Response:
    """Ask for one press: mail programs that look at links must not verify anything."""
    return visit.page("verify_address.html", token=visit.parameter("token"))


def _person(visit: Visit) -> str:
    return visit.signed_in.person.email if visit.signed_in else ""


def ask_to_sign_in(visit: Visit) -> Response:
    """Send somebody to the sign-in page who is not signed in, and remember where they wanted to go."""
    url = visit.request.url
    response: Response = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    if visit.is_part:
        response = Response(headers={"HX-Redirect": "/sign-in"})
    elif visit.request.method == "GET" and url.path != "/":
        wanted = url.path + (f"?{url.query}" if url.query else "")
        if is_own_page(wanted) and len(wanted) < 1000:  # noqa: PLR2004 - a longer one is no page that one types
            response.set_cookie(
                NEXT_COOKIE, wanted, max_age=_TICKET_S, path="/", secure=True, httponly=True, samesite="lax"
            )
    clear_session(response)
    return response


WAYS = (
    Way("GET", "/sign-in", Open.ANYBODY, sign_in_page),
    Way("POST", "/sign-in", Open.ANYBODY, sign_in),
    Way("GET", "/sign-in/second-factor", Open.ANYBODY, second_factor_page),
    Way("POST", "/sign-in/second-factor", Open.ANYBODY, second_factor),
    Way("POST", "/sign-in/second-factor/passkey", Open.ANYBODY, second_factor_passkey),
    Way("POST", "/sign-in/passkey/options", Open.ANYBODY, passkey_options),
    Way("POST", "/sign-in/passkey", Open.ANYBODY, passkey_sign_in),
    Way("GET", "/sign-in/organisation/{organisation_id}", Open.ANYBODY, organisation_page),
    Way("POST", "/sign-in/organisation/{organisation_id}", Open.ANYBODY, organisation_sign_in),
    Way("GET", "/sign-in/organisation/{organisation_id}/return", Open.ANYBODY, single_sign_on),
    Way("POST", "/sign-out", Open.SIGNED_IN, sign_out),
    Way("GET", "/welcome", Open.ANYBODY, welcome_page),
    Way("POST", "/welcome", Open.ANYBODY, welcome),
    Way("GET", "/forgotten", Open.ANYBODY, forgotten_page),
    Way("POST", "/forgotten", Open.ANYBODY, forgotten),
    Way("GET", "/new-password/{token}", Open.ANYBODY, reset_page),
    Way("POST", "/new-password/{token}", Open.ANYBODY, reset),
    Way("GET", "/verify-address/{token}", Open.ANYBODY, verify_address_page),
    Way("POST", "/verify-address/{token}", Open.ANYBODY, verify_address),
    Way("GET", "/join/{token}", Open.ANYBODY, invitation_page),
    Way("POST", "/join/{token}", Open.ANYBODY, accept_invitation),
)
