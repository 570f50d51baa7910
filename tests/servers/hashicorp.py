"""A stand-in for HashiCorp Vault, which cannot be installed from a package registry: the calls that Mover makes, and no more.

Written from its API documentation (https://developer.hashicorp.com/vault/api-docs): transit with real AES-256-GCM, versions,
derived keys, associated data; tokens with policies, lives and renewal; AppRole and JWT sign-in; namespaces; seal; errors in
its words. It runs in a thread of the tests.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from tests.servers.certificates import make_certificates
from tests.servers.processes import LOOPBACK

ROLE_ID = "675a50e7-cfe0-be76-e35f-49ec009731ea"
SECRET_ID = "ed0a642f-2acf-c2da-232f-1b21300d5f29"
JWT_ROLE = "mover"
JWT = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"


class RefusedError(Exception):
    """An error as the API spells it."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(status, *errors)
        self.status = status
        self.errors = list(errors)


@dataclass
class TransitKey:
    """A named key with its versions, the first one being 1."""

    derived: bool = False
    versions: list[bytes] = field(default_factory=lambda: [os.urandom(32)])
    min_decryption_version: int = 1

    def rotate(self) -> None:
        """Add a version."""
        self.versions.append(os.urandom(32))

    def cipher(self, version: int, context: bytes) -> AESGCM:
        """The cipher of one version, for a context if keys are derived."""
        key = self.versions[version - 1]
        if self.derived:
            if not context:
                raise RefusedError(
                    400,
                    "missing 'context' for key derivation; the key was created using a derived key, which means "
                    "additional, per-request information must be included in order to perform operations with the key",
                )
            key = HKDF(hashes.SHA256(), 32, None, context).derive(key)
        return AESGCM(key)


@dataclass
class Token:
    """What a token may do, and until when."""

    may: bool
    ttl_s: int
    expires_s: float | None
    renewable: bool


@dataclass
class HashicorpServer:
    """A running server.

    Attributes:
        keys: By namespace, mount and name.
        tokens: By their text.
        calls: Paths that were asked for, in order.
        fault: Raised for every request, if set.
        ignores_associated_data: As servers before 1.9 do.
        now: Its clock.
    """

    url: str
    ca_file: Path | None
    keys: dict[tuple[str, str, str], TransitKey] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    sealed: bool = False
    fault: RefusedError | None = None
    ignores_associated_data: bool = False
    now: Callable[[], float] = time.monotonic
    login_ttl_s: int = 3600

    def make_key(
        self, name: str, *, namespace: str = "", mount: str = "transit", derived: bool = False
    ) -> TransitKey:
        """Make a key."""
        self.keys[namespace, mount, name] = TransitKey(derived=derived)
        return self.keys[namespace, mount, name]

    def make_token(self, *, may: bool = True, ttl_s: int = 0, renewable: bool = True) -> str:
        """Make a token that is valid for so long; for ever if `ttl_s` is 0."""
        text = "hvs." + base64.urlsafe_b64encode(os.urandom(18)).decode()
        self.tokens[text] = Token(
            may, ttl_s, self.now() + ttl_s if ttl_s else None, renewable and bool(ttl_s)
        )
        return text

    def answer(self, path: str, headers: dict[str, str], request: dict[str, Any]) -> dict[str, Any]:
        """Answer a POST to `/v1/<path>`. Raises RefusedError."""
        self.calls.append(path)
        if self.fault is not None:
            raise self.fault
        if self.sealed:
            raise RefusedError(503, "Vault is sealed")
        match path.split("/"):
            case ["auth", method, "login"]:
                _check_sign_in(method, request)
                text = self.make_token(ttl_s=self.login_ttl_s)
                return self._auth(text, self.tokens[text])
            case ["auth", "token", "renew-self"]:
                text, token = self._token(headers)
                if not token.renewable:
                    raise RefusedError(400, "lease is not renewable")
                token.expires_s = self.now() + token.ttl_s
                return self._auth(text, token)
            case [*mount, "encrypt" | "decrypt" as operation, name]:
                _, token = self._token(headers)
                if not token.may:
                    raise RefusedError(403, "1 error occurred:\n\t* permission denied\n\n")
                return self._transit(
                    headers.get("x-vault-namespace", ""), "/".join(mount), operation, name, request
                )
            case _:
                raise RefusedError(404)

    def _token(self, headers: dict[str, str]) -> tuple[str, Token]:
        text = headers.get("x-vault-token", "")
        token = self.tokens.get(text)
        if token is None or (token.expires_s is not None and token.expires_s <= self.now()):
            raise RefusedError(403, "permission denied", "invalid token")
        return text, token

    def _auth(self, text: str, token: Token) -> dict[str, Any]:
        return {
            "auth": {
                "client_token": text,
                "lease_duration": token.ttl_s,
                "renewable": token.renewable,
                "policies": ["default", "mover"],
            }
        }

    def _transit(
        self, namespace: str, mount: str, operation: str, name: str, request: dict[str, Any]
    ) -> dict[str, Any]:
        if not any(known[:2] == (namespace, mount) for known in self.keys):
            raise RefusedError(
                404, f'no handler for route "{mount}/{operation}/{name}". route entry not found.'
            )
        key = self.keys.get((namespace, mount, name))
        if key is None:
            raise RefusedError(400, "encryption key not found")
        context = base64.b64decode(request.get("context", ""))
        bound = b"" if self.ignores_associated_data else base64.b64decode(request.get("associated_data", ""))
        if operation == "encrypt":
            version = len(key.versions)
            nonce = os.urandom(12)
            plain = base64.b64decode(request["plaintext"], validate=True)
            sealed = nonce + key.cipher(version, context).encrypt(nonce, plain, bound)
            ciphertext = f"vault:v{version}:{base64.b64encode(sealed).decode()}"
            return {"data": {"ciphertext": ciphertext, "key_version": version}}
        return {"data": {"plaintext": _opened(key, request["ciphertext"], context, bound)}}


