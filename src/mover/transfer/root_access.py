"""Who has access to the destination's root, by what stands above it too."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from mover.connectors.contract import Permissions
from mover.entries import AccessRole, EntryRef, Permission, parent_path
from mover.errors import NotFound, PermissionDenied, Unsupported
from mover.transfer.sharing_questions import Questions
from mover.transfer.side import Side


async def root_access(
    destination: Side, permissions: Permissions, questions: Questions
) -> Sequence[Permission]:
    """Ask about the root, or the nearest folder above it that stands: in that a run that is not dry would make it.

    Raises what concerns the whole connection.
    """
    if destination.root_stands:
        [found] = await questions.of(permissions, [destination.ref("/", destination.root_id)])
        return [*(found or ()), *await _links_above(destination, permissions, questions, destination.root)]
    path = destination.root
    while path != "/":
        path = parent_path(path)
        if (above := await _at(destination, path)) is None:
            continue
        [found] = await questions.of(permissions, [above])
        return [
            *(
                msgspec.structs.replace(line, inherited=True)
                for line in found or ()
                if permissions.inherited or line.role is AccessRole.OWNER
            ),
            *await _links_above(destination, permissions, questions, path),
        ]
    return ()


async def _links_above(
    destination: Side, permissions: Permissions, questions: Questions, path: str
) -> Sequence[Permission]:
    """Shares by link that open what stands at a path, where only the folders that they were made for tell of them."""
    if permissions.tells_links_above:
        return ()
    refs = []
    while (path := parent_path(path)) != "/":
        if (above := await _at(destination, path)) is not None:
            refs.append(above)
    return [
        msgspec.structs.replace(line, inherited=True)
        for lines in await questions.all_of(permissions, refs)
        for line in lines or ()
        if line.link
    ]


async def _at(destination: Side, path: str) -> EntryRef | None:
    """Address a folder above the root; None if it is not there, or not for this account to see."""
    try:
        return EntryRef(path, (await destination.connector.look_up(path)).id)
    except (NotFound, PermissionDenied, Unsupported):
        return None
