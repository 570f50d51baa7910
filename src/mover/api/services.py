"""Everything that can be asked for by the API and the pages, made once from what is open."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from starlette.requests import HTTPConnection

from mover.accounts.api_keys import ApiKeys
from mover.accounts.assembly import Accounts, assemble
from mover.accounts.audit_log import AuditLog
from mover.accounts.email_addresses import EmailAddresses
from mover.accounts.erasure import Leaving
from mover.accounts.invitations import Invitations
from mover.accounts.organisations import Organisations
from mover.accounts.passkeys import Passkeys
from mover.accounts.password_resets import PasswordResets
from mover.accounts.passwords import Argon2Cost
from mover.accounts.people import People
from mover.accounts.second_factors import SecondFactors
from mover.accounts.sessions import Sessions
from mover.accounts.sign_in import SignIn
from mover.accounts.single_sign_on import SingleSignOn
from mover.accounts.site import Site
from mover.api.browser_sign_ins import BrowserSignIns
from mover.api.events.hub import RunEvents
from mover.api.idempotency.keys import IdempotencyKeys
from mover.api.idempotency.queries import forget_organisation
from mover.api.nudging import Nudging
from mover.api.organisation_connections import OrganisationConnections
from mover.connections.revoking import Revoking
from mover.connections.service_rules import ServiceRules
from mover.database.database import Database
from mover.mail.choice import mail_from_settings
from mover.mail.queue import MailQueue
from mover.migrations.discovery import Discovery
from mover.migrations.given.handing import Handing
from mover.migrations.imports import Imports
from mover.migrations.maps import Maps
from mover.migrations.migrations import Migrations
from mover.migrations.orchestration import Orchestration
from mover.migrations.pairs import Pairs
from mover.migrations.permission_reports import PermissionReports
from mover.migrations.reports import Reports
from mover.migrations.runs import Runs
from mover.migrations.scan_reports import ScanReports
from mover.migrations.schedules import Schedules
from mover.migrations.signing import SigningKeys
from mover.migrations.views import Views
from mover.notices.webhooks import Webhooks
from mover.privacy.exports import DataExports
from mover.settings import Settings
from mover.staff.assembly import Staff
from mover.staff.assembly import assemble as assemble_staff
from mover.transport.egress import Egress
from mover.transport.oauth.apps import apps_from_settings
from mover.vault.vault import Vault
from mover.workplace.farewells import Farewells
from mover.workplace.removers import PERSON_REMOVERS, REMOVERS


class Workplace(Protocol):
    """What is needed of what is open."""

    @property
    def settings(self) -> Settings:
        """What the operator decided."""

    @property
    def database(self) -> Database:
        """The truth."""

    @property
    def vault(self) -> Vault:
        """The secrets."""

    @property
    def egress(self) -> Egress:
        """The way out."""


@dataclass(frozen=True)
class Services:
    """All services of the domain, for one process that answers requests."""

    settings: Settings
    site: Site
    database: Database
    accounts: Accounts
    idempotency: IdempotencyKeys
    nudging: Nudging
    events: RunEvents
    audit_log: AuditLog
    organisations: Organisations
    people: People
    leaving: Leaving
    data_exports: DataExports
    sessions: Sessions
    sign_in: SignIn
    second_factors: SecondFactors
    passkeys: Passkeys
    single_sign_on: SingleSignOn
    invitations: Invitations
    password_resets: PasswordResets
    email_addresses: EmailAddresses
    api_keys: ApiKeys
    connections: OrganisationConnections
    browser_sign_ins: BrowserSignIns
    migrations: Migrations
    pairs: Pairs
    discovery: Discovery
    imports: Imports
    runs: Runs
    schedules: Schedules
    maps: Maps
    views: Views
    reports: Reports
    scan_reports: ScanReports
    permission_reports: PermissionReports
    signing_keys: SigningKeys
    webhooks: Webhooks
    staff: Staff
    mail: MailQueue | None
    now: Callable[[], float]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Do what goes on in the background, for as long as requests are answered."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.accounts.close)
            stack.push_async_callback(self.staff.close)
            if self.mail is not None:
                await stack.enter_async_context(self.mail)
            stack.push_async_callback(self.events.close)
            yield


def services_of(request: HTTPConnection) -> Services:
    """The services of the application that a request came to."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def make_services(
    workplace: Workplace,
    orchestration: Orchestration,
    *,
    cost: Argon2Cost = Argon2Cost(),  # noqa: B008 - immutable
    now: Callable[[], float] = time.time,
) -> Services:
    """Make all services from what is open. Raises InvalidConfiguration (mail, public address)."""
    settings, database, vault, egress = (
        workplace.settings,
        workplace.database,
        workplace.vault,
        workplace.egress,
    )
    site = Site(settings.public_url)
    mail = mail_from_settings(settings, egress)
    queue = MailQueue(mail) if mail else None
    apps = apps_from_settings(settings)
    accounts = assemble(
        database,
        vault,
        egress,
        site,
        mail=mail,
        queue=queue,
        removers=(forget_organisation, *REMOVERS),
        person_removers=PERSON_REMOVERS,
        kept=settings.retention,
        farewell=Farewells(database, vault, Revoking(egress, apps, now=now)),
        cost=cost,
        now=now,
    )
    connections = OrganisationConnections(
        database,
        vault,
        egress,
        accounts.audit,
        ServiceRules.from_settings(settings),
        apps=apps,
        now=now,
    )

    def now_ns() -> int:
        return int(now() * 1e9)

    signing_keys = SigningKeys(database, vault, accounts.audit, now_ns=now_ns)
    handing = Handing(vault)
    return Services(
        settings=settings,
        site=site,
        database=database,
        accounts=accounts,
        idempotency=IdempotencyKeys(database, now=now),
        nudging=Nudging(orchestration),
        events=RunEvents(database),
        audit_log=accounts.audit,
        organisations=accounts.organisations,
        people=accounts.people,
        leaving=accounts.leaving,
        data_exports=DataExports(database, accounts.sessions, accounts.audit, now=now),
        sessions=accounts.sessions,
        sign_in=accounts.sign_in,
        second_factors=accounts.second_factors,
        passkeys=accounts.passkeys,
        single_sign_on=accounts.single_sign_on,
        invitations=accounts.invitations,
        password_resets=accounts.password_resets,
        email_addresses=accounts.email_addresses,
        api_keys=accounts.api_keys,
        connections=connections,
        browser_sign_ins=BrowserSignIns(database, connections, site, now=now),
        migrations=Migrations(database, accounts.audit, now_ns=now_ns),
        pairs=Pairs(database, accounts.audit, now_ns=now_ns),
        discovery=Discovery(database, connections),
        imports=Imports(database, accounts.audit, now_ns=now_ns),
        runs=Runs(database, accounts.audit, handing, now_ns=now_ns),
        schedules=Schedules(database, accounts.audit, now_ns=now_ns),
        maps=Maps(database, accounts.audit, now_ns=now_ns),
        views=Views(database, now_ns=now_ns),
        reports=Reports(database, signing_keys, accounts.audit, now_ns=now_ns),
        scan_reports=ScanReports(database),
        permission_reports=PermissionReports(database, accounts.audit, now_ns=now_ns),
        signing_keys=signing_keys,
        webhooks=Webhooks(database, vault, accounts.audit, now_ns=now_ns),
        staff=assemble_staff(database, vault, settings, accounts.audit, cost=cost, now=now),
        mail=queue,
        now=now,
    )
