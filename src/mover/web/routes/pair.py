"""One pair: what is going on, charts, its log, what went wrong, its runs, notes and options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.errors import InvalidConfiguration, Reason
from mover.ledger import states as ledger
from mover.ledger.states import ItemState, RunMode
from mover.migrations.given.wanted import wanted_by
from mover.migrations.options import effective
from mover.migrations.records import Migration, NewPair, Pair, PairRun
from mover.migrations.refusals import Overtaken
from mover.migrations.selection import Selection
from mover.migrations.states import RunCode, RunState, Status
from mover.reports.estimate import calls_told, time_told
from mover.web import charts, words
from mover.web.forms import Form, sentence
from mover.web.options_form import OPTION_FIELDS, blame_options, options_values, read_options, shown_options
from mover.web.routes.folders import as_typed, chosen_path
from mover.web.routes.migrations import connection_names
from mover.web.visit import Visit
from mover.web.ways import Way

_PLACE = "migrations"
_GROUPS: dict[str, tuple[ItemState, ...]] = {
    "moved": tuple(sorted(ledger.MOVED)),
    "skipped": tuple(sorted(ledger.SKIPPED)),
    "problems": tuple(sorted(ledger.PROBLEMS)),
    "open": tuple(sorted(ledger.OPEN)),
}
_GROUP_WORDS = (
    ("", "All items"),
    ("moved", "Moved"),
    ("skipped", "Passed over"),
    ("problems", "Problems"),
    ("open", "Still to do"),
)
_OUTCOMES = (
    ("Copied", "good", ledger.MOVED),
    ("Passed over", "idle", ledger.SKIPPED),
    ("Still to do", "active", ledger.OPEN),
    ("Not supported or in conflict", "warn", frozenset({ItemState.UNSUPPORTED, ItemState.CONFLICT})),
    ("Failed", "bad", frozenset({ItemState.FAILED})),
)
_TO_COME = "Would be copied"
_LONGEST_BIGINT = 18
_KNOWN_AFTER_S = 5  # before that a pace is none


@dataclass(frozen=True)
class Subject:
    """A pair with what is around it; `run` is the one that is looked at."""

    pair: Pair
    migration: Migration
    run: PairRun | None


async def subject_of(visit: Visit) -> Subject:
    """The pair that a page is about, with the run that is asked for, else its last one."""
    services = visit.house.services
    pair = await services.pairs.get(visit.actor, number(visit.parameter("pair_id")))
    migration = await services.migrations.get(visit.actor, pair.migration_id)
    wanted = visit.query("run")
    run_id = number(wanted) if wanted.isdecimal() else pair.last_run_id
    run = await services.runs.get(visit.actor, run_id) if run_id else None
    if run is not None and run.pair_id != pair.id:
        run = None
    return Subject(pair, migration, run)


def waits_for_keys(pair: Pair) -> bool:
    """Whether the pair's run goes on as soon as keys are given."""
    return pair.status is Status.PAUSED and pair.code == RunCode.KEY_NEEDED


def number(text: str) -> int:
    """An id from an address; 0, which nothing has, for what is none."""
    return int(text) if text.isdecimal() and len(text) <= _LONGEST_BIGINT else 0


async def shared_parts(visit: Visit, subject: Subject, tab: str) -> dict[str, Any]:
    """What all pages about a pair show."""
    run = subject.run
    return {
        "pair": subject.pair,
        "migration": subject.migration,
        "run": run,
        "tab": tab,
        "connections": await connection_names(visit),
        "standing": _status(subject),
        "live": False,
        "needs_keys": bool(wanted_by(effective(subject.migration.options, subject.pair.options))),
        "waits_for_keys": waits_for_keys(subject.pair)
        and (run is None or run.id == subject.pair.last_run_id),
    }


def _status(subject: Subject) -> Status:
    return subject.run.status if subject.run else subject.pair.status


async def _figures(visit: Visit, run: PairRun) -> dict[str, Any]:
    services = visit.house.services
    samples = await services.runs.throughput(visit.actor, run.id)
    outcomes = await services.runs.outcomes(visit.actor, run.id)
    elapsed_s = _elapsed_s(run, visit.house.now_ns())
    # The counts of a run under way are some seconds old, the ledger is not.
    begun = {state: count for state, count in outcomes.items() if state not in ledger.OPEN}
    counts = run.counts
    counted = counts.files_copied + counts.files_skipped + counts.files_failed
    return {
        "throughput": charts.throughput([(one.at_ns, one.bytes) for one in samples]),
        "outcomes": charts.parts(
            [
                (
                    _TO_COME if run.mode is RunMode.SCAN and group is ledger.OPEN else label,
                    tone,
                    sum(outcomes.get(state, 0) for state in group),
                )
                for label, tone, group in _OUTCOMES
            ]
        ),
        "done": max(counted, sum(begun.values())),
        "seen": max(counts.files_seen, sum(outcomes.values())),
        "moved": max(counts.files_copied, sum(outcomes.get(state, 0) for state in ledger.MOVED)),
        "elapsed_s": elapsed_s,
        "remaining_s": _remaining_s(run, elapsed_s),
        "costs": await _costs(visit, run),
    }


