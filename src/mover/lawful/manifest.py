"""What an export says about itself: who asked, who approved, who answered, what was held, and the hash of every file."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mover.lawful.archive import Member, Written
from mover.lawful.metadata import moment
from mover.lawful.records import Answer, AnswerState, Collection, Order, Outcome, Part
from mover.staff.records import Scope, StaffMember
from mover.vault.signing import SigningKey

README = """\
A lawful export, made by Mover
==============================

You have opened the outer seal already:

    age -d -i YOUR-KEY-FILE export.tar.age | tar x

manifest.json   what was asked for, by whom, who approved it, who answered, what was held, and the SHA-256 of every file here
manifest.sig    the Ed25519 signature of manifest.json; compare public-key.pem with the key that the server publishes, then
                    openssl pkeyutl -verify -pubin -inkey public-key.pem -rawin -in manifest.json -sigfile manifest.sig
metadata/       pairs.*.jsonl and items.*.jsonl: one JSON object a line; names, places, sizes and states
parts/          what was held of files at that moment, each sealed by the runner that held it:
                    age -d -i YOUR-KEY-FILE -o part parts/000001.age
                "offset" and "size" in manifest.json say which bytes of which file these are

Files pass through Mover in parts, each of which exists for seconds. So it is common that of a file only some parts are
here, and that nothing is held at all. Neither Mover nor its operator can open what is sealed here.
"""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What an export found.

    Attributes:
        runners: Who was asked, and what they said.
        parts: What they held.
        unattributed: Connections and migrations of which nobody knows whose they are, so that an order about a person leaves
            them out; None where the order is about no person.
    """

    collection: Collection
    runners: Sequence[Answer]
    parts: Sequence[Part]
    unattributed: tuple[int, int] | None

    @property
    def silent(self) -> list[Answer]:
        """Runners of which it is not known what, or what more, they held."""
        return [one for one in self.runners if one.state is not AnswerState.ANSWERED]

    @property
    def handed_over(self) -> list[Part]:
        """Parts with content, in their order."""
        return [part for part in self.parts if part.outcome.has_content]

    @property
    def bytes(self) -> int:
        """Of content."""
        return sum(part.sealed.read_bytes for part in self.handed_over)

    @property
    def nothing_held(self) -> bool:
        """It is known that nothing was."""
        return not self.parts and not self.silent

    @property
    def sentence(self) -> str:
        """For people."""
        silent = len(self.silent)
        unknown = (
            f" {_count(silent, 'runner')} gave no full answer; what else {'it' if silent == 1 else 'they'} held is not known."
            if silent
            else ""
        )
        if self.parts:
            left = len(self.parts) - len(self.handed_over)
            without = f" Of {left} more there is no content; the manifest says why." if left else ""
            return f"{_count(len(self.handed_over), 'part')} of files ({self.bytes:,} bytes) were held.{without}{unknown}"
        if silent:
            return f"Nothing was handed over.{unknown}"
        if not self.runners:
            return "Nothing is held: no run in scope was under way."
        return "Nothing is held."


def part_name(number: int) -> str:
    """Where a part is in the archive."""
    return f"parts/{number:06}.age"


def closing_members(
    order: Order,
    by: StaffMember,
    findings: Findings,
    written: Sequence[Written],
    key: SigningKey,
    now_ns: int,
) -> list[Member]:
    """The manifest, its signature and the key to check it with: the last files of an archive."""
    manifest = msgspec.json.format(
        msgspec.json.encode(_manifest(order, by, findings, written, key, now_ns)), indent=2
    )
    public = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return [
        Member.of("manifest.json", manifest),
        Member.of("manifest.sig", key.private.sign(manifest)),
        Member.of("public-key.pem", public),
    ]


def _manifest(
    order: Order,
    by: StaffMember,
    findings: Findings,
    written: Sequence[Written],
    key: SigningKey,
    now_ns: int,
) -> dict[str, object]:
    request = order.request
    return {
        "mover": "lawful export",
        "version": 1,
        "case": request.case,
        "request": request.id,
        "reason": request.reason,
        "scope": _scope(request.scope, request.organisation_name),
        "asked": {"by": request.asked_by_email, "at": moment(request.asked_ns)},
        "approved": [{"by": one.email, "at": moment(one.approved_ns)} for one in request.approvals],
        "expires": moment(request.expires_ns),
        "exported": {"by": by.email, "at": moment(now_ns)},
        "recipients": order.recipients,
        "moment": {
            "asked_runners": moment(findings.collection.opened_ns),
            "answers_until": moment(findings.collection.closed_ns),
        },
        "held": {
            "sentence": findings.sentence,
            "nothing": findings.nothing_held,
            "parts": len(findings.handed_over),
            "bytes": findings.bytes,
        },
        "runners": [
            {
                "runner": one.runner,
                "answer": one.state.words,
                "at": moment(one.ended_ns),
                "message": one.message or None,
            }
            for one in findings.runners
        ],
        "parts": _parts(findings),
        "left_out": _left_out(findings),
        "files": [{"name": one.name, "size": one.size, "sha256": one.sha256} for one in written],
        "signed_with": {"key": key.id, "public_key": base64.b64encode(key.public).decode()},
    }


def _scope(scope: Scope, organisation_name: str) -> dict[str, object]:
    return {
        "organisation": {"id": scope.organisation_id, "name": organisation_name},
        "person": scope.person_id,
        "connection": scope.connection_id,
        "pair": scope.pair_id,
        "from": moment(scope.from_ns),
        "before": moment(scope.until_ns),
    }


def _parts(findings: Findings) -> list[dict[str, object]]:
    told: list[dict[str, object]] = []
    number = 0
    for part in findings.parts:
        sealed = None
        if part.outcome.has_content:
            number += 1
            sealed = {
                "file": part_name(number),
                "size": part.sealed.sealed_bytes,
                "sha256": part.sealed.sealed_sha256,
            }
        told.append(
            {
                "pair": part.whose.pair_id,
                "item": part.whose.item_id,
                "path": part.whose.path,
                "runner": part.runner,
                "place": part.place,
                "since": moment(part.since_ns),
                "looked_at": moment(part.looked_ns),
                "received_in_full": part.complete,
                "offset": part.offset,
                "held_bytes": part.held_bytes,
                "outcome": _WORDS[part.outcome],
                "size": part.sealed.read_bytes if sealed else None,
                "sha256": part.sealed.sha256 if sealed else None,
                "sealed": sealed,
            }
        )
    return told


_WORDS = {
    Outcome.SEALING: "the runner did not finish with it",
    Outcome.SEALED: "sealed",
    Outcome.CUT: "sealed as far as it was read: it was sent and removed meanwhile",
    Outcome.GONE: "it was sent and removed before it was read",
    Outcome.DAMAGED: "it was damaged where it rested, and could not be decrypted",
    Outcome.TOO_LARGE: "the limit of the export left no room for it",
}


def _left_out(findings: Findings) -> list[str]:
    if findings.unattributed is None or not any(findings.unattributed):
        return []
    connections, migrations = findings.unattributed
    return [
        f"{_count(connections, 'connection')} and {_count(migrations, 'migration')} of which nobody knows who added them"
    ]


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
