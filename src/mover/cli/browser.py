"""`mover connect` for services that are signed in to with a browser."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from collections.abc import Awaitable, Callable, Mapping
from secrets import token_hex
from urllib.parse import parse_qsl, urlsplit

import typer

from mover.cli.loop import run
from mover.cli.loopback import PATIENCE_S, listening
from mover.cli.screen import err, words
from mover.cli.values import Value
from mover.cli.workplace import workplace
from mover.connections.browser_sign_in import BrowserSignIn, Wanted
from mover.connectors.registry import connector_type
from mover.errors import InvalidConfiguration
from mover.transport.oauth.apps import apps_from_settings
from mover.transport.oauth.proofs import Proofs
from mover.vault.secret import Secret
from mover.workplace.workplace import Workplace

SignIn = Callable[[Workplace], Awaitable[Mapping[str, Value]]]
"""Sign in, and return the values with the tokens in them."""

_PORT_OF_NOBODY = 8976  # nothing listens there: the browser ends at an address that can be copied


def sign_in_by_browser(wanted: Wanted, *, opens: bool) -> SignIn:
    """Return what signs in with a browser; without `opens` ask for what it came back with. Not in the event loop."""
    description = connector_type(wanted.service).oauth
    assert description is not None
    proofs = Proofs.of(Secret(token_hex(32)), "connection")
    template = description.loopback
    if opens and urlsplit(template).scheme == "http":

        async def with_loopback(place: Workplace) -> Mapping[str, Value]:
            return await _come_back(place, wanted, proofs, template)

        return with_loopback
    return _paste_back(wanted, proofs, template.format(port=_PORT_OF_NOBODY))


async def _come_back(place: Workplace, wanted: Wanted, proofs: Proofs, template: str) -> Mapping[str, Value]:
    def belongs(given: Mapping[str, str]) -> bool:
        return proofs.state_matches(given.get("state", ""))

    signing_in = _signing_in(place)
    async with listening(template, belongs) as loopback:
        address = await signing_in.address(wanted, proofs, loopback.redirect_uri)
        opened = await asyncio.to_thread(_opened, address)
        _show(address, "Sign in in the browser that opens." if opened else "Open this address in a browser:")
        err().print(
            f"Waiting {PATIENCE_S / 60:g} minutes for it. If the browser is on another machine: --no-browser.",
            style="dim",
        )
        answer = await loopback.answer()
    return await signing_in.tokens(wanted, answer, proofs, loopback.redirect_uri)


def _paste_back(wanted: Wanted, proofs: Proofs, redirect_uri: str) -> SignIn:
    async def show() -> int:
        async with workplace() as place:
            address = await _signing_in(place).address(wanted, proofs, redirect_uri)
        _show(address, "Open this address in any browser and sign in:")
        err().print(
            "It ends at a page that cannot be shown. Copy the address of that page from the browser, and paste it here.",
            style="dim",
        )
        return 0

    run(show)
    answer = pasted(str(typer.prompt("Address", err=True)), proofs)

    async def with_answer(place: Workplace) -> Mapping[str, Value]:
        return await _signing_in(place).tokens(wanted, answer, proofs, redirect_uri)

    return with_answer


def pasted(text: str, proofs: Proofs) -> dict[str, str]:
    """Read what a person pasted: the address where the browser ended, or the code by itself. Raises InvalidConfiguration.

    A code by itself has no state; that it is the right one is shown by PKCE.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        given = dict(parse_qsl(parts.query, max_num_fields=30))
    except ValueError:
        given = {}
    if given and ("code" in given or "error" in given):
        return given
    if not text or "://" in text or not text.isascii() or not text.isprintable() or " " in text:
        raise InvalidConfiguration("that is neither the address of the page nor the code in it")
    return {"code": text, "state": proofs.state}


def _signing_in(place: Workplace) -> BrowserSignIn:
    return BrowserSignIn(place.connections, place.egress, apps_from_settings(place.settings))


def _show(address: str, heading: str) -> None:
    err().print(heading)
    err().print(words(address, "cyan"))


def _opened(address: str) -> bool:
    """Open a browser, where there is one that does not take the terminal for itself."""
    screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("BROWSER")
    if sys.platform == "linux" and not screen:
        return False
    return webbrowser.open(address)
