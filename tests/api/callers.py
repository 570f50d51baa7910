"""Callers as a door would let them in, without a door."""

from __future__ import annotations

from mover.accounts.actor import Actor, ActorKind, Permission
from mover.accounts.records import Client
from mover.api.admitted import Admitted
from mover.vault.secret import Secret

ORGANISATION = "a" * 32


def an_actor(*permissions: Permission, organisation_id: str = ORGANISATION, id: str = "k" * 32) -> Actor:  # noqa: A002 - the actor's own word
    return Actor(organisation_id, ActorKind.API_KEY, id, "a key", frozenset(permissions or Permission))


def a_caller(credential: str = "mvr_a_credential", actor: Actor | None = None) -> Admitted:
    return Admitted(actor or an_actor(), Secret(credential), Client("192.0.2.7"))
