"""All services of the accounts, made to fit each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mover.accounts.api_keys import ApiKeys
from mover.accounts.attempts import Attempts
from mover.accounts.audit_log import AuditLog
from mover.accounts.departures import Departures, Remover
from mover.accounts.email_addresses import EmailAddresses
from mover.accounts.erasure import Erasure, Leaving, PersonRemover
from mover.accounts.invitations import Invitations
from mover.accounts.openid.provider import Providers
from mover.accounts.organisations import Farewell, Organisations, in_silence
from mover.accounts.passkeys import Passkeys
from mover.accounts.password_resets import PasswordResets
from mover.accounts.passwords import Argon2Cost, Passwords
from mover.accounts.people import People
from mover.accounts.second_factors import SecondFactors
from mover.accounts.sessions import Sessions
from mover.accounts.sign_in import SignIn
from mover.accounts.single_sign_on import SingleSignOn
from mover.accounts.site import Site
from mover.accounts.upkeep import Upkeep
from mover.database.database import Database
from mover.mail.message import Mail
from mover.mail.queue import MailQueue
from mover.retention import Retention
from mover.transport.egress import Egress
from mover.vault.vault import Vault


@dataclass(frozen=True)
class Accounts:
    """The services, as the rooms above use them."""

    organisations: Organisations
    departures: Departures
    people: People
    leaving: Leaving
    sign_in: SignIn
    sessions: Sessions
    invitations: Invitations
    password_resets: PasswordResets
    email_addresses: EmailAddresses
    second_factors: SecondFactors
    passkeys: Passkeys
    single_sign_on: SingleSignOn
    api_keys: ApiKeys
    audit: AuditLog
    upkeep: Upkeep
    providers: Providers

    async def close(self) -> None:
        """Close connections to OpenID providers; everything else was given and is closed by its giver."""
        await self.providers.close()


def assemble(
    database: Database,
    vault: Vault,
    egress: Egress,
    site: Site,
    *,
    mail: Mail | None,
    queue: MailQueue | None,
    removers: Sequence[Remover] = (),
    person_removers: Sequence[PersonRemover] = (),
    kept: Retention = Retention(),  # noqa: B008 - immutable
    farewell: Farewell = in_silence,
    cost: Argon2Cost = Argon2Cost(),  # noqa: B008 - immutable
    now: Callable[[], float] = time.time,
) -> Accounts:
    """Make all services.

    Args:
        database: Where everything is.
        vault: Holds secrets.
        egress: The way out, to OpenID providers.
        site: The installation's own address.
        mail: Sends invitations while the one who invites waits; None: this installation sends no mail.
        queue: Sends all other mail in the background; None like `mail`.
        removers: Of the rooms above, for `Departures`.
        person_removers: Likewise, for people who go.
        kept: How long what is kept.
        farewell: Likewise, for `Organisations`.
        cost: Of hashing passwords.
        now: Seconds since 1970 UTC.
    """
    audit = AuditLog(database, now=now)
    passwords = Passwords(cost)
    attempts = Attempts(database, now=now)
    idle_s = kept.session_idle_hours * 3600
    sessions = Sessions(database, audit, idle_s=idle_s, absolute_s=kept.session_hours * 3600, now=now)
    erasure = Erasure(database, vault, removers=person_removers, now=now)
    second_factors = SecondFactors(database, vault, sessions, attempts, audit, issuer=site.name, now=now)
    providers = Providers(egress, now=now)
    return Accounts(
        organisations=Organisations(database, vault, passwords, sessions, audit, farewell=farewell, now=now),
        departures=Departures(database, vault, removers=removers, person_removers=person_removers, now=now),
        people=People(database, passwords, sessions, attempts, audit, now=now),
        leaving=Leaving(database, erasure, sessions, audit, now=now),
        sign_in=SignIn(database, passwords, sessions, second_factors, attempts, audit, now=now),
        sessions=sessions,
        invitations=Invitations(database, passwords, sessions, attempts, audit, site, mail, now=now),
        password_resets=PasswordResets(database, passwords, attempts, audit, site, queue, now=now),
        email_addresses=EmailAddresses(database, sessions, attempts, audit, site, queue, now=now),
        second_factors=second_factors,
        passkeys=Passkeys(database, sessions, attempts, audit, site, now=now),
        single_sign_on=SingleSignOn(database, vault, sessions, attempts, audit, site, providers, now=now),
        api_keys=ApiKeys(database, attempts, audit, now=now),
        audit=audit,
        upkeep=Upkeep(database, idle_s=idle_s, keep_s=kept.unused_days * 24 * 3600, now=now),
        providers=providers,
    )
