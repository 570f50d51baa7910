"""The pairs of a migration: the table with filter, order, columns and saved views; bulk actions; CSV; discovery."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus

from starlette.responses import Response

from mover.accounts.actor import Permission
from mover.api.problems import ServiceRefused
from mover.api.streams import csv_download
from mover.errors import InvalidConfiguration
from mover.ledger.states import RunMode
from mover.migrations.given.wanted import wanted_by
from mover.migrations.imports import ImportKind
from mover.migrations.records import Migration, NewPair, Page, Pair, PairRun, StartResult
from mover.migrations.refusals import FilterMistake, NotPossible
from mover.migrations.selection import Selection
from mover.web.forms import Form, sentence
from mover.web.house import advice
from mover.web.pair_table import COLUMNS, PAGE_SIZES, Shown
from mover.web.routes.folders import chosen_path
from mover.web.routes.migrations import connection_names, runs_that_wait
from mover.web.routes.pair import number
from mover.web.spelling import counted
from mover.web.visit import Visit
from mover.web.ways import LARGEST_FILE_BYTES, Way

_PLACE = "migrations"
_PIECE = 64 * 1024
_AT_ONCE = 50  # ids in one filter: it has a longest length


async def _migration(visit: Visit) -> Migration:
    return await visit.house.services.migrations.get(visit.actor, visit.parameter("migration_id"))


async def pairs_of_runs(visit: Visit, runs: Iterable[PairRun]) -> dict[int, Pair]:
    """The pairs that some runs are of, by id: one question a migration."""
    ids: dict[str, set[int]] = {}
    for run in runs:
        ids.setdefault(run.migration_id, set()).add(run.pair_id)
    found: dict[int, Pair] = {}
    for migration_id, wanted in ids.items():
        shown_filter = f"id:{','.join(map(str, sorted(wanted)))}"
        page = await visit.house.services.pairs.page(
            visit.actor, migration_id, filter=shown_filter, limit=len(wanted)
        )
        found |= {pair.id: pair for pair in page.items}
    return found


async def pairs(visit: Visit) -> Response:
    """Show the table, or its rows alone when only they change."""
    migration = await _migration(visit)
    services = visit.house.services
    views = await services.views.list(visit.actor)
    shown = Shown.read(visit.request.query_params, visit.request.query_params.getlist("column"))
    view = next((one for one in views if one.id == visit.query("view")), None)
    if view is not None:
        shown = Shown(view.filter, view.sort, view.descending, tuple(view.columns) or shown.columns)
    form = Form({"filter": shown.filter})
    page: Page[Pair]
    try:
        page = await services.pairs.page(
            visit.actor,
            migration.id,
            filter=shown.filter,
            sort=shown.sort,
            descending=shown.descending,
            cursor=shown.cursor or None,
            limit=shown.limit,
        )
        summary = await services.pairs.summary(visit.actor, migration.id, filter=shown.filter)
    except FilterMistake as error:
        form.faults["filter"] = sentence(error)
        page, summary = Page(items=(), next=None, total=0), {}
    except InvalidConfiguration as error:
        if not shown.cursor:
            raise
        return visit.go(visit.request.url.path + shown.after("").query, sentence(error), tone="bad")
    everything = await services.pairs.summary(visit.actor, migration.id)
    waiting = await runs_that_wait(visit, migration.id, everything)
    scans = await services.runs.scans(visit.actor, _last_runs(page))
    return visit.page(
        "pairs.html",
        place=_PLACE,
        migration=migration,
        form=form,
        shown=shown,
        live=False,
        page=page,
        scans=scans,
        needs_keys=bool(wanted_by(migration.options)),
        summary=summary,
        everything=everything,
        scanned=await services.pairs.only_scanned(visit.actor, migration.id),
        waiting=waiting,
        columns=COLUMNS,
        sizes=PAGE_SIZES,
        views=views,
        view=view,
        connections=await connection_names(visit),
    )


def _last_runs(page: Page[Pair]) -> list[int]:
    return [pair.last_run_id for pair in page.items if pair.last_run_id is not None]


def selection(visit: Visit, migration_id: str) -> Selection:
    """The pairs that were chosen: those that were ticked, or all that match the filter. Raises InvalidConfiguration."""
    if visit.text("everything") == "yes":
        return Selection.matching(migration_id, visit.text("filter"))
    ids = [int(text) for text in visit.texts("pair") if text.isdecimal() and len(text) < 19]  # noqa: PLR2004 - a BIGINT
    if not ids:
        raise InvalidConfiguration("no pair was chosen")
    return Selection.these(migration_id, *ids)


async def bulk(visit: Visit) -> Response:
    """Do something with the pairs that were chosen."""
    migration = await _migration(visit)
    back = f"/migrations/{migration.id}{visit.text('back') if visit.text('back').startswith('?') else ''}"
    try:
        chosen = selection(visit, migration.id)
    except InvalidConfiguration:
        return visit.go(back, "Choose some pairs first.", tone="bad")
    if visit.text("act") == "delete" and visit.text("sure") != "yes":
        return visit.page(
            "pairs_delete.html",
            place=_PLACE,
            migration=migration,
            ids=visit.texts("pair"),
            everything=visit.text("everything"),
            filter=visit.text("filter"),
            back=back,
            query=visit.text("back"),
        )
    said = await _done(visit, chosen, visit.text("act"))
    return visit.go(back, said)


async def _done(visit: Visit, chosen: Selection, act: str) -> str:
    services, actor = visit.house.services, visit.actor
    match act:
        case "start":
            said = _started(await services.runs.start(actor, chosen), "start")
        case "scan":
            said = _started(await services.runs.start(actor, chosen, RunMode.SCAN), "are looked through")
        case "verify":
            said = _started(await services.runs.start(actor, chosen, RunMode.VERIFY), "are checked")
        case "retry":
            said = _started(await services.runs.retry_failed(actor, chosen), "try their failed files again")
        case "pause":
            said = f"{counted(await services.runs.pause(actor, chosen), 'pair')} will pause."
        case "resume":
            said = f"{counted(await services.runs.resume(actor, chosen), 'pair')} will go on."
        case "cancel":
            said = f"{counted(await services.runs.cancel(actor, chosen), 'pair')} will be canceled."
        case "tag" | "untag":
            return await _tagged(visit, chosen, act)
        case "duplicate":
            return f"{counted(await services.pairs.duplicate(actor, chosen), 'copy', 'copies')} added."
        case "delete":
            return f"{counted(await services.pairs.delete(actor, chosen), 'pair')} deleted."
        case _:
            raise InvalidConfiguration("this page does not know what to do; load it again")
    await visit.house.nudge(actor)
    return said


def _started(result: StartResult, words: str) -> str:
    said = f"{counted(result.started, 'pair')} {words}."
    if result.already_running:
        said += f" {counted(result.already_running, 'pair')} were running already."
    return said


async def _tagged(visit: Visit, chosen: Selection, act: str) -> str:
    tags = [tag.strip() for tag in visit.text("tags").split(",") if tag.strip()]
    if not tags:
        raise InvalidConfiguration("type a tag first")
    add, remove = (tags, ()) if act == "tag" else ((), tags)
    changed = await visit.house.services.pairs.tag(visit.actor, chosen, add=add, remove=remove)
    return f"{counted(changed, 'pair')} changed."


async def export(visit: Visit) -> Response:
    """The pairs that match, as CSV; it can be changed and imported again."""
    migration = await _migration(visit)
    lines = visit.house.services.pairs.export_csv(visit.actor, migration.id, filter=visit.query("filter"))
    return await csv_download(lines, f"pairs-{migration.id}")


async def save_view(visit: Visit) -> Response:
    """Keep filter, order and columns under a name."""
    migration = await _migration(visit)
    shown = Shown.read({name: visit.text(name) for name in ("filter", "sort", "order", "columns")})
    back = f"/migrations/{migration.id}{shown.query}"
    if not visit.text("name").strip():
        return visit.go(back, "Give the view a name.", tone="bad")
    view = await visit.house.services.views.save(
        visit.actor,
        visit.text("name").strip(),
        filter=shown.filter,
        sort=shown.sort,
        descending=shown.descending,
        columns=shown.columns,
        shared=visit.text("shared") == "yes" and visit.may(Permission.PLAN),
    )
    return visit.go(f"/migrations/{migration.id}?view={view.id}", f"The view “{view.name}” is saved.")


async def delete_view(visit: Visit) -> Response:
    """Forget a view."""
    migration = await _migration(visit)
    await visit.house.services.views.delete(visit.actor, visit.text("view"))
    return visit.go(f"/migrations/{migration.id}", "The view is deleted.")


async def new_pairs(visit: Visit) -> Response:
    """Offer the ways to add pairs."""
    return await _adding(visit, await _migration(visit), Form({"source_path": "/", "destination_path": "/"}))


async def _adding(visit: Visit, migration: Migration, form: Form) -> Response:
    show = visit.again if form.faults else visit.page
    return show(
        "pairs_new.html",
        place=_PLACE,
        migration=migration,
        form=form,
        connections=await connection_names(visit),
    )


async def add_pair(visit: Visit) -> Response:
    """Add one pair by hand."""
    migration = await _migration(visit)
    form = visit.filled_in("source_path", "destination_path", "tags", "notes")
    try:
        pair = NewPair(
            source_path=chosen_path(visit.data, "source"),
            destination_path=chosen_path(visit.data, "destination"),
            tags=tuple(tag.strip() for tag in visit.text("tags").split(",") if tag.strip()),
            notes=visit.text("notes").strip(),
        )
        await visit.house.services.pairs.add(visit.actor, migration.id, [pair])
    except InvalidConfiguration as error:
        form.blame(error, fields={"source": "source_path", "destination": "destination_path", "tag": "tags"})
        return await _adding(visit, migration, form)
    return visit.go(f"/migrations/{migration.id}", "The pair is added.")


async def discover(visit: Visit) -> Response:
    """Propose pairs: people, sites or folders of both sides that belong together."""
    migration = await _migration(visit)
    problem, matches = "", []
    try:
        matches = await visit.house.services.discovery.propose(visit.actor, migration.id)
    except ServiceRefused as refused:
        problem = f"{sentence(refused.error)} {advice(refused.error)}"
    return visit.page(
        "pairs_discover.html", place=_PLACE, migration=migration, matches=matches, problem=problem
    )


async def add_discovered(visit: Visit) -> Response:
    """Add the proposed pairs that were chosen."""
    migration = await _migration(visit)
    matches = await visit.house.services.discovery.propose(visit.actor, migration.id)
    wanted = set(visit.texts("match"))
    new = [
        NewPair(source_path=match.source_path, destination_path=match.destination_path)
        for n, match in enumerate(matches)
        if match.destination_path and f"{n}:{match.source_path}".encode("utf-8", "replace").decode() in wanted
    ]
    if not new:
        return visit.go(
            f"/migrations/{migration.id}/pairs/discover", "Choose some folders first.", tone="bad"
        )
    await visit.house.services.pairs.add(visit.actor, migration.id, new)
    return visit.go(f"/migrations/{migration.id}", f"{counted(len(new), 'pair')} added.")


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for begin in range(0, len(content), _PIECE):
        yield content[begin : begin + _PIECE]


async def import_pairs(visit: Visit) -> Response:
    """Read a CSV file, and show what it would do."""
    migration = await _migration(visit)
    content = await visit.upload("file")
    if content is None and visit.text("pasted").strip():
        content = visit.text("pasted").encode("utf-8", "replace")
    if not content:
        form = Form(faults={"file": "Choose a file, or paste its lines."})
        return await _adding(visit, migration, form)
    kind = ImportKind.UPDATE if visit.text("kind") == ImportKind.UPDATE else ImportKind.ADD
    preview = await visit.house.services.imports.read(visit.actor, migration.id, kind, _pieces(content))
    return visit.go(f"/migrations/{migration.id}/imports/{preview.id}")


async def import_preview(visit: Visit) -> Response:
    """Show what a file would do, with its errors by line."""
    migration = await _migration(visit)
    preview = await visit.house.services.imports.preview(visit.actor, visit.parameter("import_id"))
    return visit.page("pairs_import.html", place=_PLACE, migration=migration, preview=preview)


async def apply_import(visit: Visit) -> Response:
    """Do what the file says."""
    migration = await _migration(visit)
    try:
        count = await visit.house.services.imports.apply(visit.actor, visit.parameter("import_id"))
    except NotPossible as error:
        return visit.go(f"/migrations/{migration.id}", f"{sentence(error)} {error.advice}", tone="bad")
    return visit.go(f"/migrations/{migration.id}", f"{counted(count, 'pair')} imported.")


async def live(visit: Visit) -> Response:
    """The status of the pairs that are shown, whenever it changes."""
    migration = await _migration(visit)
    ids = [id_ for text in visit.query("ids").split(",") if (id_ := number(text))][: max(PAGE_SIZES)]
    columns = visit.query("columns").split(",")
    if not ids:
        return Response(status_code=HTTPStatus.NO_CONTENT)

    async def pieces(again: Visit) -> dict[str, str]:
        services = again.house.services
        found = {}
        for begin in range(0, len(ids), _AT_ONCE):
            some = ids[begin : begin + _AT_ONCE]
            shown_filter = f"id:{','.join(map(str, some))}"
            page = await services.pairs.page(again.actor, migration.id, filter=shown_filter, limit=len(some))
            scans = await services.runs.scans(again.actor, _last_runs(page))
            for pair in page.items:
                found[f"pair-{pair.id}"] = again.part(
                    "parts/pair_cells.html", pair=pair, columns=columns, scans=scans
                )
        everything = await services.pairs.summary(again.actor, migration.id)
        state = {"everything": everything, "migration": migration, "live": True}
        scanned = await services.pairs.only_scanned(again.actor, migration.id)
        found["summary"] = again.part("parts/summary.html", scanned=scanned, **state)
        needs_keys = bool(wanted_by(migration.options))
        found["actions"] = again.part("parts/migration_actions.html", needs_keys=needs_keys, **state)
        waiting = await runs_that_wait(again, migration.id, everything)
        found["waiting"] = again.part("parts/waiting.html", waiting=waiting, migration=migration, live=True)
        return found

    return await visit.live(pieces)


WAYS = (
    Way("GET", "/migrations/{migration_id}", Permission.READ, pairs),
    Way("GET", "/migrations/{migration_id}/live", Permission.READ, live),
    Way("POST", "/migrations/{migration_id}/run", Permission.RUN, bulk),
    Way("POST", "/migrations/{migration_id}/pairs", Permission.PLAN, bulk),
    Way("GET", "/migrations/{migration_id}/export", Permission.READ, export),
    Way("POST", "/migrations/{migration_id}/views", Permission.READ, save_view),
    Way("POST", "/migrations/{migration_id}/views/delete", Permission.READ, delete_view),
    Way("GET", "/migrations/{migration_id}/pairs/new", Permission.PLAN, new_pairs),
    Way("POST", "/migrations/{migration_id}/pairs/new", Permission.PLAN, add_pair),
    Way("GET", "/migrations/{migration_id}/pairs/discover", Permission.PLAN, discover),
    Way("POST", "/migrations/{migration_id}/pairs/discover", Permission.PLAN, add_discovered),
    Way("POST", "/migrations/{migration_id}/imports", Permission.PLAN, import_pairs, LARGEST_FILE_BYTES),
    Way("GET", "/migrations/{migration_id}/imports/{import_id}", Permission.PLAN, import_preview),
    Way("POST", "/migrations/{migration_id}/imports/{import_id}", Permission.PLAN, apply_import),
)
