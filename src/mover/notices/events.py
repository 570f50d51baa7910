"""What webhooks are told about."""

from __future__ import annotations

import enum


class Event(enum.StrEnum):
    """The events that can be subscribed to."""

    RUN_STARTED = "run.started"
    RUN_ENDED = "run.ended"
    RUN_WAITS_FOR_KEY = "run.waits_for_key"
    MIGRATION_ENDED = "migration.ended"
    CONNECTION_FAILED = "connection.failed"
    TEST = "test"  # sent by hand only
