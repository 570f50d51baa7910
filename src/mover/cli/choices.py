"""The options of a run as they were typed, and what they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mover.errors import InvalidConfiguration
from mover.transfer.bandwidth import parse_rate
from mover.transfer.filters import Filters, parse_moment, parse_size
from mover.transfer.grantees import GranteeMap
from mover.transfer.options import ConflictRule, Options, VerifyLevel
from mover.transfer.sharing_rules import SharingRules, Unmapped, Wider

if TYPE_CHECKING:
    from mover.workplace.sealing import SealingChoice

T = TypeVar("T")
_SAME_ADDRESSES = "same"


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of a run as they were typed."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    filter_from: Path | None = None
    files_from: Path | None = None
    min_size: str | None = None
    max_size: str | None = None
    newer_than: str | None = None
    older_than: str | None = None
    bwlimit: str | None = None
    verify: VerifyLevel = VerifyLevel.AUTO
    conflict: ConflictRule = ConflictRule.REPORT
    permissions: str | None = None
    map: GranteeMap = field(default_factory=GranteeMap)
    unmapped: Unmapped = Unmapped.SAME
    wider: Wider = Wider.HOLD
    external: bool = False
    links: bool = False
    dry_run: bool = False
    full: bool = False
    versions: int = 0
    archive: bool = False
    seal_to: tuple[str, ...] = ()
    seal_names: bool = False
    open_with: tuple[str, ...] = ()
    crypt_to: str | None = None
    crypt_from: str | None = None

    @property
    def in_another_form(self) -> bool:
        """Files are sealed or opened on their way."""
        return bool(self.seal_to or self.seal_names or self.open_with or self.crypt_to or self.crypt_from)

    def shown(self) -> Mapping[str, object]:
        """What was chosen, for the ledger: only what is not the default."""
        chosen = {
            "include": list(self.include),
            "exclude": list(self.exclude),
            "filter_from": str(self.filter_from or ""),
            "files_from": str(self.files_from or ""),
            "min_size": self.min_size,
            "max_size": self.max_size,
            "newer_than": self.newer_than,
            "older_than": self.older_than,
            "bwlimit": self.bwlimit,
            "verify": "" if self.verify is VerifyLevel.AUTO else self.verify.value,
            "conflict": "" if self.conflict is ConflictRule.REPORT else self.conflict.value,
            "permissions": self.permissions,
            "unmapped": "" if self.unmapped is Unmapped.SAME else self.unmapped.value,
            "wider": "" if self.wider is Wider.HOLD else self.wider.value,
            "external": self.external,
            "links": self.links,
            "dry_run": self.dry_run,
            "full": self.full,
            "versions": self.versions,
            "archive": self.archive,
            "seal_to": list(self.seal_to),
            "seal_names": self.seal_names,
            "opened": bool(self.open_with),
            "crypt_to": bool(self.crypt_to),
            "crypt_from": bool(self.crypt_from),
        }
        return {name: value for name, value in chosen.items() if value}

    def options(self, exclude: tuple[str, ...] = (), *, only: str | None = None, form: str = "") -> Options:
        """Read everything. Raises InvalidConfiguration that names what cannot be understood.

        Args:
            exclude: Patterns besides the person's own.
            only: The one path that is moved.
            form: How files are sealed or opened.
        """
        return Options(
            filters=Filters.build(
                include=self.include,
                exclude=(*self.exclude, *exclude),
                filter_from=self.filter_from,
                files_from=self.files_from,
                paths=[only] if only is not None else None,
                min_size=_read("--min-size", parse_size, self.min_size),
                max_size=_read("--max-size", parse_size, self.max_size),
                modified_after_ns=_read("--newer-than", parse_moment, self.newer_than),
                modified_before_ns=_read("--older-than", parse_moment, self.older_than),
            ),
            verify=self.verify,
            conflict=self.conflict,
            sharing=self._sharing(),
            dry_run=self.dry_run,
            full=self.full,
            versions=self.versions,
            form=form,
            archive=self.archive,
            bytes_per_s=_read("--bwlimit", parse_rate, self.bwlimit),
        )

    def _sharing(self) -> SharingRules | None:
        if self.permissions is None:
            if (self.unmapped, self.wider) != (Unmapped.SAME, Wider.HOLD) or self.external or self.links:
                raise InvalidConfiguration(
                    "--unmapped, --wider, --external and --links say how --permissions are re-created: add it"
                )
            return None
        return SharingRules(
            map=self.map, unmapped=self.unmapped, wider=self.wider, external=self.external, links=self.links
        )


async def with_map(choices: Choices) -> Choices:
    """Read the map that permissions go through. Raises InvalidConfiguration."""
    if choices.permissions in {None, _SAME_ADDRESSES}:
        return choices
    from mover.cli.map_file import read_map_file  # noqa: PLC0415 - only some runs need it

    return replace(choices, map=await read_map_file(str(choices.permissions)))


def sealing_of(choices: Choices) -> SealingChoice | None:
    """Read how files are sealed or opened; None if they are not. Raises InvalidConfiguration."""
    if not choices.in_another_form:
        return None
    from mover.cli.sealing import read_sealing  # noqa: PLC0415 - only some runs need it

    return read_sealing(
        seal_to=choices.seal_to,
        seal_names=choices.seal_names,
        open_with=choices.open_with,
        crypt_to=choices.crypt_to,
        crypt_from=choices.crypt_from,
        versions=choices.versions,
    )


def _read(option: str, parse: Callable[[str], T], text: str | None) -> T | None:
    if text is None:
        return None
    try:
        return parse(text)
    except InvalidConfiguration as error:
        raise InvalidConfiguration(f"{option}: {error.message}") from None