async def _costs(visit: Visit, run: PairRun) -> dict[str, str]:
    """What the move that was looked at will cost, in sentences; empty where that is not known yet."""
    if run.mode is not RunMode.SCAN or run.state is not RunState.ENDED:
        return {}
    found = await visit.house.services.runs.estimate(visit.actor, run.id)
    return {} if found is None else {"Calls": calls_told(found), "Time": time_told(found)}


def _elapsed_s(run: PairRun, now_ns: int) -> float:
    """How long it has been worked on; that of a slice under way is counted from the run's start."""
    if run.active_ns or run.started_ns is None or run.state is RunState.ENDED:
        return run.active_ns / 1e9
    return max(0, now_ns - run.started_ns) / 1e9


def _remaining_s(run: PairRun, elapsed_s: float) -> float | None:
    """How long it will still take, by its pace so far; None while nobody can know."""
    counts = run.counts
    done = counts.bytes_copied + counts.bytes_skipped + counts.bytes_failed
    if (
        run.state is not RunState.RUNNING
        or not done
        or elapsed_s < _KNOWN_AFTER_S
        or done >= counts.bytes_seen
    ):
        return None
    return (counts.bytes_seen - done) / (done / elapsed_s)


async def overview(visit: Visit) -> Response:
    """Show what is going on."""
    subject = await subject_of(visit)
    services = visit.house.services
    figures = await _figures(visit, subject.run) if subject.run else {}
    problems = await services.runs.problems(visit.actor, subject.run.id) if subject.run else []
    options = effective(subject.migration.options, subject.pair.options)
    return visit.page(
        "pair_overview.html",
        place=_PLACE,
        **await shared_parts(visit, subject, "overview"),
        **figures,
        problems=problems,
        options=shown_options(options),
        schedules=await services.schedules.list(visit.actor, subject.migration.id),
    )


async def live(visit: Visit) -> Response:
    """What is going on, whenever it changes."""

    async def pieces(again: Visit) -> dict[str, str]:
        subject = await subject_of(again)
        shared = await shared_parts(again, subject, "overview")
        found = {
            name: again.part(f"parts/pair_{name}.html", **(shared | {"live": True}))
            for name in ("status", "actions")
        }
        if subject.run:
            figures = await _figures(again, subject.run)
            for name in ("figures", "charts"):
                found[name] = again.part(f"parts/pair_{name}.html", **(shared | figures | {"live": True}))
        return found

    return await visit.live(pieces)


async def items(visit: Visit) -> Response:
    """Show the log: an item a row."""
    subject = await subject_of(visit)
    group, reason, text = visit.query("group"), visit.query("reason"), visit.query("text")
    page = None
    if subject.run:
        page = await visit.house.services.runs.items(
            visit.actor,
            subject.run.id,
            states=_GROUPS.get(group),
            reason=reason if reason in set(Reason) else None,
            text=text,
            cursor=visit.query("cursor") or None,
            limit=100,
        )
    return visit.page(
        "pair_items.html",
        place=_PLACE,
        **await shared_parts(visit, subject, "items"),
        page=page,
        form=Form({"group": group, "reason": reason, "text": text}),
        groups=_GROUP_WORDS,
        reasons=[("", "Any reason"), *words.reasons()],
    )


async def problems(visit: Visit) -> Response:
    """Show what went wrong, by reason, with what to do."""
    subject = await subject_of(visit)
    found = await visit.house.services.runs.problems(visit.actor, subject.run.id) if subject.run else []
    return visit.page(
        "pair_problems.html", place=_PLACE, **await shared_parts(visit, subject, "problems"), problems=found
    )


async def runs(visit: Visit) -> Response:
    """Show all runs of the pair."""
    subject = await subject_of(visit)
    page = await visit.house.services.runs.page(
        visit.actor, pair_id=subject.pair.id, cursor=visit.query("cursor") or None
    )
    return visit.page("pair_runs.html", place=_PLACE, **await shared_parts(visit, subject, "runs"), page=page)


