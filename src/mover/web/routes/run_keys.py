"""Private keys and passwords for one run: a page that takes them, hands them on, and never shows them again."""

from __future__ import annotations

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.errors import InvalidConfiguration
from mover.ledger.states import RunMode
from mover.migrations.given.wanted import GivenKeys, Wanted, wanted_by
from mover.migrations.options import effective
from mover.migrations.records import Migration, Pair
from mover.migrations.refusals import NotPossible
from mover.migrations.selection import Selection
from mover.vault.secret import Secret
from mover.web.forms import Form
from mover.web.routes.migrations import runs_that_wait
from mover.web.routes.pair import number, waits_for_keys
from mover.web.spelling import counted
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "migrations"
_FIELDS = {one.value: one.value for one in Wanted}
_MODES = {"start": RunMode.COPY, "scan": RunMode.SCAN, "verify": RunMode.VERIFY}


async def form(visit: Visit) -> Response:
    """Ask for the keys of a pair, or of all pairs of a migration that need some."""
    migration, pair = await _subject(visit, visit.query("pair"))
    return await _page(visit, migration, pair, Form())


async def give(visit: Visit) -> Response:
    """Start with these keys, or give them to the runs that wait for them."""
    migration, pair = await _subject(visit, visit.text("pair"))
    chosen = Selection.these(migration.id, pair.id) if pair else Selection.matching(migration.id, "")
    runs, act = visit.house.services.runs, visit.text("act")
    shown = Form()
    try:
        keys = _keys(visit)
        if act in _MODES:
            done = (await runs.start(visit.actor, chosen, _MODES[act], keys=keys)).started
            said = f"{counted(done, 'pair')} started."
        else:
            done = await runs.give_keys(visit.actor, chosen, keys)
            said = f"{counted(done, 'run')} will go on."
    except (InvalidConfiguration, NotPossible) as error:
        shown.blame(error, fields=_FIELDS)
        return await _page(visit, migration, pair, shown)
    if not done:
        shown.faults[""] = (
            "Nothing was done: no run waits for these keys."
            if act not in _MODES
            else "Nothing was started: a run is under way already. If it waits for its key, give it."
        )
        return await _page(visit, migration, pair, shown)
    await visit.house.nudge(visit.actor)
    return visit.go(f"/pairs/{pair.id}" if pair else f"/migrations/{migration.id}", said)


async def _subject(visit: Visit, pair_id: str) -> tuple[Migration, Pair | None]:
    services = visit.house.services
    migration = await services.migrations.get(visit.actor, visit.parameter("migration_id"))
    if not pair_id:
        return migration, None
    pair = await services.pairs.get(visit.actor, number(pair_id))
    return await services.migrations.get(visit.actor, pair.migration_id), pair


def _keys(visit: Visit) -> GivenKeys:
    given = {one.value: visit.text(one.value).replace("\r\n", "\n").strip("\n") for one in Wanted}
    return GivenKeys(**{name: Secret(text) for name, text in given.items() if text.strip()})


async def _page(visit: Visit, migration: Migration, pair: Pair | None, form: Form) -> Response:
    if pair is not None:
        wanted = wanted_by(effective(migration.options, pair.options))
        waiting = int(waits_for_keys(pair))
    else:
        wanted = frozenset(Wanted)
        everything = await visit.house.services.pairs.summary(visit.actor, migration.id)
        waiting = await runs_that_wait(visit, migration.id, everything)
    show = visit.again if form.faults else visit.page
    return show(
        "run_keys.html",
        place=_PLACE,
        migration=migration,
        pair=pair,
        form=form,
        wanted=[one.value for one in Wanted if one in wanted],
        waits=pair is None or bool(waiting),
        waiting=waiting,
    )


WAYS = (
    Way("GET", "/migrations/{migration_id}/keys", Permission.RUN, form),
    Way("POST", "/migrations/{migration_id}/keys", Permission.RUN, give),
)
