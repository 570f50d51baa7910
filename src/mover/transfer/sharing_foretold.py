"""What a dry run tells of permissions that the run would ask for: as the destination would answer, and not as they are asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from mover.connectors.contract import Permissions
from mover.errors import Reason
from mover.ledger.grants import GrantAction, GrantState, NewGrant
from mover.transfer.granting import NARROWER


def as_it_will_be(
    lines: Sequence[NewGrant], permissions: Permissions, files: Collection[str]
) -> list[NewGrant]:
    """Foretell what becomes of planned lines: the narrower role that is given, or that nothing is.

    Args:
        lines: As they are planned.
        permissions: Of the destination.
        files: Source keys of the entries that are files.
    """
    return [_foretold(line, permissions, is_file=line.source_key in files) for line in lines]


def _foretold(line: NewGrant, permissions: Permissions, *, is_file: bool) -> NewGrant:
    if line.action is not GrantAction.GIVE or line.state is not GrantState.PLANNED:
        return line
    if is_file and not permissions.on_files:
        return _refused(line, "the destination permits nothing on files by themselves")
    role = line.target_role
    assert role is not None, "a planned line asks for one"
    while role not in permissions.roles:
        if role not in NARROWER:
            return _refused(line, f"the destination has no {line.target_role} here")
        role = NARROWER[role]
    if role is line.target_role:
        return line
    message = f"the destination has no {line.target_role} here: {role} would be given"
    return msgspec.structs.replace(line, target_role=role, message=message)


def _refused(line: NewGrant, message: str) -> NewGrant:
    return msgspec.structs.replace(
        line, state=GrantState.UNSUPPORTED, reason=Reason.UNSUPPORTED, side="destination", message=message
    )
