"""What to do with one entry: a pure function of what is known about it on both sides."""

from __future__ import annotations

import msgspec

from mover.connectors.contract import Capabilities
from mover.entries import Entry, EntryKind
from mover.errors import Reason
from mover.ledger.records import Arrival
from mover.ledger.states import Action, ItemState, Verification
from mover.transfer.evidence import (
    Sameness,
    altered_arrival,
    altered_by_service,
    altered_kind,
    compare_across,
    compare_hashes,
    source_since,
    still_ours,
    tells_nothing,
)
from mover.transfer.options import ConflictRule, VerifyLevel


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of an entry: a final state, or an action that is planned."""

    state: ItemState
    action: Action = Action.NONE
    reason: Reason | None = None
    message: str = ""
    verification: Verification | None = None
    content_hash: str | None = None
    side: str | None = None  # whose doing it is, where the state alone does not tell
    arrival: Arrival | None = None  # what is known better by now of an earlier arrival


ALTERED_SINCE = "the destination itself changed the file after it arrived, as it does with files of this kind"
COPY = Decision(state=ItemState.PLANNED, action=Action.COPY)
REPLACE = Decision(state=ItemState.PLANNED, action=Action.REPLACE)
COMPARE = Decision(state=ItemState.PLANNED, action=Action.COMPARE)


def _conflict(message: str) -> Decision:
    return Decision(state=ItemState.CONFLICT, reason=Reason.CONFLICT, message=message)


class Planner(msgspec.Struct, frozen=True):
    """Decides for the files of one run."""

    source: Capabilities
    destination: Capabilities
    conflict: ConflictRule

    def file(self, source: Entry, standing: Entry | None, arrival: Arrival | None) -> Decision:
        """Decide about a file.

        Args:
            source: As listed.
            standing: What stands at its place at the destination.
            arrival: What an earlier run left there.
        """
        own = self.destination.own_kind
        if own is not None and not source.name.endswith(own.suffix):
            return Decision(
                state=ItemState.UNSUPPORTED,
                reason=Reason.UNSUPPORTED_TYPE,
                message=f"the destination takes only {own.what} (*{own.suffix})",
                side="destination",
            )
        limit = self.destination.max_file_size
        if limit is not None and source.size is not None and source.size > limit:
            return Decision(
                state=ItemState.FAILED,
                reason=Reason.TOO_LARGE,
                message=f"{source.size} bytes; the destination takes at most {limit}",
            )
        if standing is None:
            return COPY
        if standing.kind is EntryKind.FOLDER:
            return _conflict("a folder of that name stands at the destination")
        if arrival is None:
            return self._stranger(source, standing)
        return self._known(source, standing, arrival)

    def folder(self, standing: Entry | None) -> Decision:
        """Decide about a folder."""
        if standing is None:
            return Decision(state=ItemState.PLANNED, action=Action.CREATE)
        if standing.kind is EntryKind.FOLDER:
            return Decision(state=ItemState.UNCHANGED, verification=Verification.EXISTS)
        return _conflict(
            "a file of that name stands at the destination; the folder's content was not looked at"
        )

    def _stranger(self, source: Entry, standing: Entry) -> Decision:
        match self._across(source, standing):
            case Sameness.HASH:
                return Decision(state=ItemState.ALREADY_THERE, verification=Verification.HASH)
            case Sameness.SIZE_AND_TIME:
                return Decision(state=ItemState.ALREADY_THERE, verification=Verification.SIZE_AND_TIME)
            case Sameness.UNKNOWN:
                return COMPARE
            case _:
                return self._differs("another file of that name stands at the destination")

    def _known(self, source: Entry, standing: Entry, arrival: Arrival) -> Decision:
        untouched = still_ours(standing, arrival, self.destination)
        since = source_since(source, arrival)
        if since is Sameness.UNKNOWN or (not since.is_same and tells_nothing(standing)):
            return COMPARE
        if since.is_same and altered_by_service(standing, arrival, self.destination):
            return Decision(
                state=ItemState.UNCHANGED,
                verification=Verification.ALTERED,
                content_hash=arrival.content_hash,
                message=ALTERED_SINCE,
                arrival=altered_arrival(standing, arrival),
            )
        if since.is_same and untouched:
            return Decision(
                state=ItemState.UNCHANGED,
                verification=Verification.EARLIER,
                content_hash=arrival.content_hash,
            )
        if since.is_same:
            return Decision(
                state=ItemState.LEFT_ALONE,
                message="changed at the destination since it was copied, unchanged at the source",
            )
        if untouched:
            return REPLACE
        if self._across(source, standing) is not Sameness.DIFFERENT:
            # It may be ours, of a run that a restored ledger has forgotten. Then it is to be known as ours again.
            return COMPARE
        return self._differs("changed on both sides since it was copied")

    def _differs(self, message: str) -> Decision:
        return REPLACE if self.conflict is ConflictRule.OVERWRITE else _conflict(message)

    def _across(self, source: Entry, standing: Entry) -> Sameness:
        return compare_across(
            source,
            standing,
            source_grain_ns=self.source.modified_resolution_ns,
            destination_grain_ns=self.destination.modified_resolution_ns,
        )


class VerifyPlanner(msgspec.Struct, frozen=True):
    """Decides for the files of a run that only verifies: nothing is ever sent."""

    source: Capabilities
    destination: Capabilities
    level: VerifyLevel
    sealed: bool = False  # files there can only be compared with what was noted when they arrived

    def file(self, source: Entry, standing: Entry | None, arrival: Arrival | None) -> Decision:
        """Decide about a file; what earlier runs said counts only where the destination changed the file by itself."""
        if standing is None:
            return _missing("the file is not at the destination")
        if standing.kind is EntryKind.FOLDER:
            return _conflict("a folder of that name stands at the destination")
        if arrival is not None and self._altered(source, standing, arrival):
            return Decision(
                state=ItemState.ALREADY_THERE, verification=Verification.ALTERED, message=ALTERED_SINCE
            )
        return COMPARE if self.sealed else self._across(source, standing)

    def _across(self, source: Entry, standing: Entry) -> Decision:
        if self.level is not VerifyLevel.READBACK:
            if (same := compare_hashes(source.hashes, standing.hashes)) is not None:
                if same:
                    return Decision(state=ItemState.ALREADY_THERE, verification=Verification.HASH)
                return _different("the content hash at the destination is another one")
            if self.level is VerifyLevel.SIZE and source.size is not None and source.size == standing.size:
                return Decision(state=ItemState.ALREADY_THERE, verification=Verification.SIZE)
        if None not in {source.size, standing.size} and source.size != standing.size:
            return _different(f"{source.size} bytes at the source, {standing.size} at the destination")
        return COMPARE

    def _altered(self, source: Entry, standing: Entry, arrival: Arrival) -> bool:
        """Whether the two differ only by what the destination does to files of that kind."""
        return (
            self.level in {VerifyLevel.AUTO, VerifyLevel.SIZE}
            and altered_kind(standing.name, self.destination.alters)
            and source_since(source, arrival).is_same
            and still_ours(standing, arrival, self.destination)
            and (
                arrival.verification is Verification.ALTERED
                or altered_by_service(standing, arrival, self.destination)
            )
        )

    def folder(self, standing: Entry | None) -> Decision:
        """Decide about a folder."""
        if standing is None:
            return _missing("the folder is not at the destination, nor what is in it")
        if standing.kind is EntryKind.FOLDER:
            return Decision(state=ItemState.UNCHANGED, verification=Verification.EXISTS)
        return _conflict(
            "a file of that name stands at the destination; the folder's content was not looked at"
        )


def _missing(message: str) -> Decision:
    return Decision(state=ItemState.FAILED, reason=Reason.GONE, message=message)


def _different(message: str) -> Decision:
    return Decision(state=ItemState.CONFLICT, reason=Reason.HASH_MISMATCH, message=message)
