"""Shortcuts whose targets were moved with them: made anew at the destination, if it makes any.

That is known when everything else has arrived. A shortcut to what stays behind, or stands in another pair, is told as one
that was not moved, as all are where the destination makes none. Nothing is kept of them: what is there is looked for by
name, so that a run which goes on, or lists a folder again, makes none twice. Pairs that seal names make none.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from mover.connectors.contract import MakesShortcuts
from mover.database.failures import DatabaseTrouble
from mover.entries import EntryRef
from mover.errors import ApiQuotaExceeded, MoverError, SignInFailed, Transient
from mover.ledger.ledger import RunLedger
from mover.ledger.records import Item, Outcome
from mover.ledger.states import ItemState, Verification
from mover.transfer.side import Side

_SLICE = 200
_ENDS_THE_RUN = (DatabaseTrouble, SignInFailed, ApiQuotaExceeded)


class ShortcutMaker:
    """Makes the shortcuts of one run that copies."""

    def __init__(
        self, destination: Side, ledger: RunLedger, *, now_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._destination = destination
        self._ledger = ledger
        self._now_ns = now_ns

    async def run(self) -> None:
        """Make all that can be made. Raises what ends a run."""
        connector = self._destination.connector
        if not isinstance(connector, MakesShortcuts) or not connector.makes_shortcuts:
            return
        if self._destination.names is not None:
            return  # a shortcut would be called there what nobody is to read there
        after = 0
        while found := await self._ledger.shortcuts(_SLICE, after_id=after):
            targets = await self._targets([item.entry.version for item in found if item.entry.version])
            for item in found:
                target = targets.get(item.entry.version or "")
                if target is not None:
                    await self._ledger.finish(await self._made(connector, item, target))
            await self._ledger.flush()
            after = found[-1].id

    async def _targets(self, ids: list[str]) -> dict[str, EntryRef]:
        """Where entries of the source stand at the destination, by their ids at the source."""
        arrivals = await self._ledger.arrivals_of([f"id:{one}" for one in ids])
        folders = await self._ledger.earlier.folders_by_source_id(self._ledger.run.id, ids)
        at = self._destination.ref
        return {
            **{
                key.removeprefix("id:"): at(arrival.destination_path, arrival.destination_id)
                for key, arrival in arrivals.items()
            },
            **{
                folder.source_id: at(folder.destination_path, folder.destination_id)
                for folder in folders
                if folder.source_id is not None and folder.destination_id is not None
            },
        }

    async def _made(self, connector: MakesShortcuts, item: Item, target: EntryRef) -> Outcome:
        started = self._now_ns()
        folder = self._destination.ref(item.destination_folder_path, item.destination_folder_id)
        try:
            made = await connector.make_shortcut(folder, item.destination_name, target)
        except _ENDS_THE_RUN:
            raise
        except MoverError as error:
            return Outcome(
                item_id=item.id,
                state=ItemState.FAILED if isinstance(error, Transient) else ItemState.UNSUPPORTED,
                reason=error.reason,
                side="destination",
                message=f"the shortcut could not be made anew: {error}",
                started_ns=started,
                ended_ns=self._now_ns(),
            )
        return Outcome(
            item_id=item.id,
            state=ItemState.CREATED if made else ItemState.ALREADY_THERE,
            message=f"a shortcut to {target.path}",
            verification=Verification.EXISTS,
            started_ns=started,
            ended_ns=self._now_ns(),
        )
