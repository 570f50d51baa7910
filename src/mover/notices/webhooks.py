"""The webhooks of an organisation."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mover.accounts.actor import Actor
from mover.database.database import Database
from mover.notices.events import Event
from mover.notices.records import Attempt, Delivery, Webhook
from mover.vault.secret import Secret
from mover.vault.vault import Vault


class Webhooks:
    """Needs ADMINISTER. Secrets are shown once, when they are made."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        allow_plain: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._vault = vault
        self._allow_plain = allow_plain
        self._now_ns = now_ns

    async def create(
        self, actor: Actor, url: str, events: Sequence[Event], *, note: str = ""
    ) -> tuple[Webhook, Secret]:
        """Add a webhook and make its secret (`whsec_...`). Raises InvalidConfiguration."""
        raise NotImplementedError

    async def list(self, actor: Actor) -> list[Webhook]:
        """All of them, oldest first."""
        raise NotImplementedError

    async def get(self, actor: Actor, webhook_id: str) -> Webhook:
        """Find one."""
        raise NotImplementedError

    async def update(
        self,
        actor: Actor,
        webhook_id: str,
        *,
        url: str,
        events: Sequence[Event],
        note: str,
        active: bool,
        version: int | None,
    ) -> Webhook:
        """Change it; making it active again clears why it was stopped. Raises Overtaken."""
        raise NotImplementedError

    async def delete(self, actor: Actor, webhook_id: str) -> None:
        """Remove it with its deliveries and secrets."""
        raise NotImplementedError

    async def rotate(
        self, actor: Actor, webhook_id: str, *, overlap_ns: int = 24 * 3600 * 1_000_000_000
    ) -> tuple[Webhook, Secret]:
        """Make a new secret; for a while messages carry signatures by both."""
        raise NotImplementedError

    async def test(self, actor: Actor, webhook_id: str) -> Delivery:
        """Put a test message into the outbox."""
        raise NotImplementedError

    async def deliveries(
        self, actor: Actor, webhook_id: str, *, before: int | None = None, limit: int = 50
    ) -> list[Delivery]:
        """Deliveries with ids below `before`, newest first."""
        raise NotImplementedError

    async def attempts(self, actor: Actor, delivery_id: int) -> list[Attempt]:
        """All tries of a delivery, oldest first."""
        raise NotImplementedError

    async def redeliver(self, actor: Actor, delivery_id: int) -> Delivery:
        """Send a message again, under the same id. Raises NotPossible while it waits anyway."""
        raise NotImplementedError
