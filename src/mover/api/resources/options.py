"""How pairs are run: the models that migrations and pairs share."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field

from mover.api.models import Answer, Body
from mover.migrations.options import PairOptions, SharingChoice
from mover.migrations.timetable import Window as WindowRecord
from mover.sealing.age.recipients import MOST_RECIPIENTS
from mover.transfer.options import MOST_VERSIONS, ConflictRule, VerifyLevel
from mover.transfer.sharing_rules import Unmapped, Wider

LONGEST_PATH = 4096
Path = Annotated[str, Field(min_length=1, max_length=LONGEST_PATH, examples=["/Documents"])]
Queue = Annotated[str, Field(max_length=63, examples=["default"])]
Text = Annotated[str, Field(max_length=10_000)]
Tags = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=50, examples=[["finance"]])
]
Filter = Annotated[str, Field(max_length=1000, examples=["status:failed tag:finance"])]
_Clock = Annotated[str, Field(max_length=5, examples=["22:00"])]
_Pattern = Annotated[str, Field(min_length=1, max_length=1000)]
_Size = Annotated[str, Field(max_length=40, examples=["1.5G"])]
_Key = Annotated[str, Field(min_length=1, max_length=4_000)]
_When = Annotated[str, Field(max_length=40, examples=["30d"])]


class Window(Body):
    """The part of the day in which pairs run; over midnight if `end` is not later than `start`."""

    start: _Clock
    end: _Clock
    zone: Annotated[str, Field(max_length=64, examples=["Europe/Berlin"])] = "UTC"

    @classmethod
    def of(cls, record: WindowRecord | None) -> Self | None:
        """Show a record."""
        return None if record is None else cls(start=record.start, end=record.end, zone=record.zone)

    def record(self) -> WindowRecord:
        """What the domain takes."""
        return WindowRecord(start=self.start, end=self.end, zone=self.zone)


class Options(Body):
    """How a pair is run. What is null is as the migration has it, or else as usual."""

    include: Annotated[list[_Pattern], Field(max_length=1000)] | None = Field(
        None, description="Patterns as in .gitignore; a file has to match one of them.", examples=[["*.docx"]]
    )
    exclude: Annotated[list[_Pattern], Field(max_length=1000)] | None = Field(
        None, description="Patterns of what stays, folders with all that is in them.", examples=[["~$*"]]
    )
    paths: Annotated[list[Path], Field(max_length=10_000)] | None = Field(
        None, description="An exact list of what is moved."
    )
    min_size: _Size | None = None
    max_size: _Size | None = None
    newer_than: _When | None = None
    older_than: _When | None = None
    verify: VerifyLevel | None = Field(None, description="How arrivals are verified.")
    conflict: ConflictRule | None = Field(
        None, description="What happens to files at the destination that are not ours."
    )
    full: bool | None = Field(
        None,
        description="List everything, even where the services' change feeds tell what changed since the last run.",
    )
    versions: Annotated[int, Field(ge=0, le=MOST_VERSIONS)] | None = Field(
        None,
        description="So many earlier versions of each file are moved with it, where both services keep versions.",
    )
    archive: bool | None = Field(
        None,
        description="Each run puts all into one new ZIP archive in the destination folder, named after the source folder and "
        "the time, instead of copying files beside each other. Not with versions, permissions, overwriting or encryption.",
    )
    seal_to: Annotated[list[_Key], Field(max_length=MOST_RECIPIENTS)] | None = Field(
        None,
        description="Public keys of age (`age1...`) or SSH that files are sealed for on their way, in the age format; an "
        "empty list: they are not. Private keys are refused here: see `open_with`.",
        examples=[["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"]],
    )
    seal_names: bool | None = Field(
        None, description="Seal names, too: a sealed file in each folder tells what they stand for."
    )
    open_with: bool | None = Field(
        None,
        description="true: age files are opened on their way. The private key is never an option: it is given for each run, as "
        "`keys` of its start, and waited for if it is not.",
    )
    crypt_from: bool | None = Field(
        None,
        description="true: files are read as rclone's crypt has them. Its password is given for each run, as `keys` of its start.",
    )
    crypt_to: bool | None = Field(
        None,
        description="true: files are written as rclone's crypt does. Its password is given for each run, as `keys` of its start.",
    )
    permissions: SharingChoice | None = Field(
        None,
        description="`apply`: shares are re-created through the migration's map of permissions, else its map of users.",
    )
    unmapped: Unmapped | None = Field(
        None,
        description="Who gets what the map has no row for: whoever has the same address there, or nobody.",
    )
    external: bool | None = Field(
        None, description="Share with people outside of the organisation again; else they are only listed."
    )
    links: bool | None = Field(None, description="Make shares by link again; else they are only listed.")
    wider: Wider | None = Field(
        None, description="What becomes of what more people would see at the destination than at the source."
    )
    bandwidth: Annotated[str, Field(max_length=40, examples=["10M"])] | None = Field(
        None, description="Bytes per second at most; `off`: no limit."
    )
    window: Window | None = None

    @classmethod
    def of(cls, record: PairOptions) -> Self:
        """Show a record."""
        shown: dict[str, Any] = {
            name: getattr(record, name) for name in PairOptions.__struct_fields__ if name != "window"
        }
        lists = {name: list(value) for name, value in shown.items() if isinstance(value, tuple)}
        return cls(**{**shown, **lists}, window=Window.of(record.window))

    def record(self) -> PairOptions:
        """What the domain takes."""
        given = {name: getattr(self, name) for name in PairOptions.__struct_fields__ if name != "window"}
        tuples = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
        return PairOptions(**{**given, **tuples}, window=self.window.record() if self.window else None)


class Counts(Answer):
    """What a run has come to. Files are all entries that are not folders; sizes in bytes."""

    files_seen: int
    files_copied: int
    files_skipped: int
    files_failed: int
    folders_seen: int
    folders_created: int
    folders_failed: int
    bytes_seen: int
    bytes_copied: int
    bytes_skipped: int
    bytes_failed: int
    bytes_received: int
    throttled: int
