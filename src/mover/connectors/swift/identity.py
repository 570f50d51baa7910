"""The forms of signing in, one request each.

Sources: Rackspace "Cloud Identity API 2.0: Authenticate" (`RAX-KSKEY:apiKeyCredentials`); OpenStack "Identity API v2.0",
"Identity API v3: Password authentication with scoped authorization", "Authenticating with an Application Credential";
Swift "TempAuth" (`X-Auth-User`, `X-Auth-Key`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from mover.connectors.swift.addresses import check_address
from mover.connectors.swift.catalogue import Service, read_time, storage_in
from mover.connectors.swift.config import SignInForm, SwiftConfig
from mover.connectors.swift.faults import SERVICE, Fault
from mover.connectors.swift.tokens import Grant
from mover.errors import InvalidConfiguration, MoverError, ProtocolViolation, SignInFailed
from mover.transport.http import HttpSession
from mover.transport.unreadable import UNREADABLE
from mover.vault.secret import Secret

_ANSWER_LIMIT = 4 * 1024 * 1024  # a catalogue of many regions
_OPERATION = "sign_in"
_FIRST_NO_SUCCESS = 300
_TOKEN = re.compile(r"[!-~]{1,16384}")
_SECONDS = re.compile(r"[0-9]{1,10}")
_REFUSED = frozenset({401, 403})
_NOBODY_THERE = frozenset({404, 405, 410})


class _TokenV2(msgspec.Struct, frozen=True):
    id: str
    expires: str | None = None


class _UserV2(msgspec.Struct, frozen=True):
    region: str = msgspec.field(default="", name="RAX-AUTH:defaultRegion")


class _AccessV2(msgspec.Struct, frozen=True):
    token: _TokenV2
    services: list[Service] = msgspec.field(default_factory=list, name="serviceCatalog")
    user: _UserV2 = _UserV2()


class _AnswerV2(msgspec.Struct, frozen=True):
    access: _AccessV2


class _TokenV3(msgspec.Struct, frozen=True):
    expires_at: str | None = None
    catalog: list[Service] = []


class _AnswerV3(msgspec.Struct, frozen=True):
    token: _TokenV3


_Answer = TypeVar("_Answer", _AnswerV2, _AnswerV3)


class Identity:
    """Signs one account in.

    Args:
        http: The connections.
        config: Where, who and how.
        now: Seconds since 1970.
    """

    def __init__(self, http: HttpSession, config: SwiftConfig, *, now: Callable[[], float]) -> None:
        self._http = http
        self._config = config
        self._now = now

    async def sign_in(self) -> Grant:
        """Sign in, in one request.

        Raises SignInFailed, InvalidConfiguration (no such address, region or catalogue entry), ProtocolViolation, and
        what the transport raises.
        """
        form = self._config.form
        try:
            match form:
                case SignInForm.TEMPAUTH:
                    return await self._tempauth()
                case SignInForm.RACKSPACE | SignInForm.KEYSTONE2:
                    return await self._version_2(rackspace=form is SignInForm.RACKSPACE)
                case SignInForm.KEYSTONE3 | SignInForm.APPLICATION_CREDENTIAL:
                    return await self._version_3(form)
                case SignInForm.AUTO:  # pragma: no cover - `SwiftConfig.form` never says so
                    raise AssertionError("the form of the sign-in was not found out")
        except MoverError as error:
            raise error.at(service=SERVICE, operation=_OPERATION) from error.__cause__

    async def _tempauth(self) -> Grant:
        config = self._config
        headers = {
            "X-Auth-User": config.username or "",
            "X-Auth-Key": _revealed(config.password),
        }
        answered, _ = await self._ask("GET", config.sign_in_url, headers=headers)
        url = answered.get("x-storage-url")
        if not url and not config.endpoint:
            raise ProtocolViolation("the sign-in gave no address of a storage; it may be no TempAuth")
        life = answered.get("x-auth-token-expires", "")
        return self._grant(
            answered.get("x-auth-token") or answered.get("x-storage-token"),
            url or "",
            self._now() + int(life) if _SECONDS.fullmatch(life) else None,
            None,
        )

    async def _version_2(self, *, rackspace: bool) -> Grant:
        config = self._config
        if rackspace:
            who: dict[str, Any] = {
                "RAX-KSKEY:apiKeyCredentials": {
                    "username": config.username,
                    "apiKey": _revealed(config.api_key),
                }
            }
        else:
            who = {
                "passwordCredentials": {"username": config.username, "password": _revealed(config.password)}
            }
        if config.project_id:
            who["tenantId"] = config.project_id
        elif config.project:
            who["tenantName"] = config.project
        _, body = await self._ask(
            "POST", _below(config.sign_in_url, "v2.0", "tokens"), document={"auth": who}
        )
        access = _read(body, _AnswerV2).access
        url, region = self._storage(access.services, access.user.region)
        return self._grant(access.token.id, url, read_time(access.token.expires), region)

    async def _version_3(self, form: SignInForm) -> Grant:
        headers, body = await self._ask(
            "POST",
            _below(self._config.sign_in_url, "v3", "auth/tokens"),
            document={"auth": self._identity_v3(form)},
        )
        token = _read(body, _AnswerV3).token
        url, region = self._storage(token.catalog, "")
        return self._grant(headers.get("x-subject-token"), url, read_time(token.expires_at), region)

    def _identity_v3(self, form: SignInForm) -> dict[str, Any]:
        config = self._config
        user: dict[str, Any] = {
            "name": config.username,
            "domain": _domain(config.user_domain_id, config.user_domain),
        }
        if form is SignInForm.APPLICATION_CREDENTIAL:
            credential: dict[str, Any] = {"secret": _revealed(config.application_credential_secret)}
            if config.application_credential_id:
                credential["id"] = config.application_credential_id
            else:
                credential |= {"name": config.application_credential_name, "user": user}
            return {"identity": {"methods": ["application_credential"], "application_credential": credential}}
        password = {"user": {**user, "password": _revealed(config.password)}}
        asked: dict[str, Any] = {"identity": {"methods": ["password"], "password": password}}
        if config.project_id:
            asked["scope"] = {"project": {"id": config.project_id}}
        elif config.project:
            domain = (
                _domain(config.project_domain_id, config.project_domain or "")
                if config.project_domain_id or config.project_domain
                else user["domain"]
            )
            asked["scope"] = {"project": {"name": config.project, "domain": domain}}
        return asked

    def _storage(self, services: list[Service], default_region: str) -> tuple[str, str | None]:
        config = self._config
        if config.endpoint:
            return config.endpoint, config.region
        return storage_in(
            services, region=config.region, default_region=default_region, interface=config.interface
        )

    def _grant(self, token: str | None, url: str, expires_at_s: float | None, region: str | None) -> Grant:
        if token is None or not _TOKEN.fullmatch(token):
            raise ProtocolViolation("the sign-in gave no token that could be sent back")
        try:
            storage_url = check_address(self._config.endpoint or url, plain=self._config.plain)
        except InvalidConfiguration as error:
            raise InvalidConfiguration(f"the storage's address: {error.message}") from error
        return Grant(token=Secret(token), storage_url=storage_url, expires_at_s=expires_at_s, region=region)

    async def _ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        document: dict[str, Any] | None = None,
    ) -> tuple[Mapping[str, str], bytes]:
        sent = {"Accept": "application/json", **(headers or {})}
        body = None
        if document is not None:
            body = msgspec.json.encode(document)
            sent["Content-Type"] = "application/json"
        async with self._http.request(method, url, headers=sent, body=body, operation=_OPERATION) as answer:
            content = await answer.read(_ANSWER_LIMIT)
            if answer.status < _FIRST_NO_SUCCESS:
                return answer.headers, content
            fault = Fault.read(answer.status, answer.headers, content, secrets=self._secrets())
            raise self._refusal(fault)

    def _refusal(self, fault: Fault) -> MoverError:
        said = fault.said
        if fault.status in _REFUSED:
            return SignInFailed("the service does not accept the credentials", said=said)
        if fault.status in _NOBODY_THERE:
            return InvalidConfiguration(f"nobody signs in at this address (HTTP {fault.status})", said=said)
        if fault.status == 400:  # noqa: PLR2004 - Keystone says so when a domain or a project is missing
            return InvalidConfiguration("the sign-in service does not understand the request", said=said)
        return fault.error(operation=_OPERATION, path="", now=self._now)

    def _secrets(self) -> list[str]:
        config = self._config
        given = (config.password, config.api_key, config.application_credential_secret)
        return [secret.reveal() for secret in given if secret]


def _revealed(secret: Secret | None) -> str:
    return secret.reveal() if secret is not None else ""


def _domain(by_id: str | None, by_name: str) -> dict[str, str]:
    return {"id": by_id} if by_id else {"name": by_name}


def _below(url: str, version: str, what: str) -> str:
    """Append a call to the address of a version, or to that of the service."""
    url = url.rstrip("/")
    for typed in (what, version):
        url = url.removesuffix(f"/{typed}")
    return f"{url}/{version}/{what}"


def _read(body: bytes, kind: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE:
        # Without its cause, which could quote what the answer holds: a token.
        raise ProtocolViolation("the answer of the sign-in is not what its protocol says") from None
