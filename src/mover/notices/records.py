"""Values of the notices. Times in nanoseconds since 1970 UTC."""

from __future__ import annotations

import enum

import msgspec

from mover.notices.events import Event


class DeliveryState(enum.StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook. `stopped_reason` says why Mover stopped it by itself; `previous_until_ns` how long the old secret signs as well."""

    id: str
    organisation_id: str
    url: str
    events: tuple[Event, ...]
    note: str
    active: bool
    stopped_reason: str
    previous_until_ns: int | None
    version: int
    created_ns: int
    changed_ns: int


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try to deliver. `status` is the HTTP status, None without an answer."""

    at_ns: int
    took_ns: int
    status: int | None
    message: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A message for a webhook. `message_id` stays the same for every attempt."""

    id: int
    webhook_id: str
    message_id: str
    event: Event
    body: str
    state: DeliveryState
    attempts: int
    status: int | None
    message: str
    created_ns: int
    due_ns: int
    ended_ns: int | None
