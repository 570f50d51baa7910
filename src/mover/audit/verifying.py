"""Verifying the audit log, from the database or from a file: the same questions, asked of the same values.

What is found: an event that was removed, changed, moved, put in or put there twice; a chain that was cut off at its
beginning without a signature, or at its end below its checkpoint; a chain, a key or a checkpoint that was removed, added
or changed. What cannot be found by looking at one copy alone: that everything, checkpoints included, is an older state
(`copies`: something that was copied elsewhere tells), and what was not sealed yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from mover.audit.chain import (
    chains_digest,
    checkpoint_bytes,
    event_hash,
    keys_digest,
    redaction_bytes,
    roster_bytes,
    words_digest,
)
from mover.audit.records import BROKEN, Checkpoint, Event, PublicKey, Redaction, Roster
from mover.vault.signing import is_signed, key_id_of, read_public_key

MOST_PROBLEMS = 100


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What stands before the chains.

    Attributes:
        organisation_id: Whose chain alone follows; None: all.
        keys: All that ever signed, the present one first.
        roster: None: nothing was sealed yet.
    """

    organisation_id: str | None
    keys: list[PublicKey]
    roster: Roster | None


@dataclass(frozen=True)
class Damaged:
    """A line of a file that is no part of a log. `line` is counted from 1."""

    line: int


Part = Header | Checkpoint | Event | Damaged
"""A header, then for each chain its checkpoint and its events; those that are not sealed last."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Something that is not as it was sealed. `number` and `event_id` are None where it is no single event."""

    organisation_id: str
    what: str
    number: int | None = None
    event_id: int | None = None

    def __str__(self) -> str:
        chain = f"organisation {self.organisation_id}" if self.organisation_id else "no organisation"
        where = "" if self.number is None else f", event {self.number}"
        row = "" if self.event_id is None else f" (row {self.event_id})"
        return f"{chain}{where}{row}: {self.what}"


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What a copy elsewhere says of an event."""

    organisation_id: str
    number: int
    hash: str


@dataclass
class Report:
    """What verifying came to.

    Attributes:
        problems: At most 100; empty: intact.
        more: How many further ones there are.
        chains: How many there are.
        events: How many of them were looked at, sealed.
        cut: How many were removed earlier, with a signature, as they were old.
        redacted: How many say other words than those that were sealed, with a signature, as a person was deleted.
        pending: How many are not sealed yet, so that nothing can be said of them.
        oldest_pending_ns: When the oldest of these happened.
        key_id: Of the present key.
        public_key: That key, in base64.
        signed_ns: Of the latest signature.
        compared: How many events were compared with copies.
    """

    problems: list[Problem] = field(default_factory=list)
    more: int = 0
    chains: int = 0
    events: int = 0
    cut: int = 0
    redacted: int = 0
    pending: int = 0
    oldest_pending_ns: int | None = None
    key_id: str = ""
    public_key: str = ""
    signed_ns: int = 0
    compared: int = 0

    @property
    def intact(self) -> bool:
        """Whether everything is as it was sealed."""
        return not self.problems

    def blame(self, problem: Problem) -> None:
        """Add a problem."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.more += 1


def verify(parts: Iterable[Part], expected_key: bytes | None = None, copies: Iterable[Copied] = ()) -> Report:
    """Verify a log.

    Args:
        parts: As `reading.py` yields them.
        expected_key: The public key that has to have signed the roster; None: whichever it names.
        copies: What was written down elsewhere.
    """
    found = iter(parts)
    header = next(found)
    assert isinstance(header, Header)
    checking = _Checking(header, expected_key, _by_chain(copies))
    for part in found:
        match part:
            case Checkpoint():
                checking.checkpoint(part)
            case Event():
                checking.event(part)
            case Damaged():
                checking.damaged(part.line)
            case Header():
                checking.report.blame(Problem(organisation_id="", what="there is a second beginning"))
    return checking.end()


def _by_chain(copies: Iterable[Copied]) -> Mapping[str, dict[int, str]]:
    by_chain: dict[str, dict[int, str]] = {}
    for copy in copies:
        by_chain.setdefault(copy.organisation_id, {})[copy.number] = copy.hash
    return by_chain


