"""Who acts, in which organisation, and what they may do."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from mover.accounts.refusals import MayNot


class Permission(enum.StrEnum):
    """What an actor can be allowed; also the scopes of API keys."""

    READ = "read"  # see everything of the organisation (never secrets)
    RUN = "run"  # start, pause, resume, cancel, retry
    PLAN = "plan"  # migrations, pairs, maps, schedules
    CONNECT = "connect"  # connections: add, re-authorise, test, delete
    ADMINISTER = "administer"  # people, invitations, API keys, webhooks, settings, audit
    OWN = "own"  # owners, single sign-on, keys of the organisation, its deletion


class Role(enum.StrEnum):
    """What a person is in an organisation. Each role may do all that the ones below it may."""

    OWNER = "owner"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"
    VIEWER = "viewer"

    @property
    def permissions(self) -> frozenset[Permission]:
        """What people of this role may do."""
        match self:
            case Role.OWNER:
                return frozenset(Permission)
            case Role.ADMINISTRATOR:
                return frozenset(Permission) - {Permission.OWN}
            case Role.OPERATOR:
                return frozenset({Permission.READ, Permission.RUN, Permission.PLAN})
            case Role.VIEWER:
                return frozenset({Permission.READ})

    @property
    def is_owner(self) -> bool:
        """Tell whether this is the role that can never be missing."""
        return self is Role.OWNER

    @property
    def granting(self) -> Permission:
        """What one needs to give this role, to take it away, or to remove somebody who has it."""
        return Permission.OWN if self is Role.OWNER else Permission.ADMINISTER


class ActorKind(enum.StrEnum):
    """What kind of thing acts."""

    PERSON = "person"
    API_KEY = "api_key"
    SYSTEM = "system"  # Mover itself: schedules, automatic runs, the command line of the operator
    STAFF = "staff"  # of the installation, with an account apart; has no permission in any organisation


@dataclass(frozen=True)
class Actor:
    """Somebody or something that acts in one organisation.

    Attributes:
        organisation_id: Every query on the actor's behalf is bounded by it.
        kind: Of the one who acts.
        id: The person's, the API key's; for the system a word (`schedule`).
        name: For people: in the audit log, in lists.
        permissions: What they may do now; read anew with each request.
    """

    organisation_id: str
    kind: ActorKind
    id: str
    name: str
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        """Tell whether this is allowed, to show or hide a button; `require` is what protects."""
        return permission in self.permissions

    def require(self, permission: Permission) -> None:
        """Raise PermissionDenied, naming what is missing, unless this is allowed."""
        if permission not in self.permissions:
            raise MayNot(
                f"this needs the permission {permission.value!r}, which {_whose(self)} does not have"
            )


def system_actor(organisation_id: str, what: str) -> Actor:
    """Make the actor for what Mover does by itself in an organisation; it may do everything but what owners decide."""
    return Actor(
        organisation_id, ActorKind.SYSTEM, what, f"Mover ({what})", frozenset(Permission) - {Permission.OWN}
    )


def _whose(actor: Actor) -> str:
    match actor.kind:
        case ActorKind.PERSON:
            return "your role in this organisation"
        case ActorKind.API_KEY:
            return f"the API key {actor.name!r}"
        case ActorKind.SYSTEM:
            return actor.name
        case ActorKind.STAFF:
            return "the staff of this installation"
