"""How a pair is run, as a person chose it, and the engine's options that come of it."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from mover.entries import clean_path
from mover.errors import InvalidConfiguration
from mover.ledger.states import RunMode
from mover.migrations.timetable import Window, check_window, hours_a_day
from mover.sealing.age.recipients import read_recipients
from mover.sealing.limits import NO_VERSIONS
from mover.transfer.bandwidth import parse_rate
from mover.transfer.filters import Filters, parse_moment, parse_size
from mover.transfer.grantees import GranteeMap
from mover.transfer.options import MOST_VERSIONS, ConflictRule, Options, VerifyLevel
from mover.transfer.sharing_rules import SharingRules, Unmapped, Wider

T = TypeVar("T")


class SharingChoice(enum.StrEnum):
    """What is done about permissions."""

    OFF = "off"
    APPLY = "apply"  # through the migration's map of permissions, else its map of users, else for the same addresses


_EITHER_OR = (
    ("seal_to", "crypt_to"),
    ("open_with", "crypt_from"),
)  # a pair's choice ends the migration's other one
_LONGEST_KEY = 4_000
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
        archive: Each run puts all into one new ZIP archive.
        seal_to: Public keys (age, SSH) that files are sealed for on their way; empty: they are not.
        seal_names: Names are sealed, too.
        open_with: Age files are opened, with a private key that is given for each run; no secret is an option.
        crypt_from: Files are read as rclone's crypt has them, with a password that is given for each run.
        crypt_to: Files are written so, likewise.
        permissions: Whether they are re-created at the destination.
        unmapped: Who gets the permissions of those whom the map does not name.
        external: Share with people outside of the organisation again, too.
        links: Make shares by link again, too.
        wider: What becomes of what more people would see at the destination than at the source.
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
    archive: bool | None = None
    seal_to: tuple[str, ...] | None = None
    seal_names: bool | None = None
    open_with: bool | None = None
    crypt_from: bool | None = None
    crypt_to: bool | None = None
    permissions: SharingChoice | None = None
    unmapped: Unmapped | None = None
    external: bool | None = None
    links: bool | None = None
    wider: Wider | None = None
    bandwidth: str | None = None
    window: Window | None = None


def effective(migration: PairOptions, pair: PairOptions) -> PairOptions:
    """The pair's choices, and the migration's where the pair has none."""
    chosen = {
        name: getattr(migration, name) if getattr(pair, name) is None else getattr(pair, name)
        for name in PairOptions.__struct_fields__
    }
    for one, other in _EITHER_OR:
        for mine, theirs in ((one, other), (other, one)):
            if getattr(pair, mine) and getattr(pair, theirs) is None:
                chosen[theirs] = None
    return PairOptions(**chosen)


def check_options(options: PairOptions, *, whole: bool = True) -> None:
    """Raise InvalidConfiguration that names the option which cannot work. To be called when options are saved.

    `whole`: nothing else adds to them; the options of a pair alone may rest on the migration's.
    """
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
    _check_sealing(options, whole=whole)
    _check_archive(options)
    if options.window is not None:
        check_window(options.window)
    engine_options(options, RunMode.COPY, queued_ns=0)


def engine_options(
    options: PairOptions,
    mode: RunMode,
    *,
    queued_ns: int,
    bytes_per_s: int | None = None,
    retry_paths: Sequence[str] | None = None,
    map_id: str = "",
    grantees: GranteeMap | None = None,
    form: str = "",
) -> Options:
    """Make the engine's options.

    Args:
        options: The effective ones.
        mode: A scan is a dry run.
        queued_ns: Ages (`30d`) count back from then, so that every slice of a run means the same moment.
        bytes_per_s: A schedule's limit; the lower of the two counts.
        retry_paths: All that is moved, of what the options let pass; None: everything.
        map_id: Of the map that permissions go through. It stands for the map in the fingerprint of the options: a map that
            is changed in the middle of a run counts for what the run has not looked at yet.
        grantees: The rows of that map.
        form: How files are sealed.

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
        sharing=_sharing(options, map_id, grantees or GranteeMap()),
        dry_run=mode is RunMode.SCAN,
        full=bool(options.full),
        versions=options.versions or 0,
        form=form,
        archive=bool(options.archive),
        bytes_per_s=min(limits) if limits else None,
        hours_a_day=hours_a_day(options.window) if options.window else 24.0,
    )


def applies_permissions(options: PairOptions) -> bool:
    """Whether permissions are re-created."""
    return options.permissions is SharingChoice.APPLY


def _check_sealing(options: PairOptions, *, whole: bool) -> None:
    keys = options.seal_to or ()
    if any(len(key) > _LONGEST_KEY for key in keys):
        raise InvalidConfiguration(f"seal_to: a public key has at most {_LONGEST_KEY} characters")
    if keys:
        _read("seal_to", lambda text: read_recipients([text]), "\n".join(keys))
        if options.versions:
            raise InvalidConfiguration(f"versions: {NO_VERSIONS}")
    elif options.seal_names and (whole or options.seal_to is not None):
        raise InvalidConfiguration("seal_names: sealing names needs public keys to seal for")
    if keys and options.crypt_to:
        raise InvalidConfiguration(
            "crypt_to: files are sealed for public keys or with rclone's crypt, not both"
        )
    if options.open_with and options.crypt_from:
        raise InvalidConfiguration(
            "crypt_from: files are opened with a private key or with rclone's crypt, not both"
        )
    if options.versions and (options.open_with or options.crypt_from or options.crypt_to):
        raise InvalidConfiguration(f"versions: {NO_VERSIONS}")


def _check_archive(options: PairOptions) -> None:
    """Raise InvalidConfiguration for what makes no sense with an archive, saying what to do instead."""
    if not options.archive:
        return
    for name, chosen in (
        ("versions", bool(options.versions)),
        ("permissions", applies_permissions(options)),
        ("conflict", options.conflict is ConflictRule.OVERWRITE),
        ("seal_to", bool(options.seal_to)),
        ("crypt_to", bool(options.crypt_to)),
        ("open_with", bool(options.open_with)),
        ("crypt_from", bool(options.crypt_from)),
    ):
        if chosen:
            raise InvalidConfiguration(
                f"archive: it cannot be combined with {name}; leave one of the two out, or copy plainly"
            )


def _sharing(options: PairOptions, map_id: str, grantees: GranteeMap) -> SharingRules | None:
    if not applies_permissions(options):
        return None
    return SharingRules(
        map=grantees,
        unmapped=options.unmapped or Unmapped.SAME,
        external=options.external or False,
        links=options.links or False,
        wider=options.wider or Wider.HOLD,
        map_mark=map_id,
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
