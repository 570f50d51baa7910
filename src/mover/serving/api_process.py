"""The process of the API and the pages: everything opened as the operator says, and served until it is told to end."""

from __future__ import annotations

import functools
import logging
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

from starlette.middleware import Middleware

from mover.accounts.audit_log import AuditLog
from mover.api.request_ids import RequestIdFilter
from mover.api.services import Services
from mover.audit.custody import Custodian
from mover.audit.sealing import Sealer
from mover.database.clock import check_clock
from mover.errors import ServiceFault
from mover.lawful.orders import remove_over
from mover.migrations.scheduler import Scheduler
from mover.notices.audit_copies import AuditCopies, receivers_from_settings
from mover.runner.client import TemporalAccess
from mover.runner.orchestration import TemporalOrchestration
from mover.runner.reconciler import Reconciler
from mover.serving.audit_keeping import Measured, audit_kept
from mover.serving.first_keys import make_first_keys, try_first_keys
from mover.serving.listening import close_all, listen
from mover.serving.routes import NoticeRoute
from mover.serving.server import HttpsServer
from mover.serving.server_certificate import certificate_of
from mover.serving.streams import Application
from mover.serving.tidying import Step, tidying
from mover.serving.tls import ServerTls
from mover.settings import Settings
from mover.staff.upkeep import StaffUpkeep
from mover.web.app import make_application
from mover.workplace.workplace import Workplace, open_workplace

SERVICE = "mover-api"

_log = logging.getLogger(__name__)


async def run_api(
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

    Raises InvalidConfiguration and Locked: it cannot start.
    """
    async with AsyncExitStack() as stack:
        stack.callback(close_all, sockets)
        tls = certificate_of(settings)
        redirecting = listen(settings.redirect_listen) if settings.redirect_listen else []
        stack.callback(close_all, redirecting)
        place = await stack.enter_async_context(open_workplace(settings))
        await try_first_keys(place.database, place.vault)
        name_requests_in_the_log()
        made = _wrapped(stack, settings, place, tls)
        await stack.enter_async_context(tidying(_over(place, made.services)))
        copies = AuditCopies(place.database, receivers_from_settings(settings, place.egress))
        sealer = Sealer(place.database, place.vault)
        await stack.enter_async_context(audit_kept(place.database, sealer, copies, measured=made.audit))
        server = HttpsServer(
            made.application,
            sockets,
            tls,
            redirect_sockets=redirecting,
            plain_from=settings.trusted_proxies,
            ready=ready,
            drain_s=settings.api_drain_s,
        )
        made.servers.append(server)
        _log.info("the API answers at %s", settings.public_url)
        await server.serve()
        _log.info("the API has ended")


def _over(place: Workplace, services: Services) -> list[Step]:
    """What is tidied up in this process."""
    custodian, kept = Custodian(place.database, place.vault), place.settings.retention
    remove_old = functools.partial(
        custodian.remove_old, days=kept.audit_days, days_of_nobody=kept.strangers_days
    )
    accounts = services.accounts
    return [
        functools.partial(make_first_keys, place.database, place.vault),
        accounts.upkeep.remove_expired,
        accounts.departures.remove_deleted,
        custodian.forget_due,
        remove_old,
        StaffUpkeep(place.database, place.vault, AuditLog(place.database)).step,
        lambda: remove_over(place.database, time.time_ns()),
    ]


@dataclass(frozen=True)
class _Made:
    """The application, counted and traced if the operator wants that.

    Attributes:
        application: What is served.
        servers: Where to put the server once there is one.
        services: What the application works with.
        audit: Told how far the audit log is sealed and copied, if metrics are wanted.
    """

    application: Application
    servers: list[HttpsServer]
    services: Services
    audit: Measured | None


def _wrapped(stack: AsyncExitStack, settings: Settings, place: Workplace, tls: ServerTls) -> _Made:
    servers: list[HttpsServer] = []
    interceptors: list[Any] = []
    trace: Callable[[Application], Application] = _as_it_is
    if settings.otlp_endpoint is not None:
        # OpenTelemetry is loaded only where it is wanted.
        from mover.runner.traces import traced, traced_connectors  # noqa: PLC0415
        from mover.serving.span_export import CollectorExporter  # noqa: PLC0415
        from mover.serving.traces import ApiTraces, tracing  # noqa: PLC0415

        exporter = CollectorExporter.from_settings(settings.otlp_endpoint, settings)
        provider = stack.enter_context(tracing(SERVICE, exporter))
        interceptors.append(traced(provider))
        place = replace(place, wrap=traced_connectors(provider, names=settings.otlp_names))
        trace = functools.partial(ApiTraces, provider=provider)
    access = TemporalAccess(settings, identity=SERVICE, interceptors=interceptors)

    async def can_work() -> None:
        for server in servers:
            server.expect_staying()
        await check_clock(place.database)
        if not await access.answers():
            raise ServiceFault("Temporal does not answer")

    orchestration = TemporalOrchestration(Reconciler(place.database, access, Scheduler(place.database)))
    app = make_application(place, orchestration, ready=can_work)
    services = app.state.services
    assert isinstance(services, Services)
    app.user_middleware.append(Middleware(NoticeRoute))  # the last one is next to the routes
    application: Application = app
    audit = None
    if settings.metrics_port is not None:
        from mover.serving.metrics import ApiMetrics, AuditMetrics, new_registry, published  # noqa: PLC0415 - as above

        registry = new_registry()
        audit = AuditMetrics(registry)
        over = tls if settings.metrics_tls else None
        stack.enter_context(published(registry, settings.metrics_port, tls=over))
        application = ApiMetrics(
            application, registry=registry, streams=lambda: sum(server.streams for server in servers)
        )
    return _Made(trace(application), servers, services, audit)


def _as_it_is(application: Application) -> Application:
    return application


def name_requests_in_the_log() -> None:
    """Write into each line of the log to which request it belongs."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(RequestIdFilter())
