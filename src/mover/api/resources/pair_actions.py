"""What is done to many pairs at once: those that are named, or all that match a filter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from mover.accounts.actor import Permission
from mover.api.calls import Call, Calling
from mover.api.models import MOST_NS, Answer, Body, Flag, Id, Whole
from mover.api.operations import Resource
from mover.api.resources.options import Filter, Tags, Text
from mover.ledger.states import RunMode
from mover.migrations.given.wanted import LONGEST, GivenKeys
from mover.migrations.selection import Selection
from mover.vault.secret import Secret

resource = Resource("Actions on pairs", "Start, steer and change many pairs at once.")

_PairIds = Annotated[
    list[Annotated[Whole, Field(ge=1, le=MOST_NS)]], Field(max_length=10_000, examples=[[1042, 1043]])
]


class Pairs(Body):
    """Which pairs: exactly one of `ids`, `filter` and `all`."""

    ids: _PairIds | None = Field(None, min_length=1, description="These.")
    filter: Filter | None = Field(None, min_length=1, description="All that match this filter.")
    all: Flag | None = Field(None, description="true: all of the migration.")
    but: _PairIds = Field(default_factory=list, description="Not these; with `filter` or `all`.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.ids is not None) + (self.filter is not None) + (self.all is True) != 1:
            raise ValueError("give exactly one of ids, filter and all (true)")
        if self.ids is not None and self.but:
            raise ValueError("`but` goes with filter or all")
        return self

    def of(self, migration_id: str) -> Selection:
        """What the domain takes."""
        if self.ids is not None:
            return Selection.these(migration_id, *self.ids)
        return Selection.matching(migration_id, self.filter or "", but=tuple(self.but))


class Chosen(Body):
    """Pairs."""

    pairs: Pairs


class _KeyText:
    """How a key that is given is described."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST,
            "format": "password",
            "writeOnly": True,
        }


_Given = Annotated[Secret, _KeyText]


class Keys(Body):
    """Keys for these runs alone. They are sealed for the runners that are at work, and kept nowhere else."""

    open_with: _Given | None = Field(
        None,
        description="Private keys of age, a line each, or of SSH, for pairs with the option `open_with`.",
    )
    crypt_from: _Given | None = Field(
        None,
        description="For pairs with the option `crypt_from`: the password of rclone's crypt, with its salt in a second line, or "
        "its section of rclone's configuration.",
    )
    crypt_to: _Given | None = Field(None, description="Likewise for the option `crypt_to`.")

    def record(self) -> GivenKeys:
        """What the domain takes."""
        return GivenKeys(open_with=self.open_with, crypt_from=self.crypt_from, crypt_to=self.crypt_to)


class Retry(Chosen):
    """Pairs whose failures are tried again."""

    keys: Keys | None = None


class KeysGiven(Chosen):
    """Keys, and the pairs whose runs wait for them."""

    keys: Keys


class Start(Chosen):
    """Pairs to be run."""

    mode: RunMode = Field(
        RunMode.COPY, description="copy; scan: look and tell; verify: compare what is there."
    )
    keys: Keys | None = None


class Tagging(Chosen):
    """Tags to be added and removed."""

    add: Tags = Field(default_factory=list)
    remove: Tags = Field(default_factory=list)


class Noting(Chosen):
    """Notes to be set."""

    notes: Text


class Prioritising(Chosen):
    """A priority to be set; higher is earlier."""

    priority: Annotated[Whole, Field(ge=-100, le=100)]


class Started(Answer):
    """What came of a start."""

    migration_run_id: str | None
    started: int = Field(description="Pairs that were queued.")
    already_running: int = Field(description="Pairs that had a run under way.")


class Changed(Answer):
    """What came of it."""

    pairs: int = Field(description="How many pairs it was done to.")


@resource.post("/migrations/{migration_id}/start", Permission.RUN, status=202)
async def start_pairs(call: Calling, migration_id: Id, start: Start) -> Started:
    """Queue a run of each pair, unless one is under way.

    Pairs that open files, or read or write rclone's crypt, need `keys`; without them, or with too few, their runs wait with
    code 630 until `give_keys` is called.
    """
    result = await call.services.runs.start(
        call.actor, await _selected(call, migration_id, start), start.mode, keys=_given(start.keys)
    )
    await call.nudge()
    return Started.of(result)


