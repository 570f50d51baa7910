"""Uploads by way of a temporary file that gets its name when it is complete: what SFTP and FTP have in common."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Annotated, Protocol, Self

import msgspec

from mover.connectors.contract import SentPart, Target, temporary_name
from mover.errors import NotFound


class Locates(Protocol):
    """A tree of a server's paths, which are bytes."""

    def locate(self, path: str) -> bytes:
        """Return the server's path of an entry. Raises NameRejected."""

    def locate_child(self, folder: str, name: str) -> bytes:
        """Return the server's path of a name in a folder. Raises NameRejected."""


@dataclass(frozen=True)
class Places:
    """The server's paths that an upload is about.

    Attributes:
        folder: The target's folder.
        temporary: Where the bytes go.
        final: Where the finished file belongs.
        aside: Where a file that is replaced waits, on servers that cannot replace in one step.
    """

    folder: bytes
    temporary: bytes
    final: bytes
    aside: bytes

    @classmethod
    def of(cls, tree: Locates, target: Target) -> Self:
        """Find them. Raises NameRejected."""
        folder = target.folder.path
        return cls(
            tree.locate(folder),
            tree.locate_child(folder, temporary_name(target.key)),
            tree.locate_child(folder, target.name),
            tree.locate_child(folder, temporary_name(f"{target.key}-replaced")),
        )


class PartFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An upload in parts, as its token keeps it: a temporary file to which each part is written at its offset.

    `size` is that of the whole file in bytes, None while it is unknown.
    """

    temporary: str
    size: int | None
    part_size: Annotated[int, msgspec.Meta(gt=0)]

    @property
    def token(self) -> str:
        """The text for the ledger."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_token(cls, token: str, *, service: str) -> Self:
        """Read a token. Raises NotFound if it is none of these."""
        try:
            return msgspec.json.decode(token, type=cls)
        except msgspec.DecodeError as error:
            raise NotFound("the upload is not known", service=service) from error

    def parts_within(self, size: int, *, most: int) -> list[SentPart]:
        """Describe the parts, `most` of them at most, that a file of `size` bytes can hold whole."""
        whole = size if self.size is None else self.size
        offsets = itertools.islice(range(0, min(size, whole), self.part_size), most)
        parts = (
            SentPart(number=number, size=min(self.part_size, whole - offset), receipt="")
            for number, offset in enumerate(offsets, start=1)
        )
        return [part for part in parts if (part.number - 1) * self.part_size + part.size <= size]
