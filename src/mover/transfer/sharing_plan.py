"""Who gets what on one entry: a pure function of what both sides say of it, of the map and of the rules.

    source: who may do what ──► map, rules ──► lines: given, held already, listed, dropped, unknown
                                     │
    folder above, at the destination ┴──► who will see it there ──► anybody who cannot at the source? ──► wider

What "wider" means: somebody at the destination could do more with the entry than the source's permissions, mapped, let
them. The owner of the destination's root is left out of that: it is their storage. Groups are opaque: a person who
comes in through a group is not known to be the same one that the source names, and so counts as somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from mover.entries import AccessRole, GranteeKind, Permission
from mover.errors import Reason
from mover.ledger.grants import GrantAction, Granted, Grantee, GrantState, NewGrant
from mover.transfer.grantees import grantee
from mover.transfer.sharing_rules import SharingRules, Unmapped, Wider

RANK: Mapping[AccessRole, int] = {AccessRole.READ: 1, AccessRole.WRITE: 2, AccessRole.OWNER: 3}
ANYONE = Grantee(GranteeKind.ANYONE, "")

_NAMED = 5  # grantees that are named in a message

Audience = Mapping[Grantee, AccessRole]


class Access(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who may do what in a folder, on both sides.

    Attributes:
        told: Permissions of the source that the folder, or one above it, has lines for: entries inherit them.
        audience: Who can do what at the destination with all that is put into the folder.
        wider: Whom of these the source lets do less, in words; empty if nobody.
        loose: Nothing can be permitted on the folder at the destination: what is told holds for each entry in it by itself.
        going: From whom a run would take something back, on the folder or above it, that does not do it: the destination
            still tells of it.
    """

    told: tuple[Permission, ...] = ()
    audience: tuple[tuple[Grantee, AccessRole], ...] = ()
    wider: str = ""
    loose: bool = False
    going: tuple[Grantee, ...] = ()


class EntryPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be done about one entry.

    Attributes:
        lines: For the ledger.
        take_back: What Mover permitted earlier and the source has no more. To be done before anything is put there.
        access: Of the folder, if the entry is one.
        wider: Who would see it, and may not at the source; empty if nobody.
    """

    lines: tuple[NewGrant, ...]
    take_back: tuple[Granted, ...]
    access: Access
    wider: tuple[tuple[Grantee, AccessRole], ...]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is known of one entry.

    Attributes:
        source_key: Of its item.
        permissions: At the source; None if they could not be read.
        above: Of the folder that holds it.
        owner: Whose it is at the source; None if nobody says.
        there: Its permissions at the destination, if it stands there.
        granted: What Mover permitted on it earlier.
        elsewhere: What Mover permitted earlier on another entry that stood for it at the destination.
        shareable: Something can be permitted on it at the destination: not on the root of a connection.
    """

    source_key: str
    permissions: Sequence[Permission] | None
    above: Access
    owner: str | None = None
    there: Sequence[Permission] = ()
    granted: Sequence[Granted] = ()
    elsewhere: Sequence[Granted] = ()
    shareable: bool = True


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one permission of the source. `covers` is whom it stands for at the destination, given or not."""

    state: GrantState
    target: Grantee | None = None
    covers: Grantee | None = None
    reason: Reason | None = None
    message: str = ""
    silent: bool = False  # needs no line: the owner of the source, for whom the destination's owner stands


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Decides by the rules of one run.

    Attributes:
        rules: Of the run.
        kinds: Whom the destination can be asked to permit something.
        owner: Of the source's root; None if nobody says.
        owners: Of the destination's root: they see all that is put there, whatever it is.
        known: Addresses of the people that the destination has; None if it does not tell.
        source_inherits, destination_inherits: What is permitted on a folder holds for what is in it.
    """

    rules: SharingRules
    kinds: frozenset[GranteeKind]
    owner: str | None = None
    owners: frozenset[Grantee] = frozenset()
    known: frozenset[str] | None = None
    source_inherits: bool = True
    destination_inherits: bool = True

    def judge(self, permission: Permission, owner: str | None) -> Verdict:
        """Decide about one permission of an entry of that owner."""
        found = self.rules.map.look_up(permission.identity) if permission.identity else None
        covers = self._covers(permission, found.destination if found else None)
        if permission.link or permission.kind is GranteeKind.ANYONE:
            return self._link(permission, covers)
        if found is not None and not found.destination:
            return Verdict(state=GrantState.DROPPED, message=f"dropped by the map's row {found.by}")
        if self._is_external(permission, owner, mapped=found is not None) and not self.rules.external:
            return Verdict(state=GrantState.LISTED, covers=covers, message="external, listed only")
        if found is None:
            if permission.role is AccessRole.OWNER and permission.identity in {owner, self.owner} - {None}:
                return Verdict(state=GrantState.LISTED, covers=covers, silent=True)
            if self.rules.unmapped is Unmapped.DROP:
                return Verdict(
                    state=GrantState.DROPPED, covers=covers, message="no row of the map names them"
                )
        if covers is None:
            return Verdict(
                state=GrantState.FAILED,
                reason=Reason.USER_NOT_FOUND,
                message="a group without an address: only a row of the map can say which one is meant",
            )
        return self._known(covers, mapped=found is not None)

    def _link(self, permission: Permission, covers: Grantee | None) -> Verdict:
        if permission.kind is not GranteeKind.ANYONE:  # who has no link cannot see it: it stands for nobody
            return Verdict(
                state=GrantState.LISTED, message="a share by link within the organisation, listed only"
            )
        if not self.rules.links:
            return Verdict(state=GrantState.LISTED, covers=covers, message="a share by link, listed only")
        return self._known(ANYONE, mapped=True)

    def _known(self, target: Grantee, *, mapped: bool) -> Verdict:
        if target.kind not in self.kinds:
            return Verdict(
                state=GrantState.UNSUPPORTED,
                target=target,
                covers=target,
                reason=Reason.UNSUPPORTED,
                message=f"the destination cannot permit anything to {_KINDS[target.kind]}",
            )
        if self.known is None or target.kind is not GranteeKind.PERSON or target.identity in self.known:
            return Verdict(state=GrantState.PLANNED, target=target, covers=target)
        if mapped:
            return Verdict(
                state=GrantState.PLANNED,
                target=target,
                covers=target,
                message="not among the people that the destination lists",
            )
        return Verdict(
            state=GrantState.FAILED,
            target=target,
            covers=target,
            reason=Reason.USER_NOT_FOUND,
            message="unknown at the destination",
        )

    def _covers(self, permission: Permission, destination: str | None) -> Grantee | None:
        if permission.kind is GranteeKind.ANYONE:
            return ANYONE
        if destination == "" or (
            destination is None and permission.kind is GranteeKind.GROUP and "@" not in permission.identity
        ):
            return None  # a group of the same name may have quite other members
        return grantee(permission.kind, permission.identity if destination is None else destination)

    def _is_external(self, permission: Permission, owner: str | None, *, mapped: bool) -> bool:
        """Whether somebody is of another organisation.

        Where the service does not say, who has another mail domain than the owner, and no row of the map.
        """
        if permission.external is not None:
            return permission.external
        owner = owner or self.owner
        if mapped or owner is None or permission.kind is not GranteeKind.PERSON:
            return False
        return permission.identity.rpartition("@")[2].lower() != owner.rpartition("@")[2].lower()

    def plan(self, seen: Seen) -> EntryPlan:
        """Decide about one entry."""
        judged = [(line, self.judge(line, seen.owner)) for line in _merged(seen.permissions or ())]
        wanted = _strongest(
            (verdict.target, line.role)
            for line, verdict in judged
            if verdict.state is GrantState.PLANNED and verdict.target is not None
        )
        take_back, elsewhere = (
            tuple(
                one
                for one in earlier
                if seen.permissions is not None
                and (one.target not in wanted or RANK[wanted[one.target]] < RANK[one.role])
            )
            for earlier in (seen.granted, seen.elsewhere)
        )
        there, own_there = _left_there(seen.there, take_back, seen.above.going)
        holding = _strongest([*self._inherited(seen.above).items(), *there.items()])
        lines = self._lines(seen, judged, wanted, holding, own_there) if seen.shareable else []
        given = {
            line.target: line.target_role
            for line in lines
            if line.state is GrantState.PLANNED and line.target and line.target_role
        }
        wider = self._wider(holding, judged)
        return EntryPlan(
            lines=(*lines, *self._failed(seen), *_wider_lines(seen.source_key, wider, self.rules)),
            take_back=take_back + elsewhere,
            access=Access(
                told=seen.above.told if seen.permissions is None else tuple(seen.permissions),
                audience=tuple(sorted(_strongest([*holding.items(), *given.items()]).items())),
                wider=in_words(wider),
                loose=not seen.shareable,
                going=seen.above.going,
            ),
            wider=wider,
        )

    def is_wider_than_known(
        self, known: Access, here: Sequence[Permission] | None, there: Sequence[Permission] | None
    ) -> bool:
        """Whether a folder is more open at the destination than it was, or less at the source: what is told of it now.

        None: it is not told. That more people have access at the source can wait until its feed says so.
        """
        if here is not None:
            now = {(line.kind, line.identity, line.link): RANK[line.role] for line in _merged(here)}
            for line in _merged(known.told):
                is_owner = line.role is AccessRole.OWNER and line.kind is GranteeKind.PERSON
                if not is_owner and now.get((line.kind, line.identity, line.link), 0) < RANK[line.role]:
                    return True
        held = dict(known.audience)
        holding, _ = _left_there(there or ())
        return any(
            who not in self.owners and (who not in held or RANK[held[who]] < RANK[role])
            for who, role in holding.items()
        )

    def _inherited(self, above: Access) -> Audience:
        return dict(above.audience) if self.destination_inherits else {}

    def _lines(
        self,
        seen: Seen,
        judged: Sequence[tuple[Permission, Verdict]],
        wanted: Audience,
        holding: Audience,
        own_there: Audience,
    ) -> list[NewGrant]:
        told = {
            (line.kind, line.identity, line.role, line.link)
            for line in seen.above.told
            if not seen.above.loose or (line.role is AccessRole.OWNER and line.kind is GranteeKind.PERSON)
        }
        lines: list[NewGrant] = []
        asked: set[Grantee] = set()
        for line, verdict in judged:
            known_above = (line.kind, line.identity, line.role, line.link) in told and (
                line.inherited or line.role is AccessRole.OWNER
            )
            if verdict.silent or (
                known_above and (self.destination_inherits or verdict.state is not GrantState.PLANNED)
            ):
                continue
            if self._is_anothers(seen.owner) and not line.inherited:
                verdict = Verdict(  # noqa: PLW2901 - it belongs to somebody else, whatever else is said
                    state=GrantState.LISTED,
                    message=f"belongs to {seen.owner}, whose shares are not re-created",
                )
            lines.append(_line(seen, line, verdict, wanted, holding, own_there, asked))
        return lines

    def _is_anothers(self, owner: str | None) -> bool:
        return owner is not None and self.owner is not None and owner != self.owner

    def _failed(self, seen: Seen) -> list[NewGrant]:
        if seen.permissions is not None:
            return []
        return [
            NewGrant(
                source_key=seen.source_key,
                action=GrantAction.TELL,
                state=GrantState.FAILED,
                reason=Reason.PERMISSION_DENIED,
                side="source",
                message="who has access at the source could not be read",
            )
        ]

    def _wider(
        self, holding: Audience, judged: Sequence[tuple[Permission, Verdict]]
    ) -> tuple[tuple[Grantee, AccessRole], ...]:
        covering = _strongest(
            (verdict.covers, line.role) for line, verdict in judged if verdict.covers is not None
        )
        world = max(
            (RANK[line.role] for line, _ in judged if line.kind is GranteeKind.ANYONE and not line.link),
            default=0,
        )
        domains = _strongest(
            (verdict.covers, line.role)
            for line, verdict in judged
            if verdict.covers is not None and line.kind is GranteeKind.DOMAIN and not line.link
        )
        found = []
        for who, role in sorted(holding.items()):
            allowed = max(world, RANK[covering[who]] if who in covering else 0)
            domain = Grantee(GranteeKind.DOMAIN, who.identity.rpartition("@")[2].lower())
            if "@" in who.identity and domain in domains:
                allowed = max(allowed, RANK[domains[domain]])
            if who not in self.owners and allowed < RANK[role]:
                found.append((who, role))
        return tuple(found)


