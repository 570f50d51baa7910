"""Random trees with shares, random maps and rules, and an oracle that knows nothing of how the engine plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import strategies as st
from tests.memory.directory import RANK, Directory
from tests.memory.service import MemoryService

from mover.entries import AccessRole, EntryKind, GranteeKind
from mover.transfer.folding import fold
from mover.transfer.grantees import GranteeMap
from mover.transfer.sharing_rules import SharingRules, Unmapped

READ, WRITE = AccessRole.READ, AccessRole.WRITE
Who = tuple[GranteeKind, str]

_PEOPLE = ("ann@old.org", "ben@old.org", "cleo@old.org", "out@partner.com")
_GROUPS = ("Sales", "all@old.org")
_THERE = ("ann@new.org", "ben@new.org", "cleo@new.org", "zoe@new.org", "out@partner.com")
_THERE_GROUPS = ("Staff", "all@new.org", "Sales")
_FOLDERS = ("/a", "/a/b", "/a/b/c", "/d")
_FILES = ("/f", "/a/f", "/a/b/f", "/a/b/c/f", "/d/f", "/d/g")

_GRANTEES = st.one_of(
    st.tuples(st.just(GranteeKind.PERSON), st.sampled_from(_PEOPLE)),
    st.tuples(st.just(GranteeKind.GROUP), st.sampled_from(_GROUPS)),
    st.tuples(st.just(GranteeKind.DOMAIN), st.just("old.org")),
)
_GRANTEES_THERE = st.one_of(
    st.tuples(st.just(GranteeKind.PERSON), st.sampled_from(_THERE)),
    st.tuples(st.just(GranteeKind.GROUP), st.sampled_from(_THERE_GROUPS)),
)
_ROLES = st.sampled_from([READ, WRITE])
_PATHS = st.sampled_from(_FOLDERS + _FILES)
_ROWS = st.dictionaries(
    st.sampled_from([*_PEOPLE, *_GROUPS, "old.org", "owner@old.org", "ANN@OLD.org"]),
    st.sampled_from(["", "new.org", *_THERE, "Staff", "all@new.org"]),
    max_size=5,
)


@dataclass(frozen=True)
class Case:
    """One world: shares and cuts at the source, shares that the destination had before, the map and the rules."""

    shares: tuple[tuple[str, Who, AccessRole], ...]
    cuts: frozenset[str]
    links: frozenset[str]
    before: tuple[tuple[str, Who, AccessRole], ...]
    gone: frozenset[int]  # numbers of shares that are taken off before the second run
    rows: Mapping[str, str]
    unmapped: Unmapped
    external: bool
    inherited: tuple[bool, bool]
    read_only: bool

    @property
    def rules(self) -> SharingRules:
        """As the engine takes them; rows of domains lead to domains only, as in every map that is accepted."""
        rows = {
            fold(source): (source, target)
            for source, target in self.rows.items()
            if source != "old.org" or target in {"", "new.org"}
        }
        return SharingRules(map=GranteeMap(rows), unmapped=self.unmapped, external=self.external)

    def source(self) -> MemoryService:
        """The source."""
        directory = Directory(domain="old.org", owner="owner@old.org", inherited=self.inherited[0])
        service = MemoryService(directory=directory)
        _fill(service)
        for path, (kind, identity), role in self.shares:
            service.share(path, identity, role, kind=kind)
        for path in sorted(self.cuts):
            service.restrict(path)
        for path in sorted(self.links):
            service.share_by_link(path)
        return service

    def destination(self) -> MemoryService:
        """The destination: some folders stand there, perhaps open to others."""
        directory = Directory(
            domain="new.org",
            owner="boss@new.org",
            people=frozenset(_THERE),
            groups=frozenset(_THERE_GROUPS),
            inherited=self.inherited[1],
            roles=frozenset({READ}) if self.read_only else frozenset({READ, WRITE}),
        )
        service = MemoryService(directory=directory)
        service.add_folder("/into")
        for path, (kind, identity), role in self.before:
            folder = "/into" + (path if path in _FOLDERS else "")
            service.add_folder(folder)
            service.share(folder, identity, role, kind=kind)
        return service

    def take_off(self, service: MemoryService) -> None:
        """What changes at the source before the second run."""
        for number in self.gone:
            path, (kind, identity), _ = self.shares[number % len(self.shares)]
            service.unshare(path, identity, kind=kind)

    def may(self, service: MemoryService, path: str) -> dict[Who, AccessRole]:
        """Whom at the destination the map makes of those who may do something with an entry of the source."""
        owner = (GranteeKind.PERSON, "owner@old.org")
        allowed: dict[Who, AccessRole] = {}
        for one, role in [*service.access(path).items(), (owner, AccessRole.OWNER)]:
            who = self.becomes(*one)
            if who is not None and (who not in allowed or RANK[role] > RANK[allowed[who]]):
                allowed[who] = role
        return allowed

    def becomes(self, kind: GranteeKind, identity: str) -> Who | None:
        """The map, applied by hand."""
        rows = {key.lower(): value for key, value in self.rows.items()}
        if kind is GranteeKind.DOMAIN or identity.lower() in rows:
            target = rows.get(identity.lower())
        elif "@" in identity and identity.partition("@")[2] in rows:
            domain = rows[identity.partition("@")[2]]
            target = f"{identity.partition('@')[0]}@{domain}" if domain else ""
        else:
            target = None
        if target is None and kind is GranteeKind.GROUP and "@" not in identity:
            return None
        target = identity if target is None else target
        if not target:
            return None
        if kind is GranteeKind.PERSON and "@" not in target:
            return GranteeKind.GROUP, target
        return kind, target


def too_wide(
    case: Case, source: MemoryService, destination: MemoryService
) -> dict[tuple[str, Who], AccessRole]:
    """Who may do more at the destination than at the source, by path and who."""
    found: dict[tuple[str, Who], AccessRole] = {}
    for path in (*_FOLDERS, *_FILES):
        if destination.nodes.at(f"/into{path}") is None:
            continue
        allowed = case.may(source, path)
        for who, role in destination.access(f"/into{path}").items():
            domain = (GranteeKind.DOMAIN, who[1].rpartition("@")[2])
            best = max(
                [
                    RANK[allowed[one]]
                    for one in (who, domain)
                    if one in allowed and (one == who or "@" in who[1])
                ],
                default=0,
            )
            if RANK[role] > best:
                found[path, who] = role
    return found


def _fill(service: MemoryService) -> None:
    for path in _FOLDERS:
        service.add_folder(path)
    for path in _FILES:
        service.add_file(path, path.encode())


def is_file(service: MemoryService, path: str) -> bool:
    """Whether a file stands there."""
    node = service.nodes.at(path)
    return node is not None and node.kind is EntryKind.FILE


cases = st.builds(
    Case,
    shares=st.lists(st.tuples(_PATHS, _GRANTEES, _ROLES), min_size=1, max_size=6).map(tuple),
    cuts=st.frozensets(_PATHS, max_size=2),
    links=st.frozensets(_PATHS, max_size=1),
    before=st.lists(st.tuples(_PATHS, _GRANTEES_THERE, _ROLES), max_size=2).map(tuple),
    gone=st.frozensets(st.integers(0, 5), max_size=3),
    rows=_ROWS,
    unmapped=st.sampled_from(Unmapped),
    external=st.booleans(),
    inherited=st.sampled_from([(True, True), (True, True), (True, False), (False, True)]),
    read_only=st.booleans(),
)
