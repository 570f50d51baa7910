"""Dropbox: the way of a call through tokens, limits and roots to its route."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from simulators.accounts import Person, Token
from simulators.clock import Clock
from simulators.consent import Consent, ConsentRules, OAuthError
from simulators.dropbox import file_sharing, files, folders, listing, sharing, team, uploads, users, zips
from simulators.dropbox.calls import Call, Route, read_argument
from simulators.dropbox.namespaces import token_text
from simulators.dropbox.refusals import (
    BadInputError,
    PathRootError,
    RefusalError,
    SlowDownError,
    UnauthorizedError,
)
from simulators.dropbox.state import State
from simulators.dropbox.views import View
from simulators.faults import Faulty
from simulators.tally import Counted, Tally

HOSTS = ("api.dropboxapi.com", "content.dropboxapi.com", "notify.dropboxapi.com", "www.dropbox.com")
_ACCESS_LIFETIME_S = 14_400
_TEAM_SCOPES = ("team_", "members.", "groups.")
_ROUTES: Mapping[str, Route] = {
    **files.ROUTES,
    **zips.ROUTES,
    **folders.ROUTES,
    **listing.ROUTES,
    **uploads.ROUTES,
    **users.ROUTES,
    **sharing.ROUTES,
    **file_sharing.ROUTES,
    **team.ROUTES,
}


@dataclass
class _Bucket:
    left: float
    at_s: float
    closed_until_s: float = 0.0


class Dropbox(State):
    """The service: its state, and what answers calls."""

    name = "dropbox"
    hosts = HOSTS

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.tally = Tally()
        rules = ConsentRules(access_lifetime_s=_ACCESS_LIFETIME_S, offline={"token_access_type": "offline"})
        self.consent = Consent(self.accounts, rules)
        self._requests = itertools.count(1)
        self._buckets: dict[str, _Bucket] = {}
        self.app = Counted(Faulty(self._answer, self.faults), self.tally)

    @staticmethod
    def _is_of_team(token: Token) -> bool:
        """An administrator granted it permissions of the whole team."""
        return any(scope.startswith(_TEAM_SCOPES) for scope in token.scopes)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request_id = f"{next(self._requests):032x}"
        try:
            response = await self._routed(request)
        except RefusalError as error:
            response = error.response(request_id)
        response.headers.setdefault("X-Dropbox-Request-Id", request_id)
        await response(scope, receive, send)

    async def _routed(self, request: Request) -> Response:
        for job in self.jobs.values():
            job.advance(self.now_ns())
        path = request.url.path
        match path:
            case "/oauth2/authorize":
                request.scope["operation"] = "authorize"
                return await self.consent.page(request)
            case "/oauth2/token":
                request.scope["operation"] = "token"
                return await self._token(request)
            case _:
                name = path.removeprefix("/2/")
                route = _ROUTES.get(name)
                request.scope["operation"] = name
        if route is None or request.method != "POST" or not self._is_host(request, route):
            return PlainTextResponse("Unknown API function" if route is None else "Not Found", 404)
        return await self._called(request, name, route)

    @staticmethod
    def _is_host(request: Request, route: Route) -> bool:
        host = request.headers.get("host", "").partition(":")[0]
        return not host.endswith("dropboxapi.com") or host == f"{route.host}.dropboxapi.com"

    async def _called(self, request: Request, name: str, route: Route) -> Response:
        if route.auth == "noauth":
            arg = read_argument(name, route.style, request.headers, await request.body())
            return _plain(await route.handler(Call(self, name, request, arg, None, None, None)))
        token = self._authenticated(request)
        if name == "auth/token/revoke":
            self.consent.revoke(token.value)
            return _plain(None)
        person, admin = self._on_behalf(request, name, route, token)
        self._throttle(person or admin, name, as_text=route.style != "rpc")
        view = self._view(request, person, admin) if person is not None else None
        body = await request.body() if route.style != "upload" else b""
        arg = read_argument(name, route.style, request.headers, body)
        return _plain(await route.handler(Call(self, name, request, arg, person, admin, view)))

    def _authenticated(self, request: Request) -> Token:
        header = request.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise UnauthorizedError("invalid_access_token")
        value = header.removeprefix("Bearer ")
        token = self.accounts.find(value)
        if token is None:
            known = self.accounts.tokens.get(value)
            expired = known is not None and not known.is_spent and self.accounts.has_expired(known)
            raise UnauthorizedError("expired_access_token" if expired else "invalid_access_token")
        return token

    def _on_behalf(
        self, request: Request, name: str, route: Route, token: Token
    ) -> tuple[Person | None, Person | None]:
        assert token.person is not None
        if route.scope is not None and token.scopes and route.scope not in token.scopes:
            raise UnauthorizedError("missing_scope", required_scope=route.scope)
        if not self._is_of_team(token):
            if route.auth == "team":
                raise BadInputError(
                    name,
                    "This API function operates on an entire Dropbox Business team, but the OAuth 2 access token you "
                    "provided is for a single Dropbox account.",
                )
            if not token.person.is_active:
                raise UnauthorizedError("user_suspended")
            return token.person, None
        if route.auth == "team":
            return None, token.person
        selected = request.headers.get("dropbox-api-select-user")
        as_admin = request.headers.get("dropbox-api-select-admin")
        if selected is None and as_admin is None:
            raise BadInputError(
                name,
                "This API function operates on a single Dropbox account, but the OAuth 2 access token you provided is "
                "for an entire Dropbox Business team.  Since your API app key has team member file access permissions, "
                'you can operate on a team member\'s Dropbox by providing the "Dropbox-API-Select-User" HTTP header or '
                '"select_user" URL parameter to specify the exact user '
                "<https://www.dropbox.com/developers/documentation/http/teams>.",
            )
        member_id = selected if selected is not None else as_admin
        person = next((one for one in self.team_members if self.member_id(one) == member_id), None)
        if person is None or (as_admin is not None and not person.is_admin):
            raise UnauthorizedError("invalid_select_user" if selected is not None else "invalid_select_admin")
        if not person.is_active:
            raise UnauthorizedError("user_suspended")
        if as_admin is not None and not route.admin:
            raise UnauthorizedError("invalid_select_admin")
        return person, person if as_admin is not None else None

    def _view(self, request: Request, person: Person, admin: Person | None) -> View:
        home = self.homes[person.id]
        is_admin = admin is not None
        header = request.headers.get("dropbox-api-path-root")
        if header is None:
            return View(self.forest, person, home, is_admin=is_admin)
        try:
            asked = json.loads(header)
            tag = asked[".tag"]
        except (ValueError, TypeError, KeyError):
            raise BadInputError(
                request.url.path.removeprefix("/2/"),
                'HTTP header "Dropbox-API-Path-Root": could not decode input as JSON',
            ) from None
        if tag == "home":
            return View(self.forest, person, home, is_admin=is_admin)
        root = self.root_of(person)
        if tag == "root":
            if asked.get("root") != root.id:
                raise PathRootError("invalid_root", users.root_info(self, person))
            return View(self.forest, person, root, is_admin=is_admin)
        namespace = self.forest.namespaces.get(str(asked.get("namespace_id")))
        if namespace is None:
            raise PathRootError("no_permission")
        view = View(self.forest, person, namespace, is_admin=is_admin)
        if view.access(namespace) is None:
            raise PathRootError("no_permission")
        return view

    def _throttle(self, person: Person | None, name: str, *, as_text: bool) -> None:
        limits = self.limits
        if limits.calls_per_s is None or person is None:
            return
        now_s = self.clock.now_s()
        bucket = self._buckets.setdefault(person.id, _Bucket(float(limits.burst), now_s))
        bucket.left = min(float(limits.burst), bucket.left + (now_s - bucket.at_s) * limits.calls_per_s)
        bucket.at_s = now_s
        if now_s < bucket.closed_until_s:
            self.tally.early += 1
            left_s = max(1, round(bucket.closed_until_s - now_s))
            raise SlowDownError("too_many_requests", left_s, as_text=as_text)
        if bucket.left < 1:
            bucket.closed_until_s = now_s + limits.pause_s
            raise SlowDownError("too_many_requests", limits.pause_s, as_text=as_text)
        bucket.left -= 1
        assert name

    async def _token(self, request: Request) -> Response:
        form = {key: str(value) for key, value in (await request.form()).items()}
        if (basic := request.headers.get("authorization", "")).startswith("Basic "):
            form["client_id"], _, form["client_secret"] = (
                base64.b64decode(basic.removeprefix("Basic ")).decode().partition(":")
            )
        try:
            answer = self.consent.exchange(form)
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, 400)
        token = self.accounts.tokens[str(answer["access_token"])]
        assert token.person is not None
        if self._is_of_team(token):
            answer |= {"team_id": "dbtid:" + token_text(1, 34), "uid": ""}
        else:
            answer |= {"uid": str(self.homes[token.person.id].id), "account_id": token.person.id}
        return JSONResponse(answer)


def _plain(result: Any) -> Response:
    return result if isinstance(result, Response) else JSONResponse(result)
