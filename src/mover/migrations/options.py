"""How a pair is run, as a person chose it, and the engine's options that come of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from mover.entries import clean_path
from mover.errors import InvalidConfiguration
from mover.ledger.states import RunMode
from mover.migrations.timetable import Window, check_window
from mover.transfer.bandwidth import parse_rate
from mover.transfer.filters import Filters, parse_moment, parse_size
from mover.transfer.options import MOST_VERSIONS, ConflictRule, Options, VerifyLevel

T = TypeVar("T")

_MOST_PATTERNS = 1_000
_LONGEST_PATTERN = 1_000
_MOST_PATHS = 10_000


class PairOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Options of a migration or of a pair. What is None was not chosen: the migration's, else the engine's, counts.

    Attributes:
        include: Patterns; a file must match one of them.
        exclude: Patterns of what stays, folders with all that is in them.
        paths: An exact list of what is moved.
        min_size: `512`, `10K`, `1.5G`; likewise `max_size`.
        newer_than: `2024-01-31`, `30d`; counted from when the run was queued; likewise `older_than`.
        verify: How arrivals are verified.
        conflict: What happens to files at the destination that are not ours.
        full: Everything is listed, even where change feeds tell what changed since the last run.
        versions: So many earlier versions of a file are moved with it.
        bandwidth: `10M`, bytes per second at most; `off`: no limit.
        window: When of the day it runs.
    """

    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    min_size: str | None = None
    max_size: str | None = None
    newer_than: str | None = None
    older_than: str | None = None
    verify: VerifyLevel | None = None
    conflict: ConflictRule | None = None
    full: bool | None = None
    versions: int | None = None
    bandwidth: str | None = None
    window: Window | None = None


def effective(migration: PairOptions, pair: PairOptions) -> PairOptions:
    """The pair's choices, and the migration's where the pair has none."""
    chosen = {
        name: getattr(migration, name) if getattr(pair, name) is None else getattr(pair, name)
        for name in PairOptions.__struct_fields__
    }
    return PairOptions(**chosen)


def check_options(options: PairOptions) -> None:
    """Raise InvalidConfiguration that names the option which cannot work. To be called when options are saved."""
    for name in ("include", "exclude"):
        patterns = getattr(options, name) or ()
        if len(patterns) > _MOST_PATTERNS or any(len(pattern) > _LONGEST_PATTERN for pattern in patterns):
            raise InvalidConfiguration(
                f"{name}: at most {_MOST_PATTERNS} patterns of at most {_LONGEST_PATTERN} characters"
            )
    if options.paths and len(options.paths) > _MOST_PATHS:
        raise InvalidConfiguration(f"paths: at most {_MOST_PATHS}")
    if options.versions is not None and not 0 <= options.versions <= MOST_VERSIONS:
        raise InvalidConfiguration(f"versions: a number from 0 to {MOST_VERSIONS}")
    engine_options(options, RunMode.COPY, queued_ns=0)
    if options.window is not None:
        check_window(options.window)


def engine_options(
    options: PairOptions,
    mode: RunMode,
    *,
    queued_ns: int,
    bytes_per_s: int | None = None,
    retry_paths: Sequence[str] | None = None,
) -> Options:
    """Make the engine's options.

    Args:
        options: The effective ones.
        mode: A scan is a dry run.
        queued_ns: Ages (`30d`) count back from then, so that every slice of a run means the same moment.
        bytes_per_s: A schedule's limit; the lower of the two counts.
        retry_paths: All that is moved, of what the options let pass; None: everything.

    Raises InvalidConfiguration that names the option.
    """

    def moment(text: str) -> int:
        return parse_moment(text, now=lambda: queued_ns / 1e9)

    paths = retry_paths if retry_paths is not None else options.paths
    own = _read("bandwidth", parse_rate, options.bandwidth)
    limits = [limit for limit in (own, bytes_per_s) if limit is not None]
    return Options(
        filters=Filters.build(
            include=options.include or (),
            exclude=options.exclude or (),
            paths=None if paths is None else [_read_path(path) for path in paths],
            min_size=_read("min_size", parse_size, options.min_size),
            max_size=_read("max_size", parse_size, options.max_size),
            modified_after_ns=_read("newer_than", moment, options.newer_than),
            modified_before_ns=_read("older_than", moment, options.older_than),
        ),
        verify=options.verify or VerifyLevel.AUTO,
        conflict=options.conflict or ConflictRule.REPORT,
        dry_run=mode is RunMode.SCAN,
        full=bool(options.full),
        versions=options.versions or 0,
        bytes_per_s=min(limits) if limits else None,
    )


def shown_options(options: PairOptions) -> dict[str, object]:
    """What was chosen, for the ledger and for people."""
    shown: dict[str, object] = msgspec.to_builtins(options)
    return {name: value for name, value in shown.items() if value is not None}


def _read(name: str, parse: Callable[[str], T], text: str | None) -> T | None:
    if text is None:
        return None
    try:
        return parse(text)
    except InvalidConfiguration as error:
        raise InvalidConfiguration(f"{name}: {error.message}") from None


def _read_path(path: str) -> str:
    try:
        return clean_path(path)
    except ValueError as error:
        raise InvalidConfiguration(f"paths: {error}") from None
