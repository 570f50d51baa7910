"""A small Keystone and Rackspace identity service in front of a real Swift: it signs in at TempAuth for those it knows."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.servers.certificates import make_certificates
from tests.servers.openstack import SwiftServer
from tests.servers.processes import LOOPBACK

USERNAME = "rax-user"
API_KEY = "0123456789abcdef0123456789abcdef"
PASSWORD = "a s3cret päss"
CREDENTIAL_ID = "21dced0fd20347869b93710d2b98aae0"
CREDENTIAL_NAME = "monitoring"
CREDENTIAL_SECRET = "rEaqvJka48mpv"
PROJECT = "project"


@dataclass
class IdentityServer:
    """A running service.

    Attributes:
        url: Without a version.
        ca_file: Who signed its certificate.
        sign_ins: Forms of the sign-ins that it granted.
    """

    swift: SwiftServer
    url: str
    ca_file: Path
    sign_ins: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Tell which versions there are, as clients ask who begin without one."""
        links = [{"id": version, "status": "stable"} for version in ("v3.14", "v2.0")]
        self._answer(300, {"versions": {"values": links}})

    def do_POST(self) -> None:
        """Sign in."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["auth"]
        match self.path:
            case "/v2.0/tokens":
                self._version_2(asked)
            case "/v3/auth/tokens":
                self._version_3(asked)
            case _:
                self._answer(404, {"itemNotFound": {"code": 404, "message": "not found"}})

    def _version_2(self, asked: Mapping[str, Any]) -> None:
        if asked.get("RAX-KSKEY:apiKeyCredentials") == {"username": USERNAME, "apiKey": API_KEY}:
            form = "rackspace"
        elif asked.get("passwordCredentials") == {"username": USERNAME, "password": PASSWORD}:
            form = "keystone2"
        else:
            message = "Unable to authenticate user with credentials provided."
            self._answer(401, {"unauthorized": {"code": 401, "message": message}})
            return
        token, url = self._signed_in(form)
        endpoints = [
            {
                "region": "ORD",
                "publicURL": "https://ord.invalid/v1/x",
                "internalURL": "https://ord.invalid/v1/x",
            },
            {"region": "DFW", "publicURL": url, "internalURL": "https://10.0.0.9/v1/x"},
        ]
        access = {
            "token": {"id": token, "expires": _tomorrow()},
            "user": {"id": "1", "name": USERNAME, "roles": [], "RAX-AUTH:defaultRegion": "DFW"},
            "serviceCatalog": [
                {"name": "cloudFilesCDN", "type": "rax:object-cdn", "endpoints": endpoints[:1]},
                {"name": "cloudFiles", "type": "object-store", "endpoints": endpoints},
            ],
        }
        self._answer(200, {"access": access})

    def _version_3(self, asked: Mapping[str, Any]) -> None:
        identity, scope = asked["identity"], asked.get("scope")
        default = {"name": "Default"}
        by_password = {"user": {"name": USERNAME, "domain": default, "password": PASSWORD}}
        by_id = {"secret": CREDENTIAL_SECRET, "id": CREDENTIAL_ID}
        by_name = {
            "secret": CREDENTIAL_SECRET,
            "name": CREDENTIAL_NAME,
            "user": {"name": USERNAME, "domain": default},
        }
        if identity["methods"] == ["password"] and identity["password"] == by_password:
            form = "keystone3"
            scoped = scope == {"project": {"name": PROJECT, "domain": default}}
        elif identity["methods"] == ["application_credential"] and identity["application_credential"] in (
            by_id,
            by_name,
        ):
            form = "application_credential"
            scoped = scope is None  # the credential says which project
        else:
            message = "The request you have made requires authentication."
            self._answer(401, {"error": {"code": 401, "title": "Unauthorized", "message": message}})
            return
        token, url = self._signed_in(form)
        places = (
            ("public", url),
            ("internal", "https://internal.invalid/v1/x"),
            ("admin", "https://a.invalid"),
        )
        endpoints = [
            {"id": kind, "interface": kind, "region": "RegionOne", "region_id": "RegionOne", "url": place}
            for kind, place in places
        ]
        catalog = [{"type": "object-store", "name": "swift", "id": "s", "endpoints": endpoints}]
        told = {"methods": identity["methods"], "expires_at": _tomorrow(), "user": {"name": USERNAME}}
        self._answer(
            201, {"token": told | ({"catalog": catalog} if scoped else {})}, {"X-Subject-Token": token}
        )

    def _signed_in(self, form: str) -> tuple[str, str]:
        self.server.identity.sign_ins.append(form)
        account = self.server.identity.swift.account()
        return account.token, account.storage_url

    def _answer(self, status: int, document: Any, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(document).encode()
        self.send_response_only(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    identity: IdentityServer


def _tomorrow() -> str:
    return (dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000000Z")


@contextlib.contextmanager
def identity_service(folder: Path, swift: SwiftServer) -> Iterator[IdentityServer]:
    """Serve over TLS with the certificate of the Swift behind it, of whose folder `folder` is."""
    certificates = make_certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.certificate, certificates.key)
    with _Server((LOOPBACK, 0), _Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.identity = IdentityServer(
            swift, f"https://{LOOPBACK}:{server.server_address[1]}", certificates.ca_file
        )
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.identity
        finally:
            server.shutdown()
            thread.join()
