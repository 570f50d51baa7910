"""Single sign-on by OpenID Connect: an organisation's own provider says who somebody is, for this organisation only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from mover.accounts.actor import Actor, ActorKind, Permission, Role
from mover.accounts.arrivals import Arrival, arrived_person
from mover.accounts.attempts import Attempts, address_limit
from mover.accounts.audit import Action, Auditor
from mover.accounts.openid.departure import authorization_url, proofs_of
from mover.accounts.openid.id_token import Expected, key_wanted, verified_claims
from mover.accounts.openid.provider import Description, Providers
from mover.accounts.organisations import vault_holder
from mover.accounts.queries import sessions as session_queries
from mover.accounts.queries import single_sign_on as queries
from mover.accounts.queries import tickets
from mover.accounts.queries.tickets import Ticket
from mover.accounts.records import Client, Entrance, Method, SingleSignOnSettings
from mover.accounts.refusals import MayNot, NoSuchThing, NotAcceptable, NotPossible, SignInRefused
from mover.accounts.sessions import Sessions
from mover.accounts.site import Site
from mover.accounts.tickets import Purpose, new_ticket
from mover.accounts.tokens import hashed
from mover.accounts.typed import domain_name, email_address
from mover.database.database import Database
from mover.errors import InvalidConfiguration, NotFound, ProtocolViolation
from mover.transport.oauth.proofs import Proofs
from mover.vault.secret import Secret
from mover.vault.vault import Vault

_FIELD = "client_secret"
_LONGEST_CLIENT_ID = 255
_LONGEST_ISSUER = 500
_MOST_DOMAINS = 50
_FREE_FOR_AN_ADDRESS = 60
_NONE_HERE = "this organisation has no single sign-on"
_BEGIN_AGAIN = "this sign-in took too long, was finished before, or began in another browser; begin again"


@dataclass(frozen=True)
class Departure:
    """Where the browser goes, and the ticket that it keeps in a cookie until it comes back (ten minutes, one use)."""

    url: str
    ticket: Secret


class SingleSignOn:
    """OpenID Connect with authorization code and PKCE. A session made here never leaves its organisation.

    Args:
        database: Where settings and identities are.
        vault: Holds client secrets.
        sessions: Begins sessions.
        attempts: Counts departures from one network.
        auditor: Keeps what happened.
        site: Where providers send people back to.
        providers: Talks to them.
        now: Seconds since 1970 UTC.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        sessions: Sessions,
        attempts: Attempts,
        auditor: Auditor,
        site: Site,
        providers: Providers,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._database = database
        self._vault = vault
        self._sessions = sessions
        self._attempts = attempts
        self._auditor = auditor
        self._site = site
        self._providers = providers
        self._now = now

    async def settings(self, actor: Actor) -> SingleSignOnSettings | None:
        """The organisation's settings, without the client secret. Needs ADMINISTER."""
        actor.require(Permission.ADMINISTER)
        return await self._settings(actor.organisation_id)

    async def configure(
        self, actor: Actor, settings: SingleSignOnSettings, client_secret: Secret | None
    ) -> None:
        """Set it up; asks the provider for its description first.

        `client_secret` None keeps the present one, as long as the issuer stays: another one never gets to see it. With
        another issuer, all who came in by the one before are signed out and have to be recognised anew.

        Needs OWN. Raises InvalidConfiguration, and what reaching the provider raises.
        """
        _require_owner(actor)
        checked = _checked(settings)
        await self._providers.describe(checked.issuer)
        now_ns = self._now_ns()
        owner = _owner(actor.organisation_id)

        def change(transaction: Connection) -> None:
            before = queries.settings(transaction, actor.organisation_id)
            moved = before is not None and before.issuer != checked.issuer
            if client_secret is None and moved:
                raise NotAcceptable("another provider needs a client secret of its own")
            if moved:
                queries.remove(transaction, actor.organisation_id)
                session_queries.remove_by_method(transaction, actor.organisation_id, Method.SINGLE_SIGN_ON)
            queries.put(transaction, actor.organisation_id, checked, now_ns)
            self._auditor.record(
                transaction,
                actor,
                Action.SINGLE_SIGN_ON_CHANGED,
                f"provider {checked.issuer}",
                {
                    "domains": " ".join(checked.domains),
                    "default_role": checked.default_role.value if checked.default_role else "none",
                    "required": str(checked.required),
                },
                now_ns=now_ns,
            )

        if client_secret is None:
            await self._database.write(change)
        else:
            await self._vault.replace(
                vault_holder(actor.organisation_id), owner, {_FIELD: client_secret}, along=change
            )

    async def remove(self, actor: Actor) -> None:
        """Stop using it; who came in by it is signed out. Needs OWN. Idempotent."""
        _require_owner(actor)

        def remove(transaction: Connection) -> None:
            if queries.remove(transaction, actor.organisation_id):
                session_queries.remove_by_method(transaction, actor.organisation_id, Method.SINGLE_SIGN_ON)
                self._auditor.record(
                    transaction,
                    actor,
                    Action.SINGLE_SIGN_ON_REMOVED,
                    "single sign-on",
                    now_ns=self._now_ns(),
                )

        await self._vault.destroy(_owner(actor.organisation_id), along=remove)

    async def offered_for(self, email: str) -> str | None:
        """Name the organisation (its id) whose provider an address belongs to, by its domain.

        None if there is none, or more than one lays claim to the domain: then people go to their organisation's own page.
        """
        try:
            domain = email_address(email).rpartition("@")[2]
        except InvalidConfiguration:
            return None
        found = await self._database.read(lambda transaction: queries.of_domain(transaction, domain))
        return found[0] if len(found) == 1 else None

    async def begin(self, organisation_id: str, client: Client) -> Departure:
        """Send somebody to the organisation's provider. Raises NotFound, Throttled, and what reaching it raises."""
        await self._attempts.begin(address_limit("single-sign-on", client.address, free=_FREE_FOR_AN_ADDRESS))
        settings = await self._settings(organisation_id)
        if settings is None:
            raise NoSuchThing(_NONE_HERE)
        description = await self._providers.describe(settings.issuer)
        ticket = new_ticket(
            Purpose.SINGLE_SIGN_ON,
            self._now_ns(),
            organisation_id=organisation_id,
            details={"issuer": settings.issuer, "client_id": settings.client_id},
        )
        await self._database.write(lambda transaction: tickets.add(transaction, ticket.kept))
        url = authorization_url(
            description,
            proofs_of(ticket.token),
            client_id=settings.client_id,
            redirect_uri=self._site.single_sign_on_return(organisation_id),
        )
        return Departure(url, ticket.token)

    async def finish(
        self, organisation_id: str, ticket: Secret, answer: Mapping[str, str], client: Client
    ) -> Entrance:
        """Somebody comes back.

        Args:
            organisation_id: From the address that the provider sent the browser to, `Site.single_sign_on_return`.
            ticket: From the browser's cookie.
            answer: The query's parameters: state, code, iss or error.
            client: Where the request comes from.

        Raises SignInFailed (with what the provider said), PermissionDenied (not a member, or not of its domains),
        ProtocolViolation, and what reaching the provider raises.
        """
        proofs = proofs_of(ticket)
        if not proofs.state_matches(answer.get("state", "")):
            raise SignInRefused(_BEGIN_AGAIN)
        begun = await self._take(ticket, organisation_id)
        settings = await self._settings(organisation_id)
        if settings is None or (settings.issuer, settings.client_id) != (
            begun.details["issuer"],
            begun.details["client_id"],
        ):
            raise SignInRefused(_BEGIN_AGAIN)
        description = await self._providers.describe(settings.issuer)
        _check_answer(answer, description)
        claims = await self._claims(organisation_id, settings, description, proofs, answer["code"])
        arrival = Arrival.of(claims, settings.domains)
        try:
            return await self._let_in(organisation_id, settings, arrival, client)
        except IntegrityError:
            # The same new person twice at once: the second time round the person is known.
            return await self._let_in(organisation_id, settings, arrival, client)

    async def _let_in(
        self, organisation_id: str, settings: SingleSignOnSettings, arrival: Arrival, client: Client
    ) -> Entrance:
        now_ns = self._now_ns()
        new_person_id = token_hex(16)
        prepared = self._sessions.prepare(
            new_person_id, client, Method.SINGLE_SIGN_ON, organisation_id=organisation_id
        )

        def let_in(transaction: Connection) -> None:
            if queries.settings(transaction, organisation_id) != settings:
                raise NotPossible("the organisation's single sign-on was changed at this moment; begin again")
            person, joined = arrived_person(
                transaction, organisation_id, settings, arrival, new_person_id, now_ns
            )
            if joined:
                self._auditor.record(
                    transaction,
                    Actor(organisation_id, ActorKind.PERSON, person.id, person.email, frozenset()),
                    Action.PERSON_JOINED,
                    f"person {person.email}",
                    {"role": settings.default_role or "", "by": settings.issuer},
                    now_ns=now_ns,
                )
            self._sessions.begin(transaction, prepared.of_person(person.id), know_device=False)

        await self._database.write(let_in)
        return await self._sessions.entrance(prepared, device=None)

    async def _claims(
        self,
        organisation_id: str,
        settings: SingleSignOnSettings,
        description: Description,
        proofs: Proofs,
        code: str,
    ) -> dict[str, Any]:
        try:
            client_secret = await self._vault.fetch(
                vault_holder(organisation_id), _owner(organisation_id), _FIELD
            )
        except NotFound:
            client_secret = None  # a public client: PKCE alone protects the code
        tokens = await self._providers.redeem(
            description,
            client_id=settings.client_id,
            client_secret=client_secret,
            code=Secret(code),
            verifier=proofs.verifier,
            redirect_uri=self._site.single_sign_on_return(organisation_id),
        )
        keys = await self._providers.keys(settings.issuer, wanted=key_wanted(tokens.id_token))
        expected = Expected(settings.issuer, settings.client_id, proofs.nonce)
        claims = verified_claims(tokens.id_token, tokens.access_token, keys, expected, self._now())
        if "email" not in claims:
            claims |= await self._providers.userinfo(description, tokens.access_token, claims["sub"])
        return claims

    async def _take(self, ticket: Secret, organisation_id: str) -> Ticket:
        now_ns = self._now_ns()
        taken = await self._database.write(
            lambda transaction: tickets.take(transaction, hashed(ticket), Purpose.SINGLE_SIGN_ON, now_ns)
        )
        if taken is None or taken.organisation_id != organisation_id:
            raise SignInRefused(_BEGIN_AGAIN)
        return taken

    async def _settings(self, organisation_id: str) -> SingleSignOnSettings | None:
        return await self._database.read(lambda transaction: queries.settings(transaction, organisation_id))

    def _now_ns(self) -> int:
        return int(self._now() * 1e9)


