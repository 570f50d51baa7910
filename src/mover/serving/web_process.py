"""The process of the pages, where it is apart from the API: it has no key, and a database role that reads little.

It shows what `web/apart.py` names, with its own database connection, and passes everything else on to the API.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

from mover.database.database import Database
from mover.database.locations import POSTGRESQL, parsed
from mover.errors import InvalidConfiguration
from mover.serving.api_process import name_requests_in_the_log
from mover.serving.keyless import expect_few_rights, expect_no_keys
from mover.serving.listening import close_all, listen
from mover.serving.server import HttpsServer
from mover.serving.server_certificate import certificate_of
from mover.settings import PrivateAddresses, Settings
from mover.transport.egress import Egress
from mover.vault.nobody import NobodysKey
from mover.vault.vault import Vault
from mover.web.apart import Keyless, make_pages
from mover.web.passing_on import PassingOn

_log = logging.getLogger(__name__)
_SERVICE = "the API"
_CONNECTIONS = 256


async def run_web(
    settings: Settings,
    *,
    sockets: Sequence[socket.socket],
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C: then load balancers are told, requests finished, streams ended, and all closed.

    Args:
        settings: All that the operator decided.
        sockets: Listening already.
        ready: Called once connections are taken.

    Raises InvalidConfiguration (there is a key among the settings, or the database's role may read what is sealed; or
    something is missing) and Locked: it cannot start.
    """
    async with AsyncExitStack() as stack:
        stack.callback(close_all, sockets)
        expect_no_keys(settings)
        if settings.api_url is None:
            raise InvalidConfiguration(
                "MOVER_API_URL is not set: it says where the API is, https://host[:port]"
            )
        if parsed(settings.database_url).get_backend_name() != POSTGRESQL:
            raise InvalidConfiguration(
                "mover web needs PostgreSQL, with a role of its own (mover db roles); with SQLite use mover serve"
            )
        database = await Database.open(settings.database_url, connections=settings.database_connections)
        stack.push_async_callback(database.close)
        await expect_few_rights(database)
        await serve_pages(settings, database, settings.api_url, sockets=sockets, ready=ready)


async def serve_pages(
    settings: Settings,
    database: Database,
    api_url: str,
    *,
    sockets: Sequence[socket.socket],
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve what is apart on a database that is open. `sockets` are closed at the end. Raises InvalidConfiguration."""
    async with AsyncExitStack() as stack:
        stack.callback(close_all, sockets)
        tls = certificate_of(settings)
        redirecting = listen(settings.redirect_listen) if settings.redirect_listen else []
        stack.callback(close_all, redirecting)
        # To the operator's own API, which may well have a private address, and to nobody else.
        egress = Egress(allowed=PrivateAddresses(every=True), ca_file=settings.ca_file)
        stack.push_async_callback(egress.close)
        session = egress.http(_SERVICE, ca_file=settings.api_ca_file, connections=_CONNECTIONS)
        name_requests_in_the_log()
        servers: list[HttpsServer] = []
        passing_on = PassingOn(session, api_url)

        async def can_work() -> None:
            for server in servers:
                server.expect_staying()
            await passing_on.expect_answers()

        place = Keyless(settings, database, Vault(database, NobodysKey()), egress)
        application = make_pages(place, passing_on, ready=can_work)
        server = HttpsServer(
            application,
            sockets,
            tls,
            redirect_sockets=redirecting,
            plain_from=settings.trusted_proxies,
            ready=ready,
            drain_s=settings.web_drain_s,
        )
        servers.append(server)
        _log.info("the pages answer at %s, the API at %s", settings.public_url, api_url)
        await server.serve()
        _log.info("the pages have ended")
