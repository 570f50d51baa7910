"""How an app signs in by itself: client credentials, with a certificate or a secret.

"Microsoft identity platform application authentication certificate credentials": a JWT signed with PS256, named by the
certificate's SHA-256 thumbprint.
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mover.connectors.microsoft.config import Office365Config
from mover.connectors.microsoft.sign_in import token_url
from mover.errors import AccountSuspended, InvalidConfiguration, SignInFailed
from mover.transport.http import HttpSession
from mover.transport.oauth.app_tokens import AccessToken, AppTokens
from mover.transport.oauth.description import AppRegistration
from mover.transport.oauth.endpoint import Form, request_token
from mover.transport.oauth.refusals import GrantRefused
from mover.transport.oauth.tokens import Tokens
from mover.vault.secret import Secret

_SCOPE = "https://graph.microsoft.com/.default"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME_S = 300
_SKEW_S = 60
_LARGEST_FILE = 64 * 1024
_LONGEST_PATH = 4096


def tokens_of_app(
    config: Office365Config, http: HttpSession, *, now: Callable[[], float] = time.time
) -> Tokens:
    """Return the tokens of an app. Nothing is read or sent before the first call."""

    async def fetch(_subject: str | None) -> AccessToken:
        form: dict[str, str | Secret] = {"grant_type": "client_credentials", "scope": _SCOPE}
        secret = config.client_secret
        if secret is None:
            form |= _assertion_form(config, now())
        app = AppRegistration(client_id=config.client_id, client_secret=secret)
        asked_at_s = now()
        try:
            granted = await request_token(http, token_url(config.tenant), form, app=app, now=now)
        except GrantRefused as error:
            if "AADSTS7000112" in error.description:  # the application is disabled
                raise AccountSuspended(
                    "the app was disabled in its tenant", operation="sign-in", said=error.description
                ) from error
            raise
        return granted.access(asked_at_s)

    return AppTokens(fetch, now)


def _assertion_form(config: Office365Config, now_s: float) -> Form:
    return {
        "client_assertion_type": _ASSERTION_TYPE,
        "client_assertion": signed_assertion(config, now_s, str(uuid.uuid4())),
    }


def signed_assertion(config: Office365Config, now_s: float, jwt_id: str) -> Secret:
    """Sign who the app is, for some minutes. Raises InvalidConfiguration, SignInFailed for a wrong passphrase."""
    # Loaded here, since `mover copy` between other services needs none of it.
    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
    )
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.jwk import RSAKey  # noqa: PLC0415

    assert config.certificate is not None
    assert config.private_key is not None
    try:
        certificate = x509.load_pem_x509_certificate(_pem(config.certificate, "certificate"))
    except ValueError:
        raise InvalidConfiguration("certificate is no certificate in PEM form") from None
    passphrase = config.passphrase.reveal().encode() if config.passphrase else None
    try:
        key = load_pem_private_key(_pem(config.private_key, "private_key"), passphrase)
    except TypeError:
        raise InvalidConfiguration("private_key and passphrase do not fit together") from None
    except ValueError:
        if passphrase is not None:
            raise SignInFailed("the passphrase does not open the private key") from None
        raise InvalidConfiguration("private_key is no private key in PEM form") from None
    if not isinstance(key, RSAPrivateKey):
        raise InvalidConfiguration("private_key must be an RSA key")
    if _spki(key.public_key()) != certificate.public_key().public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    ):
        raise InvalidConfiguration("private_key is not the key of the certificate")
    signing = RSAKey.import_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    header = {
        "alg": "PS256",
        "typ": "JWT",
        "x5t#S256": base64.urlsafe_b64encode(certificate.fingerprint(SHA256())).decode().rstrip("="),
    }
    claims = {
        "aud": token_url(config.tenant),
        "iss": config.client_id,
        "sub": config.client_id,
        "jti": jwt_id,
        "nbf": int(now_s) - _SKEW_S,
        "iat": int(now_s),
        "exp": int(now_s) + _LIFETIME_S,
    }
    return Secret(jwt.encode(header, claims, signing, algorithms=["PS256"]))


def _pem(given: Secret, name: str) -> bytes:
    """Return what was given as text, or lies in the file of that path."""
    text = given.reveal()
    if "-----BEGIN" in text:
        return text.encode()
    if len(text) <= _LONGEST_PATH and "\n" not in text:
        with suppress(OSError, RuntimeError, ValueError), Path(text).expanduser().open("rb") as file:
            return file.read(_LARGEST_FILE)
    # Not the path, nor a cause that tells it: it may be a key that was pasted without its first line.
    raise InvalidConfiguration(f"{name} is neither in PEM form nor the path of a file that can be read")


def _spki(key: object) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    assert isinstance(key, RSAPublicKey)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
