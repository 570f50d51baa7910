"""Connecting an account at the service's own page: the way there, and what comes back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.api.cookies import LEAVING_COOKIE, keep_leaving, leaving_ticket
from mover.api.organisation_connections import Values
from mover.api.problems import ServiceRefused
from mover.connections.records import Connection
from mover.connectors.registry import ConnectorType
from mover.errors import Conflict, InvalidConfiguration, MoverError, NotFound
from mover.transport.oauth.authorization import NotTheOneWhoLeft
from mover.transport.oauth.refusals import AppMissing
from mover.web.forms import sentence
from mover.web.house import advice
from mover.web.visit import Visit
from mover.web.ways import Way
from mover.web.words import for_service

_PLACE = "connections"


def what_is_missing(visit: Visit, kind: ConnectorType, before: Connection | None) -> str:
    """What keeps a service from being signed in to with a browser here; empty if nothing does."""
    if kind.oauth is None or kind.oauth.vendor in visit.house.services.connections.apps:
        return ""
    if before is not None and before.config.get("client_id"):
        return ""
    return f"{for_service(AppMissing.at_vendor(kind.oauth.vendor).message)}."


async def leave(
    visit: Visit, kind: ConnectorType, name: str, values: Values, before: Connection | None
) -> Response:
    """Send somebody to the service's page. Raises InvalidConfiguration."""
    leaving = await visit.house.services.browser_sign_ins.begin(
        visit.session, kind.name, name, values, connection_id=before.id if before else None
    )
    # No redirect: a form may lead nowhere else (Content-Security-Policy), and people see where they go.
    response = visit.page(
        "connection_leave.html",
        place=_PLACE,
        kind=kind,
        address=leaving.address,
        headers={"Refresh": f"0; url={leaving.address}"},
    )
    keep_leaving(response, leaving.ticket)
    return response


async def come_back(visit: Visit) -> Response:
    """Take what somebody brings back from a service's page, and save the connection."""
    ticket = leaving_ticket(visit.request)
    if ticket is None:
        error = NotTheOneWhoLeft("this sign-in took too long, or began in another browser")
        return _failed(visit, error, error.advice)
    try:
        done = await visit.house.services.browser_sign_ins.finish(
            visit.session, visit.parameter("vendor"), ticket, _answer(visit.request)
        )
    except ServiceRefused as refused:
        return _failed(visit, refused.error, advice(refused.error))
    except (InvalidConfiguration, Conflict, NotFound) as refusal:
        return _failed(visit, refusal, refusal.advice)
    said = f"{done.connection.name} is connected: {done.account}."
    # No redirect here either: it would still count as coming from the other site, without what is said.
    response = visit.page(
        "connection_back.html",
        place=_PLACE,
        said=said,
        good=True,
        advice="",
        headers={"Refresh": "0; url=/connections"},
    )
    visit.say(response, said)
    return _without_ticket(response)


def _failed(visit: Visit, error: MoverError, what_to_do: str) -> Response:
    return _without_ticket(
        visit.page("connection_back.html", place=_PLACE, said=sentence(error), good=False, advice=what_to_do)
    )


def _answer(request: Request) -> dict[str, str]:
    """The parameters; one that comes twice is none (RFC 6749 section 3.1)."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    return {name: value for name, value in given if names.count(name) == 1}


def _without_ticket(response: Response) -> Response:
    response.delete_cookie(LEAVING_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response


WAYS = (Way("GET", "/connections/oauth/{vendor}/return", Permission.CONNECT, come_back),)
