"""Single sign-on by OpenID Connect: an organisation's own provider says who somebody is, for this organisation only."""

from __future__ import annotations

from dataclasses import dataclass

from mover.accounts.actor import Actor
from mover.accounts.records import Client, Entrance, SingleSignOnSettings
from mover.vault.secret import Secret


@dataclass(frozen=True)
class Departure:
    """Where the browser goes, and the ticket that it keeps in a cookie until it comes back (ten minutes, one use)."""

    url: str
    ticket: Secret


class SingleSignOn:
    """OpenID Connect with authorization code and PKCE. A session made here never leaves its organisation."""

    async def settings(self, actor: Actor) -> SingleSignOnSettings | None:
        """The organisation's settings, without the client secret. Needs ADMINISTER."""
        raise NotImplementedError

    async def configure(
        self, actor: Actor, settings: SingleSignOnSettings, client_secret: Secret | None
    ) -> None:
        """Set it up; asks the provider for its description first. `client_secret` None keeps the present one.

        Needs OWN. Raises InvalidConfiguration, and what reaching the provider raises.
        """
        raise NotImplementedError

    async def remove(self, actor: Actor) -> None:
        """Stop using it; who came in by it is signed out. Needs OWN. Idempotent."""
        raise NotImplementedError

    async def offered_for(self, email: str) -> str | None:
        """Name the organisation (its id) whose provider an address belongs to, by its domain; None if there is none."""
        raise NotImplementedError

    async def begin(self, organisation_id: str, client: Client) -> Departure:
        """Send somebody to the organisation's provider. Raises NotFound, Throttled, and what reaching it raises."""
        raise NotImplementedError

    async def finish(self, ticket: Secret, answer: dict[str, str], client: Client) -> Entrance:
        """Somebody comes back with the provider's `answer` (the query's parameters: state, code, iss or error).

        Raises SignInFailed (with what the provider said), PermissionDenied (not a member, or not of its domains),
        ProtocolViolation, and what reaching the provider raises.
        """
        raise NotImplementedError
