"""The service of the demo: the real `mover serve` on a home of its own, with an owner and an API key made beforehand."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.processes import accepts_connections, free_port, running

from demo.clouds import Clouds
from demo.servers import Storage
from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.api_keys import ApiKeys
from mover.accounts.attempts import Attempts
from mover.accounts.audit_log import AuditLog
from mover.serving.certificates import name_of_this_machine, own_certificate
from mover.serving.first_owner import first_owner
from mover.serving.server_certificate import server_names
from mover.settings import Settings
from mover.vault.secret import Secret
from mover.workplace.workplace import open_workplace

EMAIL = "demo@example.org"
_WISHED_PORT = 8443
_WITHIN_S = 60.0
_OK = 200


@dataclass(frozen=True)
class Access:
    """How to get in: for a person, and for programs.

    Attributes:
        url: Of pages and API.
        ca_file: Who signed the certificate.
        fingerprint: Of that authority, as browsers show it.
        email: Of the owner.
        password: Of the owner.
        key: Of the API.
    """

    url: str
    ca_file: Path
    fingerprint: str
    email: str
    password: Secret
    key: Secret


def environment(home: Path, places: Storage, offices: Clouds) -> Mapping[str, str]:
    """The operator's decisions: loopback may be connected to, since the storage is there; mail lands in a folder.

    All goes through the proxy that answers for the simulated cloud services, and passes on what is for this machine.
    """
    authorities = home / "authorities.pem"
    authorities.write_bytes(places.ca_file.read_bytes() + b"\n" + offices.ca_file.read_bytes())
    port = free_port() if accepts_connections(_WISHED_PORT) else _WISHED_PORT
    return {
        "MOVER_HOME": str(home / "mover"),
        "MOVER_LISTEN": f"localhost:{port}",
        "MOVER_ALLOW_PRIVATE_ADDRESSES": "127.0.0.0/8",
        "MOVER_CA_FILE": str(authorities),
        "MOVER_PROXY": offices.proxy_url,
        "MOVER_MAIL_OUTBOX": str(home / "mail"),
    }


async def prepare(settings: Settings) -> Access:
    """Make certificate, database, owner and API key, so that the demo knows them."""
    certificate = own_certificate(settings.tls_path, server_names(settings), wished=name_of_this_machine())
    async with open_workplace(settings) as place:
        founded = await first_owner(place, EMAIL, organisation="Example company", name="Demo owner")
        assert founded is not None, "the demo begins with an empty home"
        assert founded.password is not None, "it was made up"
        owner = Actor(
            founded.organisation.id,
            ActorKind.PERSON,
            founded.owner.id,
            founded.owner.email,
            Role.OWNER.permissions,
        )
        keys = ApiKeys(place.database, Attempts(place.database), AuditLog(place.database))
        scopes = frozenset({Permission.READ, Permission.RUN, Permission.PLAN, Permission.CONNECT})
        made = await keys.make(owner, "the demo's first move", scopes)
    return Access(
        url=settings.public_url,
        ca_file=certificate.ca_file,
        fingerprint=certificate.fingerprint,
        email=founded.owner.email,
        password=founded.password,
        key=made.text,
    )


@contextlib.contextmanager
def serving(home: Path, variables: Mapping[str, str], access: Access) -> Iterator[subprocess.Popen[bytes]]:
    """Run `mover serve` for the time of a `with` block; entered once it is ready for work."""
    command = [str(Path(sys.executable).with_name("mover")), "serve"]
    log = home / "serve.log"
    with running(
        command, log=log, ready=lambda: _is_ready(access), within_s=_WITHIN_S, environment=variables
    ) as process:
        yield process


def _is_ready(access: Access) -> bool:
    parts = urlsplit(access.url)
    if not access.ca_file.is_file():
        return False
    context = ssl.create_default_context(cafile=access.ca_file)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port, timeout=10, context=context)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == _OK
        except (OSError, http.client.HTTPException):
            return False
