"""What all pages share: the services, the static files, and what renders templates."""

from __future__ import annotations

from dataclasses import dataclass

from mover.accounts.actor import Actor
from mover.api.problems import ServiceRefused, problem_of_service
from mover.api.services import Services
from mover.errors import MoverError
from mover.web.assets import Assets
from mover.web.live import Live
from mover.web.rendering import Renderer


@dataclass(frozen=True)
class House:
    """Made once, when the application is.

    Attributes:
        services: All that can be done.
        assets: Static files.
        renderer: Templates to text.
        live: Streams of what changes.
    """

    services: Services
    assets: Assets
    renderer: Renderer
    live: Live

    def now_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return int(self.services.now() * 1_000_000_000)

    async def nudge(self, actor: Actor) -> None:
        """Tell the runners that there is something to do."""
        await self.services.nudging.nudge(actor.organisation_id)


def advice(error: MoverError) -> str:
    """What a person can do about an error of a connected service."""
    return problem_of_service(ServiceRefused(error)).advice
