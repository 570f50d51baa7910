"""Pairs by discovery: what stands on both sides under the same name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from mover.accounts.actor import Actor
from mover.database.database import Database


class Directory(Protocol):
    """Lists what stands at the top of a connection. No connector lists users yet, so folders are all there is."""

    async def top_folders(self, actor: Actor, connection_id: str) -> Sequence[str]:
        """Paths of the folders at the top, in any order. Raises MoverError."""
        ...


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed pair. `destination_path` is made up of the source's name where nothing matches (`matched` is false)."""

    source_path: str
    destination_path: str
    matched: bool
    known: bool


class Discovery:
    """Proposes pairs, by name. Needs PLAN."""

    def __init__(self, database: Database, directory: Directory) -> None:
        self._database = database
        self._directory = directory

    async def propose(self, actor: Actor, migration_id: str) -> list[Match]:
        """Match the top folders of both connections of a migration; nothing is added. Raises what `Directory` raises."""
        raise NotImplementedError
