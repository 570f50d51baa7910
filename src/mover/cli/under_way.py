"""A run whose sides are open: the engine, its display, and what came of it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from mover.cli.choices import Choices
from mover.cli.display import shown
from mover.cli.loop import Told
from mover.cli.outcome import Outcome, outcome_of
from mover.cli.rate import Meter
from mover.cli.screen import err, print_json
from mover.cli.watched import Watched
from mover.connections.connections import LOCAL_PERSON
from mover.ledger.states import RunMode
from mover.staging import Staging
from mover.transfer.progress import Progress
from mover.transfer.run import Engine, run_pair
from mover.workplace.keeping_out import kept_out
from mover.workplace.sides import Sides
from mover.workplace.upload_keys import VaultUploadKeys, destroy_old_upload_keys
from mover.workplace.workplace import Workplace

if TYPE_CHECKING:
    from mover.workplace.sealing import SealingChoice


async def run_between(
    place: Workplace,
    mode: RunMode,
    sides: Sides,
    choices: Choices,
    *,
    machine: bool,
    sealing: SealingChoice | None = None,
) -> Outcome:
    """Run a pair and show it while it works. Raises what the engine raises, and Told."""
    settings = place.settings
    staging = Staging(
        settings.staging_path,
        memory_bytes=settings.staging_memory_bytes,
        disk_bytes=settings.staging_disk_bytes,
    )
    async with staging:
        formed = None
        if sealing is not None:
            from mover.workplace.sealing import in_the_form  # noqa: PLC0415 - only some runs need it

            formed = await in_the_form(
                place.vault, LOCAL_PERSON, sides, sealing, mode if not choices.dry_run else RunMode.SCAN
            )
            sides = formed.sides
        progress = Progress()
        looking = mode is RunMode.SCAN or choices.dry_run
        watched = Watched(_title(sides), progress, Meter(progress), only_looking=looking)
        engine = Engine(
            ledger=place.ledger,
            staging=staging,
            staging_memory_bytes=settings.staging_memory_bytes,
        )
        options = choices.options(
            kept_out(place.settings, sides), only=sides.single_file, form=formed.mark if formed else ""
        )
        live = not machine and err().is_terminal and not err().is_dumb_terminal
        try:
            async with shown(watched, place.ledger, live=live) as show:

                async def started(run_id: int, resumed: bool) -> None:  # noqa: FBT001 - the engine's call
                    if formed is not None:
                        await formed.begin()
                    show(run_id, resumed)

                result = await run_pair(
                    engine,
                    sides.source,
                    sides.destination,
                    mode,
                    options,
                    progress,
                    shown_options=choices.shown(),
                    upload_keys=VaultUploadKeys(place.vault, LOCAL_PERSON),
                    started=started,
                )
        except asyncio.CancelledError:
            if machine and watched.run is not None:
                stopped = await outcome_of(place.ledger, watched.run, resumed=watched.resumed)
                print_json(stopped.as_object())
                raise Told from None
            raise
        if formed is not None:
            if result.finished:
                await formed.end()
            await formed.destroy_old_seeds()
        await destroy_old_upload_keys(place.vault, now=time.time())
        return await outcome_of(place.ledger, result.run, resumed=watched.resumed, ended_by=result.reason)


def _title(sides: Sides) -> str:
    return f"{sides.source.label} → {sides.destination.label}" if sides.destination else sides.source.label