async def settings(visit: Visit) -> Response:
    """Show what was decided about the pair."""
    subject = await subject_of(visit)
    pair = subject.pair
    form = Form(
        options_values(pair.options)
        | {
            "source": pair.source_connection_id,
            "destination": pair.destination_connection_id,
            "source_path": as_typed(pair.source_path),
            "destination_path": as_typed(pair.destination_path),
            "tags": ", ".join(pair.tags),
            "notes": pair.notes,
            "priority": str(pair.priority),
            "version": str(pair.version),
        }
    )
    return await _settings(visit, subject, form)


async def _settings(visit: Visit, subject: Subject, form: Form) -> Response:
    show = visit.again if form.faults else visit.page
    return show(
        "pair_settings.html", place=_PLACE, **await shared_parts(visit, subject, "settings"), form=form
    )


async def change(visit: Visit) -> Response:
    """Decide something else about the pair."""
    subject = await subject_of(visit)
    pair = subject.pair
    form = visit.filled_in(
        "source",
        "destination",
        "source_path",
        "destination_path",
        "tags",
        "notes",
        "priority",
        "version",
        *OPTION_FIELDS,
    )
    priority = form.values["priority"].strip() or "0"
    if not priority.removeprefix("-").isdecimal() or len(priority) > 4:  # noqa: PLR2004 - from -100 to 100
        form.faults["priority"] = "Priority: type a number from -100 to 100."
        return await _settings(visit, subject, form)
    kept = {side: getattr(pair, f"{side}_path") for side in ("source", "destination")}
    try:
        new = NewPair(
            # A path that a text field cannot hold stays what it is unless it was changed.
            **{
                f"{side}_path": kept[side]
                if as_typed(kept[side]) == visit.text(f"{side}_path").strip()
                else chosen_path(visit.data, side)
                for side in kept
            },
            source_connection_id=visit.text("source") or None,
            destination_connection_id=visit.text("destination") or None,
            tags=tuple(tag.strip() for tag in visit.text("tags").split(",") if tag.strip()),
            notes=visit.text("notes").strip(),
            options=read_options(form),
            queue=pair.queue,
            priority=int(priority),
        )
        version = number(form.values["version"]) or pair.version
        await visit.house.services.pairs.update(visit.actor, pair.id, new, version=version)
    except Overtaken as error:
        form.faults[""] = f"{sentence(error)} Load the page again to see what is there now."
        return await _settings(visit, subject, form)
    except InvalidConfiguration as error:
        blame_options(form, error)
        return await _settings(visit, subject, form)
    return visit.go(f"/pairs/{pair.id}", "The settings are saved.")


async def act(visit: Visit) -> Response:
    """Start, scan, pause, resume, cancel or retry."""
    services, actor = visit.house.services, visit.actor
    pair = await services.pairs.get(actor, number(visit.parameter("pair_id")))
    chosen = Selection.these(pair.migration_id, pair.id)
    match visit.text("act"):
        case "start":
            done = (await services.runs.start(actor, chosen)).started
            said = "The move begins."
        case "scan":
            done = (await services.runs.start(actor, chosen, RunMode.SCAN)).started
            said = "The scan begins. Nothing is copied."
        case "retry":
            done = (await services.runs.retry_failed(actor, chosen)).started
            said = "What failed is tried again."
        case "pause":
            done, said = (
                await services.runs.pause(actor, chosen),
                "It pauses after the files that are under way.",
            )
        case "resume":
            done, said = await services.runs.resume(actor, chosen), "It goes on."
        case "cancel":
            done, said = (
                await services.runs.cancel(actor, chosen),
                "It ends after the files that are under way.",
            )
        case _:
            raise InvalidConfiguration("this page does not know what to do; load it again")
    await visit.house.nudge(actor)
    if not done:
        return visit.go(
            f"/pairs/{pair.id}", "There was nothing to do: its state has changed meanwhile.", tone="bad"
        )
    return visit.go(f"/pairs/{pair.id}", said)


WAYS = (
    Way("GET", "/pairs/{pair_id}", Permission.READ, overview),
    Way("POST", "/pairs/{pair_id}", Permission.RUN, act),
    Way("GET", "/pairs/{pair_id}/live", Permission.READ, live),
    Way("GET", "/pairs/{pair_id}/items", Permission.READ, items),
    Way("GET", "/pairs/{pair_id}/problems", Permission.READ, problems),
    Way("GET", "/pairs/{pair_id}/runs", Permission.READ, runs),
    Way("GET", "/pairs/{pair_id}/settings", Permission.PLAN, settings),
    Way("POST", "/pairs/{pair_id}/settings", Permission.PLAN, change),
)