def _check_sign_in(method: str, request: dict[str, Any]) -> None:
    match method, request:
        case "approle", {"role_id": role, "secret_id": secret}:
            if (role, secret) != (ROLE_ID, SECRET_ID):
                raise RefusedError(400, "invalid role or secret ID")
        case "kubernetes" | "jwt", {"role": role, "jwt": jwt}:
            if role != JWT_ROLE:
                raise RefusedError(400, f'invalid role name "{role}"')
            if jwt != JWT:
                raise RefusedError(403, "permission denied")
        case _:
            raise RefusedError(403, "permission denied")


def _opened(key: TransitKey, ciphertext: str, context: bytes, bound: bytes) -> str:
    if not ciphertext.startswith("vault:v"):
        raise RefusedError(400, "invalid ciphertext: no prefix")
    number, colon, text = ciphertext.removeprefix("vault:v").partition(":")
    if not colon:
        raise RefusedError(400, "invalid ciphertext: wrong number of fields")
    version = int(number)
    if version > len(key.versions):
        raise RefusedError(400, "invalid ciphertext: version is too new")
    if version < key.min_decryption_version:
        raise RefusedError(400, "ciphertext or signature version is disallowed by policy (too old)")
    try:
        sealed = base64.b64decode(text, validate=True)
    except ValueError:
        raise RefusedError(400, "invalid ciphertext: could not decode base64") from None
    try:
        plain = key.cipher(version, context).decrypt(sealed[:12], sealed[12:], bound)
    except (InvalidTag, ValueError):
        raise RefusedError(400, "cipher: message authentication failed") from None
    return base64.b64encode(plain).decode()


@contextlib.contextmanager
def hashicorp(folder: Path) -> Iterator[HashicorpServer]:
    """Run a server over TLS for the time of a `with` block."""
    certificates = make_certificates(folder)
    listening = http.server.ThreadingHTTPServer((LOOPBACK, 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    listening.socket = context.wrap_socket(listening.socket, server_side=True)
    server = HashicorpServer(f"https://{LOOPBACK}:{listening.server_port}", certificates.ca_file)
    listening.mover_server = server  # type: ignore[attr-defined]  # the handler finds it there
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer

    def do_POST(self) -> None:
        server: HashicorpServer = self.server.mover_server  # type: ignore[attr-defined]  # set by `hashicorp`
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            status, answer = 200, server.answer(self.path.removeprefix("/v1/"), headers, json.loads(body))
        except RefusedError as error:
            status, answer = error.status, {"errors": error.errors}
        sent = json.dumps({"request_id": "1", **answer}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        if status == 307:
            self.send_header("Location", "https://active.example.org:8200" + self.path)
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        pass