_KINDS = {
    GranteeKind.PERSON: "people",
    GranteeKind.GROUP: "groups",
    GranteeKind.DOMAIN: "a whole domain",
    GranteeKind.ANYONE: "whoever has a link",
}


def in_words(who: Sequence[tuple[Grantee, AccessRole]]) -> str:
    """Name people and groups with what they may do: "ann@example.org (write), Sales (read)"."""
    named = [f"{one.identity or 'whoever has the link'} ({role})" for one, role in who[:_NAMED]]
    return ", ".join(named) + (f" and {len(who) - _NAMED} more" if len(who) > _NAMED else "")


def _merged(permissions: Iterable[Permission]) -> list[Permission]:
    """One line for each grantee, with the highest role; of those with the same one, that of the entry itself."""
    best: dict[tuple[GranteeKind, str, bool], Permission] = {}
    for line in permissions:
        key = (line.kind, line.identity, line.link)
        before = best.get(key)
        if before is None or (RANK[line.role], not line.inherited) > (
            RANK[before.role],
            not before.inherited,
        ):
            best[key] = line
    return list(best.values())


def _strongest(found: Iterable[tuple[Grantee, AccessRole]]) -> dict[Grantee, AccessRole]:
    strongest: dict[Grantee, AccessRole] = {}
    for who, role in found:
        if who not in strongest or RANK[role] > RANK[strongest[who]]:
            strongest[who] = role
    return strongest


