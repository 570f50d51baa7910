"""API keys: made, shown once, given a new text, revoked."""

from __future__ import annotations

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.errors import Conflict, InvalidConfiguration, PermissionDenied
from mover.web import words
from mover.web.forms import Form, sentence
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "api-keys"
_DAY_NS = 24 * 3600 * 1_000_000_000
_LIVES = (("30", "30 days"), ("90", "90 days"), ("365", "A year"), ("", "Until it is revoked"))


async def api_keys(visit: Visit) -> Response:
    """List them."""
    return visit.page(
        "api_keys.html",
        place=_PLACE,
        keys=await visit.house.services.api_keys.all(visit.actor),
        now_ns=visit.house.now_ns(),
    )


def _scopes(visit: Visit) -> list[tuple[str, str]]:
    return [
        (scope.value, words.permission_word(scope))
        for scope in Permission
        if scope in visit.actor.permissions
    ]


async def new_key(visit: Visit) -> Response:
    """Ask what the key is for."""
    return _form(visit, Form({"life": "90"}), {Permission.READ.value})


def _form(visit: Visit, form: Form, chosen: set[str]) -> Response:
    show = visit.again if form.faults else visit.page
    return show(
        "api_key_new.html", place=_PLACE, form=form, scopes=_scopes(visit), chosen=chosen, lives=_LIVES
    )


async def create(visit: Visit) -> Response:
    """Make a key, and show it this once."""
    form = visit.filled_in("name", "life", "networks")
    chosen = set(visit.texts("scope"))
    form.require(name="Give the key a name.")
    if not chosen:
        form.faults["scope"] = "Choose what the key may do."
    if form.faults:
        return _form(visit, form, chosen)
    days = form.values["life"]
    expires_ns = visit.house.now_ns() + int(days) * _DAY_NS if days in {"30", "90", "365"} else None
    try:
        made = await visit.house.services.api_keys.make(
            visit.actor,
            form.values["name"].strip(),
            frozenset(scope for scope in Permission if scope.value in chosen),
            expires_ns=expires_ns,
            networks=[
                line.strip()
                for line in form.values["networks"].replace(",", "\n").splitlines()
                if line.strip()
            ],
        )
    except (InvalidConfiguration, PermissionDenied) as error:
        form.blame(error, fields={"network": "networks", "name": "name"})
        return _form(visit, form, chosen)
    return visit.page(
        "api_key_shown.html", place=_PLACE, key=made.key, text=made.text.reveal(), rotated=False
    )


async def rotate(visit: Visit) -> Response:
    """Give a key a new text, and show it this once; the old one works for another day."""
    try:
        made = await visit.house.services.api_keys.rotate(visit.actor, visit.parameter("key_id"))
    except Conflict as error:
        return visit.go("/api-keys", sentence(error), tone="bad")
    return visit.page("api_key_shown.html", place=_PLACE, key=made.key, text=made.text.reveal(), rotated=True)


async def ask_to_revoke(visit: Visit) -> Response:
    """Say what revoking means, and ask."""
    key = await visit.house.services.api_keys.get(visit.actor, visit.parameter("key_id"))
    return visit.page("api_key_revoke.html", place=_PLACE, key=key)


async def revoke(visit: Visit) -> Response:
    """End a key."""
    await visit.house.services.api_keys.revoke(visit.actor, visit.parameter("key_id"))
    return visit.go("/api-keys", "The key is revoked. It opens nothing any more.")


WAYS = (
    Way("GET", "/api-keys", Permission.ADMINISTER, api_keys),
    Way("GET", "/api-keys/new", Permission.ADMINISTER, new_key),
    Way("POST", "/api-keys/new", Permission.ADMINISTER, create),
    Way("POST", "/api-keys/{key_id}/rotate", Permission.ADMINISTER, rotate),
    Way("GET", "/api-keys/{key_id}/revoke", Permission.ADMINISTER, ask_to_revoke),
    Way("POST", "/api-keys/{key_id}/revoke", Permission.ADMINISTER, revoke),
)
