"""The start page: what is going on, and what to do next."""

from __future__ import annotations

from collections import Counter
from typing import Any

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.migrations.states import Status
from mover.web.routes.migrations import connection_names
from mover.web.routes.pairs import pairs_of_runs
from mover.web.visit import Visit
from mover.web.ways import Way

_RECENT = 8


async def home(visit: Visit) -> Response:
    """Show it."""
    return visit.page(
        "home.html",
        place="home",
        live=False,
        **await _state(visit),
        connections=await connection_names(visit),
    )


async def _state(visit: Visit) -> dict[str, Any]:
    services = visit.house.services
    migrations = await services.migrations.list(visit.actor, limit=_RECENT)
    summaries = {one.id: await services.pairs.summary(visit.actor, one.id) for one in migrations.items}
    scanned = {one.id: await services.pairs.only_scanned(visit.actor, one.id) for one in migrations.items}
    total: Counter[Status] = Counter()
    for summary in summaries.values():
        total.update(summary)
    runs = await services.runs.page(visit.actor, limit=_RECENT)
    return {
        "migrations": migrations,
        "summaries": summaries,
        "scanned": scanned,
        "total": total,
        "runs": runs.items,
        "pairs": await pairs_of_runs(visit, runs.items),
    }


async def live(visit: Visit) -> Response:
    """What is going on, whenever it changes."""

    async def pieces(again: Visit) -> dict[str, str]:
        state = await _state(again)
        names = await connection_names(again)
        return {
            name: again.part(f"parts/home_{name}.html", live=True, connections=names, **state)
            for name in ("figures", "migrations", "runs")
        }

    return await visit.live(pieces)


WAYS = (
    Way("GET", "/", Permission.READ, home),
    Way("GET", "/live", Permission.READ, live),
)
