"""Who a permission names ("permission resource type"): people, groups, groups of a site, links.

Groups of a site ("Marketing Members") are told by name alone. Graph v1.0 neither lists their members nor takes them as
recipients of an invitation ("driveRecipient": an e-mail address, an alias or an object of the directory), so whoever is
in one counts as unknown, and a map can give a group with an address its place.
"""

from __future__ import annotations

from mover.connectors.microsoft.model import Identity, IdentitySet, PermissionLine
from mover.entries import AccessRole, GranteeKind, Permission

_ROLES = {"owner": AccessRole.OWNER, "sp.full control": AccessRole.OWNER, "write": AccessRole.WRITE}
_EXTERNAL = ("#ext#", "urn:spo:guest")


def lines_of(line: PermissionLine, *, inherited: bool | None = None) -> list[Permission]:
    """Describe a permission; a link for certain people is one line for each of them.

    `inherited` None: as the line itself says.
    """
    is_inherited = line.inherited_from is not None if inherited is None else inherited
    service_role = ", ".join(line.roles)
    role = max((_role(text) for text in line.roles), key=list(AccessRole)[::-1].index, default=None)
    if role is None:
        return []

    def told(
        kind: GranteeKind, identity: str, name: str = "", *, external: bool | None, link: bool
    ) -> Permission:
        return Permission(
            kind=kind,
            identity=identity,
            role=role,
            service_role=service_role,
            name=name,
            inherited=is_inherited,
            external=external,
            link=link,
        )

    if line.link is not None:
        match line.link.scope:
            case "organization":
                return [told(GranteeKind.DOMAIN, "", external=False, link=True)]
            case "users" | "existingAccess":
                people = [
                    found
                    for one in line.granted_to_identities_v2
                    if (found := _grantee(one, None)) is not None
                ]
                return [
                    told(kind, identity, name, external=external, link=True)
                    for kind, identity, name, external in people
                ]
            case _:
                return [told(GranteeKind.ANYONE, "", external=True, link=True)]
    invited = line.invitation.email if line.invitation is not None else None
    found = _grantee(line.granted_to_v2 or line.granted_to, invited)
    if found is None:
        return []
    kind, identity, name, external = found
    return [told(kind, identity, name, external=external, link=False)]


def _role(text: str) -> AccessRole:
    return _ROLES.get(text.lower(), AccessRole.READ)


def _grantee(
    identities: IdentitySet | None, invited: str | None
) -> tuple[GranteeKind, str, str, bool | None] | None:
    """Return kind, identity, name, and whether it is external; None for an app, and for nobody."""
    if identities is None:
        if not invited:
            return None
        return GranteeKind.PERSON, invited.lower(), "", None
    login = identities.site_user.login_name if identities.site_user is not None else None
    external = any(mark in login.lower() for mark in _EXTERNAL) if login else None
    if identities.group is not None:
        group = identities.group
        identity = _email(group) or _email(identities.site_user) or group.display_name or group.id or ""
        return GranteeKind.GROUP, identity, group.display_name or "", external
    if identities.site_group is not None:
        name = identities.site_group.display_name or identities.site_group.login_name or ""
        return GranteeKind.GROUP, name, name, False
    if identities.share_point_group is not None:
        name = identities.share_point_group.title or identities.share_point_group.principal_id or ""
        return GranteeKind.GROUP, name, name, False
    user = identities.user or identities.site_user
    if user is None:
        return None
    identity = (
        _email(user)
        or _email(identities.site_user)
        or (invited or "").lower()
        or _from_login(login)
        or user.display_name
        or user.id
        or ""
    )
    return GranteeKind.PERSON, identity, user.display_name or "", external


def _email(identity: Identity | None) -> str:
    text = identity.email if identity is not None else None
    return text.lower() if text and "@" in text else ""


def _from_login(login: str | None) -> str:
    """`i:0#.f|membership|alice@example.com` names an address."""
    last = (login or "").rpartition("|")[2].lower()
    return last if "@" in last and not any(mark in last for mark in _EXTERNAL) else ""
