"""What a Graph path means ("Address resources in a drive on OneDrive").

/me/drive                                   a drive
/drives/{id}/root:/a/b:/children            an item by its path, and what is asked of it
/drives/{id}/items/{id}:/x:/createUploadSession
/sites/{id}/drive/items/{id}/microsoft.graph.delta(token='...')
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from simulators.microsoft.calls import Call
from simulators.microsoft.errors import GraphError, denied, invalid, not_found
from simulators.microsoft.state import Library, State
from simulators.nodes import Node

_FUNCTION = re.compile(r"(?:microsoft\.graph\.)?([a-zA-Z]+)(?:\((.*)\))?")
_TOKEN = re.compile(r"token='([^']*)'")


@dataclass(frozen=True)
class Spot:
    """What a path names.

    Attributes:
        node: The item, if there is one.
        parent: The folder it would stand in, where it was named by a path below an item.
        name: Its name, likewise.
        action: What stands behind it, as words without namespaces.
        argument: A `token='...'` in parentheses.
    """

    library: Library
    node: Node | None
    parent: Node | None
    name: str
    action: tuple[str, ...]
    argument: str | None = None

    def there(self) -> Node:
        """The item. Raises GraphError."""
        if self.node is None:
            raise not_found()
        return self.node


def drive_spot(state: State, call: Call) -> Spot | None:
    """Read a path that leads into a drive; None for all others."""
    head, colon, rest = (
        call.path.partition(":") if "/root:" in call.path or "/items/" in call.path else (call.path, "", "")
    )
    segments = [part for part in head.split("/") if part]
    found = _library(state, call, segments)
    if found is None:
        return None
    library, segments = found
    if library.is_locked:
        raise GraphError(423, "resourceLocked", "The site is locked.", inner=("siteLocked",))
    base: Node | None = library.drive.root
    match segments:
        case []:
            return Spot(library, base, None, "", ("drive",))
        case ["root", *behind]:
            pass
        case ["items", item_id, *behind]:
            base = library.drive.root if item_id == "root" else library.drive.nodes.get(item_id)
            _check_not_fresh(state, base)
        case [function, *behind]:
            behind = [function, *behind]
        case _:
            raise invalid("Resource not found for the segment")
    parent, name = None, ""
    if colon:
        relative, _, behind_text = rest.partition(":")
        behind = [part for part in behind_text.split("/") if part]
        base, parent, name = _walk(library, base, relative)
        _check_not_fresh(state, base)
    words, argument = _words(behind)
    spot = Spot(library, base, parent, name, words, argument)
    _check_access(state, call, library, base or parent)
    return spot


def _library(state: State, call: Call, segments: list[str]) -> tuple[Library, list[str]] | None:
    match segments:
        case ["drives", drive_id, *rest]:
            library = state.library(drive_id)
        case ["me", "drive", *rest]:
            library = _drive_of(state, call.person.id if call.person else "")
        case ["users", user, "drive", *rest]:
            person = state.accounts.people.get(user) or state.accounts.person_of(user)
            if person is None:
                raise GraphError(
                    404,
                    "Request_ResourceNotFound",
                    f"Resource '{user}' does not exist or one of its queried reference-property objects are not present.",
                )
            library = _drive_of(state, person.id)
        case ["sites", site_id, "drive", *rest]:
            site = state.sites.get(site_id)
            library = site.libraries[0] if site is not None else None
        case _:
            return None
    if library is None:
        raise not_found()
    return library, rest


def _drive_of(state: State, person_id: str) -> Library:
    person = state.accounts.people.get(person_id)
    if person is None or not person.provisioned or person.id not in state.drive_of:
        raise GraphError(404, "ResourceNotFound", "User's mysite not found.")
    return state.drive_of[person.id]


def _walk(library: Library, base: Node | None, relative: str) -> tuple[Node | None, Node | None, str]:
    names = [name for name in relative.split("/") if name]
    if not names:
        return base, None, ""
    folder = base
    for name in names[:-1]:
        folder = library.drive.find(folder, name) if folder is not None and folder.is_folder else None
    if folder is None or not folder.is_folder:
        raise not_found()
    return library.drive.find(folder, names[-1]), folder, names[-1]


def _words(segments: list[str]) -> tuple[tuple[str, ...], str | None]:
    words: list[str] = []
    argument = None
    for position, segment in enumerate(segments):
        match = _FUNCTION.fullmatch(segment)
        is_name = match is not None and (position == 0 or segment.startswith("microsoft.graph."))
        words.append(match[1] if match is not None and is_name else segment)
        if match is not None and match[2] and (token := _TOKEN.fullmatch(match[2])):
            argument = token[1]
    return tuple(words), argument


def _check_not_fresh(state: State, node: Node | None) -> None:
    """Deny for a while what has just been created, where the script wants that (reads come from replicas that lag)."""
    if node is not None and state.fresh.get(node.id, 0) > 0:
        state.fresh[node.id] -= 1
        raise not_found()


def _check_access(state: State, call: Call, library: Library, node: Node | None) -> None:
    person = call.person
    if person is None or library.drive.owner is person:
        return
    site = library.site
    if site is not None and not site.is_personal:
        if state.is_mine(person) and (site.members is None or person in site.members):
            return
        raise denied()
    addresses = {
        person.email,
        *(group.email for group in state.accounts.groups.values() if person in group.members),
    }
    above = [node, *node.ancestors()] if node is not None else []
    if not any(grant.identity in addresses for entry in above for grant in entry.grants):
        raise denied()
