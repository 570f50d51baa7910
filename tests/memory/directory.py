"""The people of the in-memory service's organisation, and who may do what with its entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.memory.nodes import Node, Tree

from mover.entries import AccessRole, GranteeKind, Permission

RANK = {AccessRole.READ: 1, AccessRole.WRITE: 2, AccessRole.OWNER: 3}
Who = tuple[GranteeKind, str]


@dataclass(kw_only=True)
class Directory:
    """Whom the service knows, and what it lets be shared.

    Attributes:
        domain: The organisation's own.
        owner: Whose account it is: the owner of every entry.
        people: Who else has an account; addresses of other domains are external.
        groups: Names of groups.
        kinds: Whom something can be permitted to.
        roles: What can be permitted.
        folders_only: Only folders can be shared.
        inherited: What is permitted on a folder holds for what is in it.
        tells_shared: Listings tell `Entry.shared`; likewise `tells_external` of permissions.
        lists_people: `Connector.places` is there, with all people.
        unreadable: Ids of entries whose permissions the account may not look at.
        unshareable: Ids of entries on which nothing can be permitted.
    """

    domain: str = "example.org"
    owner: str = "owner@example.org"
    people: frozenset[str] = frozenset({"ann@example.org", "ben@example.org", "cleo@example.org"})
    groups: frozenset[str] = frozenset({"Sales"})
    kinds: frozenset[GranteeKind] = frozenset(GranteeKind)
    roles: frozenset[AccessRole] = frozenset({AccessRole.READ, AccessRole.WRITE})
    folders_only: bool = False
    inherited: bool = True
    tells_shared: bool = True
    tells_external: bool = True
    lists_people: bool = False
    unreadable: set[str] = field(default_factory=set)
    unshareable: set[str] = field(default_factory=set)
    _own: defaultdict[str, dict[Who, AccessRole]] = field(default_factory=lambda: defaultdict(dict))
    _links: dict[str, AccessRole] = field(default_factory=dict)
    _cut: set[str] = field(default_factory=set)

    def knows(self, kind: GranteeKind, identity: str) -> bool:
        """Whether something can be permitted to them."""
        match kind:
            case GranteeKind.PERSON:
                return identity == self.owner or identity in self.people
            case GranteeKind.GROUP:
                return identity in self.groups
            case GranteeKind.DOMAIN:
                return identity == self.domain
            case GranteeKind.ANYONE:
                return True

    def permit(self, node: Node, kind: GranteeKind, identity: str, role: AccessRole) -> None:
        """Permit something on an entry; never less than before."""
        if kind is GranteeKind.ANYONE:
            self._links[node.id] = max(self._links.get(node.id, role), role, key=RANK.__getitem__)
            return
        own = self._own[node.id]
        own[kind, identity] = max(own.get((kind, identity), role), role, key=RANK.__getitem__)

    def take_back(self, node: Node, kind: GranteeKind, identity: str) -> None:
        """Permit nothing to them on that entry any more, but for what it inherits."""
        if kind is GranteeKind.ANYONE:
            self._links.pop(node.id, None)
        self._own[node.id].pop((kind, identity), None)

    def cut(self, node: Node) -> None:
        """Let an entry inherit nothing any more."""
        self._cut.add(node.id)

    def is_shared(self, node: Node) -> bool:
        """Whether an entry has permissions of its own, or does not inherit all."""
        return bool(self._own.get(node.id)) or node.id in self._links or node.id in self._cut

    def own(self, node: Node) -> dict[Who, AccessRole]:
        """What is permitted on that very entry."""
        return dict(self._own.get(node.id, {}))

    def access(self, tree: Tree, node: Node) -> dict[Who, AccessRole]:
        """What is permitted on an entry, by itself and through folders above; links aside."""
        return _strongest(
            ((line.kind, line.identity), line.role)
            for line in self.permissions(tree, node)
            if not line.link and line.role is not AccessRole.OWNER
        )

    def permissions(self, tree: Tree, node: Node) -> list[Permission]:
        """All permissions of an entry, as the service tells them."""
        found = [self._line(GranteeKind.PERSON, self.owner, AccessRole.OWNER, inherited=False)]
        inherited, at = False, node
        while True:
            found += [
                self._line(kind, identity, role, inherited=inherited)
                for (kind, identity), role in self._own.get(at.id, {}).items()
            ]
            if at.id in self._links:
                found.append(
                    Permission(
                        kind=GranteeKind.ANYONE,
                        identity="",
                        role=self._links[at.id],
                        link=True,
                        inherited=inherited,
                        service_role=f"link {self._links[at.id]}",
                    )
                )
            above = tree.node(at.parent_id) if at.parent_id is not None else None
            if above is None or at.id in self._cut or not self.inherited:
                return found
            inherited, at = True, above

    def _line(self, kind: GranteeKind, identity: str, role: AccessRole, *, inherited: bool) -> Permission:
        domain = identity.rpartition("@")[2]
        external = kind is GranteeKind.PERSON and domain != self.domain
        return Permission(
            kind=kind,
            identity=identity,
            role=role,
            service_role=f"memory {role}",
            name=identity.partition("@")[0] if kind is GranteeKind.PERSON else "",
            inherited=inherited,
            external=external if self.tells_external else None,
        )


def _strongest(found: Iterable[tuple[Who, AccessRole]]) -> dict[Who, AccessRole]:
    strongest: dict[Who, AccessRole] = {}
    for who, role in found:
        strongest[who] = max(strongest.get(who, role), role, key=RANK.__getitem__)
    return strongest