class _Checking:
    def __init__(
        self, header: Header, expected_key: bytes | None, copies: Mapping[str, dict[int, str]]
    ) -> None:
        self.report = Report()
        self._header = header
        self._copies = copies
        self._seen: list[str] = []
        self._headed: list[str] = []  # chains that have a checkpoint
        self._numbered = 0  # events that these number
        self._keys: dict[str, bytes] = {}
        self._chain: str | None = None
        self._head: Checkpoint | None = None
        self._number: int | None = None  # of the event before; None: not known
        self._previous: str | None = None  # its hash; None: not known
        self._roster(expected_key)

    def _blame(self, what: str, event: Event | None = None) -> None:
        chain = self._chain or ""
        if event is None:
            self.report.blame(Problem(organisation_id=chain, what=what))
        else:
            self.report.blame(
                Problem(organisation_id=chain, what=what, number=event.number, event_id=event.id)
            )

    def _roster(self, expected_key: bytes | None) -> None:
        """See that the list of chains and keys is signed by the key that is to have signed it."""
        keys, roster, report = self._header.keys, self._header.roster, self.report
        for key in keys:
            try:
                public = read_public_key(key.public_key)
            except ValueError:
                self._blame(f"the key {key.id} is damaged")
                continue
            if key_id_of(public) != key.id:
                self._blame(f"the key {key.id} was changed")
            self._keys[key.id] = public
        if roster is None:
            if keys or expected_key is not None:
                self._blame("the list of chains was removed, or nothing was sealed yet")
            return
        report.key_id, report.signed_ns = roster.key_id, roster.signed_ns
        public = self._keys.get(roster.key_id, b"")
        report.public_key = next((key.public_key for key in keys if key.id == roster.key_id), "")
        if expected_key is not None and public != expected_key:
            self._blame(f"it is signed with the key {roster.key_id}, which is not the one that was given")
        if not is_signed(public, roster_bytes(roster), roster.signature):
            self._blame("the list of chains was changed: its signature is not right")
        if keys_digest(keys) != roster.keys_digest:
            self._blame("a key was added, removed or changed")

    def checkpoint(self, head: Checkpoint) -> None:
        """Begin a chain."""
        self._close()
        self._begin(head.organisation_id)
        if self._header.organisation_id not in {None, head.organisation_id}:
            self._blame("this chain does not belong here")
        self._headed.append(head.organisation_id)
        self._head, self._number, self._previous = head, head.cut_number, head.cut_hash
        self.report.cut += head.cut_number
        self.report.signed_ns = max(self.report.signed_ns, head.signed_ns)
        self._numbered += head.number
        if not is_signed(self._keys.get(head.key_id, b""), checkpoint_bytes(head), head.signature):
            self._blame("its checkpoint was changed: the signature is not right")
        elif self._is_retired(head.key_id):
            self._blame("its checkpoint is signed with a key that had been retired")

    def _begin(self, organisation_id: str) -> None:
        self._chain, self._head, self._number, self._previous = organisation_id, None, None, None
        if organisation_id in self._seen:
            self._blame("its chain is there twice")
        self._seen.append(organisation_id)

    def event(self, event: Event) -> None:
        """Look at the next event."""
        if event.organisation_id != self._chain:
            self._close()
            self._begin(event.organisation_id)
        if event.number is None:
            self._unsealed(event)
            return
        if self._head is None:
            self._blame("its checkpoint is missing, or the event was put in", event)
            return
        self.report.events += 1
        self._in_its_place(event)
        self._as_sealed(event)
        if event.action == BROKEN:
            self._blame(f"when Mover went on with it, {_found(event)}", event)
        self._number, self._previous = event.number, event.hash
        copied = self._copies.get(event.organisation_id, {}).pop(event.number, None)
        if copied is not None:
            self.report.compared += 1
            if copied != event.hash:
                self._blame(
                    "a copy of it says something else: it was changed, and everything after it", event
                )

    def damaged(self, line: int) -> None:
        """Tell of a line that cannot be read, and go on behind it."""
        self._blame(f"line {line} of the file was changed or cut off")
        self._number = self._previous = None

    def _unsealed(self, event: Event) -> None:
        if event.hash is not None or event.position is not None or event.redaction is not None:
            self._blame("its number was taken away", event)
            return
        report = self.report
        report.pending += 1
        report.oldest_pending_ns = min(report.oldest_pending_ns or event.happened_ns, event.happened_ns)

    def _in_its_place(self, event: Event) -> None:
        assert event.number is not None
        if self._number is None:
            return
        if event.number <= self._number:
            self._blame("it is there twice, out of order, or was put in before the beginning", event)
        elif event.number > self._number + 1:
            gone = _range(self._number + 1, event.number - 1)
            self._blame(
                f"{gone} before it {'was' if event.number == self._number + 2 else 'were'} removed", event
            )
            self._previous = None

    def _as_sealed(self, event: Event) -> None:
        digest = words_digest(event)
        if event.redaction is not None:
            self.report.redacted += 1
            digest = self._redacted(event)
        roster = self._header.roster
        if event.position is None or (roster is not None and event.position > roster.position):
            self._blame("its position among all events was changed, or it was put in", event)
        if self._previous is not None and event_hash(self._previous, event, digest) != event.hash:
            self._blame("it or the one before was changed, moved or put in: its hash is not right", event)

    def _redacted(self, event: Event) -> str:
        assert event.redaction is not None
        try:
            one = msgspec.json.decode(event.redaction, type=Redaction)
        except (msgspec.MsgspecError, UnicodeError):
            self._blame("its redaction was changed", event)
            return ""
        whole = msgspec.json.encode(one).decode() == event.redaction and event.salt is None
        if not whole or not is_signed(
            self._keys.get(one.key_id, b""), redaction_bytes(event, one), one.signature
        ):
            self._blame("its words were replaced without a right signature", event)
        elif self._is_retired(one.key_id):
            self._blame("its words were replaced with a signature of a key that had been retired", event)
        return one.digest

    def _is_retired(self, key_id: str) -> bool:
        """Whether another key signs now; a rotation signs all anew, unless it was done by a Mover that did not."""
        roster = self._header.roster
        return roster is not None and roster.forgotten is not None and key_id != roster.key_id

    def _close(self) -> None:
        """See that a chain ends where its checkpoint says."""
        head, number = self._head, self._number
        if head is None or number is None:
            return
        if number < head.number:
            self._blame(
                f"{_range(number + 1, head.number)} at its end {'was' if number + 1 == head.number else 'were'} cut off"
            )
        elif number > head.number:
            self._blame(f"{_range(head.number + 1, number)} at its end came without a checkpoint")
        elif self._previous is not None and self._previous != head.hash:
            self._blame("its last event is not the one that was signed: everything was hashed anew")
        for missing in sorted(self._copies.get(head.organisation_id, {})):
            if missing > head.cut_number:
                self._blame(f"event {missing} is known from a copy, and is not there: the end was cut off")
        self._head = None

    def end(self) -> Report:
        """See that no chain is missing or too many."""
        self._close()
        report, roster, only = self.report, self._header.roster, self._header.organisation_id
        report.chains = len(self._headed)
        for chain in sorted(set(self._copies) - set(self._seen)):
            if only is None or chain == only:
                self._chain = chain
                self._blame("it is known from a copy, and is not there")
        self._chain = only
        if only is not None:
            if only not in self._headed and roster is not None:
                self._blame("its chain is missing")
        elif roster is not None and chains_digest(self._headed) != roster.chains_digest:
            self._chain = None
            self._blame(
                f"{roster.chains} chains were signed for, {len(self._headed)} are there: one was removed or put in"
            )
        if only is None and roster is not None and roster.forgotten is not None:
            missing = roster.position - roster.forgotten - self._numbered
            if missing:
                self._chain = None
                self._blame(f"{missing} sealed events are in no chain: the end of one was cut off")
        return report


def _found(event: Event) -> str:
    try:
        return msgspec.json.decode(event.details, type=dict[str, str])["found"]
    except (msgspec.MsgspecError, KeyError):
        return "it was not as it had been signed"


def _range(first: int, last: int) -> str:
    return f"event {first}" if first == last else f"events {first} to {last}"