@resource.post("/migrations/{migration_id}/retry", Permission.RUN, status=202)
async def retry_pairs(call: Calling, migration_id: Id, chosen: Retry) -> Started:
    """Queue a run of those pairs whose last run had failures, for what failed alone."""
    result = await call.services.runs.retry_failed(
        call.actor, await _selected(call, migration_id, chosen), keys=_given(chosen.keys)
    )
    await call.nudge()
    return Started.of(result)


@resource.post("/migrations/{migration_id}/keys", Permission.RUN, status=202)
async def give_keys(call: Calling, migration_id: Id, given: KeysGiven) -> Changed:
    """Give keys to runs that wait for them (code 630), which then go on. They are kept until these runs have ended."""
    selection = await _selected(call, migration_id, given)
    count = await call.services.runs.give_keys(call.actor, selection, given.keys.record())
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/migrations/{migration_id}/pause", Permission.RUN, status=202)
async def pause_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Pause runs, in order: what is being sent is finished or left to be gone on with."""
    count = await call.services.runs.pause(call.actor, await _selected(call, migration_id, chosen))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/migrations/{migration_id}/resume", Permission.RUN, status=202)
async def resume_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Let paused runs go on."""
    count = await call.services.runs.resume(call.actor, await _selected(call, migration_id, chosen))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/migrations/{migration_id}/cancel", Permission.RUN, status=202)
async def cancel_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """End runs. What has arrived stays; a later start goes on from there."""
    count = await call.services.runs.cancel(call.actor, await _selected(call, migration_id, chosen))
    await call.nudge()
    return Changed(pairs=count)


@resource.post("/migrations/{migration_id}/pair-tags", Permission.PLAN, status=200)
async def tag_pairs(call: Calling, migration_id: Id, tagging: Tagging) -> Changed:
    """Add tags to pairs, and remove others."""
    selection = await _selected(call, migration_id, tagging)
    return Changed(
        pairs=await call.services.pairs.tag(call.actor, selection, add=tagging.add, remove=tagging.remove)
    )


@resource.post("/migrations/{migration_id}/pair-notes", Permission.PLAN, status=200)
async def note_pairs(call: Calling, migration_id: Id, noting: Noting) -> Changed:
    """Set the notes of pairs."""
    return Changed(
        pairs=await call.services.pairs.note(
            call.actor, await _selected(call, migration_id, noting), noting.notes
        )
    )


@resource.post("/migrations/{migration_id}/pair-priorities", Permission.PLAN, status=200)
async def prioritise_pairs(call: Calling, migration_id: Id, prioritising: Prioritising) -> Changed:
    """Set the priority of pairs, also of runs that wait."""
    selection = await _selected(call, migration_id, prioritising)
    return Changed(pairs=await call.services.pairs.prioritise(call.actor, selection, prioritising.priority))


@resource.post("/migrations/{migration_id}/pair-copies", Permission.PLAN)
async def duplicate_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Add copies of pairs, none of which has run."""
    return Changed(
        pairs=await call.services.pairs.duplicate(call.actor, await _selected(call, migration_id, chosen))
    )


@resource.post("/migrations/{migration_id}/pair-deletions", Permission.PLAN, status=200)
async def delete_pairs(call: Calling, migration_id: Id, chosen: Chosen) -> Changed:
    """Remove pairs. Those with a run that has not ended stay."""
    return Changed(
        pairs=await call.services.pairs.delete(call.actor, await _selected(call, migration_id, chosen))
    )


def _given(keys: Keys | None) -> GivenKeys | None:
    return None if keys is None else keys.record()


async def _selected(call: Call, migration_id: str, chosen: Chosen) -> Selection:
    """What the domain takes. Of a migration that is not there nothing matches, which would look like a success."""
    await call.services.migrations.get(call.actor, migration_id)
    return chosen.pairs.of(migration_id)
