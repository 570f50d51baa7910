"""How tokens are got: a person's by way of the browser, an enterprise app's by its secret or its key.

Source: Box guides "OAuth 2.0", "Client Credentials Grant", "JWT without SDKs". Refresh tokens are good for one exchange
within 60 days, access tokens for an hour.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mover.connectors.box.addresses import AUTHORIZE, REVOKE, TOKEN
from mover.connectors.box.config import BoxConfig, BoxEnterpriseConfig
from mover.connectors.registry import Surroundings
from mover.errors import InvalidConfiguration
from mover.transport.http import HttpSession
from mover.transport.oauth.app_tokens import AppTokens
from mover.transport.oauth.description import ONE_LOOPBACK_PORT, AppRegistration, OAuthDescription
from mover.transport.oauth.endpoint import request_token
from mover.transport.oauth.holding import AccessToken
from mover.transport.oauth.tokens import Tokens
from mover.transport.oauth.user_tokens import user_tokens
from mover.vault.secret import Secret

OAUTH = OAuthDescription(
    vendor="box",
    authorize_url=lambda _: AUTHORIZE,
    token_url=lambda _: TOKEN,
    revoke_url=lambda _: REVOKE,
    # An app's scopes are set in Box's developer console; what is asked for here would only narrow them.
    rotating=True,
    loopback=ONE_LOOPBACK_PORT,
)

_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_LIVES_S = 45  # 60 at most
_ALGORITHM = "RS512"


def tokens_for_person(config: BoxConfig, surroundings: Surroundings, http: HttpSession) -> Tokens:
    """Return the tokens of a person who signed in with a browser."""
    return user_tokens(OAUTH, config, surroundings, http)


def tokens_for_enterprise(
    config: BoxEnterpriseConfig, http: HttpSession, *, now: Callable[[], float] = time.time
) -> Tokens:
    """Return the tokens of an enterprise's app. Raises InvalidConfiguration for a JSON configuration that is none."""
    app = _KeyApp.read(config.app_config) if config.app_config is not None else None
    subject, kind = _subject(config, app)

    async def fetch(_subject: str | None) -> AccessToken:
        """One token for all users: in whose name a call is made is said by `As-User`."""
        if app is None:
            assert config.client_id is not None
            registration = AppRegistration(client_id=config.client_id, client_secret=config.client_secret)
            form: Mapping[str, str | Secret] = {
                "grant_type": "client_credentials",
                "box_subject_type": kind,
                "box_subject_id": subject,
            }
        else:
            registration = AppRegistration(client_id=app.client_id, client_secret=app.client_secret)
            assertion = await asyncio.to_thread(app.assertion, subject, kind, now())
            form = {"grant_type": _JWT_GRANT, "assertion": assertion}
        granted = await request_token(http, TOKEN, form, app=registration, now=now)
        return granted.access(now())

    # Whatever user a call is for, the token is the same one.
    return _OneForAll(AppTokens(fetch, now))


def _subject(config: BoxEnterpriseConfig, app: _KeyApp | None) -> tuple[str, str]:
    if config.user_id is not None:
        return config.user_id, "user"
    enterprise = config.enterprise_id or (app.enterprise_id if app else None)
    if not enterprise:
        raise InvalidConfiguration("enterprise_id is missing: the app's JSON configuration does not name it")
    return enterprise, "enterprise"


class _OneForAll:
    """Tokens that do not depend on the subject."""

    def __init__(self, tokens: AppTokens) -> None:
        self._tokens = tokens

    async def access(self, subject: str | None = None) -> Secret:  # noqa: ARG002 - it is one for all
        """Return it."""
        return await self._tokens.access(None)

    async def refused(self, token: Secret, subject: str | None = None) -> None:  # noqa: ARG002 - likewise
        """Have it replaced."""
        await self._tokens.refused(token, None)


class _AppAuth(msgspec.Struct, frozen=True, rename="camel"):
    public_key_id: str = msgspec.field(name="publicKeyID")
    private_key: str = msgspec.field(name="privateKey")
    passphrase: str | None = None


class _AppSettings(msgspec.Struct, frozen=True):
    client_id: str = msgspec.field(name="clientID")
    client_secret: str = msgspec.field(name="clientSecret")
    app_auth: _AppAuth = msgspec.field(name="appAuth")


class _AppConfig(msgspec.Struct, frozen=True):
    settings: _AppSettings = msgspec.field(name="boxAppSettings")
    enterprise_id: str | None = msgspec.field(name="enterpriseID", default=None)


class _KeyApp:
    """An app that signs with a key, as Box's developer console describes it."""

    def __init__(self, config: _AppConfig) -> None:
        self.client_id = config.settings.client_id
        self.client_secret = Secret(config.settings.client_secret)
        self.enterprise_id = config.enterprise_id
        auth = config.settings.app_auth
        self._key_id = auth.public_key_id
        self._private_key = Secret(auth.private_key)
        self._passphrase = Secret(auth.passphrase) if auth.passphrase else None
        self._key: Any = None

    @classmethod
    def read(cls, text: Secret) -> _KeyApp:
        """Read the JSON text. Raises InvalidConfiguration, without a word of it."""
        try:
            return cls(msgspec.json.decode(text.reveal(), type=_AppConfig))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            pass
        raise InvalidConfiguration("app_config is not the JSON configuration of a Box app with a key")

    def assertion(self, subject: str, kind: str, now_s: float) -> Secret:
        """Return a signed JWT. Takes a while the first time: the key is encrypted."""
        from joserfc import jwt  # noqa: PLC0415 - slow to load, and only needed here

        claims = {
            "iss": self.client_id,
            "sub": subject,
            "box_sub_type": kind,
            "aud": TOKEN,
            "jti": secrets.token_hex(32),
            "exp": int(now_s) + _ASSERTION_LIVES_S,
        }
        header = {"alg": _ALGORITHM, "typ": "JWT", "kid": self._key_id}
        return Secret(jwt.encode(header, claims, self._opened(), algorithms=[_ALGORITHM]))

    def _opened(self) -> Any:
        if self._key is None:
            from cryptography.hazmat.primitives.asymmetric.rsa import (  # noqa: PLC0415 - as above
                RSAPrivateKey,
            )
            from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
                Encoding,
                NoEncryption,
                PrivateFormat,
                load_pem_private_key,
            )
            from joserfc.jwk import RSAKey  # noqa: PLC0415 - as above

            passphrase = self._passphrase.reveal().encode() if self._passphrase else None
            try:
                key = load_pem_private_key(self._private_key.reveal().encode(), passphrase)
            except (ValueError, TypeError):
                key = None  # the reason might quote the key
            if not isinstance(key, RSAPrivateKey):
                raise InvalidConfiguration(
                    "the private key in app_config cannot be opened with its passphrase"
                )
            opened = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            self._key = RSAKey.import_key(opened)
        return self._key
