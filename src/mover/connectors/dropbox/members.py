"""Members and links, as the contract's permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mover.connectors.dropbox.sharing_api import Link, Member
from mover.entries import AccessRole, GranteeKind, Permission

ACCESS: Mapping[AccessRole, str] = {AccessRole.WRITE: "editor", AccessRole.READ: "viewer"}
"""What is asked for."""

_ROLES = {
    "owner": AccessRole.OWNER,
    "editor": AccessRole.WRITE,
    "viewer": AccessRole.READ,
    "viewer_no_comment": AccessRole.READ,
}


class _Ranks(dict[str, int]):
    def __missing__(self, _access: str) -> int:
        return 0  # what is not known is lower than what is


RANK: Mapping[str, int] = _Ranks(viewer_no_comment=1, viewer=2, editor=3, owner=4)
"""Which access is more than which."""


def lines_of(members: Iterable[Member], *, in_team: bool, inherited: bool = False) -> list[Permission]:
    """Describe members. Those who can only pass through a folder have no permission worth the name, and are left out.

    Args:
        members: Of a folder or file.
        in_team: It is seen from a team, so that others can be told from its own.
        inherited: They are the members of a folder above.
    """
    lines = []
    for member in members:
        role = _ROLES.get(member.access_type.tag)
        if role is None:
            continue
        is_inherited = inherited or member.is_inherited
        if member.user is not None:
            kind, identity, name = GranteeKind.PERSON, member.user.email.lower(), member.user.display_name
            ours = member.user.same_team
        elif member.group is not None:
            kind, identity, name = GranteeKind.GROUP, member.group.group_name, member.group.group_name
            ours = member.group.same_team
        elif member.invitee is not None and member.invitee.email:
            kind, identity, name, ours = GranteeKind.PERSON, member.invitee.email.lower(), "", False
        else:
            continue
        lines.append(
            Permission(
                kind=kind,
                identity=identity,
                role=role,
                service_role=member.access_type.tag,
                name=name,
                inherited=is_inherited,
                external=not ours if in_team and ours is not None else None,
            )
        )
    return lines


def owner_line(email: str) -> Permission:
    """Describe the owner of what nobody shared."""
    return Permission(
        kind=GranteeKind.PERSON, identity=email.lower(), role=AccessRole.OWNER, service_role="owner"
    )


def link_line(link: Link) -> Permission | None:
    """Describe a link; None for one that lets nobody in, or only who may use the entry anyway."""
    visibility = link.link_permissions.resolved_visibility
    access = link.link_permissions.link_access_level
    match visibility.tag if visibility is not None else "public":
        case "public" | "password":
            kind = GranteeKind.ANYONE
        case "team_only" | "team_and_password":
            kind = GranteeKind.DOMAIN
        case _:
            return None
    is_editor = access is not None and access.tag == "editor"
    return Permission(
        kind=kind,
        identity="",
        role=AccessRole.WRITE if is_editor else AccessRole.READ,
        service_role="editor" if is_editor else "viewer",
        link=True,
    )