def _require_owner(actor: Actor) -> None:
    actor.require(Permission.OWN)
    if actor.kind is not ActorKind.PERSON:
        raise MayNot("single sign-on is set up by an owner, not by an API key")


def _owner(organisation_id: str) -> str:
    return f"single-sign-on:{organisation_id}"


def _checked(settings: SingleSignOnSettings) -> SingleSignOnSettings:
    domains = tuple(dict.fromkeys(domain_name(domain) for domain in settings.domains))
    if not 1 <= len(domains) <= _MOST_DOMAINS:
        raise NotAcceptable("name the domains of the addresses that may come in, as example.org")
    if settings.default_role is Role.OWNER:
        raise NotAcceptable("nobody becomes an owner by single sign-on; an owner makes owners")
    if not settings.client_id.isprintable() or not 1 <= len(settings.client_id) <= _LONGEST_CLIENT_ID:
        raise NotAcceptable("the client id that the provider gave is missing, or is none")
    if len(settings.issuer) > _LONGEST_ISSUER:
        raise NotAcceptable("the issuer's address is too long")
    return msgspec.structs.replace(settings, domains=domains)


def _check_answer(answer: Mapping[str, str], description: Description) -> None:
    named = answer.get("iss")  # RFC 9207: against answers of one provider that are passed off as another's
    if (named is not None or description.names_itself_in_answers) and named != description.issuer:
        raise ProtocolViolation("the answer does not come from the organisation's provider")
    if "error" in answer:
        said = answer.get("error_description") or answer["error"]
        raise SignInRefused("the organisation's provider did not let you in", said=said)
    if not answer.get("code"):
        raise ProtocolViolation("the provider's answer holds no code")
