"""Nothing goes round `transport`: who in the sources can open a connection at all is a short list with reasons.

What is not Python's (libcurl, libpq, Temporal's core) is seen by the firewall of tests/egress, which counts what it refuses.
"""

from __future__ import annotations

import ast
import functools
import sys
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import pytest

import mover

SOURCES = Path(mover.__file__).parent

pytestmark = pytest.mark.promise("P7", "egress")

OPENERS = {
    # Attributes and names by which Python itself connects, or asks a name server.
    "create_connection",
    "open_connection",
    "open_unix_connection",
    "create_unix_connection",
    "create_datagram_endpoint",
    "connect_ex",
    "sock_connect",
    "sendto",
    "getaddrinfo",
    "gethostbyname",
    "gethostbyaddr",
    "getnameinfo",
    "getfqdn",
    "urlopen",
    "start_connection",
}
STARTERS = {
    "Popen",
    "create_subprocess_exec",
    "create_subprocess_shell",
    "system",
    "execv",
    "execve",
    "posix_spawn",
}
"""Attributes and names by which Python starts another program."""

MAY_OPEN = {
    "transport/egress.py": "the one way out itself",
    "transport/proxy.py": "the way to the proxy",
    "transport/addresses.py": "looks names up for connections without a proxy",
    "transport/ftp_door.py": "looks up the proxy's own name, for libcurl",
    "transport/http_connections.py": "TLS on sockets that egress opened; never a host",
    "notices/syslog.py": "TLS on sockets that egress opened: `sock=`",
    "runner/embedded.py": "looks whether the Temporal that it started answers at 127.0.0.1",
    "serving/listening.py": "looks up the operator's own MOVER_LISTEN, to listen there",
    "cli/egress.py": "an operator's list of addresses, for a firewall",
}

NETWORK_MODULES = {
    "aiohappyeyeballs": {"transport"},
    "aiohttp": {"transport"},
    "aiosmtplib": {"mail"},  # on sockets of egress: `sock=`
    "asyncssh": {"connectors/sftp"},  # likewise
    "authlib": {"transport/oauth", "accounts/openid"},  # texts only: no client of it is used
    "awscrt": {"hashing"},  # checksums only
    "ftplib": set(),
    "grpc": set(),
    "http.client": set(),
    "httpx": set(),
    "opentelemetry": {"serving", "runner", "cli"},  # spans go out through serving/span_export.py
    "pkcs11": {"vault"},  # a library of the operator's on this machine
    "prometheus_client": {"serving", "runner"},  # listens on loopback if asked to
    "psycopg": {"database"},  # Mover's own database, which firewalls let through by name
    "pycurl": {"transport"},
    "pymysql": {"connectors/mysql"},  # on sockets of egress
    "python_socks": {"transport"},
    "requests": set(),
    "smtplib": set(),
    "socketserver": {"serving"},  # listens
    "ssl": {"transport", "serving", "mail", "connectors/mysql"},  # contexts
    "temporalio": {"runner", "serving", "cli", "api"},  # Mover's own Temporal, likewise
    "urllib.request": set(),
    "urllib3": set(),
    "uvicorn": {"serving"},  # listens
    "xmlrpc": set(),
}
"""Which rooms may import what can reach a network."""

QUIET = {
    # What is used besides, and opens nothing by itself.
    "alembic",
    "argon2",
    "bcrypt",
    "croniter",
    "cryptography",
    "fastapi",
    "httptools",
    "jinja2",
    "joserfc",
    "lxml",
    "markupsafe",
    "msgspec",
    "multidict",
    "nacl",
    "platformdirs",
    "pyotp",
    "pydantic",
    "pydantic_core",
    "pyrage",
    "python_multipart",
    "rich",
    "segno",
    "sqlalchemy",
    "starlette",
    "structlog",
    "typer",
    "typing_extensions",
    "click",
    "uvloop",
    "webauthn",
    "yarl",
}


@dataclass
class Facts:
    """What a module says that could lead to a connection.

    Attributes:
        imports: Modules, and what is taken from them.
        names: Attributes and names that it uses, of those that are looked for.
        calls: Calls of attributes of a name: `(name, attribute, keywords)`.
    """

    imports: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    calls: list[tuple[str, str, frozenset[str | None]]] = field(default_factory=list)

    @property
    def makes_sockets(self) -> bool:
        """Whether it makes a socket; one that takes over a descriptor was made elsewhere."""
        return any(
            (name, attribute) == ("socket", "socket") and keywords != {"fileno"}
            for name, attribute, keywords in self.calls
        )


