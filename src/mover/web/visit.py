"""One request of a browser: who it is, what was filled in, and the ways to answer."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from mover.accounts.actor import Actor, Permission
from mover.accounts.records import Client, SignedIn
from mover.api.admission import client_of
from mover.api.cookies import session_token
from mover.errors import SignInFailed
from mover.vault.secret import Secret
from mover.web.forms import Form
from mover.web.frame import Frame, Toast, menu
from mover.web.house import House

TOAST_COOKIE = "__Host-mover-said"
THEME_COOKIE = "__Host-mover-look"
_THEMES = frozenset({"light", "dark"})
_LONGEST_TOAST = 600


@dataclass
class Visit:
    """A request that was let in.

    Attributes:
        house: The services, and what renders pages.
        request: As it came.
        signed_in: Whose session it is; None on the pages that are open to anybody.
        data: The posted form; empty for a GET.
    """

    house: House
    request: Request
    signed_in: SignedIn | None
    data: FormData = field(default_factory=FormData)
    organisation_name: str = ""

    @property
    def actor(self) -> Actor:
        """Who acts. Only on pages for those who are signed in."""
        return self.session.actor

    @property
    def session(self) -> SignedIn:
        """The session. Only on pages for those who are signed in."""
        assert self.signed_in is not None
        return self.signed_in

    @property
    def client(self) -> Client:
        """Where the request comes from."""
        return client_of(self.request)

    @property
    def is_part(self) -> bool:
        """Whether htmx asks for a part of a page."""
        return self.request.headers.get("hx-request") == "true"

    def may(self, permission: str) -> bool:
        """Tell whether a button is to be shown."""
        return self.signed_in is not None and Permission(permission) in self.actor.permissions

    def parameter(self, name: str) -> str:
        """A part of the address's path."""
        return str(self.request.path_params[name])

    def query(self, name: str, default: str = "") -> str:
        """A value after the question mark."""
        return self.request.query_params.get(name, default)

    def text(self, name: str) -> str:
        """A posted field; empty if it is not there or a file."""
        value = self.data.get(name, "")
        return value if isinstance(value, str) else ""

    def secret(self, name: str) -> Secret:
        """A posted field that nobody is to see."""
        return Secret(self.text(name))

    def texts(self, name: str) -> list[str]:
        """All values of a posted field."""
        return [value for value in self.data.getlist(name) if isinstance(value, str)]

    async def upload(self, name: str) -> bytes | None:
        """A posted file's content; None if none was chosen."""
        value = self.data.get(name)
        if not isinstance(value, UploadFile) or not value.filename:
            return None
        return await value.read()

    def filled_in(self, *names: str) -> Form:
        """A form with these posted fields."""
        return Form({name: self.text(name) for name in names})

    def page(
        self,
        template: str,
        *,
        place: str = "",
        status: int = HTTPStatus.OK,
        headers: Mapping[str, str] | None = None,
        **context: Any,
    ) -> Response:
        """Answer with a page, or with a part of one."""
        frame = self.frame(place)
        context = {"may": self.may, **context}
        response = HTMLResponse(self.house.renderer.render(template, frame, **context), status, headers)
        if frame.toast:
            response.delete_cookie(TOAST_COOKIE, path="/", secure=True, httponly=True, samesite="strict")
        return response

    def part(self, template: str, **context: Any) -> str:
        """Render a part of a page that is sent later."""
        return self.house.renderer.render(template, self.frame(), may=self.may, **context)

    async def live(self, pieces: Callable[[Visit], Awaitable[Mapping[str, str]]]) -> Response:
        """Answer with what changes from now on, each time looked at with what the session may do then."""

        async def look() -> Mapping[str, str]:
            return await pieces(await self._as_of_now())

        return await self.house.live.stream(self.session.person.id, look)

    async def _as_of_now(self) -> Visit:
        """The same visit with what its session may do now. Raises SignInFailed."""
        token = session_token(self.request)
        if token is None:
            raise SignInFailed("nobody is signed in")
        signed_in = await self.house.services.sessions.find(token, used=False)
        if signed_in.requirement is not None:
            raise SignInFailed("something is asked of this session first")
        return replace(self, signed_in=signed_in)

    def again(self, template: str, *, place: str = "", **context: Any) -> Response:
        """Answer with the form that was sent, and what is wrong with it."""
        return self.page(template, place=place, status=HTTPStatus.UNPROCESSABLE_ENTITY, **context)

    def go(self, where: str, said: str = "", *, tone: str = "good") -> Response:
        """Answer with another page, which says once what was done."""
        response: Response
        if self.is_part:
            # As Starlette spells a Location: what came from a form must not end the header.
            response = Response(headers={"HX-Redirect": quote(where, safe=":/%#?=@[]!$&'()*+,;")})
        else:
            response = RedirectResponse(where, HTTPStatus.SEE_OTHER)
        if said:
            self.say(response, said, tone=tone)
        return response

    def say(self, response: Response, said: str, *, tone: str = "good") -> None:
        """Let the next page say something, once."""
        response.set_cookie(
            TOAST_COOKIE,
            _packed(Toast(tone, said[:_LONGEST_TOAST])),
            max_age=60,
            path="/",
            secure=True,
            httponly=True,
            samesite="strict",
        )

    def frame(self, place: str = "") -> Frame:
        """What stands around the page."""
        url = self.request.url
        look = self.request.cookies.get(THEME_COOKIE, "")
        path = url.path + (f"?{url.query}" if url.query else "")
        frame = Frame(
            path=path if self.request.method == "GET" else "/",
            theme=look if look in _THEMES else "",
            place=place,
            toast=_unpacked(self.request.cookies.get(TOAST_COOKIE, "")),
        )
        if self.signed_in is None:
            return frame
        return Frame(
            path=frame.path,
            theme=frame.theme,
            csrf=self.signed_in.csrf_token.reveal(),
            place=place,
            person_name=self.signed_in.person.name,
            organisation_name=self.organisation_name,
            menu=menu(self.actor.permissions),
            toast=frame.toast,
        )


def _packed(toast: Toast) -> str:
    said = toast.text.encode("utf-8", "replace").decode()
    return urlsafe_b64encode(json.dumps([toast.tone, said]).encode()).decode()


def _unpacked(cookie: str) -> Toast | None:
    """What the cookie says; None for anything that this server did not make."""
    if not cookie or len(cookie) > 4 * _LONGEST_TOAST:
        return None
    try:
        tone, text = json.loads(urlsafe_b64decode(cookie.encode()))
    except (ValueError, TypeError):
        return None
    if tone not in {"good", "bad"} or not isinstance(text, str):
        return None
    return Toast(tone, text[:_LONGEST_TOAST])


def said_header(text: str) -> dict[str, str]:
    """The header that a script reads out when a part of a page could not be had."""
    return {"X-Mover-Said": quote(text[:_LONGEST_TOAST], safe=" ")}
