"""What people fill in about migrations and pairs, looked at before it is saved."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mover.entries import clean_path
from mover.errors import InvalidConfiguration
from mover.migrations.options import PairOptions, check_options, effective
from mover.migrations.records import NewMigration, NewPair

LONGEST_PATH = 4_000
_LONGEST_NAME = 200
_LONGEST_NOTE = 10_000
_LONGEST_TAG = 100
_MOST_TAGS = 50
_MOST_PAIRS_AT_ONCE = 1_000
_PRIORITIES = 100
_QUEUE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")
_MOST_RECIPIENTS = 100


def check_migration(new: NewMigration) -> None:
    """Raise InvalidConfiguration that names what cannot work."""
    check_name(new.name)
    check_text("note", new.note)
    check_queue(new.queue)
    check_options(new.options)
    if not 1 <= new.pairs_at_once <= _MOST_PAIRS_AT_ONCE:
        raise InvalidConfiguration(
            f"from 1 to {_MOST_PAIRS_AT_ONCE} pairs run at once, not {new.pairs_at_once}"
        )
    if len(new.mail_to) > _MOST_RECIPIENTS:
        raise InvalidConfiguration(f"mail goes to at most {_MOST_RECIPIENTS} people")


def checked_pair(new: NewPair, migration_options: PairOptions) -> tuple[str, str, tuple[str, ...]]:
    """Return the paths and tags of a pair in canonical form. Raises InvalidConfiguration that names what cannot work."""
    check_text("notes", new.notes)
    check_priority(new.priority)
    if new.queue:
        check_queue(new.queue)
    check_options(new.options, whole=False)
    check_options(effective(migration_options, new.options))
    return (
        checked_path("source path", new.source_path),
        checked_path("destination path", new.destination_path),
        checked_tags(new.tags),
    )


def check_name(name: str) -> str:
    """Return a name without blanks around it. Raises InvalidConfiguration."""
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidConfiguration(f"a name has from 1 to {_LONGEST_NAME} characters, on one line")
    return name


def check_text(what: str, text: str) -> None:
    """Raise InvalidConfiguration for text that is too long or cannot be stored."""
    if len(text) > _LONGEST_NOTE:
        raise InvalidConfiguration(f"{what}: at most {_LONGEST_NOTE} characters")
    _check_storable(what, text)


def check_priority(priority: int) -> None:
    """Raise InvalidConfiguration."""
    if not -_PRIORITIES <= priority <= _PRIORITIES:
        raise InvalidConfiguration(f"a priority is from -{_PRIORITIES} to {_PRIORITIES}, not {priority}")


def check_queue(queue: str) -> None:
    """Raise InvalidConfiguration."""
    if not _QUEUE.fullmatch(queue):
        raise InvalidConfiguration(
            f"a queue has a name of at most 63 small letters, digits, _ . and -, not {queue[:80]!r}"
        )


def checked_path(what: str, path: str) -> str:
    """Return a path in canonical form. Raises InvalidConfiguration."""
    if not path.strip():
        raise InvalidConfiguration(f"the {what} is missing")
    if len(path) > LONGEST_PATH:
        raise InvalidConfiguration(f"the {what} has more than {LONGEST_PATH} characters")
    _check_storable(what, path)
    try:
        return clean_path(path)
    except ValueError as error:
        raise InvalidConfiguration(f"{what}: {error}") from None


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags without blanks around them, each once. Raises InvalidConfiguration."""
    clean = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(clean) > _MOST_TAGS:
        raise InvalidConfiguration(f"a pair has at most {_MOST_TAGS} tags")
    for tag in clean:
        if len(tag) > _LONGEST_TAG or not tag.isprintable():
            raise InvalidConfiguration(
                f"a tag has at most {_LONGEST_TAG} characters, on one line: {tag[:40]!r}"
            )
    return clean


def _check_storable(what: str, text: str) -> None:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidConfiguration(f"the {what} has characters that are none")
