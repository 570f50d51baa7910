"""Pairs from CSV: sent, looked at, then applied as a whole or not at all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Body as RequestBody
from fastapi import Query
from pydantic import Field

from mover.accounts.actor import Permission
from mover.api.body_limit import LARGEST_BODY
from mover.api.calls import Calling
from mover.api.models import Answer, Id
from mover.api.operations import Resource
from mover.api.problems import FieldError, invalid
from mover.migrations.imports import ImportKind

resource = Resource("Imports", "Pairs from CSV files.")

_PIECE = 64 << 10
CsvBody = Annotated[
    str,
    RequestBody(
        media_type="text/csv",
        description="UTF-8. To add: `Source Path,Destination Path,Tags`. To update: `ID,Source Path,Destination Path`.",
        examples=['Source Path,Destination Path,Tags\r\n/Finance,/Shared/Finance,"finance,2026"\r\n'],
    ),
]


class ImportLine(Answer):
    """A row of the file."""

    line: int
    pair_id: int | None
    source_path: str | None
    destination_path: str | None
    tags: list[str]
    problem: str
    duplicate_of: str


class ImportPreview(Answer):
    """What a file would do. It can be applied when there is no problem."""

    id: str
    migration_id: str
    kind: ImportKind
    rows: int
    problems: int
    duplicates: int
    first_problems: list[ImportLine] = Field(description="At most 100.")
    first_duplicates: list[ImportLine] = Field(description="At most 100.")
    first_rows: list[ImportLine] = Field(description="At most 100.")
    applied: bool


class AppliedImport(Answer):
    """What came of it."""

    pairs: int = Field(description="How many pairs were added or changed.")


@resource.post(
    "/migrations/{migration_id}/imports", Permission.PLAN, largest_body=LARGEST_BODY, limit_s=120.0
)
async def read_import(
    call: Calling,
    migration_id: Id,
    content: CsvBody,
    kind: Annotated[ImportKind, Query(description="What the file is for.")] = ImportKind.ADD,
) -> ImportPreview:
    """Read a CSV file and tell what it would do. No pair is touched."""
    preview = await call.services.imports.read(call.actor, migration_id, kind, _pieces(content))
    if preview.problem:
        raise invalid("the file cannot be read", [FieldError(preview.problem)])
    call.made(f"/imports/{preview.id}")
    return ImportPreview.of(preview)


@resource.get("/imports/{import_id}", Permission.PLAN)
async def get_import(call: Calling, import_id: Id) -> ImportPreview:
    """Tell again what a file would do."""
    return ImportPreview.of(await call.services.imports.preview(call.actor, import_id))


@resource.post("/imports/{import_id}/application", Permission.PLAN, status=200, limit_s=120.0)
async def apply_import(call: Calling, import_id: Id) -> AppliedImport:
    """Add or change the pairs, all of them; once."""
    return AppliedImport(pairs=await call.services.imports.apply(call.actor, import_id))


async def _pieces(content: str) -> AsyncIterator[bytes]:
    raw = content.encode()
    for start in range(0, len(raw), _PIECE):
        yield raw[start : start + _PIECE]