def facts_of(text: str) -> Facts:
    found = Facts()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                found.imports.update(name.name for name in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                found.imports.add(module)
                found.imports.update(f"{module}.{name.name}" for name in names)
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in OPENERS:
                found.names.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute), keywords=keywords):
                found.calls.append((name, attribute, frozenset(keyword.arg for keyword in keywords)))
    return found


@functools.cache
def modules() -> dict[str, Facts]:
    return {str(path.relative_to(SOURCES)): facts_of(path.read_text()) for path in SOURCES.rglob("*.py")}


MAKES_SOCKETS = {
    "transport/egress.py": "datagrams, which it refuses where there is a proxy",
    "notices/syslog.py": "a local socket of this machine's syslog (AF_UNIX)",
    "transport/curl_sockets.py": "for libcurl, to checked addresses only",
    "runner/embedded.py": "asks for a port that is free",
    "serving/listening.py": "to listen",
}


def test_who_can_connect_or_look_up_a_name_is_known() -> None:
    assert {path for path, facts in modules().items() if facts.names & OPENERS} == set(MAY_OPEN)
    assert {path for path, facts in modules().items() if facts.makes_sockets} == set(MAKES_SOCKETS)


def test_what_reaches_a_network_is_imported_where_it_belongs() -> None:
    strangers = [
        (path, name)
        for path, facts in modules().items()
        for module, rooms in NETWORK_MODULES.items()
        for name in facts.imports
        if (name == module or name.startswith(module + "."))
        and not any(path.startswith(f"{room}/") for room in rooms)
    ]
    assert strangers == []


def test_every_library_is_known_as_quiet_or_as_one_that_reaches_a_network() -> None:
    known = (
        {name.partition(".")[0] for name in NETWORK_MODULES}
        | QUIET
        | {"mover"}
        | set(sys.stdlib_module_names)
    )
    used = {name.partition(".")[0] for facts in modules().values() for name in facts.imports}
    assert used - known == set()


def test_no_exporter_of_opentelemetry_s_own_and_no_client_of_authlib_s_is_used() -> None:
    names = {name for facts in modules().values() for name in facts.imports}
    banned = (
        "opentelemetry.exporter.otlp.proto.http",
        "opentelemetry.exporter.otlp.proto.grpc",
        "authlib.integrations",
        "awscrt.http",
        "awscrt.s3",
        "awscrt.io",
        "prometheus_client.exposition",
        "webauthn.metadata",
    )
    assert not [name for name in names if name.startswith(banned)]


def test_connections_of_libraries_are_given_a_socket() -> None:
    """The three libraries that could connect by themselves get one that `Egress.connect` opened."""
    calls = {
        "connectors/sftp/ssh.py": ("connect", "sock"),
        "mail/smtp.py": ("SMTP", "sock"),
    }
    for path, (name, keyword) in calls.items():
        made = [
            each for each in modules()[path].calls if each[:2] in {("asyncssh", name), ("aiosmtplib", name)}
        ]
        assert made, path
        assert all(keyword in keywords for *_, keywords in made), path
    wire = (SOURCES / "connectors/mysql/session.py").read_text()
    assert "defer_connect=True" in wire
    assert "connection.connect(connected)" in wire


def test_the_program_it_starts_is_mover_s_own_temporal_and_no_other() -> None:
    found = {
        path
        for path, facts in modules().items()
        if facts.imports & {"subprocess", "multiprocessing", "pty"}
        or any(attribute in STARTERS for _, attribute, _ in facts.calls)
    }
    assert found == {"runner/embedded.py", "runner/tether.py", "serving/children.py"}


def test_libraries_are_installed_that_the_list_speaks_of() -> None:
    """A name that is misspelled above would guard nothing."""
    installed = metadata.packages_distributions()
    for name, rooms in NETWORK_MODULES.items():
        top = name.partition(".")[0]
        assert top in sys.stdlib_module_names or top in installed or not rooms, name


def test_the_guard_sees_what_it_is_for() -> None:
    found = facts_of("async def f(h):\n    await asyncio.open_connection(h, 1)\n    socket.socket()\n")
    assert found.names == {"open_connection"}
    assert found.makes_sockets
    assert not facts_of("socket.socket(fileno=3)").makes_sockets
    assert facts_of("from urllib import request").imports == {"urllib", "urllib.request"}