def _left_there(
    there: Sequence[Permission], take_back: Sequence[Granted] = (), going: Sequence[Grantee] = ()
) -> tuple[dict[Grantee, AccessRole], dict[Grantee, AccessRole]]:
    """Who may do what with what stands at the destination once something is taken back; and by the entry itself alone."""
    gone = {one.target: one for one in take_back}
    left: list[tuple[Grantee, AccessRole]] = []
    own: list[tuple[Grantee, AccessRole]] = []
    for line in there:
        who = ANYONE if line.kind is GranteeKind.ANYONE else Grantee(line.kind, line.identity)
        role: AccessRole | None = line.role
        if not line.inherited and who in gone:
            role = gone[who].before
        if role is None or (line.inherited and who in going):
            continue  # what they keep of what they inherit stands in the access of the folder above
        left.append((who, role))
        if not line.inherited:
            own.append((who, role))
    return _strongest(left), _strongest(own)


def _line(
    seen: Seen,
    line: Permission,
    verdict: Verdict,
    wanted: Audience,
    holding: Audience,
    own_there: Audience,
    asked: set[Grantee],
) -> NewGrant:
    state, message, target = verdict.state, verdict.message, verdict.target
    role = before = None
    if state is GrantState.PLANNED:
        assert target is not None
        role = wanted[target]
        if target in holding and RANK[holding[target]] >= RANK[role]:
            state, message = GrantState.ALREADY_THERE, "holds at the destination already"
        elif target in holding and _as_narrow_as_it_goes(seen, target, role):
            state = GrantState.ALREADY_THERE
            message = f"given as {holding[target]}: the destination has no {role} here"
        elif target in asked:
            state, message = GrantState.ALREADY_THERE, "comes with another row of the map"
        else:
            asked.add(target)
            before = own_there.get(target)
    return NewGrant(
        source_key=seen.source_key,
        kind=line.kind,
        identity=line.identity,
        role=line.role,
        service_role=line.service_role,
        target=target,
        target_role=role,
        before=before,
        state=state,
        reason=verdict.reason,
        side="destination" if verdict.reason else None,
        message=message,
    )


def _as_narrow_as_it_goes(seen: Seen, target: Grantee, role: AccessRole) -> bool:
    """Whether an earlier run asked for the same, and got a narrower role."""
    return any(one.target == target and one.asked is role and one.role is not role for one in seen.granted)


def _wider_lines(
    source_key: str, wider: Sequence[tuple[Grantee, AccessRole]], rules: SharingRules
) -> list[NewGrant]:
    asked = rules.wider is Wider.ALLOW
    return [
        NewGrant(
            source_key=source_key,
            action=GrantAction.TELL,
            target=who,
            target_role=role,
            state=GrantState.LISTED if asked else GrantState.WIDER,
            reason=None if asked else Reason.WOULD_BE_WIDER,
            side=None if asked else "destination",
            message="sees it at the destination and not at the source"
            + (", as was asked for" if asked else ""),
        )
        for who, role in wider
    ]
