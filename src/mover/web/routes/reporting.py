"""For who finds a weakness: whom to tell (RFC 9116), and who did so before. Open to anybody."""

from __future__ import annotations

import datetime as dt
from http import HTTPStatus

from starlette.responses import PlainTextResponse, Response

from mover.api.operations import Open
from mover.web.credits import parts, reporters
from mover.web.visit import Visit
from mover.web.ways import Way

SECURITY_TXT = "/.well-known/security.txt"
_VALID_FOR = dt.timedelta(days=180)  # RFC 9116 2.5.5 wants less than a year


def security_txt(contacts: tuple[str, ...], origin: str, today: dt.date) -> str:
    """The text of `security.txt`.

    Args:
        contacts: Addresses with their scheme, the preferred one first; at least one.
        origin: Where this installation is reached, `https://host[:port]`.
        today: In UTC. It expires half a year later, and moves on by itself.
    """
    expires = dt.datetime.combine(today + _VALID_FOR, dt.time(), dt.UTC)
    lines = [
        *(f"Contact: {contact}" for contact in contacts),
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {origin}{SECURITY_TXT}",
        f"Policy: {origin}/credits",
        f"Acknowledgments: {origin}/credits",
    ]
    return "\n".join(lines) + "\n"


async def security_txt_page(visit: Visit) -> Response:
    """Answer with it; 404 as long as the operator has named nobody: an address that nobody reads is worse than none."""
    services = visit.house.services
    contacts = services.settings.security_contact
    if not contacts:
        return PlainTextResponse(
            "The operator of this Mover has not said whom to tell of weaknesses (MOVER_SECURITY_CONTACT).\n",
            HTTPStatus.NOT_FOUND,
        )
    today = dt.datetime.fromtimestamp(services.now(), dt.UTC).date()
    text = security_txt(contacts, services.site.origin, today)
    return PlainTextResponse(text, headers={"Cache-Control": "public, max-age=86400"})


async def credits_page(visit: Visit) -> Response:
    """Show how to report, who did, and whose work is in Mover."""
    return visit.page(
        "credits.html",
        contacts=visit.house.services.settings.security_contact,
        reporters=reporters(),
        parts=parts(),
    )


WAYS = (
    Way("GET", SECURITY_TXT, Open.ANYBODY, security_txt_page),
    Way("GET", "/credits", Open.ANYBODY, credits_page),
)
